"""The regret of acting in a world on one possible reward while another is true.

For each possible reward ``w_i`` the best policy is found and described by its expected discounted features ``f_i``, so
that it is worth ``f_i w_j`` under every other one:

    regret(i, j) = f_j w_j - f_i w_j >= 0.

Besides, the policy that is best for the mean reward: of all policies whatever, it has the least mean regret over the
draws, because ``E[f w]`` is linear in w. Against the worst case another may be better; only policies best for some
draw, and this one, are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap, feature_expectation
from telic.mdp import TabularMDP
from telic.planning import HardSolution, occupancy, solve_hard
from telic.reports import Finding, Outcome, Report, Severity
from telic.rewards import LinearReward, RewardPosterior
from telic.typing import FloatArray

from .regret import CRITERIA, LEVEL, PlanRegret, possible_rewards, regret_of

__all__ = ["MEAN_REWARD", "ActingRegret", "acting_regret", "picked_rewards"]

MEAN_REWARD = "mean reward"
"""Name of the policy that is best for the mean of the possible rewards."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ActingRegret:
    """What acting on each possible reward may cost.

    Attributes:
        regret: the numbers by reward acted on; ``regret.regrets`` is the matrix, rows the reward acted on (the last
            one the mean reward), columns the true one.
        weights: ``(n + 1, K)`` rewards acted on.
        feature_expectations: ``(n + 1, K)`` of their best policies.
        values: ``(n,)`` what the best policy is worth under each reward.
    """

    regret: PlanRegret
    weights: Float[np.ndarray, "m K"]
    feature_expectations: Float[np.ndarray, "m K"]
    values: Float[np.ndarray, "n"]

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``."""
        return self.regret.outcome

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About the draws."""
        return self.regret.findings

    def choice(self, criterion: str = "mean") -> Float[np.ndarray, "K"]:
        """``(K,)`` the reward to act on by a criterion of ``CRITERIA``.

        Raises:
            SettingsError: it is none of them.
        """
        return np.asarray(self.weights[self.regret.names.index(self.regret.best(criterion))])

    def to_json(self) -> dict[str, Any]:
        """The choices and the mean reward, without the other draws."""
        told = self.regret.to_json()
        kept = {MEAN_REWARD, *told["best"].values()}
        told["plans"] = {name: plan for name, plan in told["plans"].items() if name in kept}
        told["weights"] = {c: self.choice(c).tolist() for c in CRITERIA}
        told["mean_value"] = float(self.values.mean())
        return told

    def summary(self) -> Report:
        """The rewards to act on, as a report."""
        return self.regret.summary()


def acting_regret(
    world: TabularMDP,
    features: FeatureMap,
    rewards: RewardPosterior | FloatArray,
    *,
    n: int = 200,
    key: int = 0,
    initial: Float[np.ndarray, "S"] | None = None,
    level: float = LEVEL,
) -> ActingRegret:
    """The regret of the best policy of each possible reward under every other one.

    Args:
        world: where one acts.
        features: of the reward.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        n: draws picked from them; each costs one forward problem.
        key: of the pick.
        initial: distribution of the first state; None: the world's own.
        level: of the value at risk.

    Raises:
        DynamicsError: the world has no initial distribution.
        FeatureError: the draws have another number of features.
        NumericalError: no draw has a best policy of finite value, or the posterior is no answer.
        SettingsError: a number is out of range.
    """
    draws, worth = picked_rewards(rewards, features, n=n, key=key)
    solutions = [best_policy(world, features, w) for w in draws]
    solved = np.array([s.outcome.ok for s in solutions])
    findings = unsolved_findings(solutions)
    kept = draws[solved]
    worth *= len(kept) / len(draws)
    mean = kept.mean(axis=0)
    last = best_policy(world, features, mean)
    plans = [s for s in solutions if s.outcome.ok] + ([last] if last.outcome.ok else [])
    if not last.outcome.ok:
        raise NumericalError(
            f"The mean of the possible rewards has no best policy of finite value ({last.outcome.label}).",
            hint=last.outcome.value,
            outcome=last.outcome.label,
        )
    F = np.array([feature_expectation(features, occupancy(world, s.policy.table, initial)) for s in plans])
    values = F @ kept.T
    top = values.max(axis=0)
    names = [f"draw {i}" for i in np.flatnonzero(solved).tolist()] + [MEAN_REWARD]
    found = regret_of(top - values, names=names, level=level, n_independent=worth, findings=findings)
    return ActingRegret(
        regret=found, weights=np.vstack([kept, mean]), feature_expectations=F, values=np.asarray(top)
    )


def picked_rewards(
    rewards: RewardPosterior | FloatArray, features: FeatureMap, *, n: int, key: int
) -> tuple[FloatArray, float]:
    """Up to ``n`` draws picked without replacement, and how many independent ones they are worth.

    Raises:
        FeatureError: the draws have another number of features.
        SettingsError: ``n`` is below 1.
    """
    draws, worth = possible_rewards(rewards)
    if n < 1:
        raise SettingsError(f"`n` must be at least 1, got {n}.", hint="200 is usual.")
    if draws.shape[1] != features.n_features:
        raise FeatureError(
            f"The draws have {draws.shape[1]} weights, there are {features.n_features} features.",
            hint="Use the features of the posterior.",
        )
    if n < len(draws):
        draws = draws[np.sort(np.random.default_rng(key).choice(len(draws), size=n, replace=False))]
    return draws, min(worth, float(len(draws)))


def best_policy(world: TabularMDP, features: FeatureMap, weights: FloatArray) -> HardSolution:
    """The optimal policy of a linear reward."""
    reward = LinearReward(features=features, weights=np.asarray(weights))
    return solve_hard(world, np.asarray(reward.expected(world)))


def unsolved_findings(solutions: list[HardSolution]) -> tuple[Finding, ...]:
    """A warning where some possible rewards have no best policy.

    Raises:
        NumericalError: none has one.
    """
    failed = [s for s in solutions if not s.outcome.ok]
    if not failed:
        return ()
    if len(failed) == len(solutions):
        raise NumericalError(
            f"No possible reward has a best policy of finite value ({failed[0].outcome.label}).",
            hint=failed[0].outcome.value,
            outcome=failed[0].outcome.label,
        )
    return (
        Finding(
            code="rewards-without-policy",
            severity=Severity.WARNING,
            message=f"{len(failed)} of {len(solutions)} possible rewards have no best policy of finite value "
            f"({failed[0].outcome.label}) and were left out.",
            hint=failed[0].outcome.value,
            evidence={"left_out": len(failed), "draws": len(solutions)},
        ),
    )
