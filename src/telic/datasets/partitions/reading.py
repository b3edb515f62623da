"""Files to sorted runs, in one go or in several that know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from telic.contract import TaskContract
from telic.datasets.privacy.guard import Guard, guard_of
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.privacy.shielded import shielded
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.plan import uses_of
from telic.datasets.sources.read import pass_by
from telic.datasets.sources.rows import FilePart, RowNames
from telic.errors import world_errors
from telic.reports import Finding

from .sizes import Sizes
from .spilling import Spilled, Spilling, moved

__all__ = ["Group", "Told", "WasRead", "groups_of", "joined", "read_group"]

Told = Callable[[int], None]
"""Is told the number of rows so far."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Files that are read by one worker.

    Attributes:
        contract: says what they mean.
        sources: some of the files, in order.
        first_file: place of the first among all.
        n_files: number of all.
        folder: for its runs.
        sizes: how much is held in memory.
        must_spill: whether rows go to the disk however few they are.
        told: of this process; None in another one.
        guard: of the reading; None: made by whoever reads (secrets do not travel).
        scratch: how runs are written.
        is_protected: whether the guard saw to the values already.
    """

    contract: TaskContract
    sources: tuple[SourceFile, ...]
    first_file: int
    n_files: int
    folder: Path
    sizes: Sizes
    must_spill: bool = False
    told: Told | None = None
    guard: Guard | None = field(default=None, repr=False)
    scratch: Scratch = field(default_factory=Scratch)
    is_protected: bool = False


@dataclass(frozen=True, kw_only=True)
class WasRead:
    """What a group of files held.

    Attributes:
        columns: role to values, where everything is in memory; else None.
        spilled: runs.
        parts: the files, with their numbers of rows.
        findings: about the files.
    """

    columns: Mapping[str, pa.ChunkedArray] | None
    spilled: tuple[Spilled, ...]
    parts: tuple[FilePart, ...]
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> RowNames:
        """Names of all rows."""
        return RowNames(self.parts)


def groups_of(sources: Sequence[SourceFile], n: int) -> list[list[SourceFile]]:
    """The files in at most ``n`` groups of neighbours with about the same number of bytes."""
    sizes = [s.path.stat().st_size for s in sources]
    groups: list[list[SourceFile]] = [[]]
    share, held = sum(sizes) / n, 0.0
    for source, size in zip(sources, sizes, strict=True):
        if groups[-1] and held + size / 2 > share and len(groups) < n:
            groups.append([])
            held = 0.0
        groups[-1].append(source)
        held += size
    return groups


def read_group(group: Group) -> WasRead:
    """The rows of a group, in memory or in runs.

    Raises:
        DataError: as ``telic.datasets.sources.read.read_sources``.
        NeedsWhole: a file must be in memory as a whole, and there is more than is to be held.
    """
    guard = group.guard or guard_of(group.contract)
    uses = uses_of(group.contract)
    with (
        shielded(guard),
        nullcontext() if guard is None or group.is_protected else guard.watches(),
        world_errors(f"write to {group.folder}"),
    ):
        group.folder.mkdir(parents=True, exist_ok=True)
        kept = Spilling(
            group.contract,
            (u.role for u in uses),
            group.folder,
            group.sizes,
            first_file=group.first_file,
            n_files=group.n_files,
            told=group.told or (lambda _: None),
            scratch=group.scratch,
        )
        passed = pass_by(group.sources, uses, group.contract.data, kept)
        in_memory = kept.in_memory and not group.must_spill
        if not in_memory:
            kept.spill()
    return WasRead(
        columns=kept.columns() if in_memory else None,
        spilled=tuple(kept.spilled),
        parts=passed.rows.parts,
        findings=passed.findings,
    )


def joined(several: Sequence[WasRead]) -> WasRead:
    """What all groups held, in the order of the files."""
    if len(several) == 1:
        return several[0]
    spilled: list[Spilled] = []
    first_row = 0
    for one in several:
        spilled += [moved(s, first_row) for s in one.spilled]
        first_row += one.rows.total
    return WasRead(
        columns=None,
        spilled=tuple(spilled),
        parts=tuple(p for one in several for p in one.parts),
        findings=tuple(f for one in several for f in one.findings),
    )
