"""Regularity of the record: gaps, frozen and constant columns, copies of rows and of whole trajectories.

Two of these are tests with a p-value. A *frozen* column: successive values of a measured number are equal
with probability q in the rest of the log; a run of L equal pairs anywhere among n pairs has probability at
most (n - L + 1) q^L. A *copied* trajectory: two trajectories that agree in every row; the probability that
the rows of one follow one another as they do is estimated from all other trajectories (a Markov chain over
rows with half a count added), and the expected number of such coincidences among all pairs of trajectories
is the p-value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import BoolArray, LongArray

from .sameness import mix, signatures

__all__ = ["column_findings", "copy_findings", "time_findings"]

LEVEL = 0.001
"""Level of each of the two tests, over all columns and over all pairs of trajectories."""

CHANGING = 0.5
"""Share of equal successive values above which a column changes too rarely for a frozen stretch to stand
out."""

LONG_STEP = 1.5
"""Multiple of the usual step from which a step counts as a gap."""

MOST_GROUPS = 1_000
"""Groups of equal trajectories that are judged; with more, the first of them."""


def time_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Steps that run backwards, are missing, or are much longer than usual."""
    if demos.times is None or demos.n_decisions < 2:
        return []
    within = _within(demos)
    steps = np.diff(demos.times)[within]
    findings = []
    backwards = np.flatnonzero(within)[steps < 0] if len(steps) else np.zeros(0, dtype=np.int64)
    if len(backwards):
        findings.append(
            Finding(
                code="negative-time-steps",
                severity=Severity.ERROR,
                message=f"Time runs backwards in {len(backwards):,} of {len(steps):,} steps (first after "
                f"decision {backwards[0]}).",
                hint="Sort the rows of each trajectory by time.",
                evidence={"count": len(backwards), "rows": backwards[:20].tolist()},
            )
        )
    equal = int(np.sum(steps == 0))
    if equal:
        findings.append(
            Finding(
                code="equal-times",
                severity=Severity.NOTICE,
                message=f"{equal:,} of {len(steps):,} steps take no time: several decisions share a time "
                f"stamp.",
                hint="Their order is that of the file; a finer time stamp would fix it.",
                evidence={"count": equal},
            )
        )
    usual = contract.timing.control_period_seconds or (float(np.median(steps)) if len(steps) else 0.0)
    long = steps[steps > LONG_STEP * usual] if usual > 0 else steps[:0]
    if len(long):
        findings.append(
            Finding(
                code="gaps",
                severity=Severity.NOTICE if contract.timing.control_period_seconds else Severity.INFO,
                message=f"{len(long):,} of {len(steps):,} steps are longer than {LONG_STEP:g} times the "
                f"usual {usual:g} s; the longest is {long.max():g} s.",
                hint="Set `timing.max_gap_seconds` to end trajectories there, if nobody decided in between.",
                evidence={"count": len(long), "usual_seconds": usual, "longest_seconds": float(long.max())},
            )
        )
    return findings


