"""Episodes as numpy arrays in one ``.npz``: ``obs``, ``acts``, ``rews``, ``terminated``, ``truncated``, ``ep_id``.

One row a step, episodes one after the other: ``ep_id`` numbers them and ``step`` counts within. ``obs`` (before the
action) and ``next_obs`` (after it) may be vectors; further arrays with a row a step are further columns. This is what
``telic.datasets.rollouts`` writes, and close to what many scripts around Gymnasium save.

Arrays of Python objects are pickles and are refused; every array is held against the size that its header claims before
memory is taken for it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.datasets.sources.arrays import array_columns, array_names, number_notices
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import UNPACKED_BYTES, UNPACKED_RATIO, SourceFile
from telic.datasets.sources.pieces import PIECE_ROWS
from telic.errors import DataError
from telic.reports import Finding

__all__ = ["FORMAT"]

NEEDED = ("acts", "ep_id", "terminated", "truncated")
STEPWISE = ("obs", "acts", "next_obs", "rews", "terminated", "truncated")
"""Arrays that have a row a step; others may have another length and are then left out."""

BROKEN = (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError)
"""What zipfile and numpy raise where the bytes are not what they should be."""


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    names = _names(source)
    if missing := [n for n in NEEDED if n not in names]:
        raise DataError(
            f"{source.name} lacks the arrays {', '.join(missing)}; it has {', '.join(names[:8]) or 'none'}.",
            hint="Save obs, acts, rews, terminated, truncated and ep_id, one row a step (`telic.datasets.rollouts`).",
        )
    episode = _array(source, "ep_id")
    if episode.ndim != 1:
        raise DataError(
            f"`ep_id` of {source.name} must have one number a step, got shape {episode.shape}.",
            hint="Number the episodes from 0.",
        )
    first = np.append(True, episode[1:] != episode[:-1]) if len(episode) else np.zeros(0, dtype=bool)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(episode)), 0))
    arrays: dict[str, NDArray[Any]] = {"step": np.arange(len(episode)) - starts}
    for name in names:
        shape = _shape(source, name)
        if shape[:1] != (len(episode),) and name.split(".")[0] not in STEPWISE:
            continue  # one value an episode, say
        if shape[:1] != (len(episode),):
            raise DataError(
                f"`{name}` of {source.name} has shape {shape}, where {len(episode):,} steps are numbered in `ep_id`.",
                hint="One row a step in every array; was its writer stopped half way?",
            )
        columns = array_names(name, shape)
        if columns and (wanted is None or not set(columns).isdisjoint(wanted)):
            arrays[name] = _array(source, name)
    for begin in range(0, len(episode), PIECE_ROWS):
        table: dict[str, pa.Array] = {}
        for name, values in arrays.items():
            table |= array_columns(name, values[begin : begin + PIECE_ROWS])
        yield pa.table(table)


def _names(source: SourceFile) -> list[str]:
    """Names of the arrays, none of which claims more than the file can hold."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.infolist()
    except BROKEN as problem:
        raise _broken(source, problem) from None
    size = source.path.stat().st_size
    if sum(m.file_size for m in members) > max(UNPACKED_BYTES, UNPACKED_RATIO * size):
        raise DataError(
            f"{source.name} unpacks to more than {UNPACKED_RATIO} bytes for each of its own.",
            hint="No log does; was the file made to do harm?",
        )
    return [m.filename.removesuffix(".npy") for m in members if m.filename.endswith(".npy")]


def _shape(source: SourceFile, name: str) -> tuple[int, ...]:
    """Shape of an array, from its header; refused where it is a pickle or claims more than is there."""
    try:
        with zipfile.ZipFile(source.path) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read(file)
            held = archive.getinfo(f"{name}.npy").file_size - file.tell()
    except BROKEN as problem:
        raise _broken(source, problem) from None
    if dtype.hasobject:
        raise DataError(
            f"`{name}` of {source.name} holds Python objects (a pickle), which are never read.",
            hint="Save numbers and texts: np.savez(path, **{name: np.asarray(values, dtype=float)}).",
        )
    if dtype.kind not in "biufSU" or int(np.prod(shape, dtype=np.float64)) * dtype.itemsize != held:
        raise DataError(
            f"`{name}` of {source.name} claims {dtype} of shape {shape}, but holds {held:,} bytes.",
            hint="Was the file cut off while it was copied? Write it again.",
        )
    return tuple(shape)


def _array(source: SourceFile, name: str) -> NDArray[Any]:
    _shape(source, name)
    try:
        with np.load(source.path, allow_pickle=False) as archive:
            values: NDArray[Any] = archive[name]
    except BROKEN as problem:
        raise _broken(source, problem) from None
    return values


def _broken(source: SourceFile, problem: Exception) -> DataError:
    return DataError(
        f"{source.name} is not a whole .npz file: {str(problem).splitlines()[0] if str(problem) else 'damaged'}.",
        hint="Was the file cut off while it was copied? Write it again.",
    )


def _notices(source: SourceFile) -> Iterator[Finding]:
    yield from number_notices(_tables(source, None), source.name, episode="ep_id", step="step")


FORMAT = EventFormat(
    name="npz-episodes",
    title="episodes as numpy arrays (.npz)",
    columns={
        "ep_id": "number of the episode: the trajectory",
        "step": "number of the step in its episode, from 0",
        "terminated": "true where the task ended",
        "truncated": "true where the record stopped, for example after a time limit",
    },
    tables=_tables,
    notices=_notices,
)
