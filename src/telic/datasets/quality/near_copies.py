"""Near-copies: stretches of decisions that occur twice, shifted, cut out, or with a little noise laid over them.

Whole trajectories that are equal are found by ``telic.trajectories.checks``. Here every measured number is rounded to
``GRAIN`` of its spread, twice with the grid shifted by half a cell (so that noise over an edge does not hide a copy),
and decisions whose rounded measurements and action are equal are paired. Pairs that follow one another in both places
are one stretch. By chance a pair goes on with a probability that short stretches show; the expected number of
stretches as long as the longest is the p-value. In a log whose rows repeat by nature (few distinct values) a repeated
stretch says nothing, and nothing is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.checks.sameness import mix
from telic.typing import LongArray

from .places import place

__all__ = ["near_copy_findings"]

LEVEL = 0.001
"""Level of the test, both grids together."""

GRAIN = 0.02
"""Cell of the grid, in standard deviations: noise below a tenth of it leaves nearly every row in its cell."""

MOSTLY_DISTINCT = 0.8
"""Share of rows without a partner below which rows repeat by nature."""

COMMON = 20
"""Rows with the same rounded values above which they say nothing about copies."""

SHORTEST = 4
"""Decisions of the shortest stretch that is called a copy, whatever its probability."""

ENOUGH, DOUBLINGS = 50, 8
"""Chance stretches wanted for their law, and how often the grid is made twice as coarse to find them."""

EVEN_ODDS = 11 / 7
"""Mean length of a stretch that goes on with probability 1/2, cut off below ``SHORTEST``."""


@dataclass(frozen=True, kw_only=True)
class _Stretches:
    """Stretches that occur twice: first row here and there, decisions, and the chance that a pair goes on."""

    first: LongArray
    second: LongArray
    length: LongArray
    n_pairs: int


def near_copy_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """A warning where stretches of decisions occur twice and chance does not explain it.

    Args:
        demos: the decisions.
        contract: says which observations are numbers.
    """
    numbers = [o.name for o in contract.observations if o.type == "number" and o.name in demos.observations]
    if not numbers or demos.n_decisions < 3:
        return []
    best: tuple[float, _Stretches, LongArray] | None = None
    goes_on = _chance_to_go_on(demos, numbers)
    for shift in (0.0, 0.5):
        rows = _rounded(demos, numbers, GRAIN, shift)
        if not _mostly_distinct(rows):
            return []
        found = _stretches(demos, rows)
        by_chance = int(np.sum(found.length < SHORTEST)) + 1
        p = np.minimum(1.0, 2 * by_chance * goes_on ** (found.length - 1.0))
        kept = np.flatnonzero((p < LEVEL) & (found.length >= SHORTEST))
        if len(kept) and (best is None or p[kept].min() < best[0]):
            best = float(p[kept].min()), found, kept[np.argsort(-found.length[kept], kind="stable")]
    if best is None:
        return []
    p_least, found, kept = best
    evidence = [
        {
            **place(demos, int(found.first[i])),
            "decisions": int(found.length[i]),
            "again": place(demos, int(found.second[i])),
        }
        for i in kept[:5].tolist()
    ]
    total = int(found.length[kept].sum())
    return [
        Finding(
            code="near-copies",
            severity=Severity.WARNING,
            message=f"{len(kept):,} stretches, {total:,} decisions together, occur twice up to {GRAIN:.0%} of the "
            f"spread of "
            f"the measurements (the longest has {int(found.length[kept].max()):,} decisions; by chance {p_least:.1g} "
            f"such "
            "stretches would be expected).",
            hint="Were rows exported twice, replayed or made up from others? Copies make intervals too narrow.",
            evidence={
                "stretches": len(kept),
                "decisions": total,
                "expected": p_least,
                "level": LEVEL,
                "places": evidence,
            },
        )
    ]


def _rounded(demos: Demonstrations, numbers: list[str], grain: float, shift: float) -> LongArray:
    """``(n,)`` signature of the rounded row and its action."""
    total = mix(demos.actions.astype(np.uint64))
    for name, values in demos.observations.items():
        if name in numbers:
            spread = float(np.std(values)) or 1.0
            cells = np.floor((values - values.min()) / (grain * spread) + shift).astype(np.int64)
        else:
            cells = values.astype(np.int64)
        total = mix(total ^ cells.view(np.uint64))
    return np.asarray(total.view(np.int64))


def _mostly_distinct(codes: LongArray) -> bool:
    _, counts = np.unique(codes, return_counts=True)
    return bool(counts[counts <= 2].sum() >= MOSTLY_DISTINCT * len(codes))


def _chance_to_go_on(demos: Demonstrations, numbers: list[str]) -> float:
    """How likely two rows that agree by chance are followed by two that agree.

    Taken on the finest grid on which ``ENOUGH`` stretches below ``SHORTEST`` agree (longer ones are themselves in
    question): rows that agree on a finer grid go on less often, so that this errs on the side of chance. It is the
    maximum-likelihood estimate of a geometric law cut off there, with one stretch more at even odds.
    """
    short = np.zeros(0, dtype=np.int64)
    for doubling in range(DOUBLINGS):
        rows = _rounded(demos, numbers, GRAIN * 2**doubling, 0.0)
        if not _mostly_distinct(rows):
            break
        lengths = _stretches(demos, rows).length
        short = lengths[lengths < SHORTEST]
        if len(short) >= ENOUGH:
            break
    m = (float(short.sum()) + EVEN_ODDS) / (len(short) + 1)
    a, b, c = 3.0 - m, 2.0 - m, 1.0 - m  # the mean m of lengths 1, 2, 3 with odds 1 : x : x^2
    return min(1.0, (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)) if a > 0 else 1.0


def _stretches(demos: Demonstrations, codes: LongArray) -> _Stretches:
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    firsts, seconds = [], []
    for step in range(1, COMMON):
        same = np.flatnonzero(sorted_codes[step:] == sorted_codes[:-step])
        if not len(same):
            break
        firsts.append(order[same])
        seconds.append(order[same + step])
    if not firsts:
        none = np.zeros(0, dtype=np.int64)
        return _Stretches(first=none, second=none, length=none, n_pairs=0)
    i, j = np.concatenate(firsts), np.concatenate(seconds)
    by = np.lexsort((i, j - i))
    i, j = i[by], j[by]
    who = demos.trajectory_index
    goes_on = (
        (np.diff(i) == 1) & (np.diff(j - i) == 0) & (who[i[1:]] == who[i[:-1]]) & (who[j[1:]] == who[j[:-1]])
    )
    begins = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    lengths = np.diff(np.append(begins, len(i)))
    apart = j[begins] - i[begins]
    # A stretch that overlaps its own repetition is a signal standing still, not a copy.
    fine = lengths <= apart
    return _Stretches(first=i[begins][fine], second=j[begins][fine], length=lengths[fine], n_pairs=len(i))
