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

from telic.rewards import describe_direction
from telic.typing import BoolArray, FloatArray

from .uncertainty import tidy_rows
from .wording import join_words

__all__ = ["null_rows", "null_words"]

NULL_SINGULAR = 1e-9
"""Singular value, with columns scaled to length 1, below which a direction is null."""

NOISE_MARGIN = 100.0
"""How many times the estimated rounding a singular value must exceed to count."""

COMPONENT = 1e-6
"""Coefficients of a unit-norm direction below this are rounding."""


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
    if live.any():
        _, sigma, vt = np.linalg.svd(factor[:, live] / size[live], full_matrices=False)
        vt = np.concatenate([vt, np.zeros((max(0, int(live.sum()) - len(vt)), int(live.sum())))])
        spectrum[: len(sigma)] = sigma
        slack = np.linalg.norm(vt[: len(sigma)] * (rounding / np.where(size > 0, size, 1.0))[live], axis=1)
        null = sigma <= np.maximum(NULL_SINGULAR, NOISE_MARGIN * slack)
        if null.any():
            found = np.zeros((int(null.sum()), K))
            found[:, live] = vt[: len(sigma)][null] / size[live]
            rows.append(found / np.linalg.norm(found, axis=1, keepdims=True))
    joined = np.concatenate(rows)
    return (tidy_rows(joined) if len(joined) else np.zeros((0, K))), spectrum


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
        directions: rows that span the null space.
        is_constant: ``(K,)``: the feature is the same everywhere; None: not known.
        differs_by_action: ``(K,)``: the feature itself differs between actions; None: not known.
    """
    if not len(directions):
        return ()
    space = np.linalg.qr(directions.T)[0]
    alone = np.linalg.norm(space, axis=1) > 1.0 - COMPONENT
    out = []
    for k in np.flatnonzero(alone).tolist():
        if is_constant is not None and is_constant[k]:
            why = "it is the same whatever is done"
        elif differs_by_action is not None and differs_by_action[k]:
            why = "what an action changes in it is undone later"
        else:
            why = "no action changes it"
        out.append(f"{names[k]}: {why}, so its value cannot be told.")
    rest = space.copy()
    rest[alone] = 0.0
    U, s, _ = np.linalg.svd(rest, full_matrices=False)
    U = U[:, s > 0.5]
    for group in _groups(U @ U.T):
        out.append(_group_words([names[k] for k in group], U[group]))
    return tuple(out)


def _groups(projector: FloatArray) -> list[list[int]]:
    """Connected features: those whose null components depend on each other."""
    K = len(projector)
    left = [k for k in range(K) if projector[k, k] > COMPONENT]
    groups = []
    while left:
        group, frontier = [], [left[0]]
        while frontier:
            k = frontier.pop()
            if k in group:
                continue
            group.append(k)
            frontier += [j for j in left if j not in group and abs(projector[k, j]) > COMPONENT]
        left = [k for k in left if k not in group]
        groups.append(sorted(group))
    return groups


def _group_words(names: list[str], part: FloatArray) -> str:
    """One group; ``part`` spans its null space, ``(features of the group, any)``."""
    U, s, _ = np.linalg.svd(part, full_matrices=True)
    rank = int((s > COMPONENT).sum())
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
