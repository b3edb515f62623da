"""Streams to one table of decisions: the whole way, in the order in which it must be gone.

Clocks first (a state joined by a wrong clock may be from the future), then what each stream leaves out, then its
fragments together, then decisions with what was known before them, and last what came of them. The table is read on by
the ordinary reader, so that every check of a single log holds for it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic._core.hashing import digest_json
from telic.contract import TaskContract
from telic.datasets.sources.files import SourceFile
from telic.errors import DataError
from telic.reports import Finding

from .acts import Acts, acts_of, with_moments
from .clock_correction import corrected
from .future_columns import future_findings
from .needs import needs_of
from .outcomes import outcome_columns
from .overrides import made_by
from .reading import files_of, read_stream, selected
from .states import state_columns
from .stitching import stitched
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

    table: pa.Table
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


def decision_table(contract: TaskContract, files: Sequence[SourceFile]) -> DecisionTable:
    """The decisions that the streams of a contract hold.

    Args:
        contract: with ``streams``.
        files: of ``stream_files``.

    Raises:
        ContractError: the contract asks for a column that no join makes.
        DataError: the files break the contract, or streams do not fit together; the message names the rows.
    """
    found = {s.name: tuple(f for f in files if f.stream == s.name) for s in contract.streams}
    needs, findings = needs_of(contract), list[Finding]()
    raw = {s.name: read_stream(s, contract, needs, found[s.name], findings) for s in contract.streams}
    right = corrected(raw, findings)
    del raw
    tables = {name: stitched(selected(table, findings), findings) for name, table in right.items()}
    del right
    acting = [t for t in tables.values() if t.stream.role == "decisions"]
    states = [t for t in tables.values() if t.stream.role == "state"]
    constant = "unknown" if contract.data.origin == "mixed" else contract.data.origin
    acts = acts_of(acting, needs.columns[acting[0].stream.name], constant)
    if not len(acts):
        raise DataError("No stream of decisions has a row.", hint="Was the export filtered to nothing?")
    findings += future_findings(acts, states, contract)
    if contract.decisions.no_action is not None:
        acts = with_moments(acts, contract.decisions.no_action, contract, states, constant, findings)
    table = pa.table(_columns(acts, states, tables, contract, findings))
    order = np.argsort(acts.times, kind="stable")
    return DecisionTable(
        table=table.take(pa.array(order)),
        contract=_reading_contract(contract),
        findings=tuple(findings),
        inputs={f"{file.stream}/{file.name}": file.digest for file in files},
        name=lambda row: acts.name(int(order[row])),
    )


def _columns(
    acts: Acts,
    states: list[StreamTable],
    tables: Mapping[str, StreamTable],
    contract: TaskContract,
    findings: list[Finding],
) -> dict[str, pa.ChunkedArray]:
    columns: dict[str, pa.ChunkedArray] = {"decision.time": pa.chunked_array([pa.array(acts.times)])}
    columns |= made_by(acts, contract, findings)
    columns |= {name: coded.column() for name, coded in acts.entities.items()}
    columns |= {name: column for name, column in acts.columns.items() if not name.startswith("key:")}
    for state in states:
        columns |= state_columns(acts, state, findings)
    for outcome in contract.decisions.outcomes:
        columns |= outcome_columns(acts, outcome, tables[outcome.stream], findings)
    return columns


def _reading_contract(contract: TaskContract) -> TaskContract:
    """The contract of a single log with these columns."""
    labels = contract.data.labels
    if contract.decisions.proposed and "decision.proposed" not in labels:
        labels = (*labels, "decision.proposed")
    data = contract.data.model_copy(
        update={"time": "decision.time", "origin_column": "decision.origin", "labels": labels}
    )
    return contract.model_copy(update={"data": data})
