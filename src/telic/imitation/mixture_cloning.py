"""Cloning of experts of several kinds: a mixture of policies, and who acted by which of them.

Experts who do different things in one situation are not one expert who is unsure: a single policy mixes what nobody
does. Here each trajectory (or, with a gate, each decision) is by one of K kinds, and the policies, their shares and the
probability of each kind for each trajectory are found together by likelihood (``mixture_learner``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import telic
from telic.errors import SettingsError
from telic.neural.driver import Trained, train
from telic.neural.networks import to_layers
from telic.policies import CategoricalHead, MixturePolicy, NetworkPolicy
from telic.policies.heads import Head
from telic.reports import Finding, Provenance, Severity

from .cloning_learner import Rows
from .cloning_problem import CloneSettings, Prepared, prepared
from .examples import Examples
from .mixture_learner import MixtureCloning

__all__ = ["ClonedMixture", "clone_mixture"]

FEW = 0.02
"""Share below which a component stands for next to nobody."""

BLURRED = 0.9
"""Mean probability of the likeliest kind below which trajectories do not tell whose they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClonedMixture:
    """What cloning came to.

    Attributes:
        policy: to act by, a component drawn at each decision; ``policy.for_episodes`` keeps to one an episode.
        shares: ``(K,)`` of the kinds, the largest first: of trajectories, or the gate's mean over decisions.
        held_out_loss: nats a decision of what was held out, exactly; of the training where nothing was.
        trained: the run.
        findings: what was noticed.
    """

    policy: MixturePolicy
    shares: Float[np.ndarray, "K"]
    held_out_loss: float
    trained: Trained
    findings: tuple[Finding, ...]


