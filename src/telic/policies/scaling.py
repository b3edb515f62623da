"""How a policy sees an observation: ``(x - shift) / scale`` clipped to ``[-clip, clip]``; it must be a number."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Num

from telic.errors import DataError

__all__ = ["check_scaling", "scaled_observations"]


def check_scaling(shift: Float[np.ndarray, "..."], scale: Float[np.ndarray, "..."], clip: float) -> None:
    """Refuse a scaling that is none.

    Raises:
        DataError: shapes differ, or a number is not finite or not above 0.
    """
    if shift.ndim != 1 or shift.shape != scale.shape:
        raise DataError(
            f"`shift` and `scale` must have one number an observation, got {shift.shape} and {scale.shape}.",
            hint="0 and 1 where observations are taken as they are.",
        )
    if not (np.all(np.isfinite(shift)) and np.all(np.isfinite(scale)) and np.all(scale > 0)):
        raise DataError(
            "`shift` must be finite and `scale` finite and above 0.",
            hint="An observation that never moves has scale 1.",
        )
    if not clip > 0:
        raise DataError(f"`clip` must be above 0, got {clip}.", hint="Infinite: no clipping.")


def scaled_observations(
    observations: Num[np.ndarray, "..."],
    shift: Float[np.ndarray, "D"],
    scale: Float[np.ndarray, "D"],
    clip: float,
) -> Float[np.ndarray, "..."]:
    """``(..., D)`` float32 what the first layer takes.

    Raises:
        DataError: an observation has another length, or is not finite.
    """
    x = np.asarray(observations, dtype=np.float32)
    if x.shape[-1:] != shift.shape:
        raise DataError(
            f"An observation must have {len(shift)} numbers, got shape {x.shape}.",
            hint="In the order in which the policy was trained.",
        )
    if not np.all(np.isfinite(x)):
        rows = np.flatnonzero(~np.isfinite(x.reshape(-1, len(shift))).all(axis=1))
        raise DataError(
            f"Observations must be finite; {len(rows)} are not (first: row {rows[0]}).",
            hint="A policy must not act on what was not measured.",
            rows=rows[:20].tolist(),
        )
    out: Float[np.ndarray, "..."] = np.clip((x - shift) / scale, -clip, clip).astype(np.float32)
    return out
