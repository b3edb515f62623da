"""Demonstrations as sealed parts, one person a part, and back.

A part holds all that is about one person: their rows, their trajectories with the places that these have in the whole,
their pseudonym, and the labels of categories that occur in their rows. What stays open is what the contract says (names
of observations and actions, labels that nobody's rows hold), counts, and digests. So a part that can no longer be read
takes everything about its person with it, but for an outcome: what the next person found when they took over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.errors import PermanentError
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations

from .sealed_people import TRAJECTORY_FILES, place_of, seal_person, told_in_manifest
from .sealing import SubjectKeys, unseal

__all__ = ["codes_of", "from_sealed_files", "unknown_cleared", "write_sealed_files"]

PART_ROWS = 1 << 20
"""Rows sealed at a time: some 100 MB in memory."""

ROWS = ("actions", "next_known", "states", "next_states", "times", "weights")
TRAJECTORIES = ("demonstrators", "terminated", "truncated", "goals", "origins", "succeeded")
MAPS = ("observations", "next_observations", "labels")
APART = (
    *(
        "offsets",
        "trajectory_ids",
        "offered",
        "action_labels",
        "demonstrator_names",
        "categories",
        "findings",
    ),
    "provenance",
)
assert {f.name for f in fields(Demonstrations)} == {*ROWS, *TRAJECTORIES, *MAPS, *APART}, (
    "a column of demonstrations would be left open or lost"
)


def write_sealed_files(
    demos: Demonstrations, folder: Path, keys: SubjectKeys
) -> tuple[list[str], dict[str, Any]]:
    """Names of the files in the folder, and what the manifest says in place of what is sealed.

    Args:
        demos: what to seal.
        folder: of the version.
        keys: of its people; those that are missing are made.
    """
    parts = []
    used: dict[str, set[int]] = {name: set() for name in demos.categories}
    people = np.unique(demos.demonstrators).tolist()
    for i in people:
        places = np.flatnonzero(demos.demonstrators == i)
        mine = unknown_cleared(demos.select(places))
        codes = {n: found for n, found in codes_of(mine).items() if n not in keys.listed}
        for name in codes:
            used[name] |= codes[name]
        parts.append(
            seal_person(
                folder,
                keys,
                demos.digest,
                demos.demonstrator_names[i],
                index=i,
                labels={
                    n: [(c, demos.categories[n][c]) for c in sorted(found)] for n, found in codes.items()
                },
                trajectories=[_about_trajectories(mine, places)],
                rows=_pieces(_rows(mine), mine.n_decisions),
            )
        )
    names = [name for part in parts for name in part["files"]]
    told = told_in_manifest(keys, parts, demos.demonstrator_names, people, demos.categories, used)
    return names, told


def from_sealed_files(
    manifest: Mapping[str, Any], folder: Path, findings: tuple[Finding, ...], erased: Collection[str]
) -> Demonstrations:
    """The demonstrations of everybody whose key is there; a finding says how many are gone.

    Args:
        manifest: of the version.
        folder: of the version, whose files were compared with the manifest.
        findings: kept with the version.
        erased: subjects whose erasure is on record.

    Raises:
        PermanentError: a key is missing and no erasure is on record; or everybody was erased; or a part was changed.
    """
    told = manifest["sealed"]
    keys = SubjectKeys(told["store"])
    read: list[_Part] = []
    gone: list[Mapping[str, Any]] = []
    lost: list[Mapping[str, Any]] = []
    for part in told["parts"]:
        key = None if part["subject"] in erased else keys.found(part["subject"])
        if key is not None:
            read.append(_read(part, folder, key, manifest["digest"]))
        else:
            (gone if part["subject"] in erased else lost).append(part)
    if lost:
        raise PermanentError(
            f"The keys of {len(lost)} of {len(told['parts'])} people are not in {keys.folder}, and no erasure is on "
            "record.",
            hint="Restore the private folder from a backup; or run `telic erase` again if it was interrupted.",
        )
    if not read:
        raise PermanentError(
            f"Everybody in this version was erased ({len(gone)} people); none of its rows can be read.",
            hint="Ingest other data.",
        )
    demos = _joined(read, told, manifest)
    if gone:
        findings = (_gone(gone, told["parts"]), *findings)
    return replace(demos, findings=findings, provenance=Provenance(**manifest["provenance"]))


def _gone(gone: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> Finding:
    n, rows = len(gone), sum(p["rows"] for p in gone)
    return Finding(
        code="erased",
        severity=Severity.NOTICE,
        message=f"{n} of {len(parts)} people were erased from this version: {rows:,} of "
        f"{sum(p['rows'] for p in parts):,} rows are gone and cannot be read.",
        hint="Results made before the erasure still count these rows; make them again.",
        evidence={"n_people": n, "n_rows": rows, "n_trajectories": sum(p["trajectories"] for p in gone)},
    )


def unknown_cleared(demos: Demonstrations) -> Demonstrations:
    """Without what lies in memory behind an unknown outcome: the first row of somebody else.

    Args:
        demos: of some people, or all.
    """
    if demos.next_known is None:
        return demos
    known = demos.next_known
    return replace(
        demos,
        next_observations={
            n: np.where(known, v, np.zeros(1, v.dtype)).astype(v.dtype)
            for n, v in demos.next_observations.items()
        },
    )


def codes_of(demos: Demonstrations) -> dict[str, set[int]]:
    """Codes of each category that occur, before decisions or after them.

    Args:
        demos: with categories.
    """
    found = {}
    for name in demos.categories:
        codes = set(np.unique(demos.observations[name]).tolist())
        if name in demos.next_observations:
            after = demos.next_observations[name]
            codes |= set(np.unique(after if demos.next_known is None else after[demos.next_known]).tolist())
        found[name] = codes
    return found


def _about_trajectories(demos: Demonstrations, places: NDArray[Any]) -> dict[str, Any]:
    return {
        "place": places,
        "lengths": np.diff(demos.offsets),
        "trajectory_ids": pa.array(demos.trajectory_ids.tolist(), pa.string()),
        **{n: getattr(demos, n) for n in TRAJECTORIES if getattr(demos, n) is not None},
        **{f"labels:{n}": pa.array(v.tolist(), pa.string()) for n, v in demos.labels.items()},
    }


def _rows(demos: Demonstrations) -> dict[str, Any]:
    rows: dict[str, Any] = {n: getattr(demos, n) for n in ROWS if getattr(demos, n) is not None}
    for kind in MAPS[:2]:
        rows |= {f"{kind}:{n}": v for n, v in getattr(demos, kind).items()}
    if demos.offered is not None:
        rows |= {f"offered:{a}": demos.offered[:, a] for a in range(demos.offered.shape[1])}
    return rows


def _pieces(rows: Mapping[str, Any], n: int) -> Iterator[dict[str, Any]]:
    for start in range(0, max(1, n), PART_ROWS):
        yield {name: v[start : start + PART_ROWS] for name, v in rows.items()}


class _Part:
    """One person's part, read."""

    def __init__(self, trajectories: pa.Table, rows: pa.Table) -> None:
        self.about: dict[str, Any] = json.loads(trajectories.schema.metadata[b"about"])
        self.trajectories, self.rows = trajectories, rows


