"""The files of a version whose rows are sealed person by person, from parts that hold many people each.

Each part is written once more in the order of its people; then people whose rows fit into memory together are read from
all parts and sealed one by one, and a person with more rows is sealed in several pieces. Digests are known by then:
what is sealed is bound to the version that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from telic.datasets.privacy.sealed_people import seal_person, told_in_manifest
from telic.datasets.privacy.sealed_rows import PART_ROWS
from telic.datasets.privacy.sealing import SubjectKeys
from telic.typing import LongArray

from .by_person import ByPerson, Columns, write_by_person
from .left import Left
from .row_digests import RowFiles, Told
from .trajectories import finished_pieces

__all__ = ["sealed_files"]


def sealed_files(
    rows: RowFiles,
    trajectories: Sequence[Path],
    left: Left,
    keys: SubjectKeys,
    version: str,
    folder: Path,
    told: Told,
    *,
    is_escaped: bool,
    part_bytes: int,
) -> tuple[list[str], dict[str, Any]]:
    """Names of the files in the folder, and what the manifest says in place of what is sealed.

    Args:
        rows: of all parts; their files are used up.
        trajectories: files of what the parts say of their trajectories.
        left: who and what stays.
        keys: of the people; those that are missing are made.
        version: digest of the version.
        folder: of the version.
        told: is told how far it is.
        is_escaped: whether ``#`` in names is written as ``%23``.
        part_bytes: bytes of rows that are in memory at a time.

    Raises:
        OSError: the files cannot be written.
    """
    names = sorted(set(left.categories) - set(keys.listed))
    parts = list(_by_person(rows, trajectories, left, names, told, is_escaped=is_escaped))
    most = min(PART_ROWS, max(1, part_bytes // max(p.row_bytes for p in parts)))
    totals = np.zeros(len(left.people), dtype=np.int64)
    for part in parts:
        at = part.stretches()
        totals[at.people] += np.diff(at.rows)
    deciding = np.flatnonzero(totals)
    limits = _limits(totals[deciding], most)
    # The place in each part at which each group of people begins.
    begins = [np.searchsorted(p.stretches().people, np.append(deciding, len(totals))[limits]) for p in parts]
    used: dict[str, set[int]] = {name: set() for name in left.categories}
    entries: list[dict[str, Any]] = []
    groups = range(len(limits) - 1)

    def sealed(g: int) -> None:
        members = deciding[limits[g] : limits[g + 1]]
        found = [
            _Stretch(part=p, first=int(b[g]), end=int(b[g + 1]))
            for p, b in zip(parts, begins, strict=True)
            if b[g + 1] > b[g]
        ]
        for person, codes, about, pieces in _people(members, found, names, most, totals):
            for name in names:
                used[name] |= set(codes[name])
            entries.append(
                seal_person(
                    folder,
                    keys,
                    version,
                    left.people[person],
                    index=person,
                    labels={
                        n: [(c, left.categories[n][c]) for c in codes[n]]
                        for n in left.categories
                        if n in codes
                    },
                    trajectories=about,
                    rows=pieces,
                )
            )

    for _ in told("sealing rows by person", map(sealed, groups), len(groups)):
        pa.default_memory_pool().release_unused()
    for part in parts:
        part.path.unlink()
    manifest = told_in_manifest(keys, entries, left.people, set(deciding.tolist()), left.categories, used)
    return [name for entry in entries for name in entry["files"]], manifest


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Some people of a part."""

    part: ByPerson
    first: int
    end: int


def _by_person(
    rows: RowFiles,
    trajectories: Sequence[Path],
    left: Left,
    names: Sequence[str],
    told: Told,
    *,
    is_escaped: bool,
) -> Iterator[ByPerson]:
    first = 0
    tasks = list(zip(rows.files, trajectories, strict=True))

    def written(task: tuple[tuple[Path, int], Path]) -> ByPerson | None:
        nonlocal first
        (path, n), beside = task
        made = None
        if n:
            pieces = finished_pieces([beside], rows.scratch, is_escaped=is_escaped, people=left.renumbered)
            about = pa.concat_tables(pieces)
            made = write_by_person(path, about, first, rows.scratch, left.tables, names)
            first += about.num_rows
        path.unlink()
        return made

    for made in told("sorting rows by person", map(written, tasks), len(tasks)):
        if made is not None:
            yield made


