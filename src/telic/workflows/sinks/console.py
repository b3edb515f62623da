"""Metrics as lines for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telic.errors import SettingsError

__all__ = ["open_sink", "require_ready"]


def require_ready(say: Callable[[str], None] | None) -> None:
    """Nothing, where somebody writes lines.

    Raises:
        SettingsError: nobody does.
    """
    if say is None:
        raise SettingsError("The sink `console` needs `say`, which writes a line.", hint="say=print")


def open_sink(about: Any, say: Callable[[str], None]) -> _Console:
    """Lines through ``say``."""
    del about
    return _Console(say)


class _Console:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        self._say(f"step {step}: " + ", ".join(f"{n} {v:.6g}" for n, v in metrics.items()))

    def close(self) -> None:
        """Nothing is left to write."""
