"""``compare``: how far apart two rewards are, what each leaves open, and with whose answers each agrees."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import DataError, DynamicsError, PermanentError, SettingsError
from telic.evaluation import compare_rewards
from telic.mdp import TabularMDP
from telic.reports import Report
from telic.rewards import RewardEstimate
from telic.trajectories import Comparisons, Demonstrations
from telic.typing import FloatArray

from .access import project_folder_of, require_permitted
from .problem import Problem
from .progress import Progress, silent
from .reward_source import TABLE_SUFFIXES, Inferred, open_inferred, read_table
from .verb_result import VerbResult, most_important

__all__ = ["compare"]

ANSWERS = {"first": 1.0, "second": 0.0, "tie": 0.5}
"""Words of an answer."""


def compare(
    first: str | Path,
    second: str | Path,
    *,
    demonstrators: Sequence[str] = (),
    world: str | Path | None = None,
    answers: str | Path | None = None,
    mixed_gauges: bool = False,
    progress: Progress = silent,
) -> VerbResult:
    """Two rewards in the world of the first that has one.

    Args:
        first: project folder (its newest inference), ``FOLDER/runs/DIGEST``, or a table (``.npy``, ``.csv``).
        second: likewise.
        demonstrators: pseudonyms whose rewards are meant, of the first and, if there are two, of the second; that of
            all together where none is named.
        world: project folder whose states and dynamics to compare in, where both are tables.
        answers: CSV with columns first, second (trajectories of that project) and preferred (``first``, ``second``
            or ``tie``), none of which a reward was made from.
        mixed_gauges: compare rewards in different gauges too, under a warning.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``RewardComparison``. Nothing is written.

    Raises:
        SettingsError: nothing says which world is meant, an inference has no answer, or a demonstrator is unknown.
        DynamicsError: the rewards are of different states, or the world ends after a number of steps.
        GaugeError: they were picked in different gauges.
        DataError, PermanentError: a file cannot be read.
    """
    for place in (first, second, *([world] if world is not None else [])):
        ruled = project_folder_of(Path(place))
        if ruled is not None:
            require_permitted(ruled, "compare")
    progress("reading rewards", 0, None)
    if len(demonstrators) > 2:
        raise SettingsError(
            f"Two rewards are compared, so at most two demonstrators can be named, got {len(demonstrators)}.",
            hint="Name one for each reward.",
        )
    one, other = (*demonstrators, None, None)[:2]
    found = {
        _named(_name(first, second), one): _open(Path(first), one),
        _named(_name(second, first), other): _open(Path(second), other),
    }
    if len(found) == 1:
        raise SettingsError(f"{first} is compared with itself.", hint="Name two rewards.")
    inferred = {name: reward for name, reward in found.items() if isinstance(reward, Inferred)}
    home = open_inferred(Path(world)) if world is not None else next(iter(inferred.values()), None)
    if home is None:
        raise SettingsError(
            "Two tables alone say nothing about the world that they are rewards of.",
            hint="Name a project folder that has an inference: --world FOLDER.",
        )
    problem = home.problem
    if not isinstance(problem.world, TabularMDP):
        raise DynamicsError(
            "Distances between rewards need a discounted world; this contract has a horizon.",
            hint="Compare trade-offs instead.",
        )
    for name, reward in inferred.items():
        _require_same_states(name, reward.problem, problem)
    rewards: dict[str, RewardEstimate | FloatArray] = {
        name: reward.estimate if isinstance(reward, Inferred) else reward for name, reward in found.items()
    }
    demos, comparisons = None, None
    if answers is not None:
        parts = (problem.held_out, problem.train)
        demos, comparisons = _answered(Path(answers), [part for part in parts if part.n_decisions])
    result = compare_rewards(
        rewards,
        problem.world,
        comparisons=comparisons,
        demonstrations=demos,
        mixed_gauges="flag" if mixed_gauges else "refuse",
    )
    progress("reading rewards", 1, 1)
    told = result.summary()
    data: dict[str, Any] = {
        **result.to_json(),
        "verb": "compare",
        "task": problem.contract.identity.task,
        "headline": told.headline,
        "inferences": {name: reward.digest for name, reward in inferred.items()},
        "world": home.digest,
    }
    return VerbResult(
        verb="compare",
        report=Report(
            title=told.title,
            headline=told.headline,
            sections=tuple(section for section in told.sections if section.items),
            data=data,
        ),
        finding=most_important(result.findings),
        outcome=result.outcome,
        product=result,
    )


def _open(place: Path, demonstrator: str | None) -> Inferred | FloatArray:
    if place.suffix not in TABLE_SUFFIXES:
        return open_inferred(place, demonstrator)
    if demonstrator is not None:
        raise SettingsError(
            f"{place} is a table, which is nobody's reward; {demonstrator} was named for it.",
            hint="Name demonstrators of inferences: the first named is of the first reward.",
        )
    return read_table(place)


def _named(name: str, demonstrator: str | None) -> str:
    return name if demonstrator is None else f"{demonstrator} of {name}"


def _name(own: str | Path, other: str | Path) -> str:
    """The last part of a path, or the whole of it where another place is called so too."""
    is_ambiguous = Path(own).name == Path(other).name and Path(own) != Path(other)
    return str(own) if is_ambiguous else Path(own).name


def _require_same_states(name: str, own: Problem, other: Problem) -> None:
    """Rewards are compared state by state."""
    if own.space.to_mapping() != other.space.to_mapping():
        raise DynamicsError(
            f"{name} was inferred on other states ({own.space.n_states}, here {other.space.n_states}): its"
            " measurements or their bins differ.",
            hint="Give both contracts the same observations and the same stated `bins`; logs with choice sets need the"
            " same ones, for they are part of the state.",
        )
    if own.contract.actions.labels != other.contract.actions.labels:
        raise DynamicsError(
            f"{name} has the actions {', '.join(own.contract.actions.labels)}, here they are"
            f" {', '.join(other.contract.actions.labels)}.",
            hint="Give both contracts the same actions, in the same order.",
        )


def _answered(path: Path, parts: list[Demonstrations]) -> tuple[Demonstrations, Comparisons]:
    """Answers about trajectories, with the part of the data that has all of them."""
    if not path.is_file():
        raise PermanentError(
            f"There is no file {path}.", hint="Check its name, and the folder that you are in."
        )
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    wanted = ("first", "second", "preferred")
    if not rows or any(column not in rows[0] for column in wanted):
        raise DataError(
            f"{path} needs the columns {', '.join(wanted)} and at least one row.",
            hint="One row an answer; `preferred` is first, second or tie.",
        )
    wrong = next((r for r in rows if r["preferred"] not in ANSWERS), None)
    if wrong is not None:
        raise DataError(
            f"{path}: `preferred` must be one of {', '.join(ANSWERS)}, got {wrong['preferred']!r}.",
            hint="Recode the answers.",
        )
    named = {row[side] for row in rows for side in ("first", "second")}
    for part in parts:
        places = {str(name): i for i, name in enumerate(np.asarray(part.trajectory_ids).tolist())}
        if named <= set(places):
            return part, Comparisons.from_arrays(
                [places[row["first"]] for row in rows],
                [places[row["second"]] for row in rows],
                [ANSWERS[row["preferred"]] for row in rows],
                annotators=[row["annotator"] for row in rows] if "annotator" in rows[0] else None,
                dataset=part.digest,
            )
    known = {str(n) for part in parts for n in np.asarray(part.trajectory_ids).tolist()}
    strange = sorted(named - known)
    if strange:
        raise DataError(
            f"{path} names {len(strange)} trajectories that the data do not have: {', '.join(strange[:5])}.",
            hint=f"They are called such as {', '.join(sorted(known)[:3])}.",
        )
    raise DataError(
        f"{path} mixes trajectories that were fitted with trajectories that were held out.",
        hint="Ask about held-out trajectories: rewards were made from the others.",
    )
