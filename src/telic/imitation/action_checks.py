"""Whether the actions of examples are of the family that a policy is to have."""

from __future__ import annotations

import numpy as np

from telic.errors import DataError
from telic.policies.heads import GaussianHead, Head, MultiCategoricalHead

from .examples import Examples

__all__ = ["check_actions"]


def check_actions(examples: Examples, head: Head) -> None:
    """Refuse actions that the family does not know.

    Raises:
        DataError: of another kind, of another number of dimensions, or beyond bounds; the first row is named.
    """
    actions = examples.actions
    if isinstance(head, GaussianHead):
        if actions.dtype.kind != "f" or actions.shape[1:] != (head.n_dimensions,):
            raise DataError(
                f"Amounts of {head.n_dimensions} dimensions are expected, got {actions.dtype}, shape {actions.shape}.",
                hint="Give floating-point numbers, one column a dimension.",
            )
        low, high = np.array(head.low), np.array(head.high)
        slack = 1e-6 * (high - low)
        bad = np.any((actions < low - slack) | (actions > high + slack), axis=1)
    else:
        counts = np.array(head.counts if isinstance(head, MultiCategoricalHead) else (head.n_actions,))
        flat = actions if actions.ndim == 2 else actions[:, None]
        if actions.dtype.kind == "f" or flat.shape[1] != len(counts):
            raise DataError(
                f"{len(counts)} choices are expected, got {actions.dtype} of shape {actions.shape}.",
                hint="Give whole numbers, one column a choice.",
            )
        bad = np.any((flat < 0) | (flat >= counts), axis=1)
        low, high = np.zeros(len(counts), dtype=int), counts - 1
    if bad.any():
        rows = np.flatnonzero(bad)
        raise DataError(
            f"{len(rows)} actions lie beyond {low.tolist()} to {high.tolist()} (first: row {rows[0]},"
            f" {np.atleast_1d(actions[rows[0]]).tolist()}).",
            hint="Correct the bounds or the alternatives, or the record.",
            rows=rows[:20].tolist(),
        )
