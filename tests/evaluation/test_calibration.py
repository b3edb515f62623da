"""Calibration: hand counts, exact intervals, the exact covariance, false alarms and a planted
miscalibration.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from telic.errors import DataError, SettingsError
from telic.evaluation import calibration
from telic.evaluation.calibration import _covariance
from telic.policies import TabularPolicy
from telic.trajectories import Demonstrations


def _draw(policy: np.ndarray, n: int, key: int, N: int = 20) -> Demonstrations:
    rng = np.random.default_rng(key)
    S, A = policy.shape
    states = rng.integers(0, S, n)
    actions = np.minimum((rng.random((n, 1)) > policy[states].cumsum(axis=1)).sum(axis=1), A - 1)
    return Demonstrations.from_arrays(
        states,
        actions,
        offsets=np.linspace(0, n, N + 1).astype(int),
        action_labels=[str(i) for i in range(A)],
    )


def test_bins_by_hand() -> None:
    policy = TabularPolicy(table=np.array([[0.9, 0.1], [0.5, 0.5]]))
    demos = Demonstrations.from_arrays([0] * 100 + [1] * 40, [0] * 86 + [1] * 14 + [0] * 30 + [1] * 10)
    got = calibration(policy, demos, n_bins=3)
    assert [(b.predicted, b.observed, b.n) for b in got.bins] == [
        (pytest.approx(0.1), pytest.approx(0.14), 100),
        (pytest.approx(0.5), pytest.approx(0.5), 80),
        (pytest.approx(0.9), pytest.approx(0.86), 100),
    ]
    exact = st.binomtest(86, 100).proportion_ci(0.95, method="exact")
    assert got.bins[2].interval == pytest.approx((exact.low, exact.high))
    assert got.error == pytest.approx((4.0 + 0.0 + 4.0) / 280)
    # Two actions: the outer bins mirror each other, so one degree of freedom: (86 - 90)^2 / (100 * .09).
    assert (got.statistic, got.degrees) == (pytest.approx(16 / 9), 1)
    assert got.p_value == pytest.approx(st.chi2.sf(16 / 9, 1))
    assert got.actions[0].observed.value == pytest.approx(116 / 140)


def test_a_state_is_judged_by_exact_tails() -> None:
    """Twice the smaller binomial tail, times the four counts of both states (Holm: the smallest first)."""
    policy = TabularPolicy(table=np.array([[0.9, 0.1], [0.5, 0.5]]))
    demos = Demonstrations.from_arrays([0] * 30 + [1] * 12, [0] * 20 + [1] * 10 + [0, 1] * 6)
    worst, other = calibration(policy, demos).worst_states
    assert (worst.state, worst.n, worst.observed) == (0, 30, (20 / 30, 10 / 30))
    assert worst.p_value == pytest.approx(4 * 2 * st.binom.cdf(20, 30, 0.9))
    assert (other.state, other.p_value) == (1, 1.0)


def test_rare_choices_raise_no_false_alarms() -> None:
    """Policies of which many choices have a chance below .01: alarms within the central 99.9 % interval of .05,
    and at most .05 for the states.
    """
    policies = np.random.default_rng(2).dirichlet(np.full(3, 0.4), (150, 20))
    results = [
        calibration(TabularPolicy(table=policy), _draw(policy, 400, 900 + k))
        for k, policy in enumerate(policies)
    ]
    alarms = sum(r.p_value < 0.05 for r in results)
    assert st.binom.ppf(0.0005, 150, 0.05) <= alarms <= st.binom.ppf(0.9995, 150, 0.05)
    assert sum(r.worst_states[0].p_value < 0.05 for r in results) <= st.binom.ppf(0.9995, 150, 0.05)


def test_the_covariance_is_that_of_simulated_residuals() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(4), 6)
    row, action = np.nonzero(table > 0)
    p = table[row, action]
    bin_of = (p > 0.2).astype(np.int64) + (p > 0.4)
    draws = np.array([rng.multinomial(1, t, 40_000) for t in table])
    y = draws[row, :, action]
    d = np.stack([((y - p[:, None]) * (bin_of == b)[:, None]).sum(axis=0) for b in range(3)])
    assert np.cov(d) == pytest.approx(_covariance(row, bin_of, p, 6, 3), abs=0.02)


def test_false_alarms_and_expected_error_under_the_truth() -> None:
    """200 sets drawn from the policy itself: alarms at .05 inside the central 99.9 % interval; noise level
    right.
    """
    policy = np.random.default_rng(1).dirichlet(np.ones(3), 12)
    results = [calibration(TabularPolicy(table=policy), _draw(policy, 600, 300 + k)) for k in range(200)]
    alarms = sum(r.p_value < 0.05 for r in results)
    assert st.binom.ppf(0.0005, 200, 0.05) <= alarms <= st.binom.ppf(0.9995, 200, 0.05)
    mean = np.mean([r.error for r in results])
    assert mean == pytest.approx(np.mean([r.expected_if_perfect for r in results]), rel=0.1)


def test_overconfidence_is_found_with_the_states_that_fit_worst() -> None:
    truth = np.full((5, 2), 0.5)
    said = truth.copy()
    said[3] = [0.8, 0.2]
    got = calibration(TabularPolicy(table=said), _draw(truth, 2000, 4))
    assert got.p_value < 1e-6
    assert [f.code for f in got.findings] == ["miscalibrated"]
    assert got.worst_states[0].state == 3 and got.worst_states[0].p_value < 1e-6
    assert got.worst_states[1].p_value > 0.01
    assert got.error_interval is not None and got.error_interval[0] > got.expected_if_perfect / 2
    assert got.error_interval[0] <= got.error <= got.error_interval[1]


def test_a_choice_of_probability_zero_cannot_be_calibrated() -> None:
    demos = Demonstrations.from_arrays([0] * 20, [0] * 19 + [1])
    got = calibration(TabularPolicy(table=np.array([[1.0, 0.0]])), demos)
    assert got.p_value == 0.0


def test_refusals() -> None:
    policy = TabularPolicy(table=np.array([[0.5, 0.5]]))
    with pytest.raises(DataError, match="no decisions"):
        calibration(policy, Demonstrations.from_arrays([], [], offsets=[0]))
    with pytest.raises(SettingsError, match="`n_bins`"):
        calibration(policy, Demonstrations.from_arrays([0], [0]), n_bins=1)
