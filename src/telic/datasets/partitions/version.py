"""From sorted runs to a version: parts, digests, trajectories, findings, and the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from telic._core.hashing import BLOCK_ROWS, digest_array, digest_columns
from telic.contract import TaskContract
from telic.datasets.layout import manifest
from telic.datasets.privacy.at_the_door import detectors_at, findings_after_reading, provenance_after_reading
from telic.datasets.privacy.guard import Guard
from telic.datasets.privacy.sensitive import (
    NAMES,
    base_name,
    category_column,
    label_column,
    looked_at,
    sensitive_texts,
    stride,
)
from telic.datasets.sources.assemble import FEWEST, too_few
from telic.datasets.sources.encode import carry_checks, checks_of
from telic.datasets.sources.faults import Fault, all_faults, first_error
from telic.datasets.sources.noticed import together
from telic.datasets.sources.notices import findings_of
from telic.errors import world_errors
from telic.reports import Finding, Provenance

from .block_digests import column_digest, hash_rows
from .codes import codes_of
from .gather import Codes
from .middle import median, median_of_counts, steps_of
from .parts import Made, make_part
from .ranges import Range, ranges_of
from .reading import WasRead
from .runs import Run
from .sizes import Sizes
from .sorted_texts import sorted_distinct
from .text_table import write_text_stream
from .trajectories import finish_trajectories, names_in, pieces_of
from .workers import AbstractWorkers

__all__ = ["Built", "Telling", "build"]

HASHED_BLOCKS = 32
"""Blocks of the digest that are hashed by one task: two million rows."""


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
    made, codes = _parts(read, broken, contract, target, sizes, workers, told)
    problem = first_error(all_faults((seen, *(m.faults for m in made))), checks_of(contract), rows)
    if problem is not None:
        raise problem
    noticed = together(*(s.noticed for s in read.spilled), *(m.noticed for m in made))
    if noticed.n_decisions < FEWEST:
        raise too_few(noticed.n_decisions, rows)
    made = [m for m in made if m.rows is not None]
    with world_errors(f"write to {folder}"):
        finished = finish_trajectories([m.trajectories for m in made if m.trajectories], target)
        columns = finished.columns | _row_digests(target, made, contract, workers, told)
        categories = _categories(made, contract)
        columns |= _small_digests(contract, codes, categories)
        files = [target / str(m.rows) for m in made]
        step = _median_step(files, [m.steps for m in made], contract)
        found = [*read.findings, *findings_of(noticed, contract, rows, step)]
        found = sorted(found, key=lambda f: -f.severity)
        looked = _looked_at(made, categories, contract, folder, is_escaped=finished.is_escaped)
        findings = findings_after_reading(
            found, sensitive_texts(looked, *detectors_at(guard)), contract, guard
        )
        for m in made:
            assert m.trajectories is not None
            m.trajectories.unlink()
    provenance = provenance_after_reading(provenance, guard)
    observations = [o.name for o in contract.observations]
    return Built(
        manifest=manifest(
            digest=digest_columns(columns),
            n_decisions=noticed.n_decisions,
            n_trajectories=noticed.n_trajectories,
            action_labels=contract.actions.labels,
            people=codes.people,
            categories=categories,
            observations=observations,
            shifted=observations,
            columns=columns,
            findings=findings,
            provenance=provenance,
        ),
        files=(*(str(m.rows) for m in made), finished.file),
        findings=findings,
        provenance=provenance,
    )


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


def _made(task: _Part) -> Made:
    with world_errors(f"write to {task.folder}"):
        return make_part(
            task.runs, task.limits, task.codes, task.contract, task.folder, task.number, broken=task.broken
        )


def _parts(
    read: WasRead,
    broken: Mapping[str, Fault],
    contract: TaskContract,
    folder: Path,
    sizes: Sizes,
    workers: AbstractWorkers,
    told: Telling,
) -> tuple[list[Made], Codes]:
    spilled = [s for s in read.spilled if s.run is not None]
    codes = codes_of(spilled, contract)
    runs = [s.run for s in spilled if s.run is not None]
    row_bytes = max(sum(np.dtype(c.dtype).itemsize * c.width for c in r.columns.values()) for r in runs)
    limits = ranges_of(runs, max(1, sizes.part // row_bytes))
    common = partial(_Part, runs=runs, codes=codes, contract=contract, broken=broken, folder=folder)
    tasks = [common(limits=r, number=i) for i, r in enumerate(limits)]
    return list(told.each("making decisions", workers.run(_made, tasks), len(tasks))), codes


@dataclass(frozen=True, kw_only=True)
class _Hashed:
    """The task of hashing some blocks."""

    files: Sequence[tuple[Path, int]]
    start: int
    end: int
    observations: Sequence[str]


def _hashes(task: _Hashed) -> dict[str, list[bytes]]:
    return hash_rows(task.files, task.start, task.end, task.observations)


def _row_digests(
    folder: Path, made: Sequence[Made], contract: TaskContract, workers: AbstractWorkers, told: Telling
) -> dict[str, str]:
    """Column of rows to its digest."""
    files = [(folder / str(m.rows), m.noticed.n_decisions) for m in made]
    n, step = sum(n for _, n in files), HASHED_BLOCKS * BLOCK_ROWS
    observations = [o.name for o in contract.observations]
    tasks = [
        _Hashed(files=files, start=s, end=min(s + step, n), observations=observations)
        for s in range(0, n, step)
    ]
    blocks: dict[str, list[bytes]] = {}
    for some in told.each("computing digests", workers.run(_hashes, tasks), len(tasks)):
        for name, digests in some.items():
            blocks.setdefault(name, []).extend(digests)
    schema = pq.read_schema(files[0][0])
    kinds = {f.name: np.dtype(f.type.to_pandas_dtype()) for f in schema}
    kinds |= {f"next_observation:{o}": kinds[f"observation:{o}"] for o in observations}
    shapes = {"offered": [n, len(contract.actions.labels)]}
    return {
        name: column_digest(kinds.get(name, np.dtype(bool)), shapes.get(name, [n]), digests)
        for name, digests in blocks.items()
    }


def _small_digests(
    contract: TaskContract, codes: Codes, categories: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    texts = {
        "action_labels": contract.actions.labels,
        "demonstrator_names": codes.people,
        **{f"categories:{k}": v for k, v in categories.items()},
    }
    return {name: digest_array(np.asarray(v, dtype=object)) for name, v in texts.items()}


def _categories(made: Sequence[Made], contract: TaskContract) -> dict[str, tuple[str, ...]]:
    """Name of each category to its labels; one part may lack the label of what is missing."""
    names = [o.name for o in contract.observations if o.type == "category"]
    return {name: max((m.categories[name] for m in made), key=len) for name in names}


def _median_step(
    files: Sequence[Path], counted: Sequence[Mapping[float, int] | None], contract: TaskContract
) -> float | None:
    if contract.data.time is None or contract.timing.control_period_seconds is None:
        return None
    counts = [c for c in counted if c is not None]
    if len(counts) == len(counted):
        return median_of_counts(counts)
    return median(lambda: steps_of(files))


def _looked_at(
    made: Sequence[Made],
    categories: Mapping[str, Sequence[str]],
    contract: TaskContract,
    folder: Path,
    *,
    is_escaped: bool,
) -> Iterator[tuple[str, Sequence[str], int]]:
    """What is kept as text: how each column is called, some of its texts, and how many it has."""
    for name, labels in categories.items():
        yield category_column(name), *looked_at(labels)
    parts = [m.trajectories for m in made if m.trajectories is not None]
    bases = ([base_name(t) for t in names_in(p, is_escaped=is_escaped)] for p in pieces_of(parts))
    yield NAMES, *_some(bases, folder)
    for label in contract.data.labels:
        texts = (p[f"label:{label}"].to_pylist() for p in pieces_of(parts))
        yield label_column(label), *_some(texts, folder)


def _some(texts: Iterable[Iterable[str]], folder: Path) -> tuple[list[str], int]:
    table = write_text_stream(folder / "distinct.arrow", sorted_distinct(texts, folder), 8192)
    chosen = np.arange(0, table.n, stride(table.n))
    return list(table.at(chosen).values()), table.n
