"""The finding ``sensitive-column``: labels that a dataset keeps hold addresses, keys, phones, cards or names.

Looked at are the labels of category columns, names of trajectories and labels of trajectories: distinct texts, at
most ``MOST_LABELS`` of a column, evenly chosen. Which labels they are is not said, for the finding is printed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .detectors import Look, find_all
from .detectors.span import Detector

__all__ = [
    "NAMES",
    "base_name",
    "category_column",
    "label_column",
    "looked_at",
    "sensitive_columns",
    "sensitive_texts",
    "stride",
]

NAMES = "the names of trajectories"

MOST_LABELS = 1_000
"""Distinct labels of a column that are looked at."""

MOST_CHARACTERS = 4_000
"""Characters of a label that are looked at."""

CHANCE = {"card": 0.1, "phone": 0.02}
"""Share of long numbers that pass for a card by chance, and what of other labels passes for a phone: below three
times as many nothing is said where most labels are numbers."""


def sensitive_columns(
    demos: Demonstrations, detectors: Sequence[Detector], look: Look | None = None
) -> tuple[Finding, ...]:
    """One finding a column that holds something.

    Args:
        demos: what is to be kept.
        detectors: what is looked for.
        look: which texts they could find anything in; None: any.
    """
    columns = ((column, *looked_at(labels)) for column, labels in _columns(demos))
    return sensitive_texts(columns, detectors, look)


def sensitive_texts(
    columns: Iterable[tuple[str, Sequence[str], int]],
    detectors: Sequence[Detector],
    look: Look | None = None,
) -> tuple[Finding, ...]:
    """The same of columns that are not in memory.

    Args:
        columns: what each column is called, those of its distinct labels that are looked at, and how many it has.
        detectors: what is looked for.
        look: which texts they could find anything in; None: any.
    """
    return tuple(
        _finding(column, kinds, len(looked), total)
        for column, looked, total in columns
        if (kinds := _kinds([label[:MOST_CHARACTERS] for label in looked], detectors, look))
    )


def looked_at(labels: Sequence[str]) -> tuple[Sequence[str], int]:
    """Those of the labels that are looked at, and how many there are.

    Args:
        labels: all distinct ones of a column, in order.
    """
    return labels[:: stride(len(labels))], len(labels)


def stride(n: int) -> int:
    """Of ``n`` labels in order each how manieth is looked at."""
    return max(1, -(-n // MOST_LABELS))


def _columns(demos: Demonstrations) -> Iterator[tuple[str, Sequence[str]]]:
    for name, labels in demos.categories.items():
        yield category_column(name), labels
    yield NAMES, sorted({base_name(str(t)) for t in demos.trajectory_ids.tolist()})
    for name, values in demos.labels.items():
        yield label_column(name), sorted({str(v) for v in values.tolist()})


def category_column(name: str) -> str:
    """What the labels of an observation are called."""
    return f"observation `{name}`"


def label_column(name: str) -> str:
    """What the labels of trajectories are called."""
    return f"label `{name}`"


def base_name(trajectory: str) -> str:
    """The name without the number of a piece."""
    return trajectory.partition("#")[0]


def _kinds(labels: Sequence[str], detectors: Sequence[Detector], look: Look | None) -> dict[str, int]:
    """Kind to the number of labels that hold it, without what chance explains."""
    found: Counter[str] = Counter()
    for label in labels if look is None else itertools.compress(labels, look(pa.array(labels, pa.string()))):
        found.update({span.kind for span in find_all(label, detectors)})
    numbers = sum(not any(c.isalpha() for c in label) for label in labels)
    if numbers > len(labels) / 2:
        for kind, share in CHANCE.items():
            if found[kind] <= max(1.0, 3 * share * len(labels)):
                del found[kind]
    return dict(found)


def _finding(column: str, kinds: dict[str, int], looked: int, total: int) -> Finding:
    words = ", ".join(f"{kind} in {count:,}" for kind, count in sorted(kinds.items()))
    of = f"{looked:,} labels" if looked == total else f"{looked:,} of {total:,} labels that were looked at"
    return Finding(
        code="sensitive-column",
        severity=Severity.WARNING,
        message=f"{column[0].upper()}{column[1:]} holds what may be about a person or secret: {words} of {of}.",
        hint="Add its source column to `privacy.rules` (`mask`, `generalise`, `pseudonym` or `remove`), ingest again, "
        "and remove the old version with `telic erase --version`.",
        evidence={"column": column, "kinds": kinds, "labels": total, "looked_at": looked},
    )
