"""What is said of whole trajectories, though a log writes it beside rows: who made it, how it ended, its labels."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.contract.streams import Origin
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS
from telic.typing import IntArray, LongArray

from .labels import labels_and_codes
from .read import SourceColumns

__all__ = ["labels_of_trajectories", "origins_of", "succeeded_of", "success_of_trajectories"]

assert get_args(Origin) == ORIGINS

UNKNOWN = ORIGINS.index("unknown")

SHOWN_LABELS = 8
"""Different texts of one trajectory that its label names."""


def origins_of(source: SourceColumns, contract: TaskContract) -> IntArray | None:
    """``(n,)`` index into ``ORIGINS`` of each row (missing: unknown), or None where the contract names no column.

    Raises:
        DataError: the column holds a text that stands for no origin.
    """
    column = source.columns.pop("origin", None)
    if column is None:
        return None
    codes, texts = labels_and_codes(column)
    meaning = {**{name: name for name in ORIGINS}, **dict(contract.data.origin_values)}
    odd = [i for i, text in enumerate(texts) if text not in meaning]
    if odd:
        first = np.flatnonzero(np.isin(codes, odd))
        raise DataError(
            f"The origin (column `{contract.data.origin_column}`) must be one of {', '.join(ORIGINS)}; "
            f"{len(first):,} of {len(codes):,} rows hold others: "
            f"{', '.join(f'`{texts[i]}`{near_miss(texts[i], list(ORIGINS))}' for i in odd[:5])} "
            f"(first in {source.rows.first(first)}).",
            hint="Say in `data.origin_values` what each text means.",
            unknown=[texts[i] for i in odd[:20]],
        )
    table = np.array([ORIGINS.index(meaning[text]) for text in texts] + [UNKNOWN], dtype=np.int32)
    return table[codes]


def succeeded_of(source: SourceColumns) -> IntArray | None:
    """``(n,)`` 1, 0 or -1 (not known) of each row, or None where the contract names no column."""
    column = source.columns.pop("succeeded", None)
    if column is None:
        return None
    known = np.asarray(column.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
    values = np.asarray(column.fill_null(False).to_numpy()).astype(np.int32)
    return np.where(known, values, np.int32(-1)).astype(np.int32)


def success_of_trajectories(rows: IntArray, offsets: LongArray, findings: list[Finding]) -> IntArray:
    """``(N,)`` the last known value of each trajectory, -1 where there is none; failures are kept and counted.

    Args:
        rows: ``(n,)`` of ``succeeded_of``, in order.
        offsets: ``(N + 1,)``.
        findings: told the counts.
    """
    last = np.maximum.accumulate(np.where(rows >= 0, np.arange(len(rows)), -1))[offsets[1:] - 1]
    found = np.where(last >= offsets[:-1], rows[last], -1).astype(np.int32)
    counts = {
        name: int(np.sum(found == code)) for name, code in (("succeeded", 1), ("failed", 0), ("unknown", -1))
    }
    findings.append(
        Finding(
            code="outcomes",
            severity=Severity.INFO,
            message=f"Of {len(found):,} trajectories {counts['succeeded']:,} succeeded, {counts['failed']:,} failed "
            f"and {counts['unknown']:,} do not say; all were kept.",
            hint="",
            evidence=counts,
        )
    )
    return found


def labels_of_trajectories(
    codes: IntArray, texts: tuple[str, ...], offsets: LongArray
) -> NDArray[np.object_]:
    """``(N,)`` text of each trajectory: its value, several joined by `` | ``, empty where there is none.

    Args:
        codes: ``(n,)`` place in ``texts`` of each row, -1 where missing.
        texts: sorted.
        offsets: ``(N + 1,)``.
    """
    n_trajectories = len(offsets) - 1
    which = np.repeat(np.arange(n_trajectories), np.diff(offsets))
    pairs = np.unique(which[codes >= 0].astype(np.int64) * max(len(texts), 1) + codes[codes >= 0])
    of, place = np.divmod(pairs, max(len(texts), 1))
    first = np.searchsorted(of, np.arange(n_trajectories))
    after = np.searchsorted(of, np.arange(n_trajectories), side="right")
    labels = np.full(n_trajectories, "", dtype=object)
    single = after - first == 1
    labels[single] = np.asarray([*texts, ""], dtype=object)[place[first[single]]]
    for i in np.flatnonzero(after - first > 1):
        named = [texts[p] for p in place[first[i] : after[i]][:SHOWN_LABELS].tolist()]
        labels[i] = " | ".join([*named, "..."] if after[i] - first[i] > SHOWN_LABELS else named)
    return labels
