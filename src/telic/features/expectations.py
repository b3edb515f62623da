"""Feature expectations: how much of each feature a policy, or the experts, collect.

    f_k = sum_{s,a} mu(s,a) phi_k(s,a)

of an occupancy ``mu``; of demonstrations the mean over trajectories of ``sum_t gamma^t phi_k(s_t, a_t)``,
with a standard error from the spread between trajectories. A trajectory that was cut off early counts what it
shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, FeatureError
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .maps import FeatureMap
from .measured import MeasuredFeatureMap

__all__ = ["empirical_feature_expectation", "feature_expectation", "trajectory_features"]


def feature_expectation(features: FeatureMap, occupancy: Float[np.ndarray, "S A"]) -> FloatArray:
    """``(K,)`` expected amount of each feature under an occupancy (or a visitation, then per decision).

    Args:
        features: phi.
        occupancy: expected (discounted) number of decisions in each pair.

    Raises:
        FeatureError: the features are of another world.
    """
    S, A = occupancy.shape
    mu = occupancy.sum(axis=1) if features.form == "S" else occupancy.ravel()
    rows = _rows(features)
    is_of_pairs = features.values.ndim == 3
    if rows.shape[0] != len(mu) or (is_of_pairs and features.values.shape[:2] != (S, A)):
        raise FeatureError(
            f"Features of {rows.shape[0]} {'states' if features.form == 'S' else 'pairs'} do not fit an "
            "occupancy of "
            f"{S} states and {A} actions.",
            hint="Use the world that the features were made for.",
        )
    return np.asarray(rows.T @ mu, dtype=np.float64)


def empirical_feature_expectation(
    features: FeatureMap, demos: Demonstrations, *, discount: float
) -> tuple[FloatArray, FloatArray]:
    """``(K,)`` mean discounted amount of each feature a trajectory, and its ``(K,)`` standard error.

    Args:
        features: phi.
        demos: with states. Weights of decisions multiply their features.
        discount: per decision, in [0, 1].

    Returns:
        the expectation, and its standard error over trajectories (infinite with a single trajectory).

    Raises:
        DataError: there is no trajectory.
        FeatureError: a state is outside the features.
    """
    if not demos.n_trajectories:
        raise DataError(
            "A feature expectation needs at least one trajectory, got none.", hint="Check the split."
        )
    sums = trajectory_features(features, demos, discount=discount)
    N, K = sums.shape
    error = sums.std(axis=0, ddof=1) / np.sqrt(N) if N > 1 else np.full(K, np.inf)
    return sums.mean(axis=0), error


def trajectory_features(
    features: FeatureMap | MeasuredFeatureMap, demos: Demonstrations, *, discount: float | int = 1.0
) -> Float[np.ndarray, "N K"]:
    """``(N, K)`` discounted amount of each feature that each trajectory collects, from its own first decision on.

    Args:
        features: phi, a table or functions of measurements.
        demos: with states, or with measurements for features of measurements. Weights of decisions multiply their
            features.
        discount: per decision, in [0, 1].

    Raises:
        FeatureError: a state is outside the features.
    """
    import scipy.sparse as sp

    weight = float(discount) ** demos.step_index
    if demos.weights is not None:
        weight = weight * demos.weights
    shape = (demos.n_trajectories, demos.n_decisions)
    collect = sp.csr_array((weight, np.arange(shape[1]), demos.offsets), shape=shape)
    picked: Any
    if isinstance(features, MeasuredFeatureMap):
        picked = features.evaluate(demos.observations, demos.actions)
    else:
        picked = _picked(features, demos)
    sums = collect @ picked
    return np.asarray(sums if isinstance(sums, np.ndarray) else sums.toarray(), dtype=np.float64)


def _picked(features: FeatureMap, demos: Demonstrations) -> Any:
    """Rows of the table, one a decision."""
    states, _ = demos.require_states()
    n_actions = features.values.shape[1] if features.values.ndim == 3 else demos.n_actions
    index = (
        states.astype(np.int64)
        if features.form == "S"
        else states.astype(np.int64) * n_actions + demos.actions
    )
    rows = _rows(features)
    if len(index) and index.max() >= rows.shape[0]:
        raise FeatureError(
            f"The demonstrations reach row {int(index.max())} of features that have {rows.shape[0]}.",
            hint="Use the features of the space that encoded the demonstrations.",
        )
    return rows[index]


def _rows(features: FeatureMap):  # type: ignore[no-untyped-def]
    """Dense or CSR ``(S or S * A, K)``."""
    if isinstance(features.values, np.ndarray):
        return features.values.reshape(-1, features.n_features)
    return features.values
