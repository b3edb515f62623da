"""Files that are there whole or not at all.

A new content is written beside the old one, forced to the disk, and renamed over it; the rename is what a
reader sees, and it either happened or did not (POSIX rename). A crash, a full disk or an exception before the
rename leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from telic.errors import world_errors

__all__ = ["Content", "atomic_write", "file_digest", "sync_folder", "write_beside"]

Content: TypeAlias = bytes | Callable[[IO[bytes]], object]
"""Bytes, or a function that writes them into an open file."""

CHUNK_BYTES = 1 << 20
"""Read a file in pieces of 1 MiB: large enough for the disk, small beside any dataset."""


def atomic_write(path: str | os.PathLike[str], content: Content) -> Path:
    """The path, after its file holds exactly the content; on any failure the old file is whole.

    Folders on the way are made. Safe against readers and crashes, not against two writers: hold a
    ``FileLock`` where two may write.

    Args:
        path: the file to write or replace.
        content: the bytes, or a function that writes them into the open binary file it is given.

    Raises:
        TemporaryError: the disk is full or busy.
        PermanentError: the place cannot be written to.
    """
    target = Path(path)
    with world_errors(f"write {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = write_beside(target, content)
        try:
            partial.replace(target)
        except BaseException:
            _remove(partial)
            raise
        sync_folder(target.parent)
    return target


def write_beside(target: Path, content: Content) -> Path:
    """A new file in the folder of ``target``, complete and on the disk; nothing is left there on failure."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".partial", dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o666 & ~_umask())
    except BaseException:
        _remove(partial)
        raise
    return partial


def sync_folder(folder: Path) -> None:
    """Forces a folder's entries to the disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: str | os.PathLike[str]) -> str:
    """``sha256:...`` of a file's bytes, read in pieces.

    Raises:
        PermanentError: there is no such file, or it may not be read.
    """
    with world_errors(f"read {path}"), Path(path).open("rb") as file:
        total = hashlib.sha256()
        while piece := file.read(CHUNK_BYTES):
            total.update(piece)
    return "sha256:" + total.hexdigest()


def _remove(partial: Path) -> None:
    with contextlib.suppress(OSError):
        partial.unlink()


def _umask() -> int:
    """The process's mask of new files; reading it means setting it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
