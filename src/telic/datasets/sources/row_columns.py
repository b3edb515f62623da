"""What a row says beside its measurements: when it was, who decided, whether it was the end, and what it weighs."""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.contract import TaskContract
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, FloatArray, IntArray

from .labels import labels_and_codes
from .pseudonyms import pseudonyms_of
from .read import SourceColumns

__all__ = ["people_of", "terminated_of", "times_of", "weights_of"]

UNKNOWN = "demonstrator-unknown"
"""Stands for every row that does not say who decided."""


def times_of(source: SourceColumns, contract: TaskContract) -> FloatArray | None:
    """``(n,)`` seconds of each row of the files, or None; a missing one is a ``DataError``."""
    """``(n,)`` seconds since 1970 of each row, or None where the contract names no time; the column is used up.

    Raises:
        DataError: a time is missing.
    """
    column = source.columns.pop("time", None)
    if column is None:
        return None
    _require_all(
        column,
        "time",
        contract.data.time or "",
        "Fill it in, or leave `data.time` out where rows are in order.",
        source,
    )
    return np.asarray(column.to_numpy(), dtype=np.float64)


def people_of(
    source: SourceColumns, contract: TaskContract, findings: list[Finding]
) -> tuple[IntArray | None, tuple[str, ...]]:
    """``(n,)`` who decided, as places among the pseudonyms, and these; rows that do not say are a finding."""
    """``(n,)`` index of who decided each row, and the pseudonyms it counts in; rows that do not say are one person.

    Args:
        source: columns; that of the demonstrator is used up.
        contract: names the task and the key of the pseudonyms.
        findings: told where rows do not say who decided.
    """
    column = source.columns.pop("demonstrator", None)
    if column is None:
        return None, ("all",)
    codes, names = labels_and_codes(column)
    known = pseudonyms_of(names, contract)
    gone = int(np.sum(codes < 0))
    if gone:
        known = (*known, UNKNOWN)
        findings.append(
            Finding(
                code="unknown-demonstrator",
                severity=Severity.NOTICE,
                message=f"{gone:,} of {len(codes):,} rows do not say who decided; they count as one "
                f"demonstrator, `{UNKNOWN}`.",
                hint="Fill in the column at the source where it can be known.",
                evidence={"count": gone},
            )
        )
    people = tuple(sorted(known))  # by pseudonym, so that the order says nothing about the names
    table = np.array([people.index(p) for p in known], dtype=np.int32)
    return table[codes], people  # code -1 is the last place, which is UNKNOWN where it occurs


def terminated_of(source: SourceColumns, contract: TaskContract) -> BoolArray | None:
    """``(n,)`` whether the task ended with the row, or None; a missing flag is a ``DataError``."""
    """``(n,)`` whether the task ended with the row, or None where the contract names no such column.

    Raises:
        DataError: a flag is missing.
    """
    column = source.columns.pop("terminated", None)
    if column is None:
        return None
    _require_all(
        column,
        "terminated flag",
        contract.outcomes.terminated or "",
        "Write false where the task went on.",
        source,
    )
    return np.asarray(column.to_numpy(), dtype=bool)


def weights_of(source: SourceColumns, contract: TaskContract) -> FloatArray | None:
    """``(n,)`` weight of each row, or None; a missing or negative one is a ``DataError``."""
    """``(n,)`` how much each row counts, at least 0, or None where the contract names no such column.

    Raises:
        DataError: a weight is missing or negative.
    """
    column = source.columns.pop("weight", None)
    if column is None:
        return None
    _require_all(
        column,
        "weight",
        contract.data.weight or "",
        "Write 1 where nothing is known, 0 to leave a row out.",
        source,
    )
    weights = np.asarray(column.to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        raise DataError(
            f"Weights (column `{contract.data.weight}`) must not be negative; {len(bad):,} of "
            f"{len(weights):,} are "
            f"(first {weights[bad[0]]:g} in {source.rows.first(bad)}).",
            hint="Use 0 to leave a row out.",
            rows=bad[:20].tolist(),
        )
    return weights


def _require_all(column: Any, what: str, name: str, hint: str, source: SourceColumns) -> None:
    if not column.null_count:
        return
    gone = np.flatnonzero(np.asarray(column.is_null().combine_chunks()))
    raise DataError(
        f"The {what} (column `{name}`) is missing in {len(gone):,} of {len(column):,} rows: "
        f"{source.rows.first(gone)}.",
        hint=hint,
        rows=gone[:20].tolist(),
    )
