"""``telic run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .infer_options import DEFAULTS, Options
from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "run"


def command(
    folder: Path,
    sources: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    *,
    options: Options = DEFAULTS,
    json: Json = False,
) -> int:
    """Go the whole way: ingest, check, infer, train and report.

    Args:
        folder: project folder.
        sources: files to ingest; default: those that lie beside contract.yaml.
        options: of the inference.
        json: print the result as one JSON document.
    """
    from telic.workflows.run import run

    with progress_bars() as progress:
        result = run(folder, sources, settings=options.settings, progress=progress)
    return show(result, as_json=json)
