"""Posteriors for ArviZ, whose plots and checks many know."""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.rewards import RewardPosterior

from .chains import load

__all__ = ["to_arviz"]


def to_arviz(posterior: RewardPosterior, *, key: int = 0) -> Any:
    """The posterior as ``arviz.InferenceData``.

    Groups ``posterior`` and ``prior``, the second with as many draws in one chain: ``weight`` (chain, draw, feature); a
    fixed weight has its value in both. Group ``log_likelihood``: ``choices`` (chain, draw), of all of them, nats.
    Attributes: method, outcome, units, prior, gauge, number of decisions. Draws that are no answer are there too; the
    attribute ``outcome`` says so.

    Args:
        posterior: by any method.
        key: of the draws from the prior.

    Raises:
        SettingsError: ArviZ is not installed.
    """
    arviz = load("arviz")
    prior, names = posterior.prior, posterior.names
    before = np.repeat(posterior.flat[:1], posterior.n_draws, axis=0)
    before[:, [names.index(n) for n in prior.names]] = prior.draw(posterior.n_draws, key=key)
    data = arviz.from_dict(
        posterior={"weight": posterior.draws},
        prior={"weight": before[None]},
        log_likelihood={"choices": posterior.log_likelihoods},
        coords={"feature": list(names)},
        dims={"weight": ["feature"]},
    )
    data.posterior.attrs.update(
        method=posterior.method,
        outcome=posterior.outcome.label,
        units=", ".join(f"{n}: {u}" for n, u in zip(names, posterior.units, strict=True) if u),
        prior=prior.source,
        gauge=posterior.gauge.description,
        n_decisions=posterior.n_decisions,
    )
    return data
