"""Fresh episodes of a policy in a compiled world: what each returned and what it cost, for judging and never learning.

The policy acts as it is served: from its plain arrays, with its scaling, drawing its actions or taking the most
probable ones. Keys are set apart from those of training, so that the same number in both leads to other episodes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.policies import NetworkPolicy
from telic.policies.heads import Head
from telic.policies.layers import forward

from .networks import Params, from_layers
from .rollout import Running, advance, begin
from .simulators.simulator import Simulator

__all__ = ["Episodes", "fresh_episodes"]

FRESH = 0x6672657368
"""Folded into keys ("fresh" in ASCII): training never does."""


class Episodes(NamedTuple):
    """What episodes came to.

    Attributes:
        returns: ``(n,)`` sums of rewards.
        costs: ``(n, K)`` sums of costs, later decisions weighing by the discount.
    """

    returns: Float[np.ndarray, "n"]
    costs: Float[np.ndarray, "n K"]


def fresh_episodes(
    simulator: Simulator,
    policy: NetworkPolicy,
    key: int,
    n: int,
    *,
    discount: float = 1.0,
    is_drawn: bool = True,
) -> Episodes:
    """Returns and costs of n independent episodes.

    Args:
        simulator: the world; its episodes are cut off at its horizon.
        policy: how to act.
        key: of the episodes.
        n: how many.
        discount: weight of a decision in sums of costs over that of the one before; 1: all alike.
        is_drawn: draw actions; else the most probable one is taken.

    Raises:
        SettingsError: there is no episode, or the world does not say when one is cut off.
    """
    if n < 1:
        raise SettingsError(f"`n` must be at least 1, got {n}.", hint="Some hundred show something.")
    if simulator.horizon < 1:
        raise SettingsError(
            f"{simulator.name} does not say when an episode is cut off.", hint="Give it a `horizon`."
        )
    scaling = (jnp.asarray(policy.shift), jnp.asarray(policy.scale), jnp.float32(policy.clip))
    made_with = jax.random.fold_in(jax.random.fold_in(jax.random.key(key), FRESH >> 32), FRESH & 0xFFFFFFFF)
    returns, costs = _episodes(
        simulator, policy.head, policy.activation, n, is_drawn, from_layers(policy.layers), scaling, discount,
        made_with,
    )  # fmt: skip
    return Episodes(returns=np.asarray(returns, dtype=np.float64), costs=np.asarray(costs, dtype=np.float64))


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _episodes(
    simulator: Simulator,
    head: Head,
    activation: str,
    n: int,
    is_drawn: bool,
    layers: Params,
    scaling: tuple[Any, Any, Any],
    discount: Any,
    key: Any,
) -> tuple[Any, Any]:
    shift, scale, clip = scaling
    key_begin, key = jax.random.split(key)

    def act(observation: Any, key: Any) -> Any:
        x = jnp.clip((observation - shift) / scale, -clip, clip)
        outputs = forward(layers, x, activation, jnp)
        if not is_drawn:
            return head.mode(outputs, jnp)
        key_gumbel, key_normal = jax.random.split(key)
        noise = head.noise(
            (n,),
            lambda shape: jax.random.gumbel(key_gumbel, shape),
            lambda shape: jax.random.normal(key_normal, shape),
            jnp,
        )
        return head.sample(outputs, noise, jnp)

    def one(carry: tuple[Running, Any, Any, Any], key: Any) -> tuple[Any, None]:
        running, sums, is_going, weight = carry
        key_action, key_world = jax.random.split(key)
        action = act(running.observation, key_action)
        running, made = jax.vmap(lambda r, a, k: advance(simulator, r, a, k))(
            running, action, jax.random.split(key_world, n)
        )
        told = jnp.zeros((n, 0)) if made.costs is None else weight * made.costs
        rows = jnp.concatenate([made.reward[:, None], told], axis=1)
        # No product: what comes after the end of an episode may be anything.
        sums = sums + jnp.where(is_going[:, None], rows, 0.0)
        return (running, sums, is_going & ~(made.terminated | made.truncated), weight * discount), None

    running = jax.vmap(lambda k: begin(simulator, k))(jax.random.split(key_begin, n))
    begun = (running, jnp.zeros((n, 1 + len(simulator.costs))), jnp.ones(n, bool), jnp.float32(1.0))
    (_, sums, _, _), _ = jax.lax.scan(one, begun, jax.random.split(key, simulator.horizon))
    return sums[:, 0], sums[:, 1:]
