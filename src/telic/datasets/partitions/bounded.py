"""One ingest in bounded memory: small logs at once, large ones part by part, by one process or by several."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

from telic.contract import TaskContract
from telic.datasets.privacy.at_the_door import after_reading
from telic.datasets.privacy.guard import Guard
from telic.datasets.sources.assemble import assemble
from telic.datasets.sources.at_once import demonstrations_at_once, joined_log
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.read import SourceColumns, release
from telic.datasets.store import DatasetStore, DatasetVersion
from telic.errors import TemporaryError
from telic.reports import Provenance
from telic.trajectories import Demonstrations

from .reading import Group, WasRead, groups_of, read_group
from .reading import joined as several_groups
from .sizes import Sizes
from .spilling import NeedsWhole
from .text_table import OPEN
from .version import Telling, build
from .withheld import Withheld
from .workers import AbstractWorkers, HereAndNow, RayWorkers

__all__ = ["ingest_bounded"]

GROUPS_A_WORKER = 4
"""Groups of files that a worker reads, so that one with slow files is not waited for."""


def ingest_bounded(
    contract: TaskContract,
    sources: Sequence[SourceFile],
    guard: Guard | None,
    store: DatasetStore,
    *,
    ingest_key: str,
    provenance: Provenance,
    ray: int | None,
    progress: Callable[..., None] | None,
    sizes: Sizes,
    withheld: Withheld | None = None,
) -> DatasetVersion | Demonstrations:
    """The version, where the log is large or several share the work; else the demonstrations that it holds.

    Args:
        contract: says what the columns mean.
        sources: the files.
        guard: of the reading.
        store: for the version, and for what does not fit into memory.
        ingest_key: of the ingest.
        provenance: of the files.
        ray: number of Ray workers; None: this process.
        progress: is told how far it is.
        sizes: how much is held in memory.
        withheld: how rows that must not lie open are kept, and who is left out of a version; whoever gets
            demonstrations leaves them out. None: rows may lie open, and nobody is left out.

    Raises:
        DataError: the files break the contract, or everybody in them was erased.
        TemporaryError: the disk is full, or somebody was erased meanwhile.
    """
    with ExitStack() as stack:
        workers = HereAndNow() if ray is None else stack.enter_context(RayWorkers(ray))
        return ingest_by(
            workers,
            contract,
            sources,
            guard,
            store,
            ingest_key=ingest_key,
            provenance=provenance,
            told=Telling(progress),
            sizes=sizes,
            withheld=withheld,
        )


def ingest_by(
    workers: AbstractWorkers,
    contract: TaskContract,
    sources: Sequence[SourceFile],
    guard: Guard | None,
    store: DatasetStore,
    *,
    ingest_key: str,
    provenance: Provenance,
    told: Telling,
    sizes: Sizes,
    withheld: Withheld | None = None,
) -> DatasetVersion | Demonstrations:
    """The same by any workers; arguments as ``ingest_bounded``."""
    if withheld is not None and withheld.scratch.key is None:
        sizes = replace(sizes, in_memory=sys.maxsize)  # nothing of it may lie on the disk
    with store.workplace() as place:
        try:
            read, reading = _read(workers, contract, sources, guard, place, told, sizes, withheld)
        except NeedsWhole:
            told("reading logs", 0, None, "one file must be in memory as a whole")
            return demonstrations_at_once(contract, sources, guard, provenance)
        read.rows.require_any([s.name for s in sources])
        if read.columns is not None:
            release()
            held = SourceColumns(
                columns=dict(read.columns),
                n_rows=read.rows.total,
                rows_per_file=tuple(p.n_rows for p in read.parts),
                rows=read.rows,
                findings=read.findings,
            )
            del read
            with nullcontext() if guard is None else guard.watches():
                demos = assemble(held, reading, provenance)
            return after_reading(demos, contract, guard)
        built = build(read, reading, guard, provenance, place, sizes, workers, told, withheld)
        if withheld is not None and withheld.has_changed():
            raise TemporaryError(
                "Somebody was erased from this dataset while the files were read; nothing was published.",
                hint="Ingest the same files again.",
            )
        version = store.publish_files(
            place / "version",
            built.files,
            built.manifest,
            contract_digest=contract.digest,
            ingest_key=ingest_key,
        )
    if version.is_new:
        return version
    # Other files, the same decisions: what was noticed now is about these files.
    return replace(version, findings=built.findings, sources=built.provenance.inputs)


def _read(
    workers: AbstractWorkers,
    contract: TaskContract,
    sources: Sequence[SourceFile],
    guard: Guard | None,
    place: Path,
    told: Telling,
    sizes: Sizes,
    withheld: Withheld | None,
) -> tuple[WasRead, TaskContract]:
    """What the files hold, and the contract by which it is read on: of streams that of the log they are joined to."""

    def rows(n: int) -> None:
        told("reading logs", n, None, f"{n:,} rows")

    joined, scratch = None, OPEN if withheld is None else withheld.scratch
    if contract.streams:
        joined = joined_log(
            contract, sources, guard, folder=place / "streams", sizes=sizes, scratch=scratch, told=rows
        )
        contract, sources = joined.contract, [joined.source]
        sizes = replace(sizes, in_memory=sizes.in_memory // 2)  # what the join held is not all given back
    here = isinstance(workers, HereAndNow)
    split = [list(sources)] if here else groups_of(sources, GROUPS_A_WORKER * workers.n)
    groups: list[Group] = []
    first = 0
    for i, some in enumerate(split):
        groups.append(
            Group(
                contract=contract,
                sources=tuple(some),
                first_file=first,
                n_files=len(sources),
                folder=place / f"runs-{i:04d}",
                sizes=sizes,
                must_spill=not here,
                told=rows if here and joined is None else None,
                guard=guard if here else None,
                scratch=scratch,
                is_protected=joined is not None,
            )
        )
        first += len(some)
    results = workers.run(read_group, groups)
    read = several_groups(list(results if here else told.each("reading logs", results, len(groups))))
    if joined is not None:
        read = replace(read, findings=joined.and_those(read.findings))
    return read, contract
