"""Any Gymnasium vector environment as streams of decisions, acted in all at once; what goes wrong in it is said.

``terminated`` and ``truncated`` stay apart, and the ways in which a vector begins episodes anew are kept apart too
(``gymnasium.vector.AutoresetMode``): in ``NextStep`` the step after an end only resets, whatever was to be done in it,
and does not count as a decision; in ``SameStep`` the observation that comes back is the first of the next episode, and
the last one of the old is taken from ``info["final_obs"]``; in ``Disabled`` those that are over are reset by name.

Nothing of Gymnasium is imported: what is stepped is whatever has its ``reset`` and ``step`` (1.1 and later).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from telic.errors import DataError, PermanentError, SettingsError

from .simulators.simulator import Amounts, Choices, SeveralChoices, Simulator

__all__ = ["Moved", "VectorWorld", "actor", "observer"]

MODES = NEXT_STEP, SAME_STEP, DISABLED = "NextStep", "SameStep", "Disabled"
"""Values of ``gymnasium.vector.AutoresetMode``."""

MANY = 100_000
"""Decisions after which an episode that has not ended never will, unless told otherwise."""


class Moved(NamedTuple):
    """One step of E streams.

    Attributes:
        after: ``(E, D)`` observed after it, before an episode began anew.
        reward: ``(E,)``.
        terminated: ``(E,)`` the task ended.
        truncated: ``(E,)`` the episode was cut off; never together with ``terminated``.
        counts: ``(E,)`` whether anything was decided; not where the step only reset.
        collected: ``(E,)`` reward of the whole episode where it ended or was cut off, else 0.
    """

    after: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    counts: np.ndarray
    collected: np.ndarray


class VectorWorld:
    """The streams; it keeps where each of them is.

    Args:
        env: a Gymnasium vector environment whose observations are numbers (``Box``, ``Discrete``) and whose actions are
            choices or bounded amounts (``Discrete``, ``MultiDiscrete``, ``Box``).
        longest: decisions after which an episode that has not ended is refused; None: it may go on for ever.

    Attributes:
        n_envs: E.
        observation: ``(E, D)`` now; None before ``reset``, and after anything went wrong.

    Raises:
        SettingsError: it is no vector environment, does not say how it resets, or has spaces of other kinds.
    """

    def __init__(self, env: Any, *, longest: int | None = MANY) -> None:
        if not hasattr(env, "num_envs") or not hasattr(env, "single_observation_space"):
            raise SettingsError(
                f"Expected a Gymnasium vector environment, got {type(env).__name__}.",
                hint="Make one with gymnasium.make_vec(name, num_envs=8).",
            )
        mode = (getattr(env, "metadata", None) or {}).get("autoreset_mode")
        self._mode = getattr(mode, "value", mode)
        if self._mode not in MODES:
            raise SettingsError(
                f"The vector environment does not say how it resets (`metadata['autoreset_mode']` is {mode!r}).",
                hint="Use Gymnasium 1.1 or later.",
            )
        self._env, self._longest = env, math.inf if longest is None else longest
        self.n_envs = int(env.num_envs)
        self._observe, self._n_observations = observer(env.single_observation_space)
        self._act, self._actions = actor(env.single_action_space)
        self.observation: np.ndarray | None = None
        self._resetting = np.zeros(self.n_envs, dtype=bool)
        self._collected = np.zeros(self.n_envs)
        self._length = np.zeros(self.n_envs, dtype=np.int64)
        self._n_steps = 0

    def __repr__(self) -> str:
        # The same in every process: checkpoints name the learner that they are of.
        return f"VectorWorld({self._name()}, {self.n_envs} streams, {self._mode}, at most {self._longest} decisions)"

    def described(self) -> Simulator:
        """What a learner needs to know of the world; it cannot be stepped by compiled code."""
        return Simulator(
            name=self._name(),
            n_observations=self._n_observations,
            actions=self._actions,
            horizon=0,
            reset=_outside,
            step=_outside,
        )

    def reset(self, seed: int) -> np.ndarray:
        """``(E, D)`` observations at the beginning of an episode of each stream.

        Raises:
            PermanentError: the environment raised.
            DataError: it gave what is not finite, or of another shape.
        """
        self.observation = None
        found, _ = self._asked(lambda: self._env.reset(seed=seed), "reset")
        self._resetting[:] = False
        self._collected[:] = 0.0
        self._length[:] = 0
        self.observation = self._checked(found)
        return self.observation

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, Moved]:
        """``(E, D)`` observations now, and what the actions ``(E,)`` or ``(E, K)`` led to.

        Raises:
            PermanentError: the environment raised.
            DataError: it gave what is not finite, or of another shape; an episode does not end.
        """
        before, self.observation = self.observation, None
        if before is None:
            raise SettingsError("The streams have not begun.", hint="Call `reset` first.")
        self._n_steps += 1
        taken = self._act(actions)
        found, reward, ended, cut, info = self._asked(lambda: self._env.step(taken), "step")
        following = self._checked(found)
        reward = np.asarray(reward, dtype=np.float32)
        counts = ~self._resetting
        terminated = np.asarray(ended, dtype=bool) & counts
        truncated = np.asarray(cut, dtype=bool) & counts & ~terminated
        if not np.isfinite(reward).all():
            raise self._refused(
                f"reward {reward[~np.isfinite(reward)][0]}", np.flatnonzero(~np.isfinite(reward))
            )
        over = terminated | truncated
        self._collected += np.where(counts, reward, 0.0)
        self._length += counts
        collected = np.where(over, self._collected, 0.0).astype(np.float32)
        if self._length.max() > self._longest:
            i = int(self._length.argmax())
            raise DataError(
                f"The episode of environment {i} has not ended after {self._longest:,} decisions.",
                hint="Give the environment a time limit, or `longest=None` where a task goes on for ever.",
            )
        after = following
        if over.any():
            self._collected[over] = 0.0
            self._length[over] = 0
            if self._mode == SAME_STEP:
                after = following.copy()
                for k in np.flatnonzero(over).tolist():
                    after[k] = self._last(info, k)
            elif self._mode == DISABLED:
                found, _ = self._asked(lambda: self._env.reset(options={"reset_mask": over}), "reset")
                following = self._checked(found)
        self._resetting = over if self._mode == NEXT_STEP else np.zeros(self.n_envs, dtype=bool)
        self.observation = following
        return following, Moved(after, reward, terminated, truncated, counts, collected)

    def _name(self) -> str:
        spec = getattr(self._env, "spec", None)
        return str(getattr(spec, "id", type(self._env).__name__))

    def _asked(self, call: Callable[[], Any], what: str) -> Any:
        try:
            return call()
        except Exception as problem:  # an environment may raise anything
            raise PermanentError(
                f"The environment raised {type(problem).__name__} in {what} {self._n_steps}: {problem}",
                hint="The state before is kept: mend the environment, and go on from it.",
            ) from problem

    def _checked(self, found: Any) -> np.ndarray:
        shape = (self.n_envs, self._n_observations)
        try:
            x = self._observe(found)
        except (TypeError, ValueError, IndexError) as problem:
            raise DataError(
                f"Observations in step {self._n_steps} are not of the space that the environment declares"
                f" ({problem}).",
                hint="Mend its observation space.",
            ) from None
        if x.shape != shape:
            raise DataError(
                f"Observations must have shape {shape}, as their space says, got {x.shape} in step"
                f" {self._n_steps}.",
                hint="Mend the observation space of the environment.",
            )
        if not np.isfinite(x).all():
            raise self._refused("observation", np.flatnonzero(~np.isfinite(x).all(axis=1)))
        return x

    def _refused(self, what: str, which: np.ndarray) -> DataError:
        return DataError(
            f"The environment gave a {what} that is not finite in step {self._n_steps} (environment"
            f" {', '.join(map(str, which[:5]))}).",
            hint="Nothing is learned from it: mend the environment, and go on from the state that was kept.",
            environments=which.tolist(),
        )

    def _last(self, info: Any, i: int) -> np.ndarray:
        found = info.get("final_obs")
        if found is None or found[i] is None:
            raise DataError(
                "The environment reset in the same step and did not keep the last observation"
                " (`info['final_obs']`).",
                hint="Use autoreset mode NextStep.",
            )
        x: np.ndarray = self._observe(np.asarray(found[i])[None])[0]
        if not np.isfinite(x).all():
            raise self._refused("last observation", np.array([i]))
        return x


def _outside(*_: Any) -> Any:
    raise SettingsError(
        "This world is outside compiled code.",
        hint="Train with `GymnasiumPpo` or `GymnasiumSac`, which step it themselves.",
    )


def observer(space: Any) -> tuple[Callable[[Any], np.ndarray], int]:
    """From a batch of observations to ``(E, D)`` numbers that are the caller's own, and D."""
    kind = type(space).__name__
    if kind == "Box":
        D = int(np.prod(space.shape, dtype=int))
        return lambda found: np.array(found, dtype=np.float32).reshape(len(found), -1), D
    if kind == "Discrete":
        n, start = int(space.n), int(space.start)
        return lambda found: np.eye(n, dtype=np.float32)[np.asarray(found) - start], n
    raise SettingsError(
        f"Observations must be numbers (Box or Discrete), got {kind}.",
        hint="Wrap the environments in gymnasium.wrappers.FlattenObservation.",
    )


