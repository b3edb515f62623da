"""Value terms by temporal differences: with one indicator a cell they are those of the counted table."""

from __future__ import annotations

import numpy as np

from telic.inference.temporal_difference import TransitionRows, fit_value_terms, noise_moments

S, A, K, GAMMA, BETA = 4, 2, 2, 0.8, 1.5


def table_rows(seed=0, n=600, ended=()):
    rng = np.random.default_rng(seed)
    states, actions = rng.integers(0, S, n), rng.integers(0, A, n)
    after = rng.integers(0, S, n)
    phi = rng.normal(size=(S, A, K))
    p = rng.dirichlet(np.ones(A), size=S)
    stop = np.isin(np.arange(n), ended)
    weights = rng.integers(1, 4, n).astype(float)
    rows = TransitionRows(
        basis=np.eye(S)[states],
        actions=actions,
        next_basis=np.eye(S)[after],
        next_features=phi[after],
        ended=stop,
        weights=weights,
        surprises=np.zeros((n, 0)),
    )
    return rows, states, actions, after, phi, p, stop, weights


def brute_force(states, actions, after, phi, p, stop, weights):
    """u(s, a) by counting transitions and solving the linear system over pairs."""
    P = np.zeros((S * A, S))
    np.add.at(P, (states[~stop] * A + actions[~stop], after[~stop]), weights[~stop])
    counts = np.bincount(states * A + actions, weights=weights, minlength=S * A)
    P /= counts[:, None]
    reward = np.concatenate(
        [(p[:, :, None] * phi).sum(axis=1), -(p * np.log(p)).sum(axis=1, keepdims=True) / BETA], axis=1
    )
    onward = P[:, :, None] * p[None]  # to (s', b)
    return np.linalg.solve(np.eye(S * A) - GAMMA * onward.reshape(S * A, S * A), P @ reward)


def test_with_indicators_it_is_the_counted_table():
    for ended in ((), (3, 50, 77)):
        rows, states, actions, after, phi, p, stop, weights = table_rows(ended=ended)
        fit = fit_value_terms(rows, np.log(p)[after], discount=GAMMA, rationality=BETA, ridge=1e-9)
        got = fit.continuation(np.eye(S)).reshape(S * A, K + 1)
        wanted = brute_force(states, actions, after, phi, p, stop, weights)
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_a_large_ridge_makes_all_actions_alike():
    rows, _, _, after, _, p, _, _ = table_rows()
    fit = fit_value_terms(rows, np.log(p)[after], discount=GAMMA, rationality=BETA, ridge=1e9)
    follows = fit.continuation(np.eye(S))
    np.testing.assert_allclose(follows[:, 0], follows[:, 1], atol=1e-5)


def test_surprises_take_noise_out_and_leave_the_answer():
    """What comes next is 1[a = 1] plus a coin of mean zero: naming the coin removes its noise exactly."""
    rng = np.random.default_rng(2)
    n = 400
    actions = rng.integers(0, 2, n)
    coin = rng.choice([-1.0, 1.0], n)
    after = (actions == 1) + coin
    common = {
        "basis": np.ones((n, 1)),
        "actions": actions,
        "next_basis": np.ones((n, 1)),
        "next_features": np.repeat(after[:, None, None], 2, axis=1),
        "ended": np.zeros(n, bool),
        "weights": np.ones(n),
    }
    p = np.log(np.full((n, 2), 0.5))
    blurred = fit_value_terms(
        TransitionRows(**common, surprises=np.zeros((n, 0))), p, discount=0.0, rationality=1.0, ridge=1e-9
    )
    sharp = fit_value_terms(
        TransitionRows(**common, surprises=coin[:, None]), p, discount=0.0, rationality=1.0, ridge=1e-9
    )
    exact = [0.0, 1.0]
    np.testing.assert_allclose(sharp.continuation(np.ones((1, 1)))[0, :, 0], exact, atol=1e-8)
    assert np.abs(blurred.continuation(np.ones((1, 1)))[0, :, 0] - exact).max() > 1e-3


def test_noise_moments_are_the_spread_of_the_answer_over_samples():
    """2,000 samples of a two-action problem without future: moments against the spread seen (10 %)."""
    n, seen, stated = 200, [], []
    for seed in range(2_000):
        rng = np.random.default_rng(seed)
        actions = np.repeat([0, 1], n // 2)
        value = (actions == 1) + rng.normal(size=n)
        rows = TransitionRows(
            basis=np.ones((n, 1)),
            actions=actions,
            next_basis=np.ones((n, 1)),
            next_features=np.repeat(value[:, None, None], 2, axis=1),
            ended=np.zeros(n, bool),
            weights=np.ones(n),
            surprises=np.zeros((n, 0)),
        )
        logp = np.log(np.full((n, 2), 0.5))
        fit = fit_value_terms(rows, logp, discount=0.0, rationality=1.0, ridge=1e-6)
        u = fit.continuation(np.ones((1, 1)))[0, :, 0]
        seen.append(0.25 * n * (u[1] - u[0] - 1.0) ** 2)  # n times the noise's Cov_p with p = 1/2
        p = np.full((n, 2), 0.5)
        stated.append(noise_moments(rows, logp, fit, p, np.ones((n, 1)), discount=0.0, rationality=1.0)[0, 0])
    assert np.mean(stated) == np.clip(np.mean(stated), 0.9 * np.mean(seen), 1.1 * np.mean(seen))
