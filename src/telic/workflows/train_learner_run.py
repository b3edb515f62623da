"""What ``train`` does with a learner: the run with its checkpoints, and what is told of the policy beside returns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from telic.policies import NetworkPolicy
from telic.reports import Outcome

from .checkpoints import Checkpoints
from .learning_worlds import LearningWorld
from .policy_files import write_onnx
from .progress import Progress
from .project import Run
from .run_places import CHECKPOINTS
from .sinks import Sinks
from .stopped import Stopped

__all__ = ["alike", "exported", "finite", "run_learner"]

ONNX_NAME = "policy.onnx"
CHECKPOINTS_A_RUN = 20
MOST_COMPARED = 10_000
"""Observations on which an exported model is held against the policy."""


def run_learner(
    learner: Any,
    key: int,
    n_steps: int,
    enough: float | None,
    checkpoints: Checkpoints,
    place: Run,
    sink: Sinks,
    progress: Progress,
) -> Any:
    """The run (``telic.neural.driver.Trained``), from its last checkpoint on where there is one.

    Args:
        learner: settings and pure functions.
        key: random key.
        n_steps: steps in all.
        enough: mean return at which it stops; None: it does all steps.
        checkpoints: of the run.
        place: of the run.
        sink: takes metrics.
        progress: told how far it is.

    Raises:
        Stopped: somebody interrupted it; the state is kept.
    """
    from telic.neural.driver import Trained, train

    def told(done: int, total: int, metrics: Mapping[str, float]) -> None:
        shown = {
            k: v for k, v in metrics.items() if k in ("mean_return", "loss", "critic_loss") and np.isfinite(v)
        }
        progress(
            "training", done, total, ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in shown.items())
        )

    resume = checkpoints.latest()
    if resume is not None and resume[0] >= n_steps:
        # Killed when training was over and the policy was not yet written.
        return Trained(
            state=resume[1],
            outcome=Outcome.SUCCESS,
            n_steps=resume[0],
            history={},
            seconds=0.0,
            compile_seconds=0.0,
        )
    trained = train(
        learner,
        key,
        n_steps,
        stop=None if enough is None else lambda metrics: metrics.get("mean_return", -np.inf) >= enough,
        checkpoint=checkpoints,
        every=max(1, n_steps // CHECKPOINTS_A_RUN),
        progress=told,
        sink=sink,
        resume=resume,
    )
    if trained.is_stopped:
        raise Stopped(
            f"Stopped after step {trained.n_steps:,} of {n_steps:,}; the state is in {place.folder / CHECKPOINTS}.",
            hint=f"Go on: telic train --resume {place.folder}",
        )
    return trained


def finite(values: Any) -> list[float | None]:
    """As JSON has it: nothing where a number is not known yet."""
    return [float(v) if np.isfinite(v) else None for v in values]


def alike(policy: Any, world: LearningWorld) -> dict[str, Any] | None:
    """How far a policy from a record is from what was recorded."""
    if world.transitions is None:
        return None
    rows = world.transitions
    best = policy.mode(rows.observations)
    if np.issubdtype(rows.actions.dtype, np.integer):
        return {"share": float(np.mean(best == rows.actions)), "n_decisions": len(rows)}
    off = (best.astype(np.float64) - rows.actions) / rows.head.half
    return {"distance": float(np.sqrt(np.mean(off**2))), "n_decisions": len(rows)}


def exported(folder: Path, policy: NetworkPolicy, world: LearningWorld, key: int) -> dict[str, Any]:
    """The policy as ONNX beside it, proved equal on what was recorded, or on draws as observations are scaled."""
    seen = (
        np.random.default_rng(key).normal(size=(1_000, policy.n_observations)) * policy.scale + policy.shift
        if world.transitions is None
        else world.transitions.observations[:MOST_COMPARED]
    )
    equal = write_onnx(folder / ONNX_NAME, policy, seen.astype(np.float32))
    return {
        "file": ONNX_NAME,
        "n_compared": equal.n,
        "largest_difference": equal.largest_difference,
        "other_actions": equal.n_different,
    }
