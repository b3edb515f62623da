"""Recorded rollouts: ends kept apart, and no step in which a vector environment only reset.

The environments count: an episode of environment ``i`` starts at ``100 * i`` and every step adds 1, so that a step
that leads from one episode into the next is seen. Real ones are recorded where Gymnasium is installed.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.rollouts import record_rollouts
from telic.errors import DataError, SettingsError


class Counter:
    """Ends by itself after 3 steps in even episodes; is cut off after 5 in odd ones."""

    spec = SimpleNamespace(to_json=lambda: '{"id": "Counter-v0"}')

    def __init__(self, start: int = 0) -> None:
        self.start, self.episode, self.seeds = start, -1, []
        self.place = np.zeros(1)

    def reset(self, *, seed: int | None = None, options: object = None):
        self.seeds.append(seed)
        self.episode += 1
        self.place[:] = self.start
        return self.place, {}

    def step(self, action):
        self.place += 1  # the same array every time, as many environments do
        gone = self.place[0] - self.start
        return self.place, 1.0, bool(self.episode % 2 == 0 and gone >= 3), bool(gone >= 5), {}


class Counters:
    """A vector of counters in one of Gymnasium's autoreset modes."""

    def __init__(self, n: int, mode: str) -> None:
        self.num_envs, self.mode = n, mode
        self.envs = [Counter(100 * i) for i in range(n)]
        self.metadata = {"autoreset_mode": SimpleNamespace(value=mode)}
        self.ended = np.zeros(n, dtype=bool)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        mask = np.ones(self.num_envs, bool) if not options else options["reset_mask"]
        for env in (e for e, m in zip(self.envs, mask, strict=True) if m):
            env.reset(seed=seed)
        return np.stack([env.place for env in self.envs]), {}

    def step(self, actions):
        after, rewards, terminated, truncated, final = [], [], [], [], []
        for i, env in enumerate(self.envs):
            last = None
            if self.mode == "NextStep" and self.ended[i]:
                (obs, _), told = env.reset(), (0.0, False, False)
            else:
                obs, *told, _ = env.step(actions[i])
                if self.mode == "SameStep" and (told[1] or told[2]):
                    last = obs.copy()
                    obs, _ = env.reset()
            after.append(obs.copy())
            final.append(last)
            for kept, value in zip((rewards, terminated, truncated), told, strict=True):
                kept.append(value)
        self.ended = np.array(terminated) | np.array(truncated)
        return (
            np.stack(after),
            np.array(rewards),
            np.array(terminated),
            np.array(truncated),
            {"final_obs": final},
        )


def loaded(path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as raw:
        return dict(raw)


def test_ends_are_kept_apart_and_seeds_are_given_once(tmp_path):
    env = Counter()
    told = record_rollouts(env, lambda obs: obs[0] % 2, tmp_path / "r.npz", episodes=3, key=7)
    raw = loaded(tmp_path / "r.npz")
    assert raw["ep_id"].tolist() == [0] * 3 + [1] * 5 + [2] * 3
    assert raw["obs"].ravel().tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2]
    assert raw["next_obs"].ravel().tolist() == [1, 2, 3, 1, 2, 3, 4, 5, 1, 2, 3]
    assert np.flatnonzero(raw["terminated"]).tolist() == [2, 10]
    assert np.flatnonzero(raw["truncated"]).tolist() == [7]
    assert env.seeds == [7, None, None]
    assert (told.n_episodes, told.n_steps, told.n_terminated) == (3, 11, 2)
    assert told.env_spec == '{"id": "Counter-v0"}'


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_no_step_of_a_vector_leads_into_the_next_episode(tmp_path, mode):
    record_rollouts(Counters(2, mode), lambda obs: np.ones(len(obs)), tmp_path / "r.npz", episodes=5)
    raw = loaded(tmp_path / "r.npz")
    # Three episodes of each, whatever their lengths: 3, 5 and 3 steps.
    assert np.bincount(raw["ep_id"]).tolist() == [3, 5, 3, 3, 5, 3]
    assert (raw["next_obs"] - raw["obs"] == 1).all()
    assert raw["obs"].ravel().tolist() == [
        start + k for start in (0, 100) for length in (3, 5, 3) for k in range(length)
    ]
    ends = np.append(np.diff(raw["ep_id"]) > 0, True)
    assert (raw["terminated"] | raw["truncated"]).tolist() == ends.tolist()
    assert (raw["rews"] == 1.0).all()


def test_what_is_recorded_is_read_by_contract(tmp_path):
    record_rollouts(Counter(), lambda _: 1, tmp_path / "r.npz", episodes=4)
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "count"},
            "observations": [{"name": "place", "column": "obs"}],
            "actions": {"column": "acts", "type": "integer", "values": [0, 1]},
            "outcomes": {"terminated": "terminated"},
            "data": {"format": "npz-episodes", "trajectory": ["ep_id"], "origin": "policy"},
        }
    )
    demos = read_demonstrations(contract, tmp_path / "r.npz")
    assert np.diff(demos.offsets).tolist() == [3, 5, 3, 5]
    assert demos.terminated.tolist() == [True, False, True, False]


def test_an_episode_without_end_is_cut_off_and_not_called_ended(tmp_path):
    told = record_rollouts(Counter(), lambda _: 0, tmp_path / "r.npz", episodes=2, max_steps=2)
    assert (told.n_steps, told.n_terminated) == (4, 0)
    assert loaded(tmp_path / "r.npz")["truncated"].tolist() == [False, True, False, True]
    with pytest.raises(DataError, match="has not ended after 2 steps"):
        record_rollouts(
            Counters(2, "NextStep"), lambda o: o[:, 0], tmp_path / "v.npz", episodes=2, max_steps=2
        )


def test_what_cannot_be_recorded_is_refused(tmp_path):
    silent = Counters(2, "NextStep")
    silent.metadata = {}
    with pytest.raises(SettingsError, match="does not say how it resets"):
        record_rollouts(silent, lambda o: o, tmp_path / "r.npz", episodes=1)
    with pytest.raises(SettingsError, match="at least 1, got 0"):
        record_rollouts(Counter(), lambda _: 0, tmp_path / "r.npz", episodes=0)
    with pytest.raises(DataError, match="acts of the environment are no numbers"):
        record_rollouts(Counter(), lambda _: None, tmp_path / "r.npz", episodes=1)
    assert not (tmp_path / "r.npz").exists()


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_real_cartpoles_in_every_mode(tmp_path, mode):
    gym = pytest.importorskip("gymnasium", reason="Gymnasium is not installed (telic[robots])")
    kwargs = {"autoreset_mode": getattr(gym.vector.AutoresetMode, mode)}
    env = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync", vector_kwargs=kwargs)
    rng = np.random.default_rng(0)
    record_rollouts(env, lambda obs: rng.integers(0, 2, len(obs)), tmp_path / "r.npz", episodes=12, key=3)
    raw = loaded(tmp_path / "r.npz")
    # x after = x + .02 v, in float32: no step leads from one episode into another.
    moved = raw["obs"][:, 0] + 0.02 * raw["obs"][:, 1]
    np.testing.assert_allclose(raw["next_obs"][:, 0], moved, atol=1e-5)
    assert len(np.unique(raw["ep_id"])) == 12
    assert int(raw["terminated"].sum() + raw["truncated"].sum()) == 12
