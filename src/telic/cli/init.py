"""``telic init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "init"


def command(
    folder: Path,
    *,
    source: Annotated[Path, Parameter(name="--from")],
    format: str | None = None,  # noqa: A002 - the option's name
    force: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Draft a project from a file of decisions: contract.yaml, with every guess marked.

    Args:
        folder: project folder to make.
        source: CSV, JSON lines or Parquet file to draft from, or a foreign log with --format.
        format: format of a foreign log, such as servicenow, kubernetes-audit or xes (docs/formats.md).
        force: write over a contract that is there already.
        json: print the result as one JSON document.
    """
    from telic.workflows.init import init

    return show(init(folder, source=source, format=format, overwrite=force), as_json=json)
