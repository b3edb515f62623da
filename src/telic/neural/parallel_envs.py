"""Parallel environments of PettingZoo as streams of decisions of several agents; what goes wrong in one is said.

Several environments of one kind are stepped side by side. An agent is there while the environment lists it in
``agents``; it leaves by ``terminations`` or ``truncations``, which stay apart, and the next episode begins when nobody
is left. Agents may come later in an episode; one that left does not come back in it. What an agent that is gone would
observe is 0.

Nothing of PettingZoo is imported: what is stepped is whatever has ``possible_agents``, ``observation_space(agent)``,
``action_space(agent)``, ``reset`` and ``step`` of its parallel interface (1.22.3 and later).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from telic.errors import DataError, PermanentError, SettingsError

from .gymnasium_envs import MANY, actor, observer
from .several_rollout import SeveralDecisions
from .simulators.several import Agent, SeveralSimulator

__all__ = ["ParallelWorld"]


class ParallelWorld:
    """The streams; it keeps where each of them is.

    Args:
        envs: environments with the same agents and spaces, each an object of its own.
        longest: decisions after which an episode that has not ended is refused; None: it may go on for ever.

    Attributes:
        n_envs: E.
        agents: as learners are told of them.
        observations: ``(E, D_i)`` of each agent now; empty before ``reset``, and after anything went wrong.
        active: ``(E, N)`` who is there.

    Raises:
        SettingsError: there is no environment, one is not parallel, or has other agents or spaces than the first.
    """

    def __init__(self, envs: Sequence[Any], *, longest: int | None = MANY) -> None:
        if not envs or len({id(env) for env in envs}) < len(envs):
            raise SettingsError(
                f"Expected different environments, at least one, got {len(envs)}.",
                hint="Make one for each stream.",
            )
        for env in envs:
            if not (hasattr(env, "possible_agents") and callable(getattr(env, "observation_space", None))):
                raise SettingsError(
                    f"Expected a parallel environment of PettingZoo, got {type(env).__name__}.",
                    hint="Take its `parallel_env()`; it must state `possible_agents`.",
                )
        self._envs, self._longest = list(envs), math.inf if longest is None else longest
        self._names = tuple(envs[0].possible_agents)
        self._spaces = [(envs[0].observation_space(n), envs[0].action_space(n)) for n in self._names]
        self._observe, self._act, agents = [], [], []
        for name, (seen, done) in zip(self._names, self._spaces, strict=True):
            observe, D = observer(seen)
            act, actions = actor(done)
            self._observe.append(observe)
            self._act.append(act)
            agents.append(Agent(name=str(name), n_observations=D, actions=actions))
        self.agents, self.n_envs = tuple(agents), len(envs)
        for e in range(self.n_envs):
            fault = self._changed(e)
            if fault:
                raise SettingsError(fault, hint="Make all environments alike.")
        E, N = self.n_envs, len(agents)
        self.observations: list[np.ndarray] = []
        self.active = np.zeros((E, N), dtype=bool)
        self._left = np.zeros((E, N), dtype=bool)
        self._collected = np.zeros((E, N))
        self._length = np.zeros(E, dtype=np.int64)
        self._n_steps = 0

    def described(self) -> SeveralSimulator:
        """What a learner needs to know of the world; it cannot be stepped by compiled code."""
        env = self._envs[0]
        name = (getattr(env, "metadata", None) or {}).get("name", type(env).__name__)
        return SeveralSimulator(name=str(name), agents=self.agents, horizon=0, reset=_outside, step=_outside)

    def reset(self, seed: int) -> None:
        """All streams at the beginning of an episode; environment e begins with ``seed + e``.

        Raises:
            PermanentError: an environment raised.
            DataError: it gave what cannot be learned from.
        """
        self.observations = []
        following = [np.zeros((self.n_envs, a.n_observations), np.float32) for a in self.agents]
        for e in range(self.n_envs):
            self._begin(e, following, seed + e)
        self.observations = following

    def step(self, actions: Sequence[np.ndarray]) -> SeveralDecisions:
        """What the actions ``(E, ...)`` of each agent led to; those of who is gone do not count.

        Raises:
            PermanentError: an environment raised.
            DataError: it gave what cannot be learned from; an episode does not end.
        """
        before, self.observations = self.observations, []
        if not before:
            raise SettingsError("The streams have not begun.", hint="Call `reset` first.")
        self._n_steps += 1
        E, N = self.active.shape
        taken = [act(a) for act, a in zip(self._act, actions, strict=True)]
        after = [np.zeros_like(x) for x in before]
        following = [np.zeros_like(x) for x in before]
        active = self.active.copy()
        rewards = np.zeros((E, N), np.float32)
        terminated, truncated = np.zeros((E, N), dtype=bool), np.zeros((E, N), dtype=bool)
        for e in range(E):
            done = {self._names[i]: taken[i][e] for i in np.flatnonzero(active[e])}
            told = self._asked(e, partial(self._envs[e].step, done), "step")
            self._read(e, told, after, rewards, terminated, truncated)
        self._collected += rewards
        left = terminated | truncated
        collected = np.where(left, self._collected, 0.0).astype(np.float32)
        self._collected[left] = 0.0
        self._left |= left
        present = self.active | truncated
        self._length += 1
        for e in range(E):
            if self.active[e].any():
                for i in np.flatnonzero(self.active[e]):
                    following[i][e] = after[i][e]
                if self._length[e] > self._longest:
                    raise DataError(
                        f"The episode of environment {e} has not ended after {self._longest:,} decisions.",
                        hint="Give the environment a time limit, or `longest=None` where a task goes on for ever.",
                    )
            else:
                self._begin(e, following, None)
        self.observations = following
        return SeveralDecisions(
            observations=tuple(before),
            actions=tuple(actions),
            rewards=rewards,
            after=tuple(after),
            active=active,
            present=present,
            terminated=terminated,
            truncated=truncated,
            collected=collected,
        )

    def _begin(self, e: int, following: list[np.ndarray], seed: int | None) -> None:
        fault = self._changed(e)
        if fault:
            raise DataError(
                f"{fault} It was alike until step {self._n_steps}.", hint="Spaces must not change."
            )
        found = self._asked(e, lambda: self._envs[e].reset(seed=seed), "reset")
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Mapping)):
            raise self._refused(e, "did not give observations and infos on reset")
        self.active[e] = self._listed(e)
        if not self.active[e].any():
            raise self._refused(e, "began an episode with nobody in it")
        for i in np.flatnonzero(self.active[e]):
            following[i][e] = self._look(e, int(i), found[0])
        self._left[e] = False
        self._collected[e] = 0.0
        self._length[e] = 0

    def _read(
        self,
        e: int,
        told: Any,
        after: list[np.ndarray],
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        """What one environment told of a step; who is there now goes to ``active``."""
        if not (isinstance(told, tuple) and len(told) == 5 and all(isinstance(x, Mapping) for x in told)):
            raise self._refused(e, "did not give five dictionaries in a step")
        looks, paid, ended, cut, _ = told
        listed = self._listed(e)
        for i in np.flatnonzero(self.active[e]).tolist():
            name = self._names[i]
            is_told = name in ended and name in cut and name in paid
            if not is_told or not (listed[i] or ended[name] or cut[name]):
                raise self._refused(
                    e, f"lost agent {name!r} without saying that its task ended or was cut off"
                )
            rewards[e, i] = paid[name]
            if not np.isfinite(rewards[e, i]):
                raise self._refused(e, f"paid agent {name!r} {paid[name]}")
            terminated[e, i] = bool(ended[name])
            truncated[e, i] = bool(cut[name]) and not terminated[e, i]
            if not terminated[e, i] or name in looks:
                after[i][e] = self._look(e, i, looks)
        over = terminated[e] | truncated[e]
        back = np.flatnonzero(listed & (self._left[e]))
        if len(back):
            raise self._refused(e, f"brought agent {self._names[back[0]]!r} back after it had left")
        for i in np.flatnonzero(listed & ~self.active[e]).tolist():
            after[i][e] = self._look(e, i, looks)
        self.active[e] = listed & ~over

    def _listed(self, e: int) -> np.ndarray:
        """``(N,)`` who is there, as the environment says."""
        there = list(self._envs[e].agents)
        unknown = [name for name in there if name not in self._names]
        if unknown:
            raise self._refused(e, f"listed agent {unknown[0]!r}, which is not among its possible agents")
        return np.array([name in there for name in self._names])

    def _look(self, e: int, i: int, looks: Mapping[Any, Any]) -> np.ndarray:
        """``(D_i,)`` what one agent sees."""
        name, D = self._names[i], self.agents[i].n_observations
        if name not in looks:
            raise self._refused(e, f"gave agent {name!r} nothing to observe")
        seen = np.asarray(looks[name])
        shape = self._spaces[i][0].shape
        if seen.shape != tuple(shape or ()) or seen.dtype.kind not in "biuf":
            raise self._refused(
                e, f"gave agent {name!r} an observation of shape {seen.shape} instead of {tuple(shape or ())}"
            )
        try:
            x: np.ndarray = self._observe[i](seen[None])[0]
        except IndexError:
            raise self._refused(
                e, f"gave agent {name!r} observation {seen}, which is not of its space"
            ) from None
        if x.shape != (D,) or not np.isfinite(x).all():
            raise self._refused(e, f"gave agent {name!r} an observation that is not finite")
        return x

    def _changed(self, e: int) -> str:
        """What differs from the agents and spaces of the first environment, or nothing."""
        env = self._envs[e]
        if tuple(env.possible_agents) != self._names:
            return f"Environment {e} has agents {list(env.possible_agents)} instead of {list(self._names)}."
        for name, (seen, done) in zip(self._names, self._spaces, strict=True):
            for what, first, now in (
                ("observes", seen, env.observation_space(name)),
                ("acts", done, env.action_space(name)),
            ):
                if first != now:
                    return f"Agent {name!r} of environment {e} {what} in {now} instead of {first}."
        return ""

    def _asked(self, e: int, call: Callable[[], Any], what: str) -> Any:
        try:
            return call()
        except Exception as problem:  # an environment may raise anything
            raise PermanentError(
                f"Environment {e} raised {type(problem).__name__} in {what} {self._n_steps}: {problem}",
                hint="The state before is kept: mend the environment, and go on from it.",
            ) from problem

    def _refused(self, e: int, what: str) -> DataError:
        return DataError(
            f"Environment {e} {what} (step {self._n_steps}).",
            hint="Nothing is learned from it: mend the environment, and go on from the state that was kept.",
            environment=e,
        )


def _outside(*_: Any) -> Any:
    raise SettingsError(
        "This world is outside compiled code.", hint="Train with `ParallelPpo`, which steps it itself."
    )
