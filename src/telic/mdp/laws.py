"""How one observation moves: smoothed laws of its next cell, for pairs of state and action with little data.

For one observation with cells ``v`` and groups ``g`` (the actions, or one group where the action has no
influence), with counts ``n`` and pseudo-count ``c``:

    ordered:    d(D)        = n(D) / n                                    displacement, whatever the group
                d_g(D)      = (n_g(D) + c d(D)) / (n_g + c)               given the group
                p0(w|v,g)   = d_g mass of D with clip(v + D) = w          carried to the cell, stopped at the
                ends
    unordered:  q_g         = (stayed_g + c q) / (n_g + c)                chance of keeping the label
                m_g(w)      = (moved_g(w) + c m(w)) / (moved_g + c)       label after a change
                p0(w|v,g)   = q_g at w = v, else (1 - q_g) m_g(w) / (1 - m_g(v))
    both:       p(w|v,g)    = (n(v,g,w) + c p0(w|v,g)) / (n(v,g) + c)

so a cell that was never seen moves as the others do, and a group that was never seen as the others on
average. No law puts mass on a displacement or a label that was never observed.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.typing import FloatArray, LongArray

__all__ = ["blend_rows", "own_law", "row_products", "thin_rows"]


def own_law(
    now: LongArray,
    group: LongArray,
    after: LongArray,
    weights: FloatArray,
    *,
    n_cells: int,
    n_groups: int,
    is_ordered: bool,
    smoothing: float,
) -> FloatArray:
    """``(n_groups, n_cells, n_cells)`` law of the next cell given group and cell.

    Args:
        now: ``(n,)`` cell before.
        group: ``(n,)`` group.
        after: ``(n,)`` cell after.
        weights: ``(n,)`` weight of each transition.
        n_cells: V.
        n_groups: number of groups.
        is_ordered: displacements mean something.
        smoothing: pseudo-count c, in decisions.
    """
    V, G, c = n_cells, n_groups, smoothing
    cell = (group * V + now) * V + after
    counts: FloatArray = np.bincount(cell, weights=weights, minlength=G * V * V).astype(np.float64)
    counts = counts.reshape(G, V, V)
    prior = _ordered_prior(counts, c) if is_ordered else _unordered_prior(counts, c)
    return _blend(counts, prior, c)


def _blend(counts: FloatArray, prior: FloatArray, c: float) -> FloatArray:
    """``(counts + c prior) / (total + c)`` along the last axis; the prior alone where there is no count."""
    total = counts.sum(axis=-1, keepdims=True)
    blended = counts + c * prior
    return np.where(
        total > 0, np.divide(blended, total + c, out=np.zeros_like(blended), where=total + c > 0), prior
    )


def _ordered_prior(counts: FloatArray, c: float) -> FloatArray:
    G, V, _ = counts.shape
    displacement = (np.arange(V)[None, :] - np.arange(V)[:, None] + V - 1).ravel()
    seen: FloatArray = np.stack(
        [np.bincount(displacement, weights=counts[g].ravel(), minlength=2 * V - 1) for g in range(G)]
    ).astype(np.float64)
    still = np.zeros(2 * V - 1)
    still[V - 1] = 1.0
    pooled = seen.sum(axis=0) / seen.sum() if seen.sum() > 0 else still
    law = _blend(seen, np.broadcast_to(pooled, seen.shape), c)
    landing = np.clip(np.arange(V)[:, None] + np.arange(2 * V - 1)[None, :] - (V - 1), 0, V - 1)
    cell = (np.arange(V)[:, None] * V + landing).ravel()
    return np.stack(
        [np.bincount(cell, weights=np.tile(law[g], V), minlength=V * V).reshape(V, V) for g in range(G)]
    )


def _unordered_prior(counts: FloatArray, c: float) -> FloatArray:
    G, V, _ = counts.shape
    eye = np.eye(V, dtype=bool)
    stayed = counts[:, eye].sum(axis=1)
    moved = np.where(eye, 0.0, counts).sum(axis=1)
    total = counts.sum(axis=(1, 2))
    share = stayed.sum() / total.sum() if total.sum() > 0 else 1.0
    stay = _blend(
        np.stack([stayed, total - stayed], axis=1), np.array([[share, 1 - share]]).repeat(G, axis=0), c
    )
    pooled = moved.sum(axis=0) / moved.sum() if moved.sum() > 0 else np.full(V, 1.0 / V)
    label = _blend(moved, np.broadcast_to(pooled, moved.shape), c)
    prior = np.empty((G, V, V))
    for g in range(G):
        elsewhere = np.where(eye, 0.0, label[g][None, :])
        room = elsewhere.sum(axis=1)
        leave = np.where(room > 0, stay[g, 1], 0.0)
        prior[g] = elsewhere * np.divide(leave, room, out=np.zeros(V), where=room > 0)[:, None]
        prior[g][eye] = 1.0 - leave
    return prior


def thin_rows(law: sp.csr_array, threshold: float) -> sp.csr_array:
    """``law`` without entries below ``threshold``, each row scaled back to its sum."""
    if threshold <= 0 or not law.nnz:
        return law
    before = np.asarray(law.sum(axis=1)).ravel()
    kept = law.copy()
    kept.data[kept.data < threshold] = 0.0
    kept.eliminate_zeros()
    after = np.asarray(kept.sum(axis=1)).ravel()
    factor = np.divide(before, after, out=np.ones_like(after), where=after > 0)
    kept.data *= np.repeat(factor, np.diff(kept.indptr))
    return kept


def blend_rows(counts: sp.csr_array, prior: sp.csr_array, c: float) -> sp.csr_array:
    """Rows ``(counts + c prior) / (n + c)``; the prior alone in rows without counts.

    Args:
        counts: weighted numbers of transitions.
        prior: rows that sum to 1.
        c: pseudo-count.
    """
    n = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    keep = np.divide(1.0, n + c, out=np.zeros_like(n), where=n > 0)
    law = _scaled_rows(counts, keep) + _scaled_rows(prior, np.where(n > 0, c * keep, 1.0))
    law.eliminate_zeros()
    return sp.csr_array(law)


def row_products(left: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    """CSR whose row i is the law of two independent parts: row i of ``left`` times row i of ``right``.

    Args:
        left: laws of one part.
        right: laws of the other part, with as many rows; column ``l * width(right) + r`` of the result is the
            pair (l, r).
    """
    a, b = np.diff(left.indptr).astype(np.int64), np.diff(right.indptr).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(a * b)]).astype(np.int64)
    row = np.repeat(np.arange(len(a)), a * b)
    inner = np.arange(indptr[-1]) - indptr[row]
    i = left.indptr[row] + inner // b[row]
    j = right.indptr[row] + inner % b[row]
    columns = left.indices[i].astype(np.int64) * right.shape[1] + right.indices[j]
    product = sp.csr_array(
        (left.data[i] * right.data[j], columns, indptr), shape=(len(a), left.shape[1] * right.shape[1])
    )
    product.sort_indices()
    return product


def _scaled_rows(law: sp.csr_array, factor: FloatArray) -> sp.csr_array:
    """Rows times factors, without the dense column workspace of a sparse product."""
    data = law.data * np.repeat(factor, np.diff(law.indptr))
    scaled = sp.csr_array((data, law.indices, law.indptr), shape=law.shape)
    scaled.sum_duplicates()
    return scaled
