"""Hypothesis strategies: random worlds, rewards, policies and demonstrations, all valid by construction.

Sizes, discounts and a random key are drawn; arrays follow from the key, so drawing is fast and shrinking goes
towards small worlds. ``FAST`` is the profile of the property tests: few examples, no deadline, the same ones
on every run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.mdp.tabular import as_transition
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

__all__ = [
    "FAST",
    "absorbing_mdps",
    "demonstrations",
    "discounted_mdps",
    "finite_horizon_mdps",
    "goal_conditioned_mdps",
    "keys",
    "policies",
    "rewards",
]

FAST = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Settings of the property tests."""

keys = st.integers(0, 2**31 - 1)
"""Random keys."""


@contextmanager
def _random_untouched() -> Iterator[None]:
    """Puts ``random`` back as it was: run-time type checks may draw from it, which hypothesis forbids."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)


@st.composite
def discounted_mdps(
    draw: Any,
    *,
    max_states: int = 7,
    max_actions: int = 4,
    max_discount: float = 0.97,
    partial: bool = True,
) -> TabularMDP:
    """Discounted worlds with sparse rows and an initial distribution.

    Args:
        draw: given by hypothesis.
        max_states: largest number of states.
        max_actions: largest number of actions.
        max_discount: largest discount.
        partial: let some actions be unavailable in some states.
    """
    P, available, initial = _parts(draw, max_states, max_actions, partial)
    discount = draw(st.floats(0.0, max_discount, allow_nan=False))
    with _random_untouched():
        return TabularMDP.from_transition(P, discount=discount, available=available, initial=initial)


@st.composite
def absorbing_mdps(draw: Any, *, max_states: int = 7, max_actions: int = 4) -> TabularMDP:
    """Undiscounted worlds in which the last state is absorbing and every action may lead there.

    Args:
        draw: given by hypothesis.
        max_states: largest number of states.
        max_actions: largest number of actions.
    """
    P, available, initial = _parts(draw, max_states, max_actions, partial=True)
    leak = draw(st.floats(0.02, 0.5))
    P *= 1.0 - leak
    P[:, :, -1] += leak * available
    absorbing = np.zeros(len(P), dtype=bool)
    absorbing[-1] = True
    with _random_untouched():
        return TabularMDP.from_transition(
            P, discount=1.0, available=available, absorbing=absorbing, initial=initial
        )


@st.composite
def finite_horizon_mdps(
    draw: Any, *, max_states: int = 6, max_actions: int = 3, max_horizon: int = 6
) -> FiniteHorizonMDP:
    """Undiscounted worlds with a fixed number of decisions.

    Args:
        draw: given by hypothesis.
        max_states: largest number of states.
        max_actions: largest number of actions.
        max_horizon: largest number of decisions.
    """
    P, available, initial = _parts(draw, max_states, max_actions, partial=True)
    horizon = draw(st.integers(1, max_horizon))
    with _random_untouched():
        return FiniteHorizonMDP.from_transition(P, horizon=horizon, available=available, initial=initial)


@st.composite
def goal_conditioned_mdps(
    draw: Any, *, max_states: int = 8, max_actions: int = 3, deterministic: bool = True
) -> GoalConditionedMDP:
    """Worlds with a few destinations, some of which may be out of reach from some states.

    Args:
        draw: given by hypothesis.
        max_states: largest number of states.
        max_actions: largest number of actions.
        deterministic: every action has one successor.
    """
    S, A = draw(st.integers(2, max_states)), draw(st.integers(1, max_actions))
    rng = np.random.default_rng(draw(keys))
    if deterministic:
        P = np.zeros((S, A, S))
        P[np.arange(S)[:, None], np.arange(A), rng.integers(0, S, (S, A))] = 1.0
    else:
        P = _sparse_rows(rng, S, A)
    goals = rng.permutation(S)[: draw(st.integers(1, min(S, 3)))].astype(np.int32)
    with _random_untouched():
        transition, _ = as_transition(P, A)
        return GoalConditionedMDP(transition=transition, n_actions=A, goals=goals)


@st.composite
def rewards(draw: Any, mdp: Any, *, scale: float = 2.0, shift: float = 0.0) -> FloatArray:
    """``(S, A)`` normal rewards of a world.

    Args:
        draw: given by hypothesis.
        mdp: any world.
        scale: largest standard deviation.
        shift: mean.
    """
    rng = np.random.default_rng(draw(keys))
    sd = draw(st.floats(0.0, scale))
    return np.asarray(shift + sd * rng.normal(size=(mdp.n_states, mdp.n_actions)))


@st.composite
def policies(draw: Any, mdp: Any) -> FloatArray:
    """``(S, A)`` policy tables over the available actions, every one with positive probability.

    Args:
        draw: given by hypothesis.
        mdp: any world.
    """
    rng = np.random.default_rng(draw(keys))
    weights = rng.exponential(size=(mdp.n_states, mdp.n_actions)) + 1e-3
    weights = np.where(mdp.availability, weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@st.composite
def demonstrations(draw: Any, mdp: Any, *, max_trajectories: int = 5, max_length: int = 6) -> Demonstrations:
    """Demonstrations that a world can produce, of several demonstrators and lengths (empty ones too).

    Args:
        draw: given by hypothesis.
        mdp: any world; absorbing states end a trajectory.
        max_trajectories: largest number of trajectories.
        max_length: largest number of decisions of each.
    """
    rng = np.random.default_rng(draw(keys))
    lengths = draw(st.lists(st.integers(0, max_length), min_size=1, max_size=max_trajectories))
    stop = getattr(mdp, "absorbing", None)
    rows: list[tuple[int, int, int]] = []
    offsets, ended = [0], []
    for length in lengths:
        s, done = int(rng.integers(mdp.n_states)), False
        for _ in range(length):
            done = bool(stop is not None and stop[s])
            if done:
                break
            a = int(rng.choice(np.flatnonzero(mdp.availability[s])))
            row = mdp.transition[[s * mdp.n_actions + a]]
            nxt = int(rng.choice(row.indices, p=row.data / row.data.sum()))
            rows.append((s, a, nxt))
            s = nxt
        offsets.append(len(rows))
        ended.append(done or bool(stop is not None and stop[s]))
    table = np.array(rows, dtype=np.int32).reshape(-1, 3)
    with _random_untouched():
        return Demonstrations.from_arrays(
            table[:, 0],
            table[:, 1],
            next_states=table[:, 2],
            offsets=offsets,
            terminated=ended,
            demonstrators=[f"d{i % 2}" for i in range(len(lengths))],
            action_labels=[str(a) for a in range(mdp.n_actions)],
        )


def _parts(
    draw: Any, max_states: int, max_actions: int, partial: bool
) -> tuple[FloatArray, BoolArray, FloatArray]:
    S, A = draw(st.integers(2, max_states)), draw(st.integers(1, max_actions))
    rng = np.random.default_rng(draw(keys))
    P = _sparse_rows(rng, S, A)
    available = np.ones((S, A), dtype=bool)
    if partial:
        available = rng.random((S, A)) < 0.8
        available[np.arange(S), rng.integers(0, A, S)] = True
    P[~available] = 0.0
    return P, available, rng.dirichlet(np.ones(S))


def _sparse_rows(rng: np.random.Generator, S: int, A: int) -> FloatArray:
    P = rng.exponential(size=(S, A, S)) * (rng.random((S, A, S)) < 0.5)
    P[np.arange(S)[:, None], np.arange(A), rng.integers(0, S, (S, A))] += 0.1
    return np.asarray(P / P.sum(axis=2, keepdims=True))
