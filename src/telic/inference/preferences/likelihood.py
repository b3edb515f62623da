"""The likelihood of comparisons, as a likelihood of choices: it is fitted alone or added to that of decisions.

Alternative i (a trajectory, a segment, an item) is worth ``F_i theta``, with ``F_i`` the features it collects.
Annotator j answers comparison m with the probabilities of ``telic.inference.preferences.davidson`` at

    z_m = beta b_j (F_first - F_second) theta,

``beta`` the common rationality and ``b_j`` that of the annotator relative to it. Concave in ``theta``; score
``sum_m w_m dl/dz beta b_j D_m``, information ``sum_m w_m v_m (beta b_j)^2 D_m D_m'`` and, for it does not depend on the
answers, equal to minus the Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from telic._core.hashing import digest_array
from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap, trajectory_features
from telic.inference.likelihood import Evaluation
from telic.reports import Finding, Outcome
from telic.trajectories import Comparisons, Demonstrations
from telic.typing import FloatArray, LongArray

from .davidson import AnswerTerms, answer_terms
from .findings import weighted_comparisons

__all__ = ["CLUSTERS", "PreferenceLikelihood"]

CLUSTERS = ("annotator", "comparison")
"""What may be taken as independent in clustered errors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreferenceLikelihood:
    """The log-likelihood of comparisons in the weights; keeps the laws of ``ChoiceLikelihood``.

    Attributes:
        alternatives: ``(N, K)`` features that each alternative collects.
        comparisons: of these alternatives.
        features: the map that the weights belong to (K features).
        weights: ``(M,)`` non-negative weight of each comparison, or None for 1.
        annotator_rationality: ``(J,)`` positive, relative to ``rationality``; None for 1.
        tie_strength: Davidson's, above 0; None takes a tie as half a win of each side.
        rationality: inverse temperature of all answers.
        discount: with which the features were summed, or None where there is no time.
        cluster_by: ``"annotator"`` (answers of one may depend on each other) or ``"comparison"``.
        is_sampled: False where the number of comparisons is nobody's data, so that no standard error exists.
        notes: what was noticed when they were made.
    """

    alternatives: Float[np.ndarray, "N K"]
    comparisons: Comparisons
    features: FeatureMap
    weights: Float[np.ndarray, "M"] | None = None
    annotator_rationality: Float[np.ndarray, "J"] | None = None
    tie_strength: float | int | None = None
    rationality: float | int = 1.0
    discount: float | int | None = None
    cluster_by: str = "annotator"
    is_sampled: bool = True
    notes: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        _check_alternatives(self.alternatives, self.features)
        _check_comparisons(self.comparisons, len(self.alternatives), self.weights)
        J = len(self.comparisons.annotator_names)
        b = self.annotator_rationality
        if b is not None and (b.shape != (J,) or not np.all(np.isfinite(b)) or np.any(b <= 0)):
            raise SettingsError(
                f"`annotator_rationality` must hold {J} positive numbers, got {b.tolist()}.",
                hint="One for each annotator, relative to `rationality`; 1 for all alike.",
            )
        for name, value in (("rationality", self.rationality), ("tie_strength", self.tie_strength)):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise SettingsError(
                    f"`{name}` must be a finite number above 0, got {value}.",
                    hint="1 is the convention for rationality; `tie_strength=None` takes ties as half wins.",
                )
        if self.cluster_by not in CLUSTERS:
            raise SettingsError(
                f"`cluster_by` must be one of {', '.join(CLUSTERS)}, got {self.cluster_by!r}.",
                hint="By annotator where one person's answers may depend on each other.",
            )

    @classmethod
    def of_trajectories(
        cls,
        demos: Demonstrations,
        comparisons: Comparisons,
        features: FeatureMap | MeasuredFeatureMap,
        *,
        discount: float | int = 1.0,
        weights: FloatArray | None = None,
        tie_strength: float | int | None = None,
        rationality: float | int = 1.0,
        cluster_by: str = "annotator",
        is_sampled: bool = True,
        notes: tuple[Finding, ...] = (),
    ) -> PreferenceLikelihood:
        """Comparisons of trajectories (or of segments that were made into trajectories).

        Args:
            demos: what the comparisons index. Weights of decisions do not count.
            comparisons: of ``demos``.
            features: phi; of a world's states and actions, or of measurements.
            discount: per decision, counted from the first decision of each trajectory; 1 adds the features up.
            weights: ``(M,)`` weight of each comparison, or None for 1.
            tie_strength: Davidson's; None takes a tie as half a win of each side.
            rationality: inverse temperature of all answers.
            cluster_by: ``"annotator"`` or ``"comparison"``.
            is_sampled: False where no standard error exists.
            notes: what was noticed when they were made.

        Raises:
            DataError: the comparisons are of another dataset, or of trajectories that do not exist.
            FeatureError: the features do not fit.
            SettingsError: a number is out of range.
        """
        if not 0 <= discount <= 1:
            raise SettingsError(
                f"`discount` must lie in [0, 1], got {discount}.", hint="1 adds up the features."
            )
        if comparisons.dataset and comparisons.dataset != demos.digest:
            raise DataError(
                f"The comparisons are of the dataset {comparisons.dataset[:19]}..., the demonstrations are "
                f"{demos.digest[:19]}....",
                hint="Give the demonstrations that were shown; the indices of others mean other trajectories.",
            )
        sums = trajectory_features(features, replace(demos, weights=None), discount=discount)
        if isinstance(features, MeasuredFeatureMap):
            shown = FeatureMap(values=sums, names=features.names, units=features.units, form="S")
        else:
            shown = features
        return cls(
            alternatives=sums,
            comparisons=comparisons,
            features=shown,
            weights=weights,
            tie_strength=tie_strength,
            rationality=rationality,
            discount=float(discount),
            cluster_by=cluster_by,
            is_sampled=is_sampled,
            notes=notes,
        )

    @cached_property
    def differences(self) -> FloatArray:
        """``(M, K)`` features of the first less those of the second, times ``rationality``."""
        c = self.comparisons
        return np.asarray(self.rationality * (self.alternatives[c.first] - self.alternatives[c.second]))

    @cached_property
    def multipliers(self) -> FloatArray:
        """``(M,)`` relative rationality of who answered."""
        b = self.annotator_rationality
        return np.ones(len(self.comparisons)) if b is None else b[self.comparisons.annotators]

    @cached_property
    def row_weights(self) -> FloatArray:
        """``(M,)`` weight of each comparison."""
        return np.ones(len(self.comparisons)) if self.weights is None else self.weights

    @property
    def log_tie(self) -> float:
        """Log of the tie strength; -inf where ties are half wins."""
        return -np.inf if self.tie_strength is None else float(np.log(self.tie_strength))

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
        """Comparisons with a weight above 0."""
        return int(np.count_nonzero(self.row_weights))

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all comparisons."""
        return float(self.row_weights.sum())

    @cached_property
    def clusters(self) -> LongArray:
        """``(M,)`` which cluster each comparison is in, of those that have any."""
        if self.cluster_by == "comparison":
            return np.arange(len(self.comparisons), dtype=np.int64)
        return np.unique(self.comparisons.annotators, return_inverse=True)[1].astype(np.int64)

    @property
    def n_clusters(self) -> int:
        """Annotators who answered, or comparisons."""
        return int(self.clusters.max()) + 1

    @property
    def cluster_sizes(self) -> FloatArray:
        """``(n_clusters,)`` sum of the weights of the comparisons of each."""
        return np.asarray(np.bincount(self.clusters, weights=self.row_weights), dtype=np.float64)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed when the comparisons were made, and that they are weighted."""
        used = self.row_weights[self.row_weights > 0]
        return (
            self.notes
            if np.all(used == used[0]) and used[0] == 1.0
            else (*self.notes, weighted_comparisons())
        )

    def digests(self) -> dict[str, str]:
        """Name to digest of what the likelihood was made from."""
        found = {
            "comparisons": self.comparisons.digest,
            "alternatives": digest_array(self.alternatives),
            "features": self.features.digest,
        }
        return found if self.weights is None else {**found, "weights": digest_array(self.weights)}

    def terms(self, weights: FloatArray) -> AnswerTerms:
        """The terms of every comparison at ``(K,)`` weights."""
        z = self.multipliers * (self.differences @ weights)
        return answer_terms(z, self.comparisons.preferred, self.log_tie)

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value (``order`` 0), score (1), Hessian and information (2) at ``(K,)`` weights."""
        t = self.terms(weights)
        w = self.row_weights
        value = float(w @ t.log_likelihood)
        information = None
        if order > 1:
            information = (self.differences * (w * t.zz * self.multipliers**2)[:, None]).T @ self.differences
        return Evaluation(
            value=value,
            score=self.differences.T @ (w * t.by_z * self.multipliers) if order else None,
            hessian=None if information is None else -information,
            information=information,
            outcome=Outcome.SUCCESS if np.isfinite(value) else Outcome.NON_FINITE,
            bellman_residual=0.0,
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)``: the Hessian times a direction."""
        t = self.terms(weights)
        along = self.row_weights * t.zz * self.multipliers**2 * (self.differences @ direction)
        return -self.differences.T @ along

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(n_clusters, K)``: the score of every cluster."""
        scores = self._scores(weights) * self.row_weights[:, None]
        out = np.zeros((self.n_clusters, self.n_weights))
        np.add.at(out, self.clusters, scores)
        return out

    def cluster_log_likelihoods(self, weights: FloatArray) -> FloatArray:
        """``(n_clusters,)`` log-likelihood of every cluster, nats."""
        rows = self.row_weights * self.terms(weights).log_likelihood
        return np.asarray(np.bincount(self.clusters, weights=rows), dtype=np.float64)

    def reweighted(self, cluster_weights: Float[np.ndarray, "n_clusters"]) -> PreferenceLikelihood:
        """The same likelihood with every comparison of cluster i counted ``cluster_weights[i]`` times."""
        return replace(self, weights=self.row_weights * cluster_weights[self.clusters])

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)``: sum over comparisons of score times score transposed."""
        scores = self._scores(weights) * self.row_weights[:, None]
        return scores.T @ scores

    def _scores(self, weights: FloatArray) -> FloatArray:
        return np.asarray(self.differences * (self.terms(weights).by_z * self.multipliers)[:, None])


