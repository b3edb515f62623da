"""Which of several policies to keep, so that its budgets are satisfied with a stated confidence all the same.

The luckiest of many candidates looks better than it is. So the choice is made on some episodes, and what is said of the
chosen one comes from others, drawn after it was chosen: its certificate then holds as if it had been the only one,
however many there were.

Chosen is the candidate with the largest mean return among those whose bounds are within their budgets on the episodes
of the choice; where there is none, the one whose worst bound is the least above its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from telic.errors import SettingsError
from telic.typing import FloatArray

from .budget_certificate import BudgetCertificate, certify_budgets

__all__ = ["BudgetChoice", "Draw", "choose_within_budgets"]

Draw: TypeAlias = Callable[[int, int, int], tuple[FloatArray, FloatArray]]
"""From a candidate, a stage (0: to choose, 1: to certify) and a number n to ``(n,)`` returns and ``(n, K)`` costs of as
many episodes, independent of all others."""


@dataclass(frozen=True, kw_only=True)
class BudgetChoice:
    """The policy kept.

    Attributes:
        index: of the candidate.
        certificate: of it, from episodes that had no part in the choice.
        mean_return: of it, over those episodes.
        screening: what each candidate showed on the episodes of the choice; no certificate of the chosen one.
        screening_returns: ``(n_candidates,)`` mean returns there.
    """

    index: int
    certificate: BudgetCertificate
    mean_return: float
    screening: tuple[BudgetCertificate, ...]
    screening_returns: FloatArray


def choose_within_budgets(
    draw: Draw,
    n_candidates: int,
    budgets: Sequence[float],
    *,
    n_choose: int,
    n_certify: int,
    ranges: Sequence[tuple[float, float] | None] | None = None,
    names: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> BudgetChoice:
    """The candidate to keep, and what fresh episodes show of its budgets.

    Args:
        draw: makes episodes of a candidate.
        n_candidates: how many there are, such as the last checkpoints of a run.
        budgets: as of ``certify_budgets``.
        n_choose: episodes of each candidate to choose by.
        n_certify: fresh episodes of the chosen one.
        ranges: as of ``certify_budgets``.
        names: as of ``certify_budgets``.
        alpha: chance that the certificate is wrong.

    Raises:
        DataError: costs show nothing (``certify_budgets``).
        SettingsError: there is no candidate or no episode, or see ``certify_budgets``.
    """
    least = min(n_candidates, n_choose, n_certify)
    if least < 1:
        raise SettingsError(
            "Candidates and episodes of each stage must be at least 1,"
            f" got {n_candidates}, {n_choose} and {n_certify}.",
            hint="Some hundred episodes of each stage show something.",
        )

    def seen(i: int, stage: int, n: int) -> tuple[float, BudgetCertificate]:
        returns, costs = draw(i, stage, n)
        found = certify_budgets(
            np.asarray(costs, dtype=np.float64), budgets, ranges=ranges, names=names, alpha=alpha
        )
        return float(np.mean(returns)), found

    looks = [seen(i, 0, n_choose) for i in range(n_candidates)]
    returns = np.array([value for value, _ in looks])
    screening = tuple(found for _, found in looks)
    within = np.array([found.is_satisfied for found in screening])
    if within.any():
        index = int(np.argmax(np.where(within, returns, -np.inf)))
    else:
        index = int(np.argmin([_overrun(found) for found in screening]))
    mean_return, certificate = seen(index, 1, n_certify)
    return BudgetChoice(
        index=index,
        certificate=certificate,
        mean_return=mean_return,
        screening=screening,
        screening_returns=returns,
    )


def _overrun(found: BudgetCertificate) -> float:
    """How far the worst bound is above its budget, in shares of the larger of the two."""
    return max((c.upper - c.budget) / max(c.upper, c.budget, 1e-12) for c in found.checks)
