"""Every registered method keeps the protocol of ``telic.testing.check_method``, and the check finds who
does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from telic.features import FeatureMap, MeasuredFeatureMap
from telic.inference import (
    METHODS,
    apprenticeship_max_margin,
    apprenticeship_projection,
    conditional_choice_probability,
    conditional_choice_transitions,
    linear_programming,
    max_causal_entropy,
    path_entropy,
)
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.testing import MethodCase, check_method
from telic.trajectories import Demonstrations

S, A, H = 5, 2, 6


def ring(move: float = 0.9) -> np.ndarray:
    """Action 0 stays, action 1 moves on with probability ``move``."""
    P = np.zeros((S, A, S))
    for s in range(S):
        P[s, 0, s] = 1.0
        P[s, 1, (s + 1) % S] = move
        P[s, 1, s] += 1 - move
    return P


WORLD = TabularMDP.from_transition(ring(), discount=0.8, initial=np.full(S, 1 / S))
FINITE = FiniteHorizonMDP.from_transition(ring(), horizon=H)
PHI = np.zeros((S, A, 2))
PHI[2, :, 0] = 1.0
PHI[:, 1, 1] = -1.0
PAIRS = FeatureMap(values=PHI, names=("at the prize", "moves"), units=("step", "move"))
PLACES = FeatureMap(values=np.eye(S)[:, [2, 4]], names=("prize", "pit"), form="S")


def walks(n: int = 40) -> Demonstrations:
    """Walks that move with a chance of .7 away from state 2 and .25 in it."""
    rng = np.random.default_rng(12)
    s = rng.integers(0, S, n)
    rows = []
    for _ in range(H):
        a = (rng.random(n) < np.where(s == 2, 0.25, 0.7)).astype(int)
        after = np.where((a == 1) & (rng.random(n) < 0.9), (s + 1) % S, s)
        rows.append((s, a, after))
        s = after
    states, actions, after = (np.stack(column, axis=1).ravel() for column in zip(*rows, strict=True))
    demos = Demonstrations.from_arrays(
        states, actions, next_states=after, offsets=np.arange(0, n * H + 1, H), action_labels=["stay", "move"]
    )
    return replace(
        demos,
        observations={"place": states.astype(float)},
        next_observations={"place": after.astype(float)},
        next_known=np.ones(n * H, dtype=bool),
    )


DEMOS = walks()
LOST = Demonstrations.from_arrays([S + 3], [0])  # a state that no world here has
NARROW = FeatureMap(values=np.zeros((S - 1, A, 1)), names=("x",))
NARROW_PLACES = FeatureMap(values=np.zeros((S - 1, 1)), names=("x",), form="S")
MEASURED = MeasuredFeatureMap.from_expressions(
    {"at the prize": "place == 2", "moves": "-1 * (action == 'move')"}, action_values=["stay", "move"]
)


def on_table(method: Callable, world, features: FeatureMap, narrow: FeatureMap = NARROW) -> MethodCase:
    return MethodCase(
        fit=lambda demos: method(demos, world, features),
        demos=DEMOS,
        inputs=(world, features),
        misfits={
            "features of another world": lambda: method(DEMOS, world, narrow),
            "states of another world": lambda: method(LOST, world, features),
        },
    )


def on_rows() -> MethodCase:
    wrong = MeasuredFeatureMap(names=("x",), function=lambda c, a: np.zeros((1, 1)), n_actions=2)
    other = replace(DEMOS, observations={}, next_observations={})
    return MethodCase(
        fit=lambda demos: conditional_choice_transitions(demos, MEASURED, discount=0.8),
        demos=DEMOS,
        inputs=(MEASURED,),
        misfits={
            "features of another shape": lambda: conditional_choice_transitions(DEMOS, wrong, discount=0.8),
            "demonstrations without measurements": lambda: conditional_choice_transitions(
                other, MEASURED, discount=0.8
            ),
        },
    )


CASES: dict[str, MethodCase] = {
    "apprenticeship_max_margin": on_table(apprenticeship_max_margin, WORLD, PAIRS),
    "apprenticeship_projection": on_table(apprenticeship_projection, WORLD, PAIRS),
    "conditional_choice_probability": on_table(conditional_choice_probability, WORLD, PAIRS),
    "conditional_choice_transitions": on_rows(),
    "linear_programming": on_table(linear_programming, WORLD, PLACES, NARROW_PLACES),
    "max_causal_entropy": on_table(max_causal_entropy, WORLD, PAIRS),
    "path_entropy": on_table(path_entropy, FINITE, PAIRS),
}


def test_every_registered_method_has_a_case():
    assert set(CASES) == set(METHODS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_keeps_the_protocol(name):
    check_method(name, CASES[name])


def wayward(**change) -> Callable:
    def method(demos, world, features):
        return replace(max_causal_entropy(demos, world, features), **change)

    return method


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"method": "other"}, "says it comes from 'other'"),
        ({"n_decisions": 1}, "number of decisions is wrong"),
        ({"weights": np.full(2, np.nan)}, "not finite"),
        ({"null_directions": np.array([[2.0, 0.0]])}, "not orthonormal"),
        ({"covariances": {}, "findings": ()}, "no finding says why"),
        ({"covariances": {"hessian": np.array([[1.0, 2.0], [0.0, 1.0]])}}, "not symmetric"),
        ({"covariances": {"hessian": -np.eye(2)}}, "negative variance"),
        ({"fixed_by_assumption": {}}, "assumes nothing"),
        ({"fixed_by_assumption": {"x": np.inf}}, "not JSON"),
    ],
)
def test_the_check_finds_a_broken_estimate(change, complaint):
    case = on_table(wayward(**change), WORLD, PAIRS)
    with pytest.raises(AssertionError, match=complaint):
        check_method("max_causal_entropy", case)


def test_the_check_finds_bad_manners():
    def vandal(demos, world, features):
        estimate = max_causal_entropy(demos, world, features)
        features.values[0, 0, 0] += 1.0
        return estimate

    own = FeatureMap(values=PHI.copy(), names=PAIRS.names)
    with pytest.raises(AssertionError, match="changed its inputs"):
        check_method("max_causal_entropy", on_table(vandal, WORLD, own))

    calls = iter(range(100))

    def moody(demos, world, features):
        estimate = max_causal_entropy(demos, world, features)
        return replace(estimate, weights=estimate.weights + next(calls))

    with pytest.raises(AssertionError, match="another answer the second time"):
        check_method("max_causal_entropy", on_table(moody, WORLD, PAIRS))

    lenient = replace(CASES["max_causal_entropy"], misfits={"anything": lambda: None})
    with pytest.raises(AssertionError, match="anything is not refused"):
        check_method("max_causal_entropy", lenient)
    with pytest.raises(AssertionError, match="not a RewardEstimate"):
        check_method(
            "x",
            replace(
                lenient, fit=lambda demos: None if len(demos) else max_causal_entropy(demos, WORLD, PAIRS)
            ),
        )
