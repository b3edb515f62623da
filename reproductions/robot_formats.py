"""Robot formats against the libraries that own them: what they wrote is read, what was written here they load.

    scripts/conformance                                 # makes an environment with the libraries and runs this
    python reproductions/robot_formats.py               # where the libraries are there already

prints one JSON line: a list of checks with what was compared, each an exact comparison of numbers (no tolerance but
float32), and the versions of the libraries. LeRobot runs without torchvision (a stand-in is imported), so it decodes
no video itself (PyAV does); D4RL cannot be installed beside the others, and its layout is proved by nobody here.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from robot_folders import FPS, LENGTHS, check, read, same, write_lerobot, write_v21

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")


def main() -> int:
    os.environ["HF_HOME"] = tempfile.mkdtemp()  # the libraries keep nothing outside
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    checks = []
    for compare in (
        lerobot_written,
        lerobot_rewards,
        lerobot_video,
        lerobot_null,
        lerobot_v21,
        robomimic_both,
        minari_written,
        rollouts,
    ):
        with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
            checks += list(compare(Path(place)))
    told = {
        "checks": checks,
        "n_failed": sum(not c["passed"] for c in checks),
        "libraries": {
            n: importlib.metadata.version(n) for n in ("lerobot", "robomimic", "minari", "gymnasium", "torch")
        },
        "seconds": time.perf_counter() - started,
    }
    print(json.dumps(told))
    return int(told["n_failed"] > 0)


def lerobot_written(place: Path) -> Iterator[dict[str, Any]]:
    """LeRobot writes, telic reads: every value of every frame."""
    given = write_lerobot(place / "real")
    found = read("lerobot", place / "real")
    wanted = {
        "episode_index": np.repeat(np.arange(len(LENGTHS)), LENGTHS),
        "frame_index": np.concatenate([np.arange(n) for n in LENGTHS]),
        "timestamp": np.concatenate([np.arange(n) / FPS for n in LENGTHS]).astype(np.float32),
        "index": np.arange(sum(LENGTHS)),
        **{
            f"observation.state.{n}": given["observation.state"][:, k]
            for k, n in enumerate(("cart", "speed", "angle"))
        },
        **{
            f"observation.grid.{i}.{j}": given["observation.grid"][:, i, j]
            for i in range(2)
            for j in range(2)
        },
        **{
            name: given[name].reshape(-1)
            for name in ("observation.count", "action", "next.reward", "next.done")
        },
    }
    yield same("LeRobot writes, telic reads: every frame", found, wanted)
    tasks = [f"task {e % 2}" for e in np.repeat(np.arange(len(LENGTHS)), LENGTHS)]
    yield check(
        "LeRobot writes, telic reads: tasks in words", found["task"].to_pylist() == tasks, n=len(tasks)
    )
    from telic.datasets.sources.files import source_file
    from telic.datasets.sources.formats.lerobot import FORMAT

    noticed = [f.code for f in FORMAT.notices(source_file(place / "real", "lerobot"))]
    yield check("LeRobot writes, telic notices nothing", noticed == [], noticed=noticed)


def lerobot_rewards(place: Path) -> Iterator[dict[str, Any]]:
    """Telic writes rewards into folders of LeRobot and of its own, LeRobot loads them."""
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from telic.datasets.frame_rewards import FrameRewards
    from telic.datasets.lerobot_writer import write_lerobot_rewards

    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "support"))
    from lerobot_folders import write_folder

    write_lerobot(place / "real")
    write_folder(place / "built", (6, 4, 5), per_file=2)
    for name in ("real", "built"):
        plain = LeRobotDataset(f"telic/{name}", root=place / name)
        n = plain.num_frames
        rng = np.random.default_rng(1)
        rewards, deviations = rng.normal(size=n), rng.uniform(0.1, 1, size=n)
        rewards[3], deviations[3], deviations[5] = np.nan, np.nan, np.nan
        given = FrameRewards(index=np.arange(n), rewards=rewards, deviations=deviations)
        write_lerobot_rewards(place / name, place / f"{name}-out", given, about={})
        made = LeRobotDataset(f"telic/{name}-out", root=place / f"{name}-out")
        items = [made[i] for i in range(n)]
        found = {k: np.array([float(item[k]) for item in items]) for k in ("reward.inferred", "reward.std")}
        wanted = {"reward.inferred": rewards.astype(np.float32), "reward.std": deviations.astype(np.float32)}
        yield same(
            f"telic writes into a folder of {name} files, LeRobot loads: rewards of every frame",
            found,
            wanted,
        )
        olds = [plain[i] for i in range(n)]
        kept = all(
            torch.equal(torch.as_tensor(o[k]), torch.as_tensor(i[k]))
            for o, i in zip(olds, items, strict=True)
            for k in o
            if k != "task"
        )
        yield check(f"{name}: LeRobot finds everything else as it was", kept, n=n)
        mean = float(np.ravel(made.meta.stats["reward.inferred"]["mean"])[0])
        want = float(np.nanmean(rewards.astype(np.float32).astype(np.float64)))
        yield check(
            f"{name}: LeRobot's statistics are those of the known rewards", abs(mean - want) < 1e-6, mean=mean
        )
        part = LeRobotDataset(f"telic/{name}-out", root=place / f"{name}-out", episodes=[1])
        yield check(
            f"{name}: LeRobot loads one episode", part.num_frames == (LENGTHS[1] if name == "real" else 4)
        )
        batches = list(torch.utils.data.DataLoader(made, batch_size=4))
        seen = np.concatenate([b["reward.inferred"].numpy().ravel() for b in batches])
        yield same(
            f"{name}: a DataLoader makes batches of it",
            {"reward": seen},
            {"reward": wanted["reward.inferred"]},
        )


def lerobot_video(place: Path) -> Iterator[dict[str, Any]]:
    """LeRobot writes a video; the picture at the place and second that telic reads is the one that was given."""
    import av
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    key, lengths = "observation.images.top", (8, 5)
    features = {
        key: {"dtype": "video", "shape": (64, 64, 3), "names": ["height", "width", "channels"]},
        "action": {"dtype": "float32", "shape": (1,), "names": None},
    }
    data = LeRobotDataset.create(
        "telic/video", fps=FPS, features=features, root=place / "video", use_videos=True
    )
    shades = [18 * k for k in range(sum(lengths))]
    for shade in shades:
        picture = np.full((64, 64, 3), shade, np.uint8)
        data.add_frame({key: picture, "action": np.zeros(1, np.float32), "task": "look"})
        if shade in (shades[lengths[0] - 1], shades[-1]):
            data.save_episode()
    data.finalize()
    found = read("lerobot", place / "video")
    [path] = set(found[f"{key}.path"].to_pylist())
    with av.open(str(place / "video" / path)) as video:
        decoded = [(float(f.time), float(f.to_ndarray(format="rgb24").mean())) for f in video.decode(video=0)]
    times = np.array(found[f"{key}.from_timestamp"].to_pylist()) + np.array(found["timestamp"].to_pylist())
    nearest = [min(decoded, key=lambda d, t=t: abs(d[0] - t)) for t in times]
    late = max(abs(d[0] - t) for d, t in zip(nearest, times, strict=True))
    off = max(abs(d[1] - shade) for d, shade in zip(nearest, shades, strict=True))
    # Neighbouring pictures are 18 shades apart; the codec is lossy.
    yield check(
        "LeRobot writes a video, telic says where each frame is", late < 1e-3 and off < 9, late=late, off=off
    )


def lerobot_null(place: Path) -> Iterator[dict[str, Any]]:
    """Why a frame without a reward has NaN: with null, LeRobot has no frame at all."""
    import pyarrow.parquet as pq
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot_folders import write_folder

    write_folder(place / "d", (6,))
    path = place / "d/data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    values = pa.array([1.0, None, 0.0, 0.0, 0.0, 0.0], pa.float32())
    pq.write_table(table.set_column(table.column_names.index("action"), "action", values), path)
    try:
        list(torch.utils.data.DataLoader(LeRobotDataset("telic/d", root=place / "d"), batch_size=4))
        failed = ""
    except (TypeError, RuntimeError) as problem:
        failed = type(problem).__name__
    yield check("LeRobot makes no batch of a null", bool(failed), error=failed)


def lerobot_v21(place: Path) -> Iterator[dict[str, Any]]:
    """A v2.1 folder is refused with a line that converts it; LeRobot runs the line, and telic reads the outcome."""
    from telic.errors import DataError

    write_v21(place / "old")
    try:
        read("lerobot", place / "old")
        hint = ""
    except DataError as refused:
        hint = refused.hint
    yield check(
        "telic refuses v2.1 and says how to convert it", "convert_dataset_v21_to_v30 --repo-id=old" in hint
    )
    command = [sys.executable, "-m", "lerobot.datasets.v30.convert_dataset_v21_to_v30", "--repo-id=old"]
    command += [f"--root={place}", "--push-to-hub=false"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (LeRobot's own program)
    yield check("LeRobot converts it by that line", done.returncode == 0, status=done.returncode)
    found = read("lerobot", place / "old")
    wanted = {"action": np.arange(8, dtype=np.float32), "episode_index": np.repeat([0, 1], 4)}
    yield same("telic reads what LeRobot converted", found, wanted)


def robomimic_both(place: Path) -> Iterator[dict[str, Any]]:
    """A file of the layout that telic reads is loaded by robomimic, and a split that robomimic made is read."""
    import h5py
    import robomimic.utils.obs_utils as obs_utils
    from robomimic.scripts.split_train_val import split_train_val_from_hdf5
    from robomimic.utils.dataset import SequenceDataset

    rng = np.random.default_rng(0)
    path = place / "low_dim.hdf5"
    lengths = {f"demo_{k}": int(n) for k, n in enumerate(rng.integers(5, 15, 12))}
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(lengths.values())
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "type": 1, "env_kwargs": {}})
        for name, n in lengths.items():
            demo = data.create_group(name)
            demo.attrs["num_samples"] = n
            demo["actions"] = rng.uniform(-1, 1, (n, 3))
            demo["rewards"], demo["dones"] = np.zeros(n), (np.arange(n) == n - 1).astype(np.int64)
            demo["obs/eef"] = rng.normal(size=(n, 2))
    split_train_val_from_hdf5(str(path), val_ratio=0.25)
    obs_utils.initialize_obs_utils_with_obs_specs({"obs": {"low_dim": ["eef"], "rgb": []}})
    loaded = SequenceDataset(
        hdf5_path=str(path),
        obs_keys=["eef"],
        dataset_keys=["actions"],
        filter_by_attribute="train",
        load_next_obs=False,
    )
    found = read("robomimic", path)
    train = (
        found["mask.train"].to_numpy(zero_copy_only=False)
        if "mask.train" in found.column_names
        else np.zeros(0)
    )
    theirs = [loaded[i] for i in range(len(loaded))]
    wanted = {f"actions.{k}": np.array([x["actions"][0, k] for x in theirs]) for k in range(3)}
    wanted |= {f"obs.eef.{k}": np.array([x["obs"]["eef"][0, k] for x in theirs]) for k in range(2)}
    ours = {name: found[name].to_numpy()[train] for name in wanted}
    yield same("robomimic loads the file, telic reads the same steps of robomimic's own split", ours, wanted)
    yield check("robomimic's split leaves steps out", 0 < len(theirs) < found.num_rows, n=len(theirs))


def minari_written(place: Path) -> Iterator[dict[str, Any]]:
    """Minari writes HDF5, Arrow and Parquet, telic reads; compared with what Minari reads back."""
    os.environ["MINARI_DATASETS_PATH"] = str(place)
    import gymnasium as gym
    import minari
    from minari.data_collector import EpisodeBuffer

    rng = np.random.default_rng(0)
    box, act = gym.spaces.Box(-9, 9, (3,), np.float32), gym.spaces.Box(-1, 1, (2,), np.float32)
    lengths = rng.integers(3, 40, 8)
    for form in ("hdf5", "arrow", "parquet"):
        buffers = [
            EpisodeBuffer(
                id=k,
                seed=k,
                observations=rng.uniform(-9, 9, (n + 1, 3)).astype(np.float32),
                actions=rng.uniform(-1, 1, (n, 2)).astype(np.float32),
                rewards=rng.normal(size=n),
                terminations=np.arange(n) == (n - 1 if k % 2 else -1),
                truncations=np.arange(n) == (-1 if k % 2 else n - 1),
                infos={},
            )
            for k, n in enumerate(lengths.tolist())
        ]
        made = minari.create_dataset_from_buffers(
            dataset_id=f"telic/x-{form}-v0",
            buffer=buffers,
            observation_space=box,
            action_space=act,
            data_format=form,
        )
        theirs = list(made.iterate_episodes())
        wanted = {
            "episode": np.repeat(np.arange(len(theirs)), lengths),
            **{
                f"observations.{k}": np.concatenate([e.observations[:-1, k] for e in theirs])
                for k in range(3)
            },
            **{
                f"next_observations.{k}": np.concatenate([e.observations[1:, k] for e in theirs])
                for k in range(3)
            },
            **{f"actions.{k}": np.concatenate([e.actions[:, k] for e in theirs]) for k in range(2)},
            **{
                n: np.concatenate([getattr(e, n) for e in theirs])
                for n in ("rewards", "terminations", "truncations")
            },
        }
        found = read("minari", place / f"telic/x-{form}-v0")
        yield same(f"Minari writes {form}, telic reads what Minari reads", found, wanted)


def rollouts(place: Path) -> Iterator[dict[str, Any]]:
    """Recorded CartPoles: no recorded step leads from one episode into the next, in any mode of resetting."""
    import gymnasium as gym

    from telic.datasets.rollouts import record_rollouts

    for mode in ("single", "NEXT_STEP", "SAME_STEP", "DISABLED"):
        rng = np.random.default_rng(0)
        if mode == "single":
            env: Any = gym.make("CartPole-v1")
            policy: Callable[[Any], Any] = lambda _, rng=rng: int(rng.integers(0, 2))  # noqa: E731
        else:
            kwargs = {"autoreset_mode": getattr(gym.vector.AutoresetMode, mode)}
            env = gym.make_vec("CartPole-v1", num_envs=4, vectorization_mode="sync", vector_kwargs=kwargs)
            policy = lambda obs, rng=rng: rng.integers(0, 2, len(obs))  # noqa: E731
        told = record_rollouts(env, policy, place / "r.npz", episodes=400)
        with np.load(place / "r.npz", allow_pickle=False) as raw:
            # CartPole moves by x' = x + 0.02 v (Barto, Sutton and Anderson 1983; Euler steps), here in float32.
            leaps = np.abs(raw["next_obs"][:, 0] - raw["obs"][:, 0] - 0.02 * raw["obs"][:, 1]) > 1e-4
            lengths = np.bincount(raw["ep_id"])
            ends = int(raw["terminated"].sum())
        yield check(
            f"CartPole, {mode}: steps that lead into another episode",
            not leaps.any() and ends == told.n_episodes == 400,
            n_steps=int(told.n_steps),
            n_leaps=int(leaps.sum()),
            mean_length=float(lengths.mean()),
        )


if __name__ == "__main__":
    raise SystemExit(main())
