"""What was counted while rows became trajectories; counts of several parts of a log add up to those of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from .choices import Offers

__all__ = ["CUTS", "Noticed", "together"]

CUTS = ("gap", "termination", "dropped", "origin", "handover")
"""Reasons for which trajectories are cut, in the order in which they are told."""


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """Counts over some rows.

    Attributes:
        backwards: places where time runs backwards in the order of the files.
        filled: observation to the number of its missing values.
        unknown_people: rows that do not say who decided.
        offers: choice sets, or None.
        duplicates: rows with the trajectory and time of another one.
        equal: those of them that are equal in every column.
        cuts: reason to number of cuts.
        n_rows: rows that were looked at.
        n_decisions: rows that are left.
        n_trajectories: trajectories that are left.
        outcomes: how many of them succeeded, failed, and do not say; None: no column says it.
        n_known: decisions after which is known what happened.
        times: least and greatest time of a decision; None: there are no times.
    """

    backwards: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    unknown_people: int = 0
    offers: Offers | None = None
    duplicates: int = 0
    equal: int = 0
    cuts: Mapping[str, int] = field(default_factory=dict)
    n_rows: int = 0
    n_decisions: int = 0
    n_trajectories: int = 0
    outcomes: tuple[int, int, int] | None = None
    n_known: int = 0
    times: tuple[float, float] | None = None

    def and_(self, other: Noticed) -> Noticed:
        """The counts over the rows of both."""
        a, b = self, other
        sums = {
            name: getattr(a, name) + getattr(b, name)
            for name in (
                *("backwards", "unknown_people", "duplicates", "equal"),
                *("n_rows", "n_decisions", "n_trajectories", "n_known"),
            )
        }
        return replace(
            a,
            **sums,
            filled=Counter(a.filled) + Counter(b.filled),
            cuts=Counter(a.cuts) + Counter(b.cuts),
            offers=a.offers.and_(b.offers) if a.offers and b.offers else a.offers or b.offers,
            outcomes=_sum(a.outcomes, b.outcomes) if a.outcomes and b.outcomes else a.outcomes or b.outcomes,
            times=(min(a.times[0], b.times[0]), max(a.times[1], b.times[1]))
            if a.times and b.times
            else a.times or b.times,
        )


def together(*parts: Noticed) -> Noticed:
    """The counts over all parts."""
    return reduce(Noticed.and_, parts, Noticed())


def _sum(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
