"""Drift between two versions of a dataset: of measurements, of states, of actions, of what is chosen in each state.

Every question is one two-sample test whose null law comes from drawing which units (``records.Units``: source
trajectories, or stretches of few long ones) belong to which version, so that what the decisions of a unit share does
no harm; Holm's method counts the questions. Where the newer version holds the trajectories of the older one and more,
the new trajectories alone are compared with the old ones. A difference is measured as total variation between shares,
from 0 to 1; a test that finds nothing says how many units it had, for few units find little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic._core.contingency import holm
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .records import units_of

__all__ = ["Drift", "drift_findings", "measure_drift"]

LEVEL = 0.01
"""Over all questions together: one pair of equal versions in a hundred is said to differ."""

CELLS = 10
"""Cells of equal counts for a measured number; labels and few whole numbers are their own cells."""

MOST_UNITS = 1_000
"""Units of each version that are looked at, evenly over the version."""

MOST_CELLS = 600
"""Cells of a question that are looked at: those most visited."""

DRAWS = 4_999
"""Assignments drawn: the smallest p-value is 1/5000, which survives fifty questions at the level."""

NOTHING_NEW = "nothing new"
"""What is compared where both versions hold the same decisions."""

FEWEST_UNITS = 5
"""Units of a version below which nothing can be compared."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The answer to one question.

    Attributes:
        what: ``state``, ``action``, ``choice`` (of actions in the same states), ``length`` (of trajectories) or the
            name of an observation.
        p_value: corrected for the number of questions.
        distance: total variation between the shares of the two versions, from 0 to 1.
        where: the cell that differs most, in words; may be empty.
    """

    what: str
    p_value: float
    distance: float
    where: str = ""


def drift_findings(
    old: Demonstrations, new: Demonstrations, space: StateSpace, *, key: int = 0
) -> list[Finding]:
    """What changed from one version to another, with every label that came or went.

    Args:
        old: a version of a dataset.
        new: another one, encoded with the same space.
        space: for the names of the states.
        key: of the assignments drawn.
    """
    findings = _label_findings(old, new)
    before, after, what = _to_compare(old, new)
    if what == NOTHING_NEW:
        return findings
    if min(units_of(before).count, units_of(after).count) < FEWEST_UNITS:
        return [
            *findings,
            Finding(
                code="drift-not-comparable",
                severity=Severity.INFO,
                message=f"Too few trajectories to compare ({what}): {before.n_trajectories:,} against "
                f"{after.n_trajectories:,}.",
                evidence={"before": before.n_trajectories, "after": after.n_trajectories},
            ),
        ]
    found = measure_drift(before, after, space, key=key)
    moved = sorted((d for d in found if d.p_value < LEVEL), key=lambda d: -d.distance)
    evidence = {
        "compared": what,
        "trajectories": [before.n_trajectories, after.n_trajectories],
        "questions": len(found),
        "level": LEVEL,
        "drifts": [
            {"what": d.what, "p_value": d.p_value, "distance": d.distance, "where": d.where} for d in found
        ],
    }
    if not moved:
        return [
            *findings,
            Finding(
                code="no-drift",
                severity=Severity.INFO,
                message=f"No sign of drift ({what}) in {len(found)} questions: {before.n_trajectories:,} trajectories "
                f"against {after.n_trajectories:,}.",
                evidence=evidence,
            ),
        ]
    listed = "; ".join(
        f"{_in_words(d.what)} by {d.distance:.2f}{f' (most at {d.where})' if d.where else ''}, p = {d.p_value:.2g}"
        for d in moved[:5]
    )
    return [
        *findings,
        Finding(
            code="drift",
            severity=Severity.WARNING,
            message=f"{len(moved)} of {len(found)} questions show drift ({what}): {listed}.",
            hint="What was learned from the older version may not hold: infer again, and look at what changed in the "
            "world or in the people.",
            evidence=evidence,
        ),
    ]


def measure_drift(
    old: Demonstrations, new: Demonstrations, space: StateSpace, *, key: int = 0
) -> tuple[Drift, ...]:
    """The answer to each question, in a fixed order.

    Args:
        old: the one sample.
        new: the other, encoded with the same space.
        space: for the names of the states.
        key: of the assignments drawn.
    """
    questions = [*_questions(old, new)]
    a, b = _Sample(old), _Sample(new)
    group = np.concatenate([np.zeros(a.count, dtype=bool), np.ones(b.count, dtype=bool)])
    rng = np.random.default_rng(key)
    drawn = np.stack([group, *(rng.permutation(group) for _ in range(DRAWS))]).astype(np.float64)
    raw, found = [], []
    for what, old_cells, new_cells, strata in questions:
        table, cells = _table(a, b, old_cells, new_cells)
        stratum = strata[cells] if strata is not None else np.zeros(len(cells), dtype=np.int64)
        score = _apart(drawn, table, stratum)
        raw.append(float(np.mean(score >= score[0] - 1e-9)))
        gap, worst = _gap(table[group].sum(axis=0), table[~group].sum(axis=0), stratum)
        where = ""
        if what in ("state", "choice") and len(cells):
            state = int(cells[worst] if what == "state" else cells[worst] // old.n_actions)
            where = space.labels[state]
        found.append(Drift(what=what, p_value=1.0, distance=gap, where=where))
    return tuple(replace(d, p_value=p) for d, p in zip(found, holm(raw), strict=True))


class _Sample:
    """Which decisions of a version are looked at, by unit."""

    def __init__(self, demos: Demonstrations) -> None:
        units = units_of(demos)
        kept = np.arange(units.count)
        if len(kept) > MOST_UNITS:
            kept = kept[np.linspace(0, len(kept) - 1, MOST_UNITS).astype(np.int64)]
        place = np.full(units.count, -1)
        place[kept] = np.arange(len(kept))
        self.rows = np.flatnonzero(place[units.of_row] >= 0)
        self.unit = place[units.of_row[self.rows]]
        self.count = len(kept)


def _questions(old: Demonstrations, new: Demonstrations) -> Any:
    """``(what, cells of old, cells of new, stratum of each cell or None)``, one after the other."""
    A = old.n_actions
    states = old.require_states()[0].astype(np.int64), new.require_states()[0].astype(np.int64)
    S = int(max(states[0].max(initial=0), states[1].max(initial=0))) + 1
    yield "state", *states, None
    yield "action", old.actions.astype(np.int64), new.actions.astype(np.int64), None
    yield "choice", states[0] * A + old.actions, states[1] * A + new.actions, np.arange(S * A) // A
    yield (
        "length",
        *_cut(np.diff(old.offsets)[old.trajectory_index], np.diff(new.offsets)[new.trajectory_index]),
        None,
    )
    for name, values in old.observations.items():
        if name not in new.observations or (name in old.categories) != (name in new.categories):
            continue
        if name in old.categories:
            labels = {
                t: i for i, t in enumerate(dict.fromkeys((*old.categories[name], *new.categories[name])))
            }
            codes = [
                np.array([labels[t] for t in d.categories[name]] or [0], dtype=np.int64)[d.observations[name]]
                for d in (old, new)
            ]
            yield name, codes[0], codes[1], None
        else:
            yield name, *_cut(values, new.observations[name]), None


def _cut(old: NDArray[Any], new: NDArray[Any]) -> tuple[LongArray, LongArray]:
    """Values of both in the same cells: each distinct value where there are few, else equal counts."""
    both = np.concatenate([old, new]).astype(np.float64)
    distinct = np.unique(both)
    edges = (
        distinct[1:] if len(distinct) <= CELLS else np.unique(np.quantile(both, np.arange(1, CELLS) / CELLS))
    )
    codes = np.searchsorted(edges, both, side="right").astype(np.int64)
    return codes[: len(old)], codes[len(old) :]


def _table(a: _Sample, b: _Sample, old: LongArray, new: LongArray) -> tuple[FloatArray, LongArray]:
    """``(units, cells)`` decisions of each unit in each cell, and which cells these are."""
    codes = np.concatenate([old[a.rows], new[b.rows]])
    unit = np.concatenate([a.unit, b.unit + a.count])
    cells, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    often = np.sort(np.argsort(-counts, kind="stable")[:MOST_CELLS])
    lookup = np.full(len(cells), -1)
    lookup[often] = np.arange(len(often))
    inside = lookup[place] >= 0
    table = np.zeros((a.count + b.count, len(often)))
    np.add.at(table, (unit[inside], lookup[place[inside]]), 1.0)
    return table, cells[often]


def _apart(drawn: FloatArray, table: FloatArray, stratum: LongArray) -> FloatArray:
    """``(B,)`` Pearson's X^2 of version against cell within strata, for ``(B, units)`` assignments."""
    total = table.sum(axis=0)
    S = int(stratum.max(initial=0)) + 1
    in_stratum = np.zeros((len(total), S))
    in_stratum[np.arange(len(total)), stratum] = 1.0
    of_stratum = total @ in_stratum
    seen = drawn @ table
    share = ((seen @ in_stratum) / of_stratum)[:, stratum]
    spread = total * share * (1 - share)
    return np.asarray(np.sum((seen - total * share) ** 2 / np.where(spread > 0, spread, 1.0), axis=1))


