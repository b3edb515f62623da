"""A posterior as plain numbers: trade-offs beside those of the fit, densities and draws that a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.inference.ratio_words import RatioWords
from telic.inference.tradeoffs import Tradeoff
from telic.reports import Outcome
from telic.rewards import PosteriorRatio, RewardPosterior
from telic.typing import FloatArray

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["posterior_json", "posterior_outcome"]

MOST_SHOWN = 200
"""Draws that a page shows as dots; the file has all."""

N_GRID = 121
"""Points of a density."""

MOST_IN_DENSITY = 4_000

EDGE = 0.002
"""Share of the draws of a trade-off beyond each end of its density."""


def posterior_json(fit: Fit) -> dict[str, Any]:
    """The posterior of a fit as JSON-able values, numbers null where it is no answer.

    Args:
        fit: with a posterior.
    """
    posterior = fit.posterior
    assert posterior is not None
    told = {**posterior.to_json(), "level": fit.level, "file": fit.posterior_file}
    told["conditional_on"] = "the transition probabilities"
    told["tradeoffs"], told["densities"], told["shown"] = [], [], None
    if not posterior.outcome.ok:
        return told
    for k, (low, high) in enumerate(posterior.interval(fit.level).tolist()):
        told["weights"][posterior.names[k]]["interval"] = [low, high]
    for t in fit.tradeoffs():
        ratio = posterior.ratio(t.numerator, t.denominator, level=fit.level)
        told["tradeoffs"].append({**ratio.to_json(), "unit": t.unit, "prior_share": _share(posterior, ratio)})
        told["densities"].append(_density(posterior, ratio, t))
    thin = posterior.flat[:: max(1, -(-posterior.n_draws // MOST_SHOWN))]
    told["shown"] = [[float(f"{x:.5g}") for x in row] for row in thin.tolist()]
    return told


def posterior_outcome(data: Mapping[str, Any]) -> str:
    """The outcome of a result: that of the fit, unless a posterior that was asked for is no answer.

    Args:
        data: of ``infer``.
    """
    if data["result"] != Outcome.SUCCESS.label:
        return str(data["result"])
    asked = (fit["posterior"] for fit in (data, *data["people"].values()) if fit.get("posterior"))
    return next(
        (str(p["result"]) for p in asked if p["result"] != Outcome.SUCCESS.label), str(data["result"])
    )


def _share(posterior: RewardPosterior, ratio: PosteriorRatio) -> float:
    """Posterior over prior variance of ``numerator - median * denominator``, at the mode."""
    names = list(posterior.names)
    c = np.zeros(len(names))
    c[names.index(ratio.numerator)] = 1.0
    c[names.index(ratio.denominator)] = -ratio.median
    before = sum(
        c[names.index(n)] ** 2 * sd**2
        for n, sd in zip(posterior.prior.names, posterior.prior.standard_deviations.tolist(), strict=True)
    )
    return min(1.0, float(c @ posterior.mode_covariance @ c / before)) if before else 0.0


def _density(posterior: RewardPosterior, ratio: PosteriorRatio, t: Tradeoff) -> dict[str, Any] | None:
    """Density of a bounded trade-off by normal kernels (Silverman's width); the prior's is a Cauchy's with
    ``prior_scale``, as both weights are normal around 0.
    """
    if not ratio.bounded:
        return None
    names = list(posterior.names)
    draws = posterior.flat[:: max(1, -(-posterior.n_draws // MOST_IN_DENSITY))]
    values = draws[:, names.index(ratio.numerator)] / draws[:, names.index(ratio.denominator)]
    low, high = np.quantile(values, [EDGE, 1.0 - EDGE])
    quartiles = np.quantile(values, [0.25, 0.75])
    spread = min(float(values[(values >= low) & (values <= high)].std()), float(np.ptp(quartiles)) / 1.34)
    width = 0.9 * spread * len(values) ** -0.2
    if not width > 0:
        return None
    grid = np.linspace(low - 2 * width, high + 2 * width, N_GRID)
    z = (grid[:, None] - values[None, :]) / width
    density: FloatArray = np.exp(-0.5 * z * z).sum(axis=1) / (len(values) * width * np.sqrt(2 * np.pi))
    sds = dict(zip(posterior.prior.names, posterior.prior.standard_deviations.tolist(), strict=True))
    words = RatioWords.of(
        names, posterior.units, names.index(ratio.numerator), names.index(ratio.denominator)
    )
    return {
        "numerator": ratio.numerator,
        "denominator": ratio.denominator,
        "against": words.against,
        "unit": t.unit,
        "x": grid.tolist(),
        "density": density.tolist(),
        "prior_scale": sds[ratio.numerator] / sds[ratio.denominator],
    }
