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

import jax.numpy as jnp
import numpy as np

import telic
from telic.errors import SettingsError
from telic.neural.driver import Trained, train
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import Head
from telic.policies.layers import Activation
from telic.policies.windows import WindowPolicy, windows
from telic.reports import Finding, Provenance, Severity

from .action_checks import check_actions
from .calibration import Calibration, calibration, sharpened, sureness
from .cloning_learner import Cloning, Rows
from .examples import Examples

__all__ = ["CloneSettings", "Cloned", "clone", "learner_of"]


@dataclass(frozen=True, kw_only=True)
class CloneSettings:
    """How a network is cloned.

    Attributes:
        hidden: units of the layers between.
        activation: between layers.
        n_updates: gradient steps at most; the rate falls to 0 over them.
        every: gradient steps between looks at what was held out.
        patience: looks without a better one after which training stops.
        batch: decisions of a gradient step.
        held_out: share of trajectories to choose by.
        learning_rate: of Adam. More is faster until it breaks.
        decay: of weights. More is smoother.
        averaging: share of the running mean of weights kept a gradient step.
        evenness: 1: means are fitted as by least squares; 0: by plain likelihood. Amounts only.
        n_members: of the ensemble; 1: a single network.
        n_back: earlier observations and actions that are seen; 0: the present observation.
        clip: largest size of a scaled observation that the network sees.
        is_sharpened: whether sureness is set on what was held out.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "tanh"
    n_updates: int = 10_000
    every: int = 200
    patience: int = 20
    batch: int = 256
    held_out: float = 0.1
    learning_rate: float = 1e-3
    decay: float = 0.0
    averaging: float = 0.99
    evenness: float = 1.0
    n_members: int = 1
    n_back: int = 0
    clip: float = 10.0
    is_sharpened: bool = True

    def __post_init__(self) -> None:
        whole = {
            "n_updates": self.n_updates,
            "every": self.every,
            "patience": self.patience,
            "batch": self.batch,
            "n_members": self.n_members,
        }
        for name, number in whole.items():
            if number < 1:
                raise SettingsError(f"`{name}` must be at least 1, got {number}.", hint="See its default.")
        if self.n_back < 0 or not self.learning_rate > 0 or self.decay < 0:
            raise SettingsError(
                f"`n_back` and `decay` must be at least 0 and `learning_rate` above 0, got {self.n_back},"
                f" {self.decay} and {self.learning_rate}.",
                hint="0.001 is the usual rate.",
            )
        if not (0 <= self.averaging < 1 and 0 <= self.evenness <= 1):
            raise SettingsError(
                f"`averaging` must lie in [0, 1) and `evenness` in [0, 1], got {self.averaging} and {self.evenness}.",
                hint="0.99 and 1 are the defaults.",
            )


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
    head = examples.head() if head is None else head
    check_actions(examples, head)
    seen = _with_windows(examples, head, settings.n_back)
    learning, held_out = seen.split(settings.held_out, key)
    shift, scale = _scaling(learning)
    learner = learner_of(learning, held_out, head, settings, shift, scale)
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


def _scaling(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of the columns, float32; 1 for a column that never moves."""
    x = examples.observations.astype(np.float64)
    weight = (examples.weights / examples.weights.sum())[:, None].astype(np.float64)
    shift = np.sum(weight * x, axis=0)
    scale = np.sqrt(np.sum(weight * (x - shift) ** 2, axis=0))
    still = scale <= 1e-7 * np.maximum(1.0, np.abs(shift))
    return shift.astype(np.float32), np.where(still, 1.0, scale).astype(np.float32)


def learner_of(
    learning: Examples,
    held_out: Examples | None,
    head: Head,
    settings: CloneSettings,
    shift: np.ndarray,
    scale: np.ndarray,
) -> Cloning:
    """The learner of scaled rows, padded to a power of two so that more rows need not be compiled anew."""
    return Cloning(
        rows=_padded(learning, shift, scale, settings.clip),
        held_out=_padded(learning if held_out is None else held_out, shift, scale, settings.clip),
        head=head,
        hidden=tuple(settings.hidden),
        activation=settings.activation,
        batch=settings.batch,
        n_gradients=settings.every,
        n_members=settings.n_members,
        n_updates=float(settings.n_updates),
        learning_rate=settings.learning_rate,
        decay=settings.decay,
        averaging=settings.averaging,
        evenness=settings.evenness,
    )


def _padded(examples: Examples, shift: np.ndarray, scale: np.ndarray, clip: float) -> Rows:
    n = examples.n_decisions
    more = (1 << (n - 1).bit_length()) - n
    x = np.clip((examples.observations - shift) / scale, -clip, clip)
    # Rows of the data itself stand in the padding: they have no weight, but they must not be out of bounds.
    action = np.concatenate([examples.actions, np.repeat(examples.actions[:1], more, axis=0)])
    weight = examples.weights / examples.weights.mean()
    return Rows(
        x=jnp.asarray(np.pad(x, ((0, more), (0, 0))), dtype=jnp.float32),
        action=jnp.asarray(action),
        weight=jnp.asarray(np.pad(weight, (0, more)), dtype=jnp.float32),
        n=jnp.asarray(n, dtype=jnp.int32),
    )


def _with_windows(examples: Examples, head: Head, n_back: int) -> Examples:
    if not n_back:
        return examples
    seen = windows(examples.observations, examples.actions, examples.offsets, head, n_back)
    return replace(
        examples, observations=seen.astype(np.float32), names=tuple(str(i) for i in range(seen.shape[1]))
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
