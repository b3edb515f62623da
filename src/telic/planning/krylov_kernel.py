"""BiCGSTAB on several right-hand sides at once, compiled, with every pass over memory fused.

Written with whole-array operations the method makes some thirty passes over vectors for each product with the
matrix; here it makes five, and each accumulates the inner products that the next needs (van der Vorst 1992;
the rows are scaled by the diagonal, which is Jacobi preconditioning from the left). Columns share nothing but
the walk through the matrix: each has its own scalars and stops moving once it is done.

Reference: van der Vorst (1992), Bi-CGSTAB, SIAM J. Sci. Stat. Comput. 13, 631-644.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.typing import FloatArray

from .kernels import compiled
from .krylov import KrylovSystem

__all__ = ["bicgstab"]


def bicgstab(
    system: KrylovSystem,
    transposed: bool,
    x: FloatArray,
    residual: FloatArray,
    targets: FloatArray,
    max_iterations: int,
) -> int:
    """Moves ``x`` towards the solution of ``(I - gamma P_pi) x = b`` (or its transpose), in place.

    Args:
        system: the system.
        transposed: solve the transposed system.
        x: ``(S, K)`` first guess, overwritten; K is 4 or 8.
        residual: ``(S, K)`` residual of the guess, overwritten.
        targets: ``(K,)`` largest entry of the residual of each column at which it stops.
        max_iterations: limit.

    Returns:
        The number of iterations (two products each).
    """
    S, K = x.shape
    assert K in (4, 8)
    chain = system.chain
    # The length of the tuple is a constant to the compiler, which unrolls the loops over columns.
    return int(
        _bicgstab(
            chain.data,
            chain.indices,
            chain.indptr,
            system.discount,
            system.inverse,
            transposed,
            (0,) * K,
            x,
            residual,
            np.empty((4, S, K)),
            targets,
            max_iterations,
        )
    )


def _product(
    p: FloatArray,
    successor: Any,
    pointer: Any,
    gamma: float,
    inverse: FloatArray,
    transposed: bool,
    token: tuple[int, ...],
    x: FloatArray,
    out: FloatArray,
) -> None:
    """``out = D^-1 (x - gamma chain x)``, or with the transpose of the chain."""
    S, columns = x.shape[0], len(token)
    if transposed:
        for s in range(S):
            for c in range(columns):
                out[s, c] = x[s, c]
        for s in range(S):
            for j in range(pointer[s], pointer[s + 1]):
                weight, row = gamma * p[j], successor[j]
                for c in range(columns):
                    out[row, c] -= weight * x[s, c]
        for s in range(S):
            for c in range(columns):
                out[s, c] *= inverse[s]
        return
    for s in range(S):
        # Sums in scalars stay in registers; in an array each addition would wait for the last one's store.
        t0, t1, t2, t3, t4, t5, t6, t7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(pointer[s], pointer[s + 1]):
            weight, row = p[j], successor[j]
            t0 += weight * x[row, 0]
            t1 += weight * x[row, 1]
            t2 += weight * x[row, 2]
            t3 += weight * x[row, 3]
            if columns == 8:
                t4 += weight * x[row, 4]
                t5 += weight * x[row, 5]
                t6 += weight * x[row, 6]
                t7 += weight * x[row, 7]
        w = inverse[s]
        out[s, 0] = (x[s, 0] - gamma * t0) * w
        out[s, 1] = (x[s, 1] - gamma * t1) * w
        out[s, 2] = (x[s, 2] - gamma * t2) * w
        out[s, 3] = (x[s, 3] - gamma * t3) * w
        if columns == 8:
            out[s, 4] = (x[s, 4] - gamma * t4) * w
            out[s, 5] = (x[s, 5] - gamma * t5) * w
            out[s, 6] = (x[s, 6] - gamma * t6) * w
            out[s, 7] = (x[s, 7] - gamma * t7) * w


_multiply = compiled(_product)


def _iterate(
    p: FloatArray,
    successor: Any,
    pointer: Any,
    gamma: float,
    inverse: FloatArray,
    transposed: bool,
    token: tuple[int, ...],
    x: FloatArray,
    r: FloatArray,
    work: FloatArray,
    targets: FloatArray,
    max_iterations: int,
) -> int:
    S, columns = x.shape[0], len(token)
    shadow, direction, v, t = work[0], work[1], work[2], work[3]
    rho, alpha, omega, beta = np.zeros(columns), np.zeros(columns), np.zeros(columns), np.zeros(columns)
    dot1, dot2, largest = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for s in range(S):
        for c in range(columns):
            r[s, c] *= inverse[s]
            shadow[s, c] = r[s, c]
            direction[s, c] = r[s, c]
            v[s, c] = 0.0
            rho[c] += r[s, c] * r[s, c]
    iterations = 0
    for _ in range(max_iterations):
        iterations += 1
        _multiply(p, successor, pointer, gamma, inverse, transposed, token, direction, v)
        dot1[:] = 0.0
        for s in range(S):
            for c in range(columns):
                dot1[c] += shadow[s, c] * v[s, c]
        for c in range(columns):
            alpha[c] = rho[c] / dot1[c] if dot1[c] != 0.0 else 0.0
        for s in range(S):
            for c in range(columns):
                r[s, c] -= alpha[c] * v[s, c]
        _multiply(p, successor, pointer, gamma, inverse, transposed, token, r, t)
        dot1[:] = 0.0
        dot2[:] = 0.0
        for s in range(S):
            for c in range(columns):
                dot1[c] += t[s, c] * r[s, c]
                dot2[c] += t[s, c] * t[s, c]
        for c in range(columns):
            omega[c] = dot1[c] / dot2[c] if dot2[c] != 0.0 else 0.0
        dot1[:] = 0.0
        largest[:] = 0.0
        for s in range(S):
            for c in range(columns):
                x[s, c] += alpha[c] * direction[s, c] + omega[c] * r[s, c]
                new = r[s, c] - omega[c] * t[s, c]
                r[s, c] = new
                dot1[c] += shadow[s, c] * new
                largest[c] = max(largest[c], abs(new) / inverse[s])
        moving = False
        for c in range(columns):
            if not (largest[c] <= targets[c]):
                moving = True
            scale = rho[c] * omega[c]
            beta[c] = dot1[c] * alpha[c] / scale if scale != 0.0 else 0.0
            rho[c] = dot1[c]
            if not np.isfinite(largest[c]):
                return iterations
        if not moving:
            break
        for s in range(S):
            for c in range(columns):
                direction[s, c] = r[s, c] + beta[c] * (direction[s, c] - omega[c] * v[s, c])
    return iterations


_bicgstab = compiled(_iterate)
