"""Minari datasets, HDF5, Arrow or Parquet: a folder ``NAME-vN`` with ``data/``, one row a step.

::

    data/metadata.json                        version, data_format, spaces, numbers of episodes and steps
    data/main_data.hdf5                       episode_0, episode_1, ...: observations (N + 1), actions, rewards, ... (N)
    data/0/part-0.arrow, data/1/...           the same, a file an episode; all padded to N + 1 rows

``episode`` and ``step`` count from 0. An episode of N actions has N + 1 observations: a row has the one before its
action (``observations``) and the one after it (``next_observations``). ``terminations`` and ``truncations`` stay apart:
name the first in ``outcomes.terminated``.

Reference: Minari 0.5, "Dataset Standards".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from telic.datasets.sources.arrays import array_columns, array_names, gathered, number_notices
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.hdf5_files import hdf5_file, leaves, numbered, read_rows
from telic.datasets.sources.json_records import json_document
from telic.datasets.sources.list_columns import elements
from telic.datasets.sources.parquet_files import PARQUET_FAULTS, broken_parquet, open_parquet
from telic.errors import DataError

__all__ = ["FORMAT"]

AFTER = "next_observations"
PARTS = ("observations", "actions", "rewards", "terminations", "truncations")


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    folder, form, n_episodes = _opened(source)
    episodes = _hdf5(source, folder, wanted) if form == "hdf5" else _arrow(source, folder, form)
    found = 0

    def chosen() -> Iterator[pa.Table]:
        nonlocal found
        for table in episodes:
            found += 1
            yield (
                table
                if wanted is None
                else table.select([c for c in table.column_names if c in wanted] or ["step"])
            )

    yield from gathered(chosen())
    if n_episodes is not None and found != n_episodes:
        raise DataError(
            f"{source.name} has {found} episodes, {n_episodes} by its metadata.json.",
            hint="Copy the folder again; was it copied while it was written?",
        )


def _opened(source: SourceFile) -> tuple[Path, str, int | None]:
    """The folder ``data``, how its episodes are kept, and how many there are."""
    folder = source.path / "data" if (source.path / "data").is_dir() else source.path
    path = folder / "metadata.json"
    if not path.is_file():
        raise DataError(
            f"{source.name} has no data/metadata.json, so it is no Minari dataset.",
            hint="Name the folder NAME-vN that holds data/; older layouts are written anew by Minari 0.5.",
        )
    name = f"{source.name}/{path.relative_to(source.path).as_posix()}"
    told = json_document(SourceFile(path=path, name=name, format="minari", digest=""))
    if not isinstance(told, dict):
        raise DataError(f"{name} must be a JSON object.", hint="Is the file damaged?")
    version = str(told.get("minari_version", "0"))
    if version.split(".")[0] != "0":
        raise DataError(
            f"{source.name} is of Minari {version}; 0.5 and its like are read.",
            hint="Write it with Minari 0.5.",
            version=version,
        )
    form = told.get("data_format", "hdf5")
    if form not in ("hdf5", "arrow", "parquet"):
        raise DataError(
            f"{name} says `data_format` {form!r}; hdf5, arrow and parquet are read.",
            hint="Convert it with Minari.",
        )
    count = told.get("total_episodes")
    return folder, str(form), count if type(count) is int else None


def _hdf5(source: SourceFile, folder: Path, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    path = folder / "main_data.hdf5"
    name = f"{source.name}/{path.relative_to(source.path).as_posix()}"
    if not path.is_file():
        raise DataError(f"{name} is missing.", hint="Copy the folder again, whole.")
    with hdf5_file(path, name) as file:
        for key, group in numbered(file, "episode_", name):
            found = leaves(group, "", name)
            where = f"{key} of {name}"
            n = _steps({n: d.shape[0] for n, d in found.items()}, where)
            columns = _numbers(int(key.removeprefix("episode_")), n)
            for column, dataset in found.items():
                names = array_names(column, dataset.shape)
                after = column.replace("observations", AFTER, 1)
                if names and _is_wanted(names, wanted):
                    columns |= array_columns(column, read_rows(dataset, 0, n))
                if names and _is_after(column) and _is_wanted(array_names(after, dataset.shape), wanted):
                    columns |= array_columns(after, read_rows(dataset, 1, n + 1))
            yield pa.table(columns)


def _is_after(column: str) -> bool:
    return column.split(".")[0] == "observations"


def _is_wanted(names: Sequence[str], wanted: Sequence[str] | None) -> bool:
    return wanted is None or not set(names).isdisjoint(wanted)


def _numbers(episode: int, n: int) -> dict[str, pa.Array]:
    return {"episode": pa.repeat(pa.scalar(episode), n), "step": pa.array(np.arange(n))}


def _steps(rows: dict[str, int], where: str) -> int:
    """Number of actions of an episode, whose arrays fit together."""
    for part in PARTS:
        if not any(name.split(".")[0] == part for name in rows):
            raise DataError(f"{where} has no `{part}`.", hint="Was its writer stopped half way?")
    n = rows["rewards"]
    for name, count in rows.items():
        part = name.split(".")[0]
        expected = (n + 1,) if part == "observations" else (n,) if part in PARTS else (n, n + 1)
        if count not in expected:
            raise DataError(
                f"{where} has {count} `{name}` for {n} rewards; {expected[0]} were expected.",
                hint="Was its writer stopped half way?",
            )
    return n


def _arrow(source: SourceFile, folder: Path, form: str) -> Iterator[pa.Table]:
    for place in sorted(
        (p for p in folder.iterdir() if p.is_dir() and p.name.isdecimal()), key=lambda p: int(p.name)
    ):
        files = sorted(place.glob(f"*.{form}"))
        name = f"{source.name}/{place.relative_to(source.path).as_posix()}"
        if not files:
            raise DataError(f"{name} has no part-0.{form}.", hint="Copy the folder again, whole.")
        table = pa.concat_tables([_read(path, f"{name}/{path.name}", form) for path in files])
        n = table.num_rows - 1  # the last row is the observation after the last action, padded
        if n < 1:
            raise DataError(f"{name} has no action.", hint="Was its writer stopped half way?")
        columns = _numbers(int(place.name), n)
        for column in table.column_names:
            for leaf, values in _leaves(column, table[column].combine_chunks()):
                for flat, array in _flat(leaf, values, name):
                    columns[flat] = array.slice(0, n)
                    if _is_after(leaf):
                        columns[flat.replace("observations", AFTER, 1)] = array.slice(1, n)
        if missing := [p for p in PARTS if not any(c.split(".")[0] == p for c in columns)]:
            raise DataError(f"{name} has no {', '.join(missing)}.", hint="Was its writer stopped half way?")
        yield pa.table(columns)


def _read(path: Path, name: str, form: str) -> pa.Table:
    try:
        if form == "parquet":
            return open_parquet(path, name).read()
        with pa.OSFile(str(path), "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        table.schema.to_string(show_schema_metadata=False)  # so that a damaged name is an error of this place
        table.validate(full=True)
        return table
    except PARQUET_FAULTS as problem:
        if form == "parquet":
            raise broken_parquet(name, problem) from None
        raise DataError(
            f"{name} is not a whole Arrow file: {str(problem).splitlines()[0]}",
            hint="Was the file cut off while it was copied? Write or copy it again.",
        ) from None


def _leaves(column: str, values: Any) -> Iterator[tuple[str, Any]]:
    """Dotted name and array of everything below a column that has fields."""
    if pa.types.is_struct(values.type):
        for i, part in enumerate(values.flatten()):
            yield from _leaves(f"{column}.{values.type.field(i).name}", part)
    else:
        yield column, values


def _flat(name: str, values: Any, where: str) -> list[tuple[str, pa.Array]]:
    """The columns of a leaf; pictures and lists of any length are left out."""
    kind = values.type
    if pa.types.is_fixed_size_list(kind):
        names = array_names(name, (0, kind.list_size))
        return (
            list(zip(names, elements(values, (kind.list_size,), f"`{name}` of {where}"), strict=True))
            if names
            else []
        )
    return [] if pa.types.is_binary(kind) or pa.types.is_nested(kind) else [(name, values)]


FORMAT = EventFormat(
    name="minari",
    title="Minari dataset",
    columns={
        "episode": "number of the episode, from 0: the trajectory",
        "step": "number of the step in its episode, from 0",
        "rewards": "reward that the environment gave after the action",
        "terminations": "true where the task ended",
        "truncations": "true where the record stopped, for example after a time limit",
    },
    tables=_tables,
    is_folder=True,
    notices=lambda source: number_notices(_tables(source, None), source.name, episode="episode", step="step"),
)
