"""A log of decisions with what the offline store of a Feast repository knew at each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, FloatArray, LongArray

from .feast_moments import moments_of_rows
from .feast_repository import FeastRepository, FeastView
from .sources.lake_tables import import_reader
from .sources.plan import Use
from .sources.rows import FilePart, RowNames
from .sources.times import coerce_time

__all__ = ["AGE", "MICROSECONDS", "Served", "ServedLog", "served_log", "views_of"]

AGE = "age_seconds"
"""``view.age_seconds`` of a log: how long the values of a view had held at the decision."""

MICROSECONDS = 1_000_000
"""Moments are compared to the microsecond, which is what an online store keeps."""

Served: TypeAlias = dict[str, tuple[FeastView, str]]
"""Column of the contract to its view and feature."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedLog:
    """A log with what Feast knew at each of its decisions.

    Attributes:
        table: the rows as given, and a column for each served observation and each view's age.
        findings: how many values were missing or too old, by view.
    """

    table: pa.Table
    findings: tuple[Finding, ...]


def views_of(served: Served) -> tuple[FeastView, ...]:
    """Those that serve something, by name.

    Args:
        served: column to view and feature.
    """
    return tuple(sorted({v.name: v for v, _ in served.values()}.values(), key=lambda v: v.name))


def served_log(
    repository: FeastRepository, served: Served, contract: TaskContract, decisions: pa.Table
) -> ServedLog:
    """The decisions with what the offline store knew at each.

    Args:
        repository: that serves.
        served: column to view and feature.
        contract: that names the time.
        decisions: rows of the log, with ``data.time`` and the join keys; everything else goes along.

    Raises:
        DataError: a moment or a join key is missing, or a value is not of the type that its view declares.
    """
    ticks = _moments(contract, decisions)
    keys = sorted({k for view in views_of(served) for k in view.keys})
    pandas = import_reader("pandas", "pandas", "feast", "features from a Feast repository")
    asked = pandas.DataFrame({k: _complete(decisions, k) for k in keys})
    asked["event_timestamp"] = pandas.to_datetime(ticks, unit="us", utc=True)
    once = asked.drop_duplicates(ignore_index=True)
    once["telic_row"] = np.arange(len(once))
    rows = asked.merge(once, on=[*keys, "event_timestamp"], how="left", validate="many_to_one")["telic_row"]
    place = rows.to_numpy()
    table, findings = decisions, list[Finding]()
    for view in views_of(served):
        mine = {c: feature for c, (v, feature) in served.items() if v is view}
        job = repository.store.get_historical_features(
            entity_df=once[[*view.keys, "event_timestamp", "telic_row"]], features=list(mine)
        )
        # Feast leaves out a row where the view has only later values, or ended ones.
        found = job.to_df().set_index("telic_row").reindex(range(len(once)))
        for column, feature in mine.items():
            values = _declared(found[feature].to_numpy(), view.types[feature], column)
            table = _with(table, column, values.take(pa.array(place)))
        nothing = np.all([table[c].is_null().to_numpy() for c in mine], axis=0)
        age = (ticks - moments_of_rows(repository, view, once)[place]) / MICROSECONDS
        table = _with(table, f"{view.name}.{AGE}", pa.array(age, mask=np.isnan(age)))
        findings += _absences(view, nothing, age)
    return ServedLog(table=table, findings=tuple(findings))


def _moments(contract: TaskContract, decisions: pa.Table) -> LongArray:
    """Microseconds since 1970 of every row."""
    data = contract.data
    if data.time is None or data.time not in decisions.column_names:
        raise DataError(
            f"A log is served as of the moment of each decision, and has no column {data.time!r}.",
            hint="Name the column of the time in data.time.",
        )
    names = RowNames([FilePart(name="decisions", first_line=0, n_rows=len(decisions))])
    use = Use(role="time", column=data.time, kind="time", field="data.time")
    column = decisions[data.time]
    as_seconds = coerce_time(pa.chunked_array(column.chunks, column.type), use, data, names)
    seconds = as_seconds.to_numpy()
    if np.any(np.isnan(seconds)):
        raise DataError(
            f"Row {int(np.flatnonzero(np.isnan(seconds))[0]) + 1} has no `{data.time}`.",
            hint="Leave out rows without a moment.",
        )
    return np.asarray(np.round(seconds * MICROSECONDS), dtype=np.int64)


def _complete(table: pa.Table, key: str) -> list[Any]:
    """A join key of every row."""
    if key not in table.column_names:
        raise DataError(
            f"The log has no column `{key}`, by which Feast is asked.", hint="Add the join key to the log."
        )
    values: list[Any] = table[key].to_pylist()
    if None in values:
        raise DataError(
            f"Row {values.index(None) + 1} has no `{key}`, by which Feast is asked.",
            hint="Leave out rows without the join key.",
        )
    return values


def _declared(values: Any, kind: str, column: str) -> pa.Array:
    """The values in the type that the view declares; missing ones are null."""
    listed = [None if v is None or v != v else v for v in values.tolist()]
    try:
        if kind == "FLOAT":
            listed = [None if v is None else float(np.float32(v)) for v in listed]
        if kind in ("INT32", "INT64"):
            listed = [None if v is None else _whole(v) for v in listed]
        types = {"FLOAT": pa.float64(), "DOUBLE": pa.float64(), "BOOL": pa.bool_(), "STRING": pa.string()}
        return pa.array(listed, type=types.get(kind, pa.int64()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as problem:
        raise DataError(
            f"`{column}` is declared {kind} in Feast, and its source holds something else: {problem}.",
            hint="Correct the schema of the feature view or the source.",
        ) from problem


def _whole(value: Any) -> int:
    if value != int(value):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        raise DataError(
            f"The log has a column `{name}` already, which Feast is to serve.",
            hint="Leave it out of the log.",
        )
    return table.append_column(name, values)


def _absences(view: FeastView, nothing: BoolArray, age: FloatArray) -> list[Finding]:
    """What is said of a view that did not know everything."""
    n, of = int(nothing.sum()), len(nothing)
    if not n:
        return []
    ended = int(np.sum(nothing & (age > view.ttl_seconds))) if view.ttl_seconds else 0
    past = (
        f", {ended:,} of them because the last values were past its ttl of {view.ttl_seconds:g} s"
        if ended
        else ""
    )
    return [
        Finding(
            code="feast-missing",
            severity=Severity.WARNING,
            message=f"Feature view `{view.name}` knew nothing at {n:,} of {of:,} decisions{past}.",
            hint="`missing` of each observation says what that means for its row.",
            evidence={
                "view": view.name,
                "n_missing": n,
                "n_ended": ended,
                "n_decisions": of,
                "rows": np.flatnonzero(nothing)[:20].tolist(),
            },
        )
    ]
