"""A sweep: the same runs by one process and by Ray workers, done once, and gone on with where they were killed."""

from __future__ import annotations

import importlib.util
import os
import signal

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import SettingsError, TemporaryError  # noqa: E402
from telic.neural import driver  # noqa: E402
from telic.neural.simulators import cartpole  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.reports import Outcome  # noqa: E402
from telic.workflows.sweep import Run, sweep  # noqa: E402

SMALL = Ppo(simulator=cartpole(), n_envs=4, n_steps=4, n_minibatches=2, hidden=(8,), n_updates=9.0)
RUNS = [Run(learner=SMALL, key=key, n_steps=3) for key in (0, 1)]


def same(a, b) -> None:
    for one, other in zip(a, b, strict=True):
        assert (one.n_steps, one.outcome) == (other.n_steps, other.outcome)
        for x, y in zip(one.policy.layers, other.policy.layers, strict=True):
            np.testing.assert_array_equal(x.weight, y.weight)
            np.testing.assert_array_equal(x.bias, y.bias)
        for name in one.history:
            np.testing.assert_array_equal(one.history[name], other.history[name])


def test_what_is_finished_is_read_and_not_done_again(tmp_path, monkeypatch) -> None:
    seen = []
    found = sweep(RUNS, tmp_path, progress=lambda *told: seen.append(told[1:3]))
    assert seen == [(1, 2), (2, 2)]
    assert [r.n_steps for r in found] == [3, 3] and {r.outcome for r in found} == {Outcome.SUCCESS}
    assert not np.array_equal(found[0].policy.layers[0].weight, found[1].policy.layers[0].weight)
    monkeypatch.setattr(driver, "train", None)
    same(found, sweep(RUNS, tmp_path))


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_end(tmp_path, killed_at) -> None:
    """Killed right after a checkpoint, the last one among them, and stopped by a metric: one history, one end."""

    def enough(metrics):
        return metrics["n_episodes"] >= enough.most

    enough.most = np.inf
    whole = sweep(RUNS[:1], tmp_path / "whole", every=1)[0]
    enough.most = whole.history["n_episodes"][1]
    n_whole = 1 + int(np.argmax(whole.history["n_episodes"] >= enough.most))
    whole = sweep(RUNS[:1], tmp_path / "stopped", every=1, stop=enough)[0]
    assert whole.n_steps == n_whole

    class Killed(BaseException):
        pass

    def dies(metrics):
        dies.n += 1
        if dies.n == killed_at:
            raise Killed
        return enough(metrics)

    dies.n = 0
    try:
        sweep(RUNS[:1], tmp_path / "killed", every=1, stop=dies)
        assert killed_at > n_whole
    except Killed:
        pass
    same([whole], sweep(RUNS[:1], tmp_path / "killed", every=1, stop=enough))


def test_nothing_and_the_same_twice_are_refused(tmp_path) -> None:
    with pytest.raises(SettingsError, match="at least one run"):
        sweep([], tmp_path)
    with pytest.raises(SettingsError, match="are the same"):
        sweep([RUNS[0], RUNS[0]], tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="NOT RUN: the extra `ray` is not installed"
)
def test_two_ray_workers_give_what_one_process_gives_and_a_killed_one_loses_nothing(tmp_path) -> None:
    here = sweep(RUNS, tmp_path / "here")

    def shoots_itself(metrics):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(TemporaryError, match="A worker was killed"):
        sweep(RUNS, tmp_path / "there", every=1, stop=shoots_itself, ray=2)
    assert list((tmp_path / "there").glob("key-*/step-000000000001.npz"))
    same(here, sweep(RUNS, tmp_path / "there", ray=2))
