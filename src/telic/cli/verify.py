"""``telic verify``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "verify"


def command(folder: Path, *, json: Json = False) -> int:
    """Say whether the dataset, the records and the results are still what was written.

    Args:
        folder: project folder.
        json: print the result as one JSON document.
    """
    from telic.workflows.verify import verify

    return show(verify(folder), as_json=json)
