"""D4RL HDF5: flat arrays of all episodes one after the other, one row a step.

An episode ends after a row where ``terminals`` or ``timeouts`` is true. They are not the same: after a terminal nothing
more can happen, after a timeout only the record stops. ``episode`` and ``step`` count them from 0; name ``terminals``
in ``outcomes.terminated``. ``infos`` and ``metadata`` that have a value a step are columns too.

Reference: Fu et al. (2020), "D4RL: Datasets for Deep Data-Driven Reinforcement Learning", arXiv:2004.07219.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.datasets.sources.arrays import array_columns, array_names, number_notices
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.hdf5_files import hdf5_file, leaves, read_rows
from telic.datasets.sources.pieces import PIECE_ROWS
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray

__all__ = ["FORMAT"]

NEEDED = ("observations", "actions", "terminals")
ENDS = ("terminals", "timeouts")


def _tables(source: SourceFile, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
    with hdf5_file(source.path, source.name) as file:
        found = leaves(file, "", source.name)
        if missing := [n for n in NEEDED if not any(k == n or k.startswith(f"{n}.") for k in found)]:
            raise DataError(
                f"{source.name} lacks {', '.join(f'`{n}`' for n in missing)}, so it is no D4RL dataset; it has"
                f" {', '.join(sorted(file)[:8]) or 'nothing'}.",
                hint="`data/demo_0` is the format robomimic, `episode_0` that of minari.",
            )
        n_rows = found["terminals"].shape[0]
        steps = {n: d for n, d in found.items() if n.split(".")[0] not in ("infos", "metadata")}
        for name, dataset in steps.items():
            if dataset.shape[0] != n_rows:
                raise DataError(
                    f"{source.name} has {n_rows:,} `terminals` and {dataset.shape[0]:,} `{name}`.",
                    hint="Was its writer stopped half way?",
                )
        steps |= {n: d for n, d in found.items() if n not in steps and d.shape[0] == n_rows}
        chosen = {
            name: dataset
            for name, dataset in steps.items()
            if name not in ENDS
            and (wanted is None or not set(array_names(name, dataset.shape)).isdisjoint(wanted))
        }
        episode, step = 0, 0
        for begin in range(0, n_rows, PIECE_ROWS):
            end = min(begin + PIECE_ROWS, n_rows)
            ends = {n: _truth(read_rows(steps[n], begin, end)) for n in ENDS if n in steps}
            last = np.logical_or.reduce(list(ends.values()))
            episodes = episode + np.append(0, np.cumsum(last[:-1]))
            first = np.append(True, last[:-1])
            starts = np.maximum.accumulate(np.where(first, np.arange(end - begin), 0))
            steps_in = np.arange(end - begin) - starts + np.where(episodes == episode, step, 0)
            columns = {"episode": pa.array(episodes), "step": pa.array(steps_in)}
            columns |= {name: pa.array(values) for name, values in ends.items()}
            for name, dataset in chosen.items():
                if array_names(name, dataset.shape):
                    columns |= array_columns(name, read_rows(dataset, begin, end))
            yield pa.table(columns)
            episode = int(episodes[-1]) + int(last[-1])
            step = 0 if last[-1] else int(steps_in[-1]) + 1


def _truth(values: NDArray[np.generic]) -> BoolArray:
    flags: BoolArray = values.reshape(len(values)).astype(np.float64) != 0.0
    return flags


def _notices(source: SourceFile) -> Iterator[Finding]:
    yield from number_notices(_tables(source, None), source.name, episode="episode", step="step")
    both, first = 0, ""
    has_timeouts = False
    for table in _tables(source, ["terminals"]):
        if "timeouts" in table.column_names:
            has_timeouts = True
            rows = np.flatnonzero(table["terminals"].to_numpy() & table["timeouts"].to_numpy())
            if len(rows):
                first = (
                    first or f"episode {table['episode'][int(rows[0])]} step {table['step'][int(rows[0])]}"
                )
                both += len(rows)
    if not has_timeouts:
        yield Finding(
            code="no-timeouts",
            severity=Severity.WARNING,
            message=f"{source.name} has no `timeouts`: episodes that ran out of time cannot be told from one another,"
            " and their last row seems to lead to the first row of the next.",
            hint="Cut them yourself (most tasks of D4RL have a fixed number of steps), or add `timeouts`.",
        )
    if both:
        yield Finding(
            code="terminal-and-timeout",
            severity=Severity.NOTICE,
            message=f"{both:,} rows of {source.name} are both terminal and timeout, first {first}; `terminals` is what"
            " the contract's `outcomes.terminated` reads.",
            evidence={"count": both, "first": first},
        )


FORMAT = EventFormat(
    name="d4rl",
    title="D4RL HDF5",
    columns={
        "episode": "number of the episode, from 0: the trajectory",
        "step": "number of the step in its episode, from 0",
        "terminals": "true where the task ended",
    },
    tables=_tables,
    notices=_notices,
)
