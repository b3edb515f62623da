"""The multinomial logit of choices on a basis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from telic.inference.choice_model import fit_choice_model


def test_a_saturated_model_gives_frequencies():
    cells = np.repeat([0, 1], 10)
    actions = np.array([0] * 3 + [1] * 7 + [0] * 2 + [1] * 5 + [2] * 3)
    basis = np.eye(2)[cells]
    model = fit_choice_model(basis, actions, 3, np.ones(20), ridge=1e-9)
    p = np.exp(model.log_probabilities(np.eye(2)))
    np.testing.assert_allclose(p, [[0.3, 0.7, 0.0], [0.2, 0.5, 0.3]], atol=1e-4)


def test_against_another_optimiser():
    rng = np.random.default_rng(0)
    n, B, A, ridge = 300, 3, 3, 0.7
    X = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, B - 1))], axis=1)
    y, w = rng.integers(0, A, n), rng.random(n)
    allowed = np.ones((n, A), bool)
    allowed[:, 2] = (y == 2) | (rng.random(n) < 0.5)

    def cost(flat):
        z = np.where(allowed, X @ np.concatenate([np.zeros((B, 1)), flat.reshape(B, A - 1)], axis=1), -np.inf)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        penalty = 0.5 * ridge * (np.sum(flat.reshape(B, A - 1)[1:] ** 2) + 1e-6 * np.sum(flat[: A - 1] ** 2))
        return -w @ logp[np.arange(n), y] + penalty

    rival = minimize(cost, np.zeros(B * (A - 1)), tol=1e-10).x.reshape(B, A - 1)
    model = fit_choice_model(X, y, A, w, allowed=allowed, ridge=ridge)
    assert model.outcome.ok
    np.testing.assert_allclose(model.coefficients[:, 1:], rival, atol=1e-4)
    assert np.all(np.isneginf(model.log_probabilities(X, allowed)[~allowed]))
    assert model.log_likelihood == pytest.approx(w @ model.log_probabilities(X, allowed)[np.arange(n), y])
