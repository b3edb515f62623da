"""How often a reward agrees with held-out comparisons: the share of answers that its returns predict.

The return of a trajectory is ``sum_t gamma^t r(s_t, a_t, s_{t+1})``; the expected reward of the pair stands in where
what followed is not known. Of each comparison with a preference, the reward is right, wrong, or indifferent (a tie of
returns, which counts half). Ties among the answers test no order and are left out. Accuracy alone cannot tell a
reward from its shaped twin except at the ends of trajectories, nor from a multiple of it.

The interval is Clopper and Pearson's (1934) for independent answers. Where one trajectory is in many comparisons
they are not quite, and a finding says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.mdp import TabularMDP
from telic.reports import Finding, Severity
from telic.reports.numbers import json_value
from telic.rewards import TabularReward
from telic.trajectories import Comparisons, Demonstrations
from telic.typing import FloatArray, IntArray, LongArray

from .reward_forms import RewardLike, WorldReward, as_reward

__all__ = ["PreferenceAccuracy", "preference_accuracy", "trajectory_returns"]

EQUAL = 1e-9
"""Returns that differ by less than this, relative to the largest, are taken for a tie."""

CROWDED = 3.0
"""Mean number of comparisons a trajectory from which the interval is called too narrow."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreferenceAccuracy:
    """Agreement of a reward with comparisons.

    Attributes:
        value: share of preferences predicted, ties of returns counting half; NaN without any preference.
        interval: exact interval at ``level`` for independent answers (of the whole count, ties rounded against the
            reward).
        level: of the interval.
        n: comparisons with a preference.
        n_ties: of them, those in which the reward is indifferent.
        n_left_out: answers that were ties.
        findings: what a reader should know.
    """

    value: float
    interval: tuple[float, float]
    level: float
    n: int
    n_ties: int
    n_left_out: int
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The accuracy as JSON-able values."""
        return {
            "value": json_value(self.value),
            "interval": json_value(list(self.interval)),
            "level": self.level,
            "n": self.n,
            "n_ties": self.n_ties,
            "n_left_out": self.n_left_out,
            "findings": [f.to_json() for f in self.findings],
        }


def trajectory_returns(
    reward: RewardLike, demonstrations: Demonstrations, mdp: TabularMDP
) -> Float[np.ndarray, "N"]:
    """The discounted return of each trajectory, from its first decision on.

    Args:
        reward: anything that ``as_reward`` reads.
        demonstrations: with states of the world.
        mdp: the world.

    Raises:
        DataError: there are no states, or they are not of this world.
        DynamicsError: the reward does not fit the world.
    """
    r = as_reward(reward, mdp)
    states, next_states = demonstrations.require_states()
    actions = demonstrations.actions
    S, A = mdp.n_states, mdp.n_actions
    if len(states) and (states.min() < 0 or states.max() >= S or actions.max() >= A):
        raise DataError(
            f"Demonstrations with states up to {int(states.max())} and actions up to {int(actions.max())} "
            f"are not of a world of {S} states and {A} actions.",
            hint="Encode them with the state space of this world.",
        )
    rows = states.astype(np.int64) * A + actions
    values = _row_values(r, mdp, rows, next_states)
    worth = values * mdp.discount ** demonstrations.step_index.astype(np.float64)
    N = demonstrations.n_trajectories
    return np.bincount(demonstrations.trajectory_index, weights=worth, minlength=N).astype(np.float64)


def preference_accuracy(
    returns: Float[np.ndarray, "N"], comparisons: Comparisons, *, level: float = 0.95
) -> PreferenceAccuracy:
    """How often the alternative of larger return is the preferred one.

    Args:
        returns: of each alternative, as the comparisons number them.
        comparisons: held out: the reward was not made from them.
        level: of the interval.

    Raises:
        DataError: a comparison names an alternative without a return, or a return is not finite.
        SettingsError: the level lies outside (0, 1).
    """
    from scipy.stats import beta

    if not 0.0 < level < 1.0:
        raise SettingsError(f"`level` must lie in (0, 1), got {level}.", hint="0.95 is usual.")
    first, second = np.asarray(comparisons.first), np.asarray(comparisons.second)
    if len(first) and max(first.max(), second.max()) >= len(returns):
        raise DataError(
            f"Comparisons name alternative {int(max(first.max(), second.max()))}, but there are returns of "
            f"{len(returns)} only.",
            hint="Pass the demonstrations that the comparisons refer to.",
        )
    if not np.isfinite(returns).all():
        raise DataError("Returns must be finite.", hint="Look for infinite rewards.")
    answers = np.asarray(comparisons.preferred)
    told = answers != 0.5
    gap = (returns[first] - returns[second])[told]
    indifferent = np.abs(gap) <= EQUAL * max(float(np.abs(returns).max(initial=0.0)), 1e-300)
    right = ((gap > 0) == (answers[told] == 1.0)) & ~indifferent
    n, hits, ties = int(told.sum()), int(right.sum()), int(indifferent.sum())
    tail = (1.0 - level) / 2.0
    count = hits + ties // 2  # half a tie more would not be a count
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, n - count + 1))
    high = 1.0 if count == n else float(beta.ppf(1.0 - tail, count + 1, n - count))
    return PreferenceAccuracy(
        value=(hits + 0.5 * ties) / n if n else float("nan"),
        interval=(low, high),
        level=level,
        n=n,
        n_ties=ties,
        n_left_out=int((~told).sum()),
        findings=_findings(n, ties, first[told], second[told]),
    )


def _row_values(reward: WorldReward, mdp: TabularMDP, rows: LongArray, next_states: IntArray) -> FloatArray:
    pair_values = reward.expected(mdp).ravel()
    if not isinstance(reward, TabularReward) or isinstance(reward.values, np.ndarray):
        return pair_values[rows]
    known = next_states >= 0
    values = pair_values[rows]
    table: Any = sp.csr_array(reward.values)
    values[known] = np.asarray(table[rows[known], next_states[known]]).ravel()
    return values


def _findings(n: int, ties: int, first: LongArray, second: LongArray) -> tuple[Finding, ...]:
    findings = []
    if not n:
        findings.append(
            Finding(
                code="no-preferences",
                severity=Severity.WARNING,
                message="No comparison has a preference, so nothing is tested.",
                hint="Add comparisons in which one alternative is preferred.",
            )
        )
    elif ties:
        findings.append(
            Finding(
                code="indifferent-reward",
                severity=Severity.NOTICE,
                message=f"The reward gives both alternatives the same return in {ties} of {n} comparisons.",
                hint="It cannot see what decided them; look for a missing feature.",
                evidence={"ties": ties, "n": n},
            )
        )
    distinct = len(np.unique(np.concatenate([first, second]))) if n else 0
    if n and 2 * n / distinct >= CROWDED:
        findings.append(
            Finding(
                code="comparisons-share-trajectories",
                severity=Severity.NOTICE,
                message=f"{n} comparisons are of {distinct} trajectories only; they are not independent and the "
                "interval is too narrow.",
                hint="Compare more trajectories.",
                evidence={"comparisons": n, "trajectories": distinct},
            )
        )
    return tuple(findings)
