"""Planning while acting: the best of many tried sequences of amounts, of which the first is done, and then again.

The cross-entropy method: N sequences of H actions are drawn from a bell a step and dimension, tried in a world, and the
bell is refitted to the n best of them, a few times over; the answer is its mean. The next decision begins with what is
left of the last plan, and with narrower bells (receding horizon, warm start). Noise is the same for every observation
and only depends on the key, so a plan is a pure function of (observation, memory, key), alone or in a batch.

What is made large is ``sum_t gamma^t r_t`` up to the end of the task, plus ``gamma^H`` times what ``beyond`` says of
the last state. Without it the plan does not care what comes after H decisions.

References:
    Rubinstein and Kroese (2004), The cross-entropy method, chapter 4.
    Chua, Calandra, McAllister and Levine (2018), Deep reinforcement learning in a handful of trials, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from telic.errors import DataError, SettingsError
from telic.neural.simulators.simulator import Amounts, Simulator
from telic.policies.heads import GaussianHead

__all__ = ["Mpc", "MpcPolicy", "Plan", "PlanMemory"]

LEAST_SD = 1e-4
"""Of a bell, in half ranges: below it the draws of float32 are one."""


class PlanMemory(NamedTuple):
    """Where the next plans of n streams begin.

    Attributes:
        actions: ``(n, H, K)`` middles of the bells, scaled to [-1, 1].
        sd: ``(n, H, K)`` their widths.
    """

    actions: Any
    sd: Any


class Plan(NamedTuple):
    """What was planned.

    Attributes:
        actions: ``(H, K)`` scaled to [-1, 1].
        value: what the world says the plan is worth; the mean of the best sequences.
    """

    actions: Any
    value: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Mpc:
    """How plans are made.

    Attributes:
        simulator: the world that plans are tried in, true or learned; its actions are amounts.
        beyond: from a state of it to what is to come after the plan; None: nothing.
        horizon: H.
        n_samples: N, sequences a round. More is nearer to the best, at its cost.
        n_best: n of them that the bells are refitted to.
        n_rounds: refits.
        n_chances: outcomes that each sequence is tried on, where the world is one of chance; the mean counts.
        discount: gamma.
        sd: of the bells at first, in half ranges.
        warm_sd: of the bells at first where there is a plan to go on with.
    """

    simulator: Simulator = field(metadata={"static": True})
    beyond: Callable[[Any], Any] | None = field(default=None, metadata={"static": True})
    horizon: int = field(default=20, metadata={"static": True})
    n_samples: int = field(default=256, metadata={"static": True})
    n_best: int = field(default=32, metadata={"static": True})
    n_rounds: int = field(default=4, metadata={"static": True})
    n_chances: int = field(default=1, metadata={"static": True})
    discount: Any = 1.0
    sd: Any = 0.7
    warm_sd: Any = 0.3

    def __post_init__(self) -> None:
        if not isinstance(self.simulator.actions, Amounts):
            raise SettingsError(
                f"Plans by sampling are of amounts, and {self.simulator.name} has choices.",
                hint="Use `Dqn` or `Ppo`; for counted states the planners of `telic.planning`.",
            )
        for name in ("horizon", "n_rounds", "n_chances"):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"`{name}` must be at least 1, got {getattr(self, name)}.", hint="See its default."
                )
        if not 2 <= self.n_best <= self.n_samples:
            raise SettingsError(
                f"`n_best` must lie between 2 and `n_samples`, got {self.n_best} of {self.n_samples}.",
                hint="An eighth is usual.",
            )

    @property
    def head(self) -> GaussianHead:
        """The bounds of the amounts."""
        assert isinstance(self.simulator.actions, Amounts)
        return self.simulator.actions.head()

    def plan(self, state: Any, before: Any, sd: Any, key: Any) -> Plan:
        """A plan.

        Args:
            state: of the world, one stream.
            before: ``(H, K)`` middles of the bells at first, scaled.
            sd: ``(H, K)`` their widths.
            key: random key; consumed.
        """
        H, K = self.horizon, self.head.n_dimensions
        key_noise, key_world = jax.random.split(key)
        chances = jax.random.split(key_world, (self.n_chances, H))

        def refit(carry: Any, key: Any) -> tuple[Any, Any]:
            mean, sd = carry
            noise = jax.random.normal(key, (self.n_samples, H, K))
            tried = jnp.clip(mean + sd * noise, -1.0, 1.0)
            worth = jax.vmap(lambda actions: self.worth(state, actions, chances))(tried)
            best, places = jax.lax.top_k(worth, self.n_best)
            chosen = tried[places]
            carry = (jnp.mean(chosen, axis=0), jnp.maximum(jnp.std(chosen, axis=0), LEAST_SD))
            return carry, jnp.mean(best)

        (mean, _), values = jax.lax.scan(refit, (before, sd), jax.random.split(key_noise, self.n_rounds))
        return Plan(actions=mean, value=values[-1])

    def worth(self, state: Any, actions: Any, chances: Any) -> Any:
        """What a sequence of scaled actions ``(H, K)`` is worth, over chances; minus infinity if not finite."""

        def along(keys: Any) -> Any:
            def one(carry: Any, given: Any) -> tuple[Any, None]:
                state, total, left = carry
                action, key = given
                made = self.simulator.step(state, self.head.middle + self.head.half * action, key)
                total = total + left * made.reward
                discount = self.discount if made.discount is None else made.discount
                left = left * discount * (1.0 - made.terminated)
                return (made.state, total, left), None

            begin = (state, jnp.zeros((), jnp.float32), jnp.ones((), jnp.float32))
            (last, total, left), _ = jax.lax.scan(one, begin, (actions, keys))
            return total if self.beyond is None else total + left * self.beyond(last)

        total = jnp.mean(jax.vmap(along)(chances))
        return jnp.where(jnp.isfinite(total), total, -jnp.inf)


@dataclass(frozen=True, kw_only=True, eq=False)
class MpcPolicy:
    """Acting by plans, for batches of observations.

    ``mode`` plans each observation anew; ``begin`` and ``act`` keep the last plan in a memory of the caller's, which
    costs fewer rounds for the same. It has no log-probabilities: it does one thing.

    Attributes:
        planner: how plans are made.
        read: from an observation ``(D,)``, as an array of the engine, to the state of the planner's world; None: the
            observation is the state, as in learned dynamics.
        key: of the draws of ``mode``.
    """

    planner: Mpc
    read: Callable[[Any], Any] | None = None
    key: int = 0

    @property
    def head(self) -> GaussianHead:
        """The family of actions: their bounds."""
        return self.planner.head

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return self.planner.simulator.n_observations

    def begin(self, observations: Num[np.ndarray, "n D"]) -> PlanMemory:
        """The memory at the beginning of n episodes: the middle of the ranges, and wide bells."""
        shape = (len(observations), self.planner.horizon, self.head.n_dimensions)
        return PlanMemory(
            actions=np.zeros(shape, np.float32), sd=np.full(shape, self.planner.sd, dtype=np.float32)
        )

    def act(
        self, memory: PlanMemory, observations: Num[np.ndarray, "n D"], key: int | None = None
    ) -> tuple[Float[np.ndarray, "n K"], PlanMemory]:
        """Actions, and the memory after them: what is left of each plan, its last action twice.

        Args:
            memory: from ``begin`` or the last decision.
            observations: of n streams.
            key: of the draws; None: that of the policy. Give another at each decision.
        """
        plans = np.asarray(self.plans(observations, memory, key).actions)
        action = self.head.middle + self.head.half * plans[:, 0]
        sd = np.full_like(plans, self.planner.warm_sd)
        sd[:, -1] = self.planner.sd
        return action, PlanMemory(actions=np.concatenate([plans[:, 1:], plans[:, -1:]], axis=1), sd=sd)

    def mode(self, observations: Num[np.ndarray, "n D"]) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` the first action of a plan made anew."""
        return self.act(self.begin(observations), observations)[0]

    def sample(self, observations: Num[np.ndarray, "n D"], key: int) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` the same with other draws; nothing is explored."""
        return self.act(self.begin(observations), observations, key)[0]

    def plans(
        self,
        observations: Num[np.ndarray, "n D"],
        memory: PlanMemory,
        key: int | None = None,
    ) -> Plan:
        """The plan of each observation, ``(n, H, K)``, and what it promises, ``(n,)``.

        Raises:
            DataError: observations have another length or are not finite, or the memory is not theirs.
        """
        x = np.asarray(observations, np.float32)
        if x.ndim != 2 or x.shape[1] != self.n_observations:
            raise DataError(
                f"Observations must have shape (n, {self.n_observations}), got {x.shape}.",
                hint="One row a stream.",
            )
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        if len(bad):
            raise DataError(
                f"Observations must be finite; {len(bad)} are not (first: row {bad[0]}).",
                hint="A policy must not act on what was not measured.",
                rows=bad[:20].tolist(),
            )
        wanted = (len(x), self.planner.horizon, self.head.n_dimensions)
        if memory.actions.shape != wanted:
            raise DataError(
                f"The memory must have shape {wanted}, got {memory.actions.shape}.",
                hint="Begin anew where streams came or went.",
            )
        found: Plan = self._planned(self.planner, x, memory, jax.random.key(self.key if key is None else key))
        return found

    @cached_property
    def _planned(self) -> Any:
        read = self.read or (lambda observation: observation)

        def every(planner: Mpc, x: Any, memory: PlanMemory, key: Any) -> Plan:
            # One key for all rows: a plan does not depend on who else is in the batch.
            return jax.vmap(lambda o, before, sd: planner.plan(read(o), before, sd, key))(x, *memory)

        return jax.jit(every)
