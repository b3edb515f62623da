import os
from pathlib import Path

import numpy as np
import pytest

from telic.errors import DataError, ImpossibleDemonstrationsError, SettingsError
from telic.imitation import behavioural_cloning
from telic.policies import HistoryPolicy, TabularPolicy, previous_states
from telic.trajectories import Demonstrations

MICE = Path(os.environ.get("TELIC_DATA", "../shared/data")) / "mice_labyrinth"


def demos_of(states, actions, offsets=None, **rest):
    return Demonstrations.from_arrays(states, actions, offsets=offsets, **rest)


def test_order_one_is_the_smoothed_frequency():
    policy = behavioural_cloning(demos_of([0, 0, 0, 1], [0, 0, 1, 1]), 3, 2)
    assert isinstance(policy, TabularPolicy)
    # (2 + .5) / 4, (1 + .5) / 4; (0 + .5) / 2, (1 + .5) / 2; unseen: uniform
    np.testing.assert_allclose(policy.table, [[0.625, 0.375], [0.25, 0.75], [0.5, 0.5]])


def test_weights_count_as_repeats():
    repeated = behavioural_cloning(demos_of([0, 0, 0, 1], [0, 0, 1, 1]), 2, 2)
    weighted = behavioural_cloning(demos_of([0, 0, 1], [0, 1, 1], weights=[2.0, 1.0, 1.0]), 2, 2)
    np.testing.assert_allclose(weighted.table, repeated.table)


def test_unavailable_actions_get_nothing():
    available = np.array([[True, True, False], [False, True, True]])
    policy = behavioural_cloning(demos_of([0, 0], [0, 1]), 2, 3, available=available)
    np.testing.assert_allclose(policy.table, [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    with pytest.raises(ImpossibleDemonstrationsError, match="row 1, state 1, action 0"):
        behavioural_cloning(demos_of([0, 1], [0, 0]), 2, 3, available=available)


def test_without_smoothing_unseen_states_have_no_support():
    policy = behavioural_cloning(demos_of([0], [1]), 2, 2, smoothing=0.0)
    np.testing.assert_array_equal(policy.table, [[0.0, 1.0], [0.0, 0.0]])
    assert np.isneginf(policy.decision_log_probs(demos_of([0, 1], [0, 1]))).all()


def test_order_two_conditions_on_the_previous_state():
    demos = demos_of([0, 1, 0, 1, 1, 0], [1, 0, 1, 1, 0, 0], offsets=[0, 4, 6])
    assert previous_states(demos).tolist() == [-1, 0, 1, 0, -1, 1]
    policy = behavioural_cloning(demos, 2, 2, order=2, smoothing=0.5)
    assert isinstance(policy, HistoryPolicy)
    # pairs: (-1,0): action 1 once; (-1,1): 0 once; (0,1): 0 once, 1 once; (1,0): 1 once, 0 once; (1,1): never
    wanted = {
        (-1, 0): [0.25, 0.75],
        (-1, 1): [0.75, 0.25],
        (0, 1): [0.5, 0.5],
        (1, 0): [0.5, 0.5],
        (1, 1): [0.5, 0.5],
    }
    for (before, now), row in wanted.items():
        got = policy.probabilities(np.array([before], np.int32), np.array([now], np.int32))
        np.testing.assert_allclose(got, [row])
    logs = policy.decision_log_probs(demos)
    np.testing.assert_allclose(logs, np.log([0.75, 0.5, 0.5, 0.5, 0.75, 0.5]))


def test_log_probs_of_decisions_agree_with_the_table():
    rng = np.random.default_rng(3)
    states, actions = rng.integers(0, 5, 200), rng.integers(0, 3, 200)
    demos = demos_of(states, actions, offsets=[0, 50, 200])
    policy = behavioural_cloning(demos, 5, 3)
    np.testing.assert_allclose(policy.decision_log_probs(demos), np.log(policy.table[states, actions]))
    timed = TabularPolicy(table=np.repeat(policy.table[None], 150, axis=0))
    np.testing.assert_allclose(timed.decision_log_probs(demos), policy.decision_log_probs(demos))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"smoothing": -1.0}, SettingsError, "smoothing"),
        ({"smoothing": float("nan")}, SettingsError, "smoothing"),
        ({"order": 3}, SettingsError, "`order` must be 1 or 2, got 3"),
        ({"n_states": 1}, DataError, r"States must lie in \[0, 1\); 1 rows"),
        ({"n_actions": 1}, DataError, "Actions must lie in"),
        ({"available": np.ones((3, 2), bool)}, DataError, "shape"),
    ],
)
def test_bad_input_is_refused(change, error, text):
    call = {"n_states": 2, "n_actions": 2, **change}
    with pytest.raises(error, match=text):
        behavioural_cloning(demos_of([0, 1], [1, 0]), **call)


def test_empty_demonstrations_are_refused():
    with pytest.raises(DataError, match="at least one decision"):
        behavioural_cloning(demos_of([], []), 2, 2)


@pytest.mark.skipif(not MICE.is_dir(), reason=f"no mouse data at {MICE}; set TELIC_DATA")
def test_mice_match_the_published_recalculation():
    # CERTIFICATION R3; tolerance 2e-3 as stated there.
    sequences = np.load(MICE / "emissions500new.npy").astype(int)
    successor = np.load(MICE / "trans_probs.npy").argmax(axis=2)
    is_test = np.arange(len(sequences)) % 5 == 0
    first_same = (successor[:, :, None] == successor[:, None, :]).argmax(axis=2)
    available = first_same == np.arange(4)

    def part(chosen, merged):
        node, action = sequences[chosen][..., 0].ravel(), sequences[chosen][..., 1].ravel()
        action = first_same[node, action] if merged else action
        return demos_of(node, action, offsets=np.arange(0, len(node) + 1, 500))

    def nats(order, merged):
        mask = available if merged else None
        policy = behavioural_cloning(part(~is_test, merged), 127, 4, order=order, available=mask)
        return policy.decision_log_probs(part(is_test, merged)).mean()

    assert nats(1, False) == pytest.approx(-0.8750, abs=2e-3)
    assert nats(1, True) == pytest.approx(-0.8743, abs=2e-3)
    assert nats(2, True) == pytest.approx(-0.6814, abs=2e-3)
