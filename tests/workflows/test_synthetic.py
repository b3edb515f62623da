"""Synthetic trajectories: coverage rises, they are marked, nothing learns from them unknowingly, and fidelity gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from replayed import contract

from telic.datasets.joined import joined
from telic.datasets.store import DatasetStore
from telic.errors import DataError, SettingsError
from telic.mdp import StateSpace
from telic.trajectories import ORIGINS, Demonstrations
from telic.workflows.problem import pose
from telic.workflows.synthetic import is_synthetic, synthetic_trajectories


def careful(key=0, N=240, T=20, *, delay=False):
    """Three loads, four numbers of pods; nobody ever removes the last pod, so three of twelve states are never seen.

    ``delay``: what is done takes effect a decision later, which states of the moment do not know.
    """
    rng = np.random.default_rng(key)
    load, pods = rng.integers(0, 3, (N, T + 1)), np.zeros((N, T + 1), dtype=np.int64)
    pods[:, 0] = rng.integers(1, 4, N)
    actions = np.zeros((N, T), dtype=np.int64)
    for t in range(T):
        actions[:, t] = np.where(pods[:, t] > 1, rng.integers(0, 3, N), rng.integers(1, 3, N))
        step = actions[:, max(0, t - delay)] - 1
        pods[:, t + 1] = np.clip(pods[:, t] + step, 1 if delay else 0, 3)
    n = N * T
    return Demonstrations(
        actions=actions.ravel().astype(np.int32),
        offsets=np.arange(N + 1) * T,
        action_labels=("remove", "hold", "add"),
        observations={"load": load[:, :-1].ravel(), "pods": pods[:, :-1].ravel()},
        next_observations={"load": load[:, 1:].ravel(), "pods": pods[:, 1:].ravel()},
        next_known=np.ones(n, dtype=bool),
        times=np.tile(np.arange(T, dtype=float), N),
        trajectory_ids=np.array([f"t{i}" for i in range(N)], dtype=object),
        demonstrators=np.zeros(N, dtype=np.int32),
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )


@pytest.fixture(scope="module")
def log():
    return careful()


@pytest.fixture(scope="module")
def made(log):
    return synthetic_trajectories(contract(), log, per_state=5, n_steps=8, key=3)


def test_coverage_rises_to_every_state(made, log):
    assert made.fidelity.verdict == "faithful"
    assert made.coverage_before == 9 / 12
    assert made.coverage_after == 1.0
    assert made.unreached == ()
    assert set(np.unique(log.observations["pods"])) == {1, 2, 3}
    assert set(made.demos.observations["pods"][made.demos.offsets[:-1]]) == {0}
    assert len(made.demos) == 3 * 5


def test_the_exogenous_values_are_those_of_the_log(made, log):
    """Load follows a stretch of the log: each synthetic sequence of loads is somewhere in it."""
    lived = {
        tuple(log.observations["load"][a:b]) for a, b in zip(log.offsets[:-1], log.offsets[1:], strict=True)
    }
    for i in range(len(made.demos)):
        mine = tuple(made.demos.observations["load"][made.demos.offsets[i] : made.demos.offsets[i + 1]])
        assert any(mine == t[k : k + len(mine)] for t in lived for k in range(len(t)))


def test_what_the_simulator_says_there_is_told_as_borrowed_and_is_mostly_right(made):
    """The truth is known here: pods do what the action says."""
    d = made.demos
    wanted = np.clip(d.observations["pods"] + d.actions - 1, 0, 3)
    right = d.next_observations["pods"] == wanted
    strange = d.observations["pods"] == 0
    assert right[~strange].mean() > 0.95
    assert right[strange & (d.actions > 0)].mean() > 0.7
    assert made.borrowed == pytest.approx(strange.mean(), abs=0.05)  # and removing the last pod, once
    assert f"{made.borrowed:.0%} of their decisions" in d.findings[0].message


def test_they_are_marked_and_nothing_learns_from_them_unless_told(made, log, tmp_path):
    assert {ORIGINS[o] for o in made.demos.origins} == {"policy"}
    assert made.demos.demonstrator_names == ("simulator",)
    both = joined([log, unencoded(made.demos)])
    assert is_synthetic(both).sum() == len(made.demos)
    assert not is_synthetic(both)[: len(log)].any()
    store = DatasetStore(tmp_path)
    back = store.load(store.publish(both))
    assert is_synthetic(back).tolist() == is_synthetic(both).tolist()
    learned = pose(contract(), back)
    n = learned.train.n_decisions + learned.held_out.n_decisions
    assert n == log.n_decisions
    asked = pose(contract(), back, origins=("human", "unknown", "policy"))
    assert asked.train.n_decisions + asked.held_out.n_decisions == back.n_decisions
    assert "origin-policy" in {f.code for f in asked.train.findings}


def unencoded(demos):
    """Without states, as the log is before it is encoded."""
    return replace(demos, states=None, next_states=None)


def test_nothing_is_made_by_a_simulator_that_does_not_imitate_the_log():
    with pytest.raises(DataError, match="does not imitate it") as caught:
        synthetic_trajectories(contract(), careful(delay=True))
    assert caught.value.data["verdict"] == "unfaithful"
    with pytest.raises(DataError, match="cannot be told from so few") as caught:
        synthetic_trajectories(contract(), careful(N=12))
    assert caught.value.data["verdict"] == "open"
    with pytest.raises(DataError, match="No simulator was made"):
        synthetic_trajectories(contract(exogenous=False), careful(N=40))
    with pytest.raises(SettingsError, match="at least 1, got 0 and 10"):
        synthetic_trajectories(contract(), careful(N=12), per_state=0)


def test_the_same_key_gives_the_same_trajectories(made, log):
    again = synthetic_trajectories(contract(), log, per_state=5, n_steps=8, key=3)
    assert again.demos.digest == made.demos.digest
    assert isinstance(again.space, StateSpace)
