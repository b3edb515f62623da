"""A LeRobotDataset v3.0 once more, with the inferred reward and its standard deviation at every frame.

The new folder holds everything of the old one (videos and all else byte for byte) and, in every data file, two further
columns: ``reward.inferred`` and ``reward.std``, float32. A frame without a reward has NaN there, not null: LeRobot
turns every value into a tensor, and null is none. ``meta/info.json``, ``meta/stats.json`` and the statistics of each
episode are brought up to date (over the frames that have a reward), and ``meta/reward.json`` says what the reward is:
its gauge, its weights, and the digests of what it was made from.

The folder is built beside its place and appears by one rename: it is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from telic.errors import DataError, PermanentError, world_errors
from telic.storage.files import sync_folder
from telic.typing import FloatArray, LongArray

from .frame_rewards import FrameRewards
from .sources.files import SourceFile
from .sources.json_records import json_document
from .sources.lerobot_folder import LeRobotFolder, open_lerobot
from .sources.lerobot_tables import open_rows, whole_numbers
from .sources.parquet_files import PARQUET_FAULTS, broken_parquet

__all__ = ["REWARD_COLUMN", "STD_COLUMN", "WrittenRewards", "write_lerobot_rewards"]

REWARD_COLUMN = "reward.inferred"
STD_COLUMN = "reward.std"
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
"""Quantiles of LeRobot's statistics; ours are exact."""

HUGGING_FACE = b"huggingface"
"""Key of a Parquet file's metadata under which the ``datasets`` library keeps the types of columns."""


@dataclass(frozen=True, kw_only=True)
class WrittenRewards:
    """What was written.

    Attributes:
        folder: the new dataset.
        n_frames: frames in it.
        n_known: of these, those with a reward.
        n_with_deviation: of these, those with a standard deviation.
        columns: that were added.
        without: the first frames that have no reward, as ``(episode, frame)``.
    """

    folder: Path
    n_frames: int
    n_known: int
    n_with_deviation: int
    columns: tuple[str, ...]
    without: tuple[tuple[int, int], ...]


