"""What is worth knowing about a mixture: components that nobody has, that are the same, or that one start found."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from telic.reports import Finding, Outcome, Severity
from telic.rewards import RewardEstimate
from telic.typing import FloatArray

from .latent import LatentPoint
from .mixture_result import VANISHED
from .uncertainty import complement
from .units import Units

__all__ = ["mixture_findings"]

SAME = 0.05
"""Level of the test that two components differ."""


def mixture_findings(
    units: Units,
    pooled: RewardEstimate,
    point: LatentPoint | None,
    covariances: Mapping[str, FloatArray],
    reached: int,
    n_starts: int,
    outcome: Outcome,
) -> tuple[Finding, ...]:
    """The findings of a mixture, those of the fit of all together included where they matter."""
    out: list[Finding] = []
    if point is None:
        out.append(_no_top(pooled, n_starts, outcome))
        return (*out, *pooled.findings)
    J = len(point.shares)
    counts = point.responsibilities.sum(axis=0)
    gone = [j for j in range(J) if counts[j] < VANISHED]
    out += [_vanished(j, float(counts[j]), units.kind, J) for j in gone]
    sandwich = covariances.get("sandwich_clustered")
    out += [
        found
        for a, b in combinations([j for j in range(J) if j not in gone], 2)
        if (found := _coincide(a, b, point.weights, sandwich, pooled))
    ]
    if not covariances:
        out.append(
            Finding(
                code="no-standard-errors",
                severity=Severity.WARNING,
                message="No standard errors: the observed information of this mixture is singular.",
                hint="Fewer components, or more units: the data do not tell these apart.",
            )
        )
    if J > 1 and n_starts > 1 and reached == 1:
        out.append(
            Finding(
                code="one-start-reached-the-top",
                severity=Severity.NOTICE,
                message=f"Only one of {n_starts} starts reached the highest likelihood; there may be a higher one.",
                hint="Raise `starts`.",
                evidence={"starts": n_starts, "reached": reached},
            )
        )
    nulls = [f for f in pooled.findings if f.code not in ("few-trajectories", "one-trajectory")]
    return (*out, *nulls)


def _no_top(pooled: RewardEstimate, n_starts: int, outcome: Outcome) -> Finding:
    if not pooled.outcome.ok:
        message = f"No mixture was tried, for one taste for all could not be fitted ({pooled.outcome.label})."
    else:
        message = (
            f"From none of {n_starts} starts could every component be fitted (first: {outcome.label}): the choices "
            "of some group of units put no limit on a weight."
        )
    return Finding(
        code="component-runs-away",
        severity=Severity.ERROR,
        message=message,
        hint="Ask for fewer components, collect longer units, or give `l2` (0.5 is a weak penalty).",
    )


def _vanished(j: int, count: float, kind: str, n_components: int) -> Finding:
    return Finding(
        code="component-vanished",
        severity=Severity.ERROR,
        message=f"Component {j + 1} of {n_components} has vanished: fewer than one {kind} is expected to have it "
        f"({count:.2g}). Its weights mean nothing.",
        hint=f"Ask for {n_components - 1} component{'s' * (n_components > 2)}; `choose_components` finds the number.",
        evidence={"component": j + 1, "expected_units": count},
    )


def _coincide(
    a: int, b: int, weights: FloatArray, covariance: FloatArray | None, pooled: RewardEstimate
) -> Finding | None:
    """The finding that two components cannot be told apart, or None."""
    gap, K = weights[a] - weights[b], weights.shape[1]
    if covariance is None:
        size = max(1e-12, float(np.abs(weights[[a, b]]).max()))
        if float(np.abs(gap).max()) > 1e-4 * size:
            return None
        p = 1.0
    else:
        A, B = (slice(j * K, (j + 1) * K) for j in (a, b))
        V = covariance[A, A] + covariance[B, B] - covariance[A, B] - covariance[B, A]
        Z = complement(pooled.null_directions)
        from scipy.special import gammaincc

        wald = float(gap @ Z @ np.linalg.pinv(Z.T @ V @ Z, hermitian=True) @ Z.T @ gap)
        p = float(gammaincc(0.5 * Z.shape[1], 0.5 * wald))
    if p <= SAME:
        return None
    return Finding(
        code="components-coincide",
        severity=Severity.WARNING,
        message=f"Components {a + 1} and {b + 1} cannot be told apart (p = {p:.2g} that their weights are the same).",
        hint="Ask for one component fewer; `choose_components` finds the number by held-out likelihood.",
        evidence={"components": [a + 1, b + 1], "p_value": p},
    )
