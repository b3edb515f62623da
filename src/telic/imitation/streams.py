"""Worlds to act in, several streams side by side: compiled simulators, or environments of Gymnasium.

What was observed after a decision and what the next one is made on differ where an episode ended between them; both are
told, so that no transition joins two episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, SettingsError
from telic.neural.rollout import advance, begin
from telic.neural.simulators.simulator import Simulator
from telic.typing import BoolArray

__all__ = ["EnvironmentStreams", "Made", "SimulatedStreams", "Streams"]


class Made(NamedTuple):
    """What one decision of each stream led to.

    Attributes:
        after: ``(n, D)`` observed after it, before an episode began anew.
        following: ``(n, D)`` what the next decision is made on.
        reward: ``(n,)``.
        is_over: ``(n,)`` whether the episode ended or was cut off.
    """

    after: NDArray[Any]
    following: NDArray[Any]
    reward: NDArray[Any]
    is_over: BoolArray


@runtime_checkable
class Streams(Protocol):
    """What learning by trying needs of worlds side by side."""

    n_streams: int

    def reset(self, key: int) -> NDArray[Any]:
        """``(n, D)`` first observations of new episodes; the key tells all chance from here on."""
        ...

    def step(self, actions: Any) -> Made:
        """What a decision in each stream led to; episodes that end begin anew."""
        ...


class SimulatedStreams:
    """Streams of a compiled simulator.

    Args:
        simulator: the world.
        n_streams: side by side.
    """

    def __init__(self, simulator: Simulator, n_streams: int) -> None:
        if n_streams < 1:
            raise SettingsError(f"`n_streams` must be at least 1, got {n_streams}.", hint="8 is usual.")
        self.n_streams = n_streams
        self._begin = jax.jit(
            lambda key: jax.vmap(lambda k: begin(simulator, k))(jax.random.split(key, n_streams))
        )

        def step(running: Any, actions: Any, key: Any) -> Any:
            keys = jax.random.split(key, n_streams)
            return jax.vmap(lambda r, a, k: advance(simulator, r, a, k))(running, actions, keys)

        self._step = jax.jit(step)
        self._running: Any = None
        self._key: Any = None

    def reset(self, key: int) -> NDArray[Any]:
        """``(n, D)`` first observations of new episodes."""
        self._key, key_begin = jax.random.split(jax.random.key(key))
        self._running = self._begin(key_begin)
        return np.asarray(self._running.observation)

    def step(self, actions: Any) -> Made:
        """What a decision in each stream led to."""
        self._key, key_step = jax.random.split(self._key)
        self._running, made = self._step(self._running, np.asarray(actions), key_step)
        return Made(
            after=np.asarray(made.after),
            following=np.asarray(self._running.observation),
            reward=np.asarray(made.reward),
            is_over=np.asarray(made.terminated | made.truncated),
        )


class EnvironmentStreams:
    """Streams of environments with the interface of Gymnasium, one a stream.

    Args:
        environments: separate ones; each is begun anew when its episode ends.
    """

    def __init__(self, environments: Sequence[Any]) -> None:
        if not environments:
            raise SettingsError("Streams need at least one environment, got none.", hint="Make some.")
        self.n_streams = len(environments)
        self._environments = list(environments)

    def reset(self, key: int) -> NDArray[Any]:
        """``(n, D)`` first observations of new episodes; stream i begins with seed ``key * n + i``."""
        first = [env.reset(seed=key * self.n_streams + i)[0] for i, env in enumerate(self._environments)]
        return _finite(np.stack(first))

    def step(self, actions: Any) -> Made:
        """What a decision in each stream led to."""
        after, following, rewards, overs = [], [], [], []
        for env, action in zip(self._environments, actions, strict=True):
            observation, reward, terminated, truncated, _ = env.step(action)
            is_over = bool(terminated) or bool(truncated)
            after.append(observation)
            following.append(env.reset()[0] if is_over else observation)
            rewards.append(float(reward))
            overs.append(is_over)
        return Made(
            after=_finite(np.stack(after)),
            following=_finite(np.stack(following)),
            reward=np.array(rewards),
            is_over=np.array(overs),
        )


def _finite(observations: NDArray[Any]) -> NDArray[Any]:
    if not np.all(np.isfinite(observations)):
        which = int(np.flatnonzero(~np.isfinite(observations).all(axis=1))[0])
        raise DataError(
            f"The environment of stream {which} gave an observation that is not finite.",
            hint="Mend the environment; nothing can be learned from it.",
        )
    return observations
