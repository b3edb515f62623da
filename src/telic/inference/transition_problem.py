"""Demonstrations of measurements as the arrays of a transition-based estimator.

The basis is centred, scaled and rotated to unit covariance over the decisions, with the constant first;
functions that add nothing are dropped. What came after a decision is ``next_observations``, or the next row
of the same trajectory; a trajectory that terminated is followed by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, SettingsError
from telic.features import MeasuredFeatureMap, PolynomialBasis, SupportsBasis
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .temporal_difference import TransitionRows

__all__ = ["TransitionProblem", "TransitionView"]

Columns = Mapping[str, NDArray[Any]]

RANK_TOLERANCE = 1e-7
"""Share of the largest eigenvalue of the correlations below which a direction of the basis is dropped."""

SURPRISE_DEGREE = 4
"""Powers of an exogenous column whose surprises are regressors; they are foretold by two powers more."""

SURPRISE_COLUMNS = 400
"""Most regressors made from surprises; beyond it they are not multiplied with the basis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TransitionProblem:
    """Decisions, and the transitions whose outcome is known, as arrays.

    Attributes:
        basis: ``(n, B)``.
        features: ``(n, A, K)``.
        actions: ``(n,)`` action taken.
        weights: ``(n,)``.
        clusters: ``(n,)`` trajectory of each decision.
        n_clusters: number of source trajectories.
        allowed: ``(n, A)`` actions that could be taken.
        known: ``(m,)`` decisions whose outcome is known.
        rows: their transitions.
        next_allowed: ``(m, A)`` actions that could be taken after.
        discount: gamma.
    """

    basis: FloatArray
    features: FloatArray
    actions: IntArray
    weights: FloatArray
    clusters: LongArray
    n_clusters: int
    allowed: BoolArray
    known: LongArray
    rows: TransitionRows
    next_allowed: BoolArray
    discount: float


