"""A run that the keyboard stopped: still a ``KeyboardInterrupt``, which says what is kept and how to go on."""

from __future__ import annotations

__all__ = ["Stopped"]


class Stopped(KeyboardInterrupt):
    """Raised by a verb after its last state is on the disk.

    Attributes:
        message: where the run was stopped, and where what it had come to lies.
        hint: the command that goes on from there.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
