"""Compiled sweeps for large worlds: the soft and the hard Bellman operator and products with ``P_pi``.

A soft sweep is bound by memory when its exponentials are cheap. States are taken in blocks that stay in
cache, with one pass over the block for each stage: gather ``Q = r + gamma P V``; the maximum over actions;
``exp`` of what lies below it, by a polynomial that the compiler turns into vector instructions; the logarithm
of the sum, likewise.

``exp``: ``x = n log 2 + y`` with ``|y| <= log(2) / 2`` (Cody and Waite's two-part log 2, rounding by adding
``1.5 * 2**52``), a polynomial of degree 11 for ``exp(y)`` (Chebyshev interpolation, computed with 60 digits),
and n added to the exponent bits. Relative error at most 5e-15 on [-708, 0] (tested; about 2e-16 in fact);
below -708, where doubles lose digits, the result is 0. ``log``: ``x = 2**n m`` with m in [sqrt(1/2),
sqrt(2)), and the series of ``2 artanh((m - 1) / (m + 1))`` to degree 19.

Importing this module imports numba and the first call compiles (kept on disk after that, where any place can
be written), so planners import it only above a measured size.

References: Cody and Waite (1980), Software Manual for the Elementary Functions, ch. 6; the blocked layout and
its timings are in ``docs/decisions/0020-soft-solvers.md``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias, cast

import numba
import numpy as np
import scipy.sparse as sp

from telic.typing import FloatArray

__all__ = [
    "compiled",
    "exp_below",
    "hard_sweep",
    "log_above",
    "policy_product",
    "soft_sweep",
    "uniform_successors",
]

Kernel: TypeAlias = Callable[..., Any]

BLOCK_ENTRIES = 5_120
"""Entries of Q held at a time (40 KiB); from 1,280 to 20,480 the timings differ by less than a tenth."""

LARGEST_UNIFORM = 8
"""Successors a row up to which the gather is compiled for that very number."""

LOWEST = -708.0
"""Argument of exp below which the result would not be a normal double."""

LOG2_E = 1.4426950408889634
LOG_2_HIGH = 6.93147180369123816490e-01
LOG_2_LOW = 1.90821492927058770002e-10
LOG_2 = 0.6931471805599453
ROUNDER = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits
SQRT_HALF_BITS = 4604544271217802189  # of the double nearest to sqrt(1/2)

C2, C3, C4, C5 = 0.5000000000000019, 0.1666666666666668, 0.04166666666648795, 0.008333333333319589
C6, C7, C8 = 0.0013888888952352863, 0.00019841269890076403, 2.4801485441561313e-05
C9, C10, C11 = 2.755724088722987e-06, 2.763265472252779e-07, 2.5110049204818658e-08

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    # Not "reassoc": it would cancel the addition and subtraction of ROUNDER. Not "nnan" or "ninf": Q may be -inf.
    "fastmath": {"contract", "nsz", "arcp"},
}


def soft_sweep(
    transition: sp.csr_array,
    reward: FloatArray,
    value: FloatArray,
    discount: float,
    rationality: float,
    policy: FloatArray | None = None,
    n_successors: int | None = None,
) -> FloatArray:
    """``T V`` of the soft operator, and the soft policy where an array is given for it.

    Args:
        transition: P, CSR ``(S * A, S)``.
        reward: ``(S, A)``, contiguous; -inf marks a pair that is not available. A state with no pair gets
            -inf.
        value: ``(S,)``, finite.
        discount: gamma.
        rationality: beta.
        policy: ``(S, A)`` to be filled, or None.
        n_successors: ``uniform_successors(transition)`` where it is known already.
    """
    S, A = reward.shape
    out = np.empty(S)
    pi = np.empty(0) if policy is None else policy.reshape(-1)
    P = transition
    K = uniform_successors(P) if n_successors is None else n_successors
    kernel = _soft_kernel(K, A if K and A <= LARGEST_UNIFORM else 0)
    kernel(P.data, P.indices, P.indptr, reward.reshape(-1), A, value, discount, rationality, out, pi)
    return out


def hard_sweep(
    transition: sp.csr_array,
    reward: FloatArray,
    value: FloatArray,
    discount: float,
    n_successors: int | None = None,
) -> tuple[FloatArray, np.ndarray]:
    """``(T V, best action)`` of the hard operator; arguments as ``soft_sweep``; ties go to the lowest
    index.
    """
    S, A = reward.shape
    out, best = np.empty(S), np.empty(S, dtype=np.int32)
    P = transition
    K = uniform_successors(P) if n_successors is None else n_successors
    kernel = _hard_kernel(K, A if K and A <= LARGEST_UNIFORM else 0)
    kernel(P.data, P.indices, P.indptr, reward.reshape(-1), A, value, discount, out, best)
    return out, best


def policy_product(chain: sp.csr_array, x: FloatArray, scale: float, add: FloatArray | None) -> FloatArray:
    """``add + scale * chain @ x`` for ``(S, K)`` arrays, in one pass; ``add`` None stands for zeros.

    With ``scale = gamma`` and ``add = b`` it is one sweep ``X <- b + gamma P_pi X`` of all derivatives; with
    ``scale = -gamma`` and ``add = x`` the product with ``I - gamma P_pi``.
    """
    out = np.empty_like(x)
    _product_kernel(x.shape[1])(
        chain.data, chain.indices, chain.indptr, x, scale, x if add is None else add, add is not None, out
    )
    return out


def exp_below(x: FloatArray) -> FloatArray:
    """The kernel's exp of non-positive numbers, for tests."""
    out, t = np.array(x), np.empty(x.size)
    _exp_kernel(out, np.zeros(x.size), 1.0, out.view(np.int64), t, t.view(np.int64), x.size)
    return out


