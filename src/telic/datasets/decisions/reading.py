"""Streams read by contract: which columns of which files, and what is wrong with their rows by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Data, Stream, TaskContract
from telic.datasets.sources.files import SourceFile, source_file
from telic.datasets.sources.formats.registry import is_folder_format
from telic.datasets.sources.plan import Kind, Use, uses_of
from telic.datasets.sources.read import columns_of, pass_by, release
from telic.datasets.sources.rows import RowNames
from telic.datasets.sources.zones import ZONE_NEEDED
from telic.errors import DataError, PermanentError
from telic.reports import Finding
from telic.typing import FloatArray

from .first_rows import FirstRows
from .needs import Needs
from .shelf import Held, RawStream, Shelf
from .stream_table import StreamTable, coded

__all__ = ["columns_by_name", "files_of", "read_stream", "tables_of"]

NOT_TOLD = frozenset({"extra-columns"})
"""Findings of the reader that say nothing here: a stream is read for the few columns that are joined."""


def files_of(stream: Stream, folder: Path, known: dict[Path, SourceFile]) -> tuple[SourceFile, ...]:
    """The files of a stream, by path; each is digested once.

    Args:
        stream: the contract's entry.
        folder: where patterns begin.
        known: files that were digested already, by path and format; added to.

    Raises:
        PermanentError: a pattern matches nothing.
        DataError: a file leads out of the folder, or cannot be read.
    """
    wants_folder, inside = is_folder_format(stream.format), folder.resolve()
    found: dict[Path, SourceFile] = {}
    for pattern in stream.files:
        matching = [p for p in sorted(folder.glob(pattern)) if p.is_dir() == wants_folder]
        if not matching:
            beside = [p.name for p in folder.iterdir()] if folder.is_dir() else []
            raise PermanentError(
                f"No file of stream `{stream.name}` matches {pattern!r} in {folder}.{near_miss(pattern, beside)}",
                hint="Patterns are relative to the folder of the contract.",
            )
        for path in matching:
            if not path.resolve().is_relative_to(inside):
                raise DataError(
                    f"{path.relative_to(folder)} of stream `{stream.name}` leads out of {folder.name}.",
                    hint="Copy the file into the folder; links to other places are not followed.",
                )
            key = path / (stream.format or "")
            known[key] = known.get(key) or source_file(path, stream.format)
            found[path] = replace(known[key], stream=stream.name)
    return tuple(found.values())


def read_stream(
    stream: Stream,
    contract: TaskContract,
    needs: Needs,
    files: tuple[SourceFile, ...],
    shelf: Shelf,
    findings: list[Finding],
) -> RawStream:
    """All rows of a stream in the order of the files, also those that its ``where`` leaves out: clocks need them.

    Args:
        stream: the contract's entry.
        contract: its reading rules (missing texts, decimal mark, encoding).
        needs: which columns are wanted.
        files: of the stream.
        shelf: where rows are kept.
        findings: told what the reader notices.

    Raises:
        DataError: a value, time or line breaks the contract; file and line are named.
        NeedsWhole: the stream must be in memory as a whole, and there is more than is to be held.
    """
    data = contract.data.model_copy(
        update={
            "time": stream.time,
            "time_format": stream.time_format,
            "zone": stream.zone or ZONE_NEEDED,
            "fold": stream.fold,
            "format": stream.format,
        }
    )
    uses = _uses(stream, contract, needs, _present(files, data))
    people = _people(stream, contract, uses)
    held = shelf.held([u.role for u in uses], people)
    passed = pass_by(files, uses, data, held)
    passed.rows.require_any([s.name for s in files])
    release()
    findings += [f for f in passed.findings if f.code not in NOT_TOLD]
    first, last = _times(stream, held, passed.rows)
    return RawStream(
        stream=stream,
        held=held,
        rows=passed.rows,
        files=files,
        roles=tuple(_at_home(u.role, contract) for u in uses),
        people=frozenset(_at_home(r, contract) for r in people),
        first=first,
        last=last,
    )


def _people(stream: Stream, contract: TaskContract, uses: Sequence[Use]) -> frozenset[str]:
    """Roles whose values are names of people: who decided, and what other streams hold of the same people."""
    who = contract.data.demonstrator
    if who is None:
        return frozenset()
    people = {"demonstrator"}
    for s in contract.streams:
        if s.role == "decisions":
            inside = dict(s.columns).get(who, who)
            people |= {f"entity:{name}" for name, column in s.entities if column == inside}
            people |= {u.role for u in uses if s is stream and u.column == inside}
    for rule in contract.decisions.outcomes:
        there = zip(rule.key, rule.key_there or rule.key, strict=True)
        people |= {f"key:{c}" for key, c in there if rule.stream == stream.name and key == who}
    return frozenset(people & {u.role for u in uses})


def _times(stream: Stream, held: Held, rows: RowNames) -> tuple[float, float]:
    """The least and the greatest time, where none is missing."""
    gone, first, last = FirstRows(), np.inf, -np.inf
    for start, columns in held.parts(["time"]):
        times = columns["time"]
        missing = np.asarray(times.is_null().combine_chunks().to_numpy(zero_copy_only=False))
        gone.add(start + np.flatnonzero(missing))
        if not missing.any():
            seconds = np.asarray(times.to_numpy(), dtype=np.float64)
            first = min(first, float(seconds.min(initial=np.inf)))
            last = max(last, float(seconds.max(initial=-np.inf)))
    if gone.count:
        raise DataError(
            f"The time (column `{stream.time}` of stream `{stream.name}`) is missing in {gone.count:,} of "
            f"{rows.total:,} rows: {gone.named(rows)}.",
            hint="Rows are joined by time; leave these out with `where`, or fill it in.",
            rows=gone.places,
        )
    return first, last


def tables_of(
    raw: RawStream, contract: TaskContract, corrected: Callable[[FloatArray], FloatArray]
) -> Iterator[StreamTable]:
    """The rows of a stream, some after the other, in the order of the files.

    Args:
        raw: as it was read.
        contract: names who decided.
        corrected: its times by the right clock.
    """
    for start, columns in raw.held.parts():
        columns = {_at_home(role, contract): values for role, values in columns.items()}
        times = np.asarray(columns.pop("time").to_numpy(), dtype=np.float64)
        entities = {name: coded(columns.pop(f"entity:{name}")) for name, _ in raw.stream.entities}
        yield StreamTable(
            stream=raw.stream,
            times=corrected(times),
            entities=entities,
            columns=columns,
            places=np.arange(start, start + len(times)),
            rows=raw.rows,
            files=raw.files,
        )


def _at_home(role: str, contract: TaskContract) -> str:
    """What a role is called from here on: who decided is one column among others until decisions are read."""
    return f"column:{contract.data.demonstrator}" if role == "demonstrator" else role


def _uses(stream: Stream, contract: TaskContract, needs: Needs, present: list[str]) -> list[Use]:
    here = f"streams[{contract.streams.index(stream)}]"
    uses = [Use(role="time", column=stream.time, kind="time", field=f"{here}.time")]

    def add(role: str, column: str, kind: Kind, field: str) -> None:
        uses.append(Use(role=role, column=column, kind=kind, field=f"{here}.{field}"))

    for name, column in stream.entities:
        add(f"entity:{name}", column, "text", f"entities.{name}")
    for column, _ in stream.where:
        add(f"where:{column}", column, "text", "where")
    for column in stream.identity:
        add(f"identity:{column}", column, "text", "identity")
    for column in needs.clock_keys[stream.name]:
        add(f"clock:{column}", column, "text", "clock.key")
    renamed = dict(stream.columns)
    for column in needs.outcome_keys[stream.name]:
        add(f"key:{column}", renamed.get(column, column), "text", "decisions.outcomes")
    for column, kind in needs.columns[stream.name].items():
        inside = renamed.get(column, column)
        # One of several streams of decisions may lack a column that another one has.
        if stream.role != "decisions" or inside in present or column in renamed:
            add(_role(column, contract), inside, kind, f"columns.{column}" if column in renamed else column)
    return uses


def _role(column: str, contract: TaskContract) -> str:
    """Who decided becomes a pseudonym further on, so the guard of privacy must know the column by that role."""
    other_uses = sum(use.column == column for use in uses_of(contract)) > 1
    is_person = column == contract.data.demonstrator and not other_uses
    return "demonstrator" if is_person else f"column:{column}"


def _present(files: tuple[SourceFile, ...], data: Data) -> list[str]:
    return list(dict.fromkeys(c for file in files for c in columns_of(file, data)))


def columns_by_name(table: StreamTable) -> Mapping[str, pa.ChunkedArray]:
    """Column name to values, of those that are joined."""
    return {
        role.removeprefix("column:"): v for role, v in table.columns.items() if role.startswith("column:")
    }
