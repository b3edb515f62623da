"""One person's rows into sealed files of a version, and what its manifest says in place of what is sealed.

The files of a person are ``sealed-<subject>-<j>.bin``: first those of their trajectories (one, unless they are very
many), then those of their rows. Each is an Arrow stream under the person's key, bound to the version and its number.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .sealing import SubjectKeys, key_id, seal

__all__ = ["TRAJECTORY_FILES", "place_of", "seal_person", "told_in_manifest"]

TRAJECTORY_FILES = "trajectory_files"
"""Number of a person's files that are about trajectories; not written where it is 1."""

Columns = Mapping[str, Any]
"""Name to values: arrays of numpy or Arrow."""


def seal_person(
    folder: Path,
    keys: SubjectKeys,
    version: str,
    name: str,
    *,
    index: int,
    labels: Mapping[str, Sequence[tuple[int, str]]],
    trajectories: Iterable[Columns],
    rows: Iterable[Columns],
) -> dict[str, Any]:
    """What the manifest says of a person, after their files are in the folder and on the disk.

    Args:
        folder: of the version.
        keys: of its people; one that is missing is made.
        version: digest of the version.
        name: pseudonym.
        index: what stands for them in ``demonstrators``.
        labels: of each category, codes with their labels that occur in their rows, unless the contract lists them.
        trajectories: columns about their trajectories, in order, in at least one piece.
        rows: columns of their rows, in order, in at least one piece.
    """
    subject = keys.subject(name)
    key = keys.made(subject)
    about = {"name": name, "index": index, "categories": {n: [list(x) for x in v] for n, v in labels.items()}}
    files: list[str] = []
    counts = []
    for pieces, is_first in ((trajectories, True), (rows, False)):
        n, before = 0, len(files)
        for piece in pieces:
            table = pa.table({k: v if isinstance(v, pa.Array) else pa.array(v) for k, v in piece.items()})
            if is_first and not files:
                table = table.replace_schema_metadata({"about": json.dumps(about)})
            file = f"sealed-{subject}-{len(files):05d}.bin"
            with (folder / file).open("wb") as raw:
                raw.write(seal(_bytes(table), key, place_of(version, subject, len(files))))
                raw.flush()
                os.fsync(raw.fileno())
            files.append(file)
            n += table.num_rows
        counts.append((n, len(files) - before))
    (n_trajectories, n_files), (n_rows, _) = counts
    return {
        "subject": subject,
        "key": key_id(key),
        "rows": n_rows,
        "trajectories": n_trajectories,
        **({TRAJECTORY_FILES: n_files} if n_files > 1 else {}),
        "files": files,
    }


def told_in_manifest(
    keys: SubjectKeys,
    parts: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    deciding: Collection[int],
    categories: Mapping[str, Sequence[str]],
    used: Mapping[str, Collection[int]],
) -> dict[str, Any]:
    """What the manifest says in place of what is sealed.

    Args:
        keys: of its people.
        parts: of ``seal_person``, in the order of the people.
        names: pseudonyms.
        deciding: those of them, by place, that have trajectories.
        categories: name to labels.
        used: name to the codes that are sealed with somebody's rows.
    """
    return {
        "demonstrator_names": [],
        "categories": {},
        "shifted": [],
        "sealed": {
            "store": keys.store,
            "parts": list(parts),
            "n_names": len(names),
            "open_names": {str(i): n for i, n in enumerate(names) if i not in deciding},
            "open_labels": {
                name: {str(c): label for c, label in enumerate(labels) if c not in used[name]}
                for name, labels in categories.items()
            },
        },
    }


def place_of(version: str, subject: str, j: int) -> str:
    """What a file is bound to.

    Args:
        version: digest of the version.
        subject: whose file.
        j: number of the file.
    """
    return f"{version}/{subject}/{j}"


def _bytes(table: pa.Table) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return out.getvalue()
