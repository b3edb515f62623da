"""Streams read by contract: which columns of which files, and what is wrong with their rows by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Data, Stream, TaskContract
from telic.datasets.sources.files import SourceFile, source_file
from telic.datasets.sources.formats.registry import is_folder_format
from telic.datasets.sources.labels import labels_and_codes
from telic.datasets.sources.plan import Kind, Use, uses_of
from telic.datasets.sources.read import columns_of, read_uses
from telic.datasets.sources.zones import ZONE_NEEDED
from telic.errors import DataError, PermanentError
from telic.reports import Finding, Severity

from .needs import Needs
from .stream_table import Coded, StreamTable

__all__ = ["columns_by_name", "files_of", "read_stream", "selected"]

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
    findings: list[Finding],
) -> StreamTable:
    """All rows of a stream in the order of the files, also those that its ``where`` leaves out: clocks need them.

    Args:
        stream: the contract's entry.
        contract: its reading rules (missing texts, decimal mark, encoding).
        needs: which columns are wanted.
        files: of the stream.
        findings: told what the reader notices.

    Raises:
        DataError: a value, time or line breaks the contract; file and line are named.
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
    source = read_uses(files, uses, data)
    findings += [f for f in source.findings if f.code not in NOT_TOLD]
    columns = source.columns
    if "demonstrator" in columns:
        columns[f"column:{contract.data.demonstrator}"] = columns.pop("demonstrator")
    times = columns.pop("time")
    gone = np.asarray(times.is_null().combine_chunks().to_numpy(zero_copy_only=False))
    if gone.any():
        raise DataError(
            f"The time (column `{stream.time}` of stream `{stream.name}`) is missing in {int(gone.sum()):,} of "
            f"{len(gone):,} rows: {source.rows.first(np.flatnonzero(gone))}.",
            hint="Rows are joined by time; leave these out with `where`, or fill it in.",
            rows=np.flatnonzero(gone)[:20].tolist(),
        )
    entities = {name: _coded(columns.pop(f"entity:{name}")) for name, _ in stream.entities}
    return StreamTable(
        stream=stream,
        times=np.asarray(times.to_numpy(), dtype=np.float64),
        entities=entities,
        columns=columns,
        places=np.arange(source.n_rows),
        rows=source.rows,
        files=files,
    )


def selected(table: StreamTable, findings: list[Finding]) -> StreamTable:
    """The rows that ``where`` of the stream lets through and that say whom they are about.

    Args:
        table: all rows.
        findings: told how many were left out.

    Raises:
        DataError: none are left.
    """
    chosen = np.ones(len(table), dtype=bool)
    for column, wanted in table.stream.where:
        named = _coded(table.columns[f"where:{column}"])
        chosen &= np.isin(named.codes, [i for i, text in enumerate(named.texts) if text in wanted])
    return _about_somebody(table if chosen.all() else _left(table, chosen, findings), findings)


def _left(table: StreamTable, chosen: np.ndarray, findings: list[Finding]) -> StreamTable:
    name, n, left = table.stream.name, len(table), int(np.sum(~chosen))
    if left == n:
        raise DataError(
            f"None of the {n:,} rows of stream `{name}` is one that its `where` asks for.",
            hint="Compare the values in `where` with those of the file, letter by letter.",
        )
    findings.append(
        Finding(
            code="stream-rows-left-out",
            severity=Severity.INFO,
            message=f"{left:,} of {n:,} rows of stream `{name}` are not what its `where` asks for.",
            evidence={"stream": name, "count": left, "rows": n},
        )
    )
    return table.take(chosen)


def _about_somebody(table: StreamTable, findings: list[Finding]) -> StreamTable:
    """Without the rows that do not say whom they are about."""
    some = np.ones(len(table), dtype=bool)
    for coded in table.entities.values():
        some &= coded.codes >= 0
    if some.all():
        return table
    name, places = table.stream.name, np.flatnonzero(~some)
    if not some.any():
        raise DataError(
            f"No row of stream `{name}` says whom it is about ({', '.join(k for k, _ in table.stream.entities)}).",
            hint="Are `entities` the right columns?",
        )
    findings.append(
        Finding(
            code="stream-rows-about-nobody",
            severity=Severity.WARNING,
            message=f"{len(places):,} of {len(table):,} rows of stream `{name}` do not say whom they are about and "
            f"were left out: {table.first(places)}.",
            hint="Fill in the columns of `entities`.",
            evidence={"stream": name, "count": len(places)},
        )
    )
    return table.take(some)


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


def _coded(column: pa.ChunkedArray) -> Coded:
    codes, texts = labels_and_codes(column)
    return Coded(codes=codes, texts=texts)


def columns_by_name(table: StreamTable) -> Mapping[str, pa.ChunkedArray]:
    """Column name to values, of those that are joined."""
    return {
        role.removeprefix("column:"): v for role, v in table.columns.items() if role.startswith("column:")
    }
