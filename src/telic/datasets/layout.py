"""How demonstrations lie in Parquet files, and back: only what cannot be computed from something else.

``next_observations`` are not stored where they are the next row's observations (as ingest makes them): the
reader lays both over one memory. Categories and actions are stored as their int32 codes, with the labels in
the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from telic.errors import PermanentError
from telic.reports import Finding, Provenance
from telic.trajectories import Demonstrations

__all__ = [
    "TRAJECTORIES",
    "from_files",
    "is_shifted",
    "manifest",
    "manifest_of",
    "row_table",
    "trajectory_table",
    "write_files",
    "write_table",
]

PART_ROWS = 1 << 23
"""Rows a file: a few hundred MB, so that parts can be copied and checked on their own."""

GROUP_ROWS = 1 << 20
"""Rows a row group: what a reader decompresses at a time."""

TRAJECTORIES = "trajectories.parquet"

_ROW_COLUMNS = ("actions", "times", "weights", "next_known", "states", "next_states")
_TRAJECTORY_COLUMNS = (
    "trajectory_ids",
    "demonstrators",
    "terminated",
    "truncated",
    "goals",
    "origins",
    "succeeded",
)


def write_files(demos: Demonstrations, folder: Path) -> list[str]:
    """Names of the files, after they are in the folder and on the disk."""
    columns = dict(_row_columns(demos))
    names = []
    for i, start in enumerate(range(0, max(1, demos.n_decisions), PART_ROWS)):
        name = f"rows-{i:05d}.parquet"
        part = pa.table({k: pa.array(v[start : start + PART_ROWS]) for k, v in columns.items()})
        write_table(part, folder / name)
        names.append(name)
    write_table(trajectory_table(demos), folder / TRAJECTORIES)
    return [*names, TRAJECTORIES]


def row_table(demos: Demonstrations) -> pa.Table:
    """One row a decision, as files hold it."""
    return pa.table({k: pa.array(v) for k, v in _row_columns(demos)})


def trajectory_table(demos: Demonstrations) -> pa.Table:
    """One row a trajectory, as files hold it."""
    per_trajectory = {n: getattr(demos, n) for n in _TRAJECTORY_COLUMNS if getattr(demos, n) is not None}
    per_trajectory["trajectory_ids"] = pa.array(demos.trajectory_ids.tolist(), pa.string())
    per_trajectory |= {f"label:{k}": pa.array(v.tolist(), pa.string()) for k, v in demos.labels.items()}
    return pa.table({"lengths": np.diff(demos.offsets), **per_trajectory})


def manifest_of(demos: Demonstrations) -> dict[str, Any]:
    """What the files do not say: digest, counts, labels, findings, provenance."""
    return manifest(
        digest=demos.digest,
        n_decisions=demos.n_decisions,
        n_trajectories=demos.n_trajectories,
        action_labels=demos.action_labels,
        people=demos.demonstrator_names,
        categories=demos.categories,
        observations=tuple(demos.observations),
        shifted=[n for n in demos.next_observations if is_shifted(demos, n)],
        columns=demos.column_digests,
        findings=demos.findings,
        provenance=demos.provenance,
    )


def manifest(
    *,
    digest: str,
    n_decisions: int,
    n_trajectories: int,
    action_labels: Sequence[str],
    people: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    observations: Sequence[str],
    shifted: Sequence[str],
    columns: Mapping[str, str],
    findings: Sequence[Finding],
    provenance: Provenance,
) -> dict[str, Any]:
    """What ``manifest_of`` says, of demonstrations that are not in memory.

    Args:
        digest: of the logical content.
        n_decisions: number of decisions.
        n_trajectories: number of trajectories.
        action_labels: of the actions.
        people: pseudonyms.
        categories: name to labels.
        observations: names.
        shifted: those of them whose values after a decision are those of the next row.
        columns: name to digest.
        findings: worst first.
        provenance: how they were made.
    """
    return {
        "digest": digest,
        "counts": {
            "decisions": n_decisions,
            "trajectories": n_trajectories,
            "demonstrators": len(people),
        },
        "action_labels": list(action_labels),
        "demonstrator_names": list(people),
        "categories": {k: list(v) for k, v in categories.items()},
        "observations": list(observations),
        "shifted": list(shifted),
        "columns": dict(columns),
        "findings": [f.to_json() for f in findings],
        "provenance": provenance.to_json(),
    }


def from_files(manifest: Mapping[str, Any], folder: Path, findings: tuple[Finding, ...]) -> Demonstrations:
    """The demonstrations in a folder whose files were compared with the manifest.

    Raises:
        PermanentError: the files do not hold what the manifest says.
    """
    try:
        columns = _read_rows(manifest, folder)
        trajectories = pq.read_table(folder / TRAJECTORIES)
    except (pa.ArrowInvalid, OSError) as problem:
        raise PermanentError(
            f"The files in {folder} cannot be read as they were published: {problem}.",
            hint="Ingest the source files again, or restore a backup.",
        ) from None
    n = manifest["counts"]["decisions"]
    current: dict[str, NDArray[Any]] = {}
    following: dict[str, NDArray[Any]] = {}
    for name in manifest["observations"]:
        values = columns.pop(f"observation:{name}")
        current[name] = values[:n]
        if name in manifest["shifted"]:
            values[n:] = values[n - 1 : n]
            following[name] = values[1:]
        elif f"next_observation:{name}" in columns:
            following[name] = columns[f"next_observation:{name}"][:n]
    per_trajectory: dict[str, Any] = {
        k: trajectories[k].to_numpy() for k in _TRAJECTORY_COLUMNS if k in trajectories.column_names
    }
    per_trajectory["trajectory_ids"] = _texts(trajectories["trajectory_ids"])
    labels = [c.removeprefix("label:") for c in trajectories.column_names if c.startswith("label:")]
    n_actions = len(manifest["action_labels"])
    offered = [columns[f"offered:{i}"][:n] for i in range(n_actions) if f"offered:{i}" in columns]
    rows: dict[str, Any] = {k: columns[k][:n] for k in _ROW_COLUMNS if k in columns}
    provenance = manifest["provenance"]
    return Demonstrations(
        **rows,
        **per_trajectory,
        offered=np.stack(offered, axis=1) if offered else None,
        labels={k: _texts(trajectories[f"label:{k}"]) for k in labels},
        offsets=np.concatenate([[0], np.cumsum(trajectories["lengths"].to_numpy())]).astype(np.int64),
        observations=current,
        next_observations=following,
        action_labels=tuple(manifest["action_labels"]),
        demonstrator_names=tuple(manifest["demonstrator_names"]),
        categories={k: tuple(v) for k, v in manifest["categories"].items()},
        findings=findings,
        provenance=Provenance(**provenance),
    )


def _read_rows(manifest: Mapping[str, Any], folder: Path) -> dict[str, NDArray[Any]]:
    """Each column in one array of ``n + 1`` values, the last of them free, filled one row group after the other.

    So no more than a row group is in memory beside the columns themselves, and an observation and what followed it can
    lie in one array.
    """
    parts = [pq.ParquetFile(folder / name) for name in sorted(manifest["files"]) if name != TRAJECTORIES]
    n, found = manifest["counts"]["decisions"], sum(part.metadata.num_rows for part in parts)
    if found != n:
        raise pa.ArrowInvalid(f"{found} rows where {n} were published")
    columns = {f.name: np.empty(n + 1, f.type.to_pandas_dtype()) for f in parts[0].schema_arrow}
    at = 0
    for part in parts:
        for i_group in range(part.num_row_groups):
            group = part.read_row_group(i_group)
            for name, values in columns.items():
                values[at : at + len(group)] = group[name].to_numpy()
            at += len(group)
    return columns


def _row_columns(demos: Demonstrations) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in _ROW_COLUMNS:
        column = getattr(demos, name)
        if column is not None:
            yield name, column
    if demos.offered is not None:
        for i, column in enumerate(demos.offered.T):
            yield f"offered:{i}", np.ascontiguousarray(column)
    for name, values in demos.observations.items():
        yield f"observation:{name}", values
    for name, values in demos.next_observations.items():
        if not is_shifted(demos, name):
            yield f"next_observation:{name}", values


def _texts(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.array(column.to_pylist(), dtype=object)


def is_shifted(demos: Demonstrations, name: str) -> bool:
    """Whether the value after each action is the next row's value, wherever it is known.

    Args:
        demos: with observations.
        name: of one of them.
    """
    here, after = demos.observations[name], demos.next_observations[name]
    if demos.next_known is None or here.dtype != after.dtype or demos.next_known[-1:].any():
        return False
    return here[1:].ctypes.data == after.ctypes.data or bool(
        np.all((here[1:] == after[:-1]) | ~demos.next_known[:-1])
    )


def write_table(table: pa.Table, path: Path, *, group_rows: int = GROUP_ROWS) -> None:
    """Nothing, after the table is in the file and on the disk.

    Args:
        table: of rows or trajectories.
        path: where to.
        group_rows: rows a row group.
    """
    codes = [f.name for f in table.schema if pa.types.is_integer(f.type) or pa.types.is_boolean(f.type)]
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            use_dictionary=codes,
            row_group_size=group_rows,
            store_schema=True,
        )
        file.flush()
        os.fsync(file.fileno())
