"""``telic train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, progress_bars, say, show

__all__ = ["NAME", "command"]

NAME = "train"


def command(
    folder: Path | None = None,
    *,
    run: str | None = None,
    settings: Path | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    onnx: Annotated[bool, Parameter(negative=())] = False,
    sink: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    json: Json = False,
) -> int:
    """Plan a policy for the inferred reward, and say what it would have done on the last day; or run a learner.

    Args:
        folder: project folder; default: settings name a world or data.
        run: digest (or its beginning) of an inference; default: the newest.
        settings: YAML file with a learner (`method`; `telic methods` lists them) and its world or data; each run writes
            its own, from which it can be run again.
        out: folder for what is learned; default: a new one in `runs`.
        resume: folder of a run that was stopped; go on from its last checkpoint.
        onnx: also write what is learned as ONNX, proved equal (extra `onnx`).
        sink: where metrics go while it learns: `console`, `tensorboard`, `mlflow`, `wandb` (offline); once for each.
        json: print the result as one JSON document.
    """
    from telic.workflows.train import train

    with progress_bars() as progress:
        result = train(
            folder,
            run=run,
            settings=settings,
            out=out,
            resume=resume,
            onnx=onnx,
            sinks=sink,
            say=say,
            progress=progress,
        )
    return show(result, as_json=json)
