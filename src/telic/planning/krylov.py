"""Iterative solution of ``(I - gamma P_pi) x = b`` and its transpose, for worlds too large to factorise.

BiCGSTAB (van der Vorst 1992), preconditioned by the diagonal, on several right-hand sides side by side: each
has its own scalars, and they share the walk through the matrix, which is most of the cost. Large systems run
compiled (``krylov_kernel``); small ones in numpy, with the constant vector, the slow mode of the matrix for
discounts near 1, handled exactly by the preconditioner.

The answer is judged by its true residual, recomputed at each restart. Should the method stall with a discount
below 1, sweeps ``x <- b + gamma P_pi x`` go on from its best answer: slower, but each multiplies the largest
residual by gamma at most, so they cannot fail.

Reference: van der Vorst (1992), Bi-CGSTAB, SIAM J. Sci. Stat. Comput. 13, 631-644.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from telic.typing import FloatArray

__all__ = ["KrylovAnswer", "KrylovSystem", "solve_krylov"]

KERNEL_ENTRIES = 400_000
"""Entries of right-hand sides above which compiled loops repay the import of numba within one solve."""

KERNEL_COLUMNS = (4, 8)
"""Right-hand sides that compiled loops take side by side (a row of 8 is one cache line); others are padded by
0."""

MERGING = 0.25
"""Share of repeated indices in the rows of a chain from which on it pays to sum them first."""

SLOW_DISCOUNT = 0.99
"""Discount above which the constant vector is treated as a slow mode; below, that costs more than it
saves."""

WORK_BYTES = 600_000_000
"""Work space; fewer right-hand sides are taken at a time where eight would need more."""

SWEEPS = 20_000
"""Limit of the sweeps that go on where the method stalls: enough for a discount of .999."""

SLACK = 100.0
"""A stalled answer within this factor of the tolerance has met the limit of double precision, and will do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KrylovSystem:
    """One system, with what the method needs of it.

    Attributes:
        chain: ``P_pi``; repeated indices are summed where that saves much.
        discount: gamma.
        inverse: of the diagonal of ``I - gamma P_pi``.
        slow_mode: ``1 / (1 - gamma)`` where the constant vector is a slow mode (nobody stops), else 0.
    """

    chain: sp.csr_array
    discount: float
    inverse: FloatArray
    slow_mode: float

    @classmethod
    def of(cls, chain: sp.csr_array, discount: float) -> KrylovSystem:
        """The system of a chain, whose rows may repeat an index."""
        merged = chain
        if _repeats(chain) > MERGING:
            merged = chain.copy()
            merged.sum_duplicates()
        slow = SLOW_DISCOUNT < discount < 1.0
        endless = slow and bool(np.all(np.abs(merged.sum(axis=1) - 1.0) < 1e-6))
        diagonal = 1.0 - discount * _diagonal(merged)
        return cls(
            chain=merged,
            discount=discount,
            inverse=1.0 / np.where(diagonal > 0, diagonal, 1.0),  # 0: a policy that stays for ever
            slow_mode=1.0 / (1.0 - discount) if endless else 0.0,
        )

    def apply(self, x: FloatArray, transposed: bool) -> FloatArray:
        """``(I - gamma P_pi) x`` or its transpose, ``(S, K)``."""
        if not transposed and x.shape[1] in KERNEL_COLUMNS and x.size >= KERNEL_ENTRIES:
            from .kernels import policy_product

            return policy_product(self.chain, x, -self.discount, x)
        out = (self.chain.T if transposed else self.chain) @ x
        out *= -self.discount
        out += x
        return np.asarray(out)

    def precondition(self, v: FloatArray) -> FloatArray:
        """``v`` over the diagonal, with the mean that the exact inverse would give it."""
        out = v * self.inverse[:, None]
        if self.slow_mode:
            out += v.mean(axis=0) * self.slow_mode - out.mean(axis=0)
        return np.asarray(out)


@dataclass(frozen=True, kw_only=True, eq=False)
class KrylovAnswer:
    """An answer and how good it is.

    Attributes:
        x: ``(S, K)``.
        residual: largest ``|b - M x|`` relative to the largest ``|x|`` and ``|b|`` of its column.
        iterations: of BiCGSTAB (two products each) and sweeps (one).
        met: whether every column met its target.
    """

    x: FloatArray
    residual: float
    iterations: int
    met: bool


