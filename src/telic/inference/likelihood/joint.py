"""One reward behind decisions in several worlds, at several discounts, or in several data sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap
from telic.reports import Finding, Outcome
from telic.typing import FloatArray

from .counted import failed_evaluation, nans
from .protocol import ChoiceLikelihood, Evaluation

__all__ = ["JointLikelihood"]


@dataclass(frozen=True, eq=False)
class JointLikelihood:
    """The sum of log-likelihoods that share their weights; trajectories of different parts are independent.

    Attributes:
        parts: likelihoods with features of the same names and units, and one rationality.

    Raises:
        FeatureError: names or units differ.
        SettingsError: there are no parts, or their rationality differs.
    """

    parts: tuple[ChoiceLikelihood, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise SettingsError(
                "A joint likelihood needs at least one part, got none.", hint="Give the likelihoods to add."
            )
        first = self.parts[0]
        for i, part in enumerate(self.parts):
            if part.names != first.names or part.features.units != first.features.units:
                different = sorted(set(part.names) ^ set(first.names))
                raise FeatureError(
                    f"Parts of a joint likelihood must have the same features in the same order; part {i} "
                    "differs" + (f" in {', '.join(different)}." if different else " in order or units."),
                    hint="Make the features of every world from one list.",
                    differences=different,
                )
            if part.rationality != first.rationality:
                raise SettingsError(
                    f"Parts of a joint likelihood must have one rationality, got {first.rationality} and "
                    f"{part.rationality}.",
                    hint="Give all parts the same `rationality`.",
                )

    @property
    def features(self) -> FeatureMap:
        """Features of the first part; the weights belong to the features of every part."""
        return self.parts[0].features

    @property
    def names(self) -> tuple[str, ...]:
        """K names of the weights."""
        return self.parts[0].names

    @property
    def n_weights(self) -> int:
        """K."""
        return self.parts[0].n_weights

    @property
    def n_decisions(self) -> int:
        """Decisions with a weight above 0, all parts together."""
        return sum(p.n_decisions for p in self.parts)

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all decisions."""
        return float(sum(p.total_weight for p in self.parts))

    @property
    def n_clusters(self) -> int:
        """Trajectories of all parts; 0 where some part has none."""
        return sum(p.n_clusters for p in self.parts) if all(p.n_clusters for p in self.parts) else 0

    @property
    def cluster_sizes(self) -> FloatArray:
        """``(N,)`` weights of the decisions of every trajectory, part after part."""
        return np.concatenate([p.cluster_sizes for p in self.parts]) if self.n_clusters else np.zeros(0)

    @property
    def is_sampled(self) -> bool:
        """False where no number of decisions stands behind some part."""
        return all(p.is_sampled for p in self.parts)

    @property
    def rationality(self) -> float:
        """Inverse temperature."""
        return self.parts[0].rationality

    @property
    def discount(self) -> float | None:
        """Per decision; None where the parts differ."""
        discounts = {p.discount for p in self.parts}
        return discounts.pop() if len(discounts) == 1 else None

    def digests(self) -> dict[str, str]:
        """Digests of every part."""
        return {f"part {i} {name}": d for i, p in enumerate(self.parts) for name, d in p.digests().items()}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of every part."""
        return tuple(f for p in self.parts for f in p.findings)

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Sums over the parts; see ``ChoiceLikelihood``."""
        each = []
        for part in self.parts:
            e = part.evaluate(weights, order=order)
            if not e.outcome.ok:
                return failed_evaluation(e.outcome, e.bellman_residual, e.findings)
            each.append(e)

        def total(values: list[FloatArray | None]) -> FloatArray | None:
            present = [v for v in values if v is not None]
            return np.sum(present, axis=0) if len(present) == len(values) else None

        return Evaluation(
            value=float(sum(e.value for e in each)),
            score=total([e.score for e in each]),
            hessian=total([e.hessian for e in each]),
            information=total([e.information for e in each]),
            outcome=Outcome.SUCCESS,
            bellman_residual=max(e.bellman_residual for e in each),
            findings=tuple(f for e in each for f in e.findings),
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)`` Hessian times a direction."""
        return np.asarray(np.sum([p.hessian_vector(weights, direction) for p in self.parts], axis=0))

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(N, K)`` score of every trajectory, part after part."""
        if not self.n_clusters:
            return nans(0, self.n_weights)
        return np.concatenate([p.cluster_scores(weights) for p in self.parts])

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)`` sum over decisions of score times score transposed."""
        return np.asarray(np.sum([p.outer_product(weights) for p in self.parts], axis=0))
