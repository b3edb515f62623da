"""Who made each decision, where a learned policy proposed and a person had the last word."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.contract import TaskContract
from telic.datasets.sources.coerce import CATEGORY
from telic.reports import Finding, Severity
from telic.typing import BoolArray

from .acts import Acts

__all__ = ["Overrides", "made_by"]


class Overrides:
    """What people did in place of what was proposed, bucket by bucket."""

    def __init__(self) -> None:
        self._asked = 0
        self._pairs: Counter[tuple[str | None, str | None]] = Counter()

    def seen(
        self, overridden: BoolArray, asked: BoolArray, proposed: pa.ChunkedArray, done: pa.ChunkedArray
    ) -> None:
        """A bucket.

        Args:
            overridden: ``(n,)`` whether something else was done than proposed.
            asked: ``(n,)`` whether something was proposed.
            proposed: ``(n,)`` what, as text.
            done: ``(n,)`` what was done, as text.
        """
        self._asked += int(asked.sum())
        pairs = pa.table({"proposed": proposed, "done": done}).filter(pa.array(overridden))
        for c in pairs.group_by(["proposed", "done"]).aggregate([([], "count_all")]).to_pylist():
            self._pairs[c["proposed"], c["done"]] += c["count_all"]

    def finding(self) -> Finding:
        """The same in words."""
        counts = sorted(self._pairs.items(), key=lambda c: (-c[1], str(c[0][0]), str(c[0][1])))
        n = sum(self._pairs.values())
        told = ", ".join(f"{done} for {proposed} {count:,} times" for (proposed, done), count in counts[:3])
        return Finding(
            code="overrides",
            severity=Severity.INFO,
            message=f"People overrode {n:,} of {self._asked:,} proposals{f' ({told})' if told else ''}; each is a "
            "decision of theirs, with what was proposed beside it.",
            evidence={
                "proposals": self._asked,
                "overridden": n,
                "pairs": [
                    {"proposed": proposed, "done": done, "count": count} for (proposed, done), count in counts
                ],
            },
        )


def made_by(acts: Acts, contract: TaskContract, found: Overrides) -> dict[str, pa.ChunkedArray]:
    """``decision.origin``, and ``decision.proposed`` and ``decision.overridden`` where a policy proposed.

    A decision that is not what was proposed is a person's; one that is, is the policy's, unless the log says by itself
    who made it. Where nothing was proposed, the stream says.

    Args:
        acts: the decisions.
        contract: names the columns.
        found: told what was overridden.
    """
    column = contract.data.origin_column
    stated = None if column is None else acts.columns[column]
    origins = acts.origins.column() if stated is None else stated
    proposed_column, action_column = contract.decisions.proposed, contract.actions.column
    if not proposed_column or action_column is None:
        return {"decision.origin": origins}
    proposed, action = acts.columns[proposed_column], acts.columns[action_column]
    same = _same(proposed, action, contract)
    asked = np.asarray(proposed.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
    asked[acts.n_acts :] = False
    overridden = asked & ~same
    origins = pc.if_else(pa.array(overridden), "human", origins.cast(pa.string()))
    if stated is None:
        origins = pc.if_else(pa.array(asked & same), "policy", origins)
    shown = proposed.cast(pa.string())
    found.seen(overridden, asked, shown, action.cast(pa.string()))
    return {
        "decision.origin": _chunked(origins).cast(pa.string()).dictionary_encode().cast(CATEGORY),
        "decision.proposed": shown.dictionary_encode().cast(CATEGORY),
        "decision.overridden": pa.chunked_array([pa.array(overridden)]),
    }


def _same(proposed: pa.ChunkedArray, action: pa.ChunkedArray, contract: TaskContract) -> BoolArray:
    if contract.actions.type == "category":
        equal = pc.equal(proposed.cast(pa.string()), action.cast(pa.string()))
    else:
        distance = pc.abs(pc.subtract(proposed.cast(pa.float64()), action.cast(pa.float64())))
        equal = pc.less_equal(distance, contract.actions.tolerance)
    return np.array(equal.fill_null(False).combine_chunks().to_numpy(zero_copy_only=False))


def _chunked(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