def _gap(new: FloatArray, old: FloatArray, stratum: LongArray) -> tuple[float, int]:
    """Total variation within strata, weighted by the smaller version's decisions there, and the cell furthest apart."""
    S = int(stratum.max(initial=0)) + 1
    n, m = (np.bincount(stratum, weights=x, minlength=S)[stratum] for x in (new, old))
    both = (n > 0) & (m > 0)
    apart = np.where(both, np.abs(new / np.where(n > 0, n, 1.0) - old / np.where(m > 0, m, 1.0)), 0.0)
    weight = np.minimum(n, m)
    per_stratum = 0.5 * np.bincount(stratum, weights=apart, minlength=S)
    weights = np.zeros(S)
    weights[stratum] = weight
    value = float(np.average(per_stratum, weights=weights)) if weights.sum() else 0.0
    return value, int(np.argmax(apart * weight))


def _to_compare(old: Demonstrations, new: Demonstrations) -> tuple[Demonstrations, Demonstrations, str]:
    """What to hold against what: the new trajectories against the old ones where versions overlap."""
    known = set(old.trajectory_ids.tolist())
    fresh = np.array([name not in known for name in new.trajectory_ids.tolist()], dtype=bool)
    if fresh.all() or not fresh.size:
        return old, new, "all against all"
    if not fresh.any():
        kept = set(new.trajectory_ids.tolist())
        gone = np.array([name not in kept for name in old.trajectory_ids.tolist()], dtype=bool)
        if gone.any():
            return old.select(gone), new, "those that left against those that stayed"
        return old, new, NOTHING_NEW if _same_decisions(old, new) else "all against all"
    return old, new.select(fresh), "new trajectories against the older version"