def write_lerobot_rewards(
    source: Path, out: Path, rewards: FrameRewards, *, about: Mapping[str, Any]
) -> WrittenRewards:
    """A new dataset with the rewards in it; the old one stays as it is.

    Args:
        source: folder of a LeRobotDataset v3.0.
        out: folder to make; must not be there yet.
        rewards: by number of frame (column ``index``).
        about: what the reward is, JSON-able, for ``meta/reward.json``.

    Raises:
        DataError: the source is no such folder, is damaged, or has such columns already; or no frame has a reward.
        PermanentError: ``out`` is there already or cannot be made.
        TemporaryError: the disk is full; nothing is left behind.
    """
    folder = open_lerobot(source)
    _require_place(folder, out)
    columns = (REWARD_COLUMN,) + ((STD_COLUMN,) if np.isfinite(rewards.deviations).any() else ())
    with world_errors(f"write {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = out.parent / f".{out.name[:40]}.{uuid.uuid4().hex[:8]}.partial"
        beside.mkdir()
        try:
            written = _write(folder, beside, out, rewards, columns)
            _write_json(
                beside / "meta" / "reward.json", {"schema_version": 1, "columns": list(columns), **about}
            )
            beside.rename(out)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        sync_folder(out.parent)
    return written


def _require_place(folder: LeRobotFolder, out: Path) -> None:
    taken = [name for name in (REWARD_COLUMN, STD_COLUMN) if name in folder.features]
    if taken:
        raise DataError(
            f"{folder.name} has {' and '.join(f'`{n}`' for n in taken)} already.",
            hint="Export from the dataset as it was recorded; a reward is not written over another.",
        )
    if out.exists():
        raise PermanentError(f"{out} is there already.", hint="Name a folder that is not there yet.")
    if out.resolve().is_relative_to(folder.root.resolve()):
        raise PermanentError(
            f"{out} lies inside the dataset {folder.root}.", hint="Name a folder beside it, not in it."
        )


def _write(
    folder: LeRobotFolder, beside: Path, out: Path, rewards: FrameRewards, columns: tuple[str, ...]
) -> WrittenRewards:
    root = folder.root
    ours = (root / "meta" / "info.json", root / "meta" / "stats.json")
    told = sorted((root / "meta" / "episodes").glob("*/*.parquet"))
    _copy_rest(folder, beside, {*ours, *told, *folder.data_files})
    parts = [
        _data_file(folder, path, beside / path.relative_to(root), rewards, columns)
        for path in folder.data_files
    ]
    episode, frame, values, deviations = (np.concatenate(x) for x in zip(*parts, strict=True))
    known = np.isfinite(values)
    if not known.any():
        raise DataError(
            f"None of the {len(values):,} frames of {folder.name} has a reward.",
            hint="Are these the same robot and task as the fitted data, in the same units?",
        )
    by_column = dict(zip(columns, (values, deviations), strict=False))
    for path in told:
        _episodes_file(folder, path, beside / path.relative_to(root), episode, by_column)
    stats = _json(folder, ours[1]) if ours[1].is_file() else {}
    _write_json(beside / "meta" / "stats.json", {**stats, **{n: _stats(x) for n, x in by_column.items()}})
    info = _json(folder, ours[0])
    added = {name: {"dtype": "float32", "shape": [1], "names": None} for name in columns}
    _write_json(beside / "meta" / "info.json", {**info, "features": {**info["features"], **added}})
    missing = np.flatnonzero(~known)[:20]
    return WrittenRewards(
        folder=out,
        n_frames=len(values),
        n_known=int(known.sum()),
        n_with_deviation=int(np.isfinite(deviations).sum()),
        columns=columns,
        without=tuple(zip(episode[missing].tolist(), frame[missing].tolist(), strict=True)),
    )


def _copy_rest(folder: LeRobotFolder, beside: Path, ours: set[Path]) -> None:
    """Everything that is not written anew, byte for byte."""
    inside = folder.root.resolve()
    for path in sorted(p for p in folder.root.rglob("*") if p.is_file() and p not in ours):
        if not path.resolve().is_relative_to(inside):
            raise DataError(
                f"{folder.file_name(path)} leads out of the folder.",
                hint="Copy the file into the folder; links to other places are not followed.",
            )
        target = beside / path.relative_to(folder.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        _sync(target)


def _data_file(
    folder: LeRobotFolder, path: Path, target: Path, rewards: FrameRewards, columns: tuple[str, ...]
) -> tuple[LongArray, LongArray, FloatArray, FloatArray]:
    """Episode, frame, reward and deviation of each frame of one data file, after it is written with them."""
    name = folder.file_name(path)
    file = folder.frames(path)
    schema = file.schema_arrow
    needed = ("index", "episode_index", "frame_index")
    if missing := [c for c in needed if c not in schema.names]:
        raise DataError(f"{name} lacks {', '.join(missing)}.", hint="Is this a LeRobotDataset v3.0?")
    for column in columns:
        schema = schema.append(pa.field(column, pa.float32()))
    schema = schema.with_metadata(_typed(schema.metadata, columns))
    found: list[tuple[LongArray, LongArray, FloatArray, FloatArray]] = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(target, schema, compression="snappy") as writer:
        for i in range(file.num_row_groups):
            try:
                table = file.read_row_group(i, use_pandas_metadata=False)
            except PARQUET_FAULTS as problem:
                raise broken_parquet(name, problem) from None
            index, episode, frame = (whole_numbers(table, column, name) for column in needed)
            values, deviations = rewards.at(index)
            for column, numbers in zip(columns, (values, deviations), strict=False):
                table = table.append_column(column, pa.array(numbers, pa.float32()))
            writer.write_table(table.cast(schema))
            found.append((episode, frame, values, deviations))
    _sync(target)
    empty = np.zeros(0, dtype=np.int64)
    if not found:
        return empty, empty, empty.astype(np.float64), empty.astype(np.float64)
    episode, frame, values, deviations = (np.concatenate(x) for x in zip(*found, strict=True))
    return episode, frame, values, deviations


def _typed(metadata: Mapping[bytes, bytes] | None, columns: tuple[str, ...]) -> dict[bytes, bytes]:
    """The file's metadata with the new columns among the types that the ``datasets`` library keeps there."""
    found = dict(metadata or {})
    if HUGGING_FACE in found:
        try:
            told = json.loads(found[HUGGING_FACE])
            told["info"]["features"].update({c: {"dtype": "float32", "_type": "Value"} for c in columns})
            found[HUGGING_FACE] = json.dumps(told).encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            del found[HUGGING_FACE]  # nobody can read it, so nobody is told wrong types
    return found


def _episodes_file(
    folder: LeRobotFolder, path: Path, target: Path, episode: LongArray, by_column: Mapping[str, FloatArray]
) -> None:
    """``meta/episodes`` with the statistics of the new columns, where it has those of the others."""
    name = folder.file_name(path)
    try:
        table = open_rows(path, name).read(use_pandas_metadata=False)
    except PARQUET_FAULTS as problem:
        raise broken_parquet(name, problem) from None
    if any(column.startswith("stats/") for column in table.column_names):
        order = np.argsort(episode, kind="stable")
        wanted = whole_numbers(table, "episode_index", name)
        first, last = (np.searchsorted(episode[order], wanted, side=side) for side in ("left", "right"))
        for column, values in by_column.items():
            each = [_stats(values[order[a:b]]) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
            for stat in ("min", "max", "mean", "std", "count", *QUANTILES):
                kind = pa.list_(pa.int64() if stat == "count" else pa.float64())
                table = table.append_column(f"stats/{column}/{stat}", pa.array([s[stat] for s in each], kind))
    # The `datasets` library takes the types from the columns where it finds none of its own.
    rest = {k: v for k, v in (table.schema.metadata or {}).items() if k != HUGGING_FACE}
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(rest), target)
    _sync(target)


def _stats(values: FloatArray) -> dict[str, list[Any] | None]:
    """LeRobot's statistics of the values that are known; those of an episode without one are null."""
    known = values[np.isfinite(values)].astype(np.float32).astype(np.float64)
    if not len(known):
        return {**dict.fromkeys(("min", "max", "mean", "std", *QUANTILES)), "count": [0]}
    return {
        "min": [float(known.min())],
        "max": [float(known.max())],
        "mean": [float(known.mean())],
        "std": [float(known.std())],
        "count": [len(known)],
        **{name: [float(np.quantile(known, q))] for name, q in QUANTILES.items()},
    }


def _json(folder: LeRobotFolder, path: Path) -> dict[str, Any]:
    name = folder.file_name(path)
    found = json_document(SourceFile(path=path, name=name, format="lerobot", digest=""))
    if not isinstance(found, dict):
        raise DataError(f"{name} must be a JSON object.", hint="Is the file damaged?")
    return found


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # LeRobot's own statistics may hold NaN; what is ours never does.
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    """Forces a file to the disk, so that what the rename shows survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
