"""A world whose decisions are options: each runs, inside compiled code, until it stops.

What an option collects is one reward, discounted decision by decision, and what comes after it is discounted by
``gamma^k``, k decisions: a semi-Markov process (Sutton, Precup and Singh 1999, section 3). Any learner that takes the
discount of a step, such as PPO, then learns which option to choose; its own discount must be the same gamma.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.policies import NetworkPolicy, TabularPolicy
from telic.policies.layers import forward
from telic.policies.options import Option

from .simulator import Choices, Simulator, Step

__all__ = ["with_options"]

MANY = 1_000
"""Decisions after which an option is stopped that has no limit of its own."""


def with_options(
    simulator: Simulator, options: Sequence[Option], *, discount: float, horizon: int, longest: int = MANY
) -> Simulator:
    """The simulator in which an action is the option that runs next.

    Args:
        simulator: the world beneath; its own horizon does not count.
        options: at least two that begin everywhere; policies and probabilities to stop are networks, or tables where
            observations are states as zeros and ones.
        discount: gamma, of a decision beneath.
        horizon: options after which an episode is cut off.
        longest: decisions after which an option that has no limit of its own stops.

    Raises:
        SettingsError: there are fewer than two, one does not begin everywhere, or is of a kind that cannot be compiled.
    """
    if len(options) < 2:
        raise SettingsError(f"A choice needs at least 2 options, got {len(options)}.", hint="Follow the one.")
    if not 0.0 < discount <= 1.0:
        raise SettingsError(f"`discount` must lie in (0, 1], got {discount}.", hint="That of the learner.")
    partial_ = [o.name for o in options if o.begins is not None]
    if partial_:
        raise SettingsError(
            f"Options {partial_[:3]} begin in some states only.",
            hint="Say what they do everywhere (`begins=None`), or plan with `solve_options`.",
        )
    acts = [_acting(o.name, o.policy) for o in options]
    stops = [_stopping(o) for o in options]
    limits = jnp.asarray([longest if o.longest is None else o.longest for o in options], jnp.int32)

    def reset(key: Any) -> tuple[Any, Any]:
        state, observation = simulator.reset(key)
        return (state, observation), observation

    def step(state: Any, action: Any, key: Any) -> Step:
        def goes(carry: Any) -> Any:
            return carry["goes"]

        def once(carry: Any) -> Any:
            key_act, key_world, key_stop, key = jax.random.split(carry["key"], 4)
            done = jax.lax.switch(action, acts, carry["observation"], key_act)
            made = simulator.step(carry["state"], done, key_world)
            n, share = carry["n"] + 1, carry["share"] * discount
            chance = jax.lax.switch(action, stops, made.observation)
            over = made.terminated | (jax.random.uniform(key_stop) < chance) | (n >= limits[action])
            return {
                "state": made.state,
                "observation": made.observation,
                "reward": carry["reward"] + carry["share"] * made.reward,
                "share": share,
                "n": n,
                "terminated": made.terminated,
                "goes": ~over,
                "key": key,
            }

        begun = {
            "state": state[0],
            "observation": state[1],
            "reward": jnp.float32(0.0),
            "share": jnp.float32(1.0),
            "n": jnp.int32(0),
            "terminated": jnp.bool_(False),
            "goes": jnp.bool_(True),
            "key": key,
        }
        found = jax.lax.while_loop(goes, once, begun)
        return Step(
            state=(found["state"], found["observation"]),
            observation=found["observation"],
            reward=found["reward"],
            terminated=found["terminated"],
            discount=found["share"],
        )

    return Simulator(
        name=f"{simulator.name} by options",
        n_observations=simulator.n_observations,
        actions=Choices(n_actions=len(options)),
        horizon=horizon,
        reset=reset,
        step=step,
    )


def _acting(name: str, policy: Any) -> Any:
    """From an observation and a key to an action, as compiled code."""
    if isinstance(policy, TabularPolicy) and policy.table.ndim == 2:
        with np.errstate(divide="ignore"):
            logs = jnp.asarray(np.log(policy.table), jnp.float32)
        return lambda x, key: jax.random.categorical(key, logs[jnp.argmax(x)]).astype(jnp.int32)
    if isinstance(policy, NetworkPolicy):
        head = policy.head

        def act(x: Any, key: Any) -> Any:
            key_gumbel, key_normal = jax.random.split(key)
            noise = head.noise(
                (),
                lambda shape: jax.random.gumbel(key_gumbel, shape),
                lambda shape: jax.random.normal(key_normal, shape),
                jnp,
            )
            action = head.sample(_outputs(policy, x), noise, jnp)
            return action.astype(jnp.int32 if head.is_discrete else jnp.float32)

        return act
    raise SettingsError(
        f"Option {name!r} follows a {type(policy).__name__}, which is not compiled.",
        hint="Imitate it by a network (`telic.imitation.network_distillation`), or give a table.",
    )


def _stopping(option: Option) -> Any:
    """From an observation to the probability to stop there."""
    stops = option.stops
    if isinstance(stops, NetworkPolicy):
        head = stops.head
        return lambda x: jnp.exp(head.log_prob(_outputs(stops, x), jnp.int32(1), jnp))
    if hasattr(stops, "log_prob"):
        raise SettingsError(
            f"Option {option.name!r} stops by a {type(stops).__name__}, which is not compiled.",
            hint="Give a network of two alternatives, a table by state, or a number.",
        )
    chance = jnp.asarray(stops, jnp.float32)
    return (lambda x: chance[jnp.argmax(x)]) if chance.ndim else (lambda x: chance + 0.0 * x[0])


def _outputs(policy: NetworkPolicy, x: Any) -> Any:
    scaled = jnp.clip((x - policy.shift) / policy.scale, -policy.clip, policy.clip).astype(jnp.float32)
    return forward(policy.layers, scaled, policy.activation, jnp)
