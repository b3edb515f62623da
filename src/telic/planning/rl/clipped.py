"""What proximal policy optimisation learns from decisions once they are made: advantages, and passes over them.

    J = E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - c_v E[(V - G)^2] / 2 + c_e E[H],   rho = pi / pi_old,

with advantages A and what values should have been, G, from ``telic.planning.rl.advantages``.

Networks take observations one a column (``telic.neural.networks`` says why), and what a pass needs of a decision lies
in one row, so that a shuffle moves whole rows.

References:
    Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms, equation 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from .actor_critic import Past, Weights, entropy, one_value, outputs_of
from .advantages import advantages
from .leash import divergence

if TYPE_CHECKING:
    from .ppo import Ppo

__all__ = ["Decisions", "improve", "init_optimiser", "passes"]

ADAM_EPSILON = 1e-5
TINY = 1e-8


class Decisions(NamedTuple):
    """T decisions of each of E streams.

    Attributes:
        observation: ``(T, E, D)`` before each, as the networks see it.
        action: ``(T, E)`` or ``(T, E, K)``, amounts before they are cut at their bounds.
        log_prob: ``(T, E)`` of it under the policy that drew it.
        reward: ``(T, E)`` as it is learned from.
        after: ``(T, E, D)`` after each, before an episode began anew.
        terminated: ``(T, E)`` the task ended.
        truncated: ``(T, E)`` the episode was cut off.
        weight: ``(T, E)`` 0 where nothing was decided (a step that only resets), else 1; None: 1 throughout.
        costs: ``(T, E, K)`` beside the reward; None where the world tells none.
        told: ``(T, E, C)`` what the critics are told before each, where it is more than the policy is; None: the same.
        discount: ``(T, E)`` of what comes after each, where decisions last differently long; None: the learner's.
        memory: ``(E, M)`` of the actor and of the critic before the first; None: they have no memory.
        prior: ``(T, E, n_outputs)`` of the policy that this one is held to; None: it is held to none.
        level: ``(T, E)`` of the curriculum when the episode began; None: there is none.
    """

    observation: Any
    action: Any
    log_prob: Any
    reward: Any
    after: Any
    terminated: Any
    truncated: Any
    weight: Any = None
    costs: Any = None
    told: Any = None
    discount: Any = None
    memory: tuple[Any, Any] | None = None
    prior: Any = None
    level: Any = None

    @property
    def past(self) -> Past | None:
        """What networks with a memory take beside the observations."""
        if self.memory is None:
            return None
        anew = self.anew
        return Past(*self.memory, jnp.concatenate([jnp.zeros_like(anew[:1]), anew[:-1]]).T)

    @property
    def anew(self) -> Any:
        """``(T, E)`` where what comes next begins an episode."""
        over = self.terminated | self.truncated
        # A step that only resets was asked of the episode before.
        return over if self.weight is None else over | (self.weight == 0)


def _adam() -> optax.GradientTransformation:
    """Adam, without its rate, for weights in one row."""
    return optax.scale_by_adam(eps=ADAM_EPSILON)


def init_optimiser(weights: Weights) -> Any:
    """The state of the optimiser before the first pass."""
    return _adam().init(ravel_pytree(weights)[0])


def improve(
    learner: Ppo,
    weights: Weights,
    adam: Any,
    made: Decisions,
    rate: Any,
    key: Any,
    *,
    horizon: int | None = None,
    tie: Any = 0.0,
) -> tuple[Weights, Any, Any]:
    """Weights and optimiser after the passes, and the mean loss.

    Args:
        learner: settings.
        weights: the policy that made the decisions, and the critic.
        adam: state of the optimiser.
        made: the decisions.
        rate: of Adam.
        key: random key of the shuffles; consumed.
        horizon: decisions after which an episode is cut off, where that is known.
        tie: what a nat from the policy that this one is held to costs, in the unit of the rewards of ``made``.
    """
    discount = learner.discount if made.discount is None else made.discount
    advantage, target = advantages(weights.critic, made, discount, learner.gae, horizon=horizon)
    return passes(learner, weights, adam, made, advantage, target[None], rate, key, tie=tie)


def passes(
    learner: Ppo,
    weights: Weights,
    adam: Any,
    made: Decisions,
    advantage: Any,
    targets: Any,
    rate: Any,
    key: Any,
    *,
    values: Callable[[Any, Any], Any] | None = None,
    is_scaled: bool = False,
    tie: Any = 0.0,
) -> tuple[Weights, Any, Any]:
    """Weights and optimiser after the passes, and the mean loss, whatever advantages are of.

    Args:
        learner: settings.
        weights: the policy that made the decisions, and its critic or critics.
        adam: state of the optimiser.
        made: the decisions.
        advantage: ``(T, E)`` of them.
        targets: ``(M, T, E)`` what the M critics should have said.
        rate: of Adam.
        key: random key of the shuffles; consumed.
        values: from critics and what they are told, ``(D, N)`` or ``(C, N)``, to what they say, ``(M, N)``; None: one
            critic.
        is_scaled: whether advantages are taken as they are; else they are centred and scaled in each part of a pass.
        tie: what a nat from the policy that this one is held to costs, in the unit of the rewards.
    """
    T, E, D = made.observation.shape
    n_parts, part = learner.n_minibatches, E // learner.n_minibatches
    # A sort of random numbers is a shuffle, and all of them at once compile once.
    order = jnp.argsort(jax.random.bits(key, (learner.n_epochs, E)), axis=1)
    rows, n_action = _packed(made, advantage, targets)
    head, n_told = learner.head, 0 if made.told is None else made.told.shape[-1]
    n_prior = 0 if made.prior is None else made.prior.shape[-1]

    def loss(weights: Weights, now: Any) -> Any:
        x, past = now
        actions = x[D : D + n_action].T
        if head.is_discrete:
            actions = actions.astype(jnp.int32)
        actions = actions if made.action.ndim == 3 else actions[:, 0]
        seen, rest = x[:D], x[D + n_action :]
        known, prior, rest = rest[:n_told], rest[n_told : n_told + n_prior], rest[n_told + n_prior :]
        known = known if n_told else seen
        told = one_value(weights.critic, known, past) if values is None else values(weights.critic, known)
        outputs = outputs_of(weights, head, seen, past)
        apart = divergence(head, outputs, prior.T) if n_prior else None
        return _loss(learner, outputs, actions, rest, told, apart, tie, is_scaled=is_scaled)

    def minibatch(carry: Any, x: Any) -> tuple[Any, Any]:
        flat, adam = carry
        value, gradient = jax.value_and_grad(lambda flat: loss(whole(flat), x))(flat)
        cut = jnp.minimum(1.0, learner.most_gradient / (jnp.sqrt(jnp.sum(gradient**2)) + TINY))
        change, adam = _adam().update(gradient * cut, adam)
        return (flat - rate * change, adam), value

    def epoch(carry: Any, order: Any) -> tuple[Any, Any]:
        parts = rows[order].reshape(n_parts, part, -1, T)
        columns = parts.transpose(0, 2, 1, 3).reshape(n_parts, -1, part * T)
        past = jax.tree.map(lambda a: a[order].reshape(n_parts, part, -1), made.past)
        return jax.lax.scan(minibatch, carry, (columns, past))

    # All numbers in one row: the optimiser is then one piece of code, whatever the layers.
    flat, whole = ravel_pytree(weights)
    (flat, adam), losses = jax.lax.scan(epoch, (flat, adam), order)
    return whole(flat), adam, jnp.mean(losses)


def _packed(made: Decisions, advantage: Any, targets: Any) -> tuple[Any, int]:
    """``(E, numbers of a decision, T)``: everything of a stream in a row; and how many of the numbers are its action.

    Indices of alternatives are exact as floating-point numbers up to 2^24.
    """
    T, E, _ = made.observation.shape
    action = made.action.reshape(T, E, -1).astype(jnp.float32)
    numbers = [made.log_prob, advantage, *targets]
    if made.weight is not None:
        numbers.append(made.weight.astype(jnp.float32))
    more = [a for a in (made.told, made.prior) if a is not None]
    whole = jnp.concatenate([made.observation, action, *more, jnp.stack(numbers, axis=-1)], axis=-1)
    return whole.transpose(1, 2, 0), action.shape[-1]


def _loss(
    learner: Ppo, outputs: Any, actions: Any, rest: Any, told: Any, apart: Any, tie: Any, *, is_scaled: bool
) -> Any:
    """What is made small, over N decisions for which the actor says ``(N, n_outputs)`` and M critics ``(M, N)``.

    Where advantages are scaled, so is what a nat costs (``tie`` a nat, ``apart`` ``(N,)`` nats), or the two would not
    be weighed as in the return.
    """
    M = len(told)
    old, advantage, targets, weight = rest[0], rest[1], rest[2 : 2 + M], rest[2 + M :]
    share = weight[0] / jnp.maximum(jnp.sum(weight[0]), 1.0) if len(weight) else None

    def mean(values: Any) -> Any:
        return jnp.mean(values) if share is None else jnp.sum(values * share)

    head = learner.head
    if not is_scaled:
        advantage = advantage - mean(advantage)
        unit = jnp.sqrt(mean(advantage**2)) + TINY
        advantage, tie = advantage / unit, tie / unit
    ratio = jnp.exp(head.log_prob(outputs, actions, jnp) - old)
    bounded = jnp.clip(ratio, 1.0 - learner.clip, 1.0 + learner.clip)
    gain = mean(jnp.minimum(ratio * advantage, bounded * advantage))
    miss = 0.5 * mean(jnp.sum((told - targets) ** 2, axis=0))
    held = 0.0 if apart is None else tie * mean(apart)
    return -gain + learner.value * miss - learner.entropy * mean(entropy(head, outputs)) + held
