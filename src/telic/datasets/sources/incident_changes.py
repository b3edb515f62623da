"""What was done to an incident, told from how its record changed between two updates.

A log of updates says how the record stood after each of them, never what was done. The action is what differs:

==========  ============================================================================================
reopen      ``reopen_count`` rose
close       the state became Closed or Canceled
resolve     the state became Resolved
escalate    the priority rose (its number fell)
deescalate  the priority fell
reassign    the group changed, or the person within a group, or nobody is assigned any more
assign      a group or a person where there was none
wait        the state became one of waiting (Awaiting ..., On Hold)
work        the state became Active, In Progress or Work in Progress
update      none of these: another field, or nothing that the log shows
==========  ============================================================================================

An update may do several of these at once; the one that stands first above is its action, and ``changed`` names all
the fields. Whether a new group stands above the old one (a functional escalation) is not in the record.

What could have been done follows from the same table and from how the record stood: nobody closes what is closed,
resolves what is resolved, escalates the highest priority or takes away an assignment that there is not. What roles,
rights or a workflow forbid is not in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.typing import BoolArray, LongArray

__all__ = ["ACTIONS", "COMPARED", "ENDED", "actions_between", "fields_changed", "possible_actions"]

ACTIONS: Final = (
    "reopen",
    "close",
    "resolve",
    "escalate",
    "deescalate",
    "reassign",
    "assign",
    "wait",
    "work",
    "update",
)
"""Every action, the one that goes before another first."""

COMPARED: Final = ("incident_state", "priority", "assignment_group", "assigned_to", "reopen_count")
"""Fields whose changes make actions."""

ENDED: Final = ("Closed", "Canceled", "Cancelled")
"""States in which nothing more is done to an incident."""

SOLVED = ("Resolved",)
WORKED = ("Active", "In Progress", "Work in Progress")
WAITING = r"^(Awaiting|On Hold|Pending)"

HIGHEST, LOWEST = 1, 5
"""Numbers of the highest and the lowest priority."""


def actions_between(before: Mapping[str, pa.Array], after: Mapping[str, pa.Array]) -> pa.Array:
    """``(n,)`` text, one of ``ACTIONS``: what took each record from how it stood to how it stands.

    Args:
        before: each field of ``COMPARED`` as ``(n,)`` text, null where it is empty.
        after: the same after the update.
    """
    moved = {name: _differ(before[name], after[name]) for name in COMPARED}
    now = after["incident_state"]
    rank = [_digits(side["priority"]) for side in (before, after)]
    count = [_digits(side["reopen_count"]) for side in (before, after)]
    group, person = moved["assignment_group"], moved["assigned_to"]
    had_group, had_person = (_known(before[name]) for name in ("assignment_group", "assigned_to"))
    is_true: dict[str, BoolArray] = {
        "reopen": (count[1] > count[0]) & (count[0] >= 0),
        "close": moved["incident_state"] & _is_in(now, ENDED),
        "resolve": moved["incident_state"] & _is_in(now, SOLVED),
        "escalate": (rank[1] < rank[0]) & (rank[1] >= 0),
        "deescalate": (rank[1] > rank[0]) & (rank[0] >= 0),
        "reassign": (group & had_group) | (person & had_person),
        "assign": group | person,
        "wait": moved["incident_state"] & _flags(pc.match_substring_regex(now, WAITING)),
        "work": moved["incident_state"] & _is_in(now, WORKED),
        "update": np.ones(len(now), dtype=bool),
    }
    first = np.argmax(np.stack([is_true[name] for name in ACTIONS]), axis=0)
    return pa.array(ACTIONS).take(pa.array(first))


def possible_actions(before: Mapping[str, pa.Array]) -> pa.Array:
    """``(n,)`` text: the actions that the record permits as it stands, joined by ``|``.

    Args:
        before: each field of ``COMPARED`` as ``(n,)`` text, null where it is empty.
    """
    state, rank = before["incident_state"], _digits(before["priority"])
    is_ended, is_solved = _is_in(state, ENDED), _is_in(state, SOLVED)
    has_group, has_person = (_known(before[name]) for name in ("assignment_group", "assigned_to"))
    is_open: dict[str, BoolArray] = {
        "reopen": is_ended | is_solved,
        "close": ~is_ended,
        "resolve": ~is_ended & ~is_solved,
        "escalate": rank != HIGHEST,
        "deescalate": rank != LOWEST,
        "reassign": has_group | has_person,
        "assign": ~(has_group & has_person),
        "wait": ~is_ended,
        "work": ~is_ended,
        "update": np.ones(len(state), dtype=bool),
    }
    codes = np.stack([is_open[name] for name in ACTIONS], axis=1) @ (1 << np.arange(len(ACTIONS)))
    known, places = np.unique(codes, return_inverse=True)
    texts = ["|".join(a for i, a in enumerate(ACTIONS) if code >> i & 1) for code in known.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(places.ravel()))


def fields_changed(before: Mapping[str, pa.Array], after: Mapping[str, pa.Array]) -> pa.Array:
    """``(n,)`` text: names of the fields of ``COMPARED`` that differ, joined by ``+``; empty where none does."""
    moved = np.stack([_differ(before[name], after[name]) for name in COMPARED], axis=1)
    codes = moved @ (1 << np.arange(len(COMPARED)))
    names = [
        "+".join(n for i, n in enumerate(COMPARED) if code >> i & 1) for code in range(1 << len(COMPARED))
    ]
    return pa.array(names).take(pa.array(codes))


def _differ(before: pa.Array, after: pa.Array) -> BoolArray:
    both = _flags(pc.not_equal(before, after))
    return np.asarray(both | (_known(before) != _known(after)), dtype=bool)


def _known(values: pa.Array) -> BoolArray:
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _flags(values: pa.Array) -> BoolArray:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _is_in(values: pa.Array, names: tuple[str, ...]) -> BoolArray:
    return _flags(pc.is_in(values, value_set=pa.array(names)))


def _digits(values: pa.Array) -> LongArray:
    """The number that each text begins with, -1 where it begins with none."""
    found = pc.struct_field(pc.extract_regex(values, r"^(?P<digits>[0-9]{1,9})"), "digits")
    numbers = pc.fill_null(found.cast(pa.int64()), -1)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)
