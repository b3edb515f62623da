"""Worlds check themselves: every bad input is refused with a message that says where and what to do."""

from __future__ import annotations

from typing import Any

import jaxtyping
import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DynamicsError
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP


def rows(S: int = 3, A: int = 2) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))


def spoiled(s: int, a: int, x: int, value: float) -> np.ndarray:
    P = rows()
    P[s, a, x] = value
    return P


@pytest.mark.parametrize(
    ("transition", "rest", "message", "hint"),
    [
        (
            spoiled(1, 1, 0, 0.9),
            {},
            r"1 do not \(first: \(state, action\) \[\(1, 1\)\]",
            "Normalise the rows",
        ),
        (
            spoiled(2, 0, 0, -0.1),
            {},
            r"not negative; 1 are not \(first in .*\[\(2, 0\)\]",
            "estimated or read",
        ),
        (
            spoiled(0, 1, 2, np.nan),
            {},
            r"finite and not negative; 1 are not \(first in .*\[\(0, 1\)\]",
            "estimated",
        ),
        (spoiled(0, 1, 2, np.inf), {}, "finite and not negative", "estimated"),
        (rows()[0], {}, r"shape \(S, A, S\), got \(2, 3\)", "Axis order"),
        (rows()[:, :, :2], {}, r"got \(3, 2, 2\)", "Axis order"),
        (rows(), {"discount": 1.0}, "every state can reach; none are marked", "absorbing"),
        (
            rows(),
            {"discount": 1.0, "absorbing": np.zeros(3, dtype=bool)},
            "none are marked",
            "discount below 1",
        ),
        (rows(), {"discount": 1.5}, r"must be a number in \[0, 1\], got 1.5", "per decision"),
        (rows(), {"discount": -0.1}, r"must be a number in \[0, 1\], got -0.1", "per decision"),
        (rows(), {"discount": float("nan")}, r"must be a number in \[0, 1\], got nan", "per decision"),
        (
            rows(),
            {"available": np.ones((2, 2), dtype=bool)},
            r"`available` must have shape \(3, 2\)",
            "One flag",
        ),
        (rows(), {"absorbing": np.ones(2, dtype=bool)}, r"`absorbing` must have shape \(3,\)", "One flag"),
        (
            rows(),
            {"available": np.eye(3, 2, dtype=bool)},
            r"1 states have no available action \(first: \[2\]\)",
            "abs",
        ),
        (rows(), {"initial": np.ones(3)}, "distribution over 3 states, got shape .* sum 3.0", "Normalise"),
        (rows(), {"initial": np.array([0.5, 0.5])}, r"got shape \(2,\)", "Normalise"),
        (rows(), {"initial": np.array([0.5, 0.5, np.nan])}, "sum nan", "Normalise"),
        (rows(), {"initial": np.array([1.5, -0.5, 0.0])}, "distribution over 3 states", "Normalise"),
    ],
)
def test_bad_dynamics_are_named(
    transition: np.ndarray, rest: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(DynamicsError, match=message) as caught:
        TabularMDP.from_transition(transition, **{"discount": 0.9, **rest})
    assert hint in caught.value.hint
    assert caught.value.code == "dynamics"


def test_sparse_matrices_need_their_number_of_actions() -> None:
    P = sp.csr_array(rows().reshape(-1, 3))
    assert TabularMDP.from_transition(P, n_actions=2, discount=0.9).n_states == 3
    for wrong in (None, 3):
        with pytest.raises(DynamicsError, match=r"\(S \* A, S\) with `n_actions` given"):
            TabularMDP.from_transition(P, n_actions=wrong, discount=0.9)


def test_rows_of_unavailable_and_absorbing_states_may_be_empty() -> None:
    P = rows()
    P[2] = 0.0
    P[0, 1] = 0.0
    available = np.ones((3, 2), dtype=bool)
    available[0, 1] = False
    mdp = TabularMDP.from_transition(
        P, discount=0.9, available=available, absorbing=np.array([False, False, True])
    )
    assert mdp.availability[0].tolist() == [True, False]


def test_horizons_and_goals_are_checked() -> None:
    with pytest.raises(DynamicsError, match="at least 1 decision, got 0"):
        FiniteHorizonMDP.from_transition(rows(), horizon=0)
    world = TabularMDP.from_transition(rows(), discount=0.9)
    for goals in ([3], [-1], [0, 0], []):
        with pytest.raises(DynamicsError, match=r"distinct states in \[0, 3\)"):
            GoalConditionedMDP(
                transition=world.transition, n_actions=2, goals=np.array(goals, dtype=np.int32)
            )


def test_digest_is_of_the_content() -> None:
    first = TabularMDP.from_transition(rows(), discount=0.9)
    again = TabularMDP.from_transition(sp.csr_array(rows().reshape(-1, 3)), n_actions=2, discount=0.9)
    assert first.digest == again.digest
    assert first.digest != TabularMDP.from_transition(rows(), discount=0.8).digest
    assert first.digest != FiniteHorizonMDP.from_transition(rows(), horizon=3).digest


def test_determinism_is_seen() -> None:
    P = np.zeros((3, 2, 3))
    P[:, 0, 1] = P[:, 1, 2] = 1.0
    world = TabularMDP.from_transition(P, discount=0.9)
    goals = np.array([1], dtype=np.int32)
    assert GoalConditionedMDP(transition=world.transition, n_actions=2, goals=goals).is_deterministic
    noisy = TabularMDP.from_transition(rows(), discount=0.9)
    assert not GoalConditionedMDP(transition=noisy.transition, n_actions=2, goals=goals).is_deterministic


def test_flags_that_are_no_booleans_are_refused() -> None:
    # ``~`` of an integer is another integer: as an index it would close the wrong actions. Written without the
    # run-time check of types, which would be first.
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(DynamicsError, match=r"hold booleans, got shape \(3, 2\) of int64"):
            TabularMDP.from_transition(rows(), discount=0.9, available=np.ones((3, 2), dtype=np.int64))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
