"""Rows that must not lie open: sealed while they are on their way, and without people who were erased before.

Where a contract encrypts rows by person, or people were erased from the store, everything that an ingest keeps on the
disk is sealed with a key of its own (``telic.datasets.privacy.scratch``). A part is made of all its rows, because
findings and errors count all of them; only the rows of those who stay are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from telic.datasets.layout import is_shifted, write_table
from telic.datasets.privacy.left_out import Erased, kept_trajectories
from telic.datasets.privacy.scratch import Scratch, can_seal
from telic.datasets.privacy.sealed_rows import codes_of, unknown_cleared
from telic.datasets.privacy.sealing import SubjectKeys
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray

from .block_digests import renumber_codes
from .row_digests import RowFiles, Told
from .stored import Stored, put_column, read_column

__all__ = ["Held", "Sieve", "Withheld", "expanded", "hold", "open_files", "sieve_of", "withheld_from"]

GROUP_ROWS = 1 << 17
"""Rows a row group of the version's files: two blocks of the digest."""

STEPS = 1 << 20
"""Steps of time that are read at a time."""


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """What an ingest must not leave lying about.

    Attributes:
        scratch: how its files are sealed; without a key nothing may go to the disk.
        erased: who was erased.
        store: folder of the store, with its record.
    """

    scratch: Scratch
    erased: Erased
    store: Path

    def has_changed(self) -> bool:
        """Whether somebody was erased since."""
        return Erased.of(self.erased.keys, self.store, self.erased.listed) != self.erased


@dataclass(frozen=True, kw_only=True)
class Sieve:
    """The same for one part.

    Attributes:
        scratch: how its files are sealed.
        people: places of erased people among all.
        values: digests of erased pseudonyms.
    """

    scratch: Scratch
    people: frozenset[int]
    values: frozenset[str]

    def keeps(self, demos: Demonstrations) -> BoolArray:
        """``(N,)`` whether a trajectory stays."""
        return kept_trajectories(demos, self.people, self.values)


def withheld_from(keys: SubjectKeys | None, store: Path, listed: Collection[str]) -> Withheld:
    """What an ingest into a store must not leave lying about.

    Args:
        keys: of the store; None where its rows are not sealed.
        store: its folder.
        listed: observations whose labels the contract lists.

    Raises:
        SettingsError: rows are to be sealed, and the extra ``privacy`` is not installed.
    """
    scratch = Scratch.sealed() if keys is not None or can_seal() else Scratch()
    return Withheld(scratch=scratch, erased=Erased.of(keys, store, listed), store=store)


def sieve_of(withheld: Withheld, people: Sequence[str]) -> Sieve:
    """What sifts parts.

    Args:
        withheld: of the ingest.
        people: pseudonyms of everybody.
    """
    erased = withheld.erased
    return Sieve(scratch=withheld.scratch, people=erased.among(people), values=erased.values)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What is known of the rows of a part that stay.

    Attributes:
        n_rows: number of rows that stay.
        n_trajectories: number of trajectories that stay.
        n_gone: number of those that do not.
        people: who decides in them.
        codes: codes that occur in them, of each category.
        shifted: observations whose value after a decision is that of the next row.
        steps: file with the seconds between all decisions, where in it, and how many; None: few different ones.
    """

    n_rows: int
    n_trajectories: int
    n_gone: int
    people: IntArray
    codes: Mapping[str, IntArray]
    shifted: frozenset[str]
    steps: tuple[Path, Stored, int] | None


def hold(
    demos: Demonstrations, keep: BoolArray, steps: FloatArray | None, scratch: Scratch, path: Path
) -> Held:
    """What is known of the rows that stay, after they were written.

    Args:
        demos: of a part.
        keep: ``(N,)`` which of its trajectories stay.
        steps: seconds between its decisions, where they are to be kept.
        scratch: how files are sealed.
        path: of the rows; the steps lie beside it.

    Raises:
        OSError: the files cannot be written.
    """
    left = unknown_cleared(demos if keep.all() else demos.select(keep))
    with scratch.writing(path) as file:
        pq.write_table(
            pa.table({name: pa.array(values) for name, values in _columns(left)}),
            file,
            compression="snappy",  # gone before long
            use_dictionary=False,
            row_group_size=GROUP_ROWS,
        )
    kept_steps = None
    if steps is not None:
        beside = path.with_suffix(".steps")
        with scratch.writing(beside) as file:
            kept_steps = beside, put_column(file, steps), len(steps)
    return Held(
        n_rows=left.n_decisions,
        n_trajectories=left.n_trajectories,
        n_gone=int(np.sum(~keep)),
        people=np.unique(left.demonstrators),
        codes={name: np.array(sorted(codes), dtype=np.int32) for name, codes in codes_of(left).items()},
        shifted=frozenset(n for n in left.next_observations if keep.all() or is_shifted(left, n)),
        steps=kept_steps,
    )


def open_files(rows: RowFiles, shifted: Collection[str], folder: Path, told: Told) -> Iterator[str]:
    """Names of the files of rows of a version that may lie open, each after it is in the folder and on the disk.

    Args:
        rows: of all parts; their files are used up.
        shifted: observations whose value after a decision is that of the next row, and is not written again.
        folder: of the version.
        told: is told how far it is.

    Raises:
        OSError: the files cannot be written.
    """

    def written(task: tuple[Path, int]) -> str | None:
        path, n = task
        if n:
            with rows.scratch.arrow(path) as raw, pq.ParquetFile(raw) as file:
                table = file.read(use_threads=False)
            columns = {name: table[name].to_numpy() for name in table.column_names}
            renumber_codes(columns, rows.tables)
            for name in shifted:
                del columns[f"next_observation:{name}"]
            write_table(pa.table(columns), folder / path.name, group_rows=GROUP_ROWS)
        path.unlink()
        return path.name if n else None

    yield from filter(None, told("writing rows", map(written, rows.files), len(rows.files)))


def _columns(demos: Demonstrations) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each column of rows, what followed a decision among them."""
    for name in ("actions", "times", "weights", "next_known"):
        column = getattr(demos, name)
        if column is not None:
            yield name, column
    if demos.offered is not None:
        for i, column in enumerate(demos.offered.T):
            yield f"offered:{i}", np.ascontiguousarray(column)
    for kind, columns in (
        ("observation", demos.observations),
        ("next_observation", demos.next_observations),
    ):
        for name, column in columns.items():
            yield f"{kind}:{name}", column


def expanded(
    parts: Iterable[tuple[Mapping[float, int] | None, Held | None]], scratch: Scratch
) -> Iterator[FloatArray]:
    """The seconds between all decisions, in pieces.

    Args:
        parts: of each, steps to how often (None: they are in its file) and what is known of its rows.
        scratch: how files are sealed.
    """
    for counts, held in parts:
        if counts is not None:
            for step, n in counts.items():
                for start in range(0, n, STEPS):
                    yield np.full(min(STEPS, n - start), step)
        elif held is not None and held.steps is not None:
            path, stored, total = held.steps
            for start in range(0, total, STEPS):
                n = min(STEPS, total - start)
                yield read_column(path, {"steps": stored}, scratch, "steps", start, n)
