"""One writer at a time: an advisory lock on a file, dropped by the system when its holder ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.errors import TemporaryError, world_errors

__all__ = ["FileLock"]

POLL_SECONDS = 0.05
"""How often a waiting lock looks again: short beside what a person notices."""


class FileLock:
    """A lock held inside a ``with`` block; POSIX ``flock``, so every process that asks must ask this way.

    The file stays when the lock is gone (removing it would let two holders in) and names its last holder.

    Args:
        path: the lock's own file, never the file that it protects (that one is replaced by renames).
        timeout_seconds: how long to wait for another holder; 0 asks once.
        clock: tells the time while waiting.

    Raises:
        TemporaryError: on entering, when someone else still holds it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, timeout_seconds: float = 0.0, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.path = Path(path)
        self.timeout_seconds = timeout_seconds
        self._clock = clock
        self._descriptor: int | None = None

    def __enter__(self) -> FileLock:
        with world_errors(f"lock {self.path}"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._wait(descriptor)
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)  # closing drops the lock
            self._descriptor = None

    def _wait(self, descriptor: int) -> None:
        deadline = self._clock.monotonic() + self.timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock.monotonic() >= deadline:
                    raise self._held(descriptor) from None
                self._clock.sleep(POLL_SECONDS)
            else:
                return

    def _held(self, descriptor: int) -> TemporaryError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        return TemporaryError(
            f"{self.path} is locked by process {holder} (waited {self.timeout_seconds:g} s).",
            hint="Wait until the other command has ended, then run this one again.",
            holder=holder,
        )
