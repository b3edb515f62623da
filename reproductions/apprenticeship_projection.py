"""Apprenticeship by projection: the margins on given vertices, and an expert of a grid world matched.

    python reproductions/apprenticeship_projection.py

prints one JSON line. *Vertices* (CERTIFICATION T8): (1,0), (0,1), (0,0), start (0,0), expert (.6,.4).
*Grid*: an 8 x 8 grid world with 16 tiles as features, 400 demonstrated trajectories of the optimal policy for
random weights; margin of the mixture, its standard error from sampling, and how much less than the expert the
mixture is worth for the true weights (bounded by the margin times their norm).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

KEY = 808
"""Chosen before the first run."""


def vertices() -> dict[str, object]:
    """T8."""
    from telic.inference.apprenticeship import ApprenticeshipSettings, Vertex
    from telic.inference.methods.apprenticeship_projection import project_expectation

    corners = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    mixture = project_expectation(
        np.array([0.6, 0.4]),
        lambda w: Vertex(expectation=corners[int(np.argmax(corners @ w))]),
        start=Vertex(expectation=np.zeros(2)),
        settings=ApprenticeshipSettings(max_iterations=4),
    )
    return {
        "margins": np.round(mixture.margins, 6).tolist(),
        "margins_expected": [0.721110, 0.4, 0.205798, 0.174517, 0.153523],
    }


def grid(matched: Callable[..., Any]) -> dict[str, object]:
    """An 8 x 8 grid with 2 x 2 tiles, its expert matched by a mixture of policies."""
    from telic.features import FeatureMap
    from telic.mdp import TabularMDP
    from telic.planning import occupancy, simulate, solve_hard

    side, gamma = 8, 0.9
    S, A = side * side, 4
    moves = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    P = np.zeros((S, A, S))
    for s in range(S):
        x, y = divmod(s, side)
        for a in range(A):
            for b, chance in [(a, 0.7), *((other, 0.1) for other in range(A) if other != a)]:
                nx, ny = x + moves[b][0], y + moves[b][1]
                after = nx * side + ny if 0 <= nx < side and 0 <= ny < side else s
                P[s, a, after] += chance
    world = TabularMDP.from_transition(P, discount=gamma, initial=np.full(S, 1 / S))
    x, y = np.divmod(np.arange(S), side)
    tiles = np.eye(16)[(x // 2) * 4 + y // 2]
    features = FeatureMap(values=tiles, names=tuple(f"tile {i}" for i in range(16)), form="S")
    rng = np.random.default_rng(KEY)
    truth = rng.normal(size=16) * (rng.random(16) < 0.4)
    reward = np.repeat((tiles @ truth)[:, None], A, axis=1)
    expert = solve_hard(world, reward).policy
    demos = simulate(world, expert, 400, 100, key=KEY)
    mixture = matched(demos, world, features)
    exact = occupancy(world, expert.table).sum(axis=1) @ tiles
    return {
        "outcome": mixture.outcome.label,
        "margin": mixture.margins[-1],
        "n_vertices": len(mixture.vertices),
        "sampling_error_of_expert": float(np.linalg.norm(mixture.expert - exact)),
        "worth_of_expert": float(exact @ truth),
        "worth_of_mixture": float(mixture.expectation @ truth),
        "bound_on_loss": float(
            np.linalg.norm(truth) * (mixture.margins[-1] + np.linalg.norm(mixture.expert - exact))
        ),
    }


def main() -> int:
    from telic.inference import apprenticeship_projection_mixture

    start = time.process_time()
    told = {"vertices": vertices(), "grid": grid(apprenticeship_projection_mixture)}
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
