"""Rewards by the name of where they lie: a project folder, one of its runs, or a table in a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.near_miss import near_miss
from telic.errors import DataError, PermanentError, SettingsError
from telic.features import FeatureMap
from telic.reports import Outcome
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.typing import FloatArray

from .covariance_result import covariance_from
from .infer_report import outcome_named
from .problem import Problem, pose
from .project import Project
from .readings import note_person

__all__ = ["TABLE_SUFFIXES", "Inferred", "open_inferred", "read_table"]

TABLE_SUFFIXES = (".npy", ".csv")
"""Files that hold a reward as a table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Inferred:
    """A reward that was inferred, with the problem it was inferred in.

    Attributes:
        digest: of the inference.
        estimate: the reward, its gauge and null directions; no errors.
        problem: states, world and features.
        covariance: ``(K, K)`` of the weights, of the kind behind the intervals of the inference and with what
            estimated dynamics add to it; None where the result has none.
        error_kind: that kind; "" where there is none.
    """

    digest: str
    estimate: RewardEstimate
    problem: Problem
    covariance: FloatArray | None = None
    error_kind: str = ""


def open_inferred(place: Path, demonstrator: str | None = None) -> Inferred:
    """The newest inference of a project folder, or the one in a folder of its ``runs/``.

    Args:
        place: ``FOLDER`` or ``FOLDER/runs/DIGEST``.
        demonstrator: pseudonym of the one whose reward is meant; None: that of all together.

    Raises:
        PermanentError: there is no such project or inference.
        SettingsError: the inference has no answer, the contract was changed since, or nothing is reported for that
            demonstrator.
    """
    is_run = place.parent.name == "runs" and place.is_dir()
    project = Project.open(place.parent.parent if is_run else place)
    run = project.find_run("infer", place.name if is_run else None)
    data = run.read()
    told = _of_one(data, demonstrator, project, run.folder.name)
    if demonstrator is not None:
        note_person(project, run.digest, demonstrator)
    outcome = outcome_named(told["result"])
    if not outcome.ok:
        whose = f" for {demonstrator}" if demonstrator is not None else ""
        raise SettingsError(
            f"The inference {run.folder.name} of {project.folder} has no answer{whose} ({outcome.label}).",
            hint=outcome.value,
        )
    if data["made_from"]["contract"] != project.contract.digest:
        raise SettingsError(
            f"The contract of {project.folder} was changed since the inference {run.folder.name}.",
            hint=f"Run: telic infer {project.folder}",
        )
    demos = project.demonstrations(project.dataset(data["made_from"]["dataset"]))
    asked = data["settings"]
    problem = pose(project.contract, demos, discount=asked["discount"], origins=asked.get("origins"))
    estimate = _estimate(told, problem.features)
    spread = told.get("covariance")
    return Inferred(
        digest=run.digest,
        estimate=estimate,
        problem=problem,
        covariance=covariance_from(spread, estimate.names),
        error_kind="" if spread is None else str(spread["kind"]),
    )


def read_table(path: Path) -> FloatArray:
    """A reward as numbers: ``.npy`` of shape ``(S,)``, ``(S, A)`` or ``(S, A, S)``; ``.csv`` with a row a state
    and a column an action, a first row of names permitted.

    Args:
        path: of the file.

    Raises:
        PermanentError: it cannot be read.
        DataError: it holds something else than numbers.
    """
    if not path.is_file():
        raise PermanentError(
            f"There is no file {path}.", hint="Check its name, and the folder that you are in."
        )
    try:
        if path.suffix == ".npy":
            values: Any = np.load(path, allow_pickle=False)
        else:
            rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
            has_names = bool(rows) and any(not _is_number(cell) for cell in rows[0])
            values = np.array([[float(cell) for cell in row] for row in rows[has_names:] if row])
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a table of numbers: {error}.",
            hint="Give one row a state and one column an action, or a .npy file of numbers.",
        ) from error
    if values.dtype.kind not in "iuf" or not values.size:
        raise DataError(
            f"{path} holds {values.dtype} of shape {values.shape}, not numbers.",
            hint="Save a table of numbers.",
        )
    table: FloatArray = values.astype(np.float64)
    return table[:, 0] if table.ndim == 2 and table.shape[1] == 1 else table


def _of_one(
    data: Mapping[str, Any], demonstrator: str | None, project: Project, name: str
) -> Mapping[str, Any]:
    """The part of a result that is about one demonstrator, or all of it."""
    if demonstrator is None:
        return data
    people: Mapping[str, Any] = data["people"]
    if demonstrator in people:
        found: Mapping[str, Any] = people[demonstrator]
        return found
    if project.contract.people is None:
        raise SettingsError(
            f"The contract of {project.folder} has no `people` block, so nothing is reported for single demonstrators.",
            hint="Leave --demonstrator out, or state purpose and legal basis in `people`.",
        )
    raise SettingsError(
        f"The inference {name} has no reward of {demonstrator!r}.{near_miss(demonstrator, people)}",
        hint=f"There are: {', '.join(people) or 'none, as there is one demonstrator'}.",
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _estimate(data: Mapping[str, Any], features: FeatureMap) -> RewardEstimate:
    """The estimate of a stored result, without its errors."""
    names = features.names
    weights = np.array([data["weights"][n] for n in names], dtype=np.float64)
    rows = [[d.get(n, 0.0) for n in names] for d in data["null_directions"]]
    return RewardEstimate(
        method=data["method"],
        outcome=Outcome.SUCCESS,
        reward=LinearReward(features=features, weights=weights),
        names=names,
        units=features.units or ("",) * len(names),
        weights=weights,
        covariances={},
        gauge=Gauge(**data["gauge"]),
        null_directions=np.array(rows, dtype=np.float64).reshape(-1, len(names)),
        n_decisions=data["n_decisions"],
        n_trajectories=data["n_trajectories"],
        choice_log_likelihood=data["choice_log_likelihood"],
        transition_log_likelihood=data["transition_log_likelihood"],
        certificate=data["certificate"],
        fixed_by_assumption=data["fixed_by_assumption"],
        seconds=data["seconds"],
        held_by_penalty=tuple(data["held_by_penalty"]),
    )
