"""Proximal policy optimisation in Gymnasium vector environments: acted in batches, learned from in compiled code.

Decisions are made with plain arrays (a network of two layers over some streams takes less time than a call of compiled
code), and learned from as in ``telic.planning.rl.ppo``. A run is a pure function of the settings, the key and the
environment; one that goes on from a checkpoint begins new episodes, since an environment cannot be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import jax
import numpy as np

from telic.errors import SettingsError
from telic.neural.driver import step_options
from telic.neural.gymnasium_envs import VectorWorld
from telic.policies import NetworkPolicy
from telic.policies.heads import GaussianHead
from telic.policies.recurrent import RecurrentPolicy

from .actor_critic import log_prob
from .clipped import Decisions
from .ppo import Ppo, PpoState

__all__ = ["GymnasiumPpo"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GymnasiumPpo:
    """The learner.

    Attributes:
        world: the streams.
        settings: as of a compiled world; its simulator is the description of the streams.
    """

    is_compiled: ClassVar[bool] = False

    world: VectorWorld
    settings: Ppo

    @classmethod
    def of(cls, env: Any, *, longest: int | None = 100_000, **settings: Any) -> GymnasiumPpo:
        """The learner in an environment.

        Args:
            env: a Gymnasium vector environment.
            longest: decisions after which an episode that has not ended is refused; None: it may go on for ever.
            settings: of ``Ppo``, but for ``simulator`` and ``n_envs``.

        Raises:
            SettingsError: a setting lies outside its range, or a space is of another kind.
        """
        if settings.get("curriculum") is not None:
            raise SettingsError(
                "A curriculum needs a compiled world, got an environment of Gymnasium.",
                hint="Make the environment harder yourself, and go on from the state (`resume`).",
            )
        world = VectorWorld(env, longest=longest)
        return cls(world=world, settings=Ppo(simulator=world.described(), n_envs=world.n_envs, **settings))

    def init(self, key: Any) -> PpoState:
        """The state before the first update."""
        self.world.observation = None
        state: PpoState = _init(self.settings, key)
        return state

    def step(self, state: PpoState) -> tuple[PpoState, dict[str, Any]]:
        """One update.

        Raises:
            PermanentError: the environment raised.
            DataError: it gave what cannot be learned from.
        """
        if self.world.observation is None and state.memory is not None:  # new episodes remember nothing
            state = state._replace(memory=jax.tree.map(np.zeros_like, state.memory))
        made, returned = self._collect(state)
        after: tuple[PpoState, dict[str, Any]] = _compiled()(self.settings, state, made, returned)
        return after

    def policy(self, state: PpoState) -> NetworkPolicy | RecurrentPolicy:
        """The policy of a state."""
        return self.settings.policy(state)

    def _collect(self, state: PpoState) -> tuple[Decisions, np.ndarray]:
        settings, world, policy = self.settings, self.world, self.policy(state)
        T, E, head = settings.n_steps, settings.n_envs, settings.head
        rng = np.random.default_rng(np.asarray(jax.random.key_data(state.key)))
        x = world.reset(int(rng.integers(2**31))) if world.observation is None else world.observation
        noise = head.noise((T, E), lambda shape: rng.gumbel(size=shape), lambda shape: rng.normal(size=shape))
        noise = noise.astype(np.float32)
        seen, acted, moved = [], [], []
        memory = None if state.memory is None else np.asarray(state.memory[0])
        for t in range(T):
            if isinstance(policy, RecurrentPolicy):
                assert memory is not None
                memory = policy.remember(memory, x)
                outputs = policy.inner.outputs(memory)
            else:
                outputs = policy.outputs(x)
            if isinstance(head, GaussianHead):
                action = head.middle + head.half * head.draw_u(outputs, noise[t])
            else:
                action = head.sample(outputs, noise[t])
            seen.append(x)
            acted.append(action)
            x, made = world.step(action)
            moved.append(made)
            if memory is not None:
                memory = np.where((made.terminated | made.truncated | ~made.counts)[:, None], 0.0, memory)
        after, reward, terminated, truncated, counts, collected = (
            np.stack(v) for v in zip(*moved, strict=True)
        )
        return Decisions(
            observation=np.stack(seen),
            action=np.stack(acted),
            log_prob=np.zeros((T, E), np.float32),
            reward=reward,
            after=after,
            terminated=terminated,
            truncated=truncated,
            weight=counts.astype(np.float32),
        ), collected


@jax.jit
def _init(settings: Ppo, key: Any) -> PpoState:
    key_weights, key = jax.random.split(key)
    return settings.state_of(settings.init_weights(key_weights), None, key)


@cache
def _compiled() -> Any:
    return jax.jit(_learn, compiler_options=step_options())


def _learn(settings: Ppo, state: PpoState, made: Decisions, returned: Any) -> Any:
    key, key_learn = jax.random.split(state.key)
    # Told by the arithmetic that learns, so that the ratio is 1 before the first pass.
    seen = settings.seen(state, made.observation)
    past = made._replace(memory=state.memory).past
    made = made._replace(log_prob=log_prob(state.weights, settings.head, seen, made.action, past))
    return settings.learn(state._replace(key=key), made, returned, key_learn)
