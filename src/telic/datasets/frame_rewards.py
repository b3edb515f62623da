"""A reward and its standard deviation at single frames, from the weights, their covariance and what nobody can tell.

At a frame with features ``phi`` (a row of K) the reward is ``phi @ theta`` and its variance ``phi @ C @ phi``, with C
the covariance of the weights. Two things are never made up: a frame whose state was not among the fitted decisions has
no reward, and where ``phi`` leans on a direction of the weights that the data do not tell, the standard deviation is
not known (it has no bound), though the reward, which the gauge picked, is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DataError
from telic.rewards import RewardEstimate
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["FrameRewards", "frame_rewards"]

UNTOLD = 1e-9
"""Length of ``phi`` along an untold direction, relative to all of ``phi``, below which it is rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameRewards:
    """Rewards of frames.

    Attributes:
        index: ``(m,)`` number of each frame in the dataset (column ``index``), rising.
        rewards: ``(m,)``; NaN where the frame has none.
        deviations: ``(m,)`` standard deviations, same unit; NaN where not known.
    """

    index: Int[np.ndarray, "m"]
    rewards: Float[np.ndarray, "m"]
    deviations: Float[np.ndarray, "m"]

    def __post_init__(self) -> None:
        if not len(self.index) == len(self.rewards) == len(self.deviations):
            raise DataError(
                f"Frames, rewards and deviations must be as many, got {len(self.index)}, {len(self.rewards)} and"
                f" {len(self.deviations)}.",
                hint="One of each a frame.",
            )
        if np.any(np.diff(self.index) <= 0):
            raise DataError(
                "Frames must rise and be there once.", hint="Sort them by `index`; is a frame there twice?"
            )
        if np.isinf(self.rewards).any() or np.isinf(self.deviations).any() or (self.deviations < 0).any():
            raise DataError(
                "Rewards must be finite or NaN, and deviations not negative.",
                hint="Write NaN where nothing is known.",
            )

    @property
    def n_known(self) -> int:
        """Frames that have a reward."""
        return int(np.isfinite(self.rewards).sum())

    def at(self, index: LongArray) -> tuple[FloatArray, FloatArray]:
        """Rewards and deviations of frames; NaN for those that are not among ``index``."""
        if not len(self.index):
            return np.full(len(index), np.nan), np.full(len(index), np.nan)
        places = np.minimum(np.searchsorted(self.index, index), len(self.index) - 1)
        found = self.index[places] == index
        return (
            np.where(found, self.rewards[places], np.nan),
            np.where(found, self.deviations[places], np.nan),
        )


def frame_rewards(
    estimate: RewardEstimate,
    covariance: Float[np.ndarray, "K K"] | None,
    phi: Float[np.ndarray, "m K"],
    index: Int[np.ndarray, "m"],
    fitted: BoolArray,
) -> FrameRewards:
    """The reward of each frame with its standard deviation.

    Args:
        estimate: weights, and what the data do not tell about them.
        covariance: of the weights; None: not known, and so no deviation is.
        phi: features of the state and action of each frame.
        index: number of each frame in the dataset, in any order.
        fitted: ``(m,)`` whether the frame's state was among the fitted decisions.

    Raises:
        DataError: a frame is there twice.
    """
    rewards = np.where(fitted, phi @ estimate.weights, np.nan)
    if covariance is None:
        deviations = np.full(len(rewards), np.nan)
    else:
        variance = np.einsum("mk,kl,ml->m", phi, covariance, phi)
        told = ~_leans_on_untold(estimate, phi)
        deviations = np.where(fitted & told, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    order = np.argsort(index, kind="stable")
    return FrameRewards(index=index[order], rewards=rewards[order], deviations=deviations[order])


def _leans_on_untold(estimate: RewardEstimate, phi: FloatArray) -> BoolArray:
    held = np.array([name in estimate.held_by_penalty for name in estimate.names], dtype=bool)
    leans: BoolArray = (phi[:, held] != 0.0).any(axis=1)
    if estimate.nullity:
        # Features have units far apart, so each direction is compared entry by entry with what it weighs.
        parts = phi[:, None, :] * estimate.null_directions[None]
        leans |= (np.abs(parts.sum(axis=2)) > UNTOLD * np.abs(parts).sum(axis=2)).any(axis=1)
    return leans
