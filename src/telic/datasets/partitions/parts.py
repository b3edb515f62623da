"""A range of source trajectories into decisions: one file of rows of the version, and what its trajectories are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.datasets.layout import row_table, trajectory_table, write_table
from telic.datasets.sources.arrange import arrange
from telic.datasets.sources.assemble import counted, demonstrations_of, piece_numbers
from telic.datasets.sources.faults import Fault
from telic.datasets.sources.noticed import Noticed
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .gather import Codes, gather
from .ranges import Range
from .runs import Run
from .text_table import OPEN
from .withheld import GROUP_ROWS, Held, Sieve, hold

__all__ = ["KEPT", "Made", "make_part", "steps_between"]

KEPT = "kept"
"""Column that says which trajectories stay, where some may have to go."""

MOST_STEPS = 4096
"""Different steps of time that a part counts; beyond it the steps are counted when all parts are there."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One part.

    Attributes:
        rows: name of its file of rows; None: no decision is left, or something is at fault.
        trajectories: file of what its trajectories are.
        faults: rows that break the contract.
        noticed: counts.
        steps: seconds between decisions to how often; None: too many to count here.
        categories: name of each category to its labels, with one for what is missing where that was filled in.
        held: of rows that must not lie open, what is known of those that stay.
    """

    rows: str | None
    trajectories: Path | None
    faults: Mapping[str, Fault]
    noticed: Noticed
    steps: Mapping[float, int] | None = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    held: Held | None = None

    @property
    def n_rows(self) -> int:
        """Rows in the file."""
        return self.noticed.n_decisions if self.held is None else self.held.n_rows


def make_part(
    runs: Sequence[Run],
    limits: Range,
    codes: Codes,
    contract: TaskContract,
    folder: Path,
    number: int,
    *,
    broken: Mapping[str, Fault],
    sieve: Sieve | None = None,
) -> Made:
    """The part, after its files were written.

    Args:
        runs: in the order of the files.
        limits: names of its trajectories.
        codes: of all runs.
        contract: says what rows mean.
        folder: of the version that is being built.
        number: tells parts apart; files are in its order.
        broken: faults of the rows that are known; where there are any, only others are looked for.
        sieve: of rows that must not lie open; None: they may.

    Raises:
        OSError: the files cannot be written.
    """
    rows = gather(runs, limits, codes, contract)
    if rows is None:
        return Made(rows=None, trajectories=None, faults={}, noticed=Noticed())
    rows.faults = dict(broken)
    arranged, noticed, faults = arrange(rows, contract)
    if arranged is None:
        return Made(rows=None, trajectories=None, faults=faults, noticed=noticed)
    names, nth = piece_numbers(*arranged)
    demos = demonstrations_of(*arranged, contract)
    if not demos.n_decisions:
        return Made(rows=None, trajectories=None, faults=faults, noticed=noticed, categories=demos.categories)
    name = f"rows-{number:05d}.parquet"
    beside = folder / f"trajectories-{number:05d}.arrow"
    table = trajectory_table(demos).drop_columns("trajectory_ids")
    table = table.append_column("name", pa.array(names, pa.string())).append_column("nth", pa.array(nth))
    steps = _steps(demos) if contract.timing.control_period_seconds is not None else {}
    held = None
    if sieve is None:
        write_table(row_table(demos), folder / name, group_rows=GROUP_ROWS)
    else:
        keep = sieve.keeps(demos)
        table = table.append_column(KEPT, pa.array(keep))
        seconds = steps_between(demos) if steps is None else None
        held = hold(demos, keep, seconds, sieve.scratch, folder / name)
    scratch = OPEN if sieve is None else sieve.scratch
    with scratch.writing(beside) as raw, pa.ipc.new_file(raw, table.schema) as file:
        file.write_table(table, max_chunksize=GROUP_ROWS)
    made = Made(
        rows=name,
        trajectories=beside,
        faults=faults,
        noticed=noticed.and_(counted(demos)),
        steps=steps,
        categories=demos.categories,
        held=held,
    )
    del demos
    pa.default_memory_pool().release_unused()
    return made


def steps_between(demos: Demonstrations) -> FloatArray:
    """Seconds from each decision to the next of the same trajectory.

    Args:
        demos: with times.
    """
    assert demos.times is not None
    assert demos.next_known is not None
    return np.diff(demos.times)[demos.next_known[:-1]]


def _steps(demos: Demonstrations) -> dict[float, int] | None:
    if demos.times is None or demos.next_known is None:
        return {}
    steps = steps_between(demos)
    distinct, counts = np.unique(steps, return_counts=True)
    if len(distinct) > MOST_STEPS:
        return None
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))
