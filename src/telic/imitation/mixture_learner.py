"""The learner of mixtures: K policies and who acts by which, so that what experts of several kinds did is likeliest.

    one kind a trajectory:   max  sum_i log sum_k w_k prod_t pi_k(a_it | o_it)
    one kind a decision:     max  sum_it log sum_k g_k(o_it) pi_k(a_it | o_it)

Both are climbed by expectation and gradient steps: with ``r`` the probability of each kind given what was done, the
gradient of the likelihood is that of ``sum r_k (log w_k + log pi_k)`` with ``r`` held still (Fisher's identity). Of
trajectories ``r`` is computed from all their decisions before each round of gradient steps, and ``w`` is its mean; of
decisions both are computed in the batch. The likelihood has many tops (at least one for each order of the kinds), so
several starts, each from a random division, climb side by side, and the one is taken under which decisions held out are
likeliest.

References:
    Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, section 3.
    Jacobs, Jordan, Nowlan and Hinton (1991), Adaptive mixtures of local experts, Neural Computation 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from telic.neural.networks import Params, apply, init_network

from .cloning_learner import Cloning, Rows
from .losses import negative_log_likelihood

__all__ = ["MixtureCloning", "MixtureState", "MixtureWeights"]


class MixtureWeights(NamedTuple):
    """What is learned: networks with the kinds first, and shares: a network of them, or their logarithms ``(K,)``."""

    components: Params
    gate: Params
    log_shares: Any


class MixtureState(NamedTuple):
    """Everything that a run goes on from; each leaf has the starts first.

    Attributes:
        weights: after the last gradient step.
        averaged: running mean of them.
        optimiser: of Adam.
        kinds: ``(U, K)`` probability of each kind for each trajectory.
        key: of batches.
        best: weights under which decisions held out were likeliest.
        best_loss: nats a decision of them.
        n_stale: looks without a better one.
        n_done: gradient steps.
    """

    weights: MixtureWeights
    averaged: MixtureWeights
    optimiser: Any
    kinds: Any
    key: Any
    best: MixtureWeights
    best_loss: Any
    n_stale: Any
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class MixtureCloning:
    """The learner.

    Attributes:
        inner: decisions, families and settings of each component, as of a single policy.
        trajectory: ``(capacity,)`` of each row to learn from; ``n_trajectories`` in padding.
        held_trajectory: the same of the rows held out.
        n_trajectories: to learn from.
        n_held: held out.
        n_components: K.
        n_starts: divisions to climb from.
        is_per_episode: one kind a trajectory; else one a decision, by a gate.
        gate_hidden: units of the layers of the gate.
    """

    inner: Cloning
    trajectory: Any
    held_trajectory: Any
    n_trajectories: int = field(metadata={"static": True})
    n_held: int = field(metadata={"static": True})
    n_components: int = field(metadata={"static": True})
    n_starts: int = field(default=4, metadata={"static": True})
    is_per_episode: bool = field(default=True, metadata={"static": True})
    gate_hidden: tuple[int, ...] = field(default=(32,), metadata={"static": True})

    def init(self, key: Any) -> MixtureState:
        """The state before the first step."""
        begun: MixtureState = jax.vmap(self._begun)(jax.random.split(key, self.n_starts))
        return begun

    def step(self, state: MixtureState) -> tuple[MixtureState, dict[str, Any]]:
        """A division, gradient steps, and a look at what was held out, of each start."""
        after, (loss, held_out) = jax.vmap(self._round)(state)
        return after, {
            "loss": jnp.mean(loss),
            "held_out_loss": jnp.min(held_out),
            "best_held_out_loss": jnp.min(after.best_loss),
            "n_stale": jnp.min(after.n_stale),
        }

    def component_losses(self, components: Params, x: Any, action: Any) -> Any:
        """``(B, K)`` negative log-likelihood of each kind, in nats."""
        inner = self.inner
        each = jax.vmap(
            lambda p: negative_log_likelihood(
                inner.head, apply(p, x, inner.activation), action, inner.evenness
            )
        )(components)
        return each.T

    def log_likelihood(self, weights: MixtureWeights, rows: Rows, trajectory: Any, n: int) -> Any:
        """Nats a decision of all rows, exactly: that of trajectories, or of decisions."""
        losses = self.component_losses(weights.components, rows.x, rows.action)
        if self.is_per_episode:
            whole = jax.nn.logsumexp(weights.log_shares + self._sums(losses, rows, trajectory, n), axis=1)
            return jnp.sum(whole) / jnp.sum(rows.weight)
        each = jax.nn.logsumexp(self._log_gate(weights, rows.x) - losses, axis=1)
        return jnp.sum(rows.weight * each) / jnp.sum(rows.weight)

    def _begun(self, key: Any) -> MixtureState:
        key_parts, key_gate, key_kinds, key = jax.random.split(key, 4)
        inner, K = self.inner, self.n_components
        sizes = (inner.rows.x.shape[1], *inner.hidden, inner.head.n_outputs)
        gate = (inner.rows.x.shape[1], *self.gate_hidden, K)
        # Kinds of a gate part by their own beginnings, those of trajectories by the division.
        gain = 0.01 if self.is_per_episode else 1.0
        weights = MixtureWeights(
            components=jax.vmap(lambda k: init_network(k, sizes, final_gain=gain))(
                jax.random.split(key_parts, K)
            ),
            gate=() if self.is_per_episode else init_network(key_gate, gate, final_gain=0.01),
            log_shares=jnp.full(K, -jnp.log(float(K)), jnp.float32),
        )
        drawn = jax.random.randint(key_kinds, (self.n_trajectories,), 0, K)
        return MixtureState(
            weights=weights,
            averaged=weights,
            optimiser=optax.scale_by_adam().init(weights),
            kinds=jax.nn.one_hot(drawn, K, dtype=jnp.float32),
            key=key,
            best=weights,
            best_loss=jnp.array(jnp.inf, jnp.float32),
            n_stale=jnp.zeros((), jnp.int32),
            n_done=jnp.zeros((), jnp.int32),
        )

    def _round(self, state: MixtureState) -> tuple[MixtureState, Any]:
        inner, weights, kinds = self.inner, state.weights, state.kinds
        if self.is_per_episode:
            losses = self.component_losses(weights.components, inner.rows.x, inner.rows.action)
            sums = self._sums(losses, inner.rows, self.trajectory, self.n_trajectories)
            now = jax.nn.softmax(weights.log_shares + sums, axis=1)
            kinds = jnp.where(state.n_done > 0, now, kinds)
            shares = jnp.mean(kinds, axis=0)
            weights = weights._replace(log_shares=jnp.log(jnp.maximum(shares, 1e-9)))
        key, key_draw = jax.random.split(state.key)
        drawn = jax.random.randint(key_draw, (inner.n_gradients, inner.batch), 0, inner.rows.n)
        adam = optax.scale_by_adam()

        def loss(weights: MixtureWeights, which: Any) -> Any:
            x, weight = inner.rows.x[which], inner.rows.weight[which]
            losses = self.component_losses(weights.components, x, inner.rows.action[which])
            if self.is_per_episode:
                total = jnp.sum(kinds[self.trajectory[which]] * losses, axis=1)
            else:
                joint = self._log_gate(weights, x) - losses
                kind = jax.lax.stop_gradient(jax.nn.softmax(joint, axis=1))
                total = -jnp.sum(kind * joint, axis=1)
            return jnp.sum(weight * total) / jnp.maximum(jnp.sum(weight), 1e-12)

        def gradient_step(carry: Any, which: Any) -> tuple[Any, Any]:
            weights, averaged, optimiser, n_done = carry
            value, gradient = jax.value_and_grad(loss)(weights, which)
            change, optimiser = adam.update(gradient, optimiser)
            along = jnp.clip(n_done / inner.n_updates, 0.0, 1.0)
            rate = inner.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * along))
            moved = jax.tree.map(lambda p, c: p - rate * (c + inner.decay * p), weights, change)
            weights = moved._replace(log_shares=weights.log_shares)
            keep = jnp.minimum(inner.averaging, n_done / (n_done + 10.0))
            averaged = jax.tree.map(lambda m, p: keep * m + (1.0 - keep) * p, averaged, weights)
            return (weights, averaged._replace(log_shares=weights.log_shares), optimiser, n_done + 1), value

        carry = (weights, state.averaged, state.optimiser, state.n_done)
        (weights, averaged, optimiser, n_done), values = jax.lax.scan(gradient_step, carry, drawn)
        held_out = -self.log_likelihood(averaged, inner.held_out, self.held_trajectory, self.n_held)
        is_better = held_out < state.best_loss
        after = MixtureState(
            weights=weights,
            averaged=averaged,
            optimiser=optimiser,
            kinds=kinds,
            key=key,
            best=jax.tree.map(lambda new, old: jnp.where(is_better, new, old), averaged, state.best),
            best_loss=jnp.minimum(held_out, state.best_loss),
            n_stale=jnp.where(is_better, 0, state.n_stale + 1),
            n_done=n_done,
        )
        return after, (jnp.mean(values), held_out)

    def _sums(self, losses: Any, rows: Rows, trajectory: Any, n: int) -> Any:
        """``(n, K)`` log-likelihood of each trajectory under each kind."""
        return -jax.ops.segment_sum(rows.weight[:, None] * losses, trajectory, num_segments=n + 1)[:n]

    def _log_gate(self, weights: MixtureWeights, x: Any) -> Any:
        return jax.nn.log_softmax(apply(weights.gate, x, self.inner.activation), axis=1)
