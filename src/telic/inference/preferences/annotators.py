"""Weights, the rationality of each annotator and the tie strength, together as the numbers of one likelihood.

    z_m = e^(l_j) D_m theta,    t = log v,    numbers (theta, l of the free groups, t where it is free).

``l`` and ``t`` are told by the same comparisons, so their errors are in those of the weights: the theta block of any
covariance made from these derivatives is that of the weights with rationality and ties estimated. Not concave in
``(theta, l)`` together; the information is the expected one.

*Gauge.* Comparisons alone fix ``l`` up to a shift, which scales ``theta``: one group of annotators is held at 0. With
demonstrations on the same weights every ``l`` is free, relative to the rationality of the demonstrations.

*Spread.* With ``spread`` s the ``l_j`` are draws from a normal law with an unknown mean: the terms
``-(l_j - mean l)^2 / (2 s^2)`` are added, one a group. They do not change with a shift, so they choose no gauge.
They count as what they are, terms of a likelihood whose information is known: in the scores of the group, and by
their expectation in the outer product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.inference.likelihood import ChoiceLikelihood, Evaluation
from telic.reports import Finding
from telic.typing import FloatArray, LongArray

from .davidson import AnswerTerms, answer_terms
from .likelihood import PreferenceLikelihood

__all__ = ["TIE_NAME", "AnnotatorLikelihood", "rationality_name"]

LARGEST_LOG = 200.0
"""Log rationality beyond which answers do not get any surer; its square is still a number."""

TIE_NAME = "log tie strength"
"""Name of the number that says how readily ties are called."""


def rationality_name(annotator: str) -> str:
    """Name of the number that says how rational an annotator is."""
    return f"log rationality of {annotator}"


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatorLikelihood:
    """A likelihood of comparisons (and decisions) in weights, log rationalities and log tie strength.

    Attributes:
        preferences: the comparisons; their ``annotator_rationality`` is not used.
        decisions: a likelihood of choices in the same weights, or None.
        groups: ``(J,)`` group of each annotator; those of one group have one rationality.
        group_names: G names.
        free_groups: ``(F,)`` indices of the groups whose rationality is estimated; the others have 1.
        spread: standard deviation of log rationality between annotators, or None for no such law.
        frees_ties: estimate the tie strength.
    """

    preferences: PreferenceLikelihood
    decisions: ChoiceLikelihood | None
    groups: LongArray
    group_names: tuple[str, ...]
    free_groups: LongArray
    spread: float | None
    frees_ties: bool

    @property
    def n_features(self) -> int:
        """K, the weights of the reward among the numbers."""
        return self.preferences.n_weights

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the weights, then of the other numbers."""
        more = tuple(rationality_name(self.group_names[g]) for g in self.free_groups.tolist())
        return (*self.preferences.names, *more, *((TIE_NAME,) if self.frees_ties else ()))

    @cached_property
    def who(self) -> LongArray:
        """``(M,)`` group of who answered each comparison."""
        return self.groups[self.preferences.comparisons.annotators]

    @property
    def n_weights(self) -> int:
        """All numbers."""
        return len(self.names)

    @cached_property
    def features(self) -> FeatureMap:
        """The features of the reward with a column of zeros for every other number."""
        phi = self.preferences.features if self.decisions is None else self.decisions.features
        extra = self.n_weights - self.n_features
        values: FloatArray | sp.csr_array
        if isinstance(phi.values, np.ndarray):
            values = np.concatenate([phi.values, np.zeros((*phi.values.shape[:-1], extra))], axis=-1)
        else:
            values = sp.csr_array(sp.hstack([phi.values, sp.csr_array((phi.values.shape[0], extra))]))
        units = (*phi.units, *("",) * extra) if phi.units else ()
        return FeatureMap(values=values, names=self.names, units=units, form=phi.form)

    @property
    def n_decisions(self) -> int:
        """Comparisons and decisions."""
        return self.preferences.n_decisions + (0 if self.decisions is None else self.decisions.n_decisions)

    @property
    def total_weight(self) -> float:
        """Sum of the weights of comparisons and decisions."""
        return self.preferences.total_weight + (0 if self.decisions is None else self.decisions.total_weight)

    @property
    def n_clusters(self) -> int:
        """Clusters of comparisons and trajectories of decisions; 0 where decisions have none."""
        if self.decisions is not None and not self.decisions.n_clusters:
            return 0
        return self.preferences.n_clusters + (0 if self.decisions is None else self.decisions.n_clusters)

    @property
    def cluster_sizes(self) -> FloatArray:
        """``(n_clusters,)`` weights of each, comparisons first."""
        if not self.n_clusters:
            return np.zeros(0)
        mine = self.preferences.cluster_sizes
        return mine if self.decisions is None else np.concatenate([mine, self.decisions.cluster_sizes])

    @property
    def is_sampled(self) -> bool:
        """False where no standard error exists."""
        return self.preferences.is_sampled and (self.decisions is None or self.decisions.is_sampled)

    @property
    def rationality(self) -> float:
        """Common inverse temperature."""
        return float(self.preferences.rationality)

    @property
    def discount(self) -> float | None:
        """Per decision; None where comparisons and decisions differ."""
        d = self.preferences.discount
        other = d if self.decisions is None else self.decisions.discount
        return float(d) if d is not None and d == other else None

    def digests(self) -> dict[str, str]:
        """Name to digest of what the likelihood was made from."""
        own = self.preferences.digests()
        if self.decisions is None:
            return own
        return {**own, **{f"decisions {name}": d for name, d in self.decisions.digests().items()}}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of both parts."""
        return (*self.preferences.findings, *(() if self.decisions is None else self.decisions.findings))

    def split(self, numbers: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """``(weights (K,), log rationality of every group (G,), log tie strength)``."""
        K, F = self.n_features, len(self.free_groups)
        logs = np.zeros(len(self.group_names))
        logs[self.free_groups] = numbers[K : K + F]
        return numbers[:K], logs, float(numbers[-1]) if self.frees_ties else self.preferences.log_tie

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value (``order`` 0), score (1), Hessian and information (2) at all numbers."""
        theta, logs, log_tie = self.split(weights)
        terms, z = self._terms(theta, logs, log_tie)
        w, away = self.preferences.row_weights, self._away @ logs
        value = float(w @ terms.log_likelihood) - 0.5 * float(away @ away) * self._precision
        score = hessian = information = None
        if order:
            score = self._sum(w * terms.by_z, w * terms.by_t, z, logs) - self._prior @ weights
        if order > 1:
            information = self._information(w, terms, z, logs) + self._prior
            hessian = self._bend(w * terms.by_z, z, logs) - information
        found = [
            Evaluation(
                value=value,
                score=score,
                hessian=hessian,
                information=information,
                outcome=self.preferences.evaluate(theta).outcome,
                bellman_residual=0.0,
            )
        ]
        if self.decisions is not None:
            found.append(self._padded(self.decisions.evaluate(theta, order=order)))
        if not found[-1].outcome.ok:
            return found[-1]
        return Evaluation(
            value=sum(e.value for e in found),
            score=_total([e.score for e in found]),
            hessian=_total([e.hessian for e in found]),
            information=_total([e.information for e in found]),
            outcome=found[0].outcome,
            bellman_residual=found[-1].bellman_residual,
            findings=found[-1].findings,
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """The Hessian times a direction; formed, for there are few numbers."""
        hessian = self.evaluate(weights, order=2).hessian
        assert hessian is not None
        return hessian @ direction

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(n_clusters, P)``: the score of every annotator (or comparison), then of every trajectory."""
        if not self.n_clusters:
            return np.full((0, self.n_weights), np.nan)
        p = self.preferences
        rows = self._row_scores(weights) * p.row_weights[:, None]
        # The term of a group belongs to its comparisons, in equal parts.
        rows += (self._prior_scores(weights) / np.maximum(self._answered, 1.0)[:, None])[self.who]
        out = np.zeros((p.n_clusters, self.n_weights))
        np.add.at(out, p.clusters, rows)
        if self.decisions is None:
            return out
        theirs = self.decisions.cluster_scores(weights[: self.n_features])
        return np.concatenate([out, np.pad(theirs, ((0, 0), (0, self.n_weights - self.n_features)))])

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(P, P)``: sum over comparisons and decisions of score times score, with the expectation of the terms
        that tie groups together.
        """
        rows = self._row_scores(weights) * self.preferences.row_weights[:, None]
        total = rows.T @ rows + self._prior
        if self.decisions is not None:
            K = self.n_features
            total[:K, :K] += self.decisions.outer_product(weights[:K])
        return np.asarray(total)

    def data_information(self, weights: FloatArray) -> FloatArray:
        """``(G,)`` information of the comparisons of each group about its own log rationality."""
        theta, logs, log_tie = self.split(weights)
        terms, z = self._terms(theta, logs, log_tie)
        rows = self.preferences.row_weights * terms.zz * z**2
        return np.asarray(np.bincount(self.who, weights=rows, minlength=len(logs)))

    def _terms(self, theta: FloatArray, logs: FloatArray, log_tie: float) -> tuple[AnswerTerms, FloatArray]:
        p = self.preferences
        z = _exp(logs)[self.who] * (p.differences @ theta)
        return answer_terms(z, p.comparisons.preferred, log_tie), z

    def _jacobian(self, z: FloatArray, logs: FloatArray) -> FloatArray:
        """``(M, P)`` derivative of z by every number; the column of the tie strength is 0."""
        p, K = self.preferences, self.n_features
        J = np.zeros((len(z), self.n_weights))
        J[:, :K] = _exp(logs)[self.who][:, None] * p.differences
        for i, j in enumerate(self.free_groups.tolist()):
            J[:, K + i] = np.where(self.who == j, z, 0.0)
        return J

    def _sum(self, by_z: FloatArray, by_t: FloatArray, z: FloatArray, logs: FloatArray) -> FloatArray:
        total = self._jacobian(z, logs).T @ by_z
        if self.frees_ties:
            total[-1] = by_t.sum()
        return np.asarray(total)

    def _information(self, w: FloatArray, t: AnswerTerms, z: FloatArray, logs: FloatArray) -> FloatArray:
        J = self._jacobian(z, logs)
        total = (J * (w * t.zz)[:, None]).T @ J
        if self.frees_ties:
            total[-1] = total[:, -1] = J.T @ (w * t.zt)
            total[-1, -1] = float(w @ t.tt)
        return np.asarray(total)

    def _bend(self, by_z: FloatArray, z: FloatArray, logs: FloatArray) -> FloatArray:
        """``sum_m dl/dz d2z``: what the curvature of ``e^l D theta`` adds to the Hessian."""
        p, K = self.preferences, self.n_features
        out = np.zeros((self.n_weights, self.n_weights))
        for i, j in enumerate(self.free_groups.tolist()):
            mine = np.where(self.who == j, by_z, 0.0)
            out[K + i, K + i] = mine @ z
            out[:K, K + i] = out[K + i, :K] = _exp(logs[j : j + 1])[0] * (p.differences.T @ mine)
        return out

    def _row_scores(self, weights: FloatArray) -> FloatArray:
        theta, logs, log_tie = self.split(weights)
        terms, z = self._terms(theta, logs, log_tie)
        rows = self._jacobian(z, logs) * terms.by_z[:, None]
        if self.frees_ties:
            rows[:, -1] = terms.by_t
        return np.asarray(rows)

    @cached_property
    def _answered(self) -> FloatArray:
        return np.asarray(np.bincount(self.who, minlength=len(self.group_names)), dtype=np.float64)

    @property
    def _precision(self) -> float:
        return 0.0 if self.spread is None else self.spread**-2

    @cached_property
    def _away(self) -> FloatArray:
        """``(G, G)`` distance from the mean over those who answered; 0 for those who did not."""
        here = (self._answered > 0).astype(np.float64)
        return np.asarray(np.diag(here) - np.outer(here, here) / here.sum())

    @cached_property
    def _prior(self) -> FloatArray:
        """``(P, P)`` information of the terms that tie groups together."""
        K, free = self.n_features, self.free_groups
        out = np.zeros((self.n_weights, self.n_weights))
        out[K : K + len(free), K : K + len(free)] = self._precision * self._away[np.ix_(free, free)]
        return out

    def _prior_scores(self, weights: FloatArray) -> FloatArray:
        """``(G, P)`` score of the term of each group; the rows sum to ``-prior @ weights``."""
        _, logs, _ = self.split(weights)
        K, free = self.n_features, self.free_groups
        out = np.zeros((len(logs), self.n_weights))
        out[:, K : K + len(free)] = -self._precision * (self._away @ logs)[:, None] * self._away[:, free]
        return out

    def _padded(self, e: Evaluation) -> Evaluation:
        """An evaluation of the weights alone as one of all numbers."""
        extra = self.n_weights - self.n_features
        return Evaluation(
            value=e.value,
            score=None if e.score is None else np.pad(e.score, (0, extra)),
            hessian=None if e.hessian is None else np.pad(e.hessian, (0, extra)),
            information=None if e.information is None else np.pad(e.information, (0, extra)),
            outcome=e.outcome,
            bellman_residual=e.bellman_residual,
            findings=e.findings,
        )


def _exp(logs: FloatArray) -> FloatArray:
    """The rationality, kept finite on walks to infinity."""
    return np.exp(np.minimum(logs, LARGEST_LOG))


def _total(values: list[FloatArray | None]) -> FloatArray | None:
    present = [v for v in values if v is not None]
    return np.sum(present, axis=0) if len(present) == len(values) else None