def _read(part: Mapping[str, Any], folder: Path, key: bytes, digest: str) -> _Part:
    tables = [
        pa.ipc.open_stream(
            unseal((folder / name).read_bytes(), key, place_of(digest, part["subject"], j))
        ).read_all()
        for j, name in enumerate(part["files"])
    ]
    n = part.get(TRAJECTORY_FILES, 1)
    about = tables[0].schema.metadata
    trajectories = pa.concat_tables([t.replace_schema_metadata(about) for t in tables[:n]])
    return _Part(trajectories, pa.concat_tables(tables[n:]))


def _joined(parts: Sequence[_Part], told: Mapping[str, Any], manifest: Mapping[str, Any]) -> Demonstrations:
    """All parts in one, trajectories in their order in the whole."""
    rows = pa.concat_tables([p.rows for p in parts])
    trajectories = pa.concat_tables([p.trajectories.replace_schema_metadata(None) for p in parts])

    def column(table: pa.Table, name: str) -> Any:
        return table[name].to_numpy() if name in table.column_names else None

    def text(name: str) -> NDArray[Any]:
        return np.array(trajectories[name].to_pylist(), dtype=object)

    def of_kind(table: pa.Table, kind: str) -> list[str]:
        return [n.partition(":")[2] for n in table.column_names if n.startswith(f"{kind}:")]

    tables = _label_tables(parts, told)
    maps: dict[str, dict[str, Any]] = {}
    for kind in MAPS[:2]:
        maps[kind] = {n: column(rows, f"{kind}:{n}") for n in of_kind(rows, kind)}
        for name, (_, renumbered) in tables.items():
            if name in maps[kind]:
                maps[kind][name] = renumbered[maps[kind][name]]
    names = {int(i): n for i, n in told["open_names"].items()}
    names |= {p.about["index"]: p.about["name"] for p in parts}
    order = sorted(names)
    people = np.full(told["n_names"], -1, dtype=np.int32)
    people[order] = np.arange(len(order), dtype=np.int32)
    offered = [column(rows, f"offered:{a}") for a in range(len(of_kind(rows, "offered")))]
    demos = Demonstrations(
        **{n: column(rows, n) for n in ROWS},
        **{n: column(trajectories, n) for n in TRAJECTORIES if n != "demonstrators"},
        demonstrators=people[column(trajectories, "demonstrators")],
        demonstrator_names=tuple(names[i] for i in order),
        offsets=np.concatenate([[0], np.cumsum(column(trajectories, "lengths"))]).astype(np.int64),
        trajectory_ids=text("trajectory_ids"),
        labels={n: text(f"labels:{n}") for n in of_kind(trajectories, "labels")},
        observations=maps["observations"],
        next_observations=maps["next_observations"],
        offered=np.stack(offered, axis=1) if offered else None,
        action_labels=tuple(manifest["action_labels"]),
        categories={name: labels for name, (labels, _) in tables.items()},
    )
    return demos.select(np.argsort(column(trajectories, "place"), kind="stable"))


def _label_tables(
    parts: Sequence[_Part], told: Mapping[str, Any]
) -> dict[str, tuple[tuple[str, ...], NDArray[np.int32]]]:
    """Category to the labels that are left, in their order, and the new code of each old one."""
    found = {}
    for name, open_labels in told["open_labels"].items():
        labels = {int(c): label for c, label in open_labels.items()}
        for part in parts:
            labels |= {int(c): label for c, label in part.about["categories"].get(name, [])}
        codes = sorted(labels)
        renumbered = np.zeros(max(codes, default=0) + 1, dtype=np.int32)
        renumbered[codes] = np.arange(len(codes), dtype=np.int32)
        found[name] = tuple(labels[c] for c in codes), renumbered
    return found
