"""What every likelihood of choices offers; methods and diagnostics use nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from telic.features import FeatureMap
from telic.reports import Finding, Outcome
from telic.typing import FloatArray

__all__ = ["ChoiceLikelihood", "ClusteredLikelihood", "Evaluation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The log-likelihood at one weight vector, summed over decisions.

    Attributes:
        value: nats; -inf unless ``outcome`` is ``SUCCESS``.
        score: ``(K,)`` first derivative, for ``order >= 1``.
        hessian: ``(K, K)`` second derivative, for ``order >= 2``.
        information: ``(K, K)`` expected information (minus the expected second derivative given the states
            where decisions were taken), for ``order >= 2``; never indefinite.
        outcome: ``SUCCESS``, or why the forward problem has no solution here.
        bellman_residual: largest residual of the forward problem behind it, in units of reward.
        findings: what the forward solver noticed.
    """

    value: float
    score: FloatArray | None
    hessian: FloatArray | None
    information: FloatArray | None
    outcome: Outcome
    bellman_residual: float
    findings: tuple[Finding, ...] = ()


@runtime_checkable
class ChoiceLikelihood(Protocol):
    """The exact log-likelihood of discrete choices, with derivatives by the reward weights.

    Laws: ``score`` is the gradient of ``value`` and ``hessian`` its Jacobian (checked against central
        differences
    for every kind); ``cluster_scores(w).sum(0) == score(w)``; ``hessian_vector(w, v) == hessian(w) @ v``.
    """

    @property
    def features(self) -> FeatureMap:
        """The features that the weights belong to."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """K names of the weights."""
        ...

    @property
    def n_weights(self) -> int:
        """K."""
        ...

    @property
    def n_decisions(self) -> int:
        """Decisions with a weight above 0."""
        ...

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all decisions; equal to ``n_decisions`` without weights."""
        ...

    @property
    def n_clusters(self) -> int:
        """Trajectories; 0 where the counts do not come from trajectories."""
        ...

    @property
    def cluster_sizes(self) -> FloatArray:
        """``(N,)`` sum of the weights of the decisions of every trajectory; empty where there are none."""
        ...

    @property
    def is_sampled(self) -> bool:
        """False where no number of decisions stands behind the counts, so that no standard error exists."""
        ...

    @property
    def rationality(self) -> float:
        """Inverse temperature."""
        ...

    @property
    def discount(self) -> float | None:
        """Per decision; None where there is none or more than one."""
        ...

    def digests(self) -> dict[str, str]:
        """Name to digest of what the likelihood was made from."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed when the data were counted."""
        ...

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value (``order`` 0), score (1), Hessian and information (2) at ``(K,)`` weights."""
        ...

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)``: the Hessian times a direction, without forming the Hessian."""
        ...

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(N, K)``: the score of every trajectory."""
        ...

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)``: sum over decisions of score times score transposed."""
        ...


@runtime_checkable
class ClusteredLikelihood(ChoiceLikelihood, Protocol):
    """A likelihood that can tell its trajectories apart, as mixtures need it.

    Law: ``cluster_log_likelihoods(w).sum() == evaluate(w).value``.
    """

    def cluster_log_likelihoods(self, weights: FloatArray) -> FloatArray:
        """``(N,)`` log-likelihood of every trajectory, nats."""
        ...

    def reweighted(self, cluster_weights: FloatArray) -> Any:
        """The same likelihood with every decision of trajectory i counted ``cluster_weights[i]`` times."""
        ...
