"""``telic check``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "check"


def command(
    folder: Path,
    *,
    version: str | None = None,
    against: str | None = None,
    json: Json = False,
) -> int:
    """Judge whether anything may be learned from the data: schema, telemetry, copies, drift, poisoning, coverage.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; default: the newest.
        against: version that drift is measured against; default: the one published before.
        json: print the result as one JSON document.
    """
    from telic.workflows.check import check

    with progress_bars() as progress:
        result = check(folder, version=version, against=against, progress=progress)
    return show(result, as_json=json)
