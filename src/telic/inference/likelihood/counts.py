"""Which decisions were seen how often: the only thing a likelihood of discrete choices needs from the data.

A decision is a cell (state and action, for some likelihoods with time or destination in front) in a cluster
(its source trajectory: pieces that were cut from one belong together). Counts are weighted sums over rows,
held sparse by cluster, with dense totals by cell, so a million rows cost no more than the cells they fall
into.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from telic.errors import DataError, ImpossibleDemonstrationsError
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import FloatArray

__all__ = ["Counts", "check_possible", "count_cells"]

WEIGHTED = "weighted-decisions"
"""Code of the finding that decisions carry weights."""

LISTED = 20
"""Rows or pairs listed in an error; its data say how many there are in all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Weighted numbers of decisions by cell and cluster.

    Attributes:
        by_cluster: CSR ``(N, n_cells)``, or None where the numbers do not come from trajectories.
        totals: ``(n_cells,)`` sum of the weights of the decisions in each cell.
        squares: ``(n_cells,)`` sum of their squared weights (for outer products of scores).
        n_decisions: decisions with a weight above 0.
        is_sampled: False when ``totals`` are expectations with an unknown number of decisions behind them,
            so that no standard error can be stated.
        findings: what was noticed when they were made.
        squares_by_cluster: CSR ``(N, n_cells)`` sums of squared weights; None: those of ``by_cluster``, for every
            weight is 0 or 1.
    """

    by_cluster: sp.csr_array | None
    totals: FloatArray
    squares: FloatArray
    n_decisions: int
    is_sampled: bool = True
    findings: tuple[Finding, ...] = ()
    squares_by_cluster: sp.csr_array | None = None

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.totals)) or np.any(self.totals < 0) or not np.any(self.totals > 0):
            raise DataError(
                "Counts of decisions must be finite, not negative and not all zero.",
                hint="Look for an empty dataset, weights of zero, or a policy table without support.",
            )

    @property
    def n_clusters(self) -> int:
        """Number of clusters (source trajectories); 0 where there are none."""
        return 0 if self.by_cluster is None else int(self.by_cluster.shape[0])

    @cached_property
    def total(self) -> float:
        """Sum of all weights."""
        return float(self.totals.sum())

    @cached_property
    def columns(self) -> sp.csc_array | None:
        """``by_cluster`` in CSC, for walking over blocks of cells."""
        return None if self.by_cluster is None else sp.csc_array(self.by_cluster)

    def reweighted(self, cluster_weights: FloatArray) -> Counts:
        """The counts with every decision of cluster i counted ``cluster_weights[i]`` times.

        Args:
            cluster_weights: ``(N,)``, finite and not negative.

        Raises:
            DataError: there are no clusters, not one weight each, or no weight above 0.
        """
        if self.by_cluster is None or np.shape(cluster_weights) != (self.n_clusters,):
            raise DataError(
                f"`cluster_weights` must have one weight for each of {self.n_clusters} trajectories, got shape "
                f"{np.shape(cluster_weights)}.",
                hint="Counts of a policy table have no trajectories to weigh.",
            )
        u = np.asarray(cluster_weights, dtype=np.float64)
        counted = sp.csr_array(sp.diags_array(u) @ self.by_cluster)
        before = self.by_cluster if self.squares_by_cluster is None else self.squares_by_cluster
        squared = sp.csr_array(sp.diags_array(u * u) @ before)
        return Counts(
            by_cluster=counted,
            totals=np.asarray(counted.sum(axis=0), dtype=np.float64).ravel(),
            squares=np.asarray(squared.sum(axis=0), dtype=np.float64).ravel(),
            n_decisions=self.n_decisions,
            is_sampled=self.is_sampled,
            findings=self.findings,
            squares_by_cluster=squared,
        )


def count_cells(cells: NDArray[Any], demos: Demonstrations, n_cells: int) -> Counts:
    """Counts from one cell a decision; the clusters are the source trajectories.

    Args:
        cells: ``(n,)`` cell of each decision, below ``n_cells``.
        demos: the decisions, with their trajectories and weights.
        n_cells: number of cells.
    """
    sources = source_index(demos)
    clusters, n_clusters = sources[demos.trajectory_index], int(sources.max(initial=-1)) + 1
    w = np.ones(len(cells)) if demos.weights is None else np.asarray(demos.weights, dtype=np.float64)
    plain = bool(np.all((w == 0) | (w == 1)))
    return Counts(
        by_cluster=sp.csr_array((w, (clusters, cells)), shape=(n_clusters, n_cells)),
        totals=np.bincount(cells, weights=w, minlength=n_cells).astype(np.float64),
        squares=np.bincount(cells, weights=w * w, minlength=n_cells).astype(np.float64),
        n_decisions=int(np.count_nonzero(w > 0)),
        findings=() if plain else (_weighted(w),),
        squares_by_cluster=None
        if plain
        else sp.csr_array((w * w, (clusters, cells)), shape=(n_clusters, n_cells)),
    )


def _weighted(weights: NDArray[Any]) -> Finding:
    used = weights[weights > 0]
    return Finding(
        code=WEIGHTED,
        severity=Severity.NOTICE,
        message=f"Decisions carry weights from {used.min():.3g} to {used.max():.3g}. Errors of kind `sandwich` and "
        "`sandwich_clustered` allow for that; `hessian` and `outer_product` do not, and no likelihood-ratio test can.",
        hint="Trade-offs use the sandwich kinds unless another is asked for.",
    )


def check_possible(demos: Demonstrations, world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP) -> None:
    """Refuse demonstrations that the world makes impossible.

    Raises:
        DataError: there are no decisions, no states, or states or actions outside the world.
        ImpossibleDemonstrationsError: an action that is not available, a decision in an absorbing state, or
            a transition of probability 0; the message lists rows and pairs.
    """
    states, next_states = demos.require_states()
    S, A = world.n_states, world.n_actions
    if demos.n_decisions == 0:
        raise DataError(
            "There are no decisions in the demonstrations.",
            hint="Check the filters that chose the rows; at least one decision is needed.",
        )
    outside = np.flatnonzero((states < 0) | (states >= S) | (next_states >= S))
    if len(outside):
        raise DataError(
            f"States must lie in [0, {S}); {len(outside)} rows do not (first: row {outside[0]}, state "
            f"{states[outside[0]]}, next state {next_states[outside[0]]}).",
            hint="Encode the demonstrations with the state space that the world was made for.",
            rows=outside[:LISTED].tolist(),
        )
    if demos.n_actions > A and demos.actions.max() >= A:
        raise DataError(
            f"Actions must lie in [0, {A}), got {int(demos.actions.max())}.",
            hint="The world and the demonstrations name different actions.",
        )
    problems: list[tuple[str, NDArray[np.int64]]] = []
    unavailable = np.flatnonzero(~world.availability[states, demos.actions])
    if len(unavailable):
        problems.append(("an action that is not available", unavailable))
    absorbing = getattr(world, "absorbing", None)
    if absorbing is not None:
        ended = np.flatnonzero(absorbing[states])
        if len(ended):
            problems.append(("a decision in an absorbing state, where the problem has ended", ended))
    known = np.flatnonzero(next_states >= 0)
    if len(known):
        P = world.transition
        probability = np.asarray(
            P[states[known].astype(np.int64) * A + demos.actions[known], next_states[known]]
        ).ravel()
        never = known[probability <= 0]
        if len(never):
            problems.append(("a transition of probability 0", never))
    if problems:
        raise impossible(demos, problems)


def impossible(
    demos: Demonstrations, problems: list[tuple[str, NDArray[np.int64]]]
) -> ImpossibleDemonstrationsError:
    """The error that lists what the world makes impossible, as (state, action, next state) of the first
    rows.
    """
    states, next_states = demos.require_states()
    parts, listed, total = [], {}, 0
    for what, rows in problems:
        first = [
            f"row {r}: state {states[r]}, action {demos.action_labels[demos.actions[r]]}, next state "
            f"{next_states[r]}"
            for r in rows[:3].tolist()
        ]
        count = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
        parts.append(f"{count} {what} ({'; '.join(first)}{'; ...' if len(rows) > 3 else ''})")
        listed[what] = rows[:LISTED].tolist()
        total += len(rows)
    return ImpossibleDemonstrationsError(
        f"The world makes some of the {demos.n_decisions} demonstrated decisions impossible: "
        f"{', and '.join(parts)}.",
        hint="Drop these rows, estimate the dynamics from the demonstrations with smoothing, or "
        "correct `available`.",
        rows=listed,
        n_impossible=total,
    )
