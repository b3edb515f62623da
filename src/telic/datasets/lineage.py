"""Lineage: a version of the dataset, what it was made from, and everything that was made from it.

What it was made from stands in its manifest: names and digests of the source files, the contract's digest, the version
of telic. What was made from it is found in the project's ``runs/``: each result names the dataset that went into it, or
the result that it goes back to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .store import DatasetVersion

__all__ = ["Descendant", "descendants_of"]


@dataclass(frozen=True, kw_only=True)
class Descendant:
    """A result that goes back to a version.

    Attributes:
        verb: that made it.
        folder: where its files are, relative to ``runs/``.
        digest: of everything that went into it; may be empty where the result does not say.
        through: the result that it was made from, as ``verb folder``; empty where it was made from the version itself.
    """

    verb: str
    folder: str
    digest: str
    through: str = ""


def descendants_of(version: DatasetVersion, runs: Path) -> tuple[Descendant, ...]:
    """Every result in ``runs/`` that goes back to the version, the direct ones first.

    Args:
        version: of the dataset.
        runs: the project's folder of results; need not be there.
    """
    results = list(_results(runs))
    found: dict[str, Descendant] = {}
    for verb, folder, data in results:
        if version.digest in _versions(data):
            key = f"{verb} {folder}"
            found[key] = Descendant(verb=verb, folder=folder, digest=str(data.get("digest") or ""))
    grew = True
    while grew:
        grew = False
        known = {d.digest: key for key, d in found.items() if d.digest}
        for verb, folder, data in results:
            key = f"{verb} {folder}"
            through = next((known[x] for x in _digests(data) if x in known and known[x] != key), None)
            if key not in found and through is not None:
                found[key] = Descendant(
                    verb=verb, folder=folder, digest=str(data.get("digest") or ""), through=through
                )
                grew = True
    return tuple(sorted(found.values(), key=lambda d: (bool(d.through), d.verb, d.folder)))


def _results(runs: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path in sorted(runs.glob("*/*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # half-written or foreign; what is not a whole result was made from nothing
        if isinstance(data, dict) and data.get("verb"):
            yield str(data["verb"]), path.parent.name, data


def _versions(data: Mapping[str, Any]) -> set[str]:
    """Digests of the dataset versions that a result names."""
    named = data.get("dataset")
    listed = [named.get("version") if isinstance(named, dict) else named]
    listed += [data.get("old"), data.get("new"), data.get("against")]
    made = data.get("made_from")
    if isinstance(made, dict):
        listed.append(made.get("dataset"))
    return {x for x in listed if isinstance(x, str)}


def _digests(value: Any) -> set[str]:
    """Every digest that stands as a value anywhere in a result but its own."""
    found: set[str] = set()
    waiting = [x for k, x in value.items() if k not in ("digest", "findings")]
    while waiting:
        x = waiting.pop()
        if isinstance(x, dict):
            waiting += x.values()
        elif isinstance(x, list) and len(x) < 1_000:
            waiting += x
        elif isinstance(x, str) and x.startswith("sha256:"):
            found.add(x)
    return found
