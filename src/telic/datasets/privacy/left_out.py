"""People who were erased do not come back: their rows are left out when the same source is ingested again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray

from .erasure_record import erased_subjects, erased_values
from .sealed_rows import codes_of, unknown_cleared
from .sealing import SubjectKeys

__all__ = [
    "Erased",
    "kept_trajectories",
    "labels_that_occur",
    "leaves_out",
    "left_out_finding",
    "nobody_left",
    "without_erased",
]


def leaves_out(keys: SubjectKeys | None, store: Path) -> bool:
    """Whether rows of people who were erased may have to be left out of what is ingested.

    Args:
        keys: of the store; None where rows are not sealed.
        store: folder of the dataset store.
    """
    return keys is not None or bool(erased_values(store))


@dataclass(frozen=True, kw_only=True)
class Erased:
    """Who was erased from a store.

    Attributes:
        keys: of the store; None: nobody who decided can have been erased.
        subjects: people who decided.
        values: digests of the pseudonyms of people who stood in rows that others decided.
        listed: observations whose labels the contract lists: those stay.
    """

    keys: SubjectKeys | None
    subjects: frozenset[str]
    values: frozenset[str]
    listed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, keys: SubjectKeys | None, store: Path, listed: Collection[str]) -> Erased:
        """Those on record.

        Args:
            keys: of the store; None where rows are not sealed.
            store: folder of the dataset store.
            listed: observations whose labels the contract lists.
        """
        subjects = erased_subjects(store) if keys is not None else frozenset()
        return cls(keys=keys, subjects=subjects, values=erased_values(store), listed=frozenset(listed))

    def among(self, names: Sequence[str]) -> frozenset[int]:
        """Places of erased people among pseudonyms."""
        keys = self.keys
        if keys is None or not self.subjects:
            return frozenset()
        return frozenset(i for i, name in enumerate(names) if keys.subject(name) in self.subjects)


def kept_trajectories(demos: Demonstrations, people: Collection[int], values: Collection[str]) -> BoolArray:
    """``(N,)`` whether a trajectory stays.

    Args:
        demos: of some trajectories, or all.
        people: places of erased people among ``demonstrator_names``.
        values: digests of erased pseudonyms.
    """
    from .erasure_subjects import trajectories_with

    keep: BoolArray = ~np.isin(demos.demonstrators, sorted(people))
    if values:
        keep &= ~trajectories_with(demos, values)
    return keep


def without_erased(
    demos: Demonstrations, keys: SubjectKeys | None, store: Path, listed: Collection[str]
) -> Demonstrations:
    """The demonstrations without people who were erased from the store before, with a finding that says so.

    Args:
        demos: as they were read.
        keys: of the store; None: nobody who decided can have been erased.
        store: folder of the dataset store.
        listed: observations whose labels the contract lists.

    Raises:
        DataError: nobody is left.
    """
    erased = Erased.of(keys, store, listed)
    keep = kept_trajectories(demos, erased.among(demos.demonstrator_names), erased.values)
    if keep.all():
        return demos
    if not keep.any():
        raise nobody_left()
    # What lies behind an unknown outcome may be the first row of somebody who is gone.
    left = unknown_cleared(demos.select(keep))
    people = np.unique(left.demonstrators)
    renumbered = np.zeros(len(demos.demonstrator_names), dtype=np.int32)
    renumbered[people] = np.arange(len(people), dtype=np.int32)
    return replace(
        labels_that_occur(left, listed),
        demonstrators=renumbered[left.demonstrators],
        demonstrator_names=tuple(demos.demonstrator_names[i] for i in people.tolist()),
        findings=(left_out_finding(int(np.sum(~keep)), len(keep)), *demos.findings),
    )


def nobody_left() -> DataError:
    """The error of files that hold nobody but people who were erased."""
    return DataError(
        "Everybody in these files was erased from this dataset before; nothing is left to ingest.",
        hint="Ingest the decisions of other people.",
    )


def left_out_finding(n: int, of: int) -> Finding:
    """What says that people were left out.

    Args:
        n: trajectories that were left out.
        of: trajectories that were read.
    """
    return Finding(
        code="erased-left-out",
        severity=Severity.NOTICE,
        message=f"{n:,} of {of:,} trajectories are of people who were erased before; they were left out.",
        hint="Take them out at the source too.",
        evidence={"n_trajectories": n},
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
