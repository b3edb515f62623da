"""How far two ways to run one policy are apart, and whether they act alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from telic.errors import DataError
from telic.typing import BoolArray

from .heads import CategoricalHead, GaussianHead, Head, MultiCategoricalHead

__all__ = ["PolicyEquality", "compare_outputs", "near_ties"]


@dataclass(frozen=True, kw_only=True)
class PolicyEquality:
    """What was compared, and what came of it.

    Attributes:
        n: observations.
        largest_difference: of any output.
        largest_mode_difference: of any amount, where actions are amounts; else 0.
        n_different: observations at which the most probable alternatives differ although no tie explains it.
        ties: observations (the first 100) at which the best two alternatives of a choice are nearer than
            twice the largest difference, so that rounding decides between them.
        n_ties: of them in all.
    """

    n: int
    largest_difference: float
    largest_mode_difference: float
    n_different: int
    ties: tuple[int, ...]
    n_ties: int

    def is_within(self, tolerance: float) -> bool:
        """Whether outputs and amounts differ by at most ``tolerance`` and alternatives only where tied."""
        return (
            self.n_different == 0 and max(self.largest_difference, self.largest_mode_difference) <= tolerance
        )


def compare_outputs(
    head: Head,
    first: Float[np.ndarray, "n K"],
    second: Float[np.ndarray, "n K"],
    first_modes: Num[np.ndarray, "n ..."],
    second_modes: Num[np.ndarray, "n ..."],
    *,
    tied: BoolArray | None = None,
) -> PolicyEquality:
    """How far the outputs of two runs, and what they would do, are apart.

    Args:
        head: what the outputs mean.
        first: outputs of one run.
        second: outputs of the other, in the same order.
        first_modes: most probable actions of one run.
        second_modes: of the other.
        tied: ``(n,)`` observations known to be tied besides those that the outputs show.

    Raises:
        DataError: there is nothing to compare, or not as much on both sides.
    """
    if first.shape != second.shape or first_modes.shape != second_modes.shape or not len(first):
        raise DataError(
            "Both runs must have answered the same observations, got outputs of shapes"
            f" {first.shape} and {second.shape} and actions of shapes {first_modes.shape} and {second_modes.shape}.",
            hint="Run both on the same observations, at least one.",
        )
    a, b = first.astype(np.float64), second.astype(np.float64)
    largest = float(np.max(np.abs(a - b)))
    tied = np.zeros(len(a), dtype=bool) if tied is None else tied.copy()
    tied |= near_ties(head, a, 2.0 * largest)
    gap = (
        np.abs(first_modes.astype(np.float64) - second_modes.astype(np.float64))
        .reshape(len(a), -1)
        .max(axis=1)
    )
    if isinstance(head, GaussianHead):
        different, amounts = np.zeros(len(a), dtype=bool), gap[~tied]
    else:
        different, amounts = (gap > 0) & ~tied, np.zeros(0)
    return PolicyEquality(
        n=len(a),
        largest_difference=largest,
        largest_mode_difference=float(amounts.max(initial=0.0)),
        n_different=int(np.sum(different)),
        ties=tuple(np.flatnonzero(tied)[:100].tolist()),
        n_ties=int(np.sum(tied)),
    )


def near_ties(head: Head, outputs: Float[np.ndarray, "n K"], margin: float) -> BoolArray:
    """``(n,)`` whether the best alternative of some choice leads the second best by at most ``margin``."""
    tied: BoolArray = np.zeros(len(outputs), dtype=bool)
    for part in _choices(head, outputs):
        tied |= _margin(part) <= margin
    return tied


def _choices(head: Head, outputs: np.ndarray) -> list[np.ndarray]:
    """Log-odds of each choice that the mode makes."""
    if isinstance(head, CategoricalHead):
        return [outputs]
    if isinstance(head, MultiCategoricalHead):
        return np.split(outputs, np.cumsum(head.counts)[:-1].tolist(), axis=-1)
    return [outputs[:, : head.n_components]] if head.n_components > 1 else []


def _margin(log_odds: np.ndarray) -> np.ndarray:
    """By how much the best leads the second best."""
    top = np.sort(log_odds, axis=-1)
    return np.asarray(top[:, -1] - top[:, -2])
