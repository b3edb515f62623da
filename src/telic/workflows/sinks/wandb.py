"""Metrics and settings as files of Weights & Biases, without a network: ``wandb sync FOLDER`` sends them, if you do.

Extra ``wandb``. It runs a process of its own on this machine, which it speaks to by a socket that is a file.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from telic.errors import PermanentError

if TYPE_CHECKING:
    from .guarded import About

__all__ = ["open_sink", "require_ready"]


def require_ready(say: Callable[[str], None] | None) -> None:
    """Nothing, where its library is there.

    Raises:
        PermanentError: it is not.
    """
    del say
    if importlib.util.find_spec("wandb") is None:
        raise PermanentError("The sink `wandb` needs wandb.", hint="pip install 'telic[wandb]'")


def open_sink(about: About, say: Callable[[str], None] | None) -> _Offline:
    """A new run in the folder of the run, never sent anywhere."""
    del say
    import wandb

    about.folder.mkdir(parents=True, exist_ok=True)
    quiet = wandb.Settings(
        mode="offline",
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_meta=True,
    )
    run = wandb.init(
        mode="offline",
        dir=str(about.folder),
        project=re.sub(r"[^\w-]+", "-", about.task),
        name=about.name,
        config=dict(about.settings),
        settings=quiet,
        reinit="create_new",
    )
    return _Offline(run)


class _Offline:
    def __init__(self, run: Any) -> None:
        self._run = run

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()
