"""Which states can reach the end, and where an undiscounted world lets one stay for ever.

Both are facts of the sparsity pattern, exact, and asked before any arithmetic with discount 1.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.reports import Finding, Severity
from telic.typing import BoolArray

__all__ = ["arrival_actions", "can_reach", "pattern_of", "reversed_graph", "unreachable_finding"]


def can_reach(pattern: sp.csr_array, targets: BoolArray) -> BoolArray:
    """``(S,)``: the states from which some path of a ``(S, S)`` pattern leads to a target (targets
    included).
    """
    from scipy.sparse.csgraph import breadth_first_order

    S = pattern.shape[0]
    ends = np.flatnonzero(targets)
    reached = np.zeros(S, dtype=bool)
    if not len(ends):
        return reached
    keep = pattern.data > 0
    rows = np.repeat(np.arange(S), np.diff(pattern.indptr))[keep]
    columns = pattern.indices[keep]
    # Edges are reversed, and one extra node leads to all targets, so that one search answers for all of them.
    graph = sp.csr_array(
        (
            np.ones(len(rows) + len(ends)),
            (np.concatenate([columns, np.full(len(ends), S)]), np.concatenate([rows, ends])),
        ),
        shape=(S + 1, S + 1),
    )
    order = breadth_first_order(graph, S, directed=True, return_predecessors=False)
    reached[order[order < S]] = True
    return reached


def reversed_graph(pattern: sp.csr_array) -> sp.csr_array:
    """The pattern with every edge turned round, ones as weights, ready for searches from a goal."""
    kept = sp.csr_array(pattern, copy=True)
    kept.data = (kept.data > 0).astype(np.float64)
    kept.eliminate_zeros()
    return sp.csr_array(kept.T)


def pattern_of(transition: sp.csr_array, n_actions: int, allowed: BoolArray | None) -> sp.csr_array:
    """The ``(S, S)`` pattern of states that some allowed action leads to with positive probability."""
    S = transition.shape[1]
    weight = np.ones(S * n_actions) if allowed is None else allowed.ravel().astype(np.float64)
    data = (transition.data > 0) * np.repeat(weight, np.diff(transition.indptr))
    return sp.csr_array((data, transition.indices, transition.indptr[::n_actions].copy()), shape=(S, S))


def unreachable_finding(states: np.ndarray, what: str = "an absorbing state") -> Finding:
    """The finding that lists states from which the end cannot be reached."""
    shown = ", ".join(str(s) for s in states[:10].tolist())
    return Finding(
        code="not-absorbing",
        severity=Severity.ERROR,
        message=f"{len(states)} states cannot reach {what} (first: {shown}).",
        hint="Mark the states where the task ends as absorbing, drop the others, or use a discount below 1.",
        evidence={"states": states[:100].tolist(), "count": len(states)},
    )


def arrival_actions(
    transition: sp.csr_array, n_actions: int, allowed: BoolArray | None, targets: BoolArray
) -> np.ndarray:
    """``(S,)`` actions of a policy that surely reaches a target: each has a chance to come one step
    nearer.
    """
    from scipy.sparse.csgraph import breadth_first_order

    S = transition.shape[1]
    ends = np.flatnonzero(targets)
    lengths = np.diff(transition.indptr)
    pairs = np.repeat(np.arange(S * n_actions), lengths)
    keep = transition.data > 0
    if allowed is not None:
        keep &= allowed.ravel()[pairs]
    pairs, columns = pairs[keep], transition.indices[keep]
    graph = sp.csr_array(
        (
            np.ones(len(pairs) + len(ends)),
            (np.concatenate([columns, np.full(len(ends), S)]), np.concatenate([pairs // n_actions, ends])),
        ),
        shape=(S + 1, S + 1),
    )
    _, nearer = breadth_first_order(graph, S, directed=True, return_predecessors=True)
    actions = np.zeros(S, dtype=np.int64)
    chosen = nearer[pairs // n_actions] == columns
    actions[(pairs // n_actions)[chosen]] = (pairs % n_actions)[chosen]
    return actions
