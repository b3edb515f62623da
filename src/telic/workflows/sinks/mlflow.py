"""Metrics and settings in a store of MLflow: SQLite beside the policy, unless ``MLFLOW_TRACKING_URI`` names another.

Extra ``mlflow``. Its own telemetry is switched off unless the environment says otherwise.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from telic.errors import PermanentError

if TYPE_CHECKING:
    from .guarded import About

__all__ = ["open_sink", "require_ready"]

STORE = "mlflow.db"
MOST_LETTERS = 500
"""Of the value of a setting; the store takes no more everywhere."""
AT_ONCE = 200
"""Metrics that are written together."""


def require_ready(say: Callable[[str], None] | None) -> None:
    """Nothing, where its libraries are there.

    Raises:
        PermanentError: one is not.
    """
    del say
    missing = [name for name in ("mlflow", "sqlalchemy", "alembic") if importlib.util.find_spec(name) is None]
    if missing:
        raise PermanentError(f"The sink `mlflow` needs {missing[0]}.", hint="pip install 'telic[mlflow]'")


def open_sink(about: About, say: Callable[[str], None] | None) -> _Store:
    """A new run in the store."""
    del say
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    about.folder.mkdir(parents=True, exist_ok=True)
    here = f"sqlite:///{(about.folder / STORE).resolve()}"
    client = MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or here)
    known = client.get_experiment_by_name(about.task)
    experiment = client.create_experiment(about.task) if known is None else known.experiment_id
    run = client.create_run(experiment, run_name=about.name).info.run_id
    params = [Param(name, str(value)[:MOST_LETTERS]) for name, value in about.settings.items()]
    client.log_batch(run, params=params)
    return _Store(client, run, Metric)


class _Store:
    def __init__(self, client: Any, run: str, metric: Any) -> None:
        self._client, self._run, self._metric = client, run, metric
        self._waiting: list[Any] = []

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        self._waiting += [self._metric(name, value, now, step) for name, value in metrics.items()]
        if len(self._waiting) >= AT_ONCE:
            self._write()

    def close(self) -> None:
        self._write()
        self._client.set_terminated(self._run)

    def _write(self) -> None:
        for i in range(0, len(self._waiting), AT_ONCE):
            self._client.log_batch(self._run, metrics=self._waiting[i : i + AT_ONCE])
        self._waiting = []
