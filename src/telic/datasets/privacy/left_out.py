"""People who were erased do not come back: their rows are left out when the same source is ingested again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .erasure_record import erased_subjects
from .sealed_rows import codes_of
from .sealing import SubjectKeys

__all__ = ["without_erased"]


def without_erased(demos: Demonstrations, keys: SubjectKeys | None, store: Path) -> Demonstrations:
    """The demonstrations without people who were erased from the store before, with a finding that says so.

    Args:
        demos: as they were read.
        keys: of the store; None: nobody can have been erased.
        store: folder of the dataset store.

    Raises:
        DataError: nobody is left.
    """
    erased = erased_subjects(store) if keys is not None else frozenset()
    if keys is None or not erased:
        return demos
    gone = [i for i, name in enumerate(demos.demonstrator_names) if keys.subject(name) in erased]
    keep = ~np.isin(demos.demonstrators, gone)
    if keep.all():
        return demos
    if not keep.any():
        raise DataError(
            "Everybody in these files was erased from this dataset before; nothing is left to ingest.",
            hint="Ingest the decisions of other people.",
        )
    return _left(demos, keep, len(gone), keys.listed)


def _left(demos: Demonstrations, keep: Any, n_gone: int, listed: Collection[str]) -> Demonstrations:
    left = demos.select(keep)
    names = [i for i in range(len(demos.demonstrator_names)) if i in left.demonstrators]
    renumbered = np.zeros(len(demos.demonstrator_names), dtype=np.int32)
    renumbered[names] = np.arange(len(names), dtype=np.int32)
    finding = Finding(
        code="erased-left-out",
        severity=Severity.NOTICE,
        message=f"{int(np.sum(~keep)):,} of {len(keep):,} trajectories are of {n_gone} people who were erased before; "
        "they were left out.",
        hint="Take them out at the source too.",
        evidence={"n_trajectories": int(np.sum(~keep)), "n_people": n_gone},
    )
    return replace(
        _labels_that_occur(left, listed),
        demonstrators=renumbered[left.demonstrators],
        demonstrator_names=tuple(demos.demonstrator_names[i] for i in names),
        findings=(finding, *demos.findings),
    )


def _labels_that_occur(demos: Demonstrations, listed: Collection[str]) -> Demonstrations:
    """Without the labels of those who are gone; the labels that a contract lists stay."""
    categories, current, following = (
        dict(demos.categories),
        dict(demos.observations),
        dict(demos.next_observations),
    )
    for name, codes in codes_of(demos).items():
        if name in listed:
            continue
        kept = sorted(codes)
        renumbered = np.zeros(len(categories[name]), dtype=np.int32)
        renumbered[kept] = np.arange(len(kept), dtype=np.int32)
        categories[name] = tuple(categories[name][c] for c in kept)
        current[name] = renumbered[current[name]]
        if name in following:
            following[name] = renumbered[following[name]]
    return replace(demos, categories=categories, observations=current, next_observations=following)
