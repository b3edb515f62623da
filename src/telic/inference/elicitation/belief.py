"""What is believed about reward weights while questions are asked: weighted draws, or every point of a grid.

Draws ``theta_i`` with probabilities ``omega_i`` stand for the belief; an expectation is ``sum_i omega_i f(theta_i)``.
Their worth is the effective number of draws ``e n / (n sum omega_i^2)``, with ``e`` the effective draws behind each of
the n that came in (below 1 for a chain). On a grid the points *are* the belief: sums are exact and so is the entropy

    H = - sum_i omega_i log omega_i + log(volume of a cell)        (nats, of the density that is constant in a cell).

An answer is kept as ``beta (F_first - F_second)`` with who won, so that the belief can tell its own density: that of
before any answer times the probability of every answer (``telic.inference.elicitation.update``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood import ChoiceLikelihood
from telic.inference.preferences import PreferenceLikelihood
from telic.reports import Finding, Outcome
from telic.rewards import NormalPrior, RewardPosterior
from telic.trajectories import Comparisons
from telic.typing import FloatArray

__all__ = ["LogDensity", "WeightBelief"]

LogDensity = Callable[[FloatArray], FloatArray]
"""``(n, K)`` weights to ``(n,)`` log density before any answer, up to one constant; -inf outside the support."""

LEAST_DRAWS = 2


def _no_answers() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightBelief:
    """Weighted draws of reward weights, with the answers that were heard.

    Attributes:
        names: K names of the weights.
        weights: ``(n, K)`` draws, or the points of a grid.
        log_probabilities: ``(n,)`` of the draws; they sum to 1.
        units: K units of the features, or empty.
        log_density: of the belief before any answer; None where it is not known, so that draws can be reweighted but
            not moved.
        efficiency: effective draws behind each of the draws before they were weighted, in (0, 1].
        cell_volume: of a cell of the grid; None: these are draws.
        differences: ``(M, K)`` rationality times features of the first less those of the second, of every answer.
        preferred: ``(M,)`` 1 first, 0 second, 0.5 cannot say.
        outcome: only with ``SUCCESS`` may questions be ranked or expectations be taken.
        findings: what was noticed on the way.
    """

    names: tuple[str, ...]
    weights: Float[np.ndarray, "n K"]
    log_probabilities: Float[np.ndarray, "n"]
    units: tuple[str, ...] = ()
    log_density: LogDensity | None = None
    efficiency: float | int = 1.0
    cell_volume: float | int | None = None
    differences: Float[np.ndarray, "M K"] | None = None
    preferred: Float[np.ndarray, "M"] = field(default_factory=_no_answers)
    outcome: Outcome = Outcome.SUCCESS
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        n, K = self.weights.shape
        if len(self.names) != K or len(self.log_probabilities) != n:
            raise FeatureError(
                f"Draws of shape {self.weights.shape} need {n} probabilities and {K} names, got "
                f"{len(self.log_probabilities)} and {len(self.names)}.",
                hint="One row a draw, one column a feature of the reward.",
            )
        if n < LEAST_DRAWS:
            raise SettingsError(
                f"A belief needs at least {LEAST_DRAWS} draws, got {n}: a single one is sure of itself.",
                hint="Give the draws of a posterior; 1,000 are usual.",
            )
        if not np.all(np.isfinite(self.weights)):
            i, k = np.argwhere(~np.isfinite(self.weights))[0].tolist()
            raise FeatureError(
                f"Draw {i} has {self.weights[i, k]} as weight of {self.names[k]!r}; weights must be finite.",
                hint="Look at how the draws were made.",
                feature=self.names[k],
            )
        total = float(logsumexp(self.log_probabilities))
        if not abs(total) < 1e-6:
            raise SettingsError(
                f"`log_probabilities` must be of a distribution, but they sum to {math.exp(total):.6g}.",
                hint="Subtract their logsumexp.",
            )
        if not 0 < self.efficiency <= 1:
            raise SettingsError(
                f"`efficiency` must lie in (0, 1], got {self.efficiency}.",
                hint="Effective draws over draws; 1 where they are independent.",
            )

    @classmethod
    def from_posterior(
        cls, posterior: RewardPosterior, likelihood: ChoiceLikelihood | None = None
    ) -> WeightBelief:
        """The draws of a posterior.

        Args:
            posterior: its draws must be an answer.
            likelihood: the one that the posterior was made of. With it the draws can be moved after answers that leave
                few of them alive; it is then evaluated at every draw some 20 times. Without it the belief says when
                its draws are used up.

        Raises:
            NumericalError: the draws are not an answer.
            FeatureError: the likelihood is of other features.
        """
        draws = posterior.answer()
        if likelihood is not None and likelihood.names != posterior.names:
            raise FeatureError(
                f"The posterior is of {', '.join(posterior.names)}, the likelihood of {', '.join(likelihood.names)}.",
                hint="Give the likelihood that the posterior was made of.",
            )
        free = [posterior.names.index(name) for name in posterior.prior.names]

        def log_density(weights: FloatArray) -> FloatArray:
            assert likelihood is not None
            told = np.array([likelihood.evaluate(row, order=0).value for row in weights])
            return np.where(np.isfinite(told), told, -np.inf) + posterior.prior.log_density(weights[:, free])

        ess = float(np.min(posterior.diagnostics.bulk_ess[free]))
        return cls(
            names=posterior.names,
            units=posterior.features.units,
            weights=draws,
            log_probabilities=np.full(len(draws), -math.log(len(draws))),
            log_density=None if likelihood is None else log_density,
            efficiency=min(1.0, ess / len(draws)),
            findings=posterior.findings,
        )

    @classmethod
    def from_prior(
        cls, prior: NormalPrior, n_draws: int = 1_000, *, key: int, units: Sequence[str] = ()
    ) -> WeightBelief:
        """Draws of a prior, where no decision was seen.

        Raises:
            SettingsError: fewer than 2 draws.
        """
        return cls.from_density(
            prior.names,
            prior.draw(n_draws, key=key),
            lambda weights: np.asarray(prior.log_density(weights)),
            units=units,
        )

    @classmethod
    def from_density(
        cls, names: Sequence[str], draws: FloatArray, log_density: LogDensity, *, units: Sequence[str] = ()
    ) -> WeightBelief:
        """Independent draws of any density."""
        return cls(
            names=tuple(names),
            units=tuple(units),
            weights=draws,
            log_probabilities=np.full(len(draws), -math.log(max(len(draws), 1))),
            log_density=log_density,
        )

    @classmethod
    def on_grid(
        cls,
        names: Sequence[str],
        points: FloatArray,
        log_density: FloatArray,
        *,
        cell_volume: float | int = 1.0,
        units: Sequence[str] = (),
    ) -> WeightBelief:
        """A belief over a finite list of weights, or over a grid that is fine against what the answers will tell.

        Args:
            names: K names.
            points: ``(n, K)``.
            log_density: ``(n,)`` at the points, up to a constant.
            cell_volume: of one cell; 1 for a list, whose entropy is then that of a discrete distribution.
            units: of the features.

        Raises:
            SettingsError: no point has a probability above 0, or the cell has no volume.
        """
        total = float(logsumexp(log_density)) if len(log_density) else -math.inf
        if not math.isfinite(total) or not cell_volume > 0:
            raise SettingsError(
                f"A grid needs points of probability above 0 in cells of volume above 0, got {len(points)} points of "
                f"log total {total} in cells of {cell_volume}.",
                hint="Give the log density of the prior at each point.",
            )
        return cls(
            names=tuple(names),
            units=tuple(units),
            weights=points,
            log_probabilities=log_density - total,
            cell_volume=cell_volume,
        )

    @property
    def is_exact(self) -> bool:
        """The points are the whole belief, so that sums over them have no error of sampling."""
        return self.cell_volume is not None

    @property
    def n_draws(self) -> int:
        """Number of draws, or of points."""
        return len(self.weights)

    @property
    def probabilities(self) -> FloatArray:
        """``(n,)``, whatever the outcome."""
        return np.asarray(np.exp(self.log_probabilities))

    @property
    def effective_draws(self) -> float:
        """How many independent draws the belief is worth; the number of points on a grid."""
        if self.is_exact:
            return float(self.n_draws)
        return float(self.efficiency / np.sum(self.probabilities**2))

    @property
    def n_answers(self) -> int:
        """Number of answers heard."""
        return len(self.preferred)

    def answer(self) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "n"]]:
        """The draws and their probabilities, where they can be used.

        Raises:
            NumericalError: the draws are used up.
        """
        if not self.outcome.ok:
            raise NumericalError(
                f"These draws are no longer a belief ({self.outcome.label}): {self.n_answers} answers left "
                f"{self.effective_draws:.1f} of {self.n_draws:,} effective.",
                hint="Sample the posterior again with the answers in it: "
                "`nuts_posterior(JointLikelihood((decisions, belief.preferences())), prior)`.",
                outcome=self.outcome.label,
            )
        return self.weights, self.probabilities

    @property
    def mean(self) -> Float[np.ndarray, "K"]:
        """``(K,)`` means."""
        weights, p = self.answer()
        return np.asarray(p @ weights)

    @property
    def covariance(self) -> Float[np.ndarray, "K K"]:
        """``(K, K)``."""
        weights, p = self.answer()
        centred = weights - p @ weights
        return np.asarray(centred.T @ (p[:, None] * centred))

    @property
    def entropy(self) -> float:
        """Nats, of a grid.

        Raises:
            SettingsError: these are draws, which have no entropy that could be relied on.
        """
        if self.cell_volume is None:
            raise SettingsError(
                "The entropy of weighted draws is not known; that of a grid is.",
                hint="Put the belief on a grid (`WeightBelief.on_grid`) in 1 to 3 dimensions.",
            )
        p = self.probabilities
        some = p > 0
        return float(math.log(self.cell_volume) - p[some] @ self.log_probabilities[some])

    def preferences(self, *, rationality: float | int = 1.0) -> PreferenceLikelihood:
        """The answers as a likelihood, to be fitted or sampled alone or jointly with decisions.

        Args:
            rationality: of the likelihood it is to be joined with; the features are scaled so that the answers
                keep theirs.

        Raises:
            SettingsError: nothing was answered yet.
        """
        if self.differences is None or not self.n_answers:
            raise SettingsError("No question was answered yet.", hint="Update the belief with answers first.")
        M = self.n_answers
        alternatives = np.concatenate([self.differences / rationality, np.zeros_like(self.differences)])
        return PreferenceLikelihood(
            alternatives=alternatives,
            comparisons=Comparisons.from_arrays(np.arange(M), M + np.arange(M), self.preferred),
            features=FeatureMap(values=alternatives, names=self.names, units=self.units, form="S"),
            rationality=rationality,
            cluster_by="comparison",
        )