def column_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Columns that never change, and numbers that stand still for suspiciously long."""
    findings = []
    constant = [n for n, v in demos.observations.items() if len(v) and np.all(v == v[0])]
    if constant:
        findings.append(
            Finding(
                code="constant-columns",
                severity=Severity.NOTICE,
                message=f"{', '.join(f'`{n}`' for n in constant)} never "
                f"change{'s' if len(constant) == 1 else ''} in {demos.n_decisions:,} decisions.",
                hint="What the experts would do otherwise cannot be told; leave such a column out of the "
                "state.",
                evidence={"columns": constant},
            )
        )
    numbers = [
        o.name
        for o in contract.observations
        if o.type == "number" and o.name in demos.observations and o.name not in constant
    ]
    within = _within(demos)
    for name in numbers:
        found = _frozen(demos.observations[name], within)
        if found is None:
            continue
        start, length, q, p = found
        if p * len(numbers) < LEVEL:
            findings.append(
                Finding(
                    code="frozen-column",
                    severity=Severity.WARNING,
                    message=f"`{name}` stands still for {length + 1:,} decisions in a row (from decision "
                    f"{start}), though successive values are "
                    f"equal in only {q:.2%} of the other steps (p = {p * len(numbers):.1g}).",
                    hint="Was the sensor frozen or the value filled in? Leave that stretch out, or mark "
                    "it missing.",
                    evidence={
                        "column": name,
                        "start": start,
                        "decisions": length + 1,
                        "p_value": min(1.0, p * len(numbers)),
                        "level": LEVEL,
                    },
                )
            )
    return findings


def _frozen(values: NDArray[Any], within: BoolArray) -> tuple[int, int, float, float] | None:
    """``(first row, equal pairs, share of equal pairs elsewhere, p-value)`` of the longest still stretch."""
    equal = (values[1:] == values[:-1]) & within
    n = int(within.sum())
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return None
    lengths = ends - starts
    i = int(np.argmax(lengths))
    L = int(lengths[i])
    q = (float(lengths.sum()) - L + 0.5) / (n - L + 1)
    if q > CHANGING:
        return None
    return int(starts[i]), L, q, min(1.0, math.exp(math.log(max(1, n - L + 1)) + L * math.log(q)))


def copy_findings(demos: Demonstrations) -> list[Finding]:
    """Rows that occur twice in one trajectory at one time, and trajectories that are copies of others."""
    findings = []
    rows = mix(signatures(demos) ^ demos.actions.astype(np.uint64))
    if demos.times is not None and demos.n_decisions > 1:
        twice = _within(demos) & (np.diff(demos.times) == 0) & (rows[1:] == rows[:-1])
        count = int(twice.sum())
        if count:
            findings.append(
                Finding(
                    code="duplicate-rows",
                    severity=Severity.WARNING,
                    message=f"{count:,} decisions repeat the one before them in every column, time included.",
                    hint="Set `data.duplicates: drop` if the log wrote them twice.",
                    evidence={"count": count},
                )
            )
    copies, p = _copied(demos, rows)
    if copies:
        names = [", ".join(str(demos.trajectory_ids[i]) for i in group[:3]) for group in copies[:3]]
        extra = sum(len(g) - 1 for g in copies)
        findings.append(
            Finding(
                code="duplicate-trajectories",
                severity=Severity.WARNING,
                message=f"{extra:,} of {demos.n_trajectories:,} trajectories are copies of others in "
                f"every row ({'; '.join(names)}); by chance "
                f"{p:.1g} such pairs would be expected.",
                hint="Copies make intervals too narrow. Remove them, unless the same thing truly happened "
                "twice.",
                evidence={
                    "groups": [[int(i) for i in g[:10]] for g in copies[:20]],
                    "extra": extra,
                    "expected": p,
                    "level": LEVEL,
                },
            )
        )
    return findings


def _copied(demos: Demonstrations, rows: NDArray[np.uint64]) -> tuple[list[LongArray], float]:
    """Groups of equal trajectories that chance does not explain, and the largest expected number of them."""
    lengths = np.diff(demos.offsets)
    filled = np.flatnonzero(lengths > 0)
    if len(filled) < 2:
        return [], 0.0
    placed = mix(rows ^ mix(demos.step_index.astype(np.uint64)))
    sums = np.asarray(np.add.reduceat(placed, demos.offsets[:-1][filled]), dtype=np.uint64)
    total = mix(sums ^ lengths[filled].astype(np.uint64))
    order = np.argsort(total, kind="stable")
    edges = np.flatnonzero(np.concatenate([[True], np.diff(total[order]) != 0, [True]]))
    groups = [
        filled[order[a:b]] for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if b - a > 1
    ]
    if not groups:
        return [], 0.0
    expected = _coincidences(demos, np.unique(rows, return_inverse=True)[1].astype(np.int64), filled, groups)
    kept = [(np.sort(g), e) for g, e in zip(groups, expected, strict=False) if e < LEVEL]
    kept.sort(key=lambda pair: int(pair[0][0]))
    return [g for g, _ in kept], max((e for _, e in kept), default=0.0)


def _coincidences(
    demos: Demonstrations, rows: LongArray, filled: LongArray, groups: list[LongArray]
) -> list[float]:
    """Expected number of pairs of trajectories that would agree as each group does, by chance."""
    m = int(rows.max()) + 1
    within = _within(demos)
    pair_keys, pair_counts = np.unique((rows[:-1] * m + rows[1:])[within], return_counts=True)
    row_counts = np.bincount(rows[:-1][within], minlength=m)
    starts = np.bincount(rows[demos.offsets[:-1][filled]], minlength=m)
    n_pairs = len(filled) * (len(filled) - 1) / 2
    expected = []
    for group in groups[:MOST_GROUPS]:
        begin, end = int(demos.offsets[group[0]]), int(demos.offsets[group[0] + 1])
        own, k = rows[begin:end], len(group)
        log_p = math.log((starts[own[0]] - k + 0.5) / (len(filled) - k + 0.5 * m))
        keys, mine = np.unique(own[:-1] * m + own[1:], return_counts=True)
        befores, times = np.unique(own[:-1], return_counts=True)
        have = pair_counts[np.searchsorted(pair_keys, keys)] - k * mine
        rest = row_counts[keys // m] - k * times[np.searchsorted(befores, keys // m)]
        log_p += float(np.sum(mine * np.log((have + 0.5) / (rest + 0.5 * m))))
        expected.append(n_pairs * math.exp(log_p))
    return expected


def _within(demos: Demonstrations) -> BoolArray:
    """``(n - 1,)`` whether a row and the next are of one trajectory."""
    inside = np.ones(max(0, demos.n_decisions - 1), dtype=bool)
    ends = demos.offsets[1:-1] - 1
    inside[ends[(ends >= 0) & (ends < len(inside))]] = False
    return inside
