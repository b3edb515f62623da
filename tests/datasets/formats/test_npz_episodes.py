"""Episodes in ``.npz``: real experts of CartPole and Pendulum (Stable-Baselines3 PPO), and files with faults."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.errors import DataError

EXPERTS = Path(os.environ.get("TELIC_DATA", "../shared/data")) / "control_experts"
needs_experts = pytest.mark.skipif(not EXPERTS.is_dir(), reason=f"no real experts at {EXPERTS} (TELIC_DATA)")


def contract(state: str = "obs.0", action: str = "acts", **actions: object) -> TaskContract:
    return TaskContract.from_mapping(
        {
            "identity": {"task": "balance"},
            "observations": [{"name": "x", "column": state}],
            "actions": {"column": action, "type": "number", "values": [0, 1], **actions},
            "outcomes": {"terminated": "terminated"},
            "data": {"format": "npz-episodes", "trajectory": ["ep_id"]},
        }
    )


def arrays() -> dict[str, np.ndarray]:
    return {
        "obs": np.arange(10.0).reshape(5, 2),
        "acts": np.array([0, 1, 1, 0, 1]),
        "rews": np.ones(5),
        "terminated": np.array([0, 0, 1, 0, 0], dtype=bool),
        "truncated": np.array([0, 0, 0, 0, 1], dtype=bool),
        "ep_id": np.array([0, 0, 0, 1, 1]),
    }


def saved(path: Path, **change: object) -> Path:
    np.savez(path, **{**arrays(), **change})
    return path


@needs_experts
def test_the_experts_of_cartpole_are_sixty_episodes_that_ran_out_of_time():
    path = EXPERTS / "cartpole_v1_expert_seed0.npz"
    demos = read_demonstrations(contract("obs.2"), path)
    with np.load(path) as raw:
        order = np.argsort(
            raw["ep_id"].astype(str), kind="stable"
        )  # trajectories stand in the order of their names
        assert demos.observations["x"].tolist() == raw["obs"][order, 2].astype(np.float64).tolist()
        assert demos.actions.tolist() == raw["acts"][order].tolist()
    assert np.diff(demos.offsets).tolist() == [500] * 60
    assert not demos.terminated.any()


@needs_experts
def test_the_torques_of_pendulum_become_the_nearest_alternatives():
    path = EXPERTS / "pendulum_v1_expert_seed0.npz"
    bins = [-2, -1, 0, 1, 2]
    demos = read_demonstrations(contract("obs.0", values=bins, tolerance=0.4999), path)
    with np.load(path) as raw:
        torque = (
            raw["acts"].reshape(-1)[np.argsort(raw["ep_id"].astype(str), kind="stable")].astype(np.float64)
        )
    away = np.abs(torque - np.array(bins)[demos.actions])
    assert 0.4 < away.max() < 0.5
    assert demos.n_trajectories == 60


def test_steps_count_within_episodes_and_ends_stay_apart(tmp_path):
    demos = read_demonstrations(contract(), saved(tmp_path / "e.npz"))
    assert np.diff(demos.offsets).tolist() == [3, 2]
    assert demos.terminated.tolist() == [True, False]
    assert demos.truncated.tolist() == [False, True]
    steps = read_demonstrations(contract("step"), saved(tmp_path / "e.npz"))
    assert steps.observations["x"].tolist() == [0, 1, 2, 0, 1]


def test_a_nan_is_named(tmp_path):
    obs = arrays()["obs"]
    obs[3, 1] = np.nan
    demos = read_demonstrations(contract(), saved(tmp_path / "e.npz", obs=obs))
    [told] = [f.message for f in demos.findings if f.code == "not-finite"]
    assert "`obs.1` in ep_id 1 step 0" in told


def with_header(path: Path, shape: str) -> Path:
    """``acts`` with a header that claims another shape than its bytes have."""
    saved(path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    held["acts.npy"] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(40)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return path


def cut_off(path: Path) -> Path:
    saved(path)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def bomb(path: Path) -> Path:
    np.savez_compressed(path, **{**arrays(), "obs": np.zeros((5, 4_000_000))})
    return path


def one_array(path: Path) -> Path:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(5))
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: saved(p, acts=np.array([0, 1, None, 0, 1], dtype=object)), r"`acts` of .* \(a pickle\)"),
        (lambda p: saved(p, info=np.array([{}] * 5)), r"`info` of .* \(a pickle\)"),
        (lambda p: saved(p, acts=np.zeros(4)), r"`acts` of e\.npz has shape \(4,\), where 5 steps"),
        (lambda p: saved(p, ep_id=np.zeros((5, 2))), r"`ep_id` of e\.npz must have one number a step"),
        (lambda p: with_header(p, "(1000000000000,)"), r"claims int64 of shape \(1000000000000,\)"),
        (cut_off, r"e\.npz is not a whole \.npz file"),
        (bomb, r"e\.npz unpacks to more than 250 bytes"),
        (one_array, r"e\.npz is not a whole \.npz file"),
    ],
)
def test_a_damaged_or_harmful_file_is_refused(tmp_path, make, message):
    path = make(tmp_path / "e.npz")
    with pytest.raises(DataError, match=message):
        read_demonstrations(contract(), path)


def test_missing_arrays_are_listed(tmp_path):
    path = tmp_path / "e.npz"
    np.savez(path, observations=np.zeros(3), acts=np.zeros(3))
    with pytest.raises(
        DataError, match=r"lacks the arrays ep_id, terminated, truncated; it has observations, acts"
    ):
        read_demonstrations(contract(), path)
