"""A small world whose record covers everything in exact proportion, and what is exact there, by plain loops."""

from __future__ import annotations

import numpy as np

from telic.neural.transitions import Transitions
from telic.policies.heads import CategoricalHead, GaussianHead

S, A, GAMMA = 5, 3, 0.9

OF_A_TABLE = {
    "hidden": (), "n_inner": 2000, "learning_rate": 0.03, "n_updates": 6000.0, "discount": GAMMA, "target_rate": 0.05,
}  # fmt: skip
"""Settings under which 3 steps of a learner leave nothing to learn."""


def amounts(n: int = 64, K: int = 2) -> Transitions:
    """Rows at random, with amounts between -2 and 2."""
    rng = np.random.default_rng(0)
    return Transitions.from_arrays(
        rng.normal(size=(n, 3)), rng.uniform(-2, 2, (n, K)), rng.normal(size=n), rng.normal(size=(n, 3)),
        rng.random(n) < 0.2, GaussianHead(low=(-2.0,) * K, high=(2.0,) * K),
    )  # fmt: skip


class World:
    """Four successors a pair, each of chance 1/4; rows repeat pairs as often as ``counts`` says."""

    def __init__(self, key: int = 3) -> None:
        rng = np.random.default_rng(key)
        self.successors = rng.integers(0, S, (S, A, 4))
        self.R = rng.normal(size=(S, A))
        self.counts = rng.integers(1, 4, (S, A))
        self.b = self.counts / self.counts.sum(axis=1, keepdims=True)
        self.P = np.zeros((S, A, S))
        for s in range(S):
            for a in range(A):
                np.add.at(self.P[s, a], self.successors[s, a], 0.25)

    def transitions(self) -> Transitions:
        rows = [
            (s, a, s2)
            for s in range(S)
            for a in range(A)
            for _ in range(self.counts[s, a])
            for s2 in self.successors[s, a]
        ]
        s, a, s2 = np.array(rows).T
        one = np.eye(S)
        return Transitions.from_arrays(
            one[s], a, self.R[s, a], one[s2], np.zeros(len(s), bool), CategoricalHead(n_actions=A)
        )

    def value_of(self, pi: np.ndarray) -> np.ndarray:
        """Of a policy ``(S, A)``, by solving linear equations."""
        P = np.einsum("sa,sat->st", pi, self.P)
        return np.linalg.solve(np.eye(S) - GAMMA * P, (pi * self.R).sum(axis=1))

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """Actions and action values, by policy iteration."""
        actions = np.zeros(S, int)
        while True:
            Q = self.R + GAMMA * self.P @ self.value_of(np.eye(A)[actions])
            if np.array_equal(Q.argmax(axis=1), actions):
                return actions, Q
            actions = Q.argmax(axis=1)

    def of_expectile(self, tau: float) -> np.ndarray:
        """Values ``(S,)`` that are the expectile of what recorded actions are worth."""
        V = np.zeros(S)
        for _ in range(300):
            Q = self.R + GAMMA * self.P @ V
            V = np.array([expectile(Q[s], self.b[s], tau) for s in range(S)])
        return V

    def pushed_down(self, alpha: float) -> np.ndarray:
        """Action values ``Q = T Q - alpha (softmax Q / b - 1)``, by damped iteration."""
        Q = np.zeros((S, A))
        for _ in range(20_000):
            p = np.exp(Q - Q.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            Q += 0.05 * (self.R + GAMMA * self.P @ Q.max(axis=1) - alpha * (p / self.b - 1) - Q)
        return Q


def expectile(x: np.ndarray, shares: np.ndarray, tau: float) -> float:
    """Where ``tau E(x - m)+ = (1 - tau) E(m - x)+``, by halving."""
    low, high = float(x.min()), float(x.max())
    for _ in range(80):
        m = (low + high) / 2
        above = tau * (shares * np.maximum(x - m, 0)).sum()
        below = (1 - tau) * (shares * np.maximum(m - x, 0)).sum()
        low, high = (m, high) if above > below else (low, m)
    return (low + high) / 2
