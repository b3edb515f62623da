"""Beliefs about reward weights after the decisions were seen, as draws, with what the prior decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.reports import Finding, Outcome, Provenance, Report, Section, Table
from telic.typing import FloatArray

from .estimate import Gauge, describe_direction
from .forms import LinearReward
from .prior import NormalPrior

__all__ = ["ChainDiagnostics", "PosteriorRatio", "PriorShare", "RewardPosterior"]

SCHEMA_VERSION = 1
"""Version of the JSON form of a posterior."""

ROWS_SHOWN = 60
"""Most directions that a text lists."""

LEVEL = 0.95
"""Probability that intervals hold, where the caller states none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorShare:
    """How much of the certainty about one combination of weights comes from the prior.

    Attributes:
        share: posterior variance over prior variance of the combination, in [0, 1]; 1: the data say nothing.
        coefficients: ``(K,)`` unit-norm combination of the weights.
    """

    share: float
    coefficients: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainDiagnostics:
    """Whether chains of draws can be trusted.

    Attributes:
        r_hat: ``(K,)`` rank-normalised split R-hat (Vehtari and others 2021); 1 where chains agree. 1 exactly
            for a weight that is fixed.
        bulk_ess: ``(K,)`` effective number of draws for the middle of the distribution.
        tail_ess: ``(K,)`` the same for its tails.
        n_divergent: draws at which the integrator left the energy surface.
        n_evaluations: evaluations of the likelihood, adaptation included.
        is_independent: draws are independent by construction, and the other numbers follow from that.
    """

    r_hat: Float[np.ndarray, "K"]
    bulk_ess: Float[np.ndarray, "K"]
    tail_ess: Float[np.ndarray, "K"]
    n_divergent: int
    n_evaluations: int
    is_independent: bool = False

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """The numbers by weight; null where chains that never moved leave none."""

        def by_name(values: FloatArray) -> dict[str, float | None]:
            return {n: float(v) if np.isfinite(v) else None for n, v in zip(names, values, strict=True)}

        return {
            "r_hat": by_name(self.r_hat),
            "bulk_ess": by_name(self.bulk_ess),
            "tail_ess": by_name(self.tail_ess),
            "n_divergent": self.n_divergent,
            "n_evaluations": self.n_evaluations,
            "independent_draws": self.is_independent,
        }


