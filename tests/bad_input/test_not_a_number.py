"""NaN, infinity and text where numbers belong are refused with file and line, never filled in."""

from __future__ import annotations

import numpy as np
import pytest
from machines import CONTRACT

from telic import StateSpace
from telic.datasets import parse_contract
from telic.errors import DataError, FeatureError
from telic.features import FeatureMap
from telic.planning import solve_soft
from telic.reports import Outcome
from telic.trajectories import Demonstrations


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("nan", r"`wear` is missing \(or NaN\) in 1 of 96 rows: log\.csv line 4", "missing"),
        ("", r"`wear` is missing \(or NaN\) in 1 of 96 rows: log\.csv line 4", "missing"),
        ("inf", r"`wear`.*1 of 96 values is not", "."),
        ("much", r"`wear`.*'much' in log\.csv line 4", "."),
        ("1.5", r"must hold integers.*'1\.5' in log\.csv line 4", "."),
    ],
)
def test_in_a_log(door, lines, value, message, hint):
    door.refuses_log(
        "\n".join([*lines[:3], f"m000,172800,{value},run", *lines[4:]]) + "\n", message=message, hint=hint
    )


def test_in_hand():
    contract = parse_contract(CONTRACT)
    demos = Demonstrations.from_arrays([0, 1, 2], [0, 0, 1], action_labels=("run", "repair"))
    measured = {"wear": np.array([0.0, np.nan, 2.0])}
    with pytest.raises(DataError, match="`wear` must be finite; 1 values are not"):
        StateSpace.from_contract(contract, with_observations(demos, measured)).encode(
            with_observations(demos, measured)
        )
    with pytest.raises(DataError, match="must hold numbers or truth values, got <U1"):
        with_observations(demos, {"wear": np.array(["a", "b", "c"])})
    with pytest.raises(FeatureError, match="Feature values must be finite"):
        FeatureMap(values=np.array([[[np.nan]]]), names=("wear",), units=("step",))


def with_observations(demos, observations):
    from dataclasses import replace

    return replace(demos, observations=observations, states=None, next_states=None)


def test_a_feature_that_is_not_finite_names_the_place(door):
    door.contract('expression: "wear"', 'expression: "log(wear)"')
    door.refuses(
        "infer",
        door.folder,
        status=6,
        message=r"Feature `wear`: 'log\(wear\)' is not finite .* wear = 0",
        hint="Guard",
    )


def test_a_reward_that_is_not_finite_is_no_value():
    from telic.mdp import TabularMDP

    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5)
    solution = solve_soft(world, np.array([[0.0, np.nan]]))
    assert solution.outcome is Outcome.NON_FINITE
    assert np.isnan(solution.value).all()
