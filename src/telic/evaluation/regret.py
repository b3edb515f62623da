"""What acting on a reward may cost where several rewards are still possible: predicted regret of plans.

For plans with feature amounts ``f_i`` and possible rewards ``w_j`` (draws of a posterior),

    regret(i, j) = max_k f_k w_j - f_i w_j,

the reward forgone by plan i where w_j is the true one. Over the draws a plan has a mean regret, a worst one, a value
at risk (the quantile ``level``) and a conditional value at risk: the mean over the worst ``1 - level`` of the draws,
``v + E[(x - v)+] / (1 - level)`` at ``v`` the value at risk (Rockafellar and Uryasev 2000). All are estimates from a
finite number of draws and are given with their Monte Carlo error.

Two facts help to read them. The plan of least mean regret is the best plan for the mean reward, since ``max_k f_k w``
does not depend on the plan. And the worst regret grows with the number of draws: it is that of the draws at hand.

Reference: Rockafellar and Uryasev (2000), Journal of Risk 2, 21-41; Brown, Niekum and Petrik (2020), Bayesian robust
optimization for imitation learning, NeurIPS 33, for the same over rewards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.rewards import RewardPosterior
from telic.typing import FloatArray

__all__ = ["CRITERIA", "PlanRegret", "plan_regret", "possible_rewards", "regret_of"]

CRITERIA = ("mean", "conditional_value_at_risk", "worst")
"""What a choice of plan may go by."""

LEVEL = 0.95
"""Probability up to which the value at risk looks."""

FEWEST_IN_TAIL = 20
"""Independent draws beyond the value at risk below which a finding says that its error is not to be trusted."""

TIE = 1e-9
"""Regret, relative to the largest, that rounding can make of none."""

SHOWN = 12
"""Plans in a report; the best by mean regret."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanRegret:
    """Predicted regret of plans over possible rewards, in units of reward.

    Attributes:
        names: of the m plans.
        regrets: ``(m, n)`` regret of each plan under each possible reward.
        means, mean_errors: ``(m,)`` over the draws, with Monte Carlo standard errors.
        worst: ``(m,)`` largest over the draws.
        values_at_risk: ``(m,)`` quantile ``level``.
        value_at_risk_intervals: ``(m, 2)`` 95 % by order statistics.
        conditional_values_at_risk, conditional_errors: ``(m,)`` mean beyond it, with Monte Carlo standard errors.
        best_shares: ``(m,)`` share of the draws under which the plan is best, ties shared.
        level: of the value at risk.
        n_independent: independent draws that the n draws are worth.
        findings: about the draws.
    """

    names: tuple[str, ...]
    regrets: Float[np.ndarray, "m n"]
    means: Float[np.ndarray, "m"]
    mean_errors: Float[np.ndarray, "m"]
    worst: Float[np.ndarray, "m"]
    values_at_risk: Float[np.ndarray, "m"]
    value_at_risk_intervals: Float[np.ndarray, "m 2"]
    conditional_values_at_risk: Float[np.ndarray, "m"]
    conditional_errors: Float[np.ndarray, "m"]
    best_shares: Float[np.ndarray, "m"]
    level: float
    n_independent: float
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``: draws that are no answer were refused."""
        return Outcome.SUCCESS

    def best(self, criterion: str = "mean") -> str:
        """Name of the plan with the least regret by a criterion, the first where tied.

        Raises:
            SettingsError: it is not one of ``CRITERIA``.
        """
        columns = {
            "mean": self.means,
            "conditional_value_at_risk": self.conditional_values_at_risk,
            "worst": self.worst,
        }
        if criterion not in columns:
            raise SettingsError(
                f"`criterion` must be one of {', '.join(CRITERIA)}, got {criterion!r}.",
                hint="'mean' is usual.",
            )
        return self.names[int(np.argmin(columns[criterion]))]

    def to_json(self) -> dict[str, Any]:
        """The numbers by plan, without the single regrets."""
        plans = {
            name: {
                "mean": float(self.means[i]),
                "mean_error": float(self.mean_errors[i]),
                "worst": float(self.worst[i]),
                "value_at_risk": float(self.values_at_risk[i]),
                "value_at_risk_interval": self.value_at_risk_intervals[i].tolist(),
                "conditional_value_at_risk": float(self.conditional_values_at_risk[i]),
                "conditional_error": float(self.conditional_errors[i]),
                "best_share": float(self.best_shares[i]),
            }
            for i, name in enumerate(self.names)
        }
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "level": self.level,
            "n_draws": int(self.regrets.shape[1]),
            "n_independent": self.n_independent,
            "best": {criterion: self.best(criterion) for criterion in CRITERIA},
            "plans": plans,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The plans as a report, the one of least mean regret first."""
        order = np.argsort(self.means, kind="stable")[:SHOWN].tolist()
        share = f"{100 * self.level:g} %"
        table = Table(
            title="Regret over the rewards that are still possible",
            columns=("plan", "mean", "its error", share, f"mean beyond {share}", "worst", "share best"),
            rows=tuple(
                (
                    self.names[i],
                    float(self.means[i]),
                    float(self.mean_errors[i]),
                    float(self.values_at_risk[i]),
                    float(self.conditional_values_at_risk[i]),
                    float(self.worst[i]),
                    float(self.best_shares[i]),
                )
                for i in order
            ),
            note=f"Units of reward, over {self.regrets.shape[1]:,} draws.",
        )
        choices = {c: self.best(c) for c in CRITERIA}
        if len(set(choices.values())) == 1:
            headline = f"{choices['mean']} has the least regret, on average and at worst."
        else:
            headline = (
                f"{choices['mean']} has the least mean regret, {choices['conditional_value_at_risk']} the least mean "
                f"beyond {share}, {choices['worst']} the least worst."
            )
        return Report(
            title="Predicted regret",
            headline=headline,
            sections=(Section(title="Plans", items=(table, *self.findings), anchor="regret"),),
            data=self.to_json(),
        )


