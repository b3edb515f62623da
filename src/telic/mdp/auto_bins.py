"""How many cells for an ``auto`` observation: the number that best predicts held-out choices.

The criterion must be comparable between partitions. The probability of the next *state* is not: it is a
density on a scale that each partition makes for itself, and the coarsest partition always wins. The
probability of the *choice* is over the same few actions whatever the cells. So each candidate is scored by
the log-likelihood of the choices of left-out trajectories under the table

    pi(a | cell) = (N(a, cell) + c p(a)) / (N(cell) + c),

with N counted in the other folds, p the overall choice frequencies there and c half a decision an action: a
cell that is too small to have seen anything predicts no better than the overall frequencies, so needless
cells lose. Folds are whole trajectories. Ties go to fewer cells, then to equal widths before quantiles.

Several ``auto`` observations are chosen one after the other, each given the others, until nothing changes
(at most ``PASSES`` rounds), under the cap on the product of all axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import LongArray

from .axes import Axis, measured_axis

if TYPE_CHECKING:
    from telic.contract import Observation

__all__ = ["choose_auto_axes", "held_out_choice_score"]

LADDER = (2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of cells tried."""

RULES = ("width", "quantile")
"""Ways to place the edges."""

FOLDS = 5
"""Parts into which trajectories (decisions, where there are fewer than two trajectories) are dealt."""

PASSES = 3
"""Rounds over the observations; two are nearly always enough."""

MOST_DECISIONS = 50_000
"""Decisions used for the choice; whole trajectories drawn by key beyond it."""


def choose_auto_axes(
    observations: Sequence[Observation],
    fixed: Mapping[str, Axis],
    demos: Demonstrations,
    chooser: Demonstrations,
    *,
    cap: int,
    key: int,
) -> tuple[dict[str, Axis], tuple[Finding, ...]]:
    """The axis of each ``auto`` observation and a finding that tells how it was chosen.

    Args:
        observations: those with ``bins: auto``.
        fixed: the other axes of the state.
        demos: the measurements, which place the edges.
        chooser: the decisions whose choices are predicted; the same ones or a part of them.
        cap: most cells of the product of all axes; at least 2 cells an ``auto`` axis are made whatever it is.
        key: deals trajectories into folds.
    """
    if not observations:
        return {}, ()
    sample = _sample(chooser, key)
    folds = _folds(sample, key)
    base = {
        o.name: Axis(name=o.name, unit=o.unit, kind=o.type, is_exogenous=o.affected_by_action is False)
        for o in observations
    }
    taken = 1
    cells = np.zeros(sample.n_decisions, dtype=np.int64)
    for axis in fixed.values():
        cells = cells * axis.n_cells + axis.encode(
            sample.observations[axis.name], sample.categories.get(axis.name)
        )
        taken *= axis.n_cells
    options: dict[str, list[tuple[Axis, LongArray]]] = {}
    for o in observations:
        candidates = [
            measured_axis(base[o.name], o, demos.observations[o.name], rule, count)
            for count in LADDER
            for rule in RULES
        ]
        options[o.name] = [(a, a.encode(sample.observations[o.name]).astype(np.int64)) for a in candidates]
    chosen = {o.name: 0 for o in observations}
    scores: dict[str, dict[str, float]] = {}
    for _ in range(PASSES):
        before = dict(chosen)
        for o in observations:
            others, size = cells, taken
            for name, i in chosen.items():
                if name != o.name:
                    axis, codes = options[name][i]
                    others, size = others * axis.n_cells + codes, size * axis.n_cells
            best = -np.inf
            scores[o.name] = {}
            for i, (axis, codes) in enumerate(options[o.name]):
                if i and size * axis.n_cells > cap:
                    continue
                score = held_out_choice_score(
                    others * axis.n_cells + codes, sample.actions, folds, demos.n_actions
                )
                scores[o.name][axis.how] = score
                if score > best + 1e-12:
                    best, chosen[o.name] = score, i
        if chosen == before:
            break
    axes = {o.name: options[o.name][chosen[o.name]][0] for o in observations}
    words = ", ".join(f"{name} {axis.how}" for name, axis in axes.items())
    finding = Finding(
        code="auto-bins",
        severity=Severity.INFO,
        message=f"Cells chosen by the held-out likelihood of choices: {words}.",
        evidence={"nats_per_decision": scores, "cap": cap, "n_decisions": sample.n_decisions},
    )
    return axes, (finding,)


def held_out_choice_score(cells: LongArray, actions: np.ndarray, folds: LongArray, n_actions: int) -> float:
    """Mean log-likelihood (nats a decision) of left-out choices under a smoothed table over ``cells``.

    Args:
        cells: ``(n,)`` cell of each decision, any integers.
        actions: ``(n,)`` action taken.
        folds: ``(n,)`` fold of each decision, from 0.
        n_actions: A.
    """
    if not len(cells):
        return 0.0
    codes = np.unique(cells, return_inverse=True)[1].astype(np.int64)
    C, F, A = int(codes.max()) + 1, int(folds.max()) + 1, n_actions
    pairs, where, counts = np.unique(codes * A + actions, return_inverse=True, return_counts=True)
    by_fold = np.bincount(where * F + folds, minlength=len(pairs) * F).reshape(len(pairs), F)
    cell_by_fold = np.bincount(codes * F + folds, minlength=C * F).reshape(C, F)
    action_by_fold = np.bincount(actions.astype(np.int64) * F + folds, minlength=A * F).reshape(A, F)
    c = A / 2
    rest = action_by_fold.sum(axis=1, keepdims=True) - action_by_fold
    overall = (rest + 0.5) / (rest.sum(axis=0) + A / 2)
    n_pair = counts[:, None] - by_fold
    n_cell = (cell_by_fold.sum(axis=1, keepdims=True) - cell_by_fold)[pairs // A]
    log_prob = np.log((n_pair + c * overall[pairs % A]) / (n_cell + c))
    return float((by_fold * log_prob).sum() / len(cells))


def _sample(demos: Demonstrations, key: int) -> Demonstrations:
    if demos.n_decisions <= MOST_DECISIONS:
        return demos
    order = np.random.default_rng(key).permutation(demos.n_trajectories)
    total = np.cumsum(np.diff(demos.offsets)[order])
    return demos.select(np.sort(order[: max(1, int(np.searchsorted(total, MOST_DECISIONS, side="right")))]))


def _folds(demos: Demonstrations, key: int) -> LongArray:
    rng = np.random.default_rng([key, 1])
    if demos.n_trajectories < 2:
        return np.asarray(rng.permutation(demos.n_decisions) % FOLDS, dtype=np.int64)
    return np.asarray(rng.permutation(demos.n_trajectories)[demos.trajectory_index] % FOLDS, dtype=np.int64)
