"""``telic imitate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, progress_bars, say, show

__all__ = ["NAME", "command"]

NAME = "imitate"


def command(
    dataset: Path | None = None,
    *,
    contract: Path | None = None,
    settings: Path | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    onnx: Annotated[bool, Parameter(negative=())] = False,
    sink: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    json: Json = False,
) -> int:
    """Make a policy straight from demonstrations, and score it on decisions that it did not learn from.

    Args:
        dataset: project folder, or file of decisions; default: as the settings say.
        contract: of a file of decisions.
        settings: YAML file: `method` (`telic methods` lists them), `key`, `settings` and more; each run writes its own,
            from which it can be run again.
        out: folder for the result; default: a new one in `runs`.
        resume: folder of a run that was stopped; go on from its last checkpoint.
        onnx: also write the policy as ONNX, proved equal (extra `onnx`).
        sink: where metrics go while it learns: `console`, `tensorboard`, `mlflow`, `wandb` (offline); once for each.
        json: print the result as one JSON document.
    """
    from telic.workflows.imitate import imitate

    with progress_bars() as progress:
        result = imitate(
            dataset,
            contract=contract,
            settings=settings,
            out=out,
            resume=resume,
            onnx=onnx,
            sinks=sink,
            say=say,
            progress=progress,
        )
    return show(result, as_json=json)