def log_above(x: FloatArray) -> FloatArray:
    """The kernel's log of positive normal numbers, for tests."""
    out = np.array(x)
    _log_kernel(out, out.view(np.int64), np.empty(x.size, dtype=np.int64), x.size)
    return out


def uniform_successors(transition: sp.csr_array) -> int:
    """The number of successors of every row where it is one and the same (and small), else 0."""
    rows, entries = transition.shape[0], int(transition.indptr[-1])
    K = entries // max(rows, 1)
    if not 1 <= K <= LARGEST_UNIFORM or K * rows != entries:
        return 0
    return K if bool(np.all(np.diff(transition.indptr) == K)) else 0


def compiled(function: Callable[..., Any]) -> Kernel:
    """The function compiled by numba, without the wrapper that run-time type checks put around it in tests."""
    plain = inspect.unwrap(function)
    try:
        return cast("Kernel", numba.njit(cache=True, **OPTIONS)(plain))
    except RuntimeError:  # neither the installation nor the user's cache can be written: compile each time
        return cast("Kernel", numba.njit(**OPTIONS)(plain))


def _exp_block(
    q: FloatArray, top: FloatArray, beta: float, q_bits: Any, t: FloatArray, t_bits: Any, n: int
) -> None:
    """``q[:n] = exp(beta (q - top))[:n]`` in place; ``q_bits`` and ``t_bits`` are int64 views of ``q`` and
    ``t``.
    """
    for i in range(n):
        x = (q[i] - top[i]) * beta
        inside = x >= LOWEST  # False for NaN too, which is -inf - -inf
        v = x if inside else LOWEST
        shifted = v * LOG2_E + ROUNDER
        whole = shifted - ROUNDER
        y = (v - whole * LOG_2_HIGH) - whole * LOG_2_LOW
        y2 = y * y
        y4 = y2 * y2
        low = (1.0 + y) + (C2 + C3 * y) * y2
        mid = (C4 + C5 * y) + (C6 + C7 * y) * y2
        high = (C8 + C9 * y) + (C10 + C11 * y) * y2
        q[i] = low + (mid + high * y4) * y4 if inside else 0.0
        t[i] = shifted if inside else ROUNDER
    for i in range(n):
        q_bits[i] += t_bits[i] << 52


def _log_block(m: FloatArray, m_bits: Any, t_bits: Any, n: int) -> None:
    """``m[:n] = log(m[:n])`` in place; ``t_bits`` is int64 work space."""
    for i in range(n):
        t_bits[i] = (m_bits[i] - SQRT_HALF_BITS) >> 52
    for i in range(n):
        m_bits[i] -= t_bits[i] << 52
    for i in range(n):
        f = (m[i] - 1.0) / (m[i] + 1.0)
        w = f * f
        w2 = w * w
        w4 = w2 * w2
        low = (2.0 + w * (2.0 / 3.0)) + (2.0 / 5.0 + w * (2.0 / 7.0)) * w2
        mid = (2.0 / 9.0 + w * (2.0 / 11.0)) + (2.0 / 13.0 + w * (2.0 / 15.0)) * w2
        high = 2.0 / 17.0 + w * (2.0 / 19.0)
        m[i] = f * (low + (mid + high * w4) * w4) + t_bits[i] * LOG_2


