"""Actions that the contract does not have."""

from __future__ import annotations

import pytest

from telic.errors import DataError
from telic.trajectories import Demonstrations


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            "rest",
            r"The contract has 2 actions; 1 of 96 rows hold others: `rest` \(first in log\.csv line 4\)",
        ),
        ("Repair", r"Did you mean `repair`"),
        ("", r"The action \(column `action`\) is missing in 1 of 96 rows: log\.csv line 4"),
    ],
)
def test_in_a_log(door, lines, action, message):
    door.refuses_log(
        "\n".join([*lines[:3], f"m000,172800,2,{action}", *lines[4:]]) + "\n", message=message, hint="."
    )


@pytest.mark.parametrize("index", [2, -1])
def test_in_hand(index):
    with pytest.raises(DataError, match=rf"indices below 2; 1 rows are not \(first: row 1, action {index}\)"):
        Demonstrations.from_arrays([0, 0], [0, index], action_labels=("run", "repair"))


def test_a_world_with_fewer_actions():
    import numpy as np

    from telic.features import FeatureMap
    from telic.inference.likelihood import DiscountedLikelihood
    from telic.mdp import TabularMDP

    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5)
    features = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("x",), units=("",))
    demos = Demonstrations.from_arrays([0, 0], [0, 2], action_labels=("a", "b", "c"))
    with pytest.raises(DataError, match=r"Actions must lie in \[0, 2\), got 2"):
        DiscountedLikelihood(world, features, demos)