@dataclass(frozen=True, kw_only=True)
class PosteriorRatio:
    """A trade-off as the posterior sees it: the ratio of two weights.

    Attributes:
        numerator: feature whose weight stands above.
        denominator: feature whose weight stands below.
        unit: unit of the ratio.
        median: of the ratio.
        interval: central interval, or None where the denominator may be of either sign.
        level: probability of the interval.
        bounded: False where the probability of the less likely sign of the denominator exceeds half of what the
            interval leaves out.
        probability_denominator_positive: share of the draws.
    """

    numerator: str
    denominator: str
    unit: str
    median: float
    interval: tuple[float, float] | None
    level: float
    bounded: bool
    probability_denominator_positive: float

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, ``value`` for the median, ``method`` "posterior"."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "unit": self.unit,
            "value": self.median if self.bounded else None,
            "interval": None if self.interval is None else list(self.interval),
            "level": self.level,
            "method": "posterior",
            "bounded": self.bounded,
            "probability_denominator_positive": self.probability_denominator_positive,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardPosterior:
    """Draws of reward weights given decisions and a prior.

    Attributes:
        method: how the draws were made (``laplace``, ``nuts``, ...).
        outcome: only with ``SUCCESS`` do means, intervals and ratios exist; the draws are always kept.
        features: phi.
        draws: ``(chains, draws, K)`` weights.
        prior: of the weights that are not fixed.
        mode: ``(K,)`` weights of highest posterior density.
        mode_covariance: ``(K, K)`` inverse curvature at the mode, 0 for fixed weights.
        diagnostics: of the chains.
        prior_shares: ``(K,)`` share of the prior in the certainty of each weight (0 for fixed ones): posterior over
            prior variance, of the draws where they were sampled and are an answer, by the curvature otherwise.
        prior_directions: combinations of weights, the one that the prior decides most first.
        gauge: what was held fixed so that the rest means something.
        null_directions: ``(nullity, K)`` combinations that the decisions cannot tell; the prior alone decides
            them.
        n_decisions: decisions behind the likelihood.
        n_trajectories: their trajectories.
        log_likelihoods: ``(chains, draws)`` of the choices, nats.
        fixed_by_assumption: discount, rationality, fixed weights.
        seconds: CPU seconds.
    """

    method: str
    outcome: Outcome
    features: FeatureMap
    draws: Float[np.ndarray, "C N K"]
    prior: NormalPrior
    mode: Float[np.ndarray, "K"]
    mode_covariance: Float[np.ndarray, "K K"]
    diagnostics: ChainDiagnostics
    prior_shares: Float[np.ndarray, "K"]
    prior_directions: tuple[PriorShare, ...]
    gauge: Gauge
    null_directions: Float[np.ndarray, "nullity K"]
    n_decisions: int
    n_trajectories: int
    log_likelihoods: Float[np.ndarray, "C N"]
    fixed_by_assumption: Mapping[str, float | str] = field(default_factory=dict)
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        K = self.features.n_features
        if (
            self.draws.ndim != 3
            or self.draws.shape[2] != K
            or self.log_likelihoods.shape != self.draws.shape[:2]
        ):
            raise FeatureError(
                f"Draws of {K} weights have shape (chains, draws, {K}) with one log-likelihood each, got "
                f"{self.draws.shape} and {self.log_likelihoods.shape}.",
                hint="Keep features, draws and likelihoods of one run together.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """K names of the weights."""
        return self.features.names

    @property
    def units(self) -> tuple[str, ...]:
        """K units of the features; "" where unknown."""
        return self.features.units or ("",) * len(self.names)

    @property
    def nullity(self) -> int:
        """Number of independent combinations that the decisions cannot tell."""
        return len(self.null_directions)

    @property
    def n_draws(self) -> int:
        """Draws of all chains together."""
        return int(self.log_likelihoods.size)

    @property
    def flat(self) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` draws of all chains, whatever the outcome."""
        return self.draws.reshape(-1, len(self.names))

    def answer(self) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` draws of all chains, where they are an answer.

        Raises:
            NumericalError: the outcome is not success, so nothing may be computed from the draws.
        """
        if not self.outcome.ok:
            raise NumericalError(
                f"These draws are not an answer ({self.outcome.label}). {self.outcome.value}",
                hint="The findings name the weights; `draws` and `diagnostics` are there to look at.",
                outcome=self.outcome.label,
            )
        return self.flat

    @property
    def mean(self) -> Float[np.ndarray, "K"]:
        """``(K,)`` posterior means."""
        return np.asarray(self.answer().mean(axis=0))

    @property
    def standard_deviations(self) -> Float[np.ndarray, "K"]:
        """``(K,)`` posterior standard deviations."""
        return np.asarray(self.answer().std(axis=0, ddof=1))

    def quantiles(self, probabilities: Sequence[float]) -> Float[np.ndarray, "Q K"]:
        """``(Q, K)`` quantiles of every weight.

        Raises:
            SettingsError: a probability lies outside [0, 1].
            NumericalError: the draws are not an answer.
        """
        bad = [p for p in probabilities if not 0 <= p <= 1]
        if bad:
            raise SettingsError(f"Probabilities lie in [0, 1], got {bad[0]}.", hint="0.5 is the median.")
        return np.asarray(np.quantile(self.answer(), list(probabilities), axis=0))

    def interval(self, level: float = LEVEL) -> Float[np.ndarray, "K 2"]:
        """``(K, 2)`` central intervals that hold the weight with this probability."""
        tail = (1.0 - _probability(level)) / 2.0
        return np.asarray(self.quantiles([tail, 1.0 - tail]).T)

    def probability_positive(self) -> Float[np.ndarray, "K"]:
        """``(K,)`` probability that each weight is above 0."""
        return np.asarray((self.answer() > 0).mean(axis=0))

    def ratio(self, numerator: str, denominator: str, *, level: float = LEVEL) -> PosteriorRatio:
        """The trade-off ``weight of numerator / weight of denominator``.

        It is unbounded where the denominator's sign is not settled at this level: a ratio then has no central
        interval that means anything (T17's *unbounded*, for draws).

        Raises:
            FeatureError: a name is not one of the features, or the weight below is always 0.
            NumericalError: the draws are not an answer.
        """
        places = []
        for name in (numerator, denominator):
            if name not in self.names:
                raise FeatureError(
                    f"{name!r} is not one of the features {', '.join(self.names)}.", hint="Use their names."
                )
            places.append(self.names.index(name))
        draws = self.answer()
        above, below = draws[:, places[0]], draws[:, places[1]]
        positive = float((below > 0).mean())
        tail = (1.0 - _probability(level)) / 2.0
        if not below.any():
            raise FeatureError(
                f"The weight of {denominator!r} is 0 in every draw, so nothing can be stated in its units.",
                hint="Choose another denominator, or do not fix this weight at 0.",
            )
        bounded = min(positive, 1.0 - positive) <= tail and bool(np.all(below != 0))
        values = above[below != 0] / below[below != 0]
        median = float(np.median(values))
        units = [self.units[k] for k in places]
        interval = None
        if bounded:
            low, high = np.quantile(values, [tail, 1.0 - tail])
            interval = (float(low), float(high))
        return PosteriorRatio(
            numerator=numerator,
            denominator=denominator,
            unit=f"{units[1]}/{units[0]}" if all(units) else "",
            median=median,
            interval=interval,
            level=level,
            bounded=bounded,
            probability_denominator_positive=positive,
        )

    def rewards(self, n: int, *, key: int) -> tuple[LinearReward, ...]:
        """``n`` draws as rewards, picked without replacement.

        Raises:
            SettingsError: there are fewer draws.
            NumericalError: the draws are not an answer.
        """
        draws = self.answer()
        if not 0 < n <= len(draws):
            raise SettingsError(
                f"`n` must lie between 1 and the {len(draws)} draws, got {n}.", hint="Sample more draws."
            )
        picked = np.random.default_rng(key).choice(len(draws), size=n, replace=False)
        return tuple(LinearReward(features=self.features, weights=draws[i]) for i in picked.tolist())

    def to_json(self) -> dict[str, Any]:
        """The posterior as JSON-able values, without the draws; numbers are null where it is no answer."""
        ok = self.outcome.ok
        mean = self.mean if ok else None
        sd = self.standard_deviations if ok else None
        interval = self.interval() if ok else None
        positive = self.probability_positive() if ok else None
        weights = {
            name: {
                "mean": None if mean is None else float(mean[k]),
                "standard_deviation": None if sd is None else float(sd[k]),
                "interval": None if interval is None else interval[k].tolist(),
                "probability_positive": None if positive is None else float(positive[k]),
                "mode": float(self.mode[k]),
                "prior_share": float(self.prior_shares[k]),
            }
            for k, name in enumerate(self.names)
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "method": self.method,
            "result": self.outcome.label,
            "advice": "" if ok else self.outcome.value,
            "n_chains": int(self.draws.shape[0]),
            "n_draws": self.n_draws,
            "level": LEVEL,
            "weights": weights,
            "units": dict(zip(self.names, self.units, strict=True)),
            "prior": self.prior.to_json(),
            "prior_directions": [
                {
                    "share": d.share,
                    "direction": {n: float(c) for n, c in zip(self.names, d.coefficients, strict=True) if c},
                }
                for d in self.prior_directions
            ],
            "diagnostics": self.diagnostics.to_json(self.names),
            "gauge": self.gauge.to_json(),
            "nullity": self.nullity,
            "null_directions": [
                {n: float(c) for n, c in zip(self.names, row.tolist(), strict=True) if c}
                for row in self.null_directions
            ],
            "n_decisions": self.n_decisions,
            "n_trajectories": self.n_trajectories,
            "fixed_by_assumption": dict(self.fixed_by_assumption),
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
            "provenance": self.provenance.to_json(),
        }

    def summary(self) -> Report:
        """The posterior as a report; an outcome other than success is the first thing it says."""
        if self.outcome.ok:
            headline = (
                f"Posterior of {len(self.names)} weights from {self.n_decisions:,} decisions, "
                f"{self.n_draws:,} draws by {self.method}"
            )
            headline += f"; {self.nullity} direction(s) only the prior decides." if self.nullity else "."
        else:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        sections = [
            Section(title="Weights", items=(self._weight_table(),), anchor="posterior-weights"),
            Section(title="What the prior decides", items=tuple(self._prior_lines()), anchor="prior"),
        ]
        if self.findings:
            worst_first = tuple(sorted(self.findings, key=lambda f: -int(f.severity)))
            at = 0 if not self.outcome.ok else len(sections)
            sections.insert(at, Section(title="Findings", items=worst_first, anchor="posterior-findings"))
        return Report(
            title=f"Posterior by {self.method}",
            headline=headline,
            sections=tuple(sections),
            data=self.to_json(),
        )

    def _weight_table(self) -> Table:
        told = self.to_json()["weights"]
        d = self.diagnostics
        rows = []
        for k, name in enumerate(self.names):
            w = told[name]
            low, high = w["interval"] or (None, None)
            rows.append(
                (
                    name,
                    self.units[k],
                    w["mean"],
                    w["standard_deviation"],
                    low,
                    high,
                    w["probability_positive"],
                    w["prior_share"],
                    float(d.r_hat[k]),
                    round(float(d.bulk_ess[k])),
                )
            )
        return Table(
            title="Belief about each weight after the data",
            columns=(
                "feature",
                "unit",
                "mean",
                "SD",
                f"{50 * (1 - LEVEL):.3g} %",
                f"{50 * (1 + LEVEL):.4g} %",
                "P(> 0)",
                "prior's share",
                "R-hat",
                "effective draws",
            ),
            rows=tuple(rows),
            note="The prior's share is posterior over prior variance: 1 where the data say nothing.",
        )

    def _prior_lines(self) -> list[str]:
        lines = [f"Prior: {self.prior.source}."]
        n_mostly = sum(d.share > 0.5 for d in self.prior_directions)
        shown = self.prior_directions[: min(max(n_mostly, 5), ROWS_SHOWN)]
        for d in shown:
            lines.append(
                f"{100 * d.share:.3g} % of what is known about "
                f"{describe_direction(self.names, d.coefficients)} is the prior."
            )
        if n_mostly > len(shown):
            lines.append(
                f"{n_mostly - len(shown)} more directions are mostly the prior; the JSON form has them."
            )
        return lines


def _probability(level: float) -> float:
    if not 0 < level < 1:
        raise SettingsError(f"`level` must lie between 0 and 1, got {level}.", hint="0.95 is usual.")
    return level
