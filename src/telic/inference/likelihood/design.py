"""Features as a linear map between weights and rewards of state-action pairs, read in blocks of states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from telic.errors import FeatureError
from telic.features import FeatureMap
from telic.typing import FloatArray, LongArray

__all__ = ["Design"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """``phi`` as an operator: ``r = phi theta``, ``phi' y``, ``sum_a pi phi`` and blocks of rows.

    Attributes:
        features: the features; their number of rows must fit ``S`` states and ``A`` actions.
        n_states: S.
        n_actions: A.
    """

    features: FeatureMap
    n_states: int
    n_actions: int

    def __post_init__(self) -> None:
        values, S, A = self.features.values, self.n_states, self.n_actions
        rows = values.shape[0]
        if isinstance(values, np.ndarray) and values.ndim == 3:
            fits = values.shape[:2] == (S, A)
        else:
            fits = rows == (S if self.features.form == "S" else S * A)
        if not fits:
            raise FeatureError(
                f"Features of form {self.features.form!r} and shape {values.shape} do not fit a world of "
                f"{S} states and "
                f"{A} actions.",
                hint="Make the features from the same state space as the world.",
            )

    @property
    def n_weights(self) -> int:
        """K."""
        return self.features.n_features

    @property
    def is_of_state(self) -> bool:
        """True when the features depend on the state alone."""
        return self.features.form == "S"

    @cached_property
    def matrix(self) -> FloatArray | sp.csr_array:
        """``(S, K)`` or ``(S * A, K)``."""
        values = self.features.values
        if isinstance(values, np.ndarray):
            return values.reshape(-1, values.shape[-1])
        return sp.csr_array(values)

    @cached_property
    def transposed(self) -> FloatArray | sp.csr_array:
        """The transpose of ``matrix``."""
        m = self.matrix
        return m.T if isinstance(m, np.ndarray) else sp.csr_array(m.T)

    def reward(self, weights: FloatArray) -> FloatArray:
        """``(S, A)`` rewards of these weights."""
        flat = np.asarray(self.matrix @ weights)
        if self.is_of_state:
            return np.repeat(flat[:, None], self.n_actions, axis=1)
        return flat.reshape(self.n_states, self.n_actions)

    def pull_back(self, pairs: FloatArray) -> FloatArray:
        """``(K,)``: the derivative by the weights, from ``(S, A)`` derivatives by the rewards."""
        y = pairs.sum(axis=1) if self.is_of_state else pairs.ravel()
        return np.asarray(self.transposed @ y)

    def average(self, policy: FloatArray) -> FloatArray:
        """``(S, K)``: ``sum_a pi(a|s) phi(s, a)``."""
        S, A, K = self.n_states, self.n_actions, self.n_weights
        if self.is_of_state:
            mass = policy.sum(axis=1)
            if isinstance(self.matrix, np.ndarray):
                return np.asarray(self.matrix * mass[:, None])
            return np.asarray(self.matrix.multiply(mass[:, None]).toarray())
        if isinstance(self.matrix, np.ndarray):
            return np.asarray(np.einsum("sa,sak->sk", policy, self.matrix.reshape(S, A, K)))
        indptr = np.arange(0, S * A + 1, A)
        chooser = sp.csr_array((policy.ravel(), np.arange(S * A), indptr), shape=(S, S * A))
        return np.asarray((chooser @ self.matrix).toarray())

    def block(self, start: int, stop: int) -> FloatArray:
        """``(stop - start, A or 1, K)`` feature values of a range of states; 1 where they do not depend
        on the action.
        """
        width = 1 if self.is_of_state else self.n_actions
        part = self.matrix[start * width : stop * width]
        dense = part if isinstance(part, np.ndarray) else np.asarray(part.toarray())
        return dense.reshape(stop - start, width, self.n_weights)

    def rows(self, cells: LongArray) -> FloatArray:
        """``(m, K)`` feature values of some cells ``s * A + a``."""
        part = self.matrix[cells // self.n_actions if self.is_of_state else cells]
        return part if isinstance(part, np.ndarray) else np.asarray(part.toarray())
