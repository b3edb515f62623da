"""Where a thing came from: digests of its inputs, its settings, the code and the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Provenance"]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a noun was made; two equal provenances mean the same bytes.

    Attributes:
        inputs: name of each input to its digest (``sha256:...``).
        settings: JSON-able settings.
        code: version of telic that made it.
        key: random key, or None where nothing was drawn.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    key: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The provenance as JSON-able values."""
        return {
            "inputs": dict(self.inputs),
            "settings": dict(self.settings),
            "code": self.code,
            "key": self.key,
        }
