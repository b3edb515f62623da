"""The four standard errors against brute force: log-likelihoods written here from their definitions.

Nothing of the forward problem, of the scores or of the Hessian is shared with the code under test: values
come from iterating dense backups, scores of single decisions and second derivatives from central differences.
Tolerance 1e-4 relative: differences of second order in double precision leave about 1e-6, the stopping
tolerance of the fit less.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.settings import FitSettings
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.trajectories import Demonstrations

S, A, K = 6, 3, 3
GAMMA, HORIZON, BETA = 0.9, 7, 1.7
GOALS = (0, 4)
N, LENGTH = 30, 7

LogPolicy = Callable[[np.ndarray], np.ndarray]


def backup(P: np.ndarray, r: np.ndarray, V: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    Q = BETA * (r + gamma * (P @ V))
    top = Q.max(axis=1)
    V = (top + np.log(np.exp(Q - top[:, None]).sum(axis=1))) / BETA
    return V, Q - BETA * V[:, None]


def discounted(P: np.ndarray, phi: np.ndarray) -> LogPolicy:
    def at(theta: np.ndarray) -> np.ndarray:
        V = np.zeros(S)
        for _ in range(400):  # .9^400 is 5e-19
            V, log_pi = backup(P, phi @ theta, V, GAMMA)
        return log_pi[None]

    return at


def finite(P: np.ndarray, phi: np.ndarray) -> LogPolicy:
    def at(theta: np.ndarray) -> np.ndarray:
        V, found = np.zeros(S), []
        for _ in range(HORIZON):
            V, log_pi = backup(P, phi @ theta, V, GAMMA)
            found.append(log_pi)
        return np.stack(found[::-1])

    return at


def to_goals(P: np.ndarray, phi: np.ndarray) -> LogPolicy:
    def at(theta: np.ndarray) -> np.ndarray:
        found = []
        for goal in GOALS:
            V = np.zeros(S)
            for _ in range(10_000):
                before = V
                V, log_pi = backup(P, phi @ theta, V, 1.0)
                V[goal] = 0.0
                if np.abs(V - before).max() < 1e-14 * max(1.0, np.abs(V).max()):
                    break
            found.append(log_pi)
        return np.stack(found)

    return at


def sampled(kind: str, log_policy: LogPolicy, P: np.ndarray, theta: np.ndarray, key: int) -> np.ndarray:
    """Rows ``(table, state, action, next state, trajectory)`` drawn from the truth."""
    rng, pi = np.random.default_rng(key), np.exp(log_policy(theta))
    rows = []
    for i in range(N):
        goal = int(rng.integers(len(GOALS)))
        s = int(rng.choice([x for x in range(S) if x != GOALS[goal]]))
        for t in range(LENGTH if kind != "goal" else 40):
            table = {"discounted": 0, "finite": t, "goal": goal}[kind]
            a = int(rng.choice(A, p=pi[table, s] / pi[table, s].sum()))
            after = int(rng.choice(S, p=P[s, a]))
            rows.append((table, s, a, after, i))
            s = after
            if kind == "goal" and s == GOALS[goal]:
                break
    return np.array(rows)


def problem(kind: str):
    rng = np.random.default_rng({"discounted": 31, "finite": 32, "goal": 33}[kind])
    P = rng.dirichlet(np.ones(S), size=(S, A))
    phi = rng.normal(size=(S, A, K))
    if kind == "goal":
        phi[..., 0] = -np.abs(phi[..., 0]) - 2.0  # a step costs enough for the value to exist
    theta = np.array([1.0, 0.4, -0.5])
    log_policy = {"discounted": discounted, "finite": finite, "goal": to_goals}[kind](P, phi)
    rows = sampled(kind, log_policy, P, theta, key=99)
    flat = sp.csr_array(P.reshape(S * A, S))
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
    if kind == "discounted":
        world = TabularMDP(transition=flat, n_actions=A, discount=GAMMA)
    elif kind == "finite":
        world = FiniteHorizonMDP(transition=flat, n_actions=A, horizon=HORIZON, discount=GAMMA)
    else:
        world = GoalConditionedMDP(transition=flat, n_actions=A, goals=np.array(GOALS, dtype=np.int32))
    lengths = np.bincount(rows[:, 4], minlength=N)
    weights = rng.uniform(0.5, 2.0, len(rows))
    demos = Demonstrations.from_arrays(
        rows[:, 1],
        rows[:, 2],
        next_states=rows[:, 3],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        weights=weights,
        goals=np.array(GOALS)[rows[np.searchsorted(rows[:, 4], np.arange(N)), 0]] if kind == "goal" else None,
    )
    return log_policy, rows, weights, world, FeatureMap(values=phi, names=("a", "b", "c")), demos


def brute_force(log_policy: LogPolicy, rows: np.ndarray, w: np.ndarray, theta: np.ndarray, l2: float):
    """Covariances by kind at ``theta``."""

    def each(x: np.ndarray) -> np.ndarray:
        return log_policy(x)[rows[:, 0], rows[:, 1], rows[:, 2]]

    h = 1e-4
    steps = h * np.eye(K)
    scores = w[:, None] * np.stack([(each(theta + d) - each(theta - d)) / (2 * h) for d in steps], axis=1)
    h = 2e-3  # fourth-order differences of the sum, so the larger step is exact enough

    def total(x: np.ndarray) -> float:
        return float(w @ each(x))

    def second(d: np.ndarray) -> float:
        f = [total(theta + m * h * d) for m in (-2, -1, 0, 1, 2)]
        return float(np.dot([-1, 16, -30, 16, -1], f) / (12 * h * h))

    I = np.eye(K)
    H = np.array([[(second(I[k] + I[m]) - second(I[k] - I[m])) / 4 for m in range(K)] for k in range(K)])
    bread = np.linalg.inv(-H + 2 * l2 * I)
    B = scores.T @ scores
    by_trajectory = np.stack([scores[rows[:, 4] == i].sum(axis=0) for i in range(N)])
    C = by_trajectory.T @ by_trajectory
    return scores, {
        "hessian": bread,
        "outer_product": np.linalg.inv(B + 2 * l2 * I),
        "sandwich": bread @ B @ bread,
        "sandwich_clustered": bread @ C @ bread,
    }


@pytest.mark.parametrize("l2", [0.0, 1.5])
@pytest.mark.parametrize("kind", ["discounted", "finite", "goal"])
def test_four_kinds(kind: str, l2: float) -> None:
    log_policy, rows, w, world, features, demos = problem(kind)
    fit = max_causal_entropy(demos, world, features, settings=FitSettings(rationality=BETA, l2=l2))
    assert fit.outcome.ok, fit.findings
    scores, expected = brute_force(log_policy, rows, w, fit.weights, l2)
    assert np.abs(scores.sum(axis=0) - 2 * l2 * fit.weights).max() / w.sum() < 1e-7
    likelihood = float(w @ log_policy(fit.weights)[rows[:, 0], rows[:, 1], rows[:, 2]])
    assert fit.choice_log_likelihood == pytest.approx(likelihood, rel=1e-10)
    assert set(fit.covariances) == set(expected)
    for name, covariance in expected.items():
        scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
        np.testing.assert_allclose(fit.covariances[name] / scale, covariance / scale, atol=1e-4, err_msg=name)
