"""The problems of the side-by-side runs, in plain numpy so that every peer's environment can build them.

The grid: ``n x n`` cells, 5 actions (stay, north, east, south, west), a move slips to a uniformly random
neighbouring move with probability 0.1, walls keep a mover in place; horizon 50 from a uniform start; 25 tile
features (the grid cut into 5 x 5 tiles), reward linear in them with fixed weights. The expert is the
soft-optimal policy of that reward, and its exact expected occupancy is the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Grid", "expert_occupancy", "grid"]

HORIZON = 50
SLIP = 0.1
N_TILES = 5
KEY = 20_260


@dataclass(frozen=True)
class Grid:
    """A grid problem.

    Attributes:
        successors: ``(S, A, 5)`` next states of each move that may come out.
        probabilities: ``(S, A, 5)`` their probabilities (successors may repeat).
        features: ``(S, 25)`` tile indicators.
        weights: ``(25,)`` the expert's weights.
    """

    n: int
    successors: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray
    weights: np.ndarray

    @property
    def n_states(self) -> int:
        """S."""
        return self.n * self.n

    def dense(self) -> np.ndarray:
        """``(S, A, S)`` transition probabilities (4 GB at 10,000 states)."""
        S, A, K = self.successors.shape
        P = np.zeros((S, A, S))
        s, a = np.meshgrid(np.arange(S), np.arange(A), indexing="ij")
        for k in range(K):
            np.add.at(P, (s, a, self.successors[:, :, k]), self.probabilities[:, :, k])
        return P


def grid(n: int) -> Grid:
    """The ``n x n`` grid problem."""
    row, column = np.divmod(np.arange(n * n), n)
    steps = [(0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)]
    landed = np.stack(
        [np.clip(row + dr, 0, n - 1) * n + np.clip(column + dc, 0, n - 1) for dr, dc in steps], axis=1
    )
    successors = np.broadcast_to(landed[:, None, :], (n * n, 5, 5)).copy()
    probabilities = np.broadcast_to(np.eye(5) * (1 - SLIP) + (1 - np.eye(5)) * SLIP / 4, (n * n, 5, 5)).copy()
    tile = (row * N_TILES // n) * N_TILES + column * N_TILES // n
    features = np.eye(N_TILES * N_TILES)[tile]
    weights = 0.5 * np.random.default_rng(KEY).normal(size=N_TILES * N_TILES)
    return Grid(n, successors, probabilities, features, weights)


def expert_occupancy(problem: Grid) -> tuple[np.ndarray, np.ndarray]:
    """``(T, S, A)`` expected decisions of the soft-optimal expert at each time, and its policy, as large."""
    S, A, _ = problem.successors.shape
    reward = problem.features @ problem.weights
    policies = np.empty((HORIZON, S, A))
    V = np.zeros(S)
    for t in reversed(range(HORIZON)):
        Q = reward[:, None] + (problem.probabilities * V[problem.successors]).sum(axis=2)
        top = Q.max(axis=1)
        V = top + np.log(np.exp(Q - top[:, None]).sum(axis=1))
        policies[t] = np.exp(Q - V[:, None])
    occupancy = np.empty_like(policies)
    d = np.full(S, 1 / S)
    for t in range(HORIZON):
        occupancy[t] = d[:, None] * policies[t]
        flow = occupancy[t][:, :, None] * problem.probabilities
        d = np.bincount(problem.successors.ravel(), weights=flow.ravel(), minlength=S)
    return occupancy, policies
