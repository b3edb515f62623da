"""A log made into demonstrations at once, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from telic.contract import TaskContract
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy.at_the_door import after_reading
from telic.datasets.privacy.guard import Guard
from telic.datasets.privacy.scratch import Scratch
from telic.reports import Finding, Provenance
from telic.trajectories import Demonstrations

from .assemble import assemble
from .files import SourceFile
from .plan import uses_of
from .read import read_sources, read_uses

__all__ = ["JoinedLog", "demonstrations_at_once", "joined_log"]


@dataclass(frozen=True, kw_only=True)
class JoinedLog:
    """The streams of a contract as one log.

    Attributes:
        contract: reads it as it would read a single log.
        source: its rows, protected already: a second time would make pseudonyms of pseudonyms.
        findings: of the join.
    """

    contract: TaskContract
    source: SourceFile
    findings: tuple[Finding, ...]

    def and_those(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """All findings.

        Args:
            findings: of the reader; that the log has columns nobody asked for is no news about the files.
        """
        return (*self.findings, *(f for f in findings if f.code != "extra-columns"))


def joined_log(
    contract: TaskContract,
    sources: Sequence[SourceFile],
    guard: Guard | None,
    *,
    folder: Path | None = None,
    sizes: Sizes = Sizes(),  # noqa: B008 - frozen
    scratch: Scratch = Scratch(),  # noqa: B008 - frozen
    told: Callable[[int], None] = lambda _: None,
) -> JoinedLog:
    """The streams as one log.

    Args:
        contract: with ``streams``.
        sources: their files.
        guard: of the reading.
        folder: for what does not fit into memory; None: everything is in memory.
        sizes: how much is held in memory.
        scratch: how files in the folder are written.
        told: is told the number of rows that were read, from time to time.

    Raises:
        DataError: the files break the contract, or streams do not fit together.
        NeedsWhole: a stream must be in memory as a whole, and there is more than is to be held.
        TemporaryError: the disk is full.
    """
    from telic.datasets.decisions.disk import Disk
    from telic.datasets.decisions.table import decision_table

    disk = None
    if folder is not None:
        folder.mkdir(parents=True)
        disk = Disk(folder, sizes, scratch)
    with nullcontext() if guard is None else guard.watches():
        made = decision_table(contract, sources, disk, told)
    return JoinedLog(contract=made.contract, source=made.source(), findings=made.findings)


def demonstrations_at_once(
    contract: TaskContract, sources: Sequence[SourceFile], guard: Guard | None, provenance: Provenance
) -> Demonstrations:
    """The demonstrations that the files hold.

    Args:
        contract: says what they mean.
        sources: the files.
        guard: of the reading.
        provenance: of the files.

    Raises:
        DataError: the files break the contract.
    """
    watch = nullcontext if guard is None else guard.watches
    if contract.streams:
        joined = joined_log(contract, sources, guard)
        columns = read_uses([joined.source], uses_of(joined.contract), joined.contract.data)
        columns.findings = joined.and_those(columns.findings)
        with watch():
            demos = assemble(columns, joined.contract, provenance)
    else:
        with watch():
            demos = assemble(read_sources(sources, contract), contract, provenance)
    return after_reading(demos, contract, guard)
