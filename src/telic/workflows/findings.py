"""Findings in the order in which a reader needs them, and back from their JSON form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from telic.reports import Finding, Severity

__all__ = ["finding_from", "worst_first"]

AGAINST_THE_ANSWER = frozenset({"advised-against", "reward-explains-nothing", "reward-below-cloning"})
"""Codes of findings that say not to read the answer; a reader needs them before those about the data."""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity; among equals, what speaks against the answer itself before all else.

    Args:
        findings: in any order, which is otherwise kept.
    """
    return sorted(findings, key=lambda f: (-int(f.severity), f.code not in AGAINST_THE_ANSWER))


def finding_from(found: Mapping[str, Any]) -> Finding:
    """The finding that ``Finding.to_json`` described.

    Args:
        found: its JSON form.
    """
    return Finding(
        code=found["code"],
        severity=Severity[found["severity"].upper()],
        message=found["message"],
        hint=found["hint"],
        evidence=found["evidence"],
    )
