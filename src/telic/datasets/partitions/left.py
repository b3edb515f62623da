"""What is left of a log when people who were erased before are out of it, once all parts are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from telic.datasets.privacy.left_out import left_out_finding, nobody_left
from telic.reports import Finding
from telic.typing import IntArray

from .parts import Made

__all__ = ["Left", "what_is_left"]


@dataclass(frozen=True, kw_only=True)
class Left:
    """What stays.

    Attributes:
        n_decisions, n_trajectories: counts.
        people: pseudonyms.
        renumbered: new number of each person; None: as they were.
        categories: name to labels.
        tables: name of a category to the new code of each code, where labels are gone.
        shifted: observations whose value after a decision is that of the next row.
        finding: says that people were left out; None: nobody was.
    """

    n_decisions: int
    n_trajectories: int
    people: tuple[str, ...]
    renumbered: IntArray | None = None
    categories: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, IntArray] = field(default_factory=dict)
    shifted: frozenset[str]
    finding: Finding | None = None


def what_is_left(
    made: Sequence[Made],
    people: tuple[str, ...],
    categories: Mapping[str, tuple[str, ...]],
    listed: Collection[str],
    observations: Collection[str],
) -> Left:
    """What stays; the same as ``telic.datasets.privacy.left_out.without_erased`` says of a log at once.

    Args:
        made: all parts that have rows.
        people: pseudonyms of everybody.
        categories: name to all labels.
        listed: observations whose labels the contract lists: those stay.
        observations: names of all.

    Raises:
        DataError: nobody is left.
    """
    held = [m.held for m in made if m.held is not None]
    if not held:  # rows may lie open, and nobody was erased
        return Left(
            n_decisions=sum(m.noticed.n_decisions for m in made),
            n_trajectories=sum(m.noticed.n_trajectories for m in made),
            people=people,
            categories=categories,
            shifted=frozenset(observations),
        )
    shifted = frozenset.intersection(*(h.shifted for h in held))
    counts = sum(h.n_rows for h in held), sum(h.n_trajectories for h in held)
    gone = sum(h.n_gone for h in held)
    if not counts[1]:
        raise nobody_left()
    if not gone:
        return Left(
            n_decisions=counts[0],
            n_trajectories=counts[1],
            people=people,
            categories=categories,
            shifted=shifted,
        )
    stay = np.unique(np.concatenate([h.people for h in held]))
    kept: dict[str, tuple[str, ...]] = {}
    tables = {}
    for name, labels in categories.items():
        codes = np.unique(np.concatenate([h.codes[name] for h in held]))
        if name in listed:
            kept[name] = labels
            continue
        kept[name] = tuple(labels[c] for c in codes.tolist())
        tables[name] = _places(codes, len(labels))
    return Left(
        n_decisions=counts[0],
        n_trajectories=counts[1],
        people=tuple(people[i] for i in stay.tolist()),
        renumbered=_places(stay, len(people)),
        categories=kept,
        tables=tables,
        shifted=shifted,
        finding=left_out_finding(gone, gone + counts[1]),
    )


def _places(stay: IntArray, n: int) -> IntArray:
    """New number of each of ``n`` old ones; 0 for those that are gone."""
    table = np.zeros(n, dtype=np.int32)
    table[stay] = np.arange(len(stay), dtype=np.int32)
    return table
