"""Starting weights for which the forward problem has a solution.

Undiscounted problems have an infinite soft value where wandering is worth more than arriving, and weights
of zero are such a place. Weights that make every step cost the same, ``phi psi = -c``, end that for a large
enough ``c``.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.reports import Outcome
from telic.typing import FloatArray

from .objective import Objective, Point

__all__ = ["feasible_start"]

DOUBLINGS = 40
"""Doublings of the cost of a step before the search gives up."""


def feasible_start(objective: Objective, psi: FloatArray, failed: Point, *, order: int) -> Point:
    """A point with a finite soft value, or the failed point when none was found.

    Args:
        objective: what is to be maximised.
        psi: ``(P,)`` the start that failed.
        failed: the objective there.
        order: derivatives wanted.
    """
    if failed.outcome not in (
        Outcome.SOFT_VALUE_DIVERGES,
        Outcome.NON_FINITE,
        Outcome.MAX_ITERATIONS,
        Outcome.SINGULAR,
    ):
        return failed
    values = objective.likelihood.features.values
    K = objective.likelihood.n_weights
    flat = values.reshape(-1, K) if isinstance(values, np.ndarray) else sp.csr_array(values)
    gram = flat.T @ flat
    gram = gram if isinstance(gram, np.ndarray) else gram.toarray()
    total = np.asarray(flat.sum(axis=0)).ravel()
    pull = objective.parameters.pull
    direction = -np.linalg.lstsq(objective.parameters.pull_matrix(gram), pull(total), rcond=None)[0]
    if not np.any(direction):
        return failed
    cost = 1.0
    for _ in range(DOUBLINGS):
        trial = objective.at(psi + cost * direction, order=0)
        if trial.outcome.ok and np.isfinite(trial.value):
            return objective.at(psi + cost * direction, order=order)
        cost *= 2.0
    return failed
