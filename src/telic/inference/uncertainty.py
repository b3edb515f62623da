"""What the decisions cannot tell, and covariances of what they can, of four kinds.

A direction v of the weights is null when no choice probability of a visited state changes along it, to
first order: the expected information has ``F v = 0``. Null directions are looked for in correlation form,
so the units of the features do not matter, and must be null both at the start and at the end of a fit: a
direction that only becomes flat at the end is a saturated weight, not an unidentified one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telic.typing import FloatArray

__all__ = ["complement", "covariances", "null_space", "project_out"]

NULL_EIGENVALUE = 1e-9
"""Eigenvalue of the information in correlation form below which a direction is null; rounding leaves
about 1e-15.
"""

ROUNDED_COMPONENT = 1e-6
"""Component of a null direction, relative to its largest and in units in which the features are of one size,
below which it is rounding.
"""

SHARED_ROUNDING = 1e-14
"""Cosine of two null directions below which they are orthogonal already."""


def null_space(information: FloatArray, floor: FloatArray) -> FloatArray:
    """``(nullity, P)`` orthonormal rows that span the null directions of an information matrix.

    Args:
        information: ``(P, P)`` expected information.
        floor: ``(P,)`` information that rounding alone can leave of each weight.
    """
    diagonal = np.diag(information)
    dead = diagonal <= floor
    s = np.where(dead, 1.0, np.sqrt(np.maximum(diagonal, 1e-300)))
    C = information / np.outer(s, s)
    C[dead, :] = 0.0
    C[:, dead] = 0.0
    mu, U = np.linalg.eigh(C)
    return tidy_rows(U[:, mu <= NULL_EIGENVALUE].T, s)


def tidy_rows(scaled: FloatArray, size: FloatArray) -> FloatArray:
    """Orthonormal rows in reduced form, so that each names as few weights as it can.

    Which components are rounding is judged on the scaled rows, where the units of the features have dropped
    out; these are 0 exactly in what is returned, and every other component counts, however small its unit
    makes it.

    Args:
        scaled: ``(nullity, P)`` rows that span the null directions of ``size * weights``.
        size: ``(P,)`` size of each feature.
    """
    if not len(scaled):
        return np.zeros((0, len(size)))
    R = scaled.copy()
    used: list[int] = []
    for i in range(len(R)):
        candidates = np.abs(R[i:]).copy()
        candidates[:, used] = 0.0
        j, k = divmod(int(np.argmax(candidates)), candidates.shape[1])
        R[[i, i + j]] = R[[i + j, i]]
        R[i] /= R[i, k]
        for other in range(len(R)):
            if other != i:
                R[other] -= R[other, k] * R[i]
        used.append(k)
    R[np.abs(R) < ROUNDED_COMPONENT * np.abs(R).max(axis=1, keepdims=True)] = 0.0
    R = R / size
    out: list[FloatArray] = []
    for first in R / np.linalg.norm(R, axis=1, keepdims=True):  # Gram-Schmidt, twice for rounding
        row = np.asarray(first)
        for _ in range(2):
            for done in out:
                shared = row @ done
                if abs(shared) > SHARED_ROUNDING * np.linalg.norm(row):
                    row = row - shared * done
        out.append(row / np.linalg.norm(row))
    Q = np.array(out)
    signs = np.sign(Q[np.arange(len(Q)), np.abs(Q).argmax(axis=1)])
    return np.asarray(Q * signs[:, None])


def complement(null_directions: FloatArray) -> FloatArray:
    """``(P, P - nullity)`` orthonormal columns of the identified subspace."""
    nullity, P = null_directions.shape
    if not nullity:
        return np.eye(P)
    _, _, vt = np.linalg.svd(null_directions, full_matrices=True)
    return np.asarray(vt[nullity:].T)


def project_out(vector: FloatArray, null_directions: FloatArray) -> FloatArray:
    """The vector without its components along the null directions."""
    if not len(null_directions):
        return vector
    return np.asarray(vector - null_directions.T @ (null_directions @ vector))


def covariances(
    curvature: FloatArray,
    information_rule: Mapping[str, FloatArray],
    penalty: float,
    null_directions: FloatArray,
) -> tuple[dict[str, FloatArray], list[str]]:
    """Covariances of the identified part by kind, and the kinds that could not be made.

    Args:
        curvature: ``(P, P)`` minus the Hessian of what was maximised (A).
        information_rule: ``"outer_product"`` to the sum over decisions of outer products of scores (B), and
            ``"sandwich_clustered"`` to the same over trajectories (C); a missing key leaves its kinds out.
        penalty: second derivative of the squared penalty, added to B where B alone is inverted.
        null_directions: ``(nullity, P)``.
    """
    Z = complement(null_directions)
    bread = _inverse(Z.T @ curvature @ Z)
    out: dict[str, FloatArray] = {}
    failed: list[str] = []
    if bread is None:
        failed += ["hessian", "sandwich", "sandwich_clustered"]
    else:
        out["hessian"] = Z @ bread @ Z.T
    B = information_rule.get("outer_product")
    if B is not None:
        B_Z = Z.T @ B @ Z
        inverse = _inverse(B_Z + penalty * np.eye(len(B_Z)))
        if inverse is None:
            failed.append("outer_product")
        else:
            out["outer_product"] = Z @ inverse @ Z.T
        if bread is not None:
            out["sandwich"] = Z @ (bread @ B_Z @ bread) @ Z.T
    C = information_rule.get("sandwich_clustered")
    if C is not None and bread is not None:
        out["sandwich_clustered"] = Z @ (bread @ (Z.T @ C @ Z) @ bread) @ Z.T
    return {kind: (m + m.T) / 2 for kind, m in out.items()}, failed


def _inverse(matrix: FloatArray) -> FloatArray | None:
    """The inverse of a positive definite matrix of badly scaled variables, or None where it is not one."""
    if not len(matrix):
        return matrix
    diagonal = np.diag(matrix)
    if not np.all(np.isfinite(matrix)) or np.any(diagonal <= 0):
        return None
    s = np.sqrt(diagonal)
    try:
        L = np.linalg.cholesky(matrix / np.outer(s, s))
    except np.linalg.LinAlgError:
        return None
    half = np.linalg.solve(L, np.diag(1.0 / s))
    return np.asarray(half.T @ half)
