"""What people wrote about incidents afterwards, as labels that a reward can be learned from.

An annotation says how well a trajectory went: a number on a scale that only its author knows. Numbers of two authors do
not compare, so they are never averaged: of each author, every pair of trajectories that this author judged becomes a
comparison (the higher one is preferred, equal ones tie), which ``telic.inference.preferences`` turns into weights.
Authors are people and appear as pseudonyms, like demonstrators.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telic.contract import TaskContract
from telic.errors import DataError, world_errors
from telic.trajectories import Comparisons, Demonstrations

from .sources.pseudonyms import pseudonyms_of

__all__ = ["Annotation", "comparisons_from", "read_annotations"]

COLUMNS = ("trajectory", "rating", "by")

MOST_PAIRS = 10_000
"""Comparisons made of one author's ratings; of more pairs, so many are drawn."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One judgement.

    Attributes:
        trajectory: name, as in the dataset.
        rating: higher is better.
        by: who judged; a name as the source writes it.
    """

    trajectory: str
    rating: float
    by: str


def read_annotations(path: str | Path) -> tuple[Annotation, ...]:
    """The annotations of a CSV with the columns trajectory, rating and by.

    Args:
        path: of the file, UTF-8.

    Raises:
        DataError: a column is missing, or a line is not an annotation; the line is named, its text is not shown.
        PermanentError: the file cannot be read.
    """
    place = Path(path)
    with world_errors(f"read {place}"):
        raw = place.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{place.name} is not UTF-8 at byte {problem.start:,}.", hint="Save it as UTF-8."
        ) from None
    rows = csv.DictReader(io.StringIO(text), strict=True)
    absent = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
    if absent:
        raise DataError(
            f"{place.name} lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}.",
            hint=f"Its first line must name {', '.join(COLUMNS)}.",
        )
    found = []
    try:
        for row in rows:
            found.append(_annotation(row, f"{place.name} line {rows.line_num}"))
    except csv.Error as problem:
        raise DataError(
            f"{place.name} line {rows.line_num} is no CSV: {problem}.", hint="Close its quotes."
        ) from problem
    return tuple(found)


def comparisons_from(
    annotations: Sequence[Annotation], demos: Demonstrations, contract: TaskContract, *, key: int = 0
) -> Comparisons:
    """Every pair of trajectories that one author judged, as a comparison.

    Args:
        annotations: of trajectories of these demonstrations; one of each author and trajectory.
        demos: whose trajectories the indices mean.
        contract: keys the pseudonyms of the authors.
        key: random key of the pairs that are drawn where an author has more than 10,000.

    Raises:
        DataError: an annotation is about no trajectory, an author judged one twice, or nobody judged two.
    """
    places = {str(name): i for i, name in enumerate(demos.trajectory_ids)}
    strange = [a.trajectory for a in annotations if a.trajectory not in places]
    if strange:
        raise DataError(
            f"{len(strange):,} of {len(annotations):,} annotations are about no trajectory of the dataset, such as"
            f" {strange[0]!r}.",
            hint="Name trajectories as the dataset does (`demos.trajectory_ids`).",
        )
    first, second, preferred, by = list[int](), list[int](), list[float](), list[str]()
    authors = sorted({a.by for a in annotations})
    hidden = dict(zip(authors, pseudonyms_of(authors, contract), strict=True))
    rng = np.random.default_rng(key)
    for author in authors:
        mine = [a for a in annotations if a.by == author]
        judged = [places[a.trajectory] for a in mine]
        if len(set(judged)) < len(judged):
            raise DataError(
                f"{hidden[author]} judged a trajectory twice.",
                hint="Keep the later judgement, or give two names.",
            )
        pairs = list(itertools.combinations(range(len(mine)), 2))
        if len(pairs) > MOST_PAIRS:
            pairs = [pairs[i] for i in np.sort(rng.choice(len(pairs), MOST_PAIRS, replace=False))]
        for i, j in pairs:
            first.append(judged[i])
            second.append(judged[j])
            preferred.append(0.5 + 0.5 * float(np.sign(mine[i].rating - mine[j].rating)))
            by.append(hidden[author])
    if not first:
        raise DataError(
            "Nobody judged two trajectories, so nothing is compared.", hint="Annotate more of them."
        )
    return Comparisons.from_arrays(first, second, preferred, annotators=by, dataset=demos.digest)


def _annotation(row: dict[str, str], where: str) -> Annotation:
    trajectory, by = (row.get("trajectory") or "").strip(), (row.get("by") or "").strip()
    try:
        rating = float(row.get("rating") or "")
    except ValueError:
        rating = math.nan
    wrong = [
        *([] if trajectory else ["no trajectory"]),
        *([] if math.isfinite(rating) else ["no finite number as its rating"]),
        *([] if by else ["nobody who judged"]),
    ]
    if wrong:
        raise DataError(f"{where} has {' and '.join(wrong)}.", hint="Fill it in, or leave the line out.")
    return Annotation(trajectory=trajectory, rating=rating, by=by)
