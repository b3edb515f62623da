"""Streams to one table of decisions: the whole way, in the order in which it must be gone.

Clocks first (a state joined by a wrong clock may be from the future), then what each stream leaves out, then its
fragments together, then decisions with what was known before them, and last what came of them. The table is read on by
the ordinary reader, so that every check of a single log holds for it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic._core.hashing import digest_json
from telic.contract import LateOutcome, TaskContract
from telic.datasets.sources.files import SourceFile
from telic.reports import Finding

from .clock_correction import corrections
from .dealing import Dealt, deal, hashes
from .disk import Disk
from .in_order import HIDDEN, PLACE, STREAM, TIME, DiskTable, merged, write_sorted
from .joining import Joining, nothing_done
from .needs import needs_of
from .reading import files_of, read_stream
from .ready import Ready, ready
from .shelf import Shelf
from .stream_table import coded

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
    plan = _Plan(contract, where, shelf.n_bytes)
    streams = {
        name: ready(r, contract, right[name], plan.keys(name), plan.buckets(name), where)
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


class _Plan:
    """Which rows of which stream are in memory together.

    Args:
        contract: with ``streams``.
        disk: where streams are; None: in memory, in one bucket.
        n_bytes: of all streams.

    Attributes:
        by: shared names by which rows fall into buckets: those that all streams have that have any.
        n: number of buckets.
        late: outcomes that may belong to a decision of another bucket.
    """

    def __init__(self, contract: TaskContract, disk: Disk | None, n_bytes: int) -> None:
        rules = {o.stream: o for o in contract.decisions.outcomes}
        names = {s.name: [name for name, _ in s.entities] for s in contract.streams}
        own = next(names[s.name] for s in contract.streams if s.role == "decisions")
        by_name = [n for s, n in names.items() if n and not (s in rules and rules[s].key)]
        self.by = [name for name in own if all(name in n for n in by_name)] or own
        many = 1 if disk is None else 1 + n_bytes // disk.bucket
        self.n = many if self.by else 1
        self._late: dict[str, list[str]] = {}
        for stream, rule in rules.items():
            if rule.key:
                self._late[stream] = [f"key:{c}" for c in rule.key_there or rule.key]
            elif not self.is_here(names[stream]):
                self._late[stream] = [f"entity:{name}" for name in names[stream]]
        self._many, self._names = many, names
        self.late = [] if disk is None else [r for s, r in rules.items() if s in self._late]

    def is_here(self, names: Sequence[str]) -> bool:
        """Whether a stream with these names can be dealt as decisions are."""
        return bool(self.by) and set(self.by) <= set(names)

    def keys(self, stream: str) -> list[str]:
        """The columns by which a stream is dealt; none: it is in one bucket, and that is joined with all others."""
        if stream in self._late:
            return self._late[stream]
        return [f"entity:{name}" for name in self.by] if self.is_here(self._names[stream]) else []

    def buckets(self, stream: str) -> int:
        """Into how many buckets a stream is dealt."""
        if stream in self._late:
            return self._many if self._late[stream] else 1
        return self.n if self.is_here(self._names[stream]) else 1

    def keys_of_decisions(self, rule: LateOutcome) -> list[str]:
        """The columns of decisions by which they meet outcomes."""
        return [f"key:{c}" for c in rule.key] or [k.removeprefix("entity:") for k in self._late[rule.stream]]


def _on_disk(
    joining: Joining, streams: Mapping[str, Ready], plan: _Plan, disk: Disk
) -> list[tuple[Path, int]]:
    """The decisions of all buckets: files of ``write_sorted``."""
    late = {rule.stream for rule in plan.late}
    here = [name for name in streams if name not in late and plan.keys(name)]
    everywhere = {
        name: joining.stitched(name, r.whole())
        for name, r in streams.items()
        if name not in late and name not in here
    }
    rules = [r for r in joining.outcomes if r.stream not in late]

    def of_bucket(i: int) -> pa.Table | None:
        tables = {
            name: everywhere[name] if name in everywhere else joining.stitched(name, r.bucket(i))
            for name, r in streams.items()
            if name not in late
        }
        return joining.decisions(tables, rules)

    several: Iterator[pa.Table | None] = (of_bucket(i) for i in range(plan.n))
    n = plan.n
    for rule in plan.late:
        outcomes, n = streams[rule.stream], plan.buckets(rule.stream)
        dealt = deal(_by(several, plan.keys_of_decisions(rule)), n, disk, joining.people)
        several = _with_outcomes(joining, dealt, outcomes)
    return [
        write_sorted(table.select([*joining.names, *HIDDEN]), joining.about, disk, joining.people, n)
        for table in several
        if table is not None
    ]


def _by(
    tables: Iterator[pa.Table | None], keys: Sequence[str]
) -> Iterator[tuple[pa.Table, NDArray[np.uint64]]]:
    for table in tables:
        if table is not None:
            yield table, hashes([coded(table[name]) for name in keys], np.arange(table.num_rows))


def _with_outcomes(joining: Joining, decisions: Dealt, outcomes: Ready) -> Iterator[pa.Table | None]:
    for i in range(decisions.n if decisions.files else 0):
        table = joining.stitched(outcomes.raw.stream.name, outcomes.bucket(i))
        yield joining.with_outcomes(decisions.bucket(i), table)
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