def plan_regret(
    plans: FloatArray,
    rewards: RewardPosterior | FloatArray,
    *,
    names: Sequence[str] = (),
    level: float = LEVEL,
    n_independent: float | int | None = None,
) -> PlanRegret:
    """The predicted regret of choosing each plan among these.

    Args:
        plans: ``(m, K)`` amount of each feature that each plan collects.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        names: of the plans; empty: plan 1, plan 2, ...
        level: of the value at risk, in (0, 1).
        n_independent: independent draws that the given ones are worth, for Monte Carlo errors; None: the least
            effective sample size of a posterior, all of an array.

    Raises:
        FeatureError: plans, draws and names do not fit each other, or are not finite.
        NumericalError: the posterior is no answer.
        SettingsError: a number is out of range.
    """
    draws, worth = possible_rewards(rewards, n_independent)
    f = np.asarray(plans, dtype=np.float64)
    if f.ndim != 2 or not len(f) or f.shape[1] != draws.shape[1] or not np.all(np.isfinite(f)):
        raise FeatureError(
            f"`plans` must be finite amounts of the {draws.shape[1]} features of the reward, one row a plan, "
            f"got shape {f.shape}.",
            hint="Rows of `telic.features.trajectory_features`, or feature expectations of policies.",
        )
    values = f @ draws.T
    return regret_of(values.max(axis=0) - values, names=names, level=level, n_independent=worth)


