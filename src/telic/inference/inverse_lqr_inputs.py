"""What ``inverse_lqr`` is given, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from telic.errors import SettingsError
from telic.typing import FloatArray

__all__ = ["check_covariances", "checked_gain", "cost_basis", "structure_word"]

NEGATIVE = 1e-9
"""Smallest eigenvalue of a covariance, relative to its largest entry, that rounding can leave negative."""


def cost_basis(
    structure: str | Mapping[str, ArrayLike], n: int, state_names: Sequence[str]
) -> tuple[tuple[str, ...], list[FloatArray]]:
    """Names of the weights, and the matrices they multiply."""
    labels = tuple(state_names) or tuple(f"x{i}" for i in range(n))
    if len(labels) != n or len(set(labels)) != n:
        raise SettingsError(
            f"`state_names` must be {n} distinct names, got {labels}.", hint="One for each state, in order."
        )
    unit = np.eye(n)
    if structure == "diagonal":
        return tuple(f"{x}^2" for x in labels), [np.outer(e, e) for e in unit]
    if structure == "full":
        pairs = [(i, j) for i in range(n) for j in range(i, n)]
        names = tuple(f"{labels[i]}^2" if i == j else f"{labels[i]} {labels[j]}" for i, j in pairs)
        basis = [
            np.outer(unit[i], unit[j]) + (np.outer(unit[j], unit[i]) if i != j else 0.0) for i, j in pairs
        ]
        return names, basis
    if isinstance(structure, str) or not structure:
        raise SettingsError(
            f"`structure` must be 'diagonal', 'full' or named matrices, got {structure!r}.",
            hint="For example {'speed': np.diag([0, 1])}.",
        )
    matrices = []
    for name, given in structure.items():
        matrix = np.atleast_2d(np.asarray(given, dtype=np.float64))
        if matrix.shape != (n, n) or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            raise SettingsError(
                f"`structure[{name!r}]` must be a finite symmetric matrix of shape ({n}, {n}), got shape "
                f"{matrix.shape}.",
                hint="Its weight multiplies x' M x.",
            )
        matrices.append(matrix)
    return tuple(structure), matrices


def checked_gain(given: ArrayLike, shape: tuple[int, int], *, is_data: bool) -> FloatArray:
    """The gain as a matrix that fits the dynamics."""
    K = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if K.shape != shape:
        what = "`states` and `controls` show a gain" if is_data else "`gain` must be"
        raise SettingsError(
            f"{what} of shape {K.shape}; the dynamics have {shape[1]} states and {shape[0]} controls."
            if is_data
            else f"`gain` must have shape {shape} (controls, states), got {K.shape}.",
            hint="u = -K x.",
        )
    if not is_data and not np.isfinite(K).all():
        raise SettingsError("`gain` must be finite.", hint="Estimate it from states and controls.")
    return K


def check_covariances(covariances: Mapping[str, FloatArray], size: int) -> None:
    """Refuses what is no covariance of the entries of a gain."""
    for C in covariances.values():
        ok = C.shape == (size, size) and np.isfinite(C).all() and np.allclose(C, C.T)
        if not ok or np.linalg.eigvalsh(C)[0] < -NEGATIVE * np.abs(C).max() or not C.any():
            raise SettingsError(
                f"`gain_covariance` must be a finite symmetric matrix of shape ({size}, {size}), positive "
                f"semidefinite and not 0, got shape {C.shape}.",
                hint="Of the entries of K, row by row; leave it out for an exact gain.",
            )


def structure_word(structure: str | Mapping[str, ArrayLike]) -> str:
    """The structure in a word."""
    return structure if isinstance(structure, str) else "given matrices"
