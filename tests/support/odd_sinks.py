"""Sinks that fail, and a way to have one by a name."""

from __future__ import annotations

import sys
import types

from telic.workflows.sinks import SINKS, guarded


class Broken:
    """Fails in a step, or when it is closed, as a library may: with whatever it likes."""

    def __init__(self, at: int, problem: Exception) -> None:
        self.at, self.problem, self.taken = at, problem, []

    def __call__(self, step, metrics) -> None:
        if step == self.at:
            raise self.problem
        self.taken.append((step, dict(metrics)))

    def close(self) -> None:
        if self.at < 0:
            raise self.problem


def fake_sinks(monkeypatch, opened, name="broken") -> None:
    """A sink by that name, which is what ``opened`` makes."""
    module = types.ModuleType("a_sink_of_tests")
    module.require_ready = lambda say: None
    module.open_sink = lambda about, say: opened(about)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(guarded, "SINKS", {**SINKS, name: module.__name__})
