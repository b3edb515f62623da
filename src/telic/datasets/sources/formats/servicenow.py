"""Event log of ServiceNow incidents (CSV, one row an update): one row a decision, with what could be known then.

The log shows how a record stood after each update. Here each row is an update after an incident's first: ``action`` is
told from what changed (``telic.datasets.sources.incident_changes`` says how, ``changed`` names the fields), ``time``
and ``sys_updated_by`` are when and by whom, and every field under its own name is how it stood *before*, which is all
that the decider could see. How it stood after is in the next row, and for no decision's observations.

Fields about the end (``resolved_at``, ``closed_code``, ...) stand on every row of such logs with the value they got
last; they are given as ``final.FIELD`` and nowhere else, because no decision could know them. ``final.made_sla`` is
the last that the log says of it. Updates are in the
order of their time, and of ``sys_mod_count`` within one minute; an update that is there twice is taken once. Where
``sys_mod_count`` leaps, updates are missing, and what several did is told as one (``n_missed``). ``?`` and an
empty text are missing values.

References: Amaral et al. (2018), Incident management process enriched event log (UCI, CC BY 4.0); ServiceNow,
incident table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.contract import Data
from telic.datasets.sources.csv_files import csv_columns, csv_pieces
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile, text_faults
from telic.datasets.sources.incident_changes import (
    COMPARED,
    ENDED,
    actions_between,
    fields_changed,
    possible_actions,
)
from telic.datasets.sources.pieces import PIECE_ROWS, whole_table
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, LongArray

__all__ = ["FORMAT"]

PLAIN = Data(missing_values=("", "?"))
"""How the file is read, whatever the contract says of missing values."""

NEEDED = ("number", *COMPARED, "active", "sys_mod_count", "sys_updated_at", "sys_updated_by")

FINAL = (
    "caused_by",
    "close_code",
    "close_notes",
    "closed_at",
    "closed_by",
    "closed_code",
    "resolved_at",
    "resolved_by",
    "vendor",
)
"""Fields that get their value at the end."""

OPENED = "opened_at"
"""When the incident was opened, where the log says."""

TIMES = ("%d-%m-%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S")
"""Ways in which the log and ServiceNow itself write times; none says its zone."""

DERIVED = {
    "action": "what the update did: reopen, close, resolve, escalate, deescalate, reassign, assign, wait, work, update",
    "changed": "fields that changed, joined by +",
    "offered": "actions that the record permitted before, joined by |: a rule, not a record of what people could do",
    "time": "when the update was made, ISO 8601 without a zone",
    "seconds_open": "seconds since the incident was opened, where the log says when",
    "seconds_since_update": "seconds since the update before",
    "n_missed": "updates that the log lacks between the one before and this one",
    "is_end": "whether the incident was closed by it",
    "is_assigned": "whether a person was assigned before",
}


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    present = _columns(source)
    names = list(dict.fromkeys([*NEEDED, *(n for n in (OPENED,) if n in present)]))
    for name in present if wanted is None else [w.removeprefix("final.") for w in wanted]:
        if name in present and name not in names:
            names.append(name)
    whole = _decisions(_read(source, names))
    table = whole if wanted is None else whole.select([name for name in wanted if name in whole.column_names])
    for start in range(0, max(1, table.num_rows), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS)


def _columns(source: SourceFile) -> list[str]:
    """Columns of the file.

    Raises:
        DataError: it lacks one that the format needs, or is not UTF-8.
    """
    text_faults(source, PLAIN.encoding)
    present = csv_columns(source, PLAIN)
    if lacking := [name for name in NEEDED if name not in present]:
        raise DataError(
            f"{source.name} lacks the columns {', '.join(lacking)} of an event log of incidents.",
            hint="Needed is one row an update, under the fields' names (not their labels). An export of the incident "
            "table has only the last state of each; join it with its history.",
        )
    return present


def _read(source: SourceFile, names: Sequence[str]) -> pa.Table:
    """The columns as text and ``time``, the rows of each incident together and in order, each update once."""
    table = whole_table(csv_pieces(source, dict.fromkeys(names, pa.string()), PLAIN)).combine_chunks()
    for name in ("number", "sys_updated_at", "sys_mod_count"):
        _require_all(source, name, pc.is_null(table[name]))
    count = pc.match_substring_regex(table["sys_mod_count"], "^[0-9]{1,9}$")
    _require_all(source, "sys_mod_count", pc.invert(count), "a whole number")
    table = table.append_column("time", _moments(source, "sys_updated_at", table["sys_updated_at"]))
    if OPENED in names:
        table = table.append_column("_opened", _moments(source, OPENED, table[OPENED]))
    table = table.set_column(
        table.column_names.index("sys_mod_count"), "sys_mod_count", table["sys_mod_count"].cast(pa.int64())
    )
    table = table.append_column("_place", pa.array(np.arange(table.num_rows)))
    order = [(name, "ascending") for name in ("number", "time", "sys_mod_count", "_place")]
    table = table.take(pc.sort_indices(table, order)).combine_chunks()
    return table.filter(pa.array(~_repeated(table))).drop_columns(["_place"]).combine_chunks()


def _decisions(table: pa.Table) -> pa.Table:
    """A row for each update that has one before it."""
    number = table["number"].combine_chunks()
    same = np.asarray(pc.equal(number.slice(1), number.slice(0, max(0, len(number) - 1))), dtype=bool)
    at = np.flatnonzero(same)
    before, after = (table.take(pa.array(rows)).combine_chunks() for rows in (at, at + 1))
    sides = [{name: side[name].combine_chunks() for name in COMPARED} for side in (before, after)]
    then, now = (
        np.asarray(side["time"].cast(pa.int64()).to_numpy(), dtype=np.int64) for side in (before, after)
    )
    counts = [np.asarray(side["sys_mod_count"].to_numpy(), dtype=np.int64) for side in (before, after)]
    columns = {
        "action": actions_between(*sides),
        "changed": fields_changed(*sides),
        "offered": possible_actions(sides[0]),
        "time": pc.strftime(after["time"], "%Y-%m-%dT%H:%M:%S"),
        "seconds_open": _since_opening(after, now),
        "seconds_since_update": pa.array((now - then).astype(np.float64)),
        "n_missed": pa.array(np.maximum(counts[1] - counts[0] - 1, 0)),
        "is_end": pc.fill_null(pc.is_in(after["incident_state"], value_set=pa.array(ENDED)), False),
        "is_assigned": pc.is_valid(before["assigned_to"]),
        "sys_updated_by": after["sys_updated_by"],
    }
    for name in table.column_names:
        if name == "_opened":
            continue
        if name in FINAL:
            columns[f"final.{name}"] = before[name]
        elif name not in columns:
            columns[name] = before[name]
    if "made_sla" in table.column_names:
        ends = np.append(
            np.flatnonzero(~same), len(number) - 1
        )  # the last row of each incident, in their order
        columns["final.made_sla"] = table["made_sla"].take(pa.array(ends[np.searchsorted(ends, at)]))
    return pa.table(columns)


def _since_opening(after: pa.Table, now: LongArray) -> pa.Array:
    if "_opened" not in after.column_names:
        return pa.nulls(after.num_rows, pa.float64())
    opened = after["_opened"].combine_chunks()
    known = np.asarray(opened.is_valid(), dtype=bool)
    seconds = now - np.asarray(pc.fill_null(opened.cast(pa.int64()), 0), dtype=np.int64)
    return pa.array(seconds.astype(np.float64), mask=~known)


def _moments(source: SourceFile, name: str, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times in seconds, by the first way of writing in which all of them are times.

    Raises:
        DataError: there is no such way.
    """
    fewest = pa.scalar(True)
    for way in TIMES:
        times = pc.strptime(texts, way, "s", error_is_null=True)
        # Written back, because 31-04 would be read as 1 May.
        wrong = pc.and_(pc.is_valid(texts), pc.fill_null(pc.not_equal(pc.strftime(times, way), texts), True))
        if not pc.any(wrong, min_count=0).as_py():
            return times
        if not isinstance(fewest, pa.ChunkedArray) or pc.sum(wrong).as_py() < pc.sum(fewest).as_py():
            fewest = wrong
    line = pc.index(fewest, True).as_py() + 2
    raise DataError(
        f"{source.name} must hold times in `{name}` that are all written as one of {', '.join(TIMES)}; line {line} is"
        " another.",
        hint="Were days and months exchanged by a spreadsheet, or exports of two settings joined?",
        column=name,
        line=line,
    )


