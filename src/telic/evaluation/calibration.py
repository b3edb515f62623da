"""Do things happen as often as predicted? Predicted choice probabilities against what was chosen.

Every decision offers each of its actions a probability ``p_ta``; the action taken counts 1, the others 0.
Pairs are sorted into bins by ``p``; in each bin the observed share should be the mean prediction.

- **Table**: per bin the mean prediction, the observed share, and its exact (Clopper-Pearson) interval.
- **Expected calibration error**: mean over pairs of abs(observed - predicted) of their bin, with an
  interval by resampling trajectories. It is above 0 even for a perfect policy; ``expected_if_perfect`` is
  what the noise alone would give.
- **Test**: if the policy is right, the summed residuals of the bins ``d_b = sum (y - p)`` have mean 0 and
  the exact covariance ``sum_t sum_a p_ta 1_b(ta) 1_b'(ta) - p_tb p_tb'`` with
  ``p_tb = sum_a p_ta 1_b(ta)``, so ``d' Cov^+ d`` is chi-square with the rank of Cov: the actions of one
  decision exclude each other, and this allows for it. A policy fitted to the same decisions has smaller
  residuals: use held-out ones.
- **Shares of actions** and **states that fit worst** name where it goes wrong.

References:
    Clopper & Pearson (1934). Hosmer & Lemeshow (1980), generalised to several actions with exact covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic._core.contingency import holm
from telic.errors import DataError, SettingsError
from telic.reports import Finding, Severity, Table
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, FloatArray, LongArray

from .clustered import ClusteredMean, clustered_mean
from .log_probs import AnyPolicy, decision_probabilities

__all__ = [
    "ActionShare",
    "Calibration",
    "CalibrationBin",
    "StateMisfit",
    "bin_rows",
    "calibration",
    "chi_square",
    "equal_bins",
    "merge_bins",
]

RESAMPLES = 400
"""Draws of trajectories behind the interval of the calibration error."""

IMPOSSIBLE = 1e-12
"""Probability below which an action that was never taken is left out: it was not on offer."""

SHOWN_STATES = 10
"""States listed among those that fit worst."""

FEW_IN_STATE = 10
"""Decisions in a state below which its misfit is not judged."""

FEW_EXPECTED = 5.0
"""Choices, and pairs left unchosen, that a bin of the test must expect; smaller bins join the next towards the
middle, where the sum of their residuals is nearer to normal."""


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Pairs of decision and action with similar predicted probability.

    Attributes:
        low: smallest prediction in the bin.
        high: largest prediction in the bin.
        predicted: mean prediction.
        observed: share that was chosen.
        interval: exact interval of the share.
        n: pairs in the bin.
    """

    low: float
    high: float
    predicted: float
    observed: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True, kw_only=True)
class ActionShare:
    """How often an action was predicted and taken over all decisions.

    Attributes:
        action: its label.
        predicted: mean predicted probability.
        observed: share of decisions that took it, with its clustered interval.
    """

    action: str
    predicted: float
    observed: ClusteredMean


