"""What AVRIL leaves behind: the posterior, and the action values that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import SettingsError
from telic.features import MeasuredFeatureMap, SupportsBasis
from telic.rewards import RewardPosterior
from telic.typing import FloatArray

from .variational_bound import VariationalBound
from .variational_solver import VariationalOptimum

__all__ = ["VariationalFit"]

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class VariationalFit:
    """A posterior with the action values behind it.

    Attributes:
        posterior: of the weights.
        optimum: action values, noise and bound.
        bound: what was maximised.
        basis: functions of measurements, or None where arrays were given.
        features: the same.
        variational_covariance: ``(K, K)`` of q, which takes action values as known.
        linear_response_covariance: ``(K, K)`` when they move along with the weights.
    """

    posterior: RewardPosterior
    optimum: VariationalOptimum
    bound: VariationalBound
    basis: SupportsBasis | None
    features: MeasuredFeatureMap | None
    variational_covariance: FloatArray
    linear_response_covariance: FloatArray

    def action_values(self, basis: FloatArray, features: FloatArray | None = None) -> FloatArray:
        """``(n, A)`` action values, in units of reward, of new rows.

        Args:
            basis: ``(n, B)`` basis functions there.
            features: ``(n, A, K)`` there, if the fit had those of the next states.

        Raises:
            SettingsError: features are missing, or there are too many.
        """
        A, B = self.bound.rows.n_actions, self.bound.n_basis
        if (features is None) != (self.bound.rows.next_features is None):
            said = "with" if features is None else "without"
            raise SettingsError(
                f"These action values were fitted {said} features of their own.", hint="Call it the same way."
            )
        Q = basis @ self.optimum.t[: A * B].reshape(A, B).T
        return np.asarray(Q if features is None else Q + features @ self.optimum.t[A * B :])

    def cloned(self) -> VariationalFit:
        """The same with action values that explain the choices and nothing else: behavioural cloning on this basis, to
        compare the policies with. Its posterior stays that of this fit.
        """
        return replace(self, optimum=replace(self.optimum, t=self.optimum.cloned))

    def choice_probabilities(self, columns: Columns) -> FloatArray:
        """``(n, A)`` probability of every action where these were measured: the policy that imitates.

        Raises:
            SettingsError: the fit was made from arrays.
        """
        if self.basis is None or self.features is None:
            raise SettingsError(
                "This fit was made from arrays, so it cannot evaluate measurements.",
                hint="Use `action_values` with the arrays of the new rows.",
            )
        n = len(next(iter(columns.values())))
        Q = self.action_values(self.basis.evaluate(columns), self.features.every_action(columns, n))
        p = np.exp(self.bound.rationality * (Q - Q.max(axis=1, keepdims=True)))
        return np.asarray(p / p.sum(axis=1, keepdims=True))
