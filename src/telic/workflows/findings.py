"""Findings back from their JSON form, as results on disk hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.reports import Finding, Severity

__all__ = ["finding_from"]


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
