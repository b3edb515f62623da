"""``train`` with a settings file: a learner in a world, or from a record, to a policy that can be made again.

The run is a pure function of the settings, the key and the world; what is written beside the policy holds them all. A
learner that is stopped goes on from its last checkpoint to the same policy, but in worlds outside compiled code, which
cannot be kept: there it begins new episodes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from telic.errors import DataError, SettingsError
from telic.reports import Finding

from .access import permitted
from .checkpoints import Checkpoints
from .findings import finding_from
from .infer_report import outcome_named
from .learning_worlds import LearningWorld, environment_of, record_of
from .methods import Method, method_named
from .policy_files import read_policy, write_policy
from .policy_returns import returns_told
from .progress import Progress
from .project import Run
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
from .train_learner_report import train_learner_report
from .train_learner_run import alike, exported, finite, run_learner
from .verb_result import VerbResult, most_important

__all__ = ["train_learner"]

KNOWN = (
    "method",
    "key",
    "steps",
    "stop_at_return",
    "environment",
    "dataset",
    "reward",
    "observations",
    "amounts",
    "origins",
    "settings",
    "versions",
)
"""What a settings file of this verb may have."""

PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "optax")
"""What computes; bits may depend on its versions."""


def train_learner(
    folder: str | Path | None,
    *,
    run: str | None,
    settings: str | Path | Mapping[str, Any] | None,
    out: str | Path | None,
    resume: str | Path | None,
    onnx: bool,
    sinks: Sequence[str],
    say: Callable[[str], None] | None,
    progress: Progress,
) -> VerbResult:
    """The policy that a learner comes to; arguments and errors as of ``train``."""
    from telic.neural.engine import import_engine

    if resume is not None:
        settings, out = settings_of(resume), resume
    given = read_settings(settings, "train") if isinstance(settings, (str, Path)) else dict(settings or {})
    beside = Path(settings).parent if isinstance(settings, (str, Path)) else Path()
    require_known(given, KNOWN, "A settings file of `train`")
    if "method" not in given:
        raise SettingsError(
            "The settings name no `method`.",
            hint="method: ppo; `telic methods` lists them, and when to use each.",
        )
    method = method_named(str(given["method"]), "train")
    if run is not None:
        given = {**given, "reward": {**(given.get("reward") or {}), "inference": run}}
    import_engine()
    if "environment" in given:
        if folder is not None or "dataset" in given:
            raise SettingsError(
                "The settings name an `environment`, so no data are learned from.",
                hint="Leave the folder and `dataset` out, or `environment`.",
            )
        return _train(
            None, method, environment_of(given["environment"]), given, out, onnx, sinks, say, progress
        )
    said = given.get("dataset") or {}
    if not isinstance(said, Mapping):
        raise SettingsError(f"`dataset` must hold a `path`, got {said!r}.", hint="dataset: {path: log.csv}")
    require_known(said, ("path", "contract", "version", "digest"), "`dataset`")
    if folder is None and "path" not in said:
        raise SettingsError(
            "The settings name neither an `environment` nor data.",
            hint="environment: {simulator: cartpole}, or dataset: {path: log.csv, contract: contract.yaml}.",
        )
    place = beside / str(said["path"]) if folder is None else Path(folder)
    contract = beside / str(said["contract"]) if said.get("contract") and folder is None else None
    return _from_record(place, method, contract, {**given, "dataset": said}, out, onnx, sinks, say, progress)


@permitted("train")
def _from_record(
    place: str | Path,
    method: Method,
    contract: Path | None,
    given: Mapping[str, Any],
    out: str | Path | None,
    onnx: bool,
    sinks: Sequence[str],
    say: Callable[[str], None] | None,
    progress: Progress,
) -> VerbResult:
    progress("reading decisions", 0, None)
    world = record_of(Path(place), contract, given)
    assert world.data is not None
    wanted, found = given["dataset"].get("digest"), world.data.demos.digest
    if wanted is not None and wanted != found:
        raise DataError(
            f"The settings are those of a run on decisions of digest {wanted}; {place} holds {found}.",
            hint="Give the data of that run, or take `digest` out of the settings to learn from these.",
        )
    return _train(world.data.project, method, world, given, out, onnx, sinks, say, progress)


def _train(
    project: Any,
    method: Method,
    world: LearningWorld,
    given: Mapping[str, Any],
    out: str | Path | None,
    onnx: bool,
    sinks: Sequence[str],
    say: Callable[[str], None] | None,
    progress: Progress,
) -> VerbResult:
    asked = given.get("settings") or {}
    if not isinstance(asked, Mapping):
        raise SettingsError(
            f"`settings` must hold settings by name, got {asked!r}.", hint="settings: {hidden: [64]}"
        )
    key, n_steps = whole_number(given, "key", 0), whole_number(given, "steps", method.steps, least=1)
    enough = given.get("stop_at_return")
    if enough is not None and (not isinstance(enough, (int, float)) or isinstance(enough, bool)):
        raise SettingsError(
            f"`stop_at_return` must be a number, got {enough!r}.", hint="Leave it out to do all steps."
        )
    resolved = method.resolved(asked, n_steps=n_steps, without=world.said_elsewhere)
    chosen = {
        "method": method.name,
        "key": key,
        "steps": n_steps,
        "stop_at_return": enough,
        **world.described,
        "settings": resolved,
    }
    learner = world.learner(method, resolved)
    place = run_place(
        "train",
        {"world": world.digest, "settings": {**_as_json(chosen), "dataset": None}},
        project=project,
        out=out,
    )
    packages = (*PACKAGES, "gymnasium") if world.make is not None else PACKAGES
    versions = versions_of(packages)
    if place.is_done and (place.folder / POLICY_NAME).is_file():
        return _told(place, place.read(), read_policy(place.folder / POLICY_NAME), project, is_reused=True)
    write_settings(place.folder / SETTINGS_NAME, "train", {**chosen, "versions": versions})
    checkpoints = Checkpoints(place.folder / CHECKPOINTS, learner, key)
    about = About(
        name=place.folder.name,
        task=world.name,
        folder=place.folder,
        settings={"method": method.name, "key": key, "steps": n_steps, **resolved},
    )
    told = open_sinks(sinks, about, say)
    try:
        trained = run_learner(learner, key, n_steps, enough, checkpoints, place, told, progress)
    finally:
        told.close()
    findings = [
        *other_versions(given.get("versions"), versions),
        *checkpoints.findings,
        *trained.findings,
        *world.findings,
        *told.findings,
    ]
    found: dict[str, Any] = {
        "schema_version": 1,
        "verb": "train",
        "digest": place.digest,
        "task": world.name,
        "method": method.name,
        "title": method.title,
        "key": key,
        "result": trained.outcome.label,
        "n_steps": trained.n_steps,
        "step_is": method.step_is,
        "settings": SETTINGS_NAME,
        "world": world.kind.value,
        "curve": {name: finite(values) for name, values in trained.history.items()},
        "policy": None,
        "policy_digest": None,
        "returns": None,
        "alike": None,
        "onnx": None,
    }
    policy = None
    if trained.outcome.ok:
        policy = learner.policy(trained.state)
        found |= {"policy": POLICY_NAME, "policy_digest": policy.digest}
        progress("trying the policy", 0, None)
        found["returns"] = returns_told(policy, world, key)
        found["alike"] = alike(policy, world)
        write_policy(place.folder / POLICY_NAME, policy)
        if onnx:
            found["onnx"] = exported(place.folder, policy, world, key)
    found["findings"] = [f.to_json() for f in sorted(findings, key=lambda f: -f.severity)]
    found["headline"] = _headline(found)
    place.write(train_learner_report(found), "train")
    if trained.outcome.ok:
        # The newest `train` of a project stays its plan, which `telic report` speaks of.
        shutil.rmtree(place.folder / CHECKPOINTS, ignore_errors=True)
    return _told(place, found, policy, project, is_reused=False)


def _headline(found: Mapping[str, Any]) -> str:
    if found["policy"] is None:
        return f"There is no policy: {outcome_named(found['result']).value}"
    if found["alike"] is not None:
        alike, n = found["alike"], found["alike"]["n_decisions"]
        said = (
            f"does what was recorded in {alike['share']:.1%} of"
            if "share" in alike
            else f"is {alike['distance']:.3g} half ranges off what was recorded in"
        )
        return f"The policy {said} {n:,} decisions; what it is worth was not tried."
    first, second = found["returns"]
    if first["mean_return"] is None or second["mean_return"] is None:
        return f"The policy was trained; no episode ended, so there is no return to tell ({found['task']})."
    return (
        f"The policy collects {first['mean_return']:.4g} an episode in {found['task']} after {found['n_steps']:,}"
        f" steps; chance collects {second['mean_return']:.4g}."
    )


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(v) for v in value]
    return repr(value) if isinstance(value, float) else value


def _told(run: Run, found: dict[str, Any], policy: Any, project: Any, *, is_reused: bool) -> VerbResult:
    findings: list[Finding] = [finding_from(f) for f in found["findings"]]
    return VerbResult(
        verb="train",
        report=train_learner_report(found),
        page=run.folder / "train.html",
        finding=most_important(findings),
        next_command="" if project is None else f"telic report {project.folder}",
        is_reused=is_reused,
        outcome=outcome_named(found["result"]),
        product=policy,
    )
