"""Whether the decisions contradict the prior: was a mode as far from its mean to be expected at all?

If weights come from the prior and the log-likelihood is about quadratic, the mode of the posterior has, in units of
the prior and along an eigenvector of the curvature with information f, the variance ``f / (1 + f)`` before the
decisions are seen. The sum of squares over these variances is then chi-square (a prior-data conflict check in the sense
of Evans and Moshonov 2006, Bayesian Analysis 1, 893-914, with the mode as the statistic).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from telic.reports import Finding, Severity
from telic.typing import FloatArray

__all__ = ["prior_conflict"]

LEVEL = 0.01
"""Probability of a finding where the weights come from the prior."""

TOLD = 0.05
"""Share of the data in the certainty about a direction below which it cannot contradict the prior."""

FAR = 2.0
"""Prior standard deviations from which a weight is named."""


def prior_conflict(names: Sequence[str], mode: FloatArray, curvature: FloatArray) -> tuple[Finding, ...]:
    """A finding where the mode lies farther from the prior mean than the prior allows.

    Args:
        names: P weights.
        mode: ``(P,)`` in units of the prior, from its mean.
        curvature: ``(P, P)`` of minus the log posterior there, in the same units.
    """
    mu, U = np.linalg.eigh(curvature)
    share = 1.0 - 1.0 / np.maximum(mu, 1.0)
    told = share > TOLD
    along = (U.T @ mode)[told]
    p = (
        float(stats.chi2.sf(float((along * along / share[told]).sum()), int(told.sum())))
        if told.any()
        else 1.0
    )
    if p > LEVEL:
        return ()
    far = [(n, float(z)) for n, z in zip(names, mode, strict=True) if abs(z) > FAR] or [
        (names[int(np.abs(mode).argmax())], float(mode[np.abs(mode).argmax()]))
    ]
    listed = ", ".join(f"{n} ({z:+.1f} prior standard deviations)" for n, z in far)
    return (
        Finding(
            code="prior-conflict",
            severity=Severity.WARNING,
            message="The decisions contradict the prior: weights this far from its mean were not to be expected: "
            f"{listed}. It pulls them towards its mean.",
            hint="State a wider prior, or another mean, if these weights are plausible; otherwise look at the units.",
            evidence={"p_value": p, **dict(far)},
        ),
    )
