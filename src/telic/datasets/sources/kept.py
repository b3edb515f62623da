"""What becomes of values that are read piece after piece: they are kept in memory, or somewhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa

from telic.reports import Finding

from .rows import RowNames

__all__ = ["InMemory", "Kept", "Passed"]


@runtime_checkable
class Kept(Protocol):
    """What becomes of the values that pass by, piece after piece and file after file."""

    def begin(self) -> None:
        """The next file begins."""

    def add(self, columns: Mapping[str, Sequence[pa.Array]], n_rows: int) -> None:
        """The next rows of the file: role to values; a role that is missing comes ``late``."""

    def forget(self) -> None:
        """The file is read once more from its beginning: nothing of it counts yet."""

    def late(self, role: str, arrays: Sequence[pa.Array]) -> None:
        """The values of the whole file for a role that could not be told piece by piece."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What is known when all files have passed by.

    Attributes:
        rows_per_file: number of rows of each file, in order.
        rows: names of the rows, for messages.
        findings: extra columns, missing newlines.
    """

    rows_per_file: tuple[int, ...]
    rows: RowNames
    findings: tuple[Finding, ...]


class InMemory:
    """Keeps everything.

    Args:
        roles: what values are kept for.

    Attributes:
        chunks: role to its values, of all files one after the other.
    """

    def __init__(self, roles: Iterable[str]) -> None:
        self.chunks: dict[str, list[pa.Array]] = {role: [] for role in roles}
        self._before = dict.fromkeys(self.chunks, 0)

    def begin(self) -> None:
        """What was kept so far stays whatever becomes of the next file."""
        self._before = {role: len(arrays) for role, arrays in self.chunks.items()}

    def add(self, columns: Mapping[str, Sequence[pa.Array]], n_rows: int) -> None:  # noqa: ARG002 - told by the arrays
        """The next rows of the file."""
        for role, arrays in columns.items():
            self.chunks[role] += arrays

    def forget(self) -> None:
        """Nothing of the file is kept."""
        for role, arrays in self.chunks.items():
            del arrays[self._before[role] :]

    def late(self, role: str, arrays: Sequence[pa.Array]) -> None:
        """In place of what is kept of the file for the role."""
        self.chunks[role][self._before[role] :] = arrays
