"""``telic ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "ingest"


def command(
    folder: Path,
    sources: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    *,
    ray: int | None = None,
    json: Json = False,
) -> int:
    """Read logs by the contract into a new version of the dataset.

    Args:
        folder: project folder.
        sources: CSV, JSON lines or Parquet files; default: those that lie beside contract.yaml.
        ray: number of workers of a local Ray cluster that share the work; default: this process alone.
        json: print the result as one JSON document.
    """
    from telic.workflows.ingest import ingest

    with progress_bars() as progress:
        result = ingest(folder, sources, ray=ray, progress=progress)
    return show(result, as_json=json)
