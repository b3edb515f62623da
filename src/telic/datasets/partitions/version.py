"""From sorted runs to a version: parts, digests, trajectories, findings, and the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.hashing import digest_array, digest_columns
from telic.contract import TaskContract
from telic.datasets.layout import manifest
from telic.datasets.privacy.at_the_door import detectors_at, findings_after_reading, provenance_after_reading
from telic.datasets.privacy.guard import Guard
from telic.datasets.privacy.sensitive import sensitive_texts
from telic.datasets.sources.assemble import FEWEST, too_few
from telic.datasets.sources.encode import carry_checks, checks_of
from telic.datasets.sources.faults import Fault, all_faults, first_error
from telic.datasets.sources.noticed import together
from telic.datasets.sources.notices import findings_of
from telic.errors import world_errors
from telic.reports import Finding, Provenance

from .codes import codes_of
from .gather import Codes
from .left import Left, what_is_left
from .looked import looked_at_in
from .middle import median, median_of_counts, steps_of
from .parts import Made, make_part
from .ranges import Range, ranges_of
from .reading import WasRead
from .row_digests import RowFiles, row_digests
from .runs import Run
from .sealed import sealed_files
from .sizes import Sizes
from .text_table import OPEN
from .trajectories import finish_trajectories
from .withheld import Sieve, Withheld, expanded, open_files, sieve_of
from .workers import AbstractWorkers

__all__ = ["Built", "Telling", "build"]


@dataclass(frozen=True, kw_only=True)
class Built:
    """A version whose files lie in a folder, not yet in the store.

    Attributes:
        manifest: without the digests of its files.
        files: names of its files.
        findings: worst first.
        provenance: how it was made.
    """

    manifest: Mapping[str, Any]
    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance


class Telling:
    """Tells how far a stage is; a ``telic.workflows.progress.Progress`` or nobody listens."""

    def __init__(self, progress: Any = None) -> None:
        self._progress = progress

    def __call__(self, stage: str, done: float, total: float | None, note: str = "") -> None:
        """How far a stage is."""
        if self._progress is not None:
            self._progress(stage, done, total, note)

    def each(self, stage: str, results: Iterable[Any], total: int) -> Iterator[Any]:
        """The results, each told."""
        self(stage, 0, total)
        for i, result in enumerate(results):
            self(stage, i + 1, total)
            yield result


def build(
    read: WasRead,
    contract: TaskContract,
    guard: Guard | None,
    provenance: Provenance,
    folder: Path,
    sizes: Sizes,
    workers: AbstractWorkers,
    told: Telling,
    withheld: Withheld | None = None,
) -> Built:
    """The files of the version, in a folder.

    Args:
        read: all runs.
        contract: says what rows mean.
        guard: of the reading.
        provenance: of the files.
        folder: empty; the files of the version are in ``version`` below it afterwards.
        sizes: how much is held in memory.
        workers: do the work.
        told: is told how far it is.
        withheld: how rows that must not lie open are kept, and who is left out; None: they may lie open.

    Raises:
        DataError: rows break the contract, or nothing is left; the error of the same rows made at once.
        TemporaryError: the disk is full.
    """
    rows = read.rows
    seen = all_faults(s.faults for s in read.spilled)
    problem = first_error(seen, checks_of(contract), rows, open_checks=carry_checks(contract))
    if problem is not None:
        raise problem
    target = folder / "version"
    target.mkdir()
    broken = {check: fault for check, fault in seen.items() if fault.count}
    place, scratch = (target, OPEN) if withheld is None else (folder / "held", withheld.scratch)
    place.mkdir(exist_ok=True)
    made, codes = _parts(read, broken, contract, place, sizes, workers, told, withheld)
    problem = first_error(all_faults((seen, *(m.faults for m in made))), checks_of(contract), rows)
    if problem is not None:
        raise problem
    noticed = together(*(s.noticed for s in read.spilled), *(m.noticed for m in made))
    if noticed.n_decisions < FEWEST:
        raise too_few(noticed.n_decisions, rows)
    made = [m for m in made if m.rows is not None]
    provenance = provenance_after_reading(provenance, guard)
    observations = [o.name for o in contract.observations]
    keys = None if withheld is None else withheld.erased.keys
    with world_errors(f"write to {folder}"):
        labels = _categories(made, contract)
        listed = () if withheld is None else withheld.erased.listed
        left = what_is_left(made, codes.people, labels, listed, observations)
        beside = [m.trajectories for m in made if m.trajectories]
        finished = finish_trajectories(beside, None if keys else target, scratch, left.renumbered)
        rows_of = RowFiles(
            files=[(place / str(m.rows), m.n_rows) for m in made],
            observations=observations,
            scratch=scratch,
            tables=left.tables,
        )
        columns = finished.columns | row_digests(rows_of, len(contract.actions.labels), workers, told.each)
        columns |= _small_digests(contract, left)
        found = [*read.findings, *findings_of(noticed, contract, rows, _median_step(made, rows_of, contract))]
        found = sorted(found, key=lambda f: -f.severity)
        looked = looked_at_in(made, labels, contract, folder, scratch, is_escaped=finished.is_escaped)
        sensitive = sensitive_texts(looked, *detectors_at(guard))
        findings = findings_after_reading(found, sensitive, contract, guard)
        if left.finding is not None:
            findings = (left.finding, *findings)
        about = manifest(
            digest=digest_columns(columns),
            n_decisions=left.n_decisions,
            n_trajectories=left.n_trajectories,
            action_labels=contract.actions.labels,
            people=left.people,
            categories=left.categories,
            observations=observations,
            shifted=[o for o in observations if o in left.shifted],
            columns=columns,
            findings=findings,
            provenance=provenance,
        )
        if withheld is None:
            files = [*(str(m.rows) for m in made), finished.file]
        elif keys is None:
            files = [*open_files(rows_of, left.shifted, target, told.each), finished.file]
        else:
            files, instead = sealed_files(
                rows_of,
                beside,
                left,
                keys,
                about["digest"],
                target,
                told.each,
                is_escaped=finished.is_escaped,
                part_bytes=sizes.part,
            )
            about |= instead
        for path in beside:
            path.unlink()
    return Built(manifest=about, files=tuple(files), findings=findings, provenance=provenance)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The task of one part."""

    runs: Sequence[Run]
    limits: Range
    codes: Codes
    contract: TaskContract
    broken: Mapping[str, Fault]
    folder: Path
    number: int
    sieve: Sieve | None


