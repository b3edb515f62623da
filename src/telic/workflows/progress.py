"""How long work tells where it is: a callable that a surface supplies and a workflow calls."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["Progress", "silent"]


@runtime_checkable
class Progress(Protocol):
    """Called as work goes on; never changes a result."""

    def __call__(self, stage: str, done: float, total: float | None, note: str = "") -> None:
        """Take note of how far a stage has come.

        Args:
            stage: what is being done, in words; a new one begins a new bar.
            done: units finished.
            total: units in all, or None where nobody knows.
            note: a number worth showing beside the bar.
        """
        ...


def silent(stage: str, done: float, total: float | None, note: str = "") -> None:
    """Nobody is looking."""
