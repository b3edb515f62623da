"""Where a run of a verb that makes policies lies: in its project, or in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telic.errors import SettingsError, world_errors

from .project import Project, Run
from .settings_files import SETTINGS_NAME

__all__ = ["CHECKPOINTS", "POLICY_NAME", "run_place", "settings_of"]

POLICY_NAME = "policy.npz"
CHECKPOINTS = "checkpoints"


def run_place(
    verb: str, inputs: Mapping[str, Any], *, project: Project | None, out: str | Path | None
) -> Run:
    """The run of these inputs, done or not.

    Args:
        verb: its name.
        inputs: digests and settings; the code of telic is added.
        project: that it belongs to; None: it has a folder of its own.
        out: that folder; None: one named by the digest, in the project or else in ``runs`` where one is.

    Raises:
        SettingsError: the folder holds another run.
        PermanentError: it cannot be read.
    """
    home = project if project is not None else Project(Path(), Path())
    run = home.run_of(verb, inputs)
    if out is None:
        return run
    run = Run(Path(out), run.digest, verb)
    with world_errors(f"read {run.folder}"):
        there = sorted(p.name for p in run.folder.iterdir()) if run.folder.exists() else []
    if run.is_done and run.read().get("digest") != run.digest:
        raise SettingsError(
            f"{run.folder} holds another run: of other settings, data or code.",
            hint="Name another folder; nothing is written over.",
        )
    if there and not run.is_done and SETTINGS_NAME not in there:
        raise SettingsError(
            f"{run.folder} holds other things ({', '.join(there[:3])}).", hint="Name a new folder."
        )
    return run


def settings_of(folder: str | Path) -> Path:
    """The settings of a run that was stopped.

    Args:
        folder: of the run.

    Raises:
        SettingsError: there is no checkpoint to go on from.
    """
    place = Path(folder)
    path = place / SETTINGS_NAME
    kept = place / CHECKPOINTS
    if not path.is_file() or not (kept.is_dir() and any(kept.glob("step-*.npz"))):
        raise SettingsError(
            f"{place} holds no run to go on from: it needs {SETTINGS_NAME} and a checkpoint.",
            hint="Name the folder that the stopped run told; without --resume a run begins from its settings.",
        )
    return path
