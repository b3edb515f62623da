"""The loop around every learner: compiled steps, progress, checkpoints, sinks, early stops, and what went wrong.

A learner is a frozen set of settings with three pure functions: ``init(key)`` makes a state, ``step(state)`` does one
compiled piece of work and tells its metrics, ``policy(state)`` gives the weights to act by. Numbers that one may sweep
are leaves of the learner, so that it goes through ``vmap`` with them; sizes are not. The loop owns nothing else, so a
run that was stopped goes on from its last checkpoint as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from telic.errors import DataError, NumericalError, SettingsError, WorldError
from telic.reports import Finding, Outcome, Severity

__all__ = ["Judging", "Learner", "Trained", "init_options", "step_options", "train"]


STOPPED = "training-stopped"
"""Code of the finding of a run that the keyboard stopped."""

QUICK_STEP = {"xla_backend_optimization_level": 1, "xla_cpu_prefer_vector_width": 512}
QUICK_INIT = {"xla_backend_optimization_level": 0}
"""How hard the compiler tries on a processor. Products are library calls, which gain nothing from more: a step of PPO
took as long with 1 as with the usual 3, and a quarter less to compile; what runs once is not worth any.
Vectors of 512 bits, where a processor has them, took 3 to 7 % off a step of PPO (36 timings each, in turn, on a busy
machine); fast arithmetic and level 2 took nothing off."""


@runtime_checkable
class Learner(Protocol):
    """What the loop needs of a learner; it is a pytree."""

    def init(self, key: Any) -> Any:
        """The state before the first step; pure."""
        ...

    def step(self, state: Any) -> tuple[Any, dict[str, Any]]:
        """The state after a piece of work, and metrics as scalars; pure, compiled once."""
        ...


@runtime_checkable
class Judging(Protocol):
    """A learner that may find at the end of a run that there is no answer, such as budgets that nobody keeps."""

    def judge(self, state: Any) -> tuple[Outcome, tuple[Finding, ...]]:
        """What the last state says of the run."""
        ...


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run came to.

    Attributes:
        state: after the last step that was finite; what the learner makes a policy from.
        outcome: ``SUCCESS``, also where it stopped early because ``stop`` said so; ``NON_FINITE``; ``INTERRUPTED``
            where a world outside compiled code failed, or the keyboard stopped the run; else what the learner
            itself says of its last state (``judge``).
        n_steps: steps done, those before a resume included.
        history: metric to one number a step of this run.
        seconds: processor seconds of this run, compilation included.
        compile_seconds: of them until the first step was done.
        findings: what was noticed.
    """

    state: Any
    outcome: Outcome
    n_steps: int
    history: Mapping[str, np.ndarray]
    seconds: float
    compile_seconds: float
    findings: tuple[Finding, ...] = ()

    def answer(self) -> Any:
        """The state, where it may be used.

        Raises:
            NumericalError: the run came to no answer.
            KeyboardInterrupt: the keyboard stopped it; whoever is around it is stopped too.
        """
        if self.is_stopped:
            raise KeyboardInterrupt
        if not self.outcome.ok:
            raise NumericalError(
                f"Training is not an answer ({self.outcome.label}).", hint=self.outcome.value
            )
        return self.state

    @property
    def is_stopped(self) -> bool:
        """Whether the keyboard stopped the run."""
        return any(finding.code == STOPPED for finding in self.findings)


