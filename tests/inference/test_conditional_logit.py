"""The conditional logit against scipy, and what it says when there is no maximum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from telic.inference.conditional_logit import ConditionalLogit
from telic.reports import Outcome


def random_logit(seed=0, G=40, A=4, K=3, **rest):
    rng = np.random.default_rng(seed)
    return ConditionalLogit(
        design=rng.normal(size=(G, A, K)) * np.array([1.0, 100.0, 0.01])[:K],
        offset=rng.normal(size=(G, A)),
        counts=rng.integers(0, 6, (G, A)).astype(float) * (np.arange(A) < 3),
        allowed=np.ones((G, A), bool) & (np.arange(A) < 3),
        rationality=1.5,
        **rest,
    )


def brute_value(logit, theta):
    total = 0.0
    for g in range(len(logit.design)):
        rows = np.flatnonzero(logit.allowed[g])
        z = 1.5 * (logit.design[g, rows] @ theta + logit.offset[g, rows])
        total += logit.counts[g, rows] @ (z - np.log(np.exp(z).sum()))
    return total


def test_value_score_and_information_are_derivatives():
    logit = random_logit()
    theta = np.array([0.3, -0.002, 5.0])
    assert logit.value(theta) == pytest.approx(brute_value(logit, theta))
    for k in range(3):
        h = np.zeros(3)
        h[k] = 1e-5 * max(abs(theta[k]), 1e-3)
        slope = (brute_value(logit, theta + h) - brute_value(logit, theta - h)) / (2 * h[k])
        assert logit.score(theta)[k] == pytest.approx(slope, rel=1e-6)
        bend = (logit.score(theta + h) - logit.score(theta - h)) / (2 * h[k])
        np.testing.assert_allclose(-bend, logit.information(theta)[k], rtol=1e-6)


def test_outer_product_is_the_sum_over_decisions():
    logit = random_logit()
    theta = np.array([0.3, -0.002, 5.0])
    total = np.zeros((3, 3))
    for g, a in np.argwhere(logit.counts > 0):
        one = np.zeros_like(logit.counts)
        one[g, a] = 1.0
        s = ConditionalLogit(
            design=logit.design, offset=logit.offset, counts=one, allowed=logit.allowed, rationality=1.5
        ).score(theta)
        total += logit.counts[g, a] * np.outer(s, s)
    np.testing.assert_allclose(logit.outer_product(theta), total, rtol=1e-10)


@pytest.mark.parametrize("l2", [0.0, 2.0])
def test_the_maximum_is_that_of_another_optimiser(l2):
    logit = random_logit(l2=l2)
    scale = np.array([1.0, 0.01, 100.0])
    rival = minimize(
        lambda x: -brute_value(logit, x * scale) + l2 * np.sum((x * scale) ** 2), np.zeros(3), tol=1e-12
    )
    fit = logit.fit()
    assert fit.outcome is Outcome.SUCCESS
    np.testing.assert_allclose(fit.weights, rival.x * scale, rtol=1e-4)


def test_null_directions_are_found_whatever_the_units():
    logit = random_logit()
    H = logit.design.copy()
    H = np.concatenate([H, 7.0 * H[:, :, :1], np.repeat(H[:, :1, 1:2], 4, axis=1)], axis=2)
    wide = ConditionalLogit(
        design=H, offset=logit.offset, counts=logit.counts, allowed=logit.allowed, rationality=1.5
    )
    fit = wide.fit()
    assert fit.outcome is Outcome.SUCCESS
    assert len(fit.null_directions) == 2  # a copy in other units, and a column that no choice changes
    np.testing.assert_allclose(fit.null_directions @ fit.weights, 0.0, atol=1e-9)
    assert fit.value == pytest.approx(logit.fit().value, abs=1e-8)


def test_separation_is_named_and_a_penalty_ends_it():
    H = np.zeros((3, 2, 2))
    H[:, 1, 0] = [1.0, 2.0, 0.5]
    H[:, 1, 1] = [1.0, -1.0, 0.3]
    counts = np.array([[0.0, 5.0], [0.0, 4.0], [0.0, 3.0]])
    problem = {"design": H, "offset": np.zeros((3, 2)), "counts": counts, "allowed": np.ones((3, 2), bool)}
    fit = ConditionalLogit(**problem).fit()
    assert fit.outcome is Outcome.SEPARATION
    assert fit.separating is not None
    assert np.all(H[:, 1] @ fit.separating >= -1e-12)
    assert ConditionalLogit(**problem, l2=0.1).fit().outcome is Outcome.SUCCESS


def test_overlapping_data_are_not_called_separated():
    H = np.zeros((2, 2, 1))
    H[:, 1, 0] = [1.0, 1.0]
    counts = np.array([[1.0, 999_999.0], [0.0, 10.0]])
    fit = ConditionalLogit(
        design=H, offset=np.zeros((2, 2)), counts=counts, allowed=np.ones((2, 2), bool)
    ).fit()
    assert fit.outcome is Outcome.SUCCESS
    assert fit.weights[0] == pytest.approx(np.log(1_000_009.0), rel=1e-6)
