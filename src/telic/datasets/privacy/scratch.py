"""Files that live as long as an ingest, sealed where they hold what may have to be erased.

A large log lies on the disk while it is made into a version. Where rows belong to people who can be erased, or were, a
killed ingest would leave them there in the clear. So these files are sealed with a key that lies in the memory of one
process and is written nowhere: what a dead process leaves is noise. A file is sealed in chunks, each bound to its place
(``sealing.seal``), so that any stretch of it is read without the rest.
"""

from __future__ import annotations

import importlib.util
import io
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from .sealing import OVERHEAD, seal, unseal

__all__ = ["CHUNK", "File", "Scratch", "can_seal"]

CHUNK = 1 << 16
"""Bytes sealed at a time: what is read at least."""


File: TypeAlias = io.RawIOBase | io.BufferedIOBase
"""A file of bytes."""


def can_seal() -> bool:
    """Whether the extra ``privacy`` is installed."""
    return importlib.util.find_spec("cryptography") is not None


@dataclass(frozen=True)
class Scratch:
    """How such files are written and read.

    Law: what is read of a file is what was written.

    Attributes:
        key: 32 bytes, or None: files lie open.
    """

    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def sealed(cls) -> Scratch:
        """With a new key, which nobody else has.

        Raises:
            SettingsError: the extra ``privacy`` is not installed.
        """
        key = secrets.token_bytes(32)
        seal(b"", key, "")  # says now that the extra is missing, not after the log was read
        return cls(key)

    def writing(self, path: Path) -> File:
        """The file, empty, to be written from its beginning to its end.

        Args:
            path: of the file.
        """
        return path.open("wb") if self.key is None else _Writer(path, self.key)

    def reading(self, path: Path) -> File:
        """The file, to be read anywhere.

        Args:
            path: of the file.
        """
        return path.open("rb") if self.key is None else _Reader(path, self.key)

    def arrow(self, path: Path) -> pa.NativeFile:
        """The file for Arrow, to be read anywhere.

        Args:
            path: of the file.
        """
        return pa.OSFile(str(path)) if self.key is None else pa.PythonFile(self.reading(path), "r")


class _Writer(io.RawIOBase):
    """Writes one chunk after the other."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._file, self._key, self._name = path.open("wb"), key, path.name
        self._rest = bytearray()
        self._chunks = self._n = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n

    def write(self, data: Any) -> int:
        given = memoryview(data)
        given = given.cast("B") if given.nbytes else memoryview(b"")
        at = 0
        if self._rest:
            at = min(len(given), CHUNK - len(self._rest))
            self._rest += given[:at]
            if len(self._rest) == CHUNK:
                self._put(bytes(self._rest))
                self._rest.clear()
        for start in range(at, len(given) - CHUNK + 1, CHUNK):
            self._put(given[start : start + CHUNK])
            at = start + CHUNK
        self._rest += given[at:]
        self._n += len(given)
        return len(given)

    def _put(self, chunk: bytes | memoryview) -> None:
        self._file.write(seal(chunk, self._key, f"{self._name}/{self._chunks}"))
        self._chunks += 1

    def close(self) -> None:
        if self.closed:
            return
        try:
            if self._rest:
                self._put(bytes(self._rest))
        finally:
            self._file.close()
            super().close()


class _Reader(io.RawIOBase):
    """Reads any stretch; the last chunk is remembered."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._file, self._key, self._name = path.open("rb", buffering=0), key, path.name
        whole, rest = divmod(os.fstat(self._file.fileno()).st_size, CHUNK + OVERHEAD)
        self._size = whole * CHUNK + max(0, rest - OVERHEAD)
        self._at = 0
        self._last: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        into = memoryview(buffer).cast("B")
        n = max(0, min(len(into), self._size - self._at))
        done = 0
        while done < n:
            i, skip = divmod(self._at, CHUNK)
            m = min(CHUNK - skip, n - done)
            into[done : done + m] = self._chunk(i)[skip : skip + m]
            done += m
            self._at += m
        return n

    def readall(self) -> bytes:
        return self.read(max(0, self._size - self._at)) or b""

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            size = self._size - self._at
        made = bytearray(max(0, min(size, self._size - self._at)))
        self.readinto(made)
        return bytes(made)

    def _chunk(self, i: int) -> bytes:
        if self._last[0] != i:
            self._file.seek(i * (CHUNK + OVERHEAD))
            self._last = i, unseal(self._file.read(CHUNK + OVERHEAD), self._key, f"{self._name}/{i}")
        return self._last[1]

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            super().close()