def _limits(rows: LongArray, most: int) -> list[int]:
    """Places at which groups of people begin, and the end; a group has at most so many rows, or is one person."""
    limits, held = [0], 0
    for i, n in enumerate(rows.tolist()):
        if held and held + n > most:
            limits.append(i)
            held = 0
        held += n
    return [*limits, len(rows)]


def _people(
    members: LongArray, found: Sequence[_Stretch], names: Sequence[str], most: int, totals: LongArray
) -> Iterator[tuple[int, Mapping[str, list[int]], Iterable[Columns], Iterable[Columns]]]:
    """Each person with the codes that occur, and with pieces of their trajectories and rows."""
    at = [s.part.stretches(s.first, s.end) for s in found]
    codes: dict[str, dict[int, set[int]]] = {n: {p: set() for p in members.tolist()} for n in names}
    for s, where in zip(found, at, strict=True):
        for name in names:
            ends = where.codes[name]
            values = s.part.codes(name, int(ends[0]), int(ends[-1] - ends[0])).tolist()
            for i, person in enumerate(where.people.tolist()):
                codes[name][person] |= set(values[ends[i] - ends[0] : ends[i + 1] - ends[0]])
    of = {p: {n: sorted(codes[n][p]) for n in names} for p in members.tolist()}
    if len(members) == 1 and totals[members[0]] > most:
        person = int(members[0])
        stretches = list(zip(found, at, strict=True))
        yield (
            person,
            of[person],
            _gathered((_pieces(s.part.trajectories, w.trajectories, most) for s, w in stretches), most),
            _gathered((_pieces(s.part.rows, w.rows, most) for s, w in stretches), most),
        )
        return
    tables = []
    for kind in ("trajectories", "rows"):
        limits = [getattr(w, kind) for w in at]
        read = [
            getattr(s.part, kind)(int(x[0]), int(x[-1] - x[0])) for s, x in zip(found, limits, strict=True)
        ]
        who = np.concatenate([np.repeat(w.people, np.diff(x)) for w, x in zip(at, limits, strict=True)])
        order = np.argsort(who, kind="stable")
        columns = _joined(read)
        del read
        for name in list(columns):
            values = columns[name]
            columns[name] = values.take(pa.array(order)) if isinstance(values, pa.Array) else values[order]
        tables.append((columns, np.searchsorted(who[order], np.append(members, members[-1] + 1))))
    for i, person in enumerate(members.tolist()):
        about, rows = ({n: v[x[i] : x[i + 1]] for n, v in columns.items()} for columns, x in tables)
        yield person, of[person], [about], [rows]


def _pieces(read: Any, limits: LongArray, most: int) -> Iterator[Columns]:
    """The columns of one person in a part, at most so many rows at a time."""
    for start in range(int(limits[0]), int(limits[-1]), most):
        yield read(start, min(most, int(limits[-1]) - start))


def _gathered(several: Iterable[Iterator[Columns]], most: int) -> Iterator[Columns]:
    """Pieces of several parts put together while they are at most so long."""
    held: list[Columns] = []
    n = 0
    for pieces in several:
        for piece in pieces:
            m = len(next(iter(piece.values())))
            if held and n + m > most:
                yield _joined(held)
                held, n = [], 0
            held.append(piece)
            n += m
    yield _joined(held)


def _joined(pieces: Sequence[Columns]) -> Columns:
    if len(pieces) == 1:
        return dict(pieces[0])
    return {
        name: pa.concat_arrays([p[name] for p in pieces])
        if isinstance(pieces[0][name], pa.Array)
        else np.concatenate([p[name] for p in pieces])
        for name in pieces[0]
    }