def _repeated(table: pa.Table) -> BoolArray:
    """``(n,)`` whether a row says the same as the one before it."""
    same = np.ones(max(0, table.num_rows - 1), dtype=bool)
    for name in table.column_names:
        if name != "_place":
            codes = table[name].combine_chunks().dictionary_encode(null_encoding="encode").indices
            same &= np.diff(np.asarray(codes)) == 0
    return np.concatenate([np.zeros(min(1, table.num_rows), dtype=bool), same])


def _require_all(source: SourceFile, name: str, bad: pa.ChunkedArray, what: str = "a value") -> None:
    first = pc.index(pc.fill_null(bad, False), True).as_py()
    if first >= 0:
        raise DataError(
            f"{source.name} line {first + 2} must hold {what} in `{name}`.",
            hint="An update without it cannot be put in order; correct the export.",
            line=first + 2,
        )


def _notices(source: SourceFile) -> Iterable[Finding]:
    """Incidents whose counter goes back, and updates that are missing."""
    table = _read(source, list(NEEDED)) if _columns(source) else None
    if table is None or table.num_rows < 2:
        return
    number = np.asarray(table["number"].combine_chunks().dictionary_encode().indices)
    steps = np.diff(np.asarray(table["sys_mod_count"], dtype=np.int64))
    same = np.diff(number) == 0
    back, missed = int((same & (steps <= 0)).sum()), int(np.maximum(steps[same] - 1, 0).sum())
    if back:
        yield Finding(
            code="counter-goes-back",
            severity=Severity.NOTICE,
            message=f"{source.name}: `sys_mod_count` stands still or goes back at {back:,} updates; they are in the "
            "order of their times.",
            hint="Were incidents merged, or clocks changed? Look at these before their order matters.",
            evidence={"file": source.name, "n": back},
        )
    if missed:
        yield Finding(
            code="missed-updates",
            severity=Severity.NOTICE,
            message=f"{source.name} lacks {missed:,} updates between those it has; what several did is told as one.",
            hint="Export every update, or mind `n_missed`.",
            evidence={"file": source.name, "n": missed},
        )


FORMAT = EventFormat(
    name="servicenow",
    title="event log of ServiceNow incidents, CSV",
    columns={
        **DERIVED,
        "number": "the incident",
        "sys_updated_by": "who made the update",
        "incident_state": "state before the update",
        "priority": "priority before the update",
        "assignment_group": "group before the update",
        "assigned_to": "person before the update",
        "reopen_count": "times it was reopened before",
    },
    tables=_tables,
    notices=_notices,
)
