"""Null directions of the weights, found from triangular factors and told in the words of the features.

A feature whose own direction is null cannot be told at all. The rest of the null space falls apart into
groups of features that only move together; a group of g features with g - 1 null directions is told through
one combination ("a and b only through their sum"); any other group is described by what can be added without
changing a choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from telic.rewards import describe_direction
from telic.typing import BoolArray, FloatArray

from .uncertainty import tidy_rows
from .wording import join_words

__all__ = ["null_rows", "null_words"]

NULL_SINGULAR = 1e-9
"""Singular value, with columns scaled to length 1, below which a direction is null."""

NOISE_MARGIN = 100.0
"""How many times the estimated rounding a singular value must exceed to count."""


def null_rows(
    factor: Float[np.ndarray, "rows K"], magnitude: Float[np.ndarray, "K"], *, n_rows: int, noise: float
) -> tuple[FloatArray, FloatArray]:
    """The null directions of ``D`` from a factor with ``R'R = D'D``, whatever the units of the features.

    Args:
        factor: R, or several of them on top of each other.
        magnitude: size of the numbers that D is a difference of, by column.
        n_rows: rows of D.
        noise: relative rounding in these numbers.

    Returns:
        ``(nullity, K)`` orthonormal rows, each naming as few features as it can; and the singular values of D
        with its columns scaled to length 1, falling (0 for columns that are rounding).
    """
    K = factor.shape[1]
    rounding = noise * magnitude * np.sqrt(max(n_rows, 1))
    size = np.linalg.norm(factor, axis=0)
    live = size > NOISE_MARGIN * rounding
    spectrum = np.zeros(K)
    rows = [np.eye(K)[~live]]
    scale = np.where(live, size, 1.0)
    if live.any():
        _, sigma, vt = np.linalg.svd(factor[:, live] / size[live], full_matrices=False)
        vt = np.concatenate([vt, np.zeros((max(0, int(live.sum()) - len(vt)), int(live.sum())))])
        spectrum[: len(sigma)] = sigma
        slack = np.linalg.norm(vt[: len(sigma)] * (rounding / np.where(size > 0, size, 1.0))[live], axis=1)
        null = sigma <= np.maximum(NULL_SINGULAR, NOISE_MARGIN * slack)
        if null.any():
            found = np.zeros((int(null.sum()), K))
            found[:, live] = vt[: len(sigma)][null]
            rows.append(found)
    return tidy_rows(np.concatenate(rows), scale), spectrum


def null_words(
    names: Sequence[str],
    directions: Float[np.ndarray, "nullity K"],
    *,
    is_constant: BoolArray | None = None,
    differs_by_action: BoolArray | None = None,
) -> tuple[str, ...]:
    """What cannot be told, one sentence for each group of features that move together.

    Args:
        names: K names.
        directions: rows that span the null space, in the reduced form of `tidy_rows`: 0 exactly where a
            feature plays no part.
        is_constant: ``(K,)``: the feature is the same everywhere; None: not known.
        differs_by_action: ``(K,)``: the feature itself differs between actions; None: not known.
    """
    if not len(directions):
        return ()
    part = directions != 0.0
    single = part.sum(axis=1) == 1
    out = []
    for k in np.flatnonzero(part[single].any(axis=0)).tolist():
        if is_constant is not None and is_constant[k]:
            why = "it is the same whatever is done"
        elif differs_by_action is not None and differs_by_action[k]:
            why = "what an action changes in it is undone later"
        else:
            why = "no action changes it"
        out.append(f"{names[k]}: {why}, so its value cannot be told.")
    for group in _groups(part[~single]):
        rows = directions[~single][part[~single][:, group].any(axis=1)][:, group]
        out.append(_group_words([names[k] for k in group], rows))
    return tuple(out)


def _groups(part: BoolArray) -> list[list[int]]:
    """Features that take part in the same directions, directly or through others."""
    together = sparse.csr_array(part.T.astype(np.int64) @ part.astype(np.int64))
    _, label = connected_components(together, directed=False)
    groups: dict[int, list[int]] = {}
    for k in np.flatnonzero(part.any(axis=0)).tolist():
        groups.setdefault(int(label[k]), []).append(k)
    return list(groups.values())


def _group_words(names: list[str], part: FloatArray) -> str:
    """One group; ``part`` are the orthonormal rows that span its null space, ``(rank, its features)``."""
    rank = len(part)
    U = np.linalg.svd(part.T, full_matrices=True)[0]
    told = U[:, rank:]
    listed = join_words(names)
    if told.shape[1] == 1:
        c = told[:, 0] / told[np.argmax(np.abs(told[:, 0])), 0]
        if np.allclose(c, 1.0, atol=1e-6):
            return f"{listed} only through the sum of their weights."
        if len(names) == 2 and np.allclose(c.sum(), 0.0, atol=1e-6):
            return f"{listed} only through the difference of their weights."
        return f"{listed} only through the combination {describe_direction(names, c)} of their weights."
    if rank == 1:
        v = U[:, 0] / U[np.argmax(np.abs(U[:, 0])), 0]
        if np.allclose(v, 1.0, atol=1e-6):
            return (
                f"{listed} only through differences: the same amount added to each weight changes no choice."
            )
        return (
            f"{listed}: adding any amount of {describe_direction(names, v)} to the weights changes no choice."
        )
    shown = "; ".join(describe_direction(names, U[:, i]) for i in range(rank))
    return f"{listed}: adding any amount of these to the weights changes no choice: {shown}."
