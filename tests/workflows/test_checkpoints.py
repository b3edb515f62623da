"""Checkpoints on the disk: a run goes on as if it had not been stopped, or says why it cannot."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.mdp.library import random_mdp  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole, tabular  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.workflows.checkpoints import Checkpoints, described  # noqa: E402


class WalkState(NamedTuple):
    place: Any
    key: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Walk:
    """A learner that is as small as one can be, and random in every step."""

    length: Any = 1.0

    def init(self, key: Any) -> WalkState:
        return WalkState(jax.numpy.zeros(3), key)

    def step(self, state: WalkState) -> tuple[WalkState, dict[str, Any]]:
        key, now = jax.random.split(state.key)
        place = state.place + self.length * jax.random.normal(now, (3,))
        return WalkState(place, key), {"far": jax.numpy.abs(place).max()}


def test_a_run_goes_on_bit_for_bit(tmp_path) -> None:
    whole = train(Walk(), 5, 9)
    checkpoints = Checkpoints(tmp_path / "run", Walk(), 5)
    assert checkpoints.latest() is None
    train(Walk(), 5, 4, checkpoint=checkpoints)
    again = Checkpoints(tmp_path / "run", Walk(), 5)
    found = train(Walk(), 5, 9, checkpoint=again, resume=again.latest())
    np.testing.assert_array_equal(found.state.place, whole.state.place)
    assert found.n_steps == 9 and found.history["far"].size == 5


def test_a_network_in_training_goes_on_bit_for_bit(tmp_path) -> None:
    learner = Ppo(simulator=cartpole(), n_envs=4, n_steps=4, n_minibatches=2, hidden=(8,), n_updates=9.0)
    whole = train(learner, 1, 4)
    train(learner, 1, 2, checkpoint=Checkpoints(tmp_path, learner, 1))
    found = train(learner, 1, 4, resume=Checkpoints(tmp_path, learner, 1).latest())
    for a, b in zip(whole.state.actor, found.state.actor, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)


def test_the_newest_two_are_kept_and_nothing_else(tmp_path) -> None:
    train(Walk(), 0, 7, checkpoint=Checkpoints(tmp_path, Walk(), 0), every=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000000000006.npz", "step-000000000007.npz"]


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "foreign"])
def test_a_damaged_one_is_passed_over_and_said(tmp_path, damage) -> None:
    train(Walk(), 0, 4, checkpoint=Checkpoints(tmp_path, Walk(), 0), every=3)
    newest = tmp_path / "step-000000000004.npz"
    content = bytearray(newest.read_bytes())
    if damage == "bit":
        place = content.index(b"leaf_0.npy") + 150  # within the numbers of the first array
        content[place] ^= 1
    newest.write_bytes(
        {"cut": content[: len(content) // 2], "bit": content, "empty": b"", "foreign": b"PK no"}[damage]
    )
    checkpoints = Checkpoints(tmp_path, Walk(), 0)
    done, state = checkpoints.latest()
    assert done == 3
    np.testing.assert_array_equal(state.place, train(Walk(), 0, 3).state.place)
    assert [f.code for f in checkpoints.findings] == ["checkpoint-damaged"]
    assert "step-000000000004.npz" in checkpoints.findings[0].message
    (tmp_path / "step-000000000003.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"No checkpoint .* can be read"):
        checkpoints.latest()


def test_another_run_is_refused_by_what_differs(tmp_path) -> None:
    train(Walk(length=2.0), 0, 1, checkpoint=Checkpoints(tmp_path, Walk(length=2.0), 0))
    with pytest.raises(SettingsError, match=r"length was 2\.0, is 3\.0"):
        Checkpoints(tmp_path, Walk(length=3.0), 0).latest()
    with pytest.raises(SettingsError, match="key was 0, is 1"):
        Checkpoints(tmp_path, Walk(length=2.0), 1).latest()


def test_another_form_and_other_arrays_are_refused(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path, Walk(), 0)
    train(Walk(), 0, 1, checkpoint=checkpoints)
    path = tmp_path / "step-000000000001.npz"
    with np.load(path, allow_pickle=False) as archive:
        held = dict(archive)
    about = json.loads(held["about"].tobytes())

    def write(changed):
        content = io.BytesIO()
        text = np.frombuffer(json.dumps({**about, **changed}).encode(), dtype=np.uint8)
        np.savez(content, **{**held, "about": text})
        path.write_bytes(content.getvalue())

    write({"form": 99})
    with pytest.raises(DataError, match="form 99; this version reads form 1"):
        checkpoints.latest()
    write({"leaves": ["float32[4]", about["leaves"][1]]})
    with pytest.raises(DataError, match="not those of a state of this learner"):
        checkpoints.latest()


def test_objects_are_never_loaded(tmp_path) -> None:
    """A file that would need a pickle counts as damaged: nothing in it runs."""
    train(Walk(), 0, 1, checkpoint=Checkpoints(tmp_path, Walk(), 0))
    path = tmp_path / "step-000000000001.npz"
    with np.load(path, allow_pickle=False) as archive:
        held = dict(archive)
    np.savez(path, **{**held, "leaf_0": np.array([{"an": "object"}], dtype=object)})
    with pytest.raises(DataError, match="allow_pickle=False"):
        Checkpoints(tmp_path, Walk(), 0).latest()


def test_worlds_are_told_apart_by_what_they_hold() -> None:
    """Two tables share the names of their functions, not their numbers; a description is the same every time."""
    problem = random_mdp(4, 2, key=0, n_successors=2, discount=0.9)
    mdp = replace(problem.mdp, initial=np.full(4, 0.25))
    reward = np.zeros((4, 2))
    one = Ppo(simulator=tabular(mdp, reward, horizon=9))
    same = Ppo(simulator=tabular(mdp, reward.copy(), horizon=9))
    other = Ppo(simulator=tabular(mdp, reward + np.eye(4)[:, :2], horizon=9))
    assert described(one) == described(same)
    assert described(one) != described(other)
    assert " at 0x" not in str(described(one))
