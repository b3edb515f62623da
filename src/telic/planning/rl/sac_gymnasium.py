"""Soft actor-critic in Gymnasium vector environments, MuJoCo's among them: acted in outside, learned from inside.

Each decision of the streams is followed by the updates that ``telic.planning.rl.sac`` makes after one, in two calls of
compiled code: what was seen is kept and learned from, then the next action is drawn. The buffer is written in place. A
run is a pure function of the settings, the key and the environment; one that goes on from a checkpoint has its whole
buffer and begins new episodes, since an environment cannot be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.neural.driver import step_options
from telic.neural.experience import kept
from telic.neural.gymnasium_envs import VectorWorld
from telic.neural.rollout import Transition
from telic.policies import NetworkPolicy

from .sac import Sac, SacState

__all__ = ["GymnasiumSac"]

METRICS = ("critic_loss", "entropy", "temperature")


class Carried(NamedTuple):
    """What compiled code writes into in place: the state, and sums of metrics."""

    state: SacState
    sums: dict[str, Any]
    n: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class GymnasiumSac:
    """The learner.

    Attributes:
        world: the streams.
        settings: as of a compiled world; its simulator is the description of the streams. The first ``n_random``
            decisions come before those of the first step of the loop.
    """

    is_compiled: ClassVar[bool] = False

    world: VectorWorld
    settings: Sac

    @classmethod
    def of(cls, env: Any, *, longest: int | None = 100_000, **settings: Any) -> GymnasiumSac:
        """The learner in an environment.

        Args:
            env: a Gymnasium vector environment whose actions are bounded amounts.
            longest: decisions after which an episode that has not ended is refused; None: it may go on for ever.
            settings: of ``Sac``, but for ``simulator`` and ``n_envs``.

        Raises:
            SettingsError: a setting lies outside its range, or a space is of another kind.
        """
        world = VectorWorld(env, longest=longest)
        sac = Sac(simulator=world.described(), n_envs=world.n_envs, **settings)
        _ = sac.head  # refuses choices at the door
        return cls(world=world, settings=sac)

    def init(self, key: Any) -> SacState:
        """The state before the first decision; the streams begin with the first step."""
        self.world.observation = None
        state: SacState = _compiled().init(self.settings, key)
        return state

    def step(self, state: SacState) -> tuple[SacState, dict[str, Any]]:
        """``n_steps`` decisions of each stream, each with its updates; a step that only resets has none.

        Raises:
            PermanentError: the environment raised.
            DataError: it gave what cannot be learned from.
        """
        settings, world, code = self.settings, self.world, _compiled()
        key, key_acts, key_learns = jax.random.split(state.key, 3)
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        x = world.reset(int(rng.integers(2**31))) if world.observation is None else world.observation
        # What is written into in place is a copy, so that the state before stays where the world fails.
        carried = Carried(
            code.copied(state._replace(key=None)), {name: np.float32(0) for name in METRICS}, np.int32(0)
        )
        n_by_chance = 0 if int(state.replay.n_put) else settings.n_random
        shape = (settings.n_envs, settings.head.n_dimensions)
        for t in range(-n_by_chance, settings.n_steps):
            if t < 0:
                scaled = rng.uniform(-1.0, 1.0, shape).astype(np.float32)
            else:
                scaled = np.asarray(code.act(settings, carried.state.learned.actor, x, key_acts, np.int32(t)))
            x, made, counts = self._made(x, scaled)
            carried = code.keep(settings, carried, made, counts)
            if t >= 0 and counts.any():
                carried = code.learn(settings, carried, key_learns, np.int32(t))
        state, n = carried.state._replace(key=key), max(1, int(carried.n))
        metrics = {name: total / n for name, total in carried.sums.items()}
        return state, {**metrics, "mean_return": state.returns.mean, "n_episodes": state.returns.n_episodes}

    def policy(self, state: SacState) -> NetworkPolicy:
        """The policy of a state."""
        return self.settings.policy(state)

    def _made(self, x: np.ndarray, scaled: np.ndarray) -> tuple[np.ndarray, Transition, np.ndarray]:
        """Observations now, what scaled actions led to, and where anything was decided."""
        head = self.settings.head
        following, moved = self.world.step(head.middle + head.half * scaled)
        made = Transition(
            observation=x,
            action=scaled,
            reward=moved.reward,
            after=moved.after,
            terminated=moved.terminated,
            truncated=moved.truncated,
            collected=moved.collected,
        )
        return following, made, moved.counts


class Code(NamedTuple):
    """Functions as compiled."""

    init: Any
    copied: Any
    act: Any
    keep: Any
    learn: Any


@cache
def _compiled() -> Code:
    options = step_options()
    return Code(
        init=jax.jit(lambda settings, key: settings.state_of(None, key)),
        copied=jax.jit(lambda state: jax.tree.map(jnp.copy, state)),
        act=jax.jit(_act, compiler_options=options),
        keep=jax.jit(_keep, compiler_options=options, donate_argnums=1),
        learn=jax.jit(_learn, compiler_options=options, donate_argnums=1),
    )


def _act(settings: Sac, actor: Any, x: Any, key: Any, t: Any) -> Any:
    return settings.act(actor, x, jax.random.fold_in(key, t))


def _keep(settings: Sac, carried: Carried, made: Transition, counts: Any) -> Carried:
    return carried._replace(state=kept(carried.state, settings.fields, made, counts))


def _learn(settings: Sac, carried: Carried, key: Any, t: Any) -> Carried:
    state = carried.state
    learned, told = settings.learn(state.learned, state.replay, jax.random.fold_in(key, t))
    return Carried(
        state._replace(learned=learned),
        {name: total + told[name] for name, total in carried.sums.items()},
        carried.n + 1,
    )
