"""Where the rewards that are still possible disagree: pairs of trajectories, the most contested first.

For two trajectories with features ``f_A`` and ``f_B``, ``d_j = (f_A - f_B) w_j`` over the possible rewards ``w_j``
gives the probability that A is better, and the regret of having to choose now,

    min( E[(d)+], E[(-d)+] ),

the expected loss of taking the one that is better on average: what it would be worth to know. It is 0 where all
rewards agree, however far apart the two are, and grows with what is at stake; ranking by the probability alone puts
forward ties that nobody cares about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap, trajectory_features
from telic.mdp import TabularMDP
from telic.planning import simulate
from telic.reports import Outcome, Report, Section, Table
from telic.rewards import RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .acting_regret import best_policy, picked_rewards, unsolved_findings
from .regret import possible_rewards

__all__ = ["Disagreement", "DisagreementPair", "candidate_trajectories", "disagreement"]

ORDERS = ("regret", "probability")
"""What pairs may be ranked by."""

MOST_CANDIDATES = 2_000
"""Trajectories whose pairs are all looked at; more are thinned by the caller."""

BLOCK = 8_000_000
"""Differences of value held at once, which bounds memory."""

TIE = 1e-12
"""Difference of value, relative to the largest, that rounding can make of none."""


@dataclass(frozen=True, kw_only=True)
class DisagreementPair:
    """Two trajectories, the one that is better on average first.

    Attributes:
        first, second: names.
        probability: that the first is better, ties counting half.
        regret: expected loss of taking the first now, in units of reward.
        difference: mean of what the first is worth more.
    """

    first: str
    second: str
    probability: float
    regret: float
    difference: float

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Pairs of trajectories, the most contested first.

    Attributes:
        pairs: ranked.
        order: ``"regret"`` or ``"probability"``.
        n_candidates: trajectories whose pairs were looked at.
        n_settled: pairs on which every possible reward agrees.
        n_draws: possible rewards.
    """

    pairs: tuple[DisagreementPair, ...]
    order: str
    n_candidates: int
    n_settled: int
    n_draws: int

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``."""
        return Outcome.SUCCESS

    def to_json(self) -> dict[str, Any]:
        """The pairs as JSON-able values."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "order": self.order,
            "n_candidates": self.n_candidates,
            "n_settled": self.n_settled,
            "n_draws": self.n_draws,
            "pairs": [p.to_json() for p in self.pairs],
        }

    def summary(self) -> Report:
        """The pairs as a report."""
        table = Table(
            title="Pairs that the possible rewards disagree on most",
            columns=("better on average", "worse on average", "probability better", "regret of choosing now"),
            rows=tuple((p.first, p.second, p.probability, p.regret) for p in self.pairs),
            note=f"Over {self.n_draws:,} possible rewards.",
        )
        total = self.n_candidates * (self.n_candidates - 1) // 2
        return Report(
            title="Disagreement",
            headline=f"The possible rewards agree on {self.n_settled:,} of {total:,} pairs of trajectories.",
            sections=(Section(title="Pairs", items=(table,), anchor="disagreement"),),
            data=self.to_json(),
        )


