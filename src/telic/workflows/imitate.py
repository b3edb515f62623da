"""``imitate``: a policy straight from demonstrations, with how well it tells decisions that it did not learn from.

What is learned from and what is kept for the score are split as the contract says (``data.held_out``); a network keeps
another part of the former to choose its weights and sureness by. Beside the policy lie the full settings of the run
(``settings.yaml``), from which it can be run again to the same bits.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from telic.errors import DataError, SettingsError
from telic.policies import TabularPolicy
from telic.reports import Finding, Severity
from telic.storage import atomic_write

from .access import permitted
from .findings import finding_from
from .imitate_data import ImitateData, data_of
from .imitate_report import imitate_report
from .imitate_runs import Learned, learn
from .methods import method_named
from .origins import require_no_attacker
from .policy_files import read_policy, write_onnx, write_policy
from .progress import Progress, silent
from .project import Project, Run
from .run_places import CHECKPOINTS, POLICY_NAME, run_place, settings_of
from .settings_files import (
    SETTINGS_NAME,
    other_versions,
    read_settings,
    require_known,
    versions_of,
    whole_number,
    write_settings,
)
from .sinks import About, open_sinks
from .stopped import Stopped
from .verb_result import VerbResult, most_important

__all__ = ["imitate"]

KNOWN = (
    "method",
    "key",
    "dataset",
    "observations",
    "amounts",
    "n_components",
    "origins",
    "settings",
    "versions",
)
"""What a settings file of this verb may have."""

PACKAGES = {"counts": ("numpy",), "cloning": ("numpy", "scipy", "jax", "jaxlib", "optax")}
"""What computes; bits may depend on its versions."""

ONNX_NAME = "policy.onnx"
MOST_COMPARED = 10_000
"""Held-out decisions on which an exported model is held against the policy."""


def imitate(
    dataset: str | Path | None = None,
    *,
    contract: str | Path | None = None,
    settings: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    onnx: bool = False,
    sinks: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """The policy under which what the experts did is likeliest, and its held-out score beside baselines.

    Args:
        dataset: project folder; or a file of decisions, with ``contract``. None: as the settings say.
        contract: of a file of decisions.
        settings: a settings file, or what one holds; None: everything by default.
        out: folder for the result; None: in ``runs`` of the project, or of the folder that one is in.
        resume: folder of a run that was stopped; its settings are taken, and it goes on.
        onnx: also write the policy as ONNX, where it is proved equal (extra ``onnx``).
        sinks: where metrics go while it learns: `console`, `tensorboard`, `mlflow`, `wandb`.
        say: writes a line for whoever watches: of the console, and of a sink that fails; None: Python warnings.
        progress: told how far the work is.

    Returns:
        ``product`` is the policy.

    Raises:
        ContractError, DataError, SettingsError: see their messages.
        NumericalError: training became not finite; the last good state is kept.
        KeyboardInterrupt: the run was stopped (``Stopped``); it says where it is kept.
        PermanentError: there is no such file or folder.
        TemporaryError: the disk is full.
    """
    if resume is not None:
        settings, out = settings_of(resume), resume
    given = read_settings(settings, "imitate") if isinstance(settings, (str, Path)) else dict(settings or {})
    beside = Path(settings).parent if isinstance(settings, (str, Path)) else Path()
    require_known(given, KNOWN, "A settings file of `imitate`")
    said = given.get("dataset") or {}
    if not isinstance(said, Mapping):
        raise SettingsError(f"`dataset` must hold a `path`, got {said!r}.", hint="dataset: {path: log.csv}")
    require_known(said, ("path", "contract", "version", "digest"), "`dataset`")
    if dataset is None and "path" not in said:
        raise SettingsError(
            "There is nothing to imitate: neither a dataset nor settings that name one.",
            hint="telic imitate FOLDER, or telic imitate FILE --contract contract.yaml.",
        )
    place = beside / str(said["path"]) if dataset is None else Path(dataset)
    if contract is None and dataset is None and said.get("contract"):
        contract = beside / str(said["contract"])
    return _imitate(
        place,
        contract=contract,
        given={**given, "dataset": said},
        out=out,
        onnx=onnx,
        sinks=sinks,
        say=say,
        progress=progress,
    )


@permitted("imitate")
def _imitate(
    place: str | Path,
    *,
    contract: str | Path | None,
    given: Mapping[str, Any],
    out: str | Path | None,
    onnx: bool,
    sinks: Sequence[str],
    say: Callable[[str], None] | None,
    progress: Progress,
) -> VerbResult:
    progress("reading decisions", 0, None)
    data = data_of(Path(place), contract, given)
    require_no_attacker(data.origins)
    if data.contract.data.origin == "adversary":
        raise SettingsError(
            "No policy is made from an attacker's decisions (`data.origin: adversary`).",
            hint="`telic infer` may describe what they value, for defence.",
        )
    wanted = given["dataset"].get("digest")
    if wanted is not None and wanted != data.demos.digest:
        raise DataError(
            f"The settings are those of a run on decisions of digest {wanted}; {place} holds {data.demos.digest}.",
            hint="Give the data of that run, or take `digest` out of the settings to learn from these.",
        )
    method = method_named(str(given.get("method") or data.suited_method), "imitate")
    asked = given.get("settings") or {}
    if not isinstance(asked, Mapping):
        raise SettingsError(
            f"`settings` must hold settings by name, got {asked!r}.", hint="settings: {hidden: [64]}"
        )
    key = whole_number(given, "key", 0)
    chosen = {"method": method.name, "key": key, **data.described, "settings": method.resolved(asked)}
    run = run_place(
        "imitate",
        {
            "dataset": data.demos.digest,
            "contract": data.contract.digest,
            "settings": {**chosen, "dataset": None},
        },
        project=data.project,
        out=out,
    )
    versions = versions_of(PACKAGES.get(method.name, ("numpy",)))
    if run.is_done and (run.folder / POLICY_NAME).is_file():
        return _told(run, run.read(), data, product=read_policy(run.folder / POLICY_NAME), is_reused=True)
    write_settings(run.folder / SETTINGS_NAME, "imitate", {**chosen, "versions": versions})
    about = About(
        name=run.folder.name,
        task=data.contract.identity.task,
        folder=run.folder,
        settings={"method": method.name, "key": key, **chosen["settings"]},
    )
    told = open_sinks(sinks, about, say)
    try:
        learned = learn(
            method,
            data,
            chosen["settings"],
            key,
            folder=run.folder / CHECKPOINTS,
            sink=told,
            progress=progress,
        )
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped; what was learned so far is in {run.folder / CHECKPOINTS}.",
            hint=f"Go on: telic imitate --resume {run.folder}",
        ) from None
    finally:
        told.close()
    findings = [
        *other_versions(given.get("versions"), versions),
        *learned.findings,
        *data.findings,
        *told.findings,
    ]
    found = {
        "schema_version": 1,
        "verb": "imitate",
        "digest": run.digest,
        "task": data.contract.identity.task,
        "method": method.name,
        "key": key,
        "dataset": data.demos.digest,
        "settings": SETTINGS_NAME,
        "policy": POLICY_NAME,
        "policy_digest": learned.policy.digest,
        "n_decisions": data.learning.n_decisions,
        "n_trajectories": data.learning.n_trajectories,
        "columns": list(learned.columns),
        "actions": list(data.amounts) or list(data.demos.action_labels),
        "held_out": learned.held_out,
        "calibration": learned.calibration,
        "curve": learned.curve,
        "onnx": None,
    }
    write_policy(run.folder / POLICY_NAME, learned.policy)
    if onnx:
        found["onnx"], noticed = _exported(run.folder, learned)
        findings += noticed
    for name, text in learned.files.items():
        atomic_write(run.folder / name, text)
    found["findings"] = [f.to_json() for f in sorted(findings, key=lambda f: -f.severity)]
    found["headline"] = learned.headline
    run.write(imitate_report(found))
    shutil.rmtree(run.folder / CHECKPOINTS, ignore_errors=True)
    if data.project is not None and out is None:
        data.project.remember(run)
    return _told(run, found, data, product=learned.policy, is_reused=False)


def _exported(folder: Path, learned: Learned) -> tuple[Mapping[str, Any] | None, list[Finding]]:
    if isinstance(learned.policy, TabularPolicy):
        return None, [
            Finding(
                code="no-onnx-of-a-table",
                severity=Severity.INFO,
                message="A table of counts is not written as ONNX; its arrays are the whole policy.",
                hint="Use `method: cloning` where a network is wanted.",
            )
        ]
    equal = write_onnx(folder / ONNX_NAME, learned.policy, learned.observations[:MOST_COMPARED])
    return {
        "file": ONNX_NAME,
        "n_compared": equal.n,
        "largest_difference": equal.largest_difference,
        "other_actions": equal.n_different,
    }, []


def _told(run: Run, found: dict[str, Any], data: ImitateData, *, product: Any, is_reused: bool) -> VerbResult:
    project: Project | None = data.project
    return VerbResult(
        verb="imitate",
        report=imitate_report(found),
        page=run.folder / "imitate.html",
        finding=most_important([finding_from(f) for f in found["findings"]]),
        next_command="" if project is None else f"telic infer {project.folder}",
        is_reused=is_reused,
        product=product,
    )
