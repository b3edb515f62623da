"""Constraint inference: the planted is found, nothing is found in vain, and mistakes are told."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, SettingsError
from telic.features import FeatureMap
from telic.inference import ConstraintSettings, infer_constraints
from telic.inference.constraint_worlds import Constraint, forbid, possible_constraints
from telic.mdp import GoalConditionedMDP, TabularMDP
from telic.mdp.library import chain
from telic.planning import simulate, solve_soft
from telic.reports import Outcome
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def proof(project_root: Path):
    """The reproduction, whose data sets are used here in reduced numbers."""
    path = project_root / "reproductions" / "constraints.py"
    spec = importlib.util.spec_from_file_location("constraints_reproduction", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["constraints_reproduction"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("known", [True, False])
def test_the_planted_constraint_is_found_beside_the_reward(proof, known: bool) -> None:
    demos, world, features, weights, pair = proof.draw(True, 40, proof.KEY + 3)
    answer = infer_constraints(demos, world, features, weights=weights if known else None)
    assert answer.outcome.ok
    first = answer.found[0]
    assert (first.constraint.state, first.constraint.action) == pair
    assert first.log_ratio >= first.needed
    assert first.expected_uses > 5
    assert not answer.world.availability[pair]
    assert f"never {pair[1]} in state {pair[0]}" in answer.summary().headline
    assert answer.to_json()["found"][0]["words"] == first.words
    assert answer.findings[0].code == "constraint-or-dislike"
    if not known:
        errors = answer.after.standard_errors()
        assert np.all(np.abs(answer.after.weights - weights) < 4 * errors)
        assert np.max(np.abs(answer.before.weights - weights) / answer.before.standard_errors()) > 4
        text = answer.summary().to_text()
        assert "weight without constraints" in text
        assert "universal inference" in text


def test_the_gain_is_that_of_all_demonstrations(proof) -> None:
    from telic.inference.likelihood import DiscountedLikelihood

    demos, world, features, weights, pair = proof.draw(True, 10, proof.KEY + 4)
    settings = ConstraintSettings(kinds=("state-action",), most=1)
    first = infer_constraints(demos, world, features, weights=weights, settings=settings).found[0]
    forbidden = np.zeros((8, 3), dtype=bool)
    forbidden[pair] = True
    smaller, _ = forbid(world, forbidden)
    gain = (
        DiscountedLikelihood(smaller, features, demos).evaluate(weights).value
        - DiscountedLikelihood(world, features, demos).evaluate(weights).value
    )
    assert first.gain * 10 == pytest.approx(gain, abs=1e-9)


def test_nothing_is_found_in_vain(proof) -> None:
    """Reduced: 4 clean data sets with the reward known, 3 with it estimated (200 each in the reproduction)."""
    assert proof.measure("clean", True, 4)["wrong"]["hits"] == 0
    assert proof.measure("clean", False, 3)["wrong"]["hits"] == 0


def test_what_leads_only_to_the_forbidden_is_forbidden_too() -> None:
    """0 -> 1 -> 2 by action 0, back to 0 by action 1 from 0 only: without 2 nothing is left in 1."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 0] = P[1, :, 2] = P[2, :, 2] = 1.0
    world = TabularMDP.from_transition(P, discount=0.9)
    smaller, allowed = forbid(world, Constraint(kind="state", state=2).pairs(world))
    assert allowed.tolist() == [[False, True], [False, False], [False, False]]
    assert smaller.availability[0].tolist() == [False, True]
    kinds = ("state-action", "action", "state")
    assert len(possible_constraints(world, kinds)) == 6 + 2 + 3


def test_words_use_the_labels() -> None:
    world = chain().mdp
    assert Constraint(kind="state-action", state=1, action=0).words(world) == "never stay in state on"
    assert Constraint(kind="action", action=1).words(world) == "never switch"
    assert Constraint(kind="state", state=0).words(world) == "never enter state off"


def test_a_dislike_without_limit_is_no_constraint_and_no_answer() -> None:
    """Action 2 is never taken, and a feature tells it apart: whether it is forbidden or hated shows in no choice."""
    rng = np.random.default_rng(2)
    P, taste = rng.dirichlet(np.ones(4), size=(4, 3)), rng.normal(size=(4, 3, 1))
    open_world = TabularMDP.from_transition(P, discount=0.8, initial=np.full(4, 0.25))
    narrow = TabularMDP.from_transition(P[:, :2], discount=0.8, initial=np.full(4, 0.25))
    demos = simulate(narrow, solve_soft(narrow, taste[:, :2, 0]).policy, 12, 8, key=1)
    told = np.broadcast_to(np.array([0.0, 0.0, 1.0])[None, :, None], (4, 3, 1))
    features = FeatureMap(values=np.concatenate([taste, told], axis=2), names=("taste", "third"))
    answer = infer_constraints(demos, open_world, features)
    assert answer.found == ()
    assert answer.outcome is Outcome.SEPARATION
    assert answer.summary().headline.startswith("Not an answer (separation): no constraint was found.")
    assert [f.code for f in answer.findings] == ["constraint-not-tested"]
    assert "third tells what is never done" in answer.findings[0].message
    assert "Leave such a feature out" in answer.findings[0].hint
    without = infer_constraints(demos, open_world, FeatureMap(values=taste, names=("taste",)))
    assert [c.words for c in without.found] == ["never 2"]


def test_mistakes_at_the_door() -> None:
    world = chain().mdp
    one = Demonstrations.from_arrays([0, 1], [0, 1], offsets=[0, 2])
    with pytest.raises(SettingsError, match=r"`weights` must be finite, got \[nan\]"):
        infer_constraints(
            one,
            world,
            FeatureMap(values=np.ones((world.n_states, 1)), names=("a",), form="S"),
            weights=np.array([np.nan]),
        )
    world = chain().mdp
    features = FeatureMap(values=chain().features, names=("on",))
    demos = Demonstrations.from_arrays([0, 1, 1, 0], [1, 0, 1, 0], next_states=[1, 1, 0, 0])
    with pytest.raises(DataError, match="cannot both be had from one trajectory"):
        infer_constraints(demos, world, features)
    with pytest.raises(SettingsError, match=r"`weights` must be 1 numbers, one a feature, got shape \(2,\)"):
        infer_constraints(demos, world, features, weights=np.ones(2))
    with pytest.raises(SettingsError, match="`kinds` must be some of state-action, action, state"):
        ConstraintSettings(kinds=("path",))
    with pytest.raises(SettingsError, match="`most` must be at least 1"):
        ConstraintSettings(most=0)
    goals = GoalConditionedMDP(transition=world.transition, n_actions=2, goals=np.array([1], dtype=np.int32))
    with pytest.raises(DynamicsError, match="cannot be inferred in a world of type GoalConditionedMDP"):
        infer_constraints(demos, goals, features)
    everything = infer_constraints(demos, world, features, weights=np.ones(1))
    assert everything.found == ()
    assert "Everything that could be forbidden was done" in everything.findings[0].message
