"""Source columns to codes and numbers, in the order of the files: all that can be said of a row without the others.

Rows may be encoded in several goes. What breaks the contract is counted (``faults``), not raised, so that one message
tells of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .about_trajectories import origins_of, succeeded_of
from .action_column import action_indices
from .choices import offered_of
from .faults import Fault
from .labels import labels_and_codes
from .measure import measure
from .noticed import Noticed
from .order import file_keys, keys_of
from .row_columns import digests_of, people_of, terminated_of, times_of, weights_of

__all__ = ["Encoded", "FilePlaces", "carry_checks", "checks_of", "encode", "with_people"]


@dataclass(kw_only=True)
class Encoded:
    """Rows as codes and numbers; arrays are ``(n,)`` and may be taken out to free their memory.

    Attributes:
        n_rows: number of rows n.
        keys: source trajectory of each row, in the order of their names.
        names: parts of the name of each source trajectory.
        actions: index of each action, -1 where it is none.
        observations: name to values; a category's are codes into ``categories``.
        missing: name to where nothing is known, of observations that lack values.
        categories: name of each category to its labels.
        times, terminated, weights, origins, succeeded, offered: see ``Demonstrations``; None: no column says it.
        demonstrators: who decided, -1 where it is not said; None: no column says it.
        people: what ``demonstrators`` counts in: digests of names, or pseudonyms.
        labels: name to codes (-1: missing) and their sorted texts.
        source_rows: place of each row in the files; None: they lie as in the files, from ``first_row`` on.
        first_row: place of the first row in the files.
        faults: check to rows that break it.
        noticed: counts.
    """

    n_rows: int
    keys: IntArray
    names: list[list[str]]
    actions: IntArray
    observations: dict[str, NDArray[Any]] = field(default_factory=dict)
    missing: dict[str, BoolArray] = field(default_factory=dict)
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    times: FloatArray | None = None
    terminated: BoolArray | None = None
    weights: FloatArray | None = None
    origins: IntArray | None = None
    succeeded: IntArray | None = None
    offered: BoolArray | None = None
    demonstrators: IntArray | None = None
    people: tuple[str, ...] = ("all",)
    labels: dict[str, tuple[IntArray, tuple[str, ...]]] = field(default_factory=dict)
    source_rows: LongArray | None = None
    first_row: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    noticed: Noticed = field(default_factory=Noticed)

    def rows_at(self, places: LongArray) -> LongArray:
        """Places in the files of rows at places here."""
        return places + self.first_row if self.source_rows is None else self.source_rows[places]


@dataclass(frozen=True, kw_only=True)
class FilePlaces:
    """Which rows of which files these are.

    Attributes:
        rows_per_file: number of rows of each file that they are from.
        first_file: place of the first of these files among all.
        n_files: number of all.
        first_row: place of the first row among the rows of all files.
    """

    rows_per_file: tuple[int, ...]
    first_file: int = 0
    n_files: int
    first_row: int = 0


def checks_of(contract: TaskContract) -> tuple[str, ...]:
    """All checks of rows, in the order in which the first that fails is told."""
    return (
        *(f"trajectory: {c}" for c in contract.data.trajectory),
        *("time: missing", "action: missing", "action: values"),
        *(f"{o.name}: {w}" for o in contract.observations for w in ("labels", "bounds", "missing")),
        *("terminated: missing", "weight: missing", "weight: negative", "origin: values", "offered: labels"),
        "duplicates",
    )


def carry_checks(contract: TaskContract) -> tuple[str, ...]:
    """Those of them that need rows in order, without the last."""
    return tuple(f"{o.name}: missing" for o in contract.observations if o.missing == "carry")


def encode(columns: dict[str, pa.ChunkedArray], contract: TaskContract, places: FilePlaces) -> Encoded:
    """The rows that the columns hold; takes the columns out as it goes, to free memory.

    Args:
        columns: role (see ``plan.Use``) to values, as ``coerce`` left them.
        contract: says what they mean.
        places: where the rows are from.
    """
    n, first_row, faults = sum(places.rows_per_file), places.first_row, dict[str, Fault]()
    if contract.data.trajectory:
        of_names = {c: columns.pop(f"trajectory:{c}") for c in contract.data.trajectory}
        keys, names, faults = keys_of(of_names, n, first_row)
        del of_names
    else:
        keys, names = file_keys(places.rows_per_file, places.first_file, places.n_files)
    rows = Encoded(
        n_rows=n,
        keys=keys,
        names=names,
        actions=np.zeros(0, dtype=np.int32),
        first_row=first_row,
        faults=faults,
        noticed=Noticed(n_rows=n),
    )
    if (column := columns.pop("time", None)) is not None:
        rows.times, faults["time: missing"] = times_of(column, contract, first_row)
    if contract.actions.column is None:
        # A log of states; ``telic.datasets.state_only`` takes these zeros out again.
        rows.actions = np.zeros(n, dtype=np.int32)
    else:
        rows.actions, found = action_indices(columns.pop("action"), contract.actions, first_row)
        faults |= found
    for o in contract.observations:
        measured = measure(columns.pop(f"observation:{o.name}"), o, first_row)
        pa.default_memory_pool().release_unused()
        rows.observations[o.name] = measured.values
        if measured.missing is not None:
            rows.missing[o.name] = measured.missing
        if measured.labels is not None:
            rows.categories[o.name] = measured.labels
        faults |= measured.faults
    _beside(rows, columns, contract)
    rows.labels = {c: labels_and_codes(columns.pop(f"label:{c}")) for c in contract.data.labels}
    return rows


def with_people(rows: Encoded, contract: TaskContract) -> Encoded:
    """The rows, their people by pseudonym in place of digests.

    Args:
        rows: all rows of a log.
        contract: names the key of the pseudonyms.

    Raises:
        DataError: two people have one pseudonym.
    """
    if rows.demonstrators is None:
        return rows
    people, table = people_of(rows.people, contract, has_unknown=rows.noticed.unknown_people > 0)
    return replace(rows, demonstrators=table[rows.demonstrators], people=people)


def _beside(rows: Encoded, columns: dict[str, pa.ChunkedArray], contract: TaskContract) -> None:
    """What rows say beside their measurements."""
    faults, first_row = rows.faults, rows.first_row
    unknown, offers = 0, None
    if (column := columns.pop("demonstrator", None)) is not None:
        rows.demonstrators, rows.people = digests_of(column, contract)
        unknown = int(np.sum(rows.demonstrators < 0))
    if (column := columns.pop("terminated", None)) is not None:
        rows.terminated, faults["terminated: missing"] = terminated_of(column, contract, first_row)
    if (column := columns.pop("weight", None)) is not None:
        rows.weights, found = weights_of(column, contract, first_row)
        faults |= found
    if (column := columns.pop("origin", None)) is not None:
        rows.origins, fault = origins_of(column, contract, first_row)
        faults |= {} if fault is None else {"origin: values": fault}
    if (column := columns.pop("succeeded", None)) is not None:
        rows.succeeded = succeeded_of(column)
    if contract.actions.offered is not None:
        rows.offered, offers, fault = offered_of(
            columns, contract.actions.offered, rows.actions, contract.actions.labels, first_row
        )
        faults |= {} if fault is None else {"offered: labels": fault}
    rows.noticed = replace(rows.noticed, unknown_people=unknown, offers=offers)