@dataclass(frozen=True, kw_only=True, eq=False)
class TransitionView:
    """How demonstrations are read as a ``TransitionProblem``.

    Attributes:
        features: phi as functions of measurements and action.
        basis: functions that the value is a combination of.
        discount: gamma.
        include_features: add the features of every action to the basis.
        exogenous: columns that move on their own.
        available: ``(n, A)`` actions that could be taken, of rows; None: all.
    """

    features: MeasuredFeatureMap
    basis: SupportsBasis
    discount: float
    include_features: bool = True
    exogenous: tuple[str, ...] = ()
    available: Callable[[Columns], BoolArray] | None = None

    def of(self, demos: Demonstrations) -> TransitionProblem:
        """The arrays of these demonstrations.

        Raises:
            DataError: no decisions, measurements or known outcomes, or actions that do not fit.
            SettingsError: the discount lies outside its range, or an exogenous column does not exist.
            FeatureError: features or basis are not finite.
        """
        self._check(demos)
        after, is_known, ended = _outcomes(demos)
        known = np.flatnonzero(is_known | ended).astype(np.int64)
        if not np.any(is_known):
            raise DataError(
                "No decision has a known outcome, so nothing can be learned about what follows.",
                hint="Give `next_observations`, or trajectories of at least two decisions.",
            )
        n = demos.n_decisions
        next_columns = {name: column[known] for name, column in after.items()}
        phi = self.features.every_action(demos.observations, n)
        next_phi = self.features.every_action(next_columns, len(known))
        psi, next_psi = self.basis.evaluate(demos.observations), self.basis.evaluate(next_columns)
        if self.include_features:
            psi = np.concatenate([psi, phi.reshape(n, -1)], axis=1)
            next_psi = np.concatenate([next_psi, next_phi.reshape(len(known), -1)], axis=1)
        whiten = _whitening(psi)
        psi, next_psi = whiten(psi), whiten(next_psi)
        allowed, next_allowed = self._allowed(demos, next_columns, known)
        weights = np.ones(n) if demos.weights is None else demos.weights
        rows = TransitionRows(
            basis=psi[known],
            actions=demos.actions[known],
            next_basis=next_psi,
            next_features=next_phi,
            ended=ended[known],
            weights=weights[known],
            surprises=self._surprises(demos, next_columns, psi[known], ended[known], known),
        )
        sources = source_index(demos)
        return TransitionProblem(
            basis=psi,
            features=phi,
            actions=demos.actions,
            weights=weights,
            clusters=sources[demos.trajectory_index],
            n_clusters=int(sources.max(initial=-1)) + 1,
            allowed=allowed,
            known=known,
            rows=rows,
            next_allowed=next_allowed,
            discount=self.discount,
        )

    def _allowed(
        self, demos: Demonstrations, next_columns: Columns, known: LongArray
    ) -> tuple[BoolArray, BoolArray]:
        n, A = demos.n_decisions, self.features.n_actions
        if self.available is None:
            return np.ones((n, A), dtype=bool), np.ones((len(known), A), dtype=bool)
        now = np.asarray(self.available(demos.observations), dtype=bool)
        later = np.asarray(self.available(next_columns), dtype=bool)
        if now.shape != (n, A) or later.shape != (len(known), A):
            raise DataError(
                f"`available` must give one boolean a row and action, ({n}, {A}), got {now.shape}.",
                hint="Return an array of rows by actions.",
            )
        bad = np.flatnonzero(~now[np.arange(n), demos.actions])
        if len(bad):
            raise DataError(
                f"{len(bad)} decisions take an action that `available` rules out (first: row {bad[0]}, "
                f"action {demos.action_labels[demos.actions[bad[0]]]}).",
                hint="Correct the rule that says which actions are possible, or drop these rows.",
                rows=bad[:20].tolist(),
            )
        return now, later

    def _surprises(
        self,
        demos: Demonstrations,
        next_columns: Columns,
        psi: FloatArray,
        ended: BoolArray,
        known: LongArray,
    ) -> FloatArray:
        """What exogenous columns did beyond what they themselves foretold, also times the basis."""
        m = len(psi)
        if not self.exogenous or np.all(ended):
            return np.zeros((m, 0))
        going = np.flatnonzero(~ended)
        codes = tuple(name for name in self.exogenous if name in demos.categories)
        now = {name: demos.observations[name][known][going] for name in self.exogenous}
        later = {name: next_columns[name][going] for name in self.exogenous}
        outcome = PolynomialBasis.fit(now, degree=SURPRISE_DEGREE, categories=codes)
        foresight = PolynomialBasis.fit(now, degree=SURPRISE_DEGREE + 2, categories=codes).evaluate(now)
        happened = outcome.evaluate(later)[:, 1:]
        coefficients, *_ = np.linalg.lstsq(foresight, happened, rcond=1e-9)
        surprise = happened - foresight @ coefficients
        columns = surprise
        if surprise.shape[1] * psi.shape[1] <= SURPRISE_COLUMNS:
            columns = np.einsum("mj,mb->mjb", surprise, psi[going]).reshape(len(going), -1)
        out = np.zeros((m, columns.shape[1]))
        spread = columns.std(axis=0)
        out[going] = columns / np.where(spread > 0, spread, 1.0)
        return out

    def _check(self, demos: Demonstrations) -> None:
        if not demos.n_decisions:
            raise DataError(
                "There are no decisions in the demonstrations.", hint="Check the filters that chose the rows."
            )
        if not demos.observations:
            raise DataError(
                "The demonstrations have no measured columns, only states.",
                hint="Use `conditional_choice_probability` on a `TabularMDP`, or keep the observations.",
            )
        if demos.n_actions > self.features.n_actions:
            raise DataError(
                f"The features know {self.features.n_actions} actions, the demonstrations {demos.n_actions}.",
                hint="Make both from the same contract.",
            )
        unknown = [name for name in self.exogenous if name not in demos.observations]
        if unknown:
            raise SettingsError(
                f"`exogenous` names {unknown}, which are not measured; there are {list(demos.observations)}.",
                hint="Name observations of the contract.",
            )
        endless = self.discount == 1.0 and not bool(demos.terminated.all())
        if not 0.0 <= self.discount <= 1.0 or endless:
            raise SettingsError(
                f"`discount` must lie in [0, 1), got {self.discount}; 1 only where every trajectory "
                f"terminates.",
                hint="It is per decision.",
            )


def _whitening(psi: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The map to unit covariance, with the constant first."""
    centre, spread = psi.mean(axis=0), psi.std(axis=0)
    varies = spread > RANK_TOLERANCE * np.abs(psi).max(axis=0, initial=0.0)
    scaled = (psi - centre)[:, varies] / spread[varies]
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(psi))
    kept = values > RANK_TOLERANCE * max(float(values.max(initial=0.0)), 1e-300)
    rotation = np.zeros((psi.shape[1], int(kept.sum())))
    rotation[varies] = (vectors[:, kept] / np.sqrt(values[kept])) / spread[varies][:, None]
    return lambda raw: np.concatenate([np.ones((len(raw), 1)), (raw - centre) @ rotation], axis=1)


def _outcomes(demos: Demonstrations) -> tuple[dict[str, NDArray[Any]], BoolArray, BoolArray]:
    """``(columns after, whether they are known, whether the task ended)`` of every decision."""
    n = demos.n_decisions
    filled = np.diff(demos.offsets) > 0
    ends = demos.offsets[1:][filled] - 1
    last, ended = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    last[ends] = True
    ended[ends] = demos.terminated[filled]
    if demos.next_observations:
        known = np.zeros(n, dtype=bool) if demos.next_known is None else demos.next_known
        return dict(demos.next_observations), known & ~ended, ended
    after = {name: np.concatenate([column[1:], column[-1:]]) for name, column in demos.observations.items()}
    return after, ~last & ~ended, ended