def _made(task: _Part) -> Made:
    with world_errors(f"write to {task.folder}"):
        return make_part(
            task.runs,
            task.limits,
            task.codes,
            task.contract,
            task.folder,
            task.number,
            broken=task.broken,
            sieve=task.sieve,
        )


def _parts(
    read: WasRead,
    broken: Mapping[str, Fault],
    contract: TaskContract,
    folder: Path,
    sizes: Sizes,
    workers: AbstractWorkers,
    told: Telling,
    withheld: Withheld | None,
) -> tuple[list[Made], Codes]:
    spilled = [s for s in read.spilled if s.run is not None]
    codes = codes_of(spilled, contract)
    runs = [s.run for s in spilled if s.run is not None]
    row_bytes = max(sum(np.dtype(c.dtype).itemsize * c.width for c in r.columns.values()) for r in runs)
    limits = ranges_of(runs, max(1, sizes.part // row_bytes))
    sieve = None if withheld is None else sieve_of(withheld, codes.people)
    common = partial(
        _Part, runs=runs, codes=codes, contract=contract, broken=broken, folder=folder, sieve=sieve
    )
    tasks = [common(limits=r, number=i) for i, r in enumerate(limits)]
    return list(told.each("making decisions", workers.run(_made, tasks), len(tasks))), codes


def _small_digests(contract: TaskContract, left: Left) -> dict[str, str]:
    texts = {
        "action_labels": contract.actions.labels,
        "demonstrator_names": left.people,
        **{f"categories:{k}": v for k, v in left.categories.items()},
    }
    return {name: digest_array(np.asarray(v, dtype=object)) for name, v in texts.items()}


def _categories(made: Sequence[Made], contract: TaskContract) -> dict[str, tuple[str, ...]]:
    """Name of each category to its labels; one part may lack the label of what is missing."""
    names = [o.name for o in contract.observations if o.type == "category"]
    return {name: max((m.categories[name] for m in made), key=len) for name in names}


def _median_step(made: Sequence[Made], rows: RowFiles, contract: TaskContract) -> float | None:
    if contract.data.time is None or contract.timing.control_period_seconds is None:
        return None
    counts = [m.steps for m in made if m.steps is not None]
    if len(counts) == len(made):
        return median_of_counts(counts)
    if made[0].held is None:
        return median(lambda: steps_of(path for path, _ in rows.files))
    return median(lambda: expanded(((m.steps, m.held) for m in made), rows.scratch))
