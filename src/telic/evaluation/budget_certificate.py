"""Whether a policy keeps its budgets, with a stated confidence, from fresh episodes.

Each budget is a limit on an expected cost an episode. From n episodes that had no part in making or choosing the
policy come, for each of K costs, an estimate and an upper bound at confidence ``1 - alpha / K``, so that all bounds
hold together with confidence ``1 - alpha`` whatever the costs have to do with one another (Bonferroni). A budget counts
as satisfied where the bound is within it; where that cannot be said, it is told how many more episodes would say it
were they like those seen.

Costs that are 0 or 1 an episode get the exact binomial bound, for which the number of episodes must be fixed before;
``looks`` divides alpha among as many times that one means to look. Costs between stated ends get the betting bound
(``telic.evaluation.mean_bounds``), which holds however often one looks and draws more. Which of them is used follows
from what is stated, never from what was seen.

Episodes must be independent, from the beginnings that count, by the policy as it will act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.planning.rl.budgets import check_budgets
from telic.reports import Outcome, Report, Section, Table
from telic.reports.numbers import format_number
from telic.typing import FloatArray

from .mean_bounds import betting_upper, binomial_upper, draws_for_betting, draws_for_binomial

__all__ = ["BudgetCertificate", "BudgetCheck", "certify_budgets"]

ROUNDING = 1e-5
"""How far beyond the stated ends, relative to their distance, a sum of float32 may lie."""


@dataclass(frozen=True, kw_only=True)
class BudgetCheck:
    """One budget.

    Attributes:
        name: of the cost.
        budget: what its expectation an episode may be at most.
        estimate: mean over the episodes.
        upper: upper bound of the expectation.
        bound: ``exact binomial`` or ``betting``.
        is_satisfied: the bound is within the budget.
        n_needed: episodes in all that would show it were they like those; None where no number would, as the estimate
            is not below the budget.
    """

    name: str
    budget: float
    estimate: float
    upper: float
    bound: str
    is_satisfied: bool
    n_needed: int | None


@dataclass(frozen=True, kw_only=True)
class BudgetCertificate:
    """What fresh episodes show.

    Attributes:
        checks: one a budget.
        alpha: chance that a bound is wrong, over all budgets (and looks).
        n_episodes: fresh episodes.
        looks: times that one means to look at exact binomial bounds.
    """

    checks: tuple[BudgetCheck, ...]
    alpha: float
    n_episodes: int
    looks: int = 1

    @property
    def is_satisfied(self) -> bool:
        """Whether all budgets are, together with confidence ``1 - alpha``."""
        return all(check.is_satisfied for check in self.checks)

    @property
    def outcome(self) -> Outcome:
        """``SUCCESS`` also where nothing could be shown: that is an answer."""
        return Outcome.SUCCESS

    @property
    def n_more(self) -> int | None:
        """More episodes that would show it for all budgets; 0 where it is shown, None where no number would."""
        needed = [check.n_needed for check in self.checks if not check.is_satisfied]
        if any(n is None for n in needed):
            return None
        return max((max(1, n - self.n_episodes) for n in needed if n is not None), default=0)

    @property
    def sentence(self) -> str:
        """What holds, in words."""
        sure = f"{100 * (1 - self.alpha):g} % confidence ({self.n_episodes:,} episodes)"
        if self.is_satisfied:
            return f"All {len(self.checks)} budgets are satisfied with {sure}."
        open_ = [c for c in self.checks if not c.is_satisfied]
        told = "; ".join(
            f"{c.name} is at most {format_number(c.upper, digits=4)}, estimated {format_number(c.estimate, digits=4)},"
            f" budget {format_number(c.budget, digits=4)}"
            for c in open_
        )
        more = (
            "no number of episodes like these would show it"
            if self.n_more is None
            else f"about {self.n_more:,} more episodes would show it if they are like these"
        )
        return f"Not shown with {sure}: {told}; {more}."

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "is_satisfied": self.is_satisfied,
            "alpha": self.alpha,
            "n_episodes": self.n_episodes,
            "n_more": self.n_more,
            "looks": self.looks,
            "checks": [dict(vars(check)) for check in self.checks],
        }

    def summary(self) -> Report:
        """The budgets as a report."""
        table = Table(
            title="Budgets",
            columns=("cost", "budget", "estimate", "at most", "bound", "satisfied"),
            rows=tuple((c.name, c.budget, c.estimate, c.upper, c.bound, c.is_satisfied) for c in self.checks),
            note=f"Bounds hold together with {100 * (1 - self.alpha):g} % confidence.",
        )
        return Report(
            title="Budgets",
            headline=self.sentence,
            sections=(Section(title="Budgets", items=(table,), anchor="budgets"),),
            data=self.to_json(),
        )


def certify_budgets(
    costs: Float[np.ndarray, "n K"],
    budgets: Sequence[float] | Float[np.ndarray, "K"],
    *,
    ranges: Sequence[tuple[float, float] | None] | None = None,
    names: Sequence[str] | None = None,
    alpha: float = 0.05,
    looks: int = 1,
) -> BudgetCertificate:
    """Which budgets are satisfied with confidence ``1 - alpha``, from fresh episodes.

    Args:
        costs: of each episode, one column a budget.
        budgets: what the expected cost an episode may be at most, not negative.
        ranges: least and largest cost that an episode can have, one pair a cost; None: always 0 or 1.
        names: of the costs, for messages.
        alpha: chance that any bound is wrong.
        looks: times that one means to look at costs that are 0 or 1 while drawing more; others need no plan.

    Raises:
        DataError: costs are not finite, lie beyond their ranges, or there are none.
        SettingsError: budgets do not fit the costs, a range is missing, empty or not finite, or a number is not in its
            range.
    """
    C = np.asarray(costs, dtype=np.float64)
    if C.ndim != 2 or not len(C):
        raise DataError(
            f"`costs` must have one row an episode and one column a budget, got {C.shape}.",
            hint="`costs[:, None]` for a single cost.",
        )
    K = C.shape[1]
    called = tuple(names) if names is not None else tuple(f"cost {k}" for k in range(K))
    b = check_budgets([float(value) for value in budgets], called)
    if not 0 < alpha < 1:
        raise SettingsError(f"`alpha` must lie in (0, 1), got {alpha}.", hint="0.05 is usual.")
    if looks < 1:
        raise SettingsError(f"`looks` must be at least 1, got {looks}.", hint="1: one looks once.")
    bad = np.argwhere(~np.isfinite(C))
    if len(bad):
        i, k = bad[0].tolist()
        raise DataError(
            f"Costs must be finite: {called[k]} of episode {i} is {C[i, k]}.",
            hint="An episode whose cost is not known shows nothing; mend the world or the cost.",
            rows=sorted({int(row) for row, _ in bad})[:20],
        )
    ends = _ranges(C, ranges, called)
    return BudgetCertificate(
        checks=tuple(_check(C[:, k], b[k], ends[k], called[k], alpha / K, looks) for k in range(K)),
        alpha=alpha,
        n_episodes=len(C),
        looks=looks,
    )


def _ranges(
    C: FloatArray, ranges: Sequence[tuple[float, float] | None] | None, names: tuple[str, ...]
) -> list[tuple[float, float] | None]:
    stated = [None] * len(names) if ranges is None else list(ranges)
    if len(stated) != len(names):
        raise SettingsError(
            f"`ranges` must be one a cost, {len(names)}, got {len(stated)}.",
            hint="None where a cost is 0 or 1.",
        )
    kept: list[tuple[float, float] | None] = []
    for k, ends in enumerate(stated):
        if ends is None:
            if not np.isin(C[:, k], (0.0, 1.0)).all():
                raise SettingsError(
                    f"The least and largest {names[k]} that an episode can have must be stated, as it is not 0 or 1.",
                    hint="No bound holds for every distribution without them: a rare huge cost may not have been seen.",
                )
            kept.append(None)
            continue
        low, high = ends
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise SettingsError(
                f"The range of {names[k]} must have finite ends in order, got {low} to {high}.",
                hint="Cut the cost of a decision at a limit; times the horizon it is that of an episode.",
            )
        slack = ROUNDING * (high - low)
        beyond = np.flatnonzero((C[:, k] < low - slack) | (C[:, k] > high + slack))
        if len(beyond):
            raise DataError(
                f"{names[k]} of episode {beyond[0]} is {C[beyond[0], k]:g}, beyond its range {low:g} to {high:g}.",
                hint="State a range that no episode can leave.",
                rows=beyond[:20].tolist(),
            )
        kept.append((float(low), float(high)))
    return kept


def _check(
    c: FloatArray, budget: float, ends: tuple[float, float] | None, name: str, alpha: float, looks: int
) -> BudgetCheck:
    n, (low, high) = len(c), ends or (0.0, 1.0)
    x = np.clip((c - low) / (high - low), 0.0, 1.0)
    limit, estimate = (budget - low) / (high - low), float(np.mean(c))
    if ends is None:
        bound, upper = "exact binomial", binomial_upper(int(x.sum()), n, alpha / looks)
        needed = draws_for_binomial(float(x.mean()), limit, alpha / looks)
    else:
        bound, upper = "betting", betting_upper(x, alpha)
        needed = draws_for_betting(x, limit, alpha) if 0 < limit < 1 else None
    is_satisfied = upper <= limit
    return BudgetCheck(
        name=name,
        budget=budget,
        estimate=estimate,
        upper=low + (high - low) * upper,
        bound=bound,
        is_satisfied=is_satisfied,
        n_needed=n if is_satisfied else needed,
    )
