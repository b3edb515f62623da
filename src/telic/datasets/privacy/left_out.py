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

from .erasure_record import erased_subjects, erased_values
from .sealed_rows import codes_of
from .sealing import SubjectKeys

__all__ = ["labels_that_occur", "leaves_out", "without_erased"]


def leaves_out(keys: SubjectKeys | None, store: Path) -> bool:
    """Whether rows of people who were erased may have to be left out of what is ingested.

    Args:
        keys: of the store; None where rows are not sealed.
        store: folder of the dataset store.
    """
    return keys is not None or bool(erased_values(store))


def without_erased(demos: Demonstrations, keys: SubjectKeys | None, store: Path) -> Demonstrations:
    """The demonstrations without people who were erased from the store before, with a finding that says so.

    Args:
        demos: as they were read.
        keys: of the store; None: nobody who decided can have been erased.
        store: folder of the dataset store.

    Raises:
        DataError: nobody is left.
    """
    from .erasure_subjects import trajectories_with

    erased = erased_subjects(store) if keys is not None else frozenset()
    values = erased_values(store)
    gone = [i for i, name in enumerate(demos.demonstrator_names) if keys and keys.subject(name) in erased]
    keep = ~np.isin(demos.demonstrators, gone)
    if values:
        keep &= ~trajectories_with(demos, values)
    if keep.all():
        return demos
    if not keep.any():
        raise DataError(
            "Everybody in these files was erased from this dataset before; nothing is left to ingest.",
            hint="Ingest the decisions of other people.",
        )
    return _left(demos, keep, keys.listed if keys is not None else frozenset())


def _left(demos: Demonstrations, keep: Any, listed: Collection[str]) -> Demonstrations:
    left = demos.select(keep)
    names = [i for i in range(len(demos.demonstrator_names)) if i in left.demonstrators]
    renumbered = np.zeros(len(demos.demonstrator_names), dtype=np.int32)
    renumbered[names] = np.arange(len(names), dtype=np.int32)
    finding = Finding(
        code="erased-left-out",
        severity=Severity.NOTICE,
        message=f"{int(np.sum(~keep)):,} of {len(keep):,} trajectories are of people who were erased before; "
        "they were left out.",
        hint="Take them out at the source too.",
        evidence={"n_trajectories": int(np.sum(~keep))},
    )
    return replace(
        labels_that_occur(left, listed),
        demonstrators=renumbered[left.demonstrators],
        demonstrator_names=tuple(demos.demonstrator_names[i] for i in names),
        findings=(finding, *demos.findings),
    )


def labels_that_occur(demos: Demonstrations, listed: Collection[str]) -> Demonstrations:
    """Without the labels of those who are gone; the labels that a contract lists stay.

    Args:
        demos: what is left.
        listed: observations whose labels the contract lists.
    """
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
