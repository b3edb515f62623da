"""``telic lineage``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "lineage"


def command(folder: Path, version: str | None = None, *, json: Json = False) -> int:
    """Say what a version of the dataset was made from, and list every result that goes back to it.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.lineage import lineage

    return show(lineage(folder, version), as_json=json)
