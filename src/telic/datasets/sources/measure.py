"""Observations: bounds and labels in the order of the files, missing values once rows are in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic._core.near_miss import near_miss
from telic.contract import Observation
from telic.errors import DataError
from telic.typing import BoolArray, IntArray, LongArray

from .faults import Fault, Spread, fault_of
from .labels import labels_and_codes
from .rows import RowNames

__all__ = ["MISSING_LABEL", "Filled", "Measured", "filled", "measure", "missing_error"]

FACTORS = {
    60.0: "a factor of 60 (seconds for minutes, minutes for hours)",
    100.0: "a factor of 100 (percent for a fraction, cents for units)",
    1e3: "a factor of 1,000 (milliseconds for seconds, grams for kilograms)",
    1024.0: "a factor of 1,024 (bytes for KiB)",
    3600.0: "a factor of 3,600 (seconds for hours)",
    86400.0: "a factor of 86,400 (seconds for days)",
    1e6: "a factor of 1,000,000 (bytes for MB)",
}
"""Mistaken units worth suspecting; the smallest that makes all values fit is named."""

SUSPECT_SHARE = 0.5
"""Share of values outside the bounds from which a mistaken unit is likelier than single wrong values."""

MISSING_LABEL = "missing"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Values of one observation in the order of the files.

    Attributes:
        values: ``(n,)`` float64, int64, bool or int32 codes.
        missing: ``(n,)`` where nothing is known, or None.
        labels: labels of a category, else None.
        faults: check to rows that break it.
    """

    values: NDArray[Any]
    missing: BoolArray | None
    labels: tuple[str, ...] | None
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Values of one observation in the order of the rows, with the missing ones dealt with.

    Attributes:
        values: ``(n,)``.
        labels: labels of a category, else None.
        drop: ``(n,)`` rows to drop, or None.
        count: how many values were missing.
        before_any: ``(k,)`` places of missing values before which nothing is known that could be carried.
    """

    values: NDArray[Any]
    labels: tuple[str, ...] | None
    drop: BoolArray | None = None
    count: int = 0
    before_any: LongArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def measure(column: pa.ChunkedArray, observation: Observation, first_row: int) -> Measured:
    """The observation's values, and what of them breaks the contract.

    Args:
        column: as ``coerce`` left it, in the order of the files.
        observation: the contract's entry.
        first_row: of the column, counted through all files.
    """
    missing = np.asarray(column.is_null().combine_chunks()) if column.null_count else None
    name, faults = observation.name, {}
    labels: tuple[str, ...] | None = None
    if observation.type == "category":
        values, labels = labels_and_codes(column)
        if observation.values is not None:
            values, labels, faults[f"{name}: labels"] = _listed(values, labels, observation, first_row)
    else:
        values = _plain(column)
        if observation.low is not None or observation.high is not None:
            faults[f"{name}: bounds"] = _outside(values, missing, observation, first_row)
    if missing is not None and observation.missing == "error":
        tell = partial(missing_error, observation, "")
        faults[f"{name}: missing"] = fault_of(tell, np.flatnonzero(missing), first_row)
    return Measured(values=values, missing=missing, labels=labels, faults=faults)


def filled(
    values: NDArray[Any],
    labels: tuple[str, ...] | None,
    missing: BoolArray | None,
    observation: Observation,
    starts: BoolArray,
) -> Filled:
    """The values with those that are missing dealt with as the contract says.

    Args:
        values: ``(n,)`` in the order of the rows.
        labels: of a category.
        missing: ``(n,)`` in the same order.
        observation: the contract's entry.
        starts: ``(n,)`` first rows of source trajectories, so that nothing is carried from one to the next.
    """
    if missing is None or not missing.any():
        return Filled(values=values, labels=labels)
    count = int(missing.sum())
    if observation.missing == "drop":
        return Filled(values=values, labels=labels, drop=missing, count=count)
    if observation.missing == "label":
        known = (*(labels or ()),) if MISSING_LABEL in (labels or ()) else (*(labels or ()), MISSING_LABEL)
        values = np.where(missing, np.int32(known.index(MISSING_LABEL)), values)
        return Filled(values=values, labels=known, count=count)
    here = np.arange(len(missing))
    first = np.maximum.accumulate(np.where(starts, here, 0))
    last_known = np.maximum.accumulate(np.where(missing, -1, here))
    before_any = np.flatnonzero(last_known < first)
    return Filled(values=values[last_known], labels=labels, count=count, before_any=before_any)


def missing_error(observation: Observation, tail: str, fault: Fault, rows: RowNames) -> DataError:
    """The error of values that are missing where they must not be.

    Args:
        observation: the contract's entry.
        tail: of the sentence that counts them.
        fault: the rows.
        rows: names of all rows.
    """
    return DataError(
        f"Observation `{observation.name}` is missing (or NaN) in {fault.count:,} of {rows.total:,} rows{tail}: "
        f"{rows.first_of(fault.rows, fault.count)}.",
        hint="Say what that means: `missing: carry`, `label` (category) or `drop`; or correct the rows.",
        observation=observation.name,
        rows=list(fault.rows),
        count=fault.count,
    )


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    filled = (
        column.fill_null(False if pa.types.is_boolean(column.type) else 0) if column.null_count else column
    )
    return np.asarray(filled.to_numpy())


def _listed(
    codes: IntArray, found: tuple[str, ...], observation: Observation, first_row: int
) -> tuple[IntArray, tuple[str, ...], Fault]:
    assert observation.values is not None
    listed = tuple(str(v) for v in observation.values)
    place = {label: i for i, label in enumerate(listed)}
    unknown = [i for i, label in enumerate(found) if label not in place]
    bad = np.flatnonzero(np.isin(codes, unknown)) if unknown else np.zeros(0, dtype=np.int64)
    table = np.array([place.get(label, -1) for label in found] + [-1], dtype=np.int32)
    fault = fault_of(partial(_not_listed, observation), bad, first_row, (found[i] for i in unknown))
    return table[codes], listed, fault


def _not_listed(observation: Observation, fault: Fault, rows: RowNames) -> DataError:
    listed = tuple(str(v) for v in observation.values or ())
    unknown = sorted(fault.texts)
    named = ", ".join(f"`{text}`{near_miss(text, listed)}" for text in unknown[:5])
    return DataError(
        f"Observation `{observation.name}` must be one of its {len(listed)} `values`; {fault.count:,} of "
        f"{rows.total:,} rows hold "
        f"{len(unknown)} others: {named} (first in {rows.first_of(fault.rows, fault.count)}).",
        hint="Add the labels to `values`, or set `values: null` to take them from the data.",
        unknown=unknown[:20],
        rows=list(fault.rows),
    )


def _outside(values: NDArray[Any], missing: BoolArray | None, o: Observation, first_row: int) -> Fault:
    low, high = -np.inf if o.low is None else o.low, np.inf if o.high is None else o.high
    outside = (values < low) | (values > high)
    if missing is not None:
        outside &= ~missing
    bad = np.flatnonzero(outside)
    known = values if missing is None else values[~missing]
    spread = None
    if len(known):
        spread = Spread(
            count=len(known),
            nonzero=int(np.count_nonzero(known)),  # a zero is in bounds whatever the unit
            least=float(known.min()),
            most=float(known.max()),
        )
    fault = fault_of(partial(_out_of_bounds, o), bad, first_row)
    return replace(fault, spread=spread, first=float(values[bad[0]]) if len(bad) else 0.0)


def _out_of_bounds(o: Observation, fault: Fault, rows: RowNames) -> DataError:
    low, high = -np.inf if o.low is None else o.low, np.inf if o.high is None else o.high
    known = fault.spread
    assert known is not None
    suspicion = _unit_suspicion(known, low, high, fault.count / max(known.nonzero, 1))
    unit = f" {o.unit}" if o.unit else ""
    return DataError(
        f"Observation `{o.name}` must lie in [{low:g}, {high:g}]{unit}; {fault.count:,} of {known.count:,} "
        f"values do not "
        f"({known.least:g} to {known.most:g} in all; first {fault.first:g} in "
        f"{rows.first_of(fault.rows, fault.count)}).{suspicion}",
        hint="Correct `low`, `high` or `unit` in the contract, or the rows.",
        observation=o.name,
        rows=list(fault.rows),
        count=fault.count,
    )


def _unit_suspicion(known: Spread, low: float, high: float, share: float) -> str:
    if share < SUSPECT_SHARE:
        return ""
    least, most = known.least, known.most
    for factor, words in FACTORS.items():
        if low <= least / factor and most / factor <= high:
            return f" Divided by {factor:,.0f} all would fit: suspect {words}."
    for factor, words in FACTORS.items():
        if low <= least * factor and most * factor <= high:
            return f" Multiplied by {factor:,.0f} all would fit: suspect {words}."
    return ""
