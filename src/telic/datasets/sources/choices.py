"""Choice sets: what could have been done at each decision, from the columns that the contract names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Offered
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, IntArray

from .faults import KEPT_ROWS, Fault, fault_of
from .labels import labels_and_codes
from .rows import RowNames

__all__ = ["Offers", "choice_findings", "offered_of"]


@dataclass(frozen=True, kw_only=True)
class Offers:
    """Choice sets as they were counted; what ``choice_findings`` tells.

    Attributes:
        offered: of each action, how many decisions could take it.
        denied: how many decisions took what their choice set lacks.
        denied_rows: the first of them.
        unknown: how many do not say what could be done.
    """

    offered: tuple[int, ...]
    denied: int
    denied_rows: tuple[int, ...]
    unknown: int

    def and_(self, other: Offers) -> Offers:
        """Those of both."""
        return Offers(
            offered=tuple(a + b for a, b in zip(self.offered, other.offered, strict=True)),
            denied=self.denied + other.denied,
            denied_rows=tuple(sorted((*self.denied_rows, *other.denied_rows))[:KEPT_ROWS]),
            unknown=self.unknown + other.unknown,
        )


def offered_of(
    columns: dict[str, pa.ChunkedArray],
    stated: Offered,
    actions: IntArray,
    labels: Sequence[str],
    first_row: int,
) -> tuple[BoolArray, Offers, Fault | None]:
    """``(n, A)`` which actions could be taken at each decision, what was counted, and rows that hold no actions.

    What was taken could be taken: where the columns deny it, they are overruled and counted. A row that says nothing
    offers everything, which is counted too.

    Args:
        columns: role to values; those of choice sets are used up.
        stated: names the columns.
        actions: ``(n,)`` index of the action taken.
        labels: of the actions.
        first_row: of the columns, counted through all files.
    """
    n, fault = len(actions), None
    offered = np.ones((n, len(labels)), dtype=bool)
    unknown = np.zeros(n, dtype=bool)
    if stated.column:
        codes, texts = labels_and_codes(columns.pop("offered"))
        table = np.ones((len(texts) + 1, len(labels)), dtype=bool)  # the last row is for code -1
        for i, text in enumerate(texts):
            named = [part.strip() for part in text.split(stated.separator) if part.strip()]
            odd = [name for name in named if name not in labels]
            table[i] = np.isin(np.asarray(labels, dtype=object), named)
            if odd and fault is None:  # texts are sorted: the first of them is told, wherever it stands
                places = np.flatnonzero(codes == i)
                fault = fault_of(_NoAction(text, tuple(odd), tuple(labels)), places, first_row)
                fault = replace(fault, rank=text)
        offered, unknown = table[codes], codes < 0
    for label, _ in stated.columns:
        column = columns.pop(f"offered:{label}")
        gone = np.asarray(column.is_null().combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)
        unknown |= gone
        offered[:, labels.index(label)] = np.asarray(column.fill_null(True).to_numpy(), dtype=bool)
    rows, taken = np.arange(n), np.maximum(actions, 0)  # an action that is none is a fault of its own
    denied = np.flatnonzero(~offered[rows, taken])
    offered[rows, taken] = True
    counted = Offers(
        offered=tuple(offered.sum(axis=0).tolist()),
        denied=len(denied),
        denied_rows=tuple((denied[:KEPT_ROWS] + first_row).tolist()),
        unknown=int(unknown.sum()),
    )
    return offered, counted, fault


def choice_findings(evidence: str, counted: Offers, rows: RowNames) -> list[Finding]:
    """What is told of choice sets: their evidence, gaps and contradictions.

    Args:
        evidence: ``actions.offered.evidence`` of the contract.
        counted: over all rows.
        rows: names of all rows.
    """
    n, n_actions = rows.total, len(counted.offered)
    words = {
        "recorded": "were recorded when deciding",
        "rule": "were worked out by a rule afterwards",
        "assumed": "are assumed",
    }
    found = [
        Finding(
            code="choice-sets",
            severity=Severity.WARNING if evidence == "assumed" else Severity.INFO,
            message=f"Choice sets {words[evidence]}: {sum(counted.offered) / n:.3g} of {n_actions} actions"
            " could be taken on average.",
            hint="What could not be done says nothing about taste; find a record of it."
            if evidence == "assumed"
            else "",
            evidence={"evidence": evidence, "offered": [c / n for c in counted.offered]},
        )
    ]
    if counted.denied:
        found.append(
            Finding(
                code="taken-not-offered",
                severity=Severity.WARNING,
                message=f"{counted.denied:,} of {n:,} decisions took what their choice set lacks: "
                f"{rows.first_of(counted.denied_rows, counted.denied)}. What was taken counts as offered.",
                hint="The choice sets are not what people could do; correct their source.",
                evidence={"count": counted.denied, "rows": list(counted.denied_rows)},
            )
        )
    if counted.unknown:
        found.append(
            Finding(
                code="choice-sets-missing",
                severity=Severity.NOTICE,
                message=f"{counted.unknown:,} of {n:,} decisions do not say what could be done; everything counts "
                "as offered there.",
                hint="",
                evidence={"count": counted.unknown},
            )
        )
    return found


@dataclass(frozen=True)
class _NoAction:
    """Tells of a choice set with a label that is no action; of several, of the first text."""

    text: str
    odd: tuple[str, ...]
    labels: tuple[str, ...]

    def __call__(self, fault: Fault, rows: RowNames) -> DataError:
        return DataError(
            f"A choice set (actions.offered.column) holds `{self.odd[0]}`, which is not an action."
            f"{near_miss(self.odd[0], list(self.labels))} First in {rows.first_of(fault.rows[:1], 1)}.",
            hint=f"Actions: {', '.join(self.labels)}. Is `actions.offered.separator` another one?",
            unknown=list(self.odd[:20]),
        )
