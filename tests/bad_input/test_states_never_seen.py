"""States and pairs that no decision ever showed are counted; what rests on neighbours is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from telic.errors import DataError
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations


def test_cells_that_nobody_visited(door, telic):
    door.contract("high: 5", "high: 9")
    assert telic("ingest", door.folder).status == 0
    told = telic("infer", door.folder, "--quick", "--json")
    assert told.status == 0
    seen = " ".join(finding["message"] for finding in json.loads(told.out)["findings"])
    assert "were never seen; their dynamics rest on their neighbours" in seen


def test_check_counts_them(door, telic):
    result = json.loads(telic("check", door.folder, "--json").out)
    assert result["n_states"] == 6
    assert result["n_states_seen"] <= 6
    codes = {finding["code"]: finding["message"] for finding in result["findings"]}
    assert any("seen" in message for message in codes.values())


@pytest.mark.parametrize("state", [3, -1])
def test_a_state_that_the_world_does_not_have(state):
    world = TabularMDP.from_transition(np.full((3, 2, 3), 1 / 3), discount=0.5)
    features = FeatureMap(values=np.arange(6.0).reshape(3, 2, 1), names=("a",), units=("",))
    demos = Demonstrations.from_arrays([0, 1], [0, 1], action_labels=("l", "r"))
    object.__setattr__(demos, "states", np.array([0, state], dtype=np.int32))
    with pytest.raises(
        DataError, match=rf"States must lie in \[0, 3\); 1 rows do not \(first: row 1, state {state}"
    ):
        DiscountedLikelihood(world, features, demos)
