"""One thing that was noticed, with its evidence and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .numbers import json_value

__all__ = ["Finding", "Severity"]


class Severity(enum.IntEnum):
    """How bad it is; sorts from good to bad."""

    INFO = 10
    """Worth knowing; nothing to do."""
    NOTICE = 20
    """A limit or a guess that a reader should have in mind."""
    WARNING = 30
    """The result may mislead unless this is dealt with."""
    ERROR = 40
    """Do not use the result."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A noticed fact: what, how bad, on what evidence, and what to do.

    Attributes:
        code: stable kebab-case name, for example ``separation``.
        severity: see ``Severity``.
        message: one sentence with the numbers in it.
        hint: what to do; may be empty for ``INFO``.
        evidence: JSON-able facts behind the sentence (rows, counts, p-values).
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON-able values."""
        return {
            "code": self.code,
            "severity": self.severity.name.lower(),
            "message": self.message,
            "hint": self.hint,
            "evidence": json_value(self.evidence),
        }
