"""Streams to one table of decisions: the whole way, in the order in which it must be gone.

Clocks first (a state joined by a wrong clock may be from the future), then what each stream leaves out, then its
fragments together, then decisions with what was known before them, and last what came of them. The table is read on by
the ordinary reader, so that every check of a single log holds for it too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic._core.hashing import digest_json
from telic.contract import TaskContract
from telic.datasets.sources.files import SourceFile
from telic.reports import Finding

from .clock_correction import corrections
from .dealing import Dealt, deal
from .disk import Disk
from .in_order import HIDDEN, PLACE, STREAM, TIME, DiskTable, merged, write_sorted
from .joining import Joining, nothing_done
from .needs import needs_of
from .plan import Plan
from .reading import files_of, read_stream
from .ready import Ready, ready
from .shelf import Shelf
from .slices import with_neighbours
from .stream_table import StreamTable

__all__ = ["DecisionTable", "decision_table", "stream_files"]


@dataclass(frozen=True, kw_only=True)
class DecisionTable:
    """One row a decision.

    Attributes:
        table: in order of time: ``decision.time`` (seconds), ``decision.origin``, whom it is about, its own columns
            and those of other streams.
        contract: the contract that reads it as it would read a single log.
        findings: of clocks, ages, joins and what was left out.
        inputs: ``stream/file`` to its digest.
        name: a row in words, for messages.
    """

    table: pa.Table | DiskTable
    contract: TaskContract
    findings: tuple[Finding, ...]
    inputs: Mapping[str, str]
    name: Callable[[int], str]

    def source(self) -> SourceFile:
        """The table as a source of the ordinary reader."""
        digest = digest_json(dict(self.inputs))
        return SourceFile(
            path=Path("decisions"),
            name="decisions",
            format="table",
            digest=digest,
            table=self.table,
            namer=self.name,
        )


def stream_files(contract: TaskContract, folder: Path) -> list[SourceFile]:
    """The files of every stream, digested, in the order of the contract.

    Args:
        contract: with ``streams``.
        folder: where the patterns of their files begin.

    Raises:
        DataError: a file leads out of the folder, or cannot be read.
        PermanentError: a pattern matches no file.
    """
    known: dict[Path, SourceFile] = {}
    return [file for stream in contract.streams for file in files_of(stream, folder, known)]


def decision_table(
    contract: TaskContract,
    files: Sequence[SourceFile],
    disk: Disk | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> DecisionTable:
    """The decisions that the streams of a contract hold.

    Args:
        contract: with ``streams``.
        files: of ``stream_files``.
        disk: for streams that do not fit into memory; None: everything is in memory, however much it is.
        told: is told the number of rows that were read, from time to time.

    Raises:
        ContractError: the contract asks for a column that no join makes.
        DataError: the files break the contract, or streams do not fit together; the message names the rows.
        NeedsWhole: a stream must be in memory as a whole, and there is more than is to be held.
        TemporaryError: the disk is full.
    """
    found = {s.name: tuple(f for f in files if f.stream == s.name) for s in contract.streams}
    needs, findings, shelf = needs_of(contract), list[Finding](), Shelf(disk, told)
    raw = {s.name: read_stream(s, contract, needs, found[s.name], shelf, findings) for s in contract.streams}
    where = disk if shelf.is_full else None
    right = corrections(raw, findings, where)
    plan = Plan(contract, raw, right, where)
    streams = {
        name: ready(r, contract, right[name], plan.numbers(name), plan.buckets(name), where)
        for name, r in raw.items()
    }
    joining = Joining(contract, needs, streams, where)
    if where is None:
        tables = {name: joining.stitched(name, r.whole()) for name, r in streams.items()}
        made = joining.decisions(tables, contract.decisions.outcomes)
        joining.tell(findings)
        assert made is not None, "every stream has a row"
        sorted_ = made.take(pa.array(np.argsort(made[TIME].to_numpy(), kind="stable")))
        table: pa.Table | DiskTable = sorted_.select(joining.names)
        places = sorted_.select([TIME, *HIDDEN])
    else:
        buckets = _on_disk(joining, streams, plan, where)
        joining.tell(findings)  # every stream has a row from here on
        table = merged(buckets, joining.about, where, joining.people, joining.names)
        places = table.select([TIME, *HIDDEN])

    def name(row: int) -> str:
        [which] = places.slice(row, 1).to_pylist()
        if which[STREAM] == len(joining.acting):
            return nothing_done(which[TIME])
        return joining.row(which[STREAM], which[PLACE])

    return DecisionTable(
        table=table,
        contract=_reading_contract(contract),
        findings=tuple(findings),
        inputs={f"{file.stream}/{file.name}": file.digest for file in files},
        name=name,
    )


def _on_disk(
    joining: Joining, streams: Mapping[str, Ready], plan: Plan, disk: Disk
) -> list[tuple[Path, int]]:
    """The decisions of all buckets: files of ``write_sorted``."""
    names = [name for name in streams if name not in plan.late]
    rules = [r for r in joining.outcomes if r.stream in names]
    tables = [_buckets(joining, streams[name], plan, plan.n) for name in names]
    several: Iterator[pa.Table | None] = (
        joining.decisions(dict(zip(names, some, strict=True)), rules)
        for _, *some in zip(range(plan.n), *tables, strict=False)
    )
    n = plan.n
    for name in plan.late:
        n = plan.buckets(name)
        runs = _numbered(several, name, plan)
        met = deal(runs, n, disk, joining.people)
        several = _met(joining, met, name, _buckets(joining, streams[name], plan, n))
    return [
        write_sorted(table.select([*joining.names, *HIDDEN]), joining.about, disk, joining.people, n)
        for table in several
        if table is not None
    ]


def _buckets(joining: Joining, ready: Ready, plan: Plan, n: int) -> Iterator[StreamTable]:
    """The rows of a stream for each bucket of decisions, stitched."""
    name = ready.raw.stream.name
    if not plan.is_dealt and name not in plan.late:
        return itertools.repeat(joining.stitched(name, ready.whole()))
    tables = (joining.stitched(name, ready.bucket(i)) for i in range(n))
    is_state = ready.raw.stream.role == "state"
    return with_neighbours(tables) if is_state and plan.is_sliced(name) else tables


def _numbered(
    several: Iterator[pa.Table | None], stream: str, plan: Plan
) -> Iterator[tuple[pa.Table, NDArray[np.uint64]]]:
    for table in several:
        if table is not None:
            yield table, plan.numbers_of_decisions(stream, table)


def _met(
    joining: Joining, decisions: Dealt, stream: str, tables: Iterator[StreamTable]
) -> Iterator[pa.Table | None]:
    """Decisions with what a stream that is joined afterwards says of them."""
    for i, table in zip(range(decisions.n), tables, strict=False):
        # Where there is no decision an error is certain; which one, all streams must be seen for.
        yield joining.met(stream, decisions.bucket(i), table) if decisions.files else None
    decisions.remove()


def _reading_contract(contract: TaskContract) -> TaskContract:
    """The contract of a single log with these columns."""
    labels = contract.data.labels
    if contract.decisions.proposed and "decision.proposed" not in labels:
        labels = (*labels, "decision.proposed")
    data = contract.data.model_copy(
        update={"time": "decision.time", "origin_column": "decision.origin", "labels": labels}
    )
    return contract.model_copy(update={"data": data})
