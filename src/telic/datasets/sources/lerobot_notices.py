"""What a LeRobotDataset says against itself: gaps, times that do not rise, frames and files that are missing, values
that are no numbers; each with the first frame that shows it.

With ``dt`` the seconds between neighbouring frames of an episode and ``p = 1 / fps``:

- ``time-backwards``: ``dt <= 0``. Loaders look frames up by time, and find the wrong one.
- ``frame-gap``: ``dt > 1.5 p`` and ``dt > p + 5 s``, so that at least one frame is missing; s is the usual unevenness
  (1.4826 times the median of ``|dt - p|``), so that times that are merely rough are no gaps. No gap is filled.
- ``uneven-frames``: ``|dt - p|`` above ``1e-4`` s, the tolerance with which LeRobot itself looks for a frame.
- ``frame-numbers``: ``frame_index`` does not count 0, 1, 2, ... through an episode.
- ``episode-lengths``: an episode has more or fewer frames than ``meta/episodes`` says.
- ``not-finite``: a number of a feature is missing, NaN or infinite.
- ``missing-videos``: a video that the metadata name is not in the folder (states and actions are read all the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from telic.reports import Finding, Severity
from telic.typing import FloatArray, LongArray

from .lerobot_folder import LeRobotFolder
from .lerobot_tables import real_numbers, whole_numbers
from .list_columns import elements
from .parquet_files import PARQUET_FAULTS, broken_parquet
from .pieces import PIECE_ROWS

__all__ = ["GAP_PERIODS", "lerobot_notices"]

GAP_PERIODS = 1.5
"""Periods after which a frame is missing: halfway between the next frame and the one after it."""

GAP_SPREADS = 5.0
"""Times the usual unevenness by which a gap must be late: one in 3.5 million normal errors is."""

MAD_TO_DEVIATION = 1.4826
"""Standard deviation of a normal error over the median of its size."""

TOLERANCE_SECONDS = 1e-4
"""Within which LeRobot looks for the frame of a time (``tolerance_s``)."""

SPACINGS = 4
"""Spacings of float32 that a difference of two timestamps may be off by rounding alone."""


@dataclass
class _Fault:
    """Frames that show one fault: how many, and the first."""

    count: int = 0
    first: str = ""
    most: float = 0.0

    def add(self, where: LongArray, names: Iterator[str] | list[str], size: FloatArray | None = None) -> None:
        if not len(where):
            return
        if not self.count:
            self.first = next(iter(names))
        self.count += len(where)
        if size is not None:
            self.most = max(self.most, float(np.abs(size).max()))


@dataclass
class _Looking:
    """What is carried from one piece of the frames to the next."""

    last: tuple[int, int, float] | None = None
    n_frames: dict[int, int] = field(default_factory=dict)
    faults: dict[str, _Fault] = field(default_factory=dict)

    def fault(self, code: str) -> _Fault:
        return self.faults.setdefault(code, _Fault())


def lerobot_notices(folder: LeRobotFolder) -> tuple[Finding, ...]:
    """Everything of the list above that is so, worst first.

    Raises:
        DataError: a data file cannot be decoded.
    """
    looking = _Looking()
    for path in folder.data_files:
        name = folder.file_name(path)
        file = folder.frames(path)
        floats = [
            f.name
            for f in folder.features.values()
            if f.columns and f.dtype.startswith("float") and f.name in file.schema_arrow.names
        ]
        wanted = dict.fromkeys(["episode_index", "frame_index", "timestamp", *floats])
        try:
            for batch in file.iter_batches(
                PIECE_ROWS, columns=[c for c in wanted if c in file.schema_arrow.names]
            ):
                _look(looking, folder, pa.Table.from_batches([batch]), floats, name)
        except PARQUET_FAULTS as problem:
            raise broken_parquet(name, problem) from None
    return (*_findings(looking, folder), *_lengths(looking, folder), *_videos(folder))


def _look(looking: _Looking, folder: LeRobotFolder, table: pa.Table, floats: list[str], name: str) -> None:
    if not {"episode_index", "frame_index", "timestamp"} <= set(table.column_names) or not table.num_rows:
        return
    episode, frame = (whole_numbers(table, column, name) for column in ("episode_index", "frame_index"))
    time = real_numbers(table, "timestamp", name)
    for i, n in zip(*(x.tolist() for x in np.unique(episode, return_counts=True)), strict=True):
        looking.n_frames[i] = looking.n_frames.get(i, 0) + n

    def named(rows: LongArray) -> Iterator[str]:
        return (f"episode {episode[i]} frame {frame[i]}" for i in rows.tolist())

    before = looking.last or (-1, -1, 0.0)
    same = episode == np.append(before[0], episode[:-1])
    step = time - np.append(before[2], time[:-1])
    wanted = np.where(same, np.append(before[1], frame[:-1]) + 1, 0)
    period = 1.0 / folder.fps
    slack = np.maximum(
        TOLERANCE_SECONDS, SPACINGS * np.spacing(np.abs(time).astype(np.float32)).astype(np.float64)
    )
    uneven_by = MAD_TO_DEVIATION * float(np.median(np.abs(step[same] - period))) if same.any() else 0.0
    gap = same & (step > max(GAP_PERIODS * period, period + GAP_SPREADS * uneven_by))
    backwards = same & ~(step > 0)
    uneven = same & ~gap & ~backwards & (np.abs(step - period) > slack)
    for code, flags, size in (
        ("time-backwards", backwards, step),
        ("frame-gap", gap, step),
        ("uneven-frames", uneven, step - period),
        ("frame-numbers", frame != wanted, None),
    ):
        rows = np.flatnonzero(flags)
        looking.fault(code).add(rows, named(rows), None if size is None else size[rows])
    for key in floats:
        feature = folder.features[key]
        parts = elements(table[key], feature.shape, f"`{key}` of {name}")
        for column, values in zip(feature.columns, parts, strict=True):
            rows = np.flatnonzero(~np.isfinite(values.to_numpy(zero_copy_only=False).astype(np.float64)))
            looking.fault("not-finite").add(rows, (f"`{column}` in {where}" for where in named(rows)))
    looking.last = (int(episode[-1]), int(frame[-1]), float(time[-1]))


def _findings(looking: _Looking, folder: LeRobotFolder) -> Iterator[Finding]:
    period = 1.0 / folder.fps
    words = {
        "time-backwards": (
            Severity.WARNING,
            "{n} of {name} {is_are} not later than the frame before, first {first}.",
            "Loaders look frames up by time; record again, or number the times by `frame_index / fps`.",
        ),
        "frame-gap": (
            Severity.WARNING,
            "Before {n} of {name} at least one frame is missing: {most:.3g} s at most since the frame before, where"
            " {fps:g} frames a second are {period:.3g} s apart; first {first}.",
            "Set `timing.max_gap_seconds` to cut the episodes there; nothing is filled in.",
        ),
        "uneven-frames": (
            Severity.NOTICE,
            "{n} of {name} {is_are} up to {most:.3g} s off the {period:.3g} s that {fps:g} frames a second are apart,"
            " first {first}; LeRobot itself looks for a frame within 0.0001 s.",
            "LeRobot may refuse them with a timestamp error; telic takes the times as they are.",
        ),
        "frame-numbers": (
            Severity.WARNING,
            "`frame_index` of {n} of {name} does not count on from the frame before, first {first}.",
            "Were frames cut out? Then times and videos may not fit either.",
        ),
        "not-finite": (
            Severity.WARNING,
            "{n} values of {name} are missing, NaN or infinite, first {first}.",
            "Say in the contract what a missing value means (`missing: carry`, `drop` or `error`).",
        ),
    }
    for code, (severity, message, hint) in words.items():
        fault = looking.faults.get(code, _Fault())
        if fault.count:
            frames = "" if code == "not-finite" else f" frame{'s' if fault.count > 1 else ''}"
            yield Finding(
                code=code,
                severity=severity,
                message=message.format(
                    n=f"{fault.count:,}{frames}",
                    is_are="are" if fault.count > 1 else "is",
                    name=folder.name,
                    first=fault.first,
                    most=fault.most,
                    fps=folder.fps,
                    period=period,
                ),
                hint=hint,
                evidence={"count": fault.count, "first": fault.first, "largest_seconds": fault.most},
            )


def _lengths(looking: _Looking, folder: LeRobotFolder) -> Iterator[Finding]:
    told = dict(
        zip(folder.episodes["episode_index"].to_pylist(), folder.episodes["length"].to_pylist(), strict=True)
    )
    wrong = [i for i in sorted({*told, *looking.n_frames}) if told.get(i, 0) != looking.n_frames.get(i, 0)]
    if wrong:
        i = wrong[0]
        yield Finding(
            code="episode-lengths",
            severity=Severity.WARNING,
            message=f"{len(wrong)} episodes of {folder.name} have another number of frames than meta/episodes says,"
            f" first episode {i}: {looking.n_frames.get(i, 0):,} frames, {told.get(i, 0):,} by the metadata.",
            hint="Was the folder copied while it was recorded? What is there is read.",
            evidence={"episodes": wrong[:20], "count": len(wrong)},
        )


def _videos(folder: LeRobotFolder) -> Iterator[Finding]:
    missing: list[str] = []
    for key in folder.video_keys():
        told = [f"videos/{key}/chunk_index", f"videos/{key}/file_index"]
        if not set(told) <= set(folder.episodes.column_names):
            missing.append(f"videos/{key}")
            continue
        pairs = zip(*(whole_numbers(folder.episodes, c, "meta/episodes").tolist() for c in told), strict=True)
        for chunk, file in sorted(set(pairs)):
            path = folder.video_file(key, chunk, file)
            if not path.is_file():
                missing.append(path.relative_to(folder.root).as_posix())
    if missing:
        yield Finding(
            code="missing-videos",
            severity=Severity.NOTICE,
            message=f"{len(missing)} videos of {folder.name} are not in the folder: {', '.join(missing[:5])}"
            f"{', ...' if len(missing) > 5 else ''}.",
            hint="States and actions are read without them; copy them where somebody wants to look.",
            evidence={"missing": missing[:20], "count": len(missing)},
        )