def disagreement(
    trajectories: FloatArray,
    rewards: RewardPosterior | FloatArray,
    *,
    names: Sequence[str] = (),
    most: int = 20,
    order: str = "regret",
) -> Disagreement:
    """Pairs of candidate trajectories ranked by how much the possible rewards disagree on them.

    Args:
        trajectories: ``(m, K)`` (discounted) amount of each feature in each; see ``candidate_trajectories``.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        names: of the trajectories; empty: 0, 1, ...
        most: pairs returned.
        order: ``"regret"`` of choosing now, or ``"probability"`` nearest to one half.

    Raises:
        FeatureError: shapes do not fit, or a number is not finite.
        NumericalError: the posterior is no answer.
        SettingsError: a setting is out of range, or there are too many trajectories.
    """
    if order not in ORDERS:
        raise SettingsError(
            f"`order` must be 'regret' or 'probability', got {order!r}.", hint="Use 'regret'."
        )
    if most < 1:
        raise SettingsError(f"`most` must be at least 1, got {most}.", hint="20 is usual.")
    draws, _ = possible_rewards(rewards)
    f = np.asarray(trajectories, dtype=np.float64)
    if f.ndim != 2 or len(f) < 2 or f.shape[1] != draws.shape[1] or not np.all(np.isfinite(f)):
        raise FeatureError(
            f"`trajectories` must be finite amounts of {draws.shape[1]} features of at least two trajectories, got "
            f"shape {f.shape}.",
            hint="Rows of `telic.features.trajectory_features`.",
        )
    m = len(f)
    if m > MOST_CANDIDATES:
        raise SettingsError(
            f"{m:,} trajectories have too many pairs; at most {MOST_CANDIDATES:,} are compared.",
            hint="Take a sample of them.",
        )
    labels = tuple(names) or tuple(str(i) for i in range(m))
    if len(labels) != m:
        raise FeatureError(f"{m} trajectories need {m} names, got {len(labels)}.", hint="Name each.")
    values = f @ draws.T
    chance, regret, mean = _pairs(values)
    upper = np.triu_indices(m, k=1)
    score = regret[upper] if order == "regret" else -np.abs(chance[upper] - 0.5)
    ranked = np.argsort(-score, kind="stable")
    settled = int(((chance[upper] == 0) | (chance[upper] == 1) | (regret[upper] == 0)).sum())
    pairs = []
    for at in ranked[:most].tolist():
        i, j = int(upper[0][at]), int(upper[1][at])
        if regret[i, j] == 0:
            continue
        if mean[i, j] < 0:
            i, j = j, i
        pairs.append(
            DisagreementPair(
                first=labels[i],
                second=labels[j],
                probability=float(chance[i, j]),
                regret=float(regret[i, j]),
                difference=float(mean[i, j]),
            )
        )
    return Disagreement(
        pairs=tuple(pairs), order=order, n_candidates=m, n_settled=settled, n_draws=len(draws)
    )


def _pairs(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``(m, m)`` chance that the row is better, regret of choosing now, mean difference."""
    m, n = values.shape
    tie = TIE * float(np.abs(values).max())
    chance, gain, mean = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    step = max(1, BLOCK // (m * n))
    for i in range(0, m, step):
        d = values[i : i + step, None, :] - values[None, :, :]
        d[np.abs(d) <= tie] = 0.0
        chance[i : i + step] = (d > 0).mean(axis=2) + 0.5 * (d == 0).mean(axis=2)
        gain[i : i + step] = np.maximum(d, 0.0).mean(axis=2)
        mean[i : i + step] = d.mean(axis=2)
    return chance, np.minimum(gain, gain.T), mean


def candidate_trajectories(
    world: TabularMDP,
    features: FeatureMap,
    rewards: RewardPosterior | FloatArray,
    *,
    n: int = 50,
    each: int = 2,
    n_steps: int | None = None,
    key: int = 0,
) -> tuple[Demonstrations, Float[np.ndarray, "m K"]]:
    """Trajectories of the best policies of possible rewards, and what each collects.

    Args:
        world: where they happen, with an initial distribution.
        features: of the reward.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        n: possible rewards whose best policies are followed.
        each: trajectories of each policy.
        n_steps: decisions in each; None: until absorbed.
        key: of the pick and of chance in the world.

    Returns:
        the trajectories, those of one policy beside each other, and their ``(m, K)`` discounted features.

    Raises:
        DynamicsError, SettingsError: as ``telic.planning.simulate``.
        NumericalError: no possible reward has a best policy of finite value.
    """
    draws, _ = picked_rewards(rewards, features, n=n, key=key)
    solutions = [best_policy(world, features, w) for w in draws]
    unsolved_findings(solutions)
    parts = [
        simulate(world, s.policy, each, n_steps, key=key + i) for i, s in enumerate(solutions) if s.outcome.ok
    ]
    joined = _joined(parts)
    return joined, trajectory_features(features, joined, discount=world.discount)


def _joined(parts: Sequence[Demonstrations]) -> Demonstrations:
    offsets = [np.zeros(1, dtype=np.int64)]
    for part in parts:
        offsets.append(part.offsets[1:] + offsets[-1][-1])
    pairs = [part.require_states() for part in parts]
    return Demonstrations.from_arrays(
        np.concatenate([p[0] for p in pairs]),
        np.concatenate([part.actions for part in parts]),
        next_states=np.concatenate([p[1] for p in pairs]),
        offsets=np.concatenate(offsets),
        action_labels=parts[0].action_labels,
        terminated=np.concatenate([part.terminated for part in parts]),
    )
