"""Schema: does a stored dataset still hold what the contract says, column by column?

Ingest refuses a log that breaks its contract, so this is about contracts that were changed since, about datasets that
another program published, and about versions that are older than a rule.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from telic._core.near_miss import near_miss
from telic.contract import Observation, TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .places import places

__all__ = ["schema_findings"]

KINDS = {"number": "fiu", "integer": "iu", "boolean": "b", "category": "iu"}
"""Type of an observation to the kinds of numpy array that may hold it."""


def schema_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """One error for each column that is missing, of another type, or holds what it cannot hold.

    Args:
        demos: as they were stored.
        contract: as it is now.
    """
    findings = []
    if demos.action_labels != contract.actions.labels:
        findings.append(
            _error(
                "schema-actions",
                f"The dataset has the actions {', '.join(demos.action_labels)}; the contract lists "
                f"{', '.join(contract.actions.labels)}.",
                {"dataset": list(demos.action_labels), "contract": list(contract.actions.labels)},
            )
        )
    for o in contract.observations:
        findings += _column_findings(demos, o)
    return findings


def _column_findings(demos: Demonstrations, o: Observation) -> Iterator[Finding]:
    if o.name not in demos.observations:
        yield _error(
            "schema-missing-column",
            f"The dataset has no observation `{o.name}`.{near_miss(o.name, demos.observations)}",
            {"observation": o.name},
        )
        return
    values = np.asarray(demos.observations[o.name])
    if (o.type == "category") != (o.name in demos.categories) or values.dtype.kind not in KINDS[o.type]:
        held = "labels" if o.name in demos.categories else f"values of type {values.dtype}"
        yield _error(
            "schema-type",
            f"`{o.name}` must be of type {o.type}; the dataset holds {held}.",
            {"observation": o.name, "type": o.type, "dtype": str(values.dtype)},
        )
        return
    if o.type == "category":
        labels = demos.categories[o.name]
        wrong = (values < 0) | (values >= len(labels))
        if o.values is not None:
            known = {str(v) for v in o.values} | ({"missing"} if o.missing == "label" else set())
            wrong |= np.isin(values, [i for i, label in enumerate(labels) if label not in known])
        what = "a label that the contract does not list"
    else:
        wrong = ~np.isfinite(values) if o.type == "number" else np.zeros(len(values), dtype=bool)
        what = "no finite number"
    rows = np.flatnonzero(wrong)
    if len(rows):
        yield _error(
            "schema-values",
            f"`{o.name}` holds {what} in {len(rows):,} of {len(values):,} decisions.",
            {
                "observation": o.name,
                "count": len(rows),
                "places": places(demos, rows) if o.type != "category" else [],
            },
        )


def _error(code: str, message: str, evidence: dict[str, object]) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        hint="Ingest the logs again under this contract, or name the version that was made for it.",
        evidence=evidence,
    )
