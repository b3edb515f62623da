"""Inverse LQR beside brute force: errors and coverage, equivalent costs, impossible gains, data, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from telic.errors import DataError, DynamicsError, NumericalError, SettingsError
from telic.inference.gain_estimate import estimate_gain
from telic.inference.inverse_lqr import inverse_lqr, inverse_lqr_from_data
from telic.planning import solve_lqr
from telic.reports import Outcome

A, B, R = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.005], [0.1]]), np.array([[0.01]])
Q = np.diag([1.0, 0.1])
KEY = 90_210


def system(key: int, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(key)
    return rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=(n, m))


def psd(rng: np.random.Generator, n: int) -> np.ndarray:
    root = rng.normal(size=(n, n))
    return root @ root.T / n + 0.1 * np.eye(n)


def log_of(cost: np.ndarray, *, key: int, n_sets: int, length: int, rationality: float = 1.0):
    """``n_sets`` logs of the soft policy of a cost, with noise in the dynamics."""
    plan = solve_lqr(A, B, cost, R, rationality=rationality, throw=True)
    rng = np.random.default_rng(key)
    x = np.zeros((n_sets, 2))
    states, controls = np.empty((n_sets, length, 2)), np.empty((n_sets, length, 1))
    sd = np.sqrt(plan.policy_covariance[0, 0])
    for t in range(-200, length):
        u = -x @ plan.gain.T + sd * rng.normal(size=(n_sets, 1))
        if t >= 0:
            states[:, t], controls[:, t] = x, u
        x = x @ A.T + u @ B.T + 0.1 * rng.normal(size=(n_sets, 2))
    return states, controls


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 1), (3, 2), (4, 4), (5, 2)])
@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_cost_of_random_systems_comes_back(n: int, m: int, discount: float) -> None:
    a, b = system(10 * n + m, n, m)
    rng = np.random.default_rng(n)
    diagonal, r = np.diag(rng.uniform(0.2, 2.0, n)), psd(rng, m)
    plan = solve_lqr(a, b, diagonal, r, discount=discount, throw=True)
    found = inverse_lqr(a, b, plan.gain, r, discount=discount)
    assert found.weights == pytest.approx(np.diag(diagonal), abs=1e-6)
    assert found.value == pytest.approx(plan.value, abs=1e-6)
    full = inverse_lqr(a, b, plan.gain, r, discount=discount, structure="full")
    assert full.nullity == (n - m) * (n - m + 1) // 2  # symmetric P with B'P = 0
    assert full.outcome is Outcome.SUCCESS
    assert full.fitted_gain == pytest.approx(plan.gain, abs=1e-6)
    assert full.smallest_eigenvalue >= -1e-8


@pytest.mark.parametrize("key", range(6))
def test_where_the_plain_solution_is_no_cost_an_equivalent_one_is_found(key: int) -> None:
    rng = np.random.default_rng(key)
    a, b = system(key, 4, 1)
    cost = psd(rng, 4)
    plan = solve_lqr(a, b, cost, 1.0, throw=True)
    found = inverse_lqr(a, b, plan.gain, 1.0, structure="full")
    assert found.outcome is Outcome.SUCCESS
    assert found.nullity == 6
    assert np.linalg.eigvalsh(found.cost)[0] >= -1e-8 * np.abs(found.cost).max()
    assert found.fitted_gain == pytest.approx(plan.gain, abs=1e-5)


def test_the_sensitivity_of_the_weights_is_their_derivative() -> None:
    """Delta method against finite differences of the gain."""
    plan = solve_lqr(A, B, Q, R, throw=True)
    unit = np.diag([1e-4, 4e-4])
    found = inverse_lqr(A, B, plan.gain, R, gain_covariance=unit)
    step = 1e-5
    J = np.stack(
        [
            (
                inverse_lqr(A, B, plan.gain + step * e, R).weights
                - inverse_lqr(A, B, plan.gain - step * e, R).weights
            )
            / (2 * step)
            for e in np.eye(2)[:, None, :]
        ],
        axis=1,
    )
    assert found.covariances["hessian"] == pytest.approx(J @ unit @ J.T, rel=1e-5)


@pytest.mark.slow
def test_intervals_cover_and_clean_logs_raise_no_alarm() -> None:
    """300 logs of 500 steps: 95 % intervals of both weights and of rationality, and p-values of the misfit.

    Five gates, each at level .001 / 5, exact binomial; key fixed before the first run.
    """
    n_sets, level = 300, 0.001 / 5
    states, controls = log_of(Q, key=KEY, n_sets=n_sets, length=500, rationality=2.0)
    hits, alarms = np.zeros(3), np.zeros(2)
    for x, u in zip(states, controls, strict=True):
        found = inverse_lqr_from_data(A, B, R, x, u)
        assert found.outcome is Outcome.SUCCESS
        z = (found.weights - [1.0, 0.1]) / found.standard_errors()
        beta, error = found.rationality
        hits += np.abs([*z, (beta - 2.0) / error]) < 1.959964
        restricted = inverse_lqr_from_data(A, B, R, x, u, structure={"both": Q})
        alarms += [restricted.misfit_p < 0.05, restricted.outcome is not Outcome.SUCCESS]
    low, high = binom.ppf([level / 2, 1 - level / 2], n_sets, 0.95)
    assert (low <= hits).all() and (hits <= high).all(), hits
    assert alarms[0] <= binom.ppf(1 - level, n_sets, 0.05)
    assert alarms[1] <= binom.ppf(1 - level, n_sets, 0.001)


def test_a_wrong_structure_is_found_out() -> None:
    """The expert weighs speed ten times as much as the structure allows: refused in 60 of 60 logs."""
    states, controls = log_of(np.diag([1.0, 1.0]), key=KEY + 1, n_sets=60, length=500)
    refused = [
        inverse_lqr_from_data(A, B, R, x, u, structure={"both": Q}).outcome is Outcome.INFEASIBLE
        for x, u in zip(states, controls, strict=True)
    ]
    assert sum(refused) == 60


def test_a_cost_of_nothing_is_negative_by_chance_only() -> None:
    """The true cost of speed is 0: about half of the estimates fall below, and hardly one is refused for it.

    Refusals are held to their nominal rate of .001 at level .001 (exact binomial): at most 1 of 60. Over 1,000 logs of
    other keys there were 0.
    """
    states, controls = log_of(np.diag([1.0, 0.0]), key=KEY + 2, n_sets=60, length=400)
    found = [inverse_lqr_from_data(A, B, R, x, u) for x, u in zip(states, controls, strict=True)]
    assert sum(f.outcome is not Outcome.SUCCESS for f in found) <= binom.ppf(0.999, 60, 0.001)
    below = [f for f in found if f.outcome is Outcome.SUCCESS and f.weights[1] < 0]
    assert 15 <= len(below) <= 45
    assert all("cost-near-zero" in [g.code for g in f.findings] for f in below)


def test_a_gain_that_no_cost_makes_best_is_refused() -> None:
    pays = inverse_lqr(A, B, [8.0, 3.0], R)  # less damping than a speed without cost asks for
    weights = pays.findings[0].evidence["weights"]
    assert pays.outcome is Outcome.INFEASIBLE
    assert pays.findings[0].code == "not-a-cost"
    assert min(weights.values()) < 0
    assert np.isnan(pays.weights).all()
    assert pays.summary().headline.startswith("No state cost")
    assert json.loads(json.dumps(pays.to_json()))["weights"] == {"x0^2": None, "x1^2": None}
    drifts = inverse_lqr(A, B, [-1.0, 0.0], R)
    assert drifts.findings[0].code == "gain-not-stabilising"
    a, b = system(3, 3, 3)
    K = solve_lqr(a, b, np.eye(3), np.eye(3)).gain + 0.1 * np.random.default_rng(1).normal(size=(3, 3))
    misfit = inverse_lqr(a, b, K, np.eye(3))
    assert misfit.outcome is Outcome.INFEASIBLE
    assert misfit.findings[0].code == "no-cost-of-this-structure"


def test_the_gain_of_a_log_is_least_squares_with_errors_by_hand() -> None:
    rng = np.random.default_rng(5)
    x, u = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    found = estimate_gain(x, u, offsets=np.arange(0, 61, 2))
    K = -np.linalg.lstsq(x, u, rcond=None)[0].T
    assert found.gain == pytest.approx(K)
    residual, inverse = u + x @ K.T, np.linalg.inv(x.T @ x)
    assert found.covariances["hessian"] == pytest.approx(np.kron(residual.T @ residual / 58, inverse))
    meat = np.zeros((4, 4))
    clustered = np.zeros((4, 4))
    for i in range(30):
        rows = [np.kron(residual[j], x[j]) for j in (2 * i, 2 * i + 1)]
        meat += sum(np.outer(row, row) for row in rows)
        clustered += np.outer(sum(rows), sum(rows))
    bread = np.kron(np.eye(2), inverse)
    assert found.covariances["sandwich"] == pytest.approx(bread @ meat @ bread)
    assert found.covariances["sandwich_clustered"] == pytest.approx(bread @ clustered @ bread)
    assert not found.findings


def test_logs_that_cannot_tell_say_so() -> None:
    t = np.linspace(1.0, 2.0, 30)
    stuck = inverse_lqr_from_data(A, B, R, np.stack([t, 2 * t], axis=1), -t)
    assert stuck.outcome is Outcome.COLLINEAR
    assert "the states never leave a plane: 1 x0 + -0.5 x1 is 0" in stuck.findings[0].message.lower()
    plan = solve_lqr(A, B, Q, R)
    x = np.random.default_rng(2).normal(size=(20, 2))
    exact = inverse_lqr_from_data(A, B, R, x, -x @ plan.gain.T, offsets=[0, 10, 20])
    assert exact.weights == pytest.approx([1.0, 0.1], abs=1e-6)
    assert exact.rationality is None
    assert {f.code for f in exact.findings} == {"controls-without-noise", "few-clusters"}
    with pytest.raises(SettingsError, match="none: the gain came without errors"):
        exact.standard_errors()


def test_the_spread_of_controls_tells_rationality_and_not_more_of_the_cost() -> None:
    states, controls = log_of(Q, key=KEY + 3, n_sets=1, length=2_000)
    names = ("place", "speed")
    full = inverse_lqr_from_data(A, B, R, states[0], controls[0], structure="full", state_names=names)
    diagonal = inverse_lqr_from_data(A, B, R, states[0], controls[0])
    assert full.rationality == pytest.approx(diagonal.rationality, rel=1e-6)
    assert abs(full.rationality[0] - 1.0) < 3.3 * full.rationality[1]
    assert full.names == ("place^2", "place speed", "speed^2")
    errors = full.standard_errors()
    assert np.isinf(errors[1])
    assert np.isfinite(errors[[0, 2]]).all()
    assert full.to_json()["standard_errors"]["hessian"]["place speed"] == "Infinity"
    assert "place speed" in full.summary().to_text()


def test_rationality_is_open_where_the_closed_loop_forgets_at_once() -> None:
    """x' = u: the best control is none whatever x costs, and the spread depends on that cost."""
    rng = np.random.default_rng(8)
    found = inverse_lqr_from_data(
        0.0, 1.0, 1.0, rng.normal(size=50), np.zeros(50) + 1e-3 * rng.normal(size=50)
    )
    exact = inverse_lqr(0.0, 1.0, 0.0, 1.0)
    assert exact.nullity == 1
    assert exact.null_intervals == ((0.0, float("inf")),)
    # A gain near 0 and not 0 solves the equations with R + B' P B = 0, of which it is no minimum.
    assert found.outcome is Outcome.INFEASIBLE
    assert "not-a-minimum" in [f.code for f in found.findings]


