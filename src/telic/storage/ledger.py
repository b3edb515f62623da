"""An append-only file of entries, one JSON object a line, each with the digest of the line before it.

An entry that was changed, left out, put in or moved breaks the chain at the next line, and reading says where. What a
chain in one file cannot show is that its last entries were cut off; whoever must rule that out keeps the digest of the
last line somewhere else (``append`` returns it).
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telic._core.hashing import digest_bytes
from telic.errors import PermanentError, world_errors

from .files import sync_folder
from .locks import FileLock

__all__ = ["append", "entries", "login_name"]

LOCK_SECONDS = 30.0
"""How long an entry waits for another writer."""


def append(path: Path, entry: Mapping[str, Any]) -> str:
    """The digest of the new last line, after it is on the disk.

    Args:
        path: the file, made with mode 0600 where it is missing; ``.NAME.lock`` beside it is its lock.
        entry: JSON-able; ``before`` is added.

    Raises:
        PermanentError: the chain is broken already; nothing is written.
        TemporaryError: another process holds the lock, or the disk is full.
    """
    with FileLock(path.with_name(f".{path.name}.lock"), timeout_seconds=LOCK_SECONDS):
        _, before = _read(path)
        text = json.dumps({**entry, "before": before}, ensure_ascii=False, allow_nan=False)
        line = (text + "\n").encode()
        with world_errors(f"write {path}"):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)
    return digest_bytes(line)


def entries(path: Path) -> tuple[dict[str, Any], ...]:
    """Every entry in order; none where there is no file.

    Args:
        path: the file.

    Raises:
        PermanentError: a line was changed, removed, put in or moved; its number is named.
    """
    return tuple(_read(path)[0])


def login_name() -> str:
    """The login name of whoever runs this process, by the system and not by a variable that anybody can set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _read(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The entries, and the digest of the last line (empty where there is none)."""
    if not path.is_file():
        return [], ""
    with world_errors(f"read {path}"):
        lines = path.read_bytes().splitlines(keepends=True)
    found: list[dict[str, Any]] = []
    before = ""
    for i, line in enumerate(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or entry.get("before") != before:
            raise PermanentError(
                f"{path} was changed: line {i + 1} is not the one that was written after line {i}.",
                hint="Compare it with a copy kept elsewhere; nothing was added to it.",
                line=i + 1,
            )
        found.append(entry)
        before = digest_bytes(line)
    return found, before
