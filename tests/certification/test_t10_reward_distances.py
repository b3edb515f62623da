"""T10: reward distances.

Source: CERTIFICATION, row T10, tolerance 1e-6. Shaping + scale + shift: EPIC = STARC = 0; R against -R: 1 and 1;
S'-redistribution: STARC 0, EPIC above 0; EPIC of the state rewards (0, 1, 0) and (0, 0, 1) under uniform coverage:
sqrt(.75) = .866025, of (1, -1, 0) and (1, 1, -2): .707107 (Gleave et al. 2021: sqrt((1 - rho) / 2), and the
correlation of the canonically shaped rewards is that of the state rewards: -1/2 and 0).

DARD has no row of its own: it is held to the same invariances, and to the sum over all draws written out here.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from telic.evaluation import (
    canonical_by_value,
    canonical_dard,
    canonical_epic,
    dard_distance,
    epic_distance,
    starc_distance,
)
from telic.mdp import TabularMDP

KEYS = (101, 102, 103)
GAMMA = 0.9


def world(key: int, S: int = 5, A: int = 3) -> TabularMDP:
    P = np.random.default_rng(key).dirichlet(np.full(S, 0.5), size=(S, A))
    return TabularMDP.from_transition(P, discount=GAMMA)


def dense(mdp: TabularMDP) -> np.ndarray:
    return mdp.transition.toarray().reshape(mdp.n_states, mdp.n_actions, mdp.n_states)


@pytest.mark.parametrize("key", KEYS)
def test_shaping_scale_and_shift_are_no_distance(key: int) -> None:
    mdp, rng = world(key), np.random.default_rng(key + 1)
    R, phi = rng.normal(size=(5, 3, 5)), rng.normal(size=5)
    same = 3.7 * (R + GAMMA * phi[None, None, :] - phi[:, None, None]) + 2.5
    for distance in (epic_distance, dard_distance, starc_distance):
        assert distance(R, same, mdp).value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_a_reward_and_its_negative_are_as_far_apart_as_can_be(key: int) -> None:
    mdp, R = world(key), np.random.default_rng(key + 1).normal(size=(5, 3, 5))
    for distance in (epic_distance, dard_distance, starc_distance):
        assert distance(R, -R, mdp).value == pytest.approx(1.0, abs=1e-6)
    for norm in ("l1", "max"):
        assert starc_distance(R, -R, mdp, norm=norm).value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_redistribution_over_successors_is_seen_by_epic_only(key: int) -> None:
    mdp, rng = world(key), np.random.default_rng(key + 1)
    P, R = dense(mdp), rng.normal(size=(5, 3, 5))
    moved = rng.normal(size=(5, 3, 5))
    moved -= (P * moved).sum(axis=2, keepdims=True)  # nothing in expectation
    assert starc_distance(R, R + moved, mdp).value == pytest.approx(0.0, abs=1e-6)
    assert epic_distance(R, R + moved, mdp).value > 0.01


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [((0, 1, 0), (0, 0, 1), 0.866025), ((1, -1, 0), (1, 1, -2), 0.707107)],
)
def test_published_values_of_epic(one: tuple[int, ...], two: tuple[int, ...], expected: float) -> None:
    mdp = world(5, S=3, A=2)
    found = epic_distance(np.array(one, dtype=float), np.array(two, dtype=float), mdp)
    assert found.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_canonical_forms_by_summing_over_every_draw(key: int) -> None:
    """The definitions, draw by draw: A, S and S' for EPIC; A, S' ~ P(.|s,A), S'' ~ P(.|s',A) for DARD."""
    S, A = 3, 2
    mdp, R = world(key, S, A), np.random.default_rng(key + 1).normal(size=(S, A, S))
    P = dense(mdp)
    epic, dard = R.copy(), R.copy()
    for s, a, nxt in itertools.product(range(S), range(A), range(S)):
        for u, x, y in itertools.product(range(A), range(S), range(S)):
            chance = 1 / (A * S * S)
            epic[s, a, nxt] += chance * (GAMMA * R[nxt, u, y] - R[s, u, y] - GAMMA * R[x, u, y])
            chance = P[s, u, x] * P[nxt, u, y] / A
            dard[s, a, nxt] += chance * (GAMMA * R[nxt, u, y] - R[s, u, x] - GAMMA * R[x, u, y])
    assert canonical_epic(R, mdp) == pytest.approx(epic, abs=1e-12)
    assert canonical_dard(R, mdp) == pytest.approx(dard, abs=1e-12)
    V = np.zeros(S)
    for _ in range(500):
        V = ((P * R).sum(axis=2) + GAMMA * P @ V).mean(axis=1)
    by_value = (P * R).sum(axis=2) + GAMMA * P @ V - V[:, None]
    assert canonical_by_value(R, mdp) == pytest.approx(by_value, abs=1e-12)
