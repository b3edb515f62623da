"""Features that cannot be weighed are named: those that never differ, and those that move together."""

from __future__ import annotations

import json

import numpy as np

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations


def test_constant(door):
    door.contract('expression: "wear"', 'expression: "3"')
    door.refuses("infer", door.folder, status=6, message="`wear` is 3", hint="Drop")


def test_twice_the_same(door):
    door.contract("tradeoffs:", '  - {name: twice, expression: "2 * wear", unit: half}\ntradeoffs:')
    error = door.refuses("infer", door.folder, status=6, message="`twice`", hint="Drop")
    assert "`wear`" in error


def test_no_features(door):
    text = (door.folder / "contract.yaml").read_text()
    head, _, tail = text.partition("features:")
    (door.folder / "contract.yaml").write_text(head + tail[tail.index("data:") :])
    door.refuses("infer", door.folder, status=6, message="declares no features", hint="`features`")


def world():
    P = np.zeros((3, 2, 3))
    P[:, 0] = np.eye(3)
    P[0, 1, 1] = P[1, 1, 2] = P[2, 1, 0] = 1
    return TabularMDP.from_transition(P, discount=0.9)


def demos():
    return Demonstrations.from_arrays(
        [0, 1, 2, 0, 1, 1], [1, 1, 0, 0, 1, 0], next_states=[1, 2, 2, 0, 2, 1], action_labels=("stay", "go")
    )


def test_in_hand_a_constant_feature_has_no_weight_but_a_name():
    features = FeatureMap(values=np.ones((3, 2, 1)), names=("toll",), units=("EUR",))
    fit = max_causal_entropy(demos(), world(), features)
    assert fit.nullity == 1
    assert any("feature toll makes no difference" in finding.message for finding in fit.findings)
    assert np.isinf(fit.standard_errors("hessian")[0])


def test_in_hand_collinear_features_are_named_with_their_mixture():
    one = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    features = FeatureMap(values=np.stack([one, 2 * one], axis=-1), names=("km", "miles"), units=("km", "mi"))
    fit = max_causal_entropy(demos(), world(), features)
    assert fit.nullity == 1
    assert any("km, miles move together in every choice" in finding.message for finding in fit.findings)
    direction = fit.null_directions[0] * np.sign(fit.null_directions[0][0])
    np.testing.assert_allclose(direction, np.array([2.0, -1.0]) / np.sqrt(5), atol=1e-9)
    assert np.isinf(fit.standard_errors("hessian")).all()


def test_in_the_result_of_the_command(door, telic):
    # Each machine is repaired once more than it is run down: collinear only in what the data show.
    door.contract("tradeoffs:", '  - {name: toll, expression: "1.0 * (wear >= 0)", unit: EUR}\ntradeoffs:')
    told = telic("infer", door.folder, "--json")
    assert told.status == 6
    assert "`toll` is 1" in told.err
    assert not told.out
    assert json.dumps(told.err)  # no control characters that a log could not carry
