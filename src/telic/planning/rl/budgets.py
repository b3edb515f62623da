"""Budgets of the costs of a world: as many as there are costs, finite, not negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.errors import SettingsError

__all__ = ["check_budgets"]


def check_budgets(budgets: Sequence[float], names: Sequence[str]) -> tuple[float, ...]:
    """The budgets, one a cost.

    Args:
        budgets: what each expected cost an episode may be at most.
        names: of the costs.

    Raises:
        SettingsError: they are not as many as the costs, not finite, or negative.
    """
    b = tuple(float(value) for value in budgets)
    if len(b) != len(names) or not b:
        raise SettingsError(
            f"`budgets` must be one a cost ({', '.join(names) or 'there is none'}), got {len(b)}.",
            hint="Leave a cost without a budget out; `with_costs` gives a world costs.",
        )
    for name, value in zip(names, b, strict=True):
        if not (np.isfinite(value) and value >= 0):
            raise SettingsError(
                f"The budget of {name} must be finite and not negative, got {value}.",
                hint="Shift a cost so that its least is 0, and its budget with it.",
            )
    return b
