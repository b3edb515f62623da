"""Encoded rows of whole trajectories into canonical order: missing values, duplicates, and where to cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import Observation, TaskContract
from telic.errors import DataError
from telic.typing import BoolArray, FloatArray, IntArray

from .encode import Encoded
from .faults import Fault, fault_of
from .measure import filled, missing_error
from .noticed import Noticed
from .order import (
    Ordered,
    Segments,
    backwards_in_files,
    cut_keys,
    duplicate_places,
    joined_names,
    order_rows,
    segment,
    starts_of,
)
from .rows import RowNames

__all__ = ["Arranged", "arrange"]


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """Everything about each row, in canonical order; all arrays ``(n,)``."""

    ordered: Ordered
    actions: IntArray
    observations: dict[str, NDArray[Any]]
    categories: dict[str, tuple[str, ...]]
    demonstrators: IntArray | None
    people: tuple[str, ...]
    terminated: BoolArray | None
    weights: FloatArray | None
    drop: BoolArray | None
    origins: IntArray | None
    succeeded: IntArray | None
    offered: BoolArray | None
    labels: dict[str, tuple[IntArray, tuple[str, ...]]]

    def columns(self) -> list[NDArray[Any]]:
        """All that makes two rows of one trajectory and time equal or not."""
        optional = [self.demonstrators, self.terminated, self.weights, self.origins, self.succeeded]
        optional += [] if self.offered is None else list(self.offered.T)
        optional += [codes for codes, _ in self.labels.values()]
        return [self.actions, *self.observations.values(), *(c for c in optional if c is not None)]

    def take(self, keep: BoolArray) -> Arranged:
        """Only some rows."""
        return replace(
            self,
            ordered=self.ordered.take(keep),
            actions=self.actions[keep],
            observations={k: v[keep] for k, v in self.observations.items()},
            demonstrators=_only(self.demonstrators, keep),
            terminated=_only(self.terminated, keep),
            weights=_only(self.weights, keep),
            drop=_only(self.drop, keep),
            origins=_only(self.origins, keep),
            succeeded=_only(self.succeeded, keep),
            offered=_only(self.offered, keep),
            labels={name: (codes[keep], texts) for name, (codes, texts) in self.labels.items()},
        )


def arrange(
    rows: Encoded, contract: TaskContract
) -> tuple[tuple[Arranged, Segments] | None, Noticed, dict[str, Fault]]:
    """The rows of whole trajectories in canonical order and where to cut them, what was noticed, and faults.

    Args:
        rows: encoded; its columns are used up. Rows that break the contract are not looked at further.
        contract: says what to do about missing values, duplicates and cuts.

    Returns:
        None in the first place where there are faults, which the caller raises.
    """
    broken = any(fault.count for fault in rows.faults.values())
    keys, names, times = rows.keys, joined_names(rows.names), rows.times
    uncut, noticed = keys, rows.noticed
    if times is not None:
        noticed = replace(noticed, backwards=backwards_in_files(keys, times))
        if contract.data.cut_seconds is not None:
            keys, names = cut_keys(keys, names, times, contract.data.cut_seconds)
    ordered = order_rows(keys, names, times)
    order = ordered.order
    # A value is carried over a cut: the clock cuts a trajectory, not what was measured in it.
    begins = starts_of(uncut if order is None else uncut[order])
    del uncut, keys, times
    rows.times, rows.keys = None, np.zeros(0, dtype=np.int32)
    faults: dict[str, Fault] = {}
    observations, categories = {}, {}
    counts: dict[str, int] = {}
    drop: BoolArray | None = None
    for o in contract.observations:
        values = _only(rows.observations.pop(o.name), order)
        gone = _only(rows.missing.pop(o.name, None), order)
        if gone is not None and o.missing == "error":
            continue  # told already
        made = filled(values, rows.categories.get(o.name), gone, o, begins)
        del values
        if len(made.before_any):
            faults[f"{o.name}: missing"] = _not_carried(o, rows, ordered, made.before_any)
        observations[o.name] = made.values
        if made.labels is not None:
            categories[o.name] = made.labels
        if made.drop is not None:
            drop = made.drop if drop is None else drop | made.drop
        counts[o.name] = made.count
    noticed = replace(noticed, filled={k: v for k, v in counts.items() if v})
    if broken or faults:
        return None, noticed, faults
    arranged = Arranged(
        ordered=ordered,
        actions=_out(rows, "actions", order),
        observations=observations,
        categories=categories,
        demonstrators=_out(rows, "demonstrators", order),
        people=rows.people,
        terminated=_out(rows, "terminated", order),
        weights=_out(rows, "weights", order),
        drop=drop,
        origins=_out(rows, "origins", order),
        succeeded=_out(rows, "succeeded", order),
        offered=_out(rows, "offered", order),
        labels={name: (_only(codes, order), texts) for name, (codes, texts) in rows.labels.items()},
    )
    arranged, noticed, faults = _duplicates(arranged, rows, contract, noticed)
    if any(fault.count for fault in faults.values()):
        return None, noticed, faults
    segments = segment(
        arranged.ordered,
        max_gap_seconds=contract.timing.max_gap_seconds,
        terminated=arranged.terminated,
        demonstrators=arranged.demonstrators,
        drop=arranged.drop,
        origins=arranged.origins,
    )
    if arranged.drop is not None:
        keep = ~arranged.drop
        arranged, segments = arranged.take(keep), segments.take(keep)
    return (arranged, segments), replace(noticed, cuts=segments.cuts), faults


def _out(rows: Encoded, name: str, order: Any) -> Any:
    """A column in order, taken out of the rows."""
    column = getattr(rows, name)
    setattr(rows, name, None)
    return _only(column, order)


def _only(column: Any, chosen: Any) -> Any:
    return column if column is None or chosen is None else column[chosen]


def _not_carried(o: Observation, rows: Encoded, ordered: Ordered, places: NDArray[Any]) -> Fault:
    tail = " before any known value of the trajectory, so none can be carried"
    found = np.sort(rows.rows_at(places if ordered.order is None else ordered.order[places]))
    return fault_of(partial(missing_error, o, tail), found, 0)


def _duplicates(
    rows: Arranged, encoded: Encoded, contract: TaskContract, noticed: Noticed
) -> tuple[Arranged, Noticed, dict[str, Fault]]:
    """Rows of one trajectory and time, dealt with as the contract says."""
    places = duplicate_places(rows.ordered)
    if not len(places):
        return rows, noticed, {}
    equal = np.ones(len(places), dtype=bool)
    for column in rows.columns():
        equal &= column[places] == column[places - 1]
    policy, n = contract.data.duplicates, len(rows.actions)
    differing = places[~equal]
    noticed = replace(noticed, duplicates=len(places), equal=int(equal.sum()))
    if policy == "keep":
        return rows, noticed, {}
    shown = places if policy == "error" else differing
    found = np.sort(encoded.rows_at(shown if rows.ordered.order is None else rows.ordered.order[shown]))
    # Under `drop` the equal ones count too, in the message about those that are not.
    fault = fault_of(partial(_same_time, policy), found, 0)
    fault = replace(fault, equal=noticed.equal)
    keep = np.ones(n, dtype=bool)
    keep[places] = False
    return rows.take(keep), noticed, {"duplicates": fault}


def _same_time(policy: str, fault: Fault, rows: RowNames) -> DataError:
    count = fault.count if policy == "error" else fault.count + fault.equal
    return DataError(
        f"{count:,} of {rows.total:,} rows have the trajectory and time of another row "
        f"({fault.equal:,} of them equal in every "
        f"column, {count - fault.equal:,} not): {rows.first_of(fault.rows, fault.count)}.",
        hint="If several decisions can fall on one time stamp, set `data.duplicates: keep`; if equal "
        "rows are copies, `drop`; "
        "or add a column to `data.trajectory`.",
        count=count,
        equal=fault.equal,
        rows=list(fault.rows),
    )
