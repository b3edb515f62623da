"""``train``: a policy planned for the inferred reward, under the contract's hard limits; or one that is learned.

With a settings file a learner is run instead (``train_learner``). What follows is about planning.

Two tables: the soft-optimal policy (what the reward predicts people do) and the greedy one (what is best for
it). Both are kept as plain arrays. What the greedy one would have done on the last day of the log is shown
beside what was done; nothing here acts.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import SettingsError
from telic.mdp import FiniteHorizonMDP, StateSpace
from telic.planning import solve_hard, solve_hard_finite
from telic.policies import TabularPolicy
from telic.reports import Finding, Report, Section, Table
from telic.rewards import LinearReward
from telic.storage import atomic_write
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .access import permitted
from .findings import finding_from
from .fit import soft_policy
from .infer_report import outcome_named
from .limits import allowed_actions
from .moments import DAY_SECONDS, is_clock, moment_label
from .origins import require_no_attacker
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["train"]

SURPRISES = 10
"""Decisions of the last day listed, those first that the reward finds least likely."""


def train(
    folder: str | Path | None = None,
    *,
    run: str | None = None,
    settings: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    onnx: bool = False,
    sinks: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """A policy planned for the newest inference of a project; or, with settings, one that a learner comes to.

    Args:
        folder: project folder; None: settings name a world or data.
        run: digest (or its beginning) of an inference; None: the newest.
        settings: a settings file of a learner, or what one holds; None: plan.
        out: folder for what is learned; None: a new one in ``runs``.
        resume: folder of a run that was stopped; its settings are taken, and it goes on.
        onnx: also write what is learned as ONNX, where it is proved equal (extra ``onnx``).
        sinks: where metrics go while it learns: `console`, `tensorboard`, `mlflow`, `wandb`.
        say: writes a line for whoever watches: of the console, and of a sink that fails; None: Python warnings.
        progress: told how far the work is.

    Returns:
        ``product`` is the policy: of a plan the soft ``TabularPolicy``.

    Raises:
        SettingsError: the decisions are an attacker's, the inference has no answer, or a setting is wrong.
        PermanentError: there is no such project, inference or file.
        KeyboardInterrupt: a learner was stopped (``Stopped``); it says where it is kept.
    """
    if settings is None and resume is None:
        if folder is None:
            raise SettingsError(
                "There is nothing to train for: neither a project nor settings.",
                hint="telic train FOLDER plans for what was inferred; telic train --settings FILE runs a learner.",
            )
        if out is not None or onnx or sinks:
            raise SettingsError(
                "`out`, `onnx` and `sinks` are for what a learner comes to; a plan lies in its project.",
                hint="Give settings with a `method`, such as iql.",
            )
        return _plan(folder, run=run, progress=progress)
    from .train_learner import train_learner

    return train_learner(
        folder,
        run=run,
        settings=settings,
        out=out,
        resume=resume,
        onnx=onnx,
        sinks=sinks,
        say=say,
        progress=progress,
    )


@permitted("train")
def _plan(folder: str | Path, *, run: str | None = None, progress: Progress = silent) -> VerbResult:
    """Soft and greedy policy of the newest inference, and what they would have done on the last day.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the soft ``TabularPolicy``.

    Raises:
        SettingsError: the decisions are an attacker's, or the inference has no answer.
        PermanentError: there is no such project or inference.
    """
    project = Project.open(folder)
    project.require_actions()
    contract = project.contract
    if contract.data.origin == "adversary":
        raise SettingsError(
            "No policy is made from an attacker's decisions (`data.origin: adversary`).",
            hint="Use `telic infer` and `telic report`: what they value may be described, for defence.",
        )
    inference = project.find_run("infer", run)
    found = inference.read()
    outcome = outcome_named(found["result"])
    origins = found["settings"].get("origins")
    require_no_attacker(origins)
    if not outcome.ok:
        raise SettingsError(
            f"The inference {inference.folder.name} has no answer ({outcome.label}), so there is no reward to"
            " plan for.",
            hint=outcome.value,
        )
    here = project.run_of(
        "train", {"inference": inference.digest, "limits": [x.model_dump() for x in contract.limits]}
    )
    table_path = here.folder / "policy.npz"
    if here.is_done and table_path.is_file():
        data = here.read()
        project.remember(here)
        return _result(project, here.folder, data, policy=None, is_reused=True)
    with project.lock():
        progress("planning", 0, None)
        demos = project.demonstrations(project.dataset(found["dataset"]["version"]))
        problem = pose(contract, demos, discount=found["settings"]["discount"], origins=origins)
        weights = np.array([found["weights"][name] for name in problem.features.names])
        reward = LinearReward(features=problem.features, weights=weights)
        allowed, notes = allowed_actions(contract, problem.space, problem.world)
        world = replace(problem.world, available=None if allowed.all() else allowed)
        soft, value = soft_policy(world, reward, found["gauge"]["rationality"])
        greedy = _greedy(world, reward.expected(world))
        progress("planning", 1, 1)
        encoded = problem.encode(demos)
        data = {
            "schema_version": 1,
            "verb": "train",
            "digest": here.digest,
            "task": contract.identity.task,
            "inference": inference.digest,
            "policy": str(table_path.name),
            "policy_digest": soft.digest,
            "cautions": found["cautions"],
            "last_day": _last_day(encoded, problem.space, soft, greedy),
            "findings": [f.to_json() for f in notes],
        }
        data["environment"] = contract.dynamics.environment
        data["headline"] = _headline(data)
        atomic_write(table_path, _arrays(problem, soft, greedy, value))
        atomic_write(here.folder / "states.json", (json.dumps(problem.space.to_mapping()) + "\n").encode())
        here.write(_report(data))
        project.remember(here)
    return _result(project, here.folder, data, policy=soft, is_reused=False)


def _greedy(world: Any, reward: FloatArray) -> np.ndarray:
    """``(S,)`` or ``(T, S)`` best action, -1 where none is taken."""
    if isinstance(world, FiniteHorizonMDP):
        return np.asarray(solve_hard_finite(world, reward).greedy)
    return np.asarray(solve_hard(world, reward, throw=True).greedy)


def _arrays(problem: Problem, soft: TabularPolicy, greedy: np.ndarray, value: FloatArray) -> bytes:
    """The tables as an ``.npz`` of numbers and fixed-width text; reading it needs no pickle."""
    buffer = io.BytesIO()
    where = np.full(problem.space.n_states, "", dtype=object)
    for environment in problem.environments:
        where[environment.states] = environment.label
    np.savez(
        buffer,
        soft=soft.table,
        greedy=np.asarray(greedy, dtype=np.int32),
        value=value,
        actions=np.asarray(problem.train.action_labels, dtype=np.str_),
        states=np.asarray(problem.space.labels, dtype=np.str_),
        environments=where.astype(np.str_),
    )
    return buffer.getvalue()


def _last_day(
    demos: Demonstrations, space: StateSpace, soft: TabularPolicy, greedy: np.ndarray
) -> dict[str, Any]:
    """Decisions of the last day beside the policy's; of the last trajectory, where there are no times or they only
    count steps.
    """
    if demos.times is not None and not 0.0 <= demos.times.min() <= demos.times.max() < DAY_SECONDS:
        last = float(np.floor(demos.times.max() / DAY_SECONDS))
        rows = np.flatnonzero(np.floor(demos.times / DAY_SECONDS) == last)
        rows = rows[np.argsort(demos.times[rows], kind="stable")]
        name = f"day {last:g}" if is_clock(demos.times) else str(np.datetime64(int(last), "D"))
    else:
        rows = np.arange(demos.offsets[-2], demos.offsets[-1])
        name = f"trajectory {demos.trajectory_ids[-1]}"
    states, _ = demos.require_states()
    s, a, steps = states[rows], demos.actions[rows], demos.step_index[rows]
    # Beyond the horizon that was planned for, the last step of the plan stands in.
    if soft.table.ndim == 3:
        steps = np.minimum(steps, len(soft.table) - 1)
        probability, best = soft.table[steps, s, a], greedy[steps, s]
    else:
        probability, best = soft.table[s, a], greedy[s]
    labels = demos.action_labels
    agree = best == a
    order = np.argsort(probability, kind="stable")[:SURPRISES]
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (a[best >= 0], best[best >= 0]), 1)
    return {
        "name": name,
        "n_decisions": len(rows),
        "agreement": float(agree.mean()) if len(rows) else None,
        "counts": {
            done: {would: int(counts[i, j]) for j, would in enumerate(labels)}
            for i, done in enumerate(labels)
        },
        "least_expected": [
            {
                "time": f"row {rows[i]}" if demos.times is None else moment_label(demos.times, int(rows[i])),
                "state": space.labels[int(s[i])],
                "done": labels[int(a[i])],
                "probability": float(probability[i]),
                "policy": labels[int(best[i])] if best[i] >= 0 else "",
            }
            for i in order.tolist()
        ],
    }


def _headline(data: dict[str, Any]) -> str:
    if data["environment"]:
        return f"There is a policy for each {data['environment']}. {_agreement(data)}"
    return _agreement(data)


def _agreement(data: dict[str, Any]) -> str:
    day = data["last_day"]
    if not day["n_decisions"]:
        return "The policy is planned; the log has no last day to compare it with."
    return (
        f"On {day['name']} the policy would have done the same in {day['agreement']:.0%} of"
        f" {day['n_decisions']:,} decisions."
    )


def _report(data: dict[str, Any]) -> Report:
    day = data["last_day"]
    labels = list(day["counts"])
    counts = Table(
        title=f"{day['name']}: what was done, and what the policy would have done",
        columns=("done", *(f"policy: {name}" for name in labels)),
        rows=tuple((done, *(day["counts"][done][would] for would in labels)) for done in labels),
        note="The greedy policy of the inferred reward, under the hard limits of the contract.",
    )
    surprises = Table(
        title="Decisions that the reward expected least",
        columns=("time", "state", "done", "probability", "policy"),
        rows=tuple(
            (x["time"], x["state"], x["done"], x["probability"], x["policy"]) for x in day["least_expected"]
        ),
        digits=2,
    )
    notes = tuple(finding_from(f) for f in data["findings"])
    sections = [
        Section(title="The last day again", items=(counts, surprises), anchor="last-day"),
        Section(title="Limits", items=notes, anchor="limits"),
        Section(
            title="The policy",
            items=(
                (
                    f"Tables of the soft-optimal and the greedy policy are in `{data['policy']}` (arrays"
                    " `soft`, `greedy`, `value`, `actions`, `states`); the states are described in"
                    " `states.json`."
                    + (
                        f" Each row of the tables belongs to the {data['environment']} that `environments` names."
                        if data["environment"]
                        else ""
                    )
                ),
                *data["cautions"],
            ),
            anchor="policy",
        ),
    ]
    return Report(
        title=f"Policy for {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=data,
    )


def _result(
    project: Project, folder: Path, data: dict[str, Any], *, policy: TabularPolicy | None, is_reused: bool
) -> VerbResult:
    report = _report(data)
    notes = [item for section in report.sections for item in section.items if isinstance(item, Finding)]
    return VerbResult(
        verb="train",
        report=report,
        page=folder / "train.html",
        finding=most_important(notes),
        next_command=f"telic report {project.folder}",
        is_reused=is_reused,
        product=policy,
    )