_exp_kernel = compiled(_exp_block)
_log_kernel = compiled(_log_block)


@cache
def _soft_kernel(K: int, fixed_actions: int) -> Kernel:
    def kernel(
        p: FloatArray,
        successor: Any,
        pointer: Any,
        reward: FloatArray,
        n_actions: int,
        V: FloatArray,
        gamma: float,
        beta: float,
        out: FloatArray,
        pi: FloatArray,
    ) -> None:
        S = out.size
        A = fixed_actions if fixed_actions else n_actions
        B = min(max(BLOCK_ENTRIES // A, 16), max(S, 1))
        q, t = np.empty((A, B)), np.empty(B)
        top, total = np.empty(B), np.empty(B)
        t_bits, total_bits, q_bits = t.view(np.int64), total.view(np.int64), q.view(np.int64)
        for first in range(0, S, B):
            n = min(B, S - first)
            for i in range(n):
                for a in range(A):
                    row = (first + i) * A + a
                    expected = 0.0
                    if K:
                        for k in range(row * K, row * K + K):
                            expected += p[k] * V[successor[k]]
                    else:
                        for k in range(pointer[row], pointer[row + 1]):
                            expected += p[k] * V[successor[k]]
                    q[a, i] = reward[row] + gamma * expected
            for i in range(n):
                top[i] = q[0, i]
            for a in range(1, A):
                for i in range(n):
                    top[i] = max(top[i], q[a, i])
            for i in range(n):
                total[i] = 0.0
            for a in range(A):
                _exp_kernel(q[a], top, beta, q_bits[a], t, t_bits, n)
                for i in range(n):
                    total[i] += q[a, i]
            if pi.size:
                for i in range(n):
                    scale = 1.0 / total[i] if total[i] > 0.0 else 0.0
                    for a in range(A):
                        pi[(first + i) * A + a] = q[a, i] * scale
            _log_kernel(total, total_bits, t_bits, n)
            for i in range(n):
                out[first + i] = top[i] + total[i] / beta

    return compiled(kernel)


@cache
def _hard_kernel(K: int, fixed_actions: int) -> Kernel:
    def kernel(
        p: FloatArray,
        successor: Any,
        pointer: Any,
        reward: FloatArray,
        n_actions: int,
        V: FloatArray,
        gamma: float,
        out: FloatArray,
        best: Any,
    ) -> None:
        S = out.size
        A = fixed_actions if fixed_actions else n_actions
        B = min(max(BLOCK_ENTRIES // A, 16), max(S, 1))
        q, top, choice = np.empty((A, B)), np.empty(B), np.empty(B)
        for first in range(0, S, B):
            n = min(B, S - first)
            for i in range(n):
                for a in range(A):
                    row = (first + i) * A + a
                    expected = 0.0
                    if K:
                        for k in range(row * K, row * K + K):
                            expected += p[k] * V[successor[k]]
                    else:
                        for k in range(pointer[row], pointer[row + 1]):
                            expected += p[k] * V[successor[k]]
                    q[a, i] = reward[row] + gamma * expected
            for i in range(n):
                top[i], choice[i] = q[0, i], 0.0
            for a in range(1, A):
                for i in range(n):  # no branch, since its outcome could not be predicted
                    choice[i] = a if q[a, i] > top[i] else choice[i]
                    top[i] = max(top[i], q[a, i])
            for i in range(n):
                out[first + i], best[first + i] = top[i], np.int32(choice[i])

    return compiled(kernel)


@cache
def _product_kernel(columns: int) -> Kernel:
    def kernel(
        p: FloatArray,
        successor: Any,
        pointer: Any,
        x: FloatArray,
        scale: float,
        b: FloatArray,
        add: bool,
        out: FloatArray,
    ) -> None:
        S = out.shape[0]
        total = np.empty(columns)
        for s in range(S):
            for k in range(columns):
                total[k] = 0.0
            for j in range(pointer[s], pointer[s + 1]):
                weight, row = p[j], successor[j]
                for k in range(columns):
                    total[k] += weight * x[row, k]
            if add:
                for k in range(columns):
                    out[s, k] = b[s, k] + scale * total[k]
            else:
                for k in range(columns):
                    out[s, k] = scale * total[k]

    return compiled(kernel)
