"""What acting now may lose in every state, over the rewards that are still possible.

For a possible reward ``w`` with optimal values ``V_w`` and ``Q_w``, action a in state s forgoes

    regret_w(s, a) = V_w(s) - Q_w(s, a) >= 0

if all later decisions are right. The action with the least mean over the possible rewards is the one to take, and that
mean, its *posterior expected regret*, is the score that a gate goes by. Beside it stands the share of the rewards
under which another action is better. A state where no demonstration and no reviewed decision was is not covered: there
the posterior rests on features alone, and nothing acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.reports import Finding, Outcome
from telic.rewards import RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .acting_regret import best_policy, picked_rewards, unsolved_findings

__all__ = ["ActionRegret", "action_regret"]

TIE = 1e-9
"""Regret, relative to the largest value, that rounding can make of none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionRegret:
    """The action to take in every state, and what it may lose there.

    Attributes:
        actions: ``(S,)`` action of least expected regret, the lowest index where tied; -1 where nobody decides.
        expected: ``(S,)`` posterior expected regret of it, in units of reward.
        regrets: ``(n, S)`` regret of it under each possible reward.
        disagreement: ``(S,)`` share of the possible rewards under which another action is better.
        covered: ``(S,)`` states where demonstrations and reviewed decisions suffice.
        findings: about the draws.
    """

    actions: Int[np.ndarray, "S"]
    expected: Float[np.ndarray, "S"]
    regrets: Float[np.ndarray, "n S"]
    disagreement: Float[np.ndarray, "S"]
    covered: Bool[np.ndarray, "S"]
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``: draws that are no answer were refused."""
        return Outcome.SUCCESS

    @property
    def scores(self) -> Float[np.ndarray, "S"]:
        """``(S,)`` expected regret; infinite where a state is not covered or nobody decides."""
        return np.where(self.covered & (self.actions >= 0), self.expected, np.inf)

    def exceedance(self, bound: float | int) -> Float[np.ndarray, "S"]:
        """``(S,)`` share of the possible rewards under which acting loses more than ``bound``."""
        return np.asarray((self.regrets > bound).mean(axis=0))


def action_regret(
    world: TabularMDP,
    features: FeatureMap,
    rewards: RewardPosterior | FloatArray,
    demonstrations: Demonstrations | None = None,
    *,
    reviewed: LongArray | None = None,
    min_visits: int = 1,
    n: int = 100,
    key: int = 0,
) -> ActionRegret:
    """The action of least expected regret in every state, with its score and coverage.

    Args:
        world: where one acts.
        features: of the reward.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        demonstrations: whose states are covered; None: every state is taken as covered (for a reward that does not
            come from demonstrations of this world; say why).
        reviewed: ``(m,)`` states of decisions whose loss was observed, which cover a state as a demonstration does.
            Keep them apart from the decisions that calibrate: a score must not depend on those.
        min_visits: decisions in a state from which on it is covered.
        n: draws picked; each costs one forward problem.
        key: of the pick.

    Raises:
        DataError: the demonstrations or the reviewed decisions are of another world.
        FeatureError: the draws have another number of features.
        NumericalError: no draw has a best policy of finite value, or the posterior is no answer.
        SettingsError: a number is out of range.
    """
    if min_visits < 1:
        raise SettingsError(
            f"`min_visits` must be at least 1, got {min_visits}.",
            hint="A state without visits is not covered.",
        )
    draws, _ = picked_rewards(rewards, features, n=n, key=key)
    solutions = [best_policy(world, features, w) for w in draws]
    findings = unsolved_findings(solutions)
    solved = [s for s in solutions if s.outcome.ok]
    lost = np.array([s.value[:, None] - s.action_value for s in solved])
    deciding = np.isfinite(lost[0]).any(axis=1)
    mean = lost.mean(axis=0)
    actions = np.where(deciding, np.argmin(mean, axis=1), -1)
    S = world.n_states
    regrets = np.where(deciding, lost[:, np.arange(S), actions], 0.0)
    size = TIE * max(float(np.abs([s.value for s in solved]).max()), 1e-300)
    regrets = np.where(regrets > size, regrets, 0.0)
    return ActionRegret(
        actions=actions.astype(np.int32),
        expected=np.asarray(regrets.mean(axis=0)),
        regrets=regrets,
        disagreement=np.asarray((regrets > 0).mean(axis=0)),
        covered=_covered(world.n_states, demonstrations, reviewed, min_visits),
        findings=findings,
    )


def _covered(
    n_states: int, demonstrations: Demonstrations | None, reviewed: LongArray | None, least: int
) -> Bool[np.ndarray, "S"]:
    if demonstrations is None:
        return np.ones(n_states, dtype=bool)
    visits = np.zeros(n_states, dtype=np.int64)
    seen = {"demonstrations": demonstrations.require_states()[0], "reviewed decisions": reviewed}
    for name, states in seen.items():
        if states is None or not len(states):
            continue
        if not 0 <= states.min() <= states.max() < n_states:
            raise DataError(
                f"The {name} reach from state {states.min()} to {states.max()} of a world of {n_states}.",
                hint="Use the world whose space encoded them.",
            )
        visits += np.bincount(states, minlength=n_states)
    return np.asarray(visits >= least)
