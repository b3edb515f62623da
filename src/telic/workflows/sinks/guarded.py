"""Sinks that cannot hurt a run: one that fails is dropped, said at once and noted, and training goes on without it.

What a sink is given it cannot change. Nothing but what it was given leaves the run: none of them is asked for numbers.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from telic._core.near_miss import near_miss
from telic.errors import PermanentError, SettingsError, WorldError
from telic.reports import Finding, Severity

__all__ = ["SINKS", "About", "Sink", "Sinks", "open_sinks"]

SINKS: Mapping[str, str] = MappingProxyType(
    {
        "console": "telic.workflows.sinks.console",
        "tensorboard": "telic.workflows.sinks.tensorboard",
        "mlflow": "telic.workflows.sinks.mlflow",
        "wandb": "telic.workflows.sinks.wandb",
    }
)
"""Name to the module with its ``require_ready(say)`` and ``open_sink(about, say)``, imported when it is asked for."""


@dataclass(frozen=True, kw_only=True)
class About:
    """The run whose metrics come.

    Attributes:
        name: of the run.
        task: of what it is a run.
        folder: of the run; sinks write below it.
        settings: all of them, by name.
    """

    name: str
    task: str
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Sink(Protocol):
    """Takes metrics."""

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of a step, all of them finite."""
        ...

    def close(self) -> None:
        """Write what is not yet written."""
        ...


class Sinks:
    """Several sinks as one for ``telic.neural.driver.train(sink=...)``.

    Args:
        sinks: by name.
        say: told at once when one fails; None: a Python warning.

    Attributes:
        findings: which of them failed, and where.
    """

    def __init__(self, sinks: Mapping[str, Sink], say: Callable[[str], None] | None = None) -> None:
        self.findings: tuple[Finding, ...] = ()
        self._working = dict(sinks)
        self._say = _warned if say is None else say

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Give the metrics of a step to every sink that still works."""
        told = MappingProxyType({name: float(value) for name, value in metrics.items() if np.isfinite(value)})
        for name, sink in list(self._working.items()):
            self._try(name, f"in step {step}", partial(sink, step, told))

    def close(self) -> None:
        """Close those that still work; nothing is given to any of them afterwards."""
        for name, sink in list(self._working.items()):
            self._try(name, "when it was closed", sink.close)
        self._working = {}

    def _try(self, name: str, where: str, call: Callable[[], None]) -> None:
        try:
            _asked(name, where, call)
        except WorldError as problem:
            del self._working[name]
            finding = Finding(
                code="sink-failed",
                severity=Severity.WARNING,
                message=f"{problem.message} It gets nothing more; the run goes on and is the same without it.",
                hint=problem.hint,
                evidence={"sink": name, "where": where},
            )
            self.findings += (finding,)
            self._say(f"warning: {finding.message}")


def open_sinks(names: Sequence[str], about: About, say: Callable[[str], None] | None = None) -> Sinks:
    """The sinks of these names; one that cannot be opened is said and left out.

    Args:
        names: of ``SINKS``.
        about: the run.
        say: writes a line for whoever watches; None: Python warnings for failures, nothing else.

    Raises:
        SettingsError: there is no such sink, or the console is asked for and nobody writes lines.
        PermanentError: its library is not installed.
    """
    for name in names:
        if name not in SINKS:
            raise SettingsError(
                f"There is no sink `{name}`.{near_miss(name, SINKS)}", hint=f"There are {', '.join(SINKS)}."
            )
    adapters = {name: importlib.import_module(SINKS[name]) for name in dict.fromkeys(names)}
    for adapter in adapters.values():
        adapter.require_ready(say)
    opened: dict[str, Sink] = {}
    failed = Sinks({name: _Unopened() for name in adapters}, say)
    for name, adapter in adapters.items():

        def begin(name: str = name, adapter: Any = adapter) -> None:
            opened[name] = adapter.open_sink(about, say)

        failed._try(name, "when it was opened", begin)
    sinks = Sinks(opened, say)
    sinks.findings = failed.findings
    return sinks


class _Unopened:
    """Stands for a sink until it is opened."""

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        del step, metrics

    def close(self) -> None:
        pass


def _asked(name: str, where: str, call: Callable[[], None]) -> None:
    """The call, whatever it raises as an error of the world."""
    try:
        call()
    except Exception as problem:  # a library, or a function of the caller, may raise anything
        said = " ".join(str(problem).split())[:200]
        raise PermanentError(
            f"The sink `{name}` failed {where}: {type(problem).__name__}{f': {said}' if said else ''}.",
            hint="Look after its disk or its library; metrics are in the result of the run as well.",
        ) from problem


def _warned(message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # a filter that turns warnings into errors must not stop a run
        warnings.warn(message, RuntimeWarning, stacklevel=2)
