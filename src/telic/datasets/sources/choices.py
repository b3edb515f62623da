"""Choice sets: what could have been done at each decision, from the columns that the contract names."""

from __future__ import annotations

from typing import Any

import numpy as np

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, IntArray

from .labels import labels_and_codes
from .read import SourceColumns

__all__ = ["offered_of"]


def offered_of(
    source: SourceColumns, contract: TaskContract, actions: IntArray, findings: list[Finding]
) -> BoolArray | None:
    """``(n, A)`` which actions could be taken at each decision, or None where the contract names no such columns.

    What was taken could be taken: where the columns deny it, they are overruled and counted. A row that says nothing
    offers everything, which is counted too.

    Args:
        source: columns; those of choice sets are used up.
        contract: names the actions and the columns.
        actions: ``(n,)`` index of the action taken.
        findings: told of evidence, gaps and contradictions.

    Raises:
        DataError: a choice set holds a label that is no action.
    """
    stated = contract.actions.offered
    if stated is None:
        return None
    n, labels = len(actions), contract.actions.labels
    offered = np.ones((n, len(labels)), dtype=bool)
    unknown = np.zeros(n, dtype=bool)
    if stated.column:
        codes, texts = labels_and_codes(source.columns.pop("offered"))
        table = np.ones((len(texts) + 1, len(labels)), dtype=bool)  # the last row is for code -1
        for i, text in enumerate(texts):
            table[i] = _members(text, stated.separator, labels, source, codes == i)
        offered, unknown = table[codes], codes < 0
    for label, _ in stated.columns:
        column = source.columns.pop(f"offered:{label}")
        gone = _nulls(column)
        unknown |= gone
        offered[:, labels.index(label)] = np.asarray(column.fill_null(True).to_numpy(), dtype=bool)
    rows = np.arange(n)
    denied = ~offered[rows, actions]
    offered[rows, actions] = True
    findings += _findings(stated.evidence, denied, unknown, offered, source)
    return offered


def _members(
    text: str, separator: str, labels: tuple[str, ...], source: SourceColumns, where: BoolArray
) -> BoolArray:
    named = [part.strip() for part in text.split(separator) if part.strip()]
    odd = [name for name in named if name not in labels]
    if odd:
        raise DataError(
            f"A choice set (actions.offered.column) holds `{odd[0]}`, which is not an action."
            f"{near_miss(odd[0], list(labels))} First in {source.rows.first(np.flatnonzero(where)[:1])}.",
            hint=f"Actions: {', '.join(labels)}. Is `actions.offered.separator` another one?",
            unknown=odd[:20],
        )
    return np.isin(np.asarray(labels, dtype=object), named)


def _nulls(column: Any) -> BoolArray:
    return np.asarray(column.is_null().combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)


def _findings(
    evidence: str, denied: BoolArray, unknown: BoolArray, offered: BoolArray, source: SourceColumns
) -> list[Finding]:
    n = len(denied)
    words = {
        "recorded": "were recorded when deciding",
        "rule": "were worked out by a rule afterwards",
        "assumed": "are assumed",
    }
    found = [
        Finding(
            code="choice-sets",
            severity=Severity.WARNING if evidence == "assumed" else Severity.INFO,
            message=f"Choice sets {words[evidence]}: {offered.sum(axis=1).mean():.3g} of {offered.shape[1]} actions"
            " could be taken on average.",
            hint="What could not be done says nothing about taste; find a record of it."
            if evidence == "assumed"
            else "",
            evidence={"evidence": evidence, "offered": offered.mean(axis=0).tolist()},
        )
    ]
    if denied.any():
        places = np.flatnonzero(denied)
        found.append(
            Finding(
                code="taken-not-offered",
                severity=Severity.WARNING,
                message=f"{len(places):,} of {n:,} decisions took what their choice set lacks: "
                f"{source.rows.first(places)}. What was taken counts as offered.",
                hint="The choice sets are not what people could do; correct their source.",
                evidence={"count": len(places), "rows": places[:20].tolist()},
            )
        )
    if unknown.any():
        found.append(
            Finding(
                code="choice-sets-missing",
                severity=Severity.NOTICE,
                message=f"{int(unknown.sum()):,} of {n:,} decisions do not say what could be done; everything counts "
                "as offered there.",
                hint="",
                evidence={"count": int(unknown.sum())},
            )
        )
    return found
