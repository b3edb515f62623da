"""A LeRobotDataset v3.0 on disk: what its ``meta/`` says, checked against the files that are there.

::

    meta/info.json                              version, frames a second, features with type, shape and names
    meta/tasks.parquet                          task_index and, as the index of the frame, the text
    meta/episodes/chunk-000/file-000.parquet    one row an episode: its length, its data file, its place in the videos
    meta/stats.json                             statistics of each feature
    data/chunk-000/file-000.parquet             one row a frame, many episodes a file
    videos/KEY/chunk-000/file-000.mp4           many episodes a file, found by timestamps

A feature of shape ``(1,)`` is a plain column, any other shape a (nested) list; both are read. Videos are named and
never opened.

References: LeRobot 0.4.4, ``lerobot.datasets`` (``CODEBASE_VERSION`` v3.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from telic.errors import DataError

from .arrays import element_names
from .files import SourceFile
from .json_records import json_document
from .lerobot_tables import open_frames, read_parquet, whole_numbers

__all__ = ["FRAME_COLUMNS", "Feature", "LeRobotFolder", "open_lerobot"]

VERSION = "v3.0"
"""``codebase_version`` that is read and written."""

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
"""Where files lie, if ``info.json`` does not say it."""

FRAME_COLUMNS = ("episode_index", "frame_index", "timestamp", "index", "task_index")
"""What every frame has, whatever the robot."""

PICTURES = ("video", "image")
"""Types of features that are named and never decoded."""

TEXT_INDEX = ("__index_level_0__", "task")
"""Names under which ``tasks.parquet`` keeps the text of a task."""

CONVERTER = "python -m lerobot.datasets.v30.convert_dataset_v21_to_v30"


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature of the frames.

    Attributes:
        name: as ``info.json`` calls it, for example ``observation.state``.
        dtype: its type there: ``float32``, ``int64``, ``bool``, ``string``, ``image`` or ``video``.
        shape: of one value.
        columns: names of the flat columns, in row-major order (``observation.state.elbow``, ``observation.state.0``);
            its own name for one value; empty for pictures.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LeRobotFolder:
    """A dataset that was opened; nothing of ``data/`` is read yet.

    Attributes:
        root: the folder.
        name: of the folder, for messages.
        info: ``meta/info.json``.
        fps: frames a second.
        features: by name, in the order of ``info.json``.
        data_files: of ``data/``, in order.
        episodes: ``meta/episodes`` without its statistics, in the order of ``episode_index``.
        tasks: ``task_index`` to text.
    """

    root: Path
    name: str
    info: Mapping[str, Any]
    fps: float
    features: Mapping[str, Feature]
    data_files: tuple[Path, ...]
    episodes: pa.Table
    tasks: Mapping[int, str]

    def file_name(self, path: Path) -> str:
        """``pusht/data/chunk-000/file-000.parquet``, for messages."""
        return f"{self.name}/{path.relative_to(self.root).as_posix()}"

    def frames(self, path: Path) -> pq.ParquetFile:
        """One of ``data_files``, opened.

        Raises:
            DataError: it is not a whole Parquet file, or a column is of another type than ``info.json`` says.
        """
        kinds = {f.name: f.dtype for f in self.features.values() if f.columns}
        return open_frames(path, self.file_name(path), kinds)

    def video_file(self, key: str, chunk: int, file: int) -> Path:
        """Where the video of a camera lies; the path is inside the folder, the file may be missing."""
        form = str(self.info.get("video_path") or VIDEO_PATH)
        return _inside(self.root, form.replace("{video_key}", key), chunk, file)

    def video_keys(self) -> tuple[str, ...]:
        """Names of the features that are videos."""
        return tuple(f.name for f in self.features.values() if f.dtype == "video")


def open_lerobot(root: Path) -> LeRobotFolder:
    """The dataset in a folder.

    Args:
        root: the folder that holds ``meta/`` and ``data/``.

    Raises:
        DataError: it is no such folder, of another version, or files that its metadata name are missing or broken.
    """
    name = root.name
    info = _info(root)
    found = sorted((root / "meta" / "episodes").glob("*/*.parquet"))
    if not found:
        raise DataError(
            f"{name} has no meta/episodes/chunk-000/file-000.parquet, so its episodes are not known.",
            hint="Was the recording finished (LeRobot writes it in `finalize`), and the folder copied whole?",
        )
    tables = [read_parquet(path, f"{name}/{path.relative_to(root).as_posix()}", "stats/") for path in found]
    try:
        episodes = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as problem:
        raise DataError(
            f"The files of meta/episodes of {name} do not fit together: {str(problem).splitlines()[0]}",
            hint="Is one of them damaged, or of another dataset?",
        ) from None
    for column in ("episode_index", "length", "data/chunk_index", "data/file_index"):
        whole_numbers(episodes, column, f"meta/episodes of {name}")
    return LeRobotFolder(
        root=root,
        name=name,
        info=info,
        fps=_fps(info, name),
        features=_features(info, name),
        data_files=_data_files(root, info, episodes),
        episodes=episodes.sort_by("episode_index"),
        tasks=_tasks(root),
    )


def _info(root: Path) -> dict[str, Any]:
    path, name = root / "meta" / "info.json", f"{root.name}/meta/info.json"
    if not path.is_file():
        raise DataError(
            f"{root.name} has no meta/info.json, so it is no LeRobotDataset.",
            hint="Name the folder that holds meta/ and data/.",
        )
    info = json_document(SourceFile(path=path, name=name, format="lerobot", digest=""))
    if not isinstance(info, dict) or not isinstance(info.get("features"), dict):
        raise DataError(f"{name} must be an object with `features`.", hint="Is the file damaged?")
    version = info.get("codebase_version")
    if version != VERSION:
        old = isinstance(version, str) and version.startswith(("v1", "v2"))
        raise DataError(
            f"{root.name} is LeRobotDataset {version or 'of no stated version'}; {VERSION} is read.",
            hint=f"Convert a copy: {CONVERTER} --repo-id={root.name} --root=FOLDER_AROUND_IT --push-to-hub=false"
            " (v1 and v2.0 are first converted to v2.1)."
            if old
            else f"Export it as {VERSION} with the LeRobot that wrote it.",
            version=version,
        )
    return info


def _fps(info: Mapping[str, Any], name: str) -> float:
    fps = info.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < 1e6:
        raise DataError(
            f"`fps` in meta/info.json of {name} must be frames a second, got {fps!r}.",
            hint="Correct it; timestamps are checked against it.",
        )
    return float(fps)


def _features(info: Mapping[str, Any], name: str) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for key, told in info["features"].items():
        shape = told.get("shape") if isinstance(told, dict) else None
        if not isinstance(shape, list | tuple) or not all(type(n) is int and n > 0 for n in shape):
            raise DataError(
                f"Feature `{key}` in meta/info.json of {name} must have a type and a shape of whole numbers, got"
                f" {told!r:.200}.",
                hint="Is the file damaged?",
            )
        dtype = str(told.get("dtype"))
        columns = () if dtype in PICTURES else _columns(key, tuple(shape), told.get("names"))
        found[key] = Feature(name=key, dtype=dtype, shape=tuple(shape), columns=columns)
    for column in FRAME_COLUMNS:
        found.setdefault(column, Feature(name=column, dtype="int64", shape=(1,), columns=(column,)))
    return found


def _columns(key: str, shape: tuple[int, ...], names: Any) -> tuple[str, ...]:
    """The flat columns of a feature, by names where there is one for each; none where it is too wide."""
    plain = element_names(key, shape)
    if isinstance(names, dict) and len(names) == 1:  # {"motors": [...]}, {"axes": [...]}
        names = next(iter(names.values()))
    distinct = isinstance(names, list) and len({str(n) for n in names}) == len(names) == len(plain)
    return tuple(f"{key}.{n}" for n in names) if distinct and len(plain) > 1 else plain


def _data_files(root: Path, info: Mapping[str, Any], episodes: pa.Table) -> tuple[Path, ...]:
    form = str(info.get("data_path") or DATA_PATH)
    pairs = zip(*(episodes[f"data/{n}_index"].to_pylist() for n in ("chunk", "file")), strict=True)
    files = [_inside(root, form, chunk, file) for chunk, file in sorted(set(pairs))]
    missing = [path.relative_to(root).as_posix() for path in files if not path.is_file()]
    if not files:
        raise DataError(f"{root.name} has no episodes.", hint="Was anything recorded?")
    if missing:
        videos = next((root / "videos").rglob("*.mp4"), None) if len(missing) == len(files) else None
        raise DataError(
            f"{root.name} lacks {len(missing)} of the {len(files)} data files that its metadata name:"
            f" {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}."
            + (" It holds videos alone, without states and actions." if videos is not None else ""),
            hint="Copy the folder again with data/ (states and actions are there; videos may stay behind).",
            missing=missing,
        )
    return tuple(files)


def _inside(root: Path, form: str, chunk: Any, file: Any) -> Path:
    """The path that a template names; refused where it leaves the folder."""
    if type(chunk) is not int or type(file) is not int:
        raise DataError(
            f"meta/episodes of {root.name} names a file by {chunk!r} and {file!r}, not by whole numbers.",
            hint="Is the file damaged?",
        )
    numbers = {"chunk_index": chunk, "file_index": file}
    # Not `str.format`: a template of a stranger could reach attributes, or ask for a width of a billion.
    text = re.sub(
        r"\{(chunk_index|file_index)(?::0?([1-9]))?d?\}",
        lambda found: str(numbers[found[1]]).zfill(int(found[2] or 0)),
        form,
    )
    path = root / text
    if "{" in text or "\0" in text or not path.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"meta/info.json of {root.name} places files at {form!r}, which is not in the folder.",
            hint=f"Paths are like {DATA_PATH}.",
        )
    return path


def _tasks(root: Path) -> dict[int, str]:
    path = root / "meta" / "tasks.parquet"
    if not path.is_file():
        return {}
    table = read_parquet(path, f"{root.name}/meta/tasks.parquet")
    name = f"{root.name}/meta/tasks.parquet"
    text = next((c for c in TEXT_INDEX if c in table.column_names), None)
    if text is None:
        return {}
    return dict(
        zip(whole_numbers(table, "task_index", name).tolist(), map(str, table[text].to_pylist()), strict=True)
    )
