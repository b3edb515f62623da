"""Values that pass by are kept in memory while they are few, and written in sorted runs once they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from telic.contract import TaskContract
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.sources.encode import FilePlaces, carry_checks, checks_of, encode
from telic.datasets.sources.faults import Fault, all_faults
from telic.datasets.sources.noticed import Noticed, together

from .runs import Run, write_run
from .sizes import Sizes
from .text_table import OPEN

__all__ = ["NeedsWhole", "Spilled", "Spilling", "moved"]


class NeedsWhole(Exception):  # noqa: N818 - no failure: the log is read in another way
    """A column of a file cannot be told piece by piece, so that the file must be in memory."""


@dataclass(frozen=True, kw_only=True)
class Spilled:
    """A run with what it holds beside its rows.

    Attributes:
        run: its rows; None: they were only counted, because they break the contract.
        first_row: place of the first of them in the files, on its worker.
        categories: name of each category to the labels that its codes count in.
        people: digests that ``demonstrators`` counts in.
        faults: rows that break the contract.
        noticed: counts.
    """

    run: Run | None
    first_row: int
    categories: Mapping[str, tuple[str, ...]]
    people: tuple[str, ...]
    faults: Mapping[str, Fault]
    noticed: Noticed


class Spilling:
    """Keeps what is read (a ``Kept``).

    Args:
        contract: says what the values mean.
        roles: what is read.
        folder: where runs are written.
        sizes: how much is kept in memory.
        first_file: place of the first file among all.
        n_files: number of all files.
        told: is told the number of rows from time to time.
        scratch: how runs are written.

    Attributes:
        spilled: the runs so far.
        n_rows: rows so far.
    """

    def __init__(
        self,
        contract: TaskContract,
        roles: Iterable[str],
        folder: Path,
        sizes: Sizes,
        *,
        first_file: int = 0,
        n_files: int = 1,
        told: Callable[[int], None] = lambda _: None,
        scratch: Scratch = OPEN,
    ) -> None:
        self._contract, self._folder, self._sizes, self._scratch = contract, folder, sizes, scratch
        self._n_files, self._told = n_files, told
        self._roles = tuple(roles)
        self._chunks: dict[str, list[pa.Array]] = {role: [] for role in self._roles}
        self._per_file: list[tuple[int, int]] = []  # file and rows, of what is in memory
        self._file = first_file - 1
        self._file_rows = self._bytes = self._number = 0
        self._lame: set[str] = set()
        self._is_cut_short = False
        self.spilled: list[Spilled] = []
        self.n_rows = 0

    @property
    def in_memory(self) -> bool:
        """Whether everything is still in memory."""
        return not self.spilled

    def begin(self) -> None:
        """The next file begins."""
        self._file += 1
        self._file_rows = 0
        self._lame = set()
        self._per_file.append((self._file, 0))

    def add(self, columns: Mapping[str, Sequence[pa.Array]], n_rows: int) -> None:
        """The next rows of the file."""
        self._lame |= set(self._roles) - set(columns)
        if self._lame and (self.spilled or self._bytes > self._sizes.in_memory):
            self._is_cut_short = True
            return  # the file is wrong, or will be read whole: nothing of it counts
        for role, arrays in columns.items():
            if role not in self._lame:
                self._chunks[role] += arrays
                self._bytes += sum(a.nbytes for a in arrays)
        self.n_rows += n_rows
        self._file_rows += n_rows
        self._per_file[-1] = (self._file, self._per_file[-1][1] + n_rows)
        self._told(self.n_rows)
        if not self._lame and self._bytes > (self._sizes.run if self.spilled else self._sizes.in_memory):
            self.spill()

    def forget(self) -> None:
        """Nothing of the file is kept."""
        start = self.n_rows - self._file_rows
        kept = [s for s in self.spilled if s.run is None or s.run.first_row < start]
        for gone in self.spilled[len(kept) :]:
            assert gone.run is not None, (
                "runs of broken rows are of finished files, or their file is at fault"
            )
            gone.run.path.unlink()
        in_memory = sum(n for _, n in self._per_file)
        left = max(0, in_memory - self._file_rows)
        self._chunks = {role: _first(arrays, left) for role, arrays in self._chunks.items()}
        self.spilled = kept
        self._per_file[-1] = (self._file, 0)
        self.n_rows, self._file_rows = start, 0
        self._lame, self._is_cut_short = set(), False

    def late(self, role: str, arrays: Sequence[pa.Array]) -> None:
        """In place of what is kept of the file for the role.

        Raises:
            NeedsWhole: rows of the file are on the disk already.
        """
        if self.spilled or self._is_cut_short:
            raise NeedsWhole
        before = sum(n for file, n in self._per_file if file != self._file)
        self._chunks[role] = [*_first(self._chunks[role], before), *arrays]
        self._lame.discard(role)

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """Role to values, where everything is in memory."""
        assert self.in_memory
        return {r: pa.chunked_array(arrays, arrays[0].type) for r, arrays in self._chunks.items() if arrays}

    def spill(self) -> None:
        """Everything goes to the disk; rows of earlier files apart from those of the one that is being read."""
        earlier = sum(n for file, n in self._per_file if file != self._file)
        total = sum(n for _, n in self._per_file)
        a_run = max(1, int(total * self._sizes.run / max(1, self._bytes)) + 1)
        columns = {r: pa.chunked_array(a, a[0].type) for r, a in self._chunks.items() if a}
        self._chunks = {role: [] for role in self._roles}
        for begin, end in ((0, earlier), (earlier, total)):
            for start in range(begin, end, a_run):
                self._write(columns, start, min(end, start + a_run), total)
        self._per_file, self._bytes = [(self._file, 0)], 0

    def _write(self, columns: Mapping[str, pa.ChunkedArray], start: int, end: int, total: int) -> None:
        files: list[tuple[int, int]] = []
        at = 0
        for file, n in self._per_file:
            files.append((file, max(0, min(end, at + n) - max(start, at))))
            at += n
        used = [i for i, (_, n) in enumerate(files) if n]
        files = files[used[0] : used[-1] + 1]
        rows = encode(
            {role: column.slice(start, end - start) for role, column in columns.items()},
            self._contract,
            FilePlaces(
                rows_per_file=tuple(n for _, n in files),
                first_file=files[0][0],
                n_files=self._n_files,
                first_row=self.n_rows - total + start,
            ),
        )
        run = None
        if not self._is_lost(rows.faults):
            run = write_run(rows, self._folder, self._number, self._sizes.keys, self._scratch)
            self._number += 1
        self.spilled.append(
            Spilled(
                run=run,
                first_row=rows.first_row,
                categories=rows.categories,
                people=rows.people,
                faults=rows.faults,
                noticed=rows.noticed,
            )
        )

    def _is_lost(self, faults: Mapping[str, Fault]) -> bool:
        """Whether rows need only be counted from here on, because an error is certain that no later check precedes."""
        merged = all_faults([*(s.faults for s in self.spilled), faults])
        waiting = set(carry_checks(self._contract))
        for check in checks_of(self._contract):
            if check in waiting:
                return False
            if check in merged and merged[check].count:
                return True
        return False

    def seen(self) -> tuple[dict[str, Fault], Noticed]:
        """The faults of all runs, and what was noticed."""
        return all_faults(s.faults for s in self.spilled), together(*(s.noticed for s in self.spilled))


def moved(spilled: Spilled, first_row: int) -> Spilled:
    """The same, where other rows come before it that were read elsewhere.

    Args:
        spilled: a run with what it holds.
        first_row: how many rows come before.
    """
    faults = {
        check: replace(f, rows=tuple(r + first_row for r in f.rows)) for check, f in spilled.faults.items()
    }
    offers = spilled.noticed.offers
    if offers is not None:
        offers = replace(offers, denied_rows=tuple(r + first_row for r in offers.denied_rows))
    run = spilled.run
    return replace(
        spilled,
        run=None if run is None else replace(run, first_row=run.first_row + first_row),
        first_row=spilled.first_row + first_row,
        faults=faults,
        noticed=replace(spilled.noticed, offers=offers),
    )


def _first(arrays: Sequence[pa.Array], n: int) -> list[pa.Array]:
    """The first rows of arrays that follow each other."""
    kept: list[pa.Array] = []
    for array in arrays:
        if n <= 0:
            break
        kept.append(array.slice(0, n))
        n -= len(array)
    return kept