@dataclass(frozen=True, kw_only=True)
class StateMisfit:
    """A state whose choices do not look like the prediction.

    Attributes:
        state: index.
        n: decisions in it.
        p_value: exact binomial tests of its action counts, adjusted (Holm) over all actions of all states
            judged; the smallest.
        predicted: mean predicted probability of each action.
        observed: observed share of each action.
    """

    state: int
    n: int
    p_value: float
    predicted: tuple[float, ...]
    observed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Predicted against observed choice frequencies.

    Attributes:
        bins: from the lowest prediction to the highest.
        error: expected calibration error.
        error_interval: its interval, or None with fewer than two trajectories.
        expected_if_perfect: the error that noise alone would give.
        statistic: chi-square of the test.
        degrees: its degrees of freedom.
        p_value: of the test.
        actions: share of each action.
        worst_states: up to ten states, worst first.
        level: coverage of the intervals.
        findings: what a reader should know.
    """

    bins: tuple[CalibrationBin, ...]
    error: float
    error_interval: tuple[float, float] | None
    expected_if_perfect: float
    statistic: float
    degrees: int
    p_value: float
    actions: tuple[ActionShare, ...]
    worst_states: tuple[StateMisfit, ...]
    level: float
    findings: tuple[Finding, ...] = ()

    @property
    def table(self) -> Table:
        """One row a bin."""
        return Table(
            title="Predicted against observed choice frequencies",
            columns=("predicted from", "to", "mean predicted", "observed", "low", "high", "n"),
            rows=tuple((b.low, b.high, b.predicted, b.observed, *b.interval, b.n) for b in self.bins),
            note=(
                f"Expected calibration error {self.error:.4f} ({self.expected_if_perfect:.4f} would be "
                "noise); "
                f"test of calibration p = {self.p_value:.2g}."
            ),
        )

    def to_json(self) -> dict[str, object]:
        """The calibration as JSON-able values."""
        return {
            "bins": [
                {
                    "low": b.low,
                    "high": b.high,
                    "predicted": b.predicted,
                    "observed": b.observed,
                    "interval": list(b.interval),
                    "n": b.n,
                }
                for b in self.bins
            ],
            "error": self.error,
            "error_interval": None if self.error_interval is None else list(self.error_interval),
            "expected_if_perfect": self.expected_if_perfect,
            "p_value": self.p_value,
            "actions": [
                {"action": a.action, "predicted": a.predicted, "observed": a.observed.value}
                for a in self.actions
            ],
        }


def calibration(
    policy: AnyPolicy, demos: Demonstrations, *, n_bins: int = 10, level: float = 0.95, key: int = 0
) -> Calibration:
    """Predicted against observed choices on (held-out) decisions.

    Args:
        policy: any kind of table.
        demos: decisions with states. Weights are not used: the exact intervals are of counts.
        n_bins: bins of equal numbers of pairs; fewer where predictions coincide.
        level: coverage of the intervals.
        key: random key of the resampling.

    Raises:
        DataError: there are no decisions.
        SettingsError: ``n_bins`` is below 2.
    """
    if n_bins < 2:
        raise SettingsError(f"`n_bins` must be at least 2, got {n_bins}.", hint="10 is usual.")
    if not demos.n_decisions:
        raise DataError("There are no decisions to compare predictions with.", hint="Check the split.")
    table = decision_probabilities(policy, demos)
    chosen = np.zeros(table.shape, dtype=bool)
    chosen[np.arange(len(table)), demos.actions] = True
    row, action = np.nonzero((table > IMPOSSIBLE) | chosen)
    p, y = table[row, action], chosen[row, action].astype(np.float64)
    bin_of = equal_bins(p, n_bins)
    B = int(bin_of.max()) + 1
    n = np.bincount(bin_of, minlength=B)
    gaps = np.bincount(bin_of, weights=y - p, minlength=B).astype(np.float64)
    covariance = _covariance(row, bin_of, p, len(table), B)
    merged = merge_bins(np.bincount(bin_of, weights=p, minlength=B).astype(np.float64), n)
    statistic, degrees, p_value = chi_square(gaps, covariance, merged)
    error = float(np.abs(gaps).sum() / len(p))
    noise = float(np.sqrt(2 / np.pi) * np.sqrt(np.diag(covariance)).sum() / len(p))
    who = source_index(demos)[demos.trajectory_index]
    interval = _resampled(who[row], bin_of, y - p, B, error, level, key)
    states, _ = demos.require_states()
    findings = []
    if p_value < 1 - level:
        findings.append(
            Finding(
                code="miscalibrated",
                severity=Severity.WARNING if error - noise > 0.02 else Severity.NOTICE,
                message=(
                    f"Predicted choice probabilities are off by {error:.3f} on average, where {noise:.3f} "
                    "would be "
                    f"noise (test of calibration: p = {p_value:.2g})."
                ),
                hint="Look at the states that fit worst; a feature may be missing, or the state too small.",
                evidence={"error": error, "expected_if_perfect": noise, "p_value": p_value},
            )
        )
    return Calibration(
        bins=bin_rows(p, y, bin_of, n, level),
        error=error,
        error_interval=interval,
        expected_if_perfect=noise,
        statistic=statistic,
        degrees=degrees,
        p_value=p_value,
        actions=tuple(
            ActionShare(
                action=label,
                predicted=float(table[:, a].mean()),
                observed=clustered_mean(chosen[:, a].astype(np.float64), who, level=level),
            )
            for a, label in enumerate(demos.action_labels[: table.shape[1]])
        ),
        worst_states=_worst_states(states.astype(np.int64), table, chosen),
        level=level,
        findings=tuple(findings),
    )


def equal_bins(p: FloatArray, n_bins: int) -> LongArray:
    """Bins of nearly equal numbers of pairs; equal predictions share a bin."""
    _, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(p)
    return np.unique((middle * n_bins).astype(np.int64)[place], return_inverse=True)[1].astype(np.int64)


def _covariance(row: LongArray, bin_of: LongArray, p: FloatArray, n_rows: int, B: int) -> FloatArray:
    mass = np.bincount(row * B + bin_of, weights=p, minlength=n_rows * B).reshape(n_rows, B)
    # sum_a p 1_b 1_b' is diagonal: each pair lies in one bin.
    return np.asarray(np.diag(mass.sum(axis=0)) - mass.T @ mass)


def merge_bins(expected: FloatArray, n: LongArray) -> FloatArray:
    """``(bins of the test, B)`` zeros and ones: which bins are added up, from the ends inwards."""
    few_chosen = int(np.searchsorted(np.cumsum(expected), FEW_EXPECTED))
    few_left = int(np.searchsorted(np.cumsum((n - expected)[::-1]), FEW_EXPECTED))
    low, high = min(few_chosen, len(n) - 1), max(len(n) - 1 - few_left, 0)
    group = np.clip(np.arange(len(n)), low, max(low, high))
    return np.asarray(np.equal.outer(np.unique(group), group), dtype=np.float64)


def chi_square(gaps: FloatArray, covariance: FloatArray, merged: FloatArray) -> tuple[float, int, float]:
    """``(statistic, degrees of freedom, p-value)`` of summed residuals with their covariance."""
    from scipy.special import chdtrc

    values, vectors, present = _spectrum(covariance)
    lost = gaps - vectors[:, present] @ (vectors[:, present].T @ gaps)
    impossible = np.abs(lost).max(initial=0.0) > 1e-6 * max(len(gaps), 1)  # its probability was 0
    values, vectors, present = _spectrum(merged @ covariance @ merged.T)
    degrees = int(present.sum())
    if impossible:
        return float("inf"), degrees, 0.0
    statistic = float(np.sum((vectors[:, present].T @ (merged @ gaps)) ** 2 / values[present]))
    return statistic, degrees, float(chdtrc(degrees, statistic)) if degrees else 1.0


def _spectrum(covariance: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    values, vectors = np.linalg.eigh(covariance)
    return values, vectors, values > 1e-9 * max(float(values[-1]), 1e-300)


def _resampled(
    who: LongArray, bin_of: LongArray, residual: FloatArray, B: int, error: float, level: float, key: int
) -> tuple[float, float] | None:
    """Percentile interval of the error over resampled trajectories, reflected about the estimate."""
    codes = np.unique(who, return_inverse=True)[1].astype(np.int64)
    N = int(codes.max()) + 1
    if N < 2:
        return None
    by_trajectory = np.bincount(codes * B + bin_of, weights=residual, minlength=N * B).reshape(N, B)
    pairs = np.bincount(codes, minlength=N).astype(np.float64)
    times = np.random.default_rng(key).multinomial(N, np.full(N, 1.0 / N), size=RESAMPLES).astype(np.float64)
    drawn = np.abs(times @ by_trajectory).sum(axis=1) / (times @ pairs)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return max(0.0, float(2 * error - high)), float(max(2 * error - low, error))


def bin_rows(
    p: FloatArray, y: FloatArray, bin_of: LongArray, n: LongArray, level: float
) -> tuple[CalibrationBin, ...]:
    """One row a bin, with the exact interval of its share."""
    from scipy.special import betaincinv

    rows = []
    for b, count in enumerate(n.tolist()):
        here = bin_of == b
        k = float(y[here].sum())
        low = 0.0 if k == 0 else float(betaincinv(k, count - k + 1, (1 - level) / 2))
        high = 1.0 if k == count else float(betaincinv(k + 1, count - k, (1 + level) / 2))
        rows.append(
            CalibrationBin(
                low=float(p[here].min()),
                high=float(p[here].max()),
                predicted=float(p[here].mean()),
                observed=k / count,
                interval=(low, high),
                n=int(count),
            )
        )
    return tuple(rows)


def _worst_states(states: LongArray, table: FloatArray, chosen: np.ndarray) -> tuple[StateMisfit, ...]:
    """A count of choices with unequal chances spreads less than the binomial of their mean, so that is safe."""
    seen, code, n = np.unique(states, return_inverse=True, return_counts=True)
    A = table.shape[1]
    predicted = np.stack([np.bincount(code, weights=table[:, a]) for a in range(A)], axis=1)
    observed = np.stack([np.bincount(code, weights=chosen[:, a]) for a in range(A)], axis=1).astype(
        np.float64
    )
    judged = np.flatnonzero(n >= FEW_IN_STATE)
    if not len(judged):
        return ()
    n, predicted, observed = n[judged], predicted[judged], observed[judged]
    p_values = _two_sided(observed, n[:, None], np.minimum(predicted / n[:, None], 1.0))
    adjusted = np.reshape(holm(p_values.ravel().tolist()), p_values.shape).min(axis=1)
    order = np.argsort(p_values.min(axis=1), kind="stable")[:SHOWN_STATES]
    return tuple(
        StateMisfit(
            state=int(seen[judged[i]]),
            n=int(n[i]),
            p_value=float(adjusted[i]),
            predicted=tuple((predicted[i] / n[i]).tolist()),
            observed=tuple((observed[i] / n[i]).tolist()),
        )
        for i in order.tolist()
    )


def _two_sided(count: FloatArray, n: LongArray, p: FloatArray) -> FloatArray:
    """Twice the smaller exact binomial tail, at most 1."""
    from scipy.special import bdtr, bdtrc

    at_most = bdtr(count, n, p)
    at_least = np.where(count > 0, bdtrc(np.maximum(count - 1, 0), n, p), 1.0)
    return np.asarray(np.minimum(1.0, 2.0 * np.minimum(at_most, at_least)))