def regret_of(
    regrets: Float[np.ndarray, "m n"],
    *,
    names: Sequence[str] = (),
    level: float = LEVEL,
    n_independent: float | int,
    findings: tuple[Finding, ...] = (),
) -> PlanRegret:
    """Means, worst cases and values at risk of a table of regrets.

    Args:
        regrets: of m plans under n possible rewards, in units of reward, not negative.
        names: of the plans; empty: plan 1, plan 2, ...
        level: of the value at risk, in (0, 1).
        n_independent: independent draws that the n draws are worth.
        findings: to carry.

    Raises:
        FeatureError: there is not one name a plan.
        SettingsError: the level is out of range.
    """
    if not 0 < level < 1:
        raise SettingsError(f"`level` must lie in (0, 1), got {level}.", hint="0.95 is usual.")
    m, n = regrets.shape
    labels = tuple(names) or tuple(f"plan {i + 1}" for i in range(m))
    if len(labels) != m or len(set(labels)) != m:
        raise FeatureError(f"{m} plans need {m} distinct names, got {labels}.", hint="Name each once.")
    x = np.sort(regrets, axis=1)
    worth = float(min(n_independent, n))
    at = min(n - 1, max(0, math.ceil(level * n) - 1))
    v = x[:, at]
    beyond = np.maximum(x - v[:, None], 0.0) / (1.0 - level)
    spread = 1.0 / math.sqrt(worth)
    best = regrets <= TIE * float(x[:, -1].max())
    notes = findings
    if worth * (1.0 - level) < FEWEST_IN_TAIL:
        notes += (
            Finding(
                code="few-draws-in-the-tail",
                severity=Severity.NOTICE,
                message=f"{worth * (1.0 - level):.1f} independent draws lie beyond the {100 * level:g} % point: values "
                "there are rough.",
                hint=f"Sample {math.ceil(FEWEST_IN_TAIL / (1.0 - level)):,} independent draws, or lower `level`.",
                evidence={"independent_draws": worth},
            ),
        )
    return PlanRegret(
        names=labels,
        regrets=regrets,
        means=regrets.mean(axis=1),
        mean_errors=_sd(regrets) * spread,
        worst=x[:, -1],
        values_at_risk=v,
        value_at_risk_intervals=_order_statistics(x, level, worth),
        conditional_values_at_risk=v + beyond.mean(axis=1),
        conditional_errors=_sd(beyond) * spread,
        best_shares=(best / np.maximum(best.sum(axis=0), 1)).mean(axis=1),
        level=float(level),
        n_independent=worth,
        findings=notes,
    )


def possible_rewards(
    rewards: RewardPosterior | FloatArray, n_independent: float | int | None = None
) -> tuple[FloatArray, float]:
    """``(n, K)`` draws, and how many independent ones they are worth.

    Raises:
        FeatureError: draws are not a finite table.
        NumericalError: the posterior is no answer.
        SettingsError: ``n_independent`` is not above 0.
    """
    if n_independent is not None and not n_independent > 0:
        raise SettingsError(
            f"`n_independent` must be above 0, got {n_independent}.", hint="Leave it out to have it counted."
        )
    if isinstance(rewards, RewardPosterior):
        draws = rewards.answer()
        free = np.ptp(draws, axis=0) > 0
        worth = float(rewards.diagnostics.bulk_ess[free].min(initial=float(len(draws))))
    else:
        draws = np.asarray(rewards, dtype=np.float64)
        worth = float(len(draws)) if draws.ndim else 0.0
    if draws.ndim != 2 or not draws.size or not np.all(np.isfinite(draws)):
        raise FeatureError(
            f"Possible rewards are a finite table of weights, one row a draw, got shape {draws.shape}.",
            hint="Pass a posterior, or its `answer()`.",
        )
    return draws, min(worth if n_independent is None else float(n_independent), float(len(draws)))


def _sd(x: FloatArray) -> FloatArray:
    return x.std(axis=1, ddof=1) if x.shape[1] > 1 else np.full(len(x), np.inf)


def _order_statistics(x: FloatArray, level: float, worth: float) -> FloatArray:
    """95 % interval of a quantile: order statistics between which a binomial count lies."""
    n = x.shape[1]
    half = 1.959963984540054 * math.sqrt(level * (1.0 - level) / worth)
    low = min(n - 1, max(0, math.floor(n * (level - half)) - 1))
    high = min(n - 1, max(0, math.ceil(n * (level + half)) - 1))
    return np.stack([x[:, low], x[:, high]], axis=1)