def clone_mixture(
    examples: Examples,
    n_components: int,
    *,
    is_per_episode: bool = True,
    n_starts: int = 4,
    gate_hidden: tuple[int, ...] = (32,),
    head: Head | None = None,
    settings: CloneSettings | None = None,
    key: int = 0,
    checkpoint: Callable[[int, Any], None] | None = None,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    sink: Callable[[int, Mapping[str, float]], None] | None = None,
    resume: tuple[int, Any] | None = None,
) -> ClonedMixture:
    """The mixture under which what was done is likeliest.

    Args:
        examples: decisions of the experts; a trajectory is by one of them.
        n_components: K, at least 2.
        is_per_episode: one kind a trajectory; else one a decision, by shares that depend on what is observed.
        n_starts: divisions to climb from. More find the top more surely.
        gate_hidden: units of the layers of the gate, where there is one.
        head: family of actions; default that of the examples (amounts need one, for their bounds).
        settings: of each component; without memory, members or sharpening.
        key: random key of the whole run.
        checkpoint: takes looks done and the state, at the end.
        progress: takes looks done, looks in all, and the metrics.
        sink: takes looks done and the metrics.
        resume: looks done and the state of a checkpoint.

    Raises:
        DataError: no decisions, something that is not finite, one action only, or one beyond bounds.
        NumericalError: training became not finite.
        SettingsError: a setting lies outside its range, or there are fewer trajectories than kinds.
    """
    settings = CloneSettings(is_sharpened=False) if settings is None else settings
    if n_components < 2 or n_starts < 1:
        raise SettingsError(
            f"`n_components` must be at least 2 and `n_starts` at least 1, got {n_components} and {n_starts}.",
            hint="For one kind use `clone`.",
        )
    if settings.n_back or settings.n_members > 1 or settings.is_sharpened:
        raise SettingsError(
            "Components of a mixture have no memory, no members and no sharpening.",
            hint="Give `CloneSettings(n_back=0, n_members=1, is_sharpened=False)`.",
        )
    known = prepared(examples, head=head, settings=settings, key=key)
    if is_per_episode and known.learning.n_trajectories < n_components:
        raise SettingsError(
            f"{known.learning.n_trajectories} trajectories to learn from cannot be of {n_components} kinds.",
            hint="Give more trajectories, or `is_per_episode=False`.",
        )
    learner = _learner(known, n_components, n_starts, is_per_episode, gate_hidden)
    trained = train(
        learner,
        key,
        -(-settings.n_updates // settings.every),
        stop=lambda metrics: metrics["n_stale"] >= settings.patience,
        checkpoint=checkpoint,
        progress=progress,
        sink=sink,
        resume=resume,
    )
    state = trained.answer()
    top = int(np.argmin(np.asarray(state.best_loss)))
    best = jax.tree.map(lambda leaf: np.asarray(leaf[top]), jax.device_get(state.best))
    provenance = Provenance(
        inputs={"examples": examples.digest},
        settings={
            "method": "mixture cloning",
            "key": key,
            "n_components": n_components,
            "is_per_episode": is_per_episode,
            "n_starts": n_starts,
            **asdict(settings),
        },
        code=telic.__version__,
    )
    plain = NetworkPolicy(
        layers=to_layers(jax.tree.map(lambda leaf: leaf[0], best.components)),
        activation=settings.activation,
        head=learner.inner.head,
        shift=known.shift,
        scale=known.scale,
        clip=settings.clip,
        provenance=provenance,
    )
    components = [
        replace(plain, layers=to_layers(jax.tree.map(lambda leaf, k=k: leaf[k], best.components)))
        for k in range(n_components)
    ]
    if is_per_episode:
        shares = np.exp(best.log_shares.astype(np.float64))
        shares = shares / shares.sum()
    else:
        kinds = CategoricalHead(n_actions=n_components)
        gate = replace(plain, layers=to_layers(best.gate), head=kinds)
        shares = np.mean(np.exp(kinds.log_probs(gate.outputs(known.learning.observations))), axis=0)
    order = np.argsort(-shares, kind="stable")
    shares, components = np.asarray(shares, dtype=np.float64)[order], [components[k] for k in order]
    if is_per_episode:
        policy = replace(MixturePolicy.of(components, shares.tolist()), provenance=provenance)
    else:
        last = gate.layers[-1]
        sorted_ = replace(last, weight=last.weight[:, order], bias=last.bias[order])
        gate = replace(gate, layers=(*gate.layers[:-1], sorted_))
        policy = MixturePolicy(gate=gate, components=tuple(components), provenance=provenance)
    return ClonedMixture(
        policy=policy,
        shares=shares,
        held_out_loss=float(state.best_loss[top]),
        trained=trained,
        findings=(*trained.findings, *_noticed(policy, shares, known, is_per_episode)),
    )


def _learner(
    known: Prepared, n_components: int, n_starts: int, is_per_episode: bool, gate_hidden: tuple[int, ...]
) -> MixtureCloning:
    held = known.learning if known.held_out is None else known.held_out
    return MixtureCloning(
        inner=known.learner,
        trajectory=_trajectories(known.learning, known.learner.rows),
        held_trajectory=_trajectories(held, known.learner.held_out),
        n_trajectories=known.learning.n_trajectories,
        n_held=held.n_trajectories,
        n_components=n_components,
        n_starts=n_starts,
        is_per_episode=is_per_episode,
        gate_hidden=gate_hidden,
    )


def _trajectories(examples: Examples, rows: Rows) -> Any:
    """``(capacity,)`` which trajectory each row is of; one more than there are in padding."""
    of = np.repeat(np.arange(examples.n_trajectories), np.diff(examples.offsets))
    more = len(rows.x) - len(of)
    return jnp.asarray(np.pad(of, (0, more), constant_values=examples.n_trajectories), jnp.int32)


def _noticed(
    policy: MixturePolicy, shares: np.ndarray, known: Prepared, is_per_episode: bool
) -> list[Finding]:
    found = []
    few = np.flatnonzero(shares < FEW)
    if len(few):
        found.append(
            Finding(
                code="components-of-nobody",
                severity=Severity.WARNING,
                message=f"{len(few)} of {len(shares)} components have shares below {FEW:.0%}.",
                hint="Use fewer components.",
                evidence={"shares": shares.tolist()},
            )
        )
    if is_per_episode:
        x = known.learning
        whole = x.select(np.diff(x.offsets) > 0)
        sure = policy.responsibilities(whole.observations, whole.actions, whole.offsets).max(axis=1).mean()
        if sure < BLURRED:
            found.append(
                Finding(
                    code="components-overlap",
                    severity=Severity.WARNING,
                    message=f"Trajectories do not tell whose they are: the likeliest kind has probability {sure:.2f} on"
                    " average.",
                    hint="One policy may do as well (`clone`); or give longer trajectories.",
                    evidence={"mean_probability": float(sure)},
                )
            )
    return found
