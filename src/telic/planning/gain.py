"""Whether an undiscounted soft value is finite: the soft gain of the places where one can stay for ever.

A set of states and actions from which no allowed action leaves, and in which each state reaches each, is an
end component. Staying in one for ever earns, in the best random way, a soft gain g per decision:
``g + h = (1 / beta) log sum_a exp beta (r + P h)`` over its own pairs. The undiscounted soft value is finite
exactly when every maximal end component outside the absorbing states has ``g < 0``: with ``g >= 0`` the
entropy of when to leave has no end. In a deterministic world ``exp(beta g)`` is the spectral radius of
``M(s, s') = sum exp(beta r)`` (the largest over strongly connected parts), which makes this the stochastic
form of the condition that the radius be below 1.

References: de Alfaro (1997), Formal Verification of Probabilistic Systems, Stanford thesis, section 3.3 (end
components); Puterman (1994), Markov Decision Processes, section 8.6 (gain and bias by policy iteration); Mai
and Frejinger (2022), Undiscounted recursive path choice models: convergence properties and algorithms,
Transp. Sci. 56.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from telic.typing import BoolArray, FloatArray

from .bellman import BellmanOperator, soft_maximum

__all__ = ["WanderingGain", "end_components", "wandering_gain"]

GAIN_STEPS = 100
"""Limit of Newton steps for the gain; they converge as fast as those for the value."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WanderingGain:
    """The best place to wander for ever.

    Attributes:
        gain: its soft gain per decision, in units of reward; -inf where nobody can stay anywhere.
        states: its states; empty where there is none.
    """

    gain: float
    states: np.ndarray


def wandering_gain(operator: BellmanOperator) -> WanderingGain:
    """The largest soft gain over the maximal end components that hold no absorbing state."""
    labels, pairs = end_components(operator)
    best, where = -np.inf, np.zeros(0, dtype=np.int64)
    members = np.flatnonzero(labels >= 0)
    order = members[np.argsort(labels[members], kind="stable")]
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    for states in np.split(order, starts[1:]) if len(order) else []:
        gain = _gain(operator, states, pairs)
        if gain > best or np.isnan(gain):
            best, where = gain, states
    return WanderingGain(gain=float(best), states=where)


def end_components(operator: BellmanOperator) -> tuple[np.ndarray, BoolArray]:
    """``(label of the maximal end component of each state, -1 for none; pairs that stay inside theirs)``."""
    from scipy.sparse.csgraph import connected_components

    S, A = operator.reward.shape
    P = operator.transition
    lengths = np.diff(P.indptr)
    entry_pair = np.repeat(np.arange(S * A), lengths)
    entry_state, entry_next, positive = entry_pair // A, P.indices, P.data > 0
    pairs = np.ones(S * A, dtype=bool) if operator.allowed is None else operator.allowed.ravel().copy()
    pairs &= lengths > 0
    if operator.absorbing is not None:
        pairs &= ~np.repeat(operator.absorbing, A)
    while True:
        used = pairs[entry_pair] & positive
        graph = sp.csr_array((np.ones(int(used.sum())), (entry_state[used], entry_next[used])), shape=(S, S))
        labels = connected_components(graph, directed=True, connection="strong")[1]
        inside = np.asarray(pairs.reshape(S, A).any(axis=1))
        leaves = used & ((labels[entry_state] != labels[entry_next]) | ~inside[entry_next])
        if not leaves.any():
            break
        pairs[entry_pair[leaves]] = False
    return np.where(pairs.reshape(S, A).any(axis=1), labels, -1), pairs.reshape(S, A)


def _gain(operator: BellmanOperator, states: np.ndarray, pairs: BoolArray) -> float:
    """The soft gain of one end component, by Newton's method on gain and bias together."""
    from scipy.sparse.linalg import splu

    n, A, beta = len(states), operator.n_actions, operator.rationality
    allowed = pairs[states]
    R = np.where(allowed, operator.reward[states], -np.inf)
    if n == 1:
        return float(soft_maximum(R, beta)[0][0])
    P = operator.transition[(states[:, None] * A + np.arange(A)).ravel()][:, states]
    h, gain, previous = np.zeros(n), -np.inf, -np.inf
    for _ in range(GAIN_STEPS):
        Q = R + (P @ h).reshape(n, A)
        Q[~allowed] = -np.inf
        V, pi = soft_maximum(Q, beta)
        previous, gap = gain, V - h
        chain = sp.csr_array(sp.diags_array(np.ones(n)) - _mix(P, pi))
        # Unknowns: the correction of the bias, pinned to 0 at the first state, and in its place the gain.
        system = sp.csc_array(sp.hstack([sp.csr_array(np.ones((n, 1))), chain[:, 1:]]))
        try:
            lu: Any = splu(system)
        except RuntimeError:  # a policy so sharp that it never leaves part of the component
            return float(np.min(gap))  # a lower bound of the gain, whatever the bias
        step = lu.solve(gap)
        gain = float(step[0])
        h[1:] += step[1:]
        if not np.isfinite(gain) or abs(gain - previous) <= 1e-15 * max(1.0, abs(gain)):
            break
    return gain


def _mix(P: sp.csr_array, pi: FloatArray) -> sp.csr_array:
    n, A = pi.shape
    weights = sp.csr_array((pi.ravel(), np.arange(n * A), np.arange(0, n * A + 1, A)), shape=(n, n * A))
    return sp.csr_array(weights @ P)
