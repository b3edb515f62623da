"""Many training runs, here or by the workers of a Ray cluster: the same runs, and the same results one by one.

Each run has a folder of its own, with its checkpoints and, once it is over, what it came to. So a sweep that was killed
is called again with the same arguments: what is finished is read, what was under way goes on, and nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.hashing import digest_json
from telic.datasets.partitions.workers import AbstractWorkers, HereAndNow, RayWorkers
from telic.errors import SettingsError
from telic.policies import NetworkPolicy
from telic.reports import Outcome
from telic.storage import atomic_write

from .checkpoints import Checkpoints, described
from .progress import Progress, silent

__all__ = ["Run", "Swept", "sweep"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a sweep.

    Attributes:
        learner: settings and pure functions.
        key: random key.
        n_steps: steps at most.
    """

    learner: Any
    key: int
    n_steps: int


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a run came to.

    Attributes:
        policy: after its last step.
        outcome: ``SUCCESS``, also where ``stop`` said that it was enough; ``NON_FINITE``.
        n_steps: steps done.
        history: metric to one number a step.
    """

    policy: NetworkPolicy
    outcome: Outcome
    n_steps: int
    history: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class _Task:
    run: Run
    folder: Path
    every: int
    stop: Callable[[Mapping[str, float]], bool] | None


def sweep(
    runs: Sequence[Run],
    folder: str | Path,
    *,
    every: int = 0,
    stop: Callable[[Mapping[str, float]], bool] | None = None,
    ray: int | None = None,
    progress: Progress = silent,
) -> list[Swept]:
    """What each run came to, in order; by any number of workers the same.

    Args:
        runs: each with a learner that has ``policy``.
        folder: for all of them; runs that are finished there are not done again.
        every: steps between checkpoints; 0: only at the end.
        stop: from the metrics of a step to whether that is enough.
        ray: number of Ray workers on this machine; None: this process.
        progress: told how many runs are over.

    Raises:
        SettingsError: there is nothing to do, two runs are the same, or Ray is not installed.
        TemporaryError: a worker was killed, or the disk is full; call again.
    """
    folders = [Path(folder) / _name(run) for run in runs]
    if not runs:
        raise SettingsError("A sweep needs at least one run, got none.", hint="Give a `Run` for each key.")
    if len(set(folders)) < len(folders):
        raise SettingsError(
            "Two runs of a sweep are the same: learner, key and steps.", hint="Give each another key."
        )
    tasks = [_Task(run=r, folder=f, every=every, stop=stop) for r, f in zip(runs, folders, strict=True)]
    workers: AbstractWorkers = HereAndNow() if ray is None else RayWorkers(ray)
    found = []
    with workers:
        for made in workers.run(_done, tasks):
            found.append(made)
            progress("training", len(found), len(runs), f"{made.outcome.label} after {made.n_steps:,} steps")
    return found


def _name(run: Run) -> str:
    told = {"learner": described(run.learner), "n_steps": run.n_steps}
    return f"key-{run.key}-{digest_json(told).removeprefix('sha256:')[:16]}"


def _done(task: _Task) -> Swept:
    from telic.neural.driver import train

    run, kept = task.run, task.folder / "history.json"
    checkpoints = Checkpoints(task.folder, run.learner, run.key)
    resume, history, outcome = checkpoints.latest(), {}, None
    if resume is not None:
        told = json.loads(kept.read_text())
        history = {name: values[: resume[0]] for name, values in told["history"].items()}
        outcome = Outcome[told["outcome"]] if told["outcome"] else _over(task, resume[0], history)

    def note(outcome: Outcome | None) -> None:
        told = {"outcome": outcome and outcome.name, "history": history}
        atomic_write(kept, json.dumps(told).encode())

    def measured(_: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            history.setdefault(name, []).append(value)

    def checkpoint(done: int, state: Any) -> None:
        note(None)  # first: a state is never there without what led to it
        checkpoints(done, state)

    state, n_steps = (None, 0) if resume is None else (resume[1], resume[0])
    if outcome is None:
        trained = train(
            run.learner,
            run.key,
            run.n_steps,
            stop=task.stop,
            checkpoint=checkpoint,
            every=task.every,
            sink=measured,
            resume=resume,
        )
        if trained.is_stopped:
            raise KeyboardInterrupt  # its checkpoint is kept: called again, the sweep goes on from there
        state, n_steps, outcome = trained.state, trained.n_steps, trained.outcome
        note(outcome)
    return Swept(
        policy=run.learner.policy(state),
        outcome=outcome,
        n_steps=n_steps,
        history={name: np.array(values) for name, values in history.items()},
    )


def _over(task: _Task, done: int, history: Mapping[str, list[float]]) -> Outcome | None:
    """Success, where the run was killed when it was over and had not said so."""
    last = {name: values[-1] for name, values in history.items() if values}
    is_enough = task.stop is not None and bool(last) and task.stop(last)
    return Outcome.SUCCESS if is_enough or done >= task.run.n_steps else None
