"""``telic card``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "card"


def command(folder: Path, out: Path, *, version: str | None = None, json: Json = False) -> int:
    """Write a version of the dataset for others: one readable table, a Hugging Face card, Croissant metadata.

    Args:
        folder: project folder.
        out: folder to make; must not be there yet.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.card import card

    with progress_bars() as progress:
        result = card(folder, out, version=version, progress=progress)
    return show(result, as_json=json)
