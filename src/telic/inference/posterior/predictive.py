"""Posterior predictive checks: would an expert with weights from the posterior have chosen like this one?

For each of some draws, the choices at every decision that was seen are made again under its policy, and a discrepancy
is compared between made and seen choices (Gelman, Meng and Stern 1996, Statistica Sinica 6, 733-807). A share of
exceedances near 0 says that the seen choices fit worse than the model allows; it is conservative, for the weights were
fitted to the same choices. The states are taken as they were seen: what is checked are choices, not dynamics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.errors import DataError, NumericalError, SettingsError
from telic.inference.likelihood.counted import AbstractCountedLikelihood
from telic.reports import Finding, Severity
from telic.rewards import RewardPosterior
from telic.typing import FloatArray, LongArray

__all__ = ["PredictiveCheck", "predictive_checks"]

ALARM = 0.01
"""Share of exceedances at or below which a check speaks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictiveCheck:
    """One discrepancy of choices.

    Attributes:
        name: ``"choices by state"`` or ``"share of ACTION"``.
        p_value: share of draws whose made choices are at least as discrepant as the seen ones.
        standard_error: of the share, by the number of draws.
        n_draws: draws used.
        findings: an alarm, where there is one.
    """

    name: str
    p_value: float
    standard_error: float
    n_draws: int
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Name, share, error, number of draws."""
        return {
            "name": self.name,
            "p_value": self.p_value,
            "standard_error": self.standard_error,
            "n_draws": self.n_draws,
            "findings": [f.to_json() for f in self.findings],
        }


def predictive_checks(
    posterior: RewardPosterior,
    likelihood: AbstractCountedLikelihood,
    n_actions: int,
    *,
    action_labels: tuple[str, ...] = (),
    n_draws: int = 200,
    key: int = 0,
) -> tuple[PredictiveCheck, ...]:
    """The overall check of choices by state, and one for the share of every action.

    The overall discrepancy is Pearson's: the sum over situations and actions of (seen - expected) squared over
    expected. The others are the distance of an action's share from its expectation.

    Args:
        posterior: draws that are an answer.
        likelihood: that the draws were made with; its cells are situations times actions.
        n_actions: A.
        action_labels: names of the actions.
        n_draws: draws, picked without replacement.
        key: of the random numbers.

    Raises:
        NumericalError: the draws are not an answer, or one of them has no forward solution.
        DataError: decisions carry weights that are not whole numbers, so they cannot be made again.
        SettingsError: the number of actions does not fit, or too many draws are asked for.
    """
    totals = likelihood.counts.totals
    if np.any(totals != np.round(totals)):
        raise DataError(
            "Decisions with fractional weights cannot be made again.", hint="Check without weights."
        )
    if len(totals) % n_actions:
        raise SettingsError(
            f"{len(totals)} cells are no multiple of {n_actions} actions.", hint="Use that of the world."
        )
    draws = posterior.answer()
    if not 0 < n_draws <= len(draws):
        raise SettingsError(
            f"`n_draws` must lie between 1 and {len(draws)}, got {n_draws}.", hint="200 is usual."
        )
    seen = totals.reshape(-1, n_actions)
    kept = seen.sum(axis=1) > 0
    seen = seen[kept]
    n = seen.sum(axis=1).astype(np.int64)
    rng = np.random.default_rng(key)
    exceed = np.zeros(1 + n_actions)
    for i in rng.choice(len(draws), size=n_draws, replace=False).tolist():
        pi = np.exp(likelihood.cell_log_probs(draws[i])).reshape(-1, n_actions)[kept]
        if not np.all(np.isfinite(pi)):
            raise NumericalError(
                "There is a draw at which the forward problem has no finite solution, so it cannot choose.",
                hint="Sample instead (method `nuts`): it never leaves the weights that have one.",
            )
        made = rng.multinomial(n, pi / pi.sum(axis=1, keepdims=True)).astype(np.float64)
        exceed += _discrepancies(made, pi, n) >= _discrepancies(seen, pi, n) * (1 - 1e-12)
    p = exceed / n_draws
    labels = action_labels or tuple(str(a) for a in range(n_actions))
    names = ("choices by state", *(f"share of {label}" for label in labels))
    level = ALARM / len(names)  # m checks, each at its part of the level
    return tuple(
        PredictiveCheck(
            name=name,
            p_value=float(v),
            standard_error=float(np.sqrt(v * (1 - v) / n_draws)),
            n_draws=n_draws,
            findings=_alarm(name, float(v), n_draws) if v <= level else (),
        )
        for name, v in zip(names, p, strict=True)
    )


def _discrepancies(counts: FloatArray, pi: FloatArray, n: LongArray) -> FloatArray:
    expected = n[:, None] * pi
    possible = expected > 0
    square = np.where(possible, (counts - expected) ** 2 / np.where(possible, expected, 1.0), 0.0)
    shares = np.abs(counts.sum(axis=0) - expected.sum(axis=0))
    return np.concatenate([[square.sum()], shares])


def _alarm(name: str, p: float, n_draws: int) -> tuple[Finding, ...]:
    said = f"{p:.3g}" if p else f"less than {1 / n_draws:.2g}"
    return (
        Finding(
            code="predictive-check",
            severity=Severity.WARNING,
            message=f"Experts with weights from the posterior would seldom have chosen like this ({name}: share of "
            f"draws {said}).",
            hint="A feature is missing, the state is too coarse, or the experts differ; look at where choices and "
            "predictions part.",
            evidence={"p_value": p},
        ),
    )
