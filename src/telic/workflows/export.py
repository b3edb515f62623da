"""``export``: the inferred reward goes back into the robot's own dataset, as columns that other trainers read.

Each frame is read by the contract like a decision, falls into a state of the inference, and gets the reward of that
state and of the alternative that was taken: the reward that was fitted, on the cells that it was fitted on. A frame
whose state was not among the fitted decisions gets none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.frame_rewards import FrameRewards, frame_rewards
from telic.datasets.lerobot_writer import STD_COLUMN, WrittenRewards, write_lerobot_rewards
from telic.datasets.sources.files import source_file
from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.reports import Finding, Report, Section, Severity, Table
from telic.typing import FloatArray, IntArray

from .access import permitted
from .origins import require_no_attacker
from .progress import Progress, silent
from .project import Project
from .reward_source import Inferred, open_inferred
from .verb_result import VerbResult, most_important

__all__ = ["export"]

FRAME = "lerobot_frame_number"
"""Name of the observation that carries each frame's number through the reading."""


@permitted("export")
def export(
    folder: str | Path,
    out: str | Path,
    *,
    lerobot: str | Path,
    run: str | None = None,
    demonstrator: str | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """A LeRobot dataset with the reward of an inference at its frames.

    Args:
        folder: project folder; its contract reads the format ``lerobot``.
        out: folder of the new dataset; must not be there yet.
        lerobot: the dataset to write the reward into, the one that was ingested or another of the same task.
        run: digest (or its beginning) of an inference; None: the newest.
        demonstrator: pseudonym of the one whose reward is meant; None: that of all together.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``telic.datasets.lerobot_writer.WrittenRewards``.

    Raises:
        SettingsError: the contract reads another format, the decisions are an attacker's, or the inference has no
            answer.
        DataError: the dataset breaks the contract, has such columns already, or none of its frames has a reward.
        PermanentError: there is no such project or inference, or ``out`` is there already.
        TemporaryError: the disk is full; nothing is left behind.
    """
    project, place, target = Project.open(folder), Path(lerobot), Path(out)
    contract = project.contract
    if contract.data.origin == "adversary":
        raise SettingsError(
            "No reward to train on is made from an attacker's decisions (`data.origin: adversary`).",
            hint="Use `telic infer` and `telic report`: what they value may be described, for defence.",
        )
    if contract.data.format != "lerobot":
        raise SettingsError(
            f"The contract of {project.folder} reads `data.format: {contract.data.format}`, not lerobot.",
            hint="Rewards are written into the kind of dataset that the contract reads; ingest it as lerobot first.",
        )
    progress("reading frames", 0, None)
    source = source_file(place, "lerobot")
    found = open_inferred(project.find_run("infer", run).folder, demonstrator)
    require_no_attacker(found.problem.origins)
    rewards, notes = _rewards(found, contract, place)
    progress("reading frames", 1, 1)
    about = _about(found, contract, source.digest, demonstrator)
    here = project.run_of("export", {**about, "out": str(target.resolve())})
    progress("writing frames", 0, None)
    written = write_lerobot_rewards(place, target, rewards, about=about)
    progress("writing frames", 1, 1, f"{written.n_frames:,} frames")
    notes += _missing(written, found)
    report = _report(written, found, contract, source.digest, here.digest, notes)
    with project.lock():
        page = here.write(report)
        project.remember(here)
    return VerbResult(
        verb="export",
        report=report,
        page=page,
        finding=most_important(notes),
        next_command=f"telic report {project.folder}",
        product=written,
    )


def _rewards(found: Inferred, contract: TaskContract, place: Path) -> tuple[FrameRewards, list[Finding]]:
    """The reward of every frame that the contract reads as a decision."""
    told = contract.to_mapping()
    told["observations"].append({"name": FRAME, "column": "index", "type": "integer", "in_state": False})
    demos = found.problem.with_sets(read_demonstrations(TaskContract.from_mapping(told), place))
    space, train = found.problem.space, found.problem.train
    states, _ = space.encode(demos).require_states()
    grid = space.grid_cells(demos)
    fitted = np.isin(states, train.require_states()[0])
    if space.kept is not None:  # a cell that is none of the states was only given the nearest one
        fitted &= np.isin(grid, space.kept)
    phi = _features_at(found.problem.features, states, demos.actions, demos.n_actions)
    rewards = frame_rewards(found.estimate, found.covariance, phi, demos.observations[FRAME], fitted)
    unfitted = int((~fitted).sum())
    notes = [f for f in demos.findings if f.code not in ("extra-columns", "unseen-cells")]
    if unfitted:
        notes.append(
            Finding(
                code="frames-in-unfitted-states",
                severity=Severity.WARNING,
                message=f"{unfitted:,} of {demos.n_decisions:,} frames are in states that no fitted decision was made"
                " in; they have no reward (NaN).",
                hint="Make coarser bins, or ingest demonstrations that pass there.",
                evidence={"count": unfitted, "frames": demos.observations[FRAME][~fitted][:20].tolist()},
            )
        )
    return rewards, notes


def _features_at(features: FeatureMap, states: IntArray, actions: IntArray, n_actions: int) -> FloatArray:
    """``(m, K)`` features of the state, or of state and action, of each frame."""
    values = features.values
    if isinstance(values, np.ndarray):
        chosen: FloatArray = values[states] if features.form == "S" else values[states, actions]
        return chosen
    rows = states if features.form == "S" else states.astype(np.int64) * n_actions + actions
    return np.asarray(values[rows].toarray(), dtype=np.float64)


def _missing(written: WrittenRewards, found: Inferred) -> list[Finding]:
    notes = []
    if written.n_known < written.n_frames:
        first = ", ".join(f"episode {e} frame {f}" for e, f in written.without[:3])
        notes.append(
            Finding(
                code="frames-without-reward",
                severity=Severity.NOTICE,
                message=f"{written.n_frames - written.n_known:,} of {written.n_frames:,} frames have no reward (NaN),"
                f" first {first}.",
                hint="Leave them out of training, or mask them; 0 would be a reward like any other.",
                evidence={"first": [list(pair) for pair in written.without]},
            )
        )
    if found.covariance is None:
        notes.append(
            Finding(
                code="no-deviations",
                severity=Severity.WARNING,
                message=f"The inference tells no covariance of the weights, so there is no `{STD_COLUMN}`.",
                hint="The findings of the inference say why; infer again where it was made by an older telic.",
            )
        )
    elif written.n_with_deviation < written.n_known:
        n = written.n_known - written.n_with_deviation
        notes.append(
            Finding(
                code="rewards-by-gauge",
                severity=Severity.WARNING,
                message=f"The reward of {n:,} frames leans on weights that the decisions do not tell: it is one of many"
                f" that explain them as well, and its `{STD_COLUMN}` is not known (NaN).",
                hint="`telic ambiguity` and `telic elicit` say what would tell them.",
                evidence={"count": n, "nullity": found.estimate.nullity},
            )
        )
    return notes


def _about(found: Inferred, contract: TaskContract, source: str, demonstrator: str | None) -> dict[str, Any]:
    estimate = found.estimate
    return {
        "task": contract.identity.task,
        "inference": found.digest,
        "contract": contract.digest,
        "source": source,
        "demonstrator": demonstrator,
        "method": estimate.method,
        "weights": dict(zip(estimate.names, estimate.weights.tolist(), strict=True)),
        "units": dict(zip(estimate.names, estimate.units, strict=True)),
        "gauge": estimate.gauge.to_json(),
        "nullity": estimate.nullity,
        "error_kind": found.error_kind,
        "evaluated_on": "the cells of the states and the alternatives of the contract, as they were fitted",
    }


def _report(
    written: WrittenRewards,
    found: Inferred,
    contract: TaskContract,
    source: str,
    digest: str,
    notes: list[Finding],
) -> Report:
    headline = (
        f"{written.n_known:,} of {written.n_frames:,} frames have an inferred reward,"
        f" {written.n_with_deviation:,} of them with its standard deviation; written to {written.folder}."
    )
    worst_first = sorted(notes, key=lambda finding: -int(finding.severity))
    table = Table(
        title="What was written",
        columns=("column", "meaning"),
        rows=tuple(
            (
                name,
                "standard deviation of the reward, from the covariance of the weights"
                if name == STD_COLUMN
                else "reward of the state and the alternative taken",
            )
            for name in written.columns
        ),
        note=f"{found.estimate.gauge.description} NaN where nothing is known; meta/reward.json says what it is.",
    )
    sections = [
        Section(title="Columns", items=(table,), anchor="columns"),
        Section(title="What was noticed", items=tuple(worst_first), anchor="findings"),
    ]
    return Report(
        title=f"Export of {contract.identity.task}",
        headline=headline,
        sections=tuple(s for s in sections if s.items),
        data={
            "schema_version": 1,
            "verb": "export",
            "task": contract.identity.task,
            "headline": headline,
            "digest": digest,
            "inference": found.digest,
            "source": source,
            "folder": str(written.folder),
            "columns": list(written.columns),
            "n_frames": written.n_frames,
            "n_known": written.n_known,
            "n_with_deviation": written.n_with_deviation,
            "findings": [finding.to_json() for finding in worst_first],
        },
    )
