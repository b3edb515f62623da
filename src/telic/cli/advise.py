"""``telic advise``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "advise"


def command(
    contract: Path,
    *,
    json: Json = False,
) -> int:
    """Say which method fits the data, and when not to use inverse reinforcement learning.

    Args:
        contract: a contract file, or a project folder (its data are then looked at too).
        json: print the result as one JSON document.
    """
    from telic.workflows.advise import advise

    return show(advise(contract), as_json=json)
