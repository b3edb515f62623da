"""Metrics as event files that TensorBoard reads: ``tensorboard --logdir FOLDER`` (extra ``tensorboard``)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from telic.errors import PermanentError

if TYPE_CHECKING:
    from .guarded import About

__all__ = ["open_sink", "require_ready"]

FOLDER = "tensorboard"


def require_ready(say: Callable[[str], None] | None) -> None:
    """Nothing, where its library is there.

    Raises:
        PermanentError: it is not.
    """
    del say
    if importlib.util.find_spec("tensorboardX") is None:
        raise PermanentError(
            "The sink `tensorboard` needs tensorboardX.", hint="pip install 'telic[tensorboard]'"
        )


def open_sink(about: About, say: Callable[[str], None] | None) -> _Events:
    """Event files below the folder of the run."""
    del say
    from tensorboardX import SummaryWriter

    return _Events(SummaryWriter(logdir=str(about.folder / FOLDER)))


class _Events:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()
