"""What a reader of an inverse LQR should know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.reports import Finding, Severity
from telic.typing import FloatArray

__all__ = [
    "IMPOSSIBLE",
    "bent_errors",
    "misfit_findings",
    "negative_by_chance",
    "not_a_cost",
    "not_a_minimum",
    "null_findings",
    "rationality_open",
    "unstable",
]

EXACT_MISFIT = 1e-6
"""Largest relative misfit of a gain without errors; more is no rounding."""

IMPOSSIBLE, DOUBTFUL = 1e-3, 0.05
"""p-values of the misfit: below the first the gain is of no cost of this structure, below the second a notice."""


def unstable(radius: float) -> Finding:
    """The gain lets some mode grow."""
    return Finding(
        code="gain-not-stabilising",
        severity=Severity.ERROR,
        message=f"The gain does not stabilise the system (spectral radius {radius:.4f}, with the discount), so it is "
        "best for no cost.",
        hint="Check signs (u = -K x), units and the dynamics, or use a discount below 1.",
        evidence={"spectral_radius": radius},
    )


def misfit_findings(
    misfit: float, p: float | None, weights: FloatArray, names: Sequence[str]
) -> list[Finding]:
    """The equations have no solution: beyond the error of the gain, or perhaps so."""
    if p is None and misfit <= EXACT_MISFIT:
        return []
    if p is not None and p >= DOUBTFUL:
        return []
    chance = "" if p is None else f"; by the error of the gain alone, p = {p:.2g}"
    serious = p is None or p < IMPOSSIBLE
    return [
        Finding(
            code="no-cost-of-this-structure",
            severity=Severity.ERROR if serious else Severity.NOTICE,
            message=f"No weights make this gain best (misfit {misfit:.2%} of R K{chance}).",
            hint="Allow a richer structure, or check the dynamics and R; the policy may not be of this kind.",
            evidence={
                "misfit": misfit,
                "p": p,
                "least_squares": dict(zip(names, weights.tolist(), strict=True)),
            },
        )
    ]


def not_a_cost(Q: FloatArray, shift: FloatArray, weights: FloatArray, names: Sequence[str]) -> Finding:
    """The only solution rewards some deviations."""
    values, vectors = np.linalg.eigh(Q)
    where = " and no move along the null directions mends it" if shift.size else ""
    return Finding(
        code="not-a-cost",
        severity=Severity.ERROR,
        message=f"The only weights that make this gain best pay for some deviations (eigenvalue {values[0]:.4g} of Q)"
        f"{where}.",
        hint="The policy is best for no cost of this structure: allow a richer one, or check the dynamics and R.",
        evidence={
            "eigenvalue": float(values[0]),
            "direction": vectors[:, 0].tolist(),
            "weights": dict(zip(names, weights.tolist(), strict=True)),
        },
    )


def not_a_minimum(eigenvalue: float) -> Finding:
    """The equations are solved by a cost of which the gain is no minimum."""
    return Finding(
        code="not-a-minimum",
        severity=Severity.ERROR,
        message="The only weights that solve the equations make the gain no minimum of the cost (smallest "
        f"eigenvalue of R + B' P B: {eigenvalue:.4g}).",
        hint="The gain shows next to nothing of the cost (is it 0?), or it is best for none of this structure.",
        evidence={"eigenvalue": eigenvalue},
    )


def bent_errors(bend: float) -> Finding:
    """The error of the gain is too large for errors by the delta method."""
    much = "more than can be followed" if not np.isfinite(bend) else f"{bend:.2f} of a standard error"
    return Finding(
        code="errors-not-linear",
        severity=Severity.WARNING,
        message=f"Within one standard error of the gain the weights bend by {much}: symmetric intervals are not to be "
        "trusted.",
        hint="Record more steps; or compare the gains of costs at the ends of the interval (`solve_lqr`).",
        evidence={"bend": bend if np.isfinite(bend) else None},
    )


def negative_by_chance(eigenvalue: float) -> Finding:
    """An eigenvalue is negative within its error."""
    return Finding(
        code="cost-near-zero",
        severity=Severity.NOTICE,
        message=f"The smallest eigenvalue of Q is {eigenvalue:.4g}: negative, but not beyond its error.",
        hint="Some deviation seems to cost nothing; more data tell. The fitted gain is of the nearest cost.",
        evidence={"eigenvalue": eigenvalue},
    )


def null_findings(names: Sequence[str], null: FloatArray) -> list[Finding]:
    """What no gain can show, in words."""
    if not null.size:
        return []
    words = []
    for row in null.T[:3]:
        top = row / row[np.abs(row).argmax()]
        words.append(
            " + ".join(f"{c:.4g} {name}" for c, name in zip(top, names, strict=True) if abs(c) > 1e-12)
        )
    return [
        Finding(
            code="cost-not-identified",
            severity=Severity.WARNING,
            message=f"{null.shape[1]} direction(s) of the cost change no gain: {'; '.join(words)}.",
            hint="Use a diagonal cost, name fewer matrices, or record the expert under other dynamics.",
            evidence={"null_directions": null.T.tolist()},
        )
    ]


def rationality_open() -> Finding:
    """Why there is no rationality."""
    return Finding(
        code="rationality-not-identified",
        severity=Severity.NOTICE,
        message="The rationality behind the spread of the controls depends on a direction of the cost that the gain "
        "does not show.",
        hint="Fix the cost (a diagonal structure) to read it. Where rationality is known, the spread tells the cost.",
    )