def _check_alternatives(alternatives: FloatArray, features: FeatureMap) -> None:
    if alternatives.ndim != 2 or alternatives.shape[1] != features.n_features:
        raise FeatureError(
            f"`alternatives` must have one column for each of the {features.n_features} features, got shape "
            f"{alternatives.shape}.",
            hint="One row an alternative; `PreferenceLikelihood.of_trajectories` makes them.",
        )
    bad = np.argwhere(~np.isfinite(alternatives))
    if len(bad):
        i, k = bad[0].tolist()
        raise FeatureError(
            f"Alternative {i} collects {alternatives[i, k]} of {features.names[k]!r}; features must be finite.",
            hint="Look for a missing measurement.",
            feature=features.names[k],
            row=i,
        )


def _check_comparisons(comparisons: Comparisons, N: int, weights: FloatArray | None) -> None:
    M = len(comparisons)
    if not M:
        raise DataError("There are no comparisons to learn from.", hint="Check the filter that left none.")
    largest = int(max(comparisons.first.max(), comparisons.second.max()))
    if largest >= N:
        raise DataError(
            f"The comparisons name alternative {largest}, but there are {N} (numbered from 0).",
            hint="Give the demonstrations or items that were compared.",
        )
    if weights is not None and (
        weights.shape != (M,)
        or not np.all(np.isfinite(weights))
        or np.any(weights < 0)
        or not np.any(weights)
    ):
        raise DataError(
            f"`weights` must hold {M} finite numbers, none negative and not all 0; got shape {weights.shape}.",
            hint="One for each comparison, or leave them out.",
        )
