"""Independent evidence from dependent decisions: one record a unit and region.

Decisions of one trajectory share its mood, its session, its unseen circumstances; to count each as evidence of its own
would see campaigns everywhere. So a unit (a source trajectory; where there are few of them, a stretch of one) gives one
record for each region that it visits: its first decision there. Given the states of these decisions, which units belong
to a group says nothing about their actions as long as all act alike, whatever the dependence inside a unit: tests that
compare units in one region, state by state, are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import FloatArray, LongArray

from .regions import Regions

__all__ = ["Records", "Units", "records_of", "units_of"]

FEWEST_UNITS = 40
"""Source trajectories below which they are cut into stretches."""

STRETCH = 50
"""Decisions of such a stretch: long enough that most of what two of them share is the person and not the minute."""


@dataclass(frozen=True, kw_only=True)
class Units:
    """What is independent of the rest.

    Attributes:
        of_row: ``(n,)`` unit of each decision, from 0.
        begin: ``(U,)`` first decision of each.
        trajectory: ``(U,)`` the trajectory in which each begins.
        start: ``(U,)`` when each began, in seconds, or its place in the log where there are no times.
        piece_of_row: ``(n,)`` piece of each decision, from 0: what a unit and a trajectory have in common. Where a
            trajectory was cut because another person went on, the pieces of one unit are of several people.
        trajectory_of_piece: ``(P,)`` its trajectory.
        unit_of_piece: ``(P,)`` its unit.
        person_of_piece: ``(P,)`` the demonstrator who decided there.
        are_stretches: whether units are stretches of trajectories.
    """

    of_row: LongArray
    begin: LongArray
    trajectory: LongArray
    start: FloatArray
    piece_of_row: LongArray
    trajectory_of_piece: LongArray
    unit_of_piece: LongArray
    person_of_piece: LongArray
    are_stretches: bool

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.begin)


@dataclass(frozen=True, kw_only=True)
class Records:
    """First decisions of units in regions.

    Attributes:
        units: whose they are.
        unit: ``(m,)`` whose record it is.
        region: ``(m,)`` where.
        state: ``(m,)`` the state of the decision, a part of the region.
        action: ``(m,)``.
        row: ``(m,)`` the decision itself.
        names: the measurements in which decisions of a region agree; empty: regions are states.
        n_actions: how many there are.
    """

    units: Units
    unit: LongArray
    region: LongArray
    state: LongArray
    action: LongArray
    row: LongArray
    names: tuple[str, ...]
    n_actions: int

    @property
    def piece(self) -> LongArray:
        """``(m,)`` the piece of a unit that each record was taken in."""
        return self.units.piece_of_row[self.row]

    @property
    def person(self) -> LongArray:
        """``(m,)`` who took each of the decisions."""
        return self.units.person_of_piece[self.piece]

    @cached_property
    def n_states(self) -> int:
        """States that occur in the records."""
        return int(self.state.max(initial=-1)) + 1


def units_of(demos: Demonstrations) -> Units:
    """The units of the demonstrations.

    Args:
        demos: the decisions.
    """
    unit = source_index(demos)[demos.trajectory_index]
    are_stretches = len(np.unique(unit)) < FEWEST_UNITS
    if are_stretches:
        unit = demos.trajectory_index * (demos.n_decisions // STRETCH + 1) + demos.step_index // STRETCH
    unit = np.unique(unit, return_inverse=True)[1].astype(np.int64)
    begin = np.unique(unit, return_index=True)[1].astype(np.int64)
    N = demos.n_trajectories
    pieces, of_row = np.unique(unit * N + demos.trajectory_index, return_inverse=True)
    when = np.arange(demos.n_decisions, dtype=np.float64) if demos.times is None else demos.times
    return Units(
        of_row=unit,
        begin=begin,
        trajectory=demos.trajectory_index[begin],
        start=when[begin],
        piece_of_row=of_row.astype(np.int64),
        trajectory_of_piece=pieces % N,
        unit_of_piece=pieces // N,
        person_of_piece=demos.demonstrators[pieces % N].astype(np.int64),
        are_stretches=are_stretches,
    )


def records_of(demos: Demonstrations, units: Units, regions: Regions, states: LongArray) -> Records:
    """One record for each unit and region.

    Args:
        demos: the decisions.
        units: of these decisions.
        regions: where each decision was taken.
        states: ``(n,)`` state of each, from 0; every state lies in one region.
    """
    row = np.unique(units.of_row * regions.n_regions + regions.codes, return_index=True)[1].astype(np.int64)
    return Records(
        units=units,
        unit=units.of_row[row],
        region=regions.codes[row],
        state=states[row],
        action=demos.actions[row].astype(np.int64),
        row=row,
        names=regions.names,
        n_actions=demos.n_actions,
    )
