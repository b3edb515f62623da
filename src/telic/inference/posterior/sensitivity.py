"""How much a posterior would move if its prior were stated with half or twice the certainty.

Power-scaling (Kallioinen, Paananen, Buerkner and Vehtari 2024, Statistics and Computing 34, 57): the prior is raised
to a power, the draws are weighted by what that changes, and means and spreads are computed again; no new sampling.
Weights are smoothed and judged by Pareto-smoothed importance sampling (Vehtari and others 2024, JMLR 25): where its
shape exceeds 0.7 the draws do not reach far enough and no number is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Finding, Severity, Table
from telic.rewards import RewardPosterior
from telic.typing import FloatArray

from .chains import load

__all__ = ["PriorSensitivity", "prior_sensitivity"]

TRUSTED_SHAPE = 0.7

SENSITIVE = 0.2
"""Shift of a mean, in posterior standard deviations, from which a weight is called sensitive to its prior."""

SPREAD = float(np.log(1.2))
"""The same for its spread, as the logarithm of a factor: half or twice the certainty moves a weight that is nothing but
its prior by a factor of 1.41."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorSensitivity:
    """Means and spreads under scaled priors.

    Attributes:
        names: K names.
        powers: ``(Q,)`` powers of the prior density; 2 is twice as certain.
        shifts: ``(Q, K)`` change of the posterior mean in posterior standard deviations; NaN where not trusted.
        spreads: ``(Q, K)`` posterior standard deviation relative to that of the prior as stated; NaN likewise.
        pareto_shapes: ``(Q,)`` of the importance weights.
        findings: weights that the prior moves.
    """

    names: tuple[str, ...]
    powers: Float[np.ndarray, "Q"]
    shifts: Float[np.ndarray, "Q K"]
    spreads: Float[np.ndarray, "Q K"]
    pareto_shapes: Float[np.ndarray, "Q"]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Rows by power."""

        def row(values: FloatArray) -> dict[str, float | None]:
            return {
                n: float(v) if np.isfinite(v) else None
                for n, v in zip(self.names, values.tolist(), strict=True)
            }

        return {
            "powers": [
                {
                    "power": float(p),
                    "shift": row(self.shifts[i]),
                    "spread": row(self.spreads[i]),
                    "pareto_shape": float(self.pareto_shapes[i]),
                }
                for i, p in enumerate(self.powers)
            ],
            "findings": [f.to_json() for f in self.findings],
        }

    def table(self) -> Table:
        """One row a weight."""
        return Table(
            title="If the prior were stated with another certainty",
            columns=(
                "feature",
                *(f"mean shifts by (SD), prior to the power {p:g}" for p in self.powers),
                *(f"spread times, prior to the power {p:g}" for p in self.powers),
            ),
            rows=tuple(
                (
                    name,
                    *(None if np.isnan(x) else float(x) for x in (*self.shifts[:, k], *self.spreads[:, k])),
                )
                for k, name in enumerate(self.names)
            ),
            note="Shifts are in posterior standard deviations; empty where the draws do not reach that far.",
        )


def prior_sensitivity(posterior: RewardPosterior, powers: tuple[float, ...] = (0.5, 2.0)) -> PriorSensitivity:
    """What happens to means and spreads when the prior is raised to these powers.

    Args:
        posterior: draws that are an answer.
        powers: above 0; 1 is the prior as stated.

    Raises:
        NumericalError: the draws are not an answer.
        SettingsError: a power is not above 0, or ArviZ is not installed.
    """
    bad = [p for p in powers if not (np.isfinite(p) and p > 0)]
    if bad or not powers:
        raise SettingsError(
            f"`powers` must be finite and above 0, got {list(powers)}.",
            hint="0.5 and 2: half and twice as certain.",
        )
    arviz = load("arviz")
    draws = posterior.answer()
    free = [posterior.names.index(n) for n in posterior.prior.names]
    log_prior = np.asarray(posterior.prior.log_density(draws[:, free]))
    mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    scale = np.where(sd > 0, sd, 1.0)
    shifts, spreads, shapes = [], [], []
    for power in powers:
        change = (power - 1.0) * log_prior
        if np.ptp(change) == 0:  # nothing to weigh, and no tail to fit
            smoothed, shape = np.zeros_like(change), 0.0
        else:
            with np.errstate(
                over="ignore"
            ):  # inside its fit of the tail, where an infinite term counts as none
                smoothed, shape = arviz.psislw(change)
        w = np.exp(smoothed - np.max(smoothed))
        w /= w.sum()
        moved = w @ draws
        spread = np.sqrt(w @ (draws - moved) ** 2)
        trusted = float(shape) <= TRUSTED_SHAPE
        shifts.append(np.where(trusted, (moved - mean) / scale, np.nan))
        spreads.append(np.where(trusted, spread / scale, np.nan))
        shapes.append(float(shape))
    result = np.array(shifts)
    return PriorSensitivity(
        names=posterior.names,
        powers=np.array(powers, dtype=np.float64),
        shifts=result,
        spreads=np.array(spreads),
        pareto_shapes=np.array(shapes),
        findings=tuple(_findings(posterior.names, result, np.array(spreads), shapes)),
    )


def _findings(
    names: tuple[str, ...], shifts: FloatArray, spreads: FloatArray, shapes: list[float]
) -> list[Finding]:
    notes = []
    if any(s > TRUSTED_SHAPE for s in shapes):
        notes.append(
            Finding(
                code="sensitivity-not-known",
                severity=Severity.NOTICE,
                message="The draws do not reach far enough to say what another prior would give "
                f"(Pareto shape {max(shapes):.2f}, {TRUSTED_SHAPE} is the limit).",
                hint="Sample again with the other prior.",
            )
        )
    known = np.isfinite(shifts).all(axis=1)
    if not known.any():
        return notes
    most = np.abs(shifts[known]).max(axis=0)
    widest = np.abs(np.log(np.maximum(spreads[known], 1e-300))).max(axis=0)
    moved = {
        n: f"mean by {m:.2g} standard deviations"
        if m > SENSITIVE
        else f"spread by a factor of {np.exp(w):.2g}"
        for n, m, w in zip(names, most.tolist(), widest.tolist(), strict=True)
        if m > SENSITIVE or w > SPREAD
    }
    if moved:
        listed = ", ".join(f"{n} ({said})" for n, said in moved.items())
        notes.append(
            Finding(
                code="prior-sensitive",
                severity=Severity.WARNING,
                message=f"Another certainty of the prior moves the posterior of {listed}.",
                hint="Defend the prior, or collect decisions that tell this weight.",
                evidence={"features": list(moved), "shifts": most.tolist()},
            )
        )
    return notes
