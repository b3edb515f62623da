"""The column of actions: which of the contract's values each row holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Actions
from telic.errors import DataError
from telic.typing import IntArray

from .faults import KEPT_VALUES, Fault, fault_of
from .labels import labels_and_codes
from .rows import RowNames

__all__ = ["action_indices"]


def action_indices(
    column: pa.ChunkedArray, actions: Actions, first_row: int
) -> tuple[IntArray, dict[str, Fault]]:
    """``(n,)`` int32 index of each action among the contract's values (-1: none), and what breaks the contract.

    Args:
        column: as ``coerce`` left it, in the order of the files.
        actions: of the contract.
        first_row: of the column, counted through all files.
    """
    faults: dict[str, Fault] = {}
    gone = np.zeros(len(column), dtype=bool)
    if column.null_count:
        gone = np.asarray(column.is_null().combine_chunks())
        tell = partial(_no_action, actions)
        faults["action: missing"] = fault_of(tell, np.flatnonzero(gone), first_row)
    texts: list[str] = []
    odd: tuple[float, ...] = ()
    if actions.type == "category":
        codes, found = labels_and_codes(column)
        place = {label: i for i, label in enumerate(actions.labels)}
        table = np.array([place.get(label, -1) for label in found] + [-1], dtype=np.int32)
        indices = table[codes]
        texts = [label for label in found if label not in place]
    else:
        amounts = np.asarray(column.to_numpy(), dtype=np.float64)
        listed = np.array([float(v) for v in actions.values])
        by_size = np.argsort(listed)
        edges = (listed[by_size][1:] + listed[by_size][:-1]) / 2
        nearest = by_size[np.searchsorted(edges, amounts)]
        indices = np.where(np.abs(listed[nearest] - amounts) <= actions.tolerance, nearest, -1).astype(
            np.int32
        )
        odd = tuple(np.unique(amounts[(indices < 0) & ~gone])[:KEPT_VALUES].tolist())
    bad = np.flatnonzero((indices < 0) & ~gone)
    if len(bad):
        fault = fault_of(partial(_no_such_action, actions), bad, first_row, texts)
        faults["action: values"] = replace(fault, values=odd)
    return indices, faults


def _no_action(actions: Actions, fault: Fault, rows: RowNames) -> DataError:
    return DataError(
        f"The action (column `{actions.column}`) is missing in {fault.count:,} of {rows.total:,} rows: "
        f"{rows.first_of(fault.rows, fault.count)}.",
        hint="Each row must be a decision. If nothing was done there, give that a name of its own, "
        "such as `none`.",
        rows=list(fault.rows),
    )


def _no_such_action(actions: Actions, fault: Fault, rows: RowNames) -> DataError:
    shown = sorted(fault.texts) or [f"{v:g}" for v in fault.values]
    named = ", ".join(f"`{label}`{near_miss(label, actions.labels)}" for label in shown[:5])
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return DataError(
        f"The contract has {len(actions.values)} actions; {fault.count:,} of {rows.total:,} rows hold "
        f"others: {named}{more} "
        f"(first in {rows.first_of(fault.rows, fault.count)}).",
        hint="Add them to `actions.values`, set `actions.tolerance` for measured amounts, or drop "
        "these rows.",
        unknown=shown[:20],
        rows=list(fault.rows),
        count=fault.count,
    )
