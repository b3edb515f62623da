"""The rows of all streams as they are read: in memory while they are few, on the disk once they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from telic.contract import Stream
from telic.datasets.partitions.spilling import NeedsWhole
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.read import release
from telic.datasets.sources.rows import RowNames

from .disk import Disk

__all__ = ["Held", "RawStream", "Shelf"]


class Shelf:
    """Where the rows of streams are while they are read.

    Args:
        disk: for what does not fit into memory; None: everything is in memory, however much it is.
        told: is told the number of rows from time to time.

    Attributes:
        disk: the same.
        is_full: whether everything goes to the disk.
    """

    def __init__(self, disk: Disk | None, told: Callable[[int], None] = lambda _: None) -> None:
        self.disk, self._told = disk, told
        self.is_full = False
        self._streams: list[Held] = []

    @property
    def n_bytes(self) -> int:
        """Bytes of columns of all streams."""
        return sum(s.n_bytes for s in self._streams)

    def held(self, roles: Sequence[str], people: frozenset[str]) -> Held:
        """A place for the rows of one more stream.

        Args:
            roles: what is read.
            people: roles whose values are names of people.
        """
        self._streams.append(Held(self, tuple(roles), people))
        return self._streams[-1]

    def grown(self) -> None:
        """Looks whether there is too much for memory."""
        self._told(sum(s.n_rows for s in self._streams))
        if self.disk is None or self.is_full or self.n_bytes <= self.disk.in_memory:
            return
        self.is_full = True
        for stream in self._streams:
            stream.spill()


class Held:
    """Keeps the rows of one stream (a ``Kept``).

    Attributes:
        n_rows: rows so far.
        n_bytes: bytes of columns, in memory and on the disk.
    """

    def __init__(self, shelf: Shelf, roles: tuple[str, ...], people: frozenset[str]) -> None:
        self._shelf, self._roles, self._people = shelf, roles, people
        self._chunks: dict[str, list[pa.Array]] = {role: [] for role in roles}
        self._in_memory = self._bytes = self._spilled_bytes = 0
        self._begin = 0  # first row of the file that is being read
        self._runs: list[tuple[Path, int, int]] = []  # path, first row, bytes
        self._lame: set[str] = set()
        self._is_cut_short = False
        self.n_rows = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of columns, in memory and on the disk."""
        return self._bytes + self._spilled_bytes

    def begin(self) -> None:
        """The next file begins."""
        self._begin, self._lame = self.n_rows, set()

    def add(self, columns: Mapping[str, Sequence[pa.Array]], n_rows: int) -> None:
        """The next rows of the file."""
        self._lame |= set(self._roles) - set(columns)
        if self._lame and self._shelf.is_full:
            self._is_cut_short = True
            return  # the file is wrong, or will be read whole: nothing of it counts
        for role, arrays in columns.items():
            if role not in self._lame:
                self._chunks[role] += arrays
                self._bytes += sum(a.nbytes for a in arrays)
        self.n_rows += n_rows
        self._in_memory += n_rows
        self._shelf.grown()
        if self._shelf.disk is not None and self._shelf.is_full and self._bytes > self._shelf.disk.run:
            self.spill()

    def forget(self) -> None:
        """Nothing of the file is kept."""
        for path, first, n_bytes in self._runs:
            if first >= self._begin:
                path.unlink()
                self._spilled_bytes -= n_bytes
        self._runs = [r for r in self._runs if r[1] < self._begin]
        self._in_memory = max(0, self._in_memory - (self.n_rows - self._begin))
        self._chunks = {role: _first(arrays, self._in_memory) for role, arrays in self._chunks.items()}
        self._bytes = sum(a.nbytes for arrays in self._chunks.values() for a in arrays)
        self.n_rows, self._lame, self._is_cut_short = self._begin, set(), False

    def late(self, role: str, arrays: Sequence[pa.Array]) -> None:
        """In place of what is kept of the file for the role.

        Raises:
            NeedsWhole: rows of the stream are on the disk already.
        """
        if self._runs or self._is_cut_short:
            raise NeedsWhole
        self._chunks[role] = [*_first(self._chunks[role], self._begin), *arrays]
        self._lame.discard(role)

    def spill(self) -> None:
        """Everything goes to the disk; rows of earlier files apart from those of the one that is being read."""
        assert self._shelf.disk is not None
        if self._lame or not self._in_memory:
            return
        columns = {r: pa.chunked_array(a, a[0].type) for r, a in self._chunks.items()}
        table, start = pa.table(columns), self.n_rows - self._in_memory
        earlier = max(0, self._begin - start)
        a_run = max(1, int(self._in_memory * self._shelf.disk.run / max(1, self._bytes)) + 1)
        for begin, end in ((0, earlier), (earlier, self._in_memory)):
            for at in range(begin, end, a_run):
                run = table.slice(at, min(end, at + a_run) - at)
                n_bytes = int(self._bytes * run.num_rows / self._in_memory)
                self._runs.append((self._shelf.disk.write(run, self._people), start + at, n_bytes))
                self._spilled_bytes += n_bytes
        self._chunks = {role: [] for role in self._roles}
        self._in_memory = self._bytes = 0
        release()

    def parts(self, roles: Sequence[str] | None = None) -> Iterator[tuple[int, dict[str, pa.ChunkedArray]]]:
        """Place of the first row, and role to values, of some rows after the other.

        Args:
            roles: some of them; None: all.
        """
        if self._shelf.is_full:
            assert self._shelf.disk is not None
            self.spill()
            for path, first, _ in self._runs:
                table = self._shelf.disk.read(path, 0, roles)
                yield first, {name: table[name] for name in table.column_names}
        else:
            chunks = {r: self._chunks[r] for r in roles or self._roles}
            yield 0, {r: pa.chunked_array(arrays, arrays[0].type) for r, arrays in chunks.items()}

    def remove(self) -> None:
        """Nothing is kept any longer."""
        for path, *_ in self._runs:
            path.unlink()
        self._runs, self._chunks = [], {}


@dataclass(frozen=True, kw_only=True)
class RawStream:
    """A stream as it was read.

    Attributes:
        stream: the contract's entry.
        held: its rows, in the order of the files.
        rows: names of the rows.
        files: in order.
        roles: what was read.
        people: roles whose values are names of people.
        first, last: least and greatest time by its own clock.
    """

    stream: Stream
    held: Held
    rows: RowNames
    files: tuple[SourceFile, ...]
    roles: tuple[str, ...]
    people: frozenset[str]
    first: float
    last: float


def _first(arrays: Sequence[pa.Array], n: int) -> list[pa.Array]:
    """The first rows of arrays that follow each other."""
    kept: list[pa.Array] = []
    for array in arrays:
        if n <= 0:
            break
        kept.append(array.slice(0, n))
        n -= len(array)
    return kept
