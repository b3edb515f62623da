"""Cloning from observations alone, where the actions that were taken are known to the test and not to the learner."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.imitation.cloning import CloneSettings  # noqa: E402
from telic.imitation.observation_only import ObservationSettings, clone_observations  # noqa: E402
from telic.imitation.streams import EnvironmentStreams, SimulatedStreams  # noqa: E402
from telic.neural.simulators import cartpole  # noqa: E402
from telic.policies.heads import CategoricalHead  # noqa: E402

FAST = CloneSettings(hidden=(32,), n_updates=1_000, every=200, batch=128, learning_rate=3e-3)


def balanced(streams, key, n_steps):
    """Observations and actions of a rule that balances the pole."""
    x = streams.reset(key)
    seen, done = [x], []
    for _ in range(n_steps):
        taken = (x[:, 2] + 0.3 * x[:, 3] + 0.05 * x[:, 1] > 0).astype(int)
        made = streams.step(taken)
        assert not made.is_over.any()
        x = made.following
        seen.append(x)
        done.append(taken)
    return np.stack(seen, axis=1), np.stack(done, axis=1)


@pytest.mark.slow
def test_actions_are_read_from_what_they_led_to_and_the_policy_is_that_of_the_rule() -> None:
    """1,000 random decisions on the pole tell the action of each of 480 unseen steps."""
    streams = SimulatedStreams(cartpole(), 8)
    seen, done = balanced(streams, key=3, n_steps=60)
    offsets = np.arange(0, 8 * 61 + 1, 61)
    found = clone_observations(
        seen.reshape(-1, 4),
        offsets,
        streams,
        head=CategoricalHead(n_actions=2),
        settings=ObservationSettings(n_tried=1_000, n_rounds=2, inverse=FAST, cloning=FAST),
    )
    assert found.rows.tolist() == [i for i in range(8 * 61) if i % 61 != 60]
    assert np.mean(found.actions == done.ravel()) > 0.99
    assert found.sureness.min() > 0.5
    assert found.n_tried == 1_008
    rule = done.ravel()
    assert np.mean(found.cloned.policy.mode(seen[:, :-1].reshape(-1, 4)) == rule) > 0.93


def test_nothing_to_read_and_bad_settings_are_refused() -> None:
    streams = SimulatedStreams(cartpole(), 2)
    with pytest.raises(DataError, match="No trajectory has two observations"):
        clone_observations(np.zeros((2, 4)), [0, 1, 2], streams, head=CategoricalHead(n_actions=2))
    with pytest.raises(SettingsError, match="at least one round and one decision each, got 3 and 2"):
        ObservationSettings(n_tried=2, n_rounds=3)


def test_streams_of_environments_are_those_of_the_compiled_world() -> None:
    """One decision from the same states: what follows, rewards and ends; and a new episode after an end."""
    gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")
    streams = EnvironmentStreams([gym.make("CartPole-v1") for _ in range(2)])
    first = streams.reset(4)
    np.testing.assert_array_equal(first, streams.reset(4))
    for _ in range(12):
        made = streams.step(np.array([1, 0]))
        if made.is_over.any():
            break
    which = int(np.flatnonzero(made.is_over)[0])
    assert abs(made.after[which, 2]) > 0.2095
    assert np.all(np.abs(made.following[which]) <= 0.05)


def test_an_environment_that_breaks_is_named() -> None:
    class Broken:
        def reset(self, seed=None):
            return np.array([0.0, np.nan]), {}

    class Sound:
        def reset(self, seed=None):
            return np.zeros(2), {}

    with pytest.raises(DataError, match="The environment of stream 1 gave an observation that is not finite"):
        EnvironmentStreams([Sound(), Broken()]).reset(0)