def actor(space: Any) -> tuple[Callable[[np.ndarray], np.ndarray], Choices | Amounts | SeveralChoices]:
    """From a batch of actions of a policy to those of the environment, and what they are."""
    kind = type(space).__name__
    if kind == "Discrete":
        start = int(space.start)
        return lambda a: np.asarray(a) + start, Choices(n_actions=int(space.n))
    if kind == "MultiDiscrete" and len(space.shape) == 1:
        starts = np.asarray(space.start)
        return lambda a: np.asarray(a) + starts, SeveralChoices(counts=tuple(map(int, space.nvec)))
    if kind == "Box":
        low, high = (np.asarray(x, dtype=np.float64).ravel() for x in (space.low, space.high))
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise SettingsError(
                f"Amounts must be bounded, got a space from {low.min()} to {high.max()}.",
                hint="Wrap the environments in gymnasium.wrappers.RescaleAction or ClipAction.",
            )

        def amounts(a: np.ndarray) -> np.ndarray:
            cut: np.ndarray = np.clip(a, low, high).astype(space.dtype)
            return cut.reshape(-1, *space.shape)

        return amounts, Amounts(low=tuple(low.tolist()), high=tuple(high.tolist()))
    raise SettingsError(
        f"Actions must be choices or bounded amounts (Discrete, MultiDiscrete, Box), got {kind}.",
        hint="Wrap the environments so that they are.",
    )