def _same_decisions(old: Demonstrations, new: Demonstrations) -> bool:
    """Whether every decision and measurement is the same, whatever the labels are called."""
    a, b = ({k: v for k, v in d.column_digests.items() if not k.startswith("categories")} for d in (old, new))
    return a == b


def _label_findings(old: Demonstrations, new: Demonstrations) -> list[Finding]:
    """Columns and labels that are in one version only."""
    came: list[str] = []
    went: list[str] = []
    for name in dict.fromkeys((*old.observations, *new.observations)):
        if name not in old.observations or name not in new.observations:
            (came if name in new.observations else went).append(f"column `{name}`")
            continue
        before, after = set(old.categories.get(name, ())), set(new.categories.get(name, ()))
        came += [f"`{name}` {label}" for label in sorted(after - before)]
        went += [f"`{name}` {label}" for label in sorted(before - after)]
    if not came and not went:
        return []
    words = [f"{verb} {', '.join(x[:8])}" for verb, x in (("new:", came), ("gone:", went)) if x]
    return [
        Finding(
            code="drift-of-labels",
            severity=Severity.NOTICE,
            message=f"Columns or labels changed between the versions ({'; '.join(words)}).",
            hint="Was something renamed upstream?",
            evidence={"came": came, "went": went},
        )
    ]


def _in_words(what: str) -> str:
    return {
        "state": "the states that are visited",
        "action": "the shares of the actions",
        "choice": "what is chosen in the same states",
        "length": "the length of trajectories",
    }.get(what, f"`{what}`")
