"""What a row says beside its measurements: when it was, who decided, whether it was the end, and what it weighs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.errors import DataError
from telic.typing import BoolArray, FloatArray, IntArray

from .faults import Fault, fault_of
from .labels import labels_and_codes
from .pseudonyms import people_key, person_digests, pseudonyms_from
from .rows import RowNames

__all__ = ["UNKNOWN", "digests_of", "people_of", "terminated_of", "times_of", "weights_of"]

UNKNOWN = "demonstrator-unknown"
"""Stands for every row that does not say who decided."""


def times_of(column: pa.ChunkedArray, contract: TaskContract, first_row: int) -> tuple[FloatArray, Fault]:
    """``(n,)`` seconds since 1970 of each row, and the rows without one.

    Args:
        column: as ``coerce`` left it.
        contract: names the column.
        first_row: of the column, counted through all files.
    """
    words = "time", contract.data.time or "", "Fill it in, or leave `data.time` out where rows are in order."
    gone = _gone(column, words, first_row)
    return np.asarray(column.to_numpy(), dtype=np.float64), gone


def digests_of(column: pa.ChunkedArray, contract: TaskContract) -> tuple[IntArray, tuple[str, ...]]:
    """``(n,)`` index of who decided each row (-1: it does not say), and the digest of each person's name.

    Args:
        column: names, as ``coerce`` left them.
        contract: names the task and the key of the pseudonyms.
    """
    codes, names = labels_and_codes(column)
    return codes, person_digests(names, contract.identity.task, people_key(contract))


def people_of(
    digests: Sequence[str], contract: TaskContract, *, has_unknown: bool
) -> tuple[tuple[str, ...], IntArray]:
    """The pseudonyms of a dataset, and the place among them of each digest and, last, of who is not known.

    Args:
        digests: of all people in it.
        contract: names the key of the pseudonyms.
        has_unknown: whether there are rows that do not say who decided; they are one person.

    Raises:
        DataError: two people have one pseudonym under the secret key.
    """
    known = pseudonyms_from(digests, people_key(contract))
    if has_unknown:
        known = (*known, UNKNOWN)
    people = tuple(sorted(known))  # by pseudonym, so that the order says nothing about the names
    place = {name: i for i, name in enumerate(people)}
    table = [place[name] for name in known]
    return people, np.array(table if has_unknown else [*table, -1], dtype=np.int32)


def terminated_of(column: pa.ChunkedArray, contract: TaskContract, first_row: int) -> tuple[BoolArray, Fault]:
    """``(n,)`` whether the task ended with the row, and the rows that do not say; arguments as ``times_of``."""
    words = "terminated flag", contract.outcomes.terminated or "", "Write false where the task went on."
    gone = _gone(column, words, first_row)
    known = column.fill_null(False) if column.null_count else column
    return np.asarray(known.to_numpy(), dtype=bool), gone


def weights_of(
    column: pa.ChunkedArray, contract: TaskContract, first_row: int
) -> tuple[FloatArray, dict[str, Fault]]:
    """``(n,)`` how much each row counts, and the rows that do not say or say less than 0; arguments as ``times_of``."""
    words = "weight", contract.data.weight or "", "Write 1 where nothing is known, 0 to leave a row out."
    faults = {"weight: missing": _gone(column, words, first_row)}
    weights = np.asarray(column.to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        tell = partial(_negative, contract.data.weight or "", float(weights[bad[0]]))
        faults["weight: negative"] = fault_of(tell, bad, first_row)
    return weights, faults


def _negative(column: str, first: float, fault: Fault, rows: RowNames) -> DataError:
    return DataError(
        f"Weights (column `{column}`) must not be negative; {fault.count:,} of "
        f"{rows.total:,} are "
        f"(first {first:g} in {rows.first_of(fault.rows, fault.count)}).",
        hint="Use 0 to leave a row out.",
        rows=list(fault.rows),
    )


def _gone(column: pa.ChunkedArray, words: tuple[str, str, str], first_row: int) -> Fault:
    gone = (
        np.flatnonzero(np.asarray(column.is_null().combine_chunks()))
        if column.null_count
        else np.zeros(0, dtype=np.int64)
    )
    return fault_of(partial(_missing, *words), gone, first_row)


def _missing(what: str, name: str, hint: str, fault: Fault, rows: RowNames) -> DataError:
    return DataError(
        f"The {what} (column `{name}`) is missing in {fault.count:,} of {rows.total:,} rows: "
        f"{rows.first_of(fault.rows, fault.count)}.",
        hint=hint,
        rows=list(fault.rows),
    )
