"""Cloning by a network: from decisions to a policy, with what was held out telling when to stop and how sure to be.

What the experts did is a supervised problem (Pomerleau 1991); the learner is in ``cloning_learner``, the likelihoods
are in ``losses``. Columns are scaled by the mean and standard deviation of the training rows alone. Whole
trajectories are held out; training stops when they have not become likelier for a while, and the sureness of the policy
is then set by one number on them. No guarantee follows for what the policy does where experts never were: that is what
``telic.imitation.dagger`` asks about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import telic
from telic.neural.driver import Trained, train
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import Head
from telic.policies.windows import WindowPolicy
from telic.reports import Finding, Provenance, Severity

from .calibration import Calibration, calibration, sharpened, sureness
from .cloning_problem import CloneSettings, prepared
from .examples import Examples

__all__ = ["CloneSettings", "Cloned", "clone"]


@dataclass(frozen=True, kw_only=True)
class Cloned:
    """What cloning came to.

    Attributes:
        policy: to act by; a ``WindowPolicy`` where it sees what was before.
        trained: the run.
        held_out: how sure the policy is of what was held out, after its sureness was set on it; None: nothing was.
        factor: by which log-odds were divided or spreads multiplied; 1: not.
        findings: what was noticed.
    """

    policy: NetworkPolicy | EnsemblePolicy | WindowPolicy
    trained: Trained
    held_out: Calibration | None
    factor: float
    findings: tuple[Finding, ...]


def clone(
    examples: Examples,
    *,
    head: Head | None = None,
    settings: CloneSettings | None = None,
    key: int = 0,
    checkpoint: Callable[[int, Any], None] | None = None,
    checkpoint_every: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    sink: Callable[[int, Mapping[str, float]], None] | None = None,
    resume: tuple[int, Any] | None = None,
) -> Cloned:
    """The policy under which what was done is likeliest.

    Args:
        examples: decisions of the experts.
        head: family of actions; default that of the examples (amounts need one, for their bounds).
        settings: see there.
        key: random key of the whole run: of what is held out, of the first weights and of batches.
        checkpoint: takes looks done and the state.
        checkpoint_every: looks between checkpoints; 0: only at the end.
        progress: takes looks done, looks in all, and the metrics.
        sink: takes looks done and the metrics.
        resume: looks done and the state of a checkpoint.

    Raises:
        DataError: no decisions, something that is not finite, one action only, or one beyond bounds.
        NumericalError: training became not finite.
        SettingsError: a setting lies outside its range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> seen = rng.normal(size=(400, 2))
        >>> found = clone(Examples.from_arrays(seen, (seen[:, 0] > 0).astype(int)), key=1)
        >>> found.policy.mode(np.array([[1.0, 0.0], [-1.0, 0.0]])).tolist()
        [1, 0]
    """
    settings = CloneSettings() if settings is None else settings
    learner, learning, held_out, shift, scale = prepared(examples, head=head, settings=settings, key=key)
    trained = train(
        learner,
        key,
        -(-settings.n_updates // settings.every),
        stop=lambda metrics: metrics["n_stale"] >= settings.patience,
        checkpoint=checkpoint,
        every=checkpoint_every,
        progress=progress,
        sink=sink,
        resume=resume,
    )
    members = learner.policies(trained.answer(), shift, scale, settings.clip)
    provenance = Provenance(
        inputs={"examples": examples.digest},
        settings={"method": "cloning", "key": key, **_plain(settings)},
        code=telic.__version__,
    )
    members = tuple(replace(m, provenance=provenance) for m in members)
    policy: NetworkPolicy | EnsemblePolicy = (
        members[0] if len(members) == 1 else EnsemblePolicy(members=members, provenance=provenance)
    )
    factor, told = 1.0, None
    if held_out is not None:
        if settings.is_sharpened:
            factor = sureness(policy, held_out)
            policy = sharpened(policy, factor)
        told = calibration(policy, held_out)
    return Cloned(
        policy=WindowPolicy(inner=policy, n_back=settings.n_back) if settings.n_back else policy,
        trained=trained,
        held_out=told,
        factor=factor,
        findings=(*trained.findings, *_noticed(learning, held_out, trained, learner.head, settings)),
    )


def _noticed(
    learning: Examples, held_out: Examples | None, trained: Trained, head: Head, settings: CloneSettings
) -> list[Finding]:
    found = []
    if held_out is None:
        found.append(
            Finding(
                code="nothing-held-out",
                severity=Severity.WARNING,
                message="Nothing was held out: the weights were chosen by the decisions that they learned from.",
                hint="Give at least two trajectories and a share to hold out; calibration is then told.",
                evidence={"trajectories": learning.n_trajectories},
            )
        )
    if trained.history["n_stale"].size and trained.history["n_stale"][-1] == 0:
        found.append(
            Finding(
                code="still-learning",
                severity=Severity.INFO,
                message=f"The last look was the best of {trained.n_steps}: more steps may explain more.",
                hint="Raise `n_updates`.",
                evidence={"looks": trained.n_steps, "updates": settings.n_updates},
            )
        )
    if head.is_discrete and learning.actions.ndim == 1:
        never = sorted(set(range(head.n_outputs)) - set(np.unique(learning.actions).tolist()))
        if never:
            found.append(
                Finding(
                    code="actions-never-seen",
                    severity=Severity.WARNING,
                    message=f"Actions {never[:8]} are not among the decisions that were learned from.",
                    hint="Their probability is a guess; leave them out, or ask for examples of them.",
                    evidence={"actions": never},
                )
            )
    return found


def _plain(settings: CloneSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}
