"""The JSON files of a dataset store: how they are written, and what is said of one that is not what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telic._core.hashing import digest_bytes
from telic.errors import PermanentError
from telic.reports import Finding, Severity

__all__ = ["INDEX", "SCHEMA_VERSION", "corrupt", "findings_in", "found_versions", "parsed", "written"]

SCHEMA_VERSION = 1
"""Version of the folder's layout; rises when an older telic could not read it."""

INDEX = "index.json"


def findings_in(manifest: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings that a manifest holds."""
    return tuple(Finding(**{**f, "severity": Severity[f["severity"].upper()]}) for f in manifest["findings"])


def found_versions(store: Path) -> dict[str, str]:
    """Versions whose manifests are in their places, the oldest first: what is left where the index is gone.

    Args:
        store: its folder.

    Returns:
        Digest of each version to that of its manifest.
    """
    paths = sorted((store / "versions").glob("*/manifest.json"), key=lambda p: p.stat().st_mtime_ns)
    found: dict[str, str] = {}
    for path in paths:
        raw = path.read_bytes()
        try:
            digest = str(parsed(path, raw).get("digest"))
        except PermanentError:
            continue
        if digest.removeprefix("sha256:") == path.parent.name:
            found[digest] = digest_bytes(raw)
    return found


def written(value: Mapping[str, Any]) -> bytes:
    """The bytes of a file."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def parsed(path: Path, raw: bytes) -> dict[str, Any]:
    """What a file holds.

    Args:
        path: for the message.
        raw: its bytes.

    Raises:
        PermanentError: it is no JSON object, or of another layout.
    """
    try:
        value = json.loads(raw)
    except ValueError:
        raise corrupt(path, "it is not JSON") from None
    if not isinstance(value, dict):
        raise corrupt(path, "it is not a JSON object")
    if value.get("schema_version") != SCHEMA_VERSION:
        raise PermanentError(
            f"{path} has layout {value.get('schema_version')!r}; this telic reads {SCHEMA_VERSION}.",
            hint=f"Use the telic that wrote it, or move {_store_of(path)} away and ingest the source files again.",
        )
    return value


def corrupt(path: Path, why: str) -> PermanentError:
    """The error of a file that is not what was written.

    Args:
        path: of the file.
        why: what is wrong with it.
    """
    return PermanentError(
        f"{path} is corrupt: {why}.",
        hint=f"Remove {path} and ingest the source files again; the versions beside it are found again by themselves."
        if path.name == INDEX
        else "It was not used. Ingest the source files again, or restore a backup.",
        file=path.name,
    )


def _store_of(path: Path) -> Path:
    """The store's folder, of its index or of a manifest."""
    return path.parent if path.name == INDEX else path.parents[2]
