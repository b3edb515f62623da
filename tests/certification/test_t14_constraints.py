"""T14, third part: three equal paths, one never used.

With a reward that makes three paths equal, the expert takes each with chance 1/3; forbidding the one that is never
used makes every demonstration 3/2 as likely: a gain of ln 1.5 = 0.405465 nats a demonstration (CERTIFICATION.md,
tolerance 1e-6), whether the first step or the state that only this path has is forbidden.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import ConstraintSettings, infer_constraints
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.trajectories import Demonstrations


def paths(horizon: int | None):
    """State 0 to 1, 2 or 3 by three actions, and from there to 4, where it ends."""
    P = np.zeros((5, 3, 5))
    P[0, [0, 1, 2], [1, 2, 3]] = 1.0
    P[1:4, :, 4] = 1.0
    P[4, :, 4] = 1.0
    available = np.ones((5, 3), dtype=bool)
    available[1:4, 1:] = False
    if horizon:
        return FiniteHorizonMDP.from_transition(P, horizon=horizon, available=available)
    ends = np.array([False, False, False, False, True])
    return TabularMDP.from_transition(P, discount=0.9, available=available, absorbing=ends)


@pytest.mark.parametrize("horizon", [None, 2])
@pytest.mark.parametrize("kind", ["state-action", "state", "action"])
def test_gain_of_the_unused_path(kind: str, horizon: int | None) -> None:
    world = paths(horizon)
    features = FeatureMap(values=np.array([[0.0], [1.0], [1.0], [1.0], [0.0]]), names=("between",), form="S")
    first = np.arange(40) % 2  # the third path is never used
    demos = Demonstrations.from_arrays(
        np.stack([np.zeros(40, dtype=int), first + 1], axis=1).ravel(),
        np.stack([first, np.zeros(40, dtype=int)], axis=1).ravel(),
        next_states=np.stack([first + 1, np.full(40, 4)], axis=1).ravel(),
        offsets=np.arange(41) * 2,
        action_labels=("left", "middle", "right"),
    )
    found = infer_constraints(
        demos, world, features, weights=np.array([0.7]), settings=ConstraintSettings(kinds=(kind,))
    )
    assert len(found.found) == 1
    only = found.found[0]
    assert only.gain == pytest.approx(0.405465, abs=1e-6)
    assert only.gain == pytest.approx(math.log(1.5), abs=1e-12)
    assert only.log_ratio == pytest.approx(40 * math.log(1.5), abs=1e-10)
    assert only.expected_uses == pytest.approx(40 / 3, abs=1e-9)
    assert (only.constraint.state, only.constraint.action) == {
        "state-action": (0, 2),
        "state": (3, None),
        "action": (None, 2),
    }[kind]
