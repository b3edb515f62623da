"""T9: inverse LQR.

Source: CERTIFICATION, row T9, tolerance 1e-6. Scalar a = b = q = r = 1: P = 1.618034 (the golden ratio), K = 0.618034,
variance of the soft policy 0.190983. Then A = [[1, .1], [0, 1]], B = [.005, .1], Q = diag(1, .1), R = .01:
K = (7.612957972736, 4.584934989172); with R known a diagonal Q is recovered exactly; a full symmetric Q has nullity 1,
which must be reported. The null direction is also found here by brute force: the gain of every cost along it, by
iterating the Riccati equation, is the same.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.inference.inverse_lqr import inverse_lqr
from telic.planning import solve_lqr
from telic.reports import Outcome, Severity

A, B, R = [[1.0, 0.1], [0.0, 1.0]], [0.005, 0.1], 0.01
Q = np.diag([1.0, 0.1])
PUBLISHED = [7.612957972736, 4.584934989172]


def riccati_gain(Q: np.ndarray) -> np.ndarray:
    """Value iteration, written here."""
    a, b = np.array(A), np.array(B)[:, None]
    P = np.zeros((2, 2))
    for _ in range(5_000):
        K = b.T @ P @ a / (R + b.T @ P @ b)
        P = Q + a.T @ P @ (a - b @ K)
    return K


def test_the_scalar_problem() -> None:
    found = solve_lqr(1.0, 1.0, 1.0, 1.0, throw=True)
    golden = (1 + np.sqrt(5)) / 2
    assert found.value[0, 0] == pytest.approx(1.618034, abs=1e-6) == pytest.approx(golden, abs=1e-6)
    assert found.gain[0, 0] == pytest.approx(0.618034, abs=1e-6)
    assert found.policy_covariance[0, 0] == pytest.approx(0.190983, abs=1e-6)
    back = inverse_lqr(1.0, 1.0, 0.618033988750, 1.0)
    assert back.weights == pytest.approx([1.0], abs=1e-6)


def test_the_published_gain() -> None:
    found = solve_lqr(A, B, Q, R, throw=True)
    assert found.gain[0] == pytest.approx(PUBLISHED, abs=1e-6)
    assert found.gain == pytest.approx(riccati_gain(Q), abs=1e-9)


def test_a_diagonal_cost_is_recovered_exactly() -> None:
    found = inverse_lqr(A, B, PUBLISHED, R)
    assert found.outcome is Outcome.SUCCESS
    assert found.weights == pytest.approx([1.0, 0.1], abs=1e-6)
    assert found.nullity == 0
    assert found.fitted_gain[0] == pytest.approx(PUBLISHED, abs=1e-6)


def test_a_full_cost_has_nullity_one_and_says_so() -> None:
    found = inverse_lqr(A, B, PUBLISHED, R, structure="full")
    assert found.nullity == 1
    told = next(f for f in found.findings if f.code == "cost-not-identified")
    assert told.severity is Severity.WARNING
    assert told.message.startswith("1 direction(s) of the cost change no gain")
    Z = found.null_directions[0]
    low, high = found.null_intervals[0]
    for t in (low, 0.5 * low, 0.5 * high, high):
        q = found.weights + t * Z
        cost = np.array([[q[0], q[1]], [q[1], q[2]]])
        assert np.linalg.eigvalsh(cost)[0] >= -1e-8
        assert riccati_gain(cost)[0] == pytest.approx(PUBLISHED, abs=1e-6)
    beyond = found.weights + 1.01 * high * Z
    assert np.linalg.eigvalsh([[beyond[0], beyond[1]], [beyond[1], beyond[2]]])[0] < 0
