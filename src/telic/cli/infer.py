"""``telic infer``."""

from __future__ import annotations

from pathlib import Path

from .infer_options import DEFAULTS, Options
from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "infer"


def command(
    folder: Path,
    *,
    options: Options = DEFAULTS,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say what the experts value, as trade-offs with intervals, and what the data cannot tell.

    Args:
        folder: project folder.
        options: of the inference.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.infer import infer

    with progress_bars() as progress:
        result = infer(folder, settings=options.settings, version=version, progress=progress)
    return show(result, as_json=json)
