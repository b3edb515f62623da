"""Source columns to ``Demonstrations``: the one place where rows become decisions.

``assemble`` takes all rows of a log at once; ``encode``, ``arrange`` and ``demonstrations_of`` are its steps, for
whoever has the rows of some trajectories only (``telic.datasets.partitions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic.contract import TaskContract
from telic.errors import DataError
from telic.reports import Provenance
from telic.trajectories import Demonstrations
from telic.typing import LongArray

from .about_trajectories import labels_of_trajectories, success_of_trajectories
from .arrange import Arranged, arrange
from .encode import FilePlaces, carry_checks, checks_of, encode, with_people
from .faults import all_faults, first_error
from .noticed import Noticed
from .notices import findings_of
from .order import Segments
from .read import SourceColumns, release
from .rows import RowNames

__all__ = [
    "FEWEST",
    "assemble",
    "counted",
    "demonstrations_of",
    "numbered",
    "piece_numbers",
    "too_few",
]

FEWEST = 2
"""Decisions from which something can be learned."""


def assemble(source: SourceColumns, contract: TaskContract, provenance: Provenance) -> Demonstrations:
    """The demonstrations that the columns hold; takes the columns out of ``source`` as it goes, to free
    memory.

    Args:
        source: what was read.
        contract: says what the columns mean.
        provenance: of the files, kept in the result.

    Raises:
        DataError: times, keys, actions or measurements break the contract, or nothing is left.
    """
    places = FilePlaces(rows_per_file=source.rows_per_file, n_files=len(source.rows_per_file))
    encoded = encode(source.columns, contract, places)
    release()
    open_checks = carry_checks(contract)
    problem = first_error(encoded.faults, checks_of(contract), source.rows, open_checks=open_checks)
    if problem is not None:
        raise problem
    encoded = with_people(encoded, contract)
    arranged, noticed, faults = arrange(encoded, contract)
    problem = first_error(all_faults((encoded.faults, faults)), checks_of(contract), source.rows)
    if problem is not None:
        raise problem
    demos = None if arranged is None else demonstrations_of(*arranged, contract)
    if demos is None or demos.n_decisions < FEWEST:
        raise too_few(0 if demos is None else demos.n_decisions, source.rows)
    noticed = noticed.and_(counted(demos))
    findings = [*source.findings, *findings_of(noticed, contract, source.rows, _median_step(demos, contract))]
    return replace(demos, provenance=provenance, findings=tuple(sorted(findings, key=lambda f: -f.severity)))


def too_few(n: int, rows: RowNames) -> DataError:
    """The error of a log of which fewer decisions are left than can be learned from.

    Args:
        n: how many are left.
        rows: names of all rows.
    """
    named = ", ".join(part.name for part in rows.parts[:3])
    return DataError(
        f"{n} of {rows.total:,} rows {'is' if n == 1 else 'are'} left to learn from; at least 2 "
        f"decisions are needed (read: {named}).",
        hint="One decision shows no preference. Check `missing: drop` and the source.",
    )


def demonstrations_of(rows: Arranged, segments: Segments, contract: TaskContract) -> Demonstrations:
    """The demonstrations that arranged rows make; their columns are used up.

    Args:
        rows: of whole trajectories.
        segments: where they are cut.
        contract: names the actions.
    """
    n = len(rows.actions)
    first = np.flatnonzero(segments.starts)
    offsets = np.append(first, n).astype(np.int64)
    last = offsets[1:] - 1
    ids = _ids(rows, segments)
    terminated = np.zeros(len(first), dtype=bool) if rows.terminated is None else rows.terminated[last]
    current, following = {}, {}
    for name in list(rows.observations):
        values = rows.observations.pop(name)
        shared = np.append(values, values[-1:])  # one memory for both: the next row is one place further
        current[name], following[name] = shared[:n], shared[1 : n + 1]
    demonstrators = (
        np.zeros(len(first), dtype=np.int32) if rows.demonstrators is None else rows.demonstrators[first]
    )
    return Demonstrations(
        actions=rows.actions,
        offsets=offsets,
        action_labels=contract.actions.labels,
        observations=current,
        next_observations=following,
        next_known=segments.next_known,
        times=rows.ordered.times,
        trajectory_ids=np.array(ids, dtype=object),
        demonstrators=demonstrators,
        demonstrator_names=rows.people,
        terminated=terminated,
        truncated=~terminated,
        weights=rows.weights,
        offered=rows.offered,
        origins=None if rows.origins is None else rows.origins[first],
        succeeded=None if rows.succeeded is None else success_of_trajectories(rows.succeeded, offsets),
        labels={
            k: labels_of_trajectories(codes, texts, offsets) for k, (codes, texts) in rows.labels.items()
        },
        categories=rows.categories,
    )


def counted(demos: Demonstrations) -> Noticed:
    """What is counted once trajectories are finished.

    Args:
        demos: of some trajectories, or all.
    """
    outcomes = None
    if demos.succeeded is not None:
        succeeded, failed, unknown = (int(np.sum(demos.succeeded == code)) for code in (1, 0, -1))
        outcomes = succeeded, failed, unknown
    times = demos.times
    return Noticed(
        n_decisions=demos.n_decisions,
        n_trajectories=demos.n_trajectories,
        outcomes=outcomes,
        n_known=0 if demos.next_known is None else int(demos.next_known.sum()),
        times=None if times is None or not len(times) else (float(times.min()), float(times.max())),
    )


def _median_step(demos: Demonstrations, contract: TaskContract) -> float | None:
    if demos.times is None or demos.next_known is None or contract.timing.control_period_seconds is None:
        return None
    steps = np.diff(demos.times)[demos.next_known[:-1]]
    return float(np.median(steps, overwrite_input=True)) if len(steps) else None


def piece_numbers(rows: Arranged, segments: Segments) -> tuple[list[str], LongArray]:
    """Name of the source trajectory of each trajectory, and which piece of it this is, from 0.

    Args:
        rows: of whole source trajectories.
        segments: where they are cut.
    """
    keys = rows.ordered.keys[np.flatnonzero(segments.starts)]
    names = rows.ordered.names
    nth = np.arange(len(keys)) - np.searchsorted(keys, keys)  # keys do not fall, so this counts pieces from 0
    return [names[k] for k in keys.tolist()], nth


def numbered(names: Sequence[str], nth: LongArray, *, is_escaped: bool = False) -> list[str]:
    """Name of each trajectory: that of its source, and ``#2``, ``#3``, ... for its further pieces.

    Args:
        names: of the sources.
        nth: which piece, from 0.
        is_escaped: ``#`` in names is written as ``%23``, where names with it would be those of pieces.
    """
    if is_escaped:
        names = [n.replace("#", "%23") for n in names]
    return [n if i == 0 else f"{n}#{i + 1}" for n, i in zip(names, nth.tolist(), strict=True)]


def _ids(rows: Arranged, segments: Segments) -> list[str]:
    names, nth = piece_numbers(rows, segments)
    ids = numbered(names, nth)
    return ids if len(set(ids)) == len(ids) else numbered(names, nth, is_escaped=True)
