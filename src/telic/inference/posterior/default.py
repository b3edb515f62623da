"""A wide prior for a caller who states none, from the size of the features alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telic.errors import SettingsError
from telic.inference.likelihood import ChoiceLikelihood
from telic.rewards import NormalPrior
from telic.typing import FloatArray

__all__ = ["FLOOR", "default_prior", "horizon_size"]

CONTRAST = 10.0
"""Standard deviation, in log-odds, that the default prior gives to what one typical contrast of a feature
does to a choice; a contrast of 10 makes one choice 22,000 times the other.
"""

FLOOR = 1e-9
"""Spread of a feature over choices, relative to its largest discounted size, that rounding can leave."""


def default_prior(
    likelihood: ChoiceLikelihood, fixed_weights: Mapping[str, float] | None = None
) -> NormalPrior:
    """A wide prior around 0, from the size of the features where decisions were taken.

    The standard deviation of a weight is 10 over the typical effect of one unit of it on log-odds, under choices
    at random. It depends on the states that were seen and the actions that were there, not on what was chosen. For a
    feature that made no difference there it is 10 over the feature's largest size in one step: its posterior is then
    this prior, and a finding of the posterior says so.

    Args:
        likelihood: of the choices.
        fixed_weights: names that need no prior.

    Raises:
        SettingsError: a feature is zero everywhere, so that nothing can scale its prior; or the forward problem has
            no solution at weights of zero.
    """
    fixed = dict(fixed_weights or {})
    start = likelihood.evaluate(np.zeros(likelihood.n_weights), order=2)
    if start.information is None:
        raise SettingsError(
            "There is no default prior here: weights of zero have no finite value "
            f"({start.outcome.label}), so the effect of the features cannot be measured there.",
            hint="State one, {feature: standard deviation}.",
        )
    spread = np.sqrt(np.maximum(np.diag(start.information), 0.0) / likelihood.total_weight)
    size = likelihood.rationality * horizon_size(likelihood)
    free = [k for k, name in enumerate(likelihood.names) if name not in fixed]
    empty = [likelihood.names[k] for k in free if size[k] == 0.0]
    if empty:
        raise SettingsError(
            f"{', '.join(empty)} is 0 everywhere, so nothing can scale a default prior of its weight.",
            hint="Drop the feature, or look at its expression.",
            features=empty,
        )
    idle = [likelihood.names[k] for k in free if spread[k] <= FLOOR * size[k]]
    one_step = likelihood.rationality * _largest(likelihood)
    effect = np.where(spread <= FLOOR * size, one_step, spread)
    source = (
        f"default: mean 0, a typical contrast of each feature changes the log-odds by {CONTRAST:g} "
        "(one standard deviation)"
    )
    if idle:
        source += f"; for {', '.join(idle)}, which made no difference, its largest size in one step does"
    return NormalPrior(
        names=tuple(likelihood.names[k] for k in free),
        means=np.zeros(len(free)),
        standard_deviations=CONTRAST / effect[free],
        source=source,
    )


def _largest(likelihood: ChoiceLikelihood) -> FloatArray:
    """``(K,)`` largest size of each feature."""
    values = likelihood.features.values
    if isinstance(values, np.ndarray):
        return np.asarray(np.abs(values.reshape(-1, likelihood.n_weights)).max(axis=0))
    return np.asarray(abs(values).max(axis=0).todense()).ravel()


def horizon_size(likelihood: ChoiceLikelihood) -> FloatArray:
    """``(K,)`` largest size of each feature, summed over the horizon.

    Args:
        likelihood: whose features and discount they are.
    """
    gamma = likelihood.discount
    return _largest(likelihood) * (100.0 if gamma is None or gamma >= 1.0 else 1.0 / (1.0 - gamma))