def train(
    learner: Learner,
    key: int,
    n_steps: int,
    *,
    stop: Callable[[Mapping[str, float]], bool] | None = None,
    checkpoint: Callable[[int, Any], None] | None = None,
    every: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    sink: Callable[[int, Mapping[str, float]], None] | None = None,
    resume: tuple[int, Any] | None = None,
) -> Trained:
    """The run of a learner.

    Stopped by the keyboard, it hands the state after its last whole step to ``checkpoint`` and comes to
    ``INTERRUPTED``; its ``answer()`` then raises ``KeyboardInterrupt`` again.

    Args:
        learner: settings and pure functions.
        key: random key of the whole run.
        n_steps: steps in all, those before a resume included.
        stop: from the metrics of a step to whether that is enough.
        checkpoint: takes the number of steps done and the state, every ``every`` steps and at the end.
        every: steps between checkpoints; 0: only at the end.
        progress: takes steps done, steps in all, and the metrics.
        sink: takes steps done and the metrics.
        resume: steps done and the state of a checkpoint.

    Raises:
        SettingsError: there is nothing to do.
    """
    done, state = (0, None) if resume is None else resume
    if n_steps <= done:
        raise SettingsError(
            f"`n_steps` must be above the {done} steps already done, got {n_steps}.",
            hint="Give the number in all.",
        )
    begun_at, began = done, time.process_time()
    # A learner whose world is outside compiled code compiles the rest itself.
    is_compiled = getattr(learner, "is_compiled", True)
    step = jax.jit(_step, compiler_options=step_options()) if is_compiled else _step
    told: list[dict[str, float]] = []
    findings: list[Finding] = []
    outcome, compile_seconds = Outcome.SUCCESS, 0.0
    try:
        if state is None:
            init = jax.jit(_init, compiler_options=init_options()) if is_compiled else _init
            state = init(learner, jax.random.key(key))
        while done < n_steps:
            try:
                after, measured = step(learner, state)
            except (DataError, WorldError) as fault:
                if is_compiled:
                    raise
                outcome = Outcome.INTERRUPTED
                findings.append(_world_failed(done, fault))
                break
            metrics = {name: float(value) for name, value in jax.device_get(measured).items()}
            if not compile_seconds:
                compile_seconds = time.process_time() - began
            if not all(np.isfinite(value) for name, value in metrics.items() if not _may_be_missing(name)):
                outcome = Outcome.NON_FINITE
                findings.append(_not_finite(done, metrics))
                break
            told.append(metrics)
            if sink is not None:
                sink(done + 1, metrics)
            # After the sink, and one statement without a call: where the keyboard stops the run, a state and its number
            # belong together, and whoever keeps metrics has those of every step that counts.
            state, done = after, done + 1
            if progress is not None:
                progress(done, n_steps, metrics)
            if checkpoint is not None and every and done % every == 0 and done < n_steps:
                checkpoint(done, state)
            if stop is not None and stop(metrics):
                break
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
        findings.append(_stopped(done, n_steps))
    if checkpoint is not None and state is not None:
        checkpoint(done, state)
    if outcome.ok and isinstance(learner, Judging):
        outcome, noticed = learner.judge(state)
        findings.extend(noticed)
    history: dict[str, list[float]] = {}
    for metrics in told[: done - begun_at]:
        for name, value in metrics.items():
            history.setdefault(name, []).append(value)
    return Trained(
        state=state,
        outcome=outcome,
        n_steps=done,
        history={name: np.array(values) for name, values in history.items()},
        seconds=time.process_time() - began,
        compile_seconds=compile_seconds,
        findings=tuple(findings),
    )


MAY_BE_MISSING = ("mean_return", "mean_cost/")
"""Beginnings of metrics that are NaN while there is nothing to measure, as before the first episode has ended."""


def _may_be_missing(name: str) -> bool:
    return name.startswith(MAY_BE_MISSING)


def _init(learner: Any, key: Any) -> Any:
    return learner.init(key)


def _step(learner: Any, state: Any) -> Any:
    return learner.step(state)


def step_options() -> dict[str, Any] | None:
    """What the compiler is told of a step."""
    return QUICK_STEP if jax.default_backend() == "cpu" else None


def init_options() -> dict[str, Any] | None:
    """What the compiler is told of what runs once."""
    return QUICK_INIT if jax.default_backend() == "cpu" else None


def _stopped(done: int, n_steps: int) -> Finding:
    return Finding(
        code=STOPPED,
        severity=Severity.WARNING,
        message=f"The keyboard stopped the run after step {done:,} of {n_steps:,}; the state after that step is kept.",
        hint="Resume from it: the run then comes to what it would have come to.",
        evidence={"step": done, "n_steps": n_steps},
    )


def _world_failed(done: int, fault: DataError | WorldError) -> Finding:
    return Finding(
        code="training-world-failed",
        severity=Severity.ERROR,
        message=f"In step {done + 1} the world failed; the state before that step is kept. {fault.message}",
        hint=fault.hint,
        evidence={"step": done + 1, "error": fault.code},
    )


def _not_finite(done: int, metrics: Mapping[str, float]) -> Finding:
    bad = [name for name, value in metrics.items() if not np.isfinite(value) and not _may_be_missing(name)]
    return Finding(
        code="training-not-finite",
        severity=Severity.ERROR,
        message=f"In step {done + 1} {', '.join(bad)} became not finite; the state before that step is kept.",
        hint="Lower the learning rate, scale rewards, or look for extreme observations; then resume from it.",
        evidence={"step": done + 1, "metrics": bad},
    )
