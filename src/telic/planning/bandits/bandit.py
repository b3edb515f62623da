"""What every bandit is: settings with pure functions of a state; choices carry the probability that they had.

A bandit has ``init()``, ``probabilities(state, context)`` and ``learn(state, action, reward, context)``. Choices are
drawn from exactly the probabilities that are told, so a log of them supports inverse propensity weighting as it is.
``run_bandit`` plays one on alternatives whose means are known and counts the expected regret

    R_T = sum_t sum_a p_t(a) (max_b mu_t(b) - mu_t(a)),

which has the draw of the action averaged out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray, IntArray

__all__ = ["Bandit", "BanditRun", "Choice", "Tally", "check_arms", "choose", "run_bandit", "tallied"]


class Tally(NamedTuple):
    """What was seen of each alternative: how often, and the sum of its rewards; both ``(A,)``."""

    counts: FloatArray
    sums: FloatArray


class Choice(NamedTuple):
    """An alternative and the probability with which it was drawn, in (0, 1]."""

    action: int
    propensity: float


@runtime_checkable
class Bandit(Protocol):
    """Settings and pure functions."""

    n_actions: int

    def init(self) -> Any:
        """The state before anything was tried."""
        ...

    def probabilities(self, state: Any, context: FloatArray | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative now; sums to 1."""
        ...

    def learn(self, state: Any, action: int, reward: float, context: FloatArray | None = None) -> Any:
        """The state after a reward was seen."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class BanditRun:
    """A log with what is needed to use it, and what it cost to learn.

    Attributes:
        actions: ``(T,)`` what was tried.
        propensities: ``(T,)`` the probability with which it was.
        rewards: ``(T,)`` what came of it.
        regret: ``(T,)`` expected regret up to and with each step.
        state: after the last step.
    """

    actions: IntArray
    propensities: FloatArray
    rewards: FloatArray
    regret: FloatArray
    state: Any


def choose(bandit: Bandit, state: Any, rng: np.random.Generator, context: FloatArray | None = None) -> Choice:
    """A draw from the bandit's probabilities, with its probability."""
    return _drawn(bandit.probabilities(state, context), rng)


def run_bandit(
    bandit: Bandit,
    means: Float[np.ndarray, "*T A"],
    n_steps: int,
    *,
    key: int,
    contexts: Float[np.ndarray, "T D"] | None = None,
    sd: float | None = None,
) -> BanditRun:
    """A bandit at work where the truth is known.

    Args:
        bandit: who chooses.
        means: ``(A,)`` expected rewards, or ``(T, A)`` where they depend on the step's context.
        n_steps: T.
        key: random key of rewards and choices.
        contexts: ``(T, D)`` what is seen before each choice, where the bandit looks at it.
        sd: of normal noise around the means; None: rewards are 0 or 1 with the means as probabilities.

    Raises:
        SettingsError: there is nothing to do, or shapes do not fit.
    """
    table = np.asarray(means, dtype=np.float64)
    if n_steps < 1 or table.shape[-1:] != (bandit.n_actions,):
        raise SettingsError(
            f"At least 1 step and means of {bandit.n_actions} alternatives are needed, got {n_steps} steps and means of"
            f" shape {table.shape}.",
            hint="One mean an alternative, or one a step and alternative.",
        )
    if sd is None and not (np.all(table >= 0) and np.all(table <= 1)):
        raise SettingsError(
            "Means of rewards that are 0 or 1 must lie in [0, 1].", hint="Give `sd` for other rewards."
        )
    rng = np.random.default_rng(key)
    state = bandit.init()
    actions, propensities = np.empty(n_steps, dtype=np.int32), np.empty(n_steps)
    rewards, regret = np.empty(n_steps), np.empty(n_steps)
    for t in range(n_steps):
        mu = table if table.ndim == 1 else table[t]
        context = None if contexts is None else contexts[t]
        p = bandit.probabilities(state, context)
        action, propensity = _drawn(p, rng)
        reward = float(rng.random() < mu[action]) if sd is None else float(mu[action] + sd * rng.normal())
        state = bandit.learn(state, action, reward, context)
        actions[t], propensities[t], rewards[t] = action, propensity, reward
        regret[t] = float(p @ (mu.max() - mu))
    return BanditRun(
        actions=actions,
        propensities=propensities,
        rewards=rewards,
        regret=np.cumsum(regret),
        state=state,
    )


def check_arms(n_actions: int, **ranges: tuple[float, float, float]) -> None:
    """Refuse settings out of range.

    Args:
        n_actions: of the bandit.
        ranges: name of a setting to its value and the closed range it must lie in.

    Raises:
        SettingsError: one is.
    """
    if n_actions < 2:
        raise SettingsError(
            f"`n_actions` must be at least 2, got {n_actions}.", hint="There is nothing to choose."
        )
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise SettingsError(
                f"`{name}` must lie in [{low:g}, {high:g}], got {value}.", hint="See the page on bandits."
            )


def tallied(tally: Tally, action: int, reward: float) -> Tally:
    """What was seen, with one more reward.

    Raises:
        DataError: the reward is not finite.
    """
    if not np.isfinite(reward):
        raise DataError(
            f"A reward must be finite, got {reward}.", hint="Leave out a choice without an outcome."
        )
    counts, sums = tally.counts.copy(), tally.sums.copy()
    counts[action] += 1.0
    sums[action] += reward
    return Tally(counts, sums)


def _drawn(p: FloatArray | Sequence[float], rng: np.random.Generator) -> Choice:
    cumulative = np.cumsum(p)
    action = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    action = min(action, len(cumulative) - 1)
    while p[action] == 0.0:  # rounding of the sum alone can lead here
        action -= 1
    return Choice(action, float(p[action]))