def solve_krylov(
    system: KrylovSystem,
    b: FloatArray,
    initial: FloatArray | None,
    transposed: bool,
    tolerance: float,
    absolute: float,
    max_iterations: int,
) -> KrylovAnswer:
    """``x`` with ``(I - gamma P_pi) x = b``, or with the transpose.

    Args:
        system: the system.
        b: ``(S, K)`` right-hand sides.
        initial: ``(S, K)`` guess, or None.
        transposed: solve the transposed system.
        tolerance: a residual will do below this times the largest ``|x|`` and ``|b|`` of its column ...
        absolute: ... or below this.
        max_iterations: limit of BiCGSTAB for each group of columns.
    """
    S, K = b.shape
    width = min(max(KERNEL_COLUMNS), max(1, WORK_BYTES // (64 * max(S, 1))))
    x = np.empty_like(b)
    worst, steps, met = 0.0, 0, True
    for start in range(0, K, width):
        part = slice(start, min(start + width, K))
        count = part.stop - part.start
        padded = count
        if count > 1 and S * count >= KERNEL_ENTRIES:
            padded = next(c for c in KERNEL_COLUMNS if c >= count)
        group = _Group(system, _columns(b, part, padded), transposed, tolerance, absolute)
        guess = None if initial is None else _columns(initial, part, padded)
        with np.errstate(over="ignore", invalid="ignore"):  # judged by the residual
            answer = group.solve(guess, max_iterations)
        x[:, part] = answer.x[:, :count]
        worst, steps, met = max(worst, answer.residual), steps + answer.iterations, met and answer.met
    return KrylovAnswer(x=x, residual=worst, iterations=steps, met=met)


class _Group:
    """A few right-hand sides that are solved side by side."""

    def __init__(
        self, system: KrylovSystem, b: FloatArray, transposed: bool, tolerance: float, absolute: float
    ) -> None:
        self.system, self.b, self.transposed = system, b, transposed
        self.tolerance, self.absolute = tolerance, absolute
        self.size_b = np.abs(b).max(axis=0, initial=0.0)

    def solve(self, initial: FloatArray | None, max_iterations: int) -> KrylovAnswer:
        x = self.system.precondition(self.b) if initial is None else initial
        steps, best = 0, np.inf
        while True:
            r, gaps, goal, relative = self._measure(x)
            if np.all(gaps <= goal) or not np.isfinite(relative):
                return KrylovAnswer(x=x, residual=relative, iterations=steps, met=bool(np.all(gaps <= goal)))
            if relative <= SLACK * self.tolerance and relative > 0.9 * best:
                return KrylovAnswer(x=x, residual=relative, iterations=steps, met=True)
            if steps >= max_iterations or relative > 0.9 * best:
                break
            best, kept = relative, x
            if r.size >= KERNEL_ENTRIES and r.shape[1] in KERNEL_COLUMNS:
                from .krylov_kernel import bicgstab

                x = x.copy()
                steps += bicgstab(self.system, self.transposed, x, r, 0.5 * goal, max_iterations - steps)
            else:
                x, done = self._bicgstab(x, r, 0.5 * goal, max_iterations - steps)
                steps += done
        return self._sweeps(kept if relative > best else x, steps)

    def _measure(self, x: FloatArray) -> _Measure:
        r = self.b - self.system.apply(x, self.transposed)
        size = self.size_b + np.abs(x).max(axis=0, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        gaps = np.abs(r).max(axis=0, initial=0.0)
        return r, gaps, np.maximum(self.tolerance * size, self.absolute), float(np.max(gaps / size))

    def _sweeps(self, x: FloatArray, steps: int) -> KrylovAnswer:
        limit = SWEEPS if self.system.discount < 1.0 else 0
        for sweep in range(limit + 1):
            r, gaps, goal, relative = self._measure(x)
            if np.all(gaps <= goal) or sweep == limit:
                break
            x = x + r
        met = bool(np.all(gaps <= goal)) or relative <= SLACK * self.tolerance
        return KrylovAnswer(x=x, residual=relative, iterations=steps + sweep, met=met)

    def _bicgstab(
        self, x: FloatArray, r: FloatArray, targets: FloatArray, max_iterations: int
    ) -> tuple[FloatArray, int]:
        """``(better x, iterations)``, with whole-array operations."""
        apply, precondition = self.system.apply, self.system.precondition
        x, shadow = x.copy(), r.copy()
        rho, p = _dot(shadow, r), r.copy()
        for iteration in range(1, max_iterations + 1):
            p_hat = precondition(p)
            v = apply(p_hat, self.transposed)
            alpha = _divide(rho, _dot(shadow, v))
            r -= alpha * v
            r_hat = precondition(r)
            t = apply(r_hat, self.transposed)
            omega = _divide(_dot(t, r), _dot(t, t))
            p_hat *= alpha
            r_hat *= omega
            x += p_hat
            x += r_hat
            t *= omega
            r -= t
            gaps = np.abs(r).max(axis=0, initial=0.0)
            if np.all(gaps <= targets) or not np.all(np.isfinite(gaps)):
                return x, iteration
            rho_next = _dot(shadow, r)
            beta = _divide(rho_next * alpha, rho * omega)
            if not np.any(beta):
                return x, iteration
            v *= omega
            p -= v
            p *= beta
            p += r
            rho = rho_next
        return x, max_iterations


def _columns(b: FloatArray, part: slice, count: int) -> FloatArray:
    """A contiguous copy of some columns, with columns of 0 added up to a count."""
    out = np.zeros((len(b), count))
    out[:, : part.stop - part.start] = b[:, part]
    return out


def _repeats(chain: sp.csr_array) -> float:
    """The share of indices that repeat in their row, from the first thousand rows."""
    rows = min(chain.shape[0], 1_000)
    head = chain.indices[: chain.indptr[rows]].astype(np.int64)
    row = np.repeat(np.arange(rows), np.diff(chain.indptr[: rows + 1]))
    distinct = len(np.unique(row * chain.shape[0] + head))
    return 1.0 - distinct / max(len(head), 1)


def _diagonal(chain: sp.csr_array) -> FloatArray:
    """The diagonal of a chain whose rows may repeat an index."""
    S = chain.shape[0]
    rows = np.repeat(np.arange(S, dtype=np.int32), np.diff(chain.indptr))
    at = np.flatnonzero(rows == chain.indices)
    return np.bincount(rows[at], weights=chain.data[at], minlength=S).astype(np.float64, copy=False)


_Measure: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, float]


def _dot(u: FloatArray, v: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("sk,sk->k", u, v))


def _divide(u: FloatArray, v: FloatArray) -> FloatArray:
    return np.divide(u, v, out=np.zeros_like(u), where=v != 0)
