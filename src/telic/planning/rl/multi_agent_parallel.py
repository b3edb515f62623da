"""Several agents in parallel environments of PettingZoo: acted with plain arrays, learned from in compiled code.

As ``ppo_gymnasium`` is to ``ppo``: decisions are made in all environments at once by the plain policies of the agents,
and learned from as in ``telic.planning.rl.multi_agent``. A run is a pure function of the settings, the key and the
environments; one that goes on from a checkpoint begins new episodes, since an environment cannot be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import jax
import numpy as np

from telic.neural.driver import step_options
from telic.neural.gymnasium_envs import MANY
from telic.neural.parallel_envs import ParallelWorld
from telic.neural.several_rollout import SeveralDecisions
from telic.policies import NetworkPolicy
from telic.policies.heads import GaussianHead

from .multi_agent import MultiAgentPpo, MultiAgentState

__all__ = ["ParallelPpo"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ParallelPpo:
    """The learner; made by ``of``.

    Attributes:
        world: the streams.
        settings: as of a compiled world; its simulator is the description of the streams.
    """

    is_compiled: ClassVar[bool] = False

    world: ParallelWorld
    settings: MultiAgentPpo

    @classmethod
    def of(
        cls,
        envs: Sequence[Any],
        *,
        longest: int | None = MANY,
        shares: bool | Sequence[Sequence[str]] = False,
        is_central: bool = True,
        **settings: Any,
    ) -> ParallelPpo:
        """The learner in environments of one kind.

        Args:
            envs: parallel environments of PettingZoo, one a stream.
            longest: decisions after which an episode that has not ended is refused; None: it may go on for ever.
            shares: whether agents with the same spaces share weights; or which ones do, by name.
            is_central: whether critics are told what all agents see; False: each its own look.
            settings: of ``Ppo``, but for ``simulator`` and ``n_envs``.

        Raises:
            SettingsError: a setting lies outside its range, or a space is of another kind.
        """
        world = ParallelWorld(envs, longest=longest)
        inner = MultiAgentPpo.of(
            world.described(), shares=shares, is_central=is_central, n_envs=world.n_envs, **settings
        )
        return cls(world=world, settings=inner)

    def init(self, key: Any) -> MultiAgentState:
        """The state before the first update."""
        self.world.observations = []
        state: MultiAgentState = _begun(self.settings, key)
        return state

    def step(self, state: MultiAgentState) -> tuple[MultiAgentState, dict[str, Any]]:
        """One update.

        Raises:
            PermanentError: an environment raised.
            DataError: it gave what cannot be learned from.
        """
        after: tuple[MultiAgentState, dict[str, Any]] = _compiled()(
            self.settings, state, self._collect(state)
        )
        return after

    def policy(self, state: MultiAgentState) -> dict[str, NetworkPolicy]:
        """The policy of each agent, by name; of its own observations alone."""
        return self.settings.policy(state)

    def _collect(self, state: MultiAgentState) -> SeveralDecisions:
        part, world, policies = self.settings.parts[0], self.world, self.policy(state).values()
        T, E = part.n_steps, part.n_envs
        rng = np.random.default_rng(np.asarray(jax.random.key_data(state.key)))
        if not world.observations:
            world.reset(int(rng.integers(2**30)))
        noise = [
            policy.head.noise(
                (T, E), lambda shape: rng.gumbel(size=shape), lambda shape: rng.normal(size=shape)
            ).astype(np.float32)
            for policy in policies
        ]
        made = []
        for t in range(T):
            actions = []
            for policy, z, x in zip(policies, noise, world.observations, strict=True):
                head, outputs = policy.head, policy.outputs(x)
                if isinstance(head, GaussianHead):
                    actions.append(head.middle + head.half * head.draw_u(outputs, z[t]))
                else:
                    actions.append(head.sample(outputs, z[t]))
            made.append(world.step(actions))
        whole: SeveralDecisions = jax.tree.map(lambda *x: np.stack(x), *made)
        return whole


@jax.jit
def _begun(settings: MultiAgentPpo, key: Any) -> MultiAgentState:
    return settings.begun(key)


@cache
def _compiled() -> Any:
    return jax.jit(_learn, compiler_options=step_options())


def _learn(settings: MultiAgentPpo, state: MultiAgentState, made: SeveralDecisions) -> Any:
    key, key_learn = jax.random.split(state.key)
    return settings.learn(state._replace(key=key), made, key_learn)
