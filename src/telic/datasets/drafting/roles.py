"""Which column is the time, the trajectory, the demonstrator, the action; which could be seen; which give nothing.

Names only hint; values decide what is possible. A trajectory's name comes back in many rows and, together with the
time, hardly ever twice. An action has few values and changes within a trajectory. A column that follows from the
action alone must stay out of the state, because it would explain the choice by the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from telic._core.cells import equal_count_cells
from telic.typing import FloatArray, IntArray, LongArray

from .foreign import Known
from .hints import counts_people, hinted, weighs_rows, words_of
from .profile import ColumnProfile
from .reasons import why_left_out

__all__ = ["Roles", "information_about", "roles_of"]

MOST_ACTIONS = 40
"""Distinct values above which a column is no choice among finitely many."""

ENOUGH_FOR_A_NAME = 1.8
"""Score from which a column is taken to name trajectories: rows that lie together, in order of time, are enough."""

FEWEST_ROWS = 3
"""Mean rows a trajectory below which a column does not name trajectories."""

MOST_MEAN_WEIGHT = 10.0
"""Mean up to which a column called ``weight`` may weigh rows; beyond, it is the weight of something."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the columns are for.

    Attributes:
        time, trajectory, demonstrator, action, terminated, weight: column names, or None.
        rivals: role to the next best columns, for the reader.
        left_out: column to the reason why it is not an observation.
        observations: the other columns, in the order of the file.
        order: ``(n,)`` rows by trajectory and time.
        keys: ``(n,)`` trajectory of each row of the file.
        repeats: rows whose trajectory and time are those of another row.
    """

    time: str | None
    trajectory: str | None
    demonstrator: str | None
    action: str
    terminated: str | None
    weight: str | None
    rivals: dict[str, tuple[str, ...]]
    left_out: dict[str, str]
    observations: tuple[str, ...]
    order: LongArray
    keys: LongArray
    repeats: int


def roles_of(profiles: Sequence[ColumnProfile], known: Known | None = None) -> Roles | None:
    """The roles of the columns, or None where no column could be an action.

    Args:
        profiles: of the columns.
        known: what is known of the columns of this format; it comes before what values and names suggest.
    """
    known = known or Known()
    n = len(profiles[0].codes) if profiles else 0
    by_name = {p.name: p for p in profiles}
    rivals: dict[str, tuple[str, ...]] = {}
    time = _first(known.time, by_name, _orders) or _best(
        {p.name: _time_score(p) for p in profiles}, 0.0, rivals, "time"
    )
    moments = by_name[time].values if time is not None else np.arange(n, dtype=np.float64)
    free = [p for p in profiles if p.name != time and p.kind not in ("time", "clock", "empty")]
    trajectory = _first(known.trajectory, by_name, _names_trajectories) or _best(
        {p.name: _trajectory_score(p, moments, time is not None) for p in free},
        ENOUGH_FOR_A_NAME,
        rivals,
        "trajectory",
    )
    keys = (
        by_name[trajectory].codes.astype(np.int64) if trajectory is not None else np.zeros(n, dtype=np.int64)
    )
    order = np.lexsort((moments, keys)).astype(np.int64)
    free = [p for p in free if p.name != trajectory]
    # Where the format says which columns can be the choice, none of the others is taken for it.
    action = _first(known.action, by_name, _could_be_chosen)
    if not known.action:
        action = _best(
            {p.name: _action_score(p, i, len(profiles), keys, order) for i, p in enumerate(free)},
            0.0,
            rivals,
            "action",
        )
    if action is None:
        return None
    free = [p for p in free if p.name != action]
    demonstrator = _first(known.demonstrator, by_name, _is_there) or _best(
        {p.name: _demonstrator_score(p, n) for p in free}, 0.0, rivals, "demonstrator"
    )
    free = [p for p in free if p.name != demonstrator]
    terminated = next(
        (
            p.name
            for p in free
            if (p.name in known.terminated and p.kind == "boolean") or _is_end(p, keys, order)
        ),
        None,
    )
    weight = next((p.name for p in free if _is_weight(p)), None)
    left_out, seen = {}, []
    for p in profiles:
        if p.name in (time, trajectory, action, demonstrator, terminated, weight):
            continue
        reason = why_left_out(p, by_name[action], by_name[time] if time is not None else None, n, known)
        if reason:
            left_out[p.name] = reason
        else:
            seen.append(p.name)
    same = (keys[order][1:] == keys[order][:-1]) & (moments[order][1:] == moments[order][:-1])
    return Roles(
        time=time,
        trajectory=trajectory,
        demonstrator=demonstrator,
        action=action,
        terminated=terminated,
        weight=weight,
        rivals=rivals,
        left_out=left_out,
        observations=tuple(seen),
        order=order,
        keys=keys,
        repeats=int(same.sum()) if time is not None else 0,
    )


def information_about(action: IntArray, column: ColumnProfile) -> float:
    """Mutual information of a column (in at most 8 cells) with the action, in nats, without its bias."""
    known = column.known & (action >= 0)
    if column.kind in ("integer", "number") and column.n_distinct > 8:
        cells = equal_count_cells(column.values[known], 8)
    else:
        cells = column.codes[known].astype(np.int64)
    return _information(cells, action[known].astype(np.int64))


def _first(
    names: Sequence[str], by_name: Mapping[str, ColumnProfile], fits: Callable[[ColumnProfile], bool]
) -> str | None:
    """The first of the columns that is there and whose values fit."""
    return next((name for name in names if name in by_name and fits(by_name[name])), None)


def _orders(p: ColumnProfile) -> bool:
    return p.kind in ("time", "integer", "number") and p.missing == 0 and p.n_distinct > 1


def _names_trajectories(p: ColumnProfile) -> bool:
    return p.kind in ("category", "integer", "boolean") and p.missing == 0 and p.n_distinct > 1


def _could_be_chosen(p: ColumnProfile) -> bool:
    return p.kind not in ("time", "empty") and p.missing == 0 and 2 <= p.n_distinct <= MOST_ACTIONS


def _is_there(p: ColumnProfile) -> bool:
    return p.n_distinct > 0


def _best(
    scores: dict[str, float], threshold: float, rivals: dict[str, tuple[str, ...]], role: str
) -> str | None:
    ranked = sorted((s, -i, name) for i, (name, s) in enumerate(scores.items()) if s > threshold)[::-1]
    rivals[role] = tuple(name for _, _, name in ranked[1:4])
    return ranked[0][2] if ranked else None


def _time_score(p: ColumnProfile) -> float:
    """Above 0 for a column that can order rows: the more moments it tells apart, the better."""
    if p.missing > 0 or p.n_distinct < 2 or p.kind not in ("time", "integer", "number"):
        return -1.0
    values = p.values
    rising = float(np.mean(np.diff(values) >= 0)) if len(values) > 1 else 0.0
    apart = p.n_distinct / len(p.codes)
    if p.kind == "time":
        return 1.0 + apart + 0.3 * rising + 0.3 * hinted(p.name, "time")
    is_counter = p.kind in ("integer", "number") and bool(
        {"t", "ts", "time", "step", "tick", "minute", "zeit"} & set(words_of(p.name))
    )
    return 0.2 + rising if is_counter and rising > 0.7 else -1.0


def _trajectory_score(p: ColumnProfile, moments: FloatArray, has_time: bool) -> float:
    n, groups = len(p.codes), p.n_distinct
    if p.kind not in ("category", "integer") or p.missing > 0 or groups < 2 or n / groups < FEWEST_ROWS:
        return -1.0
    codes = p.codes.astype(np.int64)
    runs = 1 + int(np.sum(codes[1:] != codes[:-1]))
    score = 2.0 * hinted(p.name, "trajectory") - 1.5 * (
        hinted(p.name, "action") or hinted(p.name, "demonstrator")
    )
    score += 1.5 if runs <= 1.05 * groups else 0.0
    if p.kind == "integer" and not hinted(p.name, "trajectory"):
        score -= 1.5
    if groups < 5 and not hinted(p.name, "trajectory"):
        score -= 1.0
    if has_time:
        alone = n - len(np.unique(moments))
        order = np.lexsort((moments, codes))
        same_key = codes[order][1:] == codes[order][:-1]
        together = int(np.sum(same_key & (moments[order][1:] == moments[order][:-1])))
        if alone > 0.01 * n:
            score += 2.0 * (1 - together / alone)
        by_file = np.argsort(codes, kind="stable")
        inside = codes[by_file][1:] == codes[by_file][:-1]
        if inside.any():
            steps = np.diff(moments[by_file])[inside]
            score += 0.5 * float(
                max(np.mean(steps >= 0), np.mean(steps <= 0))
            )  # newest first is an order too
        turns = np.diff(moments) < 0
        turns = turns if 2 * turns.sum() <= len(turns) else np.diff(moments) > 0
        if turns.sum() >= FEWEST_ROWS and np.all(codes[1:][turns] != codes[:-1][turns]):
            score += 1.5  # wherever time turns back in the file, this changes
    return score


def _action_score(p: ColumnProfile, place: int, columns: int, keys: LongArray, order: LongArray) -> float:
    if p.kind in ("time", "empty", "number") and not (p.kind == "number" and hinted(p.name, "action")):
        return -1.0
    if not 2 <= p.n_distinct <= MOST_ACTIONS or p.missing > 0:
        return -1.0
    score = 5.0 * hinted(p.name, "action") + 1.5 * hinted(p.name, "weak_action")
    score += (
        1.0 * (p.kind == "category") + (1.0 if p.n_distinct <= 12 else 0.3) + 0.5 * place / max(1, columns)
    )
    score -= 2.0 * hinted(p.name, "demonstrator") + 2.0 * (
        hinted(p.name, "terminated") and p.kind == "boolean"
    )
    inside = keys[order][1:] == keys[order][:-1]
    changes = float(np.mean((p.codes[order][1:] != p.codes[order][:-1])[inside])) if inside.any() else 1.0
    return score - 3.0 if changes == 0 else score


def _demonstrator_score(p: ColumnProfile, n: int) -> float:
    """Among columns whose name says a person, the one that tells the most people apart."""
    if (
        p.kind not in ("category", "integer")
        or not hinted(p.name, "demonstrator")
        or (p.kind == "integer" and counts_people(p.name))
        or not 2 <= p.n_distinct <= max(2, n // 5)
    ):
        return -1.0
    return 1.0 - p.missing + min(p.n_distinct, 1000) / 1000


def _is_end(p: ColumnProfile, keys: LongArray, order: LongArray) -> bool:
    """A truth value that is true on last rows of trajectories only, at least once."""
    if p.kind != "boolean" or p.missing > 0 or not hinted(p.name, "terminated"):
        return False
    flags = p.values[order] > 0
    last = np.append(keys[order][1:] != keys[order][:-1], True)
    return bool(flags.any() and np.all(last[flags]))


def _is_weight(p: ColumnProfile) -> bool:
    """Weights of rows: not negative, all there, and about 1 where the header says no more than ``weight``."""
    says = weighs_rows(p.name)
    if says is False or p.kind not in ("integer", "number") or p.missing > 0 or p.numbers.min() < 0:
        return False
    mean = float(np.mean(p.values))
    return mean > 0 if says else 0.1 <= mean <= MOST_MEAN_WEIGHT


def _information(cells: LongArray, actions: LongArray) -> float:
    n = len(cells)
    if n == 0:
        return 0.0
    R, C = int(cells.max()) + 1, int(actions.max()) + 1
    table = np.bincount(cells * C + actions, minlength=R * C).reshape(R, C) / n
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True)
    present = table > 0
    raw = float(np.sum(table[present] * np.log(table[present] / expected[present])))
    used = (int((table.sum(axis=1) > 0).sum()) - 1) * (int((table.sum(axis=0) > 0).sum()) - 1)
    return raw - used / (2 * n)  # Miller and Madow's correction
