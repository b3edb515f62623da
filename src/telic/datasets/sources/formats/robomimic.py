"""robomimic HDF5: demonstrations ``data/demo_0``, ``data/demo_1``, ..., one row a step.

``demo`` names the demonstration and ``step`` counts in it; arrays become flat columns (``actions.0``,
``obs.eef_pos.2``), pictures are left out. ``mask.train`` (and every other filter of the file) is true in the
demonstrations that the filter names. There are no times, and no mark for an end other than ``dones``, which most files
set at success or at the last step, as their writer chose.

Reference: robomimic 0.3, "Dataset Contents and Visualization".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from telic.datasets.sources.arrays import array_columns, array_names, constant, gathered, number_notices
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.hdf5_files import (
    attribute,
    hdf5_file,
    leaves,
    member,
    members,
    numbered,
    read_rows,
)
from telic.datasets.sources.pieces import PIECE_ROWS
from telic.errors import DataError
from telic.reports import Finding, Severity

__all__ = ["FORMAT"]

BOUND = 1.0 + 1e-6
"""Size of an action above which robomimic's own training would cut it off: actions are in [-1, 1]."""


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    with hdf5_file(source.path, source.name) as file:
        data = member(file, "data", source.name)
        demos = [] if not hasattr(data, "keys") else numbered(data, "demo_", source.name)
        if not demos:
            raise DataError(
                f"{source.name} has no demonstrations `data/demo_0`, ..., so it is no robomimic dataset; it has"
                f" {', '.join(sorted(file)[:8]) or 'nothing'}.",
                hint="Flat arrays with `terminals` are the format d4rl, `episode_0`, ... those of minari.",
            )
        filters = _filters(file, source.name)
        fixed = {"env_name": _environment(data, source.name)}
        yield from gathered(
            table
            for key, group in demos
            for table in _demo(
                group, {**fixed, "demo": key, **{f"mask.{f}": key in of for f, of in filters}}, source, wanted
            )
        )


def _demo(
    group: Any, fixed: dict[str, str | bool | None], source: SourceFile, wanted: Sequence[str] | None
) -> Iterator[pa.Table]:
    found = leaves(group, "", source.name)
    if "actions" not in found:
        raise DataError(
            f"{group.name} of {source.name} has no `actions`.", hint="Was its writer stopped half way?"
        )
    n_rows = found["actions"].shape[0]
    told = attribute(group, "num_samples")
    wrong = {name: d.shape[0] for name, d in found.items() if d.shape[0] != n_rows}
    if told is not None and told != n_rows:
        wrong["num_samples"] = told
    if wrong:
        name, n = next(iter(wrong.items()))
        raise DataError(
            f"{group.name} of {source.name} has {n_rows} actions and {n} `{name}`.",
            hint="Was its writer stopped half way? Remove this demonstration, or export it again.",
            demo=fixed["demo"],
        )
    chosen = {
        name: dataset
        for name, dataset in found.items()
        if wanted is None or not set(array_names(name, dataset.shape)).isdisjoint(wanted)
    }
    for begin in range(0, n_rows, PIECE_ROWS):
        end = min(begin + PIECE_ROWS, n_rows)
        columns = {**constant(fixed, end - begin), "step": pa.array(np.arange(begin, end))}
        for name, dataset in chosen.items():
            if array_names(name, dataset.shape):
                columns |= array_columns(name, read_rows(dataset, begin, end))
        yield pa.table(columns)


def _filters(file: Any, name: str) -> list[tuple[str, frozenset[str]]]:
    """Each filter with the demonstrations that it names."""
    mask = member(file, "mask", name)
    if not hasattr(mask, "keys"):
        return []
    found = []
    for key, dataset in members(mask, name):
        if hasattr(dataset, "shape") and len(dataset.shape) == 1:
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in dataset[:]]
            found.append((key, frozenset(texts)))
    return found


def _environment(data: Any, name: str) -> str | None:
    told = attribute(data, "env_args")
    if told is None:
        return None
    try:
        found = json.loads(str(told))
    except (ValueError, RecursionError):
        raise DataError(
            f"`env_args` of {name} is not JSON.", hint="Is this a robomimic dataset, and whole?"
        ) from None
    return str(found["env_name"]) if isinstance(found, dict) and "env_name" in found else None


def _notices(source: SourceFile) -> Iterator[Finding]:
    yield from number_notices(_tables(source, None), source.name, episode="demo", step="step")
    count, first, most = 0, "", 0.0
    for table in _tables(source, None):
        for name in (n for n in table.column_names if n == "actions" or n.startswith("actions.")):
            values = np.abs(table[name].to_numpy().astype(np.float64))
            rows = np.flatnonzero(values > BOUND)
            if len(rows):
                first = (
                    first
                    or f"`{name}` in demo {table['demo'][int(rows[0])]} step {table['step'][int(rows[0])]}"
                )
                count, most = count + len(rows), max(most, float(values[rows].max()))
    if count:
        yield Finding(
            code="actions-beyond-one",
            severity=Severity.NOTICE,
            message=f"{count:,} actions of {source.name} are outside [-1, 1], up to {most:.4g}, first {first}.",
            hint="robomimic expects normalised actions; say in the contract which unit these have.",
            evidence={"count": count, "first": first, "largest": most},
        )


FORMAT = EventFormat(
    name="robomimic",
    title="robomimic HDF5",
    columns={
        "demo": "name of the demonstration, `demo_0`: the trajectory",
        "step": "number of the step in its demonstration, from 0",
        "env_name": "environment, from `env_args`",
    },
    tables=_tables,
    notices=_notices,
)
