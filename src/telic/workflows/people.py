"""Whose decisions are looked at: all together, or single demonstrators where the contract permits it."""

from __future__ import annotations

from telic._core.near_miss import near_miss
from telic.errors import SettingsError
from telic.trajectories import Demonstrations

from .problem import Problem

__all__ = ["decisions_of", "single_demonstrators"]


def single_demonstrators(problem: Problem) -> tuple[str, ...]:
    """Pseudonyms of those with decisions to fit; none without a ``people`` block, or where there is only one.

    Args:
        problem: with its contract.
    """
    names = problem.train.demonstrator_names if problem.contract.people is not None else ()
    return tuple(n for n in names if problem.train.of(n).n_decisions) if len(names) > 1 else ()


def decisions_of(problem: Problem, demonstrator: str | None) -> Demonstrations:
    """The decisions that count; of a single person only where the contract says that this may be.

    Args:
        problem: with its contract.
        demonstrator: pseudonym; None: all together.

    Raises:
        SettingsError: nobody may be looked at alone, or there is nobody of this name.
    """
    if demonstrator is None:
        return problem.train
    if problem.contract.people is None:
        raise SettingsError(
            "The contract has no `people` block, so nothing is reported for single demonstrators.",
            hint="Leave --demonstrator out, or state purpose and legal basis in `people`.",
        )
    names = problem.train.demonstrator_names
    if demonstrator not in names:
        raise SettingsError(
            f"There is no demonstrator {demonstrator!r}.{near_miss(demonstrator, names)}",
            hint=f"There are: {', '.join(names)}.",
        )
    return problem.train.of(demonstrator)
