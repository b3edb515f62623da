"""What all likelihoods made from one set of features and counts answer in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from telic._core.hashing import digest_array
from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.reports import Finding, Outcome
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .counts import Counts
from .protocol import Evaluation

__all__ = ["AbstractCountedLikelihood", "check_rationality", "data_digest", "failed_evaluation"]


class AbstractCountedLikelihood(ABC):
    """Names, sizes and findings of a likelihood with ``features`` and ``counts``."""

    features: FeatureMap
    rationality: float

    @property
    @abstractmethod
    def counts(self) -> Counts:
        """The decisions, by cell."""

    @property
    def names(self) -> tuple[str, ...]:
        """K names of the weights."""
        return self.features.names

    @property
    def n_weights(self) -> int:
        """K."""
        return self.features.n_features

    @property
    def n_decisions(self) -> int:
        """Decisions with a weight above 0."""
        return self.counts.n_decisions

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all decisions."""
        return self.counts.total

    @property
    def n_clusters(self) -> int:
        """Trajectories; 0 where the counts do not come from trajectories."""
        return self.counts.n_clusters

    @property
    def cluster_sizes(self) -> FloatArray:
        """``(N,)`` sum of the weights of the decisions of every trajectory; empty where there are none."""
        by_cluster = self.counts.by_cluster
        return (
            np.zeros(0)
            if by_cluster is None
            else np.asarray(by_cluster.sum(axis=1), dtype=np.float64).ravel()
        )

    @property
    def is_sampled(self) -> bool:
        """False where no number of decisions stands behind the counts."""
        return self.counts.is_sampled

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed when the data were counted."""
        return self.counts.findings

    @abstractmethod
    def cell_log_probs(self, weights: FloatArray) -> FloatArray:
        """``(n_cells,)`` log probability of the choice of every cell of the counts, nats; -inf where it cannot be
        chosen, NaN where the forward problem has no solution.
        """

    def cluster_log_likelihoods(self, weights: FloatArray) -> FloatArray:
        """``(N,)`` log-likelihood of every trajectory, nats; NaN where the forward problem has no solution."""
        by_cluster = self.counts.by_cluster
        if by_cluster is None:
            return np.zeros(0)
        return np.asarray(by_cluster @ self.cell_log_probs(weights))

    @abstractmethod
    def reweighted(self, cluster_weights: FloatArray) -> AbstractCountedLikelihood:
        """The same likelihood with every decision of trajectory i counted ``cluster_weights[i]`` times."""


def failed_evaluation(outcome: Outcome, residual: float, findings: tuple[Finding, ...] = ()) -> Evaluation:
    """An evaluation where the forward problem has no solution: -inf, and no derivative."""
    return Evaluation(
        value=-np.inf,
        score=None,
        hessian=None,
        information=None,
        outcome=outcome,
        bellman_residual=residual,
        findings=findings,
    )


def check_rationality(rationality: float) -> None:
    """Refuse an inverse temperature that is not a positive number."""
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(
            f"`rationality` must be a finite number above 0, got {rationality}.",
            hint="It is the inverse temperature; 1 is the convention.",
        )


def data_digest(data: Demonstrations | Counts) -> str:
    """The digest of what was counted."""
    return data.digest if isinstance(data, Demonstrations) else digest_array(data.totals)


def nans(*shape: int) -> FloatArray:
    """An array that cannot be mistaken for an answer."""
    return np.full(shape, np.nan)