def test_errors_that_are_not_linear_are_called_so() -> None:
    states, controls = log_of(Q, key=KEY + 4, n_sets=1, length=500)
    assert not inverse_lqr_from_data(A, B, R, states[0], controls[0]).findings
    short = inverse_lqr_from_data(A, B, R, states[0][:25], controls[0][:25])
    assert "errors-not-linear" in [f.code for f in short.findings]


def test_forward_problems_without_an_answer() -> None:
    drifting = solve_lqr([[1.0, 0.0], [0.0, 0.5]], np.eye(2), np.diag([0.0, 1.0]), np.eye(2))
    assert drifting.outcome is Outcome.SINGULAR
    assert drifting.findings[0].code == "mode-without-cost"
    assert np.isnan(drifting.gain).all()
    with pytest.raises(NumericalError, match="does not decay and costs nothing"):
        solve_lqr([[1.0, 0.0], [0.0, 0.5]], np.eye(2), np.diag([0.0, 1.0]), np.eye(2), throw=True)


def test_bad_input_is_refused_in_words() -> None:
    K = [7.6, 4.6]
    with pytest.raises(DynamicsError, match="`A` must be square"):
        inverse_lqr([[1.0, 0.1]], B, K, R)
    with pytest.raises(DynamicsError, match="one row for each of the 2 states"):
        inverse_lqr(A, np.ones((3, 1)), K, R)
    with pytest.raises(DynamicsError, match="`A` must be finite"):
        inverse_lqr([[np.nan, 0.1], [0.0, 1.0]], B, K, R)
    with pytest.raises(DynamicsError, match=r"eigenvalue 1\.2 does not decay and no control reaches it"):
        inverse_lqr([[1.2, 0.0], [0.0, 0.5]], [0.0, 1.0], K, R)
    with pytest.raises(SettingsError, match="`R` must be positive definite; its smallest eigenvalue is -1"):
        inverse_lqr(A, B, K, -1.0)
    with pytest.raises(SettingsError, match="`Q` must be positive semidefinite"):
        solve_lqr(A, B, np.diag([1.0, -1.0]), R)
    with pytest.raises(SettingsError, match="`Q` must be symmetric"):
        solve_lqr(A, B, [[1.0, 1.0], [0.0, 1.0]], R)
    with pytest.raises(SettingsError, match=r"`gain` must have shape \(1, 2\)"):
        inverse_lqr(A, B, [1.0, 2.0, 3.0], R)
    with pytest.raises(SettingsError, match="`gain` must be finite"):
        inverse_lqr(A, B, [np.inf, 1.0], R)
    with pytest.raises(SettingsError, match="`discount` must lie in"):
        inverse_lqr(A, B, K, R, discount=0.0)
    with pytest.raises(SettingsError, match="`rationality` must be positive"):
        solve_lqr(A, B, Q, R, rationality=0.0)
    with pytest.raises(SettingsError, match="'diagonal', 'full' or named matrices, got 'sparse'"):
        inverse_lqr(A, B, K, R, structure="sparse")
    with pytest.raises(SettingsError, match="finite symmetric matrix"):
        inverse_lqr(A, B, K, R, structure={"odd": [[0.0, 1.0], [0.0, 0.0]]})
    with pytest.raises(SettingsError, match="`state_names` must be 2 distinct names"):
        inverse_lqr(A, B, K, R, state_names=("x", "x"))
    with pytest.raises(SettingsError, match="`gain_covariance` must be"):
        inverse_lqr(A, B, K, R, gain_covariance=np.eye(3))
    x, u = np.ones((10, 2)), np.ones(10)
    with pytest.raises(DataError, match="one row a step"):
        estimate_gain(x, np.ones(9))
    with pytest.raises(DataError, match=r"`controls` must be finite; 1 rows are not \(first: row 3\)"):
        estimate_gain(x, np.where(np.arange(10) == 3, np.nan, u))
    with pytest.raises(DataError, match="2 rows are too few for 2 states"):
        estimate_gain(x[:2], u[:2])
    with pytest.raises(DataError, match="`offsets` must rise from 0 to 10"):
        estimate_gain(x, u, offsets=[0, 5, 5, 10])
    with pytest.raises(SettingsError, match=r"show a gain of shape \(1, 3\)"):
        inverse_lqr_from_data(A, B, R, np.random.default_rng(1).normal(size=(9, 3)), np.ones(9))
