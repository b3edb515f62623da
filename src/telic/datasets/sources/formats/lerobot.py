"""LeRobotDataset v3.0: a folder, one row a frame.

Vectors become one column an element, by the names that ``meta/info.json`` gives them or by number
(``observation.state.elbow``, ``observation.state.0``). Videos are named, not decoded: ``KEY.path`` is the file inside
the folder, ``KEY.from_timestamp`` and ``KEY.to_timestamp`` are the seconds in it between which the episode lies, so
a frame is at ``KEY.from_timestamp + timestamp``. Pictures that are kept in the data files are left out.

A timestamp counts seconds from the start of its episode. LeRobot has no mark for how an episode ended (neither
terminated nor truncated), no names of operators and no units: those are for the contract to say.

References: LeRobot 0.4.4 (``lerobot.datasets``); ``telic.datasets.sources.lerobot_folder`` draws the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.lerobot_folder import LeRobotFolder, open_lerobot
from telic.datasets.sources.lerobot_notices import lerobot_notices
from telic.datasets.sources.lerobot_tables import real_numbers, whole_numbers
from telic.datasets.sources.list_columns import elements
from telic.datasets.sources.parquet_files import PARQUET_FAULTS, broken_parquet
from telic.datasets.sources.pieces import PIECE_ROWS
from telic.errors import DataError

__all__ = ["FORMAT"]

VIDEO_PARTS = ("path", "from_timestamp", "to_timestamp")
"""Columns of a video, behind its key."""


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    folder = open_lerobot(_folder(source))
    for i, path in enumerate(folder.data_files):
        name = folder.file_name(path)
        file = folder.frames(path)
        if i == 0:
            # An empty table first: it says what the columns are before a row is decoded.
            empty = file.schema_arrow.empty_table()
            yield _flat(folder, pa.Table.from_batches([], empty.schema), wanted, name)
        needed = _needed(folder, file.schema_arrow.names, wanted)
        try:
            for batch in file.iter_batches(PIECE_ROWS, columns=needed):
                yield _flat(folder, pa.Table.from_batches([batch]), wanted, name)
        except PARQUET_FAULTS as problem:
            raise broken_parquet(name, problem) from None


def _folder(source: SourceFile) -> Path:
    if not source.path.is_dir():
        raise DataError(
            f"{source.name} is a file; a LeRobotDataset is a folder.",
            hint="Name the folder that holds meta/ and data/.",
        )
    return source.path


def _needed(folder: LeRobotFolder, present: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Columns of a data file behind those that are wanted."""
    pictures = {f.name for f in folder.features.values() if not f.columns}
    if wanted is None:
        return [name for name in present if name not in pictures]
    asked = {f.name for f in folder.features.values() if not set(f.columns).isdisjoint(wanted)}
    asked |= {"task_index"} if "task" in wanted else set()
    asked |= {"episode_index"} if any(_video_column(folder, name) for name in wanted) else set()
    return [name for name in present if name in asked] or [present[0]]  # none: the rows still count


def _flat(folder: LeRobotFolder, table: pa.Table, wanted: Sequence[str] | None, name: str) -> pa.Table:
    found: dict[str, pa.Array | pa.ChunkedArray] = {}
    for feature in folder.features.values():
        if feature.columns and feature.name in table.column_names:
            parts = elements(table[feature.name], feature.shape, f"`{feature.name}` of {name}")
            found.update(zip(feature.columns, parts, strict=True))
    if "task_index" in table.column_names and folder.tasks:
        texts = [folder.tasks.get(i) for i in table["task_index"].to_pylist()]
        found["task"] = pa.array(texts, pa.string())
    if "episode_index" in table.column_names:
        for key in folder.video_keys():
            found.update(_video(folder, key, whole_numbers(table, "episode_index", name)))
    rest = {n: c for n, c in found.items() if wanted is None or n in wanted}
    return pa.table(rest) if rest else pa.table({"frame": pa.nulls(table.num_rows)})


def _video(folder: LeRobotFolder, key: str, episode: np.ndarray) -> dict[str, pa.Array]:
    """Where the frames of these episodes are in the videos of one camera; null where nothing is said of it."""
    told = [
        f"videos/{key}/{part}" for part in ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
    ]
    if not set(told) <= set(folder.episodes.column_names):
        return {f"{key}.{part}": pa.nulls(len(episode)) for part in VIDEO_PARTS}
    where = f"meta/episodes of {folder.name}"
    chunk, file = (whole_numbers(folder.episodes, column, where).tolist() for column in told[:2])
    begin, end = (real_numbers(folder.episodes, column, where) for column in told[2:])
    paths = [
        folder.video_file(key, c, f).relative_to(folder.root).as_posix()
        for c, f in zip(chunk, file, strict=True)
    ]
    known = folder.episodes["episode_index"].to_numpy()
    places = np.searchsorted(known, episode)
    places = np.where(places < len(known), places, 0)
    index = pa.array(places, mask=known[places] != episode)
    kinds = (pa.string(), pa.float64(), pa.float64())
    return {
        f"{key}.{part}": pa.array(values, kind).take(index)
        for part, values, kind in zip(VIDEO_PARTS, (paths, begin, end), kinds, strict=True)
    }


def _video_column(folder: LeRobotFolder, name: str) -> bool:
    return any(name == f"{key}.{part}" for key in folder.video_keys() for part in VIDEO_PARTS)


FORMAT = EventFormat(
    name="lerobot",
    title="LeRobotDataset v3.0",
    columns={
        "episode_index": "number of the episode, from 0: the trajectory",
        "frame_index": "number of the frame in its episode, from 0",
        "timestamp": "seconds from the start of the episode",
        "index": "number of the frame in the dataset, from 0",
        "task_index": "number of the task",
        "task": "the task in words",
    },
    tables=_tables,
    is_folder=True,
    notices=lambda source: lerobot_notices(open_lerobot(_folder(source))),
)
