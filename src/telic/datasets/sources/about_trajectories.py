"""What is said of whole trajectories, though a log writes it beside rows: who made it, how it ended, its labels."""

from __future__ import annotations

from functools import partial
from typing import get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.contract.streams import Origin
from telic.errors import DataError
from telic.trajectories import ORIGINS
from telic.typing import IntArray, LongArray

from .faults import Fault, fault_of
from .labels import labels_and_codes
from .rows import RowNames

__all__ = ["labels_of_trajectories", "origins_of", "succeeded_of", "success_of_trajectories"]

assert get_args(Origin) == ORIGINS

UNKNOWN = ORIGINS.index("unknown")

SHOWN_LABELS = 8
"""Different texts of one trajectory that its label names."""


def origins_of(
    column: pa.ChunkedArray, contract: TaskContract, first_row: int
) -> tuple[IntArray, Fault | None]:
    """``(n,)`` index into ``ORIGINS`` of each row (missing: unknown), and rows whose text stands for no origin.

    Args:
        column: as ``coerce`` left it.
        contract: says what the texts mean.
        first_row: of the column, counted through all files.
    """
    codes, texts = labels_and_codes(column)
    meaning = {**{name: name for name in ORIGINS}, **dict(contract.data.origin_values)}
    odd = [i for i, text in enumerate(texts) if text not in meaning]
    table = [ORIGINS.index(meaning.get(text, "unknown")) for text in texts]
    found = np.array([*table, UNKNOWN], dtype=np.int32)[codes]
    if not odd:
        return found, None
    tell = partial(_no_origin, contract.data.origin_column or "")
    return found, fault_of(tell, np.flatnonzero(np.isin(codes, odd)), first_row, (texts[i] for i in odd))


def _no_origin(column: str, fault: Fault, rows: RowNames) -> DataError:
    odd = sorted(fault.texts)
    return DataError(
        f"The origin (column `{column}`) must be one of {', '.join(ORIGINS)}; "
        f"{fault.count:,} of {rows.total:,} rows hold others: "
        f"{', '.join(f'`{text}`{near_miss(text, list(ORIGINS))}' for text in odd[:5])} "
        f"(first in {rows.first_of(fault.rows, fault.count)}).",
        hint="Say in `data.origin_values` what each text means.",
        unknown=odd[:20],
    )


def succeeded_of(column: pa.ChunkedArray) -> IntArray:
    """``(n,)`` 1, 0 or -1 (not known) of each row.

    Args:
        column: truth values.
    """
    known = np.asarray(column.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
    values = np.asarray(column.fill_null(False).to_numpy()).astype(np.int32)
    return np.where(known, values, np.int32(-1)).astype(np.int32)


def success_of_trajectories(rows: IntArray, offsets: LongArray) -> IntArray:
    """``(N,)`` the last known value of each trajectory, -1 where there is none.

    Args:
        rows: ``(n,)`` of ``succeeded_of``, in order.
        offsets: ``(N + 1,)``.
    """
    last = np.maximum.accumulate(np.where(rows >= 0, np.arange(len(rows)), -1))[offsets[1:] - 1]
    return np.where(last >= offsets[:-1], rows[last], -1).astype(np.int32)


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
