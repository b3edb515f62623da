"""Who does the work: this process, or the workers of a Ray cluster; the same tasks, and the same results in order.

A task is a function of a module and one argument. Errors come back as values and are raised again here, so that an
error of a worker is the error that this process would have raised. Ray is an extra (``telic[ray]``) and runs on this
machine; workers read the files and write beside the store themselves, so only names, counts and labels travel.
"""

from __future__ import annotations

import abc
import importlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from telic.errors import SettingsError, TelicError, TemporaryError

from .spilling import NeedsWhole

__all__ = ["AbstractWorkers", "HereAndNow", "RayWorkers"]

STORE_BYTES = 128 << 20
"""Memory that workers share: only names, counts and labels travel."""

Task = TypeVar("Task")
Made = TypeVar("Made")


class AbstractWorkers(abc.ABC):
    """Does tasks.

    Attributes:
        n: how many tasks are done at a time.
    """

    n: int = 1

    @abc.abstractmethod
    def run(self, function: Callable[[Task], Made], tasks: Sequence[Task]) -> Iterator[Made]:
        """The result of each task, in order.

        Args:
            function: of a module.
            tasks: its arguments.
        """

    def __enter__(self) -> AbstractWorkers:
        """The workers, ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """They are dismissed."""
        return


class HereAndNow(AbstractWorkers):
    """This process, one task after the other."""

    def run(self, function: Callable[[Task], Made], tasks: Sequence[Task]) -> Iterator[Made]:
        """The result of each task, in order."""
        return map(function, tasks)


class RayWorkers(AbstractWorkers):
    """Worker processes of a Ray cluster on this machine; one that runs already is used, else one is started.

    Args:
        n: number of workers, at least 1.

    Raises:
        SettingsError: Ray is not installed, or ``n`` is too small.
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise SettingsError(f"At least 1 Ray worker is needed, got {n}.", hint="One for each free core.")
        try:
            # Before it is imported: nothing about this machine is sent anywhere, and its cores are ours to count.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
            self._ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError:
            raise SettingsError(
                "Several workers share one ingest through the package `ray`, which is not installed.",
                hint="Install telic with its extra `ray`: pip install 'telic[ray]'. Without it, one process does the "
                "same in bounded memory.",
            ) from None
        self.n = n
        self._is_ours = False

    def __enter__(self) -> RayWorkers:
        """The workers, ready."""
        if not self._ray.is_initialized():
            with warnings.catch_warnings():
                # JAX, where it is loaded, warns of every fork; these run another program at once.
                warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
                self._ray.init(
                    num_cpus=self.n,
                    object_store_memory=STORE_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="error",
                )
            self._is_ours = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """They are dismissed, if they were started here."""
        if self._is_ours:
            self._ray.shutdown()
            self._is_ours = False

    def run(self, function: Callable[[Task], Made], tasks: Sequence[Task]) -> Iterator[Made]:
        """The result of each task, in order; at most ``n`` are under way."""
        remote = self._ray.remote(num_cpus=1, max_retries=0)(_attempt)
        under_way: list[Any] = []
        left = list(tasks)
        try:
            while left or under_way:
                while left and len(under_way) < 2 * self.n:  # so that no worker waits for this process
                    under_way.append(remote.remote(function, left.pop(0)))
                try:
                    made = self._ray.get(under_way.pop(0))
                except self._ray.exceptions.WorkerCrashedError:
                    raise TemporaryError(
                        "A worker was killed, by this machine for its memory or by somebody.",
                        hint="Do it again, with fewer workers where memory was short.",
                    ) from None
                if isinstance(made, _Failed):
                    made.again()
                yield made
        finally:
            for ref in under_way:
                self._ray.cancel(ref, force=True)


class _Failed:
    """An error, as it travels."""

    def __init__(self, error: TelicError | NeedsWhole) -> None:
        self.told: tuple[type[TelicError], str, str, dict[str, Any]] | None = None
        if isinstance(error, TelicError):
            self.told = type(error), error.message, error.hint, dict(error.data)

    def again(self) -> None:
        """Raise it."""
        if self.told is None:
            raise NeedsWhole
        kind, message, hint, data = self.told
        raise kind(message, hint=hint, **data)


def _attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """The result, or the error as a value."""
    try:
        return function(task)
    except (TelicError, NeedsWhole) as error:
        return _Failed(error)
