"""A tabular world as a simulator: what is certified exactly there is the measure of what learns by trying."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError
from telic.mdp import TabularMDP

from .simulator import Choices, Simulator, Step

__all__ = ["tabular"]

MOST_NUMBERS = 50_000_000
"""Of a dense table of transitions."""


def tabular(mdp: TabularMDP, reward: Float[np.ndarray, "S A"], *, horizon: int = 1_000) -> Simulator:
    """The simulator of a world and a reward; an observation is the state as S zeros and ones.

    Args:
        mdp: with an initial distribution; all its actions are available everywhere.
        reward: of each pair.
        horizon: decisions after which an episode is cut off.

    Raises:
        DynamicsError: there is no initial distribution, actions are missing somewhere, the reward has another shape, or
            the world is too large for a dense table.
    """
    S, A = mdp.n_states, mdp.n_actions
    if mdp.initial is None:
        raise DynamicsError("A simulator needs an initial distribution.", hint="Give the world `initial`.")
    if not bool(np.all(mdp.availability | _ends(mdp)[:, None])):
        raise DynamicsError(
            "Every action must be available in every state of a simulator.", hint="Let others do nothing."
        )
    if reward.shape != (S, A):
        raise DynamicsError(
            f"`reward` must have shape ({S}, {A}), got {reward.shape}.", hint="Use `reward.expected(mdp)`."
        )
    if S * A * S > MOST_NUMBERS:
        raise DynamicsError(
            f"{S:,} states and {A} actions are too many for a dense simulator.",
            hint="Plan with the tabular solvers.",
        )
    dense = np.asarray(mdp.transition.todense(), dtype=np.float64).reshape(S, A, S)
    cumulative = jnp.asarray(np.cumsum(dense, axis=2), jnp.float32)
    first = jnp.asarray(np.cumsum(mdp.initial), jnp.float32)
    ends, R, eye = jnp.asarray(_ends(mdp)), jnp.asarray(reward, jnp.float32), jnp.eye(S, dtype=jnp.float32)

    def reset(key: Any) -> tuple[Any, Any]:
        state = _drawn(first, key)
        return state, eye[state]

    def step(state: Any, action: Any, key: Any) -> Step:
        after = _drawn(cumulative[state, action], key)
        return Step(state=after, observation=eye[after], reward=R[state, action], terminated=ends[after])

    return Simulator(
        name="tabular",
        n_observations=S,
        actions=Choices(n_actions=A),
        horizon=horizon,
        reset=reset,
        step=step,
    )


def _ends(mdp: TabularMDP) -> np.ndarray:
    return np.zeros(mdp.n_states, dtype=bool) if mdp.absorbing is None else mdp.absorbing


def _drawn(cumulative: Any, key: Any) -> Any:
    """An index by inverse probabilities; what rounding leaves out of the sum goes to the last one that is possible."""
    u = jax.random.uniform(key) * cumulative[-1]
    return jnp.sum(u >= cumulative).astype(jnp.int32)
