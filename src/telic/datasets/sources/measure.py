"""Observations and actions: missing values, bounds, labels, checked after the rows are in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic._core.near_miss import near_miss
from telic.contract import Actions, Observation
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, IntArray, LongArray

from .labels import labels_and_codes
from .rows import RowNames

__all__ = ["Measured", "action_indices", "measure"]

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


class Measured:
    """Values of one observation in the order of the rows, and which of them must be dropped.

    Attributes:
        values: ``(n,)`` float64, int64, bool or int32 codes.
        labels: labels of a category, else None.
        drop: ``(n,)`` rows to drop, or None.
        findings: what was filled in.
    """

    def __init__(
        self,
        values: NDArray[Any],
        labels: tuple[str, ...] | None,
        drop: BoolArray | None,
        findings: list[Finding],
    ) -> None:
        self.values, self.labels, self.drop, self.findings = values, labels, drop, findings


def measure(
    column: pa.ChunkedArray,
    observation: Observation,
    order: LongArray | None,
    starts: BoolArray,
    rows: RowNames,
) -> Measured:
    """The observation's values in order, with its missing values dealt with as the contract says.

    Args:
        column: as ``coerce`` left it, in the order of the files.
        observation: the contract's entry.
        order: ``(n,)`` source row of each row, or None where they are the same.
        starts: ``(n,)`` first rows of source trajectories, so that nothing is carried from one to the next.
        rows: names of the source rows.

    Raises:
        DataError: a value is missing (where that is an error), outside the bounds, or not a listed label.
    """
    missing = np.asarray(column.is_null().combine_chunks()) if column.null_count else None
    labels: tuple[str, ...] | None = None
    if observation.type == "category":
        raw, labels = labels_and_codes(column)
        raw, labels = _contract_codes(raw, labels, observation, rows)
    else:
        raw = _plain(column)
        _check_bounds(raw, missing, observation, rows)
    values = raw if order is None else raw[order]
    if missing is None:
        return Measured(values, labels, None, [])
    gone = missing if order is None else missing[order]
    return _fill(values, labels, gone, observation, order, starts, rows)


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    filled = (
        column.fill_null(False if pa.types.is_boolean(column.type) else 0) if column.null_count else column
    )
    return np.asarray(filled.to_numpy())


def _contract_codes(
    codes: IntArray, found: tuple[str, ...], observation: Observation, rows: RowNames
) -> tuple[IntArray, tuple[str, ...]]:
    if observation.values is None:
        return codes, found
    listed = tuple(str(v) for v in observation.values)
    place = {label: i for i, label in enumerate(listed)}
    unknown = [i for i, label in enumerate(found) if label not in place]
    if unknown:
        bad = np.flatnonzero(np.isin(codes, unknown))
        named = ", ".join(f"`{found[i]}`{near_miss(found[i], listed)}" for i in unknown[:5])
        raise DataError(
            f"Observation `{observation.name}` must be one of its {len(listed)} `values`; {len(bad):,} of "
            f"{len(codes):,} rows hold "
            f"{len(unknown)} others: {named} (first in {rows.first(bad)}).",
            hint="Add the labels to `values`, or set `values: null` to take them from the data.",
            unknown=[found[i] for i in unknown[:20]],
            rows=bad[:20].tolist(),
        )
    table = np.array([place[label] for label in found] + [-1], dtype=np.int32)
    return table[codes], listed


def _check_bounds(values: NDArray[Any], missing: BoolArray | None, o: Observation, rows: RowNames) -> None:
    if o.low is None and o.high is None:
        return
    low, high = -np.inf if o.low is None else o.low, np.inf if o.high is None else o.high
    outside = (values < low) | (values > high)
    if missing is not None:
        outside &= ~missing
    bad = np.flatnonzero(outside)
    if not len(bad):
        return
    known = values if missing is None else values[~missing]
    telling = int(np.count_nonzero(known))  # a zero is in bounds whatever the unit
    suspicion = _unit_suspicion(known, low, high, len(bad) / max(telling, 1))
    unit = f" {o.unit}" if o.unit else ""
    raise DataError(
        f"Observation `{o.name}` must lie in [{low:g}, {high:g}]{unit}; {len(bad):,} of {len(known):,} "
        f"values do not "
        f"({known.min():g} to {known.max():g} in all; first {values[bad[0]]:g} in "
        f"{rows.first(bad)}).{suspicion}",
        hint="Correct `low`, `high` or `unit` in the contract, or the rows.",
        observation=o.name,
        rows=bad[:20].tolist(),
        count=len(bad),
    )


def _unit_suspicion(known: NDArray[Any], low: float, high: float, share: float) -> str:
    if share < SUSPECT_SHARE:
        return ""
    least, most = float(known.min()), float(known.max())
    for factor, words in FACTORS.items():
        if low <= least / factor and most / factor <= high:
            return f" Divided by {factor:,.0f} all would fit: suspect {words}."
    for factor, words in FACTORS.items():
        if low <= least * factor and most * factor <= high:
            return f" Multiplied by {factor:,.0f} all would fit: suspect {words}."
    return ""


def _fill(
    values: NDArray[Any],
    labels: tuple[str, ...] | None,
    gone: BoolArray,
    o: Observation,
    order: LongArray | None,
    starts: BoolArray,
    rows: RowNames,
) -> Measured:
    count, n = int(gone.sum()), len(gone)
    if o.missing == "error":
        raise _missing_error(o, np.flatnonzero(gone), n, order, rows, "")
    evidence = {"observation": o.name, "count": count, "share": count / n}
    if o.missing == "drop":
        return Measured(
            values,
            labels,
            gone,
            [
                _filled(
                    "dropped-missing",
                    f"{count:,} of {n:,} rows were dropped because `{o.name}` is missing.",
                    evidence,
                )
            ],
        )
    if o.missing == "label":
        known = (*(labels or ()),) if MISSING_LABEL in (labels or ()) else (*(labels or ()), MISSING_LABEL)
        values = np.where(gone, np.int32(known.index(MISSING_LABEL)), values)
        return Measured(
            values,
            known,
            None,
            [
                _filled(
                    "labelled-missing",
                    f"{count:,} of {n:,} values of `{o.name}` are missing and are called `missing`.",
                    evidence,
                )
            ],
        )
    here = np.arange(n)
    first = np.maximum.accumulate(np.where(starts, here, 0))
    last_known = np.maximum.accumulate(np.where(gone, -1, here))
    before_any = last_known < first
    if before_any.any():
        raise _missing_error(
            o,
            np.flatnonzero(before_any),
            n,
            order,
            rows,
            " before any known value of the trajectory, so none can be carried",
        )
    return Measured(
        values[last_known],
        labels,
        None,
        [
            _filled(
                "carried-missing",
                f"{count:,} of {n:,} values of `{o.name}` are missing and were carried forward.",
                evidence,
            )
        ],
    )


def _missing_error(
    o: Observation, places: LongArray, n: int, order: LongArray | None, rows: RowNames, tail: str
) -> DataError:
    source = places if order is None else order[places]
    return DataError(
        f"Observation `{o.name}` is missing (or NaN) in {len(places):,} of {n:,} rows{tail}: "
        f"{rows.first(np.sort(source))}.",
        hint="Say what that means: `missing: carry`, `label` (category) or `drop`; or correct the rows.",
        observation=o.name,
        rows=source[:20].tolist(),
        count=len(places),
    )


def _filled(code: str, message: str, evidence: dict[str, Any]) -> Finding:
    severe = evidence["share"] > 0.05
    return Finding(
        code=code,
        severity=Severity.WARNING if severe else Severity.NOTICE,
        message=message,
        hint="What is missing may not be missing by chance; compare the decisions in those rows with the "
        "others.",
        evidence=evidence,
    )


def action_indices(column: pa.ChunkedArray, actions: Actions, rows: RowNames) -> IntArray:
    """``(n,)`` int32 index of each action among the contract's values, in the order of the files.

    Raises:
        DataError: an action is missing or not among the values; the message counts and names them.
    """
    if column.null_count:
        bad = np.flatnonzero(np.asarray(column.is_null().combine_chunks()))
        raise DataError(
            f"The action (column `{actions.column}`) is missing in {len(bad):,} of {len(column):,} rows: "
            f"{rows.first(bad)}.",
            hint="Each row must be a decision. If nothing was done there, give that a name of its own, "
            "such as `none`.",
            rows=bad[:20].tolist(),
        )
    if actions.type == "category":
        codes, found = labels_and_codes(column)
        place = {label: i for i, label in enumerate(actions.labels)}
        table = np.array([place.get(label, -1) for label in found] + [-1], dtype=np.int32)
        indices = table[codes]
        shown: list[str] = [label for label in found if label not in place]
    else:
        amounts = np.asarray(column.to_numpy(), dtype=np.float64)
        listed = np.array([float(v) for v in actions.values])
        by_size = np.argsort(listed)
        edges = (listed[by_size][1:] + listed[by_size][:-1]) / 2
        nearest = by_size[np.searchsorted(edges, amounts)]
        indices = np.where(np.abs(listed[nearest] - amounts) <= actions.tolerance, nearest, -1).astype(
            np.int32
        )
        shown = [f"{v:g}" for v in np.unique(amounts[indices < 0])[:20]]
    bad = np.flatnonzero(indices < 0)
    if len(bad):
        named = ", ".join(f"`{label}`{near_miss(label, actions.labels)}" for label in shown[:5])
        more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
        raise DataError(
            f"The contract has {len(actions.values)} actions; {len(bad):,} of {len(indices):,} rows hold "
            f"others: {named}{more} "
            f"(first in {rows.first(bad)}).",
            hint="Add them to `actions.values`, set `actions.tolerance` for measured amounts, or drop "
            "these rows.",
            unknown=shown[:20],
            rows=bad[:20].tolist(),
            count=len(bad),
        )
    return indices
