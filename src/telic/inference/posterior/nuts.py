"""Draws from the exact posterior by the no-U-turn sampler, with adjoint gradients.

They are made in coordinates in which the curvature at the mode is the identity, so the only thing left to adapt is
the step and what the posterior is not normal in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

import telic
from telic.inference.likelihood import ChoiceLikelihood
from telic.reports import Provenance
from telic.rewards import NormalPrior, RewardPosterior

from .chains import Chain, NutsSettings, diagnose, judge, run_chains
from .default import default_prior
from .target import PosteriorTarget, log_posterior

__all__ = ["nuts_posterior"]


def nuts_posterior(
    likelihood: ChoiceLikelihood,
    prior: NormalPrior | None = None,
    *,
    settings: NutsSettings | None = None,
    fixed_weights: Mapping[str, float] | None = None,
    key: int = 0,
    chains: Mapping[int, Chain] | None = None,
    checkpoint: Callable[[int, Chain], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RewardPosterior:
    """The posterior by sampling; only converged chains are called an answer.

    Args:
        likelihood: of the choices.
        prior: of the free weights; None: see ``default_prior``.
        settings: lengths and limits.
        fixed_weights: name to value of weights that are not inferred.
        key: of the random numbers; chain c of a key is always the same, to rounding.
        chains: finished chains of an interrupted run, as ``checkpoint`` got them.
        checkpoint: called with (chain, its arrays) whenever one ends.
        progress: called with (chains done, chains in all).

    Returns:
        The posterior; its outcome is ``NOT_MIXED`` where the chains cannot be trusted.

    Raises:
        SettingsError: prior and features do not fit, or the sampler is not installed.
        NumericalError: the mode was not found.
    """
    began = time.process_time()
    chosen_settings = settings or NutsSettings()
    fixed = dict(fixed_weights or {})
    chosen = default_prior(likelihood, fixed) if prior is None else prior
    target = PosteriorTarget(likelihood=likelihood, prior=chosen, fixed_weights=fixed)
    ordered = run_chains(
        lambda z: log_posterior(target, z),
        target.mode.psi,
        target.root,
        chosen_settings,
        key=key,
        chains=chains,
        checkpoint=checkpoint,
        progress=progress,
    )
    z = np.stack([np.asarray(chain["z"]) for chain in ordered])
    draws = target.coordinates.expand(z)
    diagnostics = diagnose(
        draws,
        free=target.coordinates.free,
        n_divergent=int(sum(int(np.sum(chain["diverging"])) for chain in ordered)),
        n_evaluations=int(sum(int(np.sum(chain["n_evaluations"])) for chain in ordered)),
    )
    outcome, notes = judge(likelihood.names, diagnostics, draws.shape[0], draws.shape[0] * draws.shape[1])
    # By the draws where they are an answer: by the curvature a prior that bounds a separated weight would seem to do
    # nothing.
    spread = (
        np.atleast_2d(np.cov(z.reshape(-1, z.shape[-1]).T)) if outcome.ok else target.root @ target.root.T
    )
    shares, directions = target.shared(spread)
    return RewardPosterior(
        method="nuts",
        outcome=outcome,
        features=likelihood.features,
        draws=draws,
        prior=chosen,
        mode=target.coordinates.expand(target.mode.psi),
        mode_covariance=target.covariance,
        diagnostics=diagnostics,
        prior_shares=shares,
        prior_directions=directions,
        gauge=target.gauge(),
        null_directions=target.null_directions,
        n_decisions=likelihood.n_decisions,
        n_trajectories=likelihood.n_clusters,
        log_likelihoods=np.stack([np.asarray(c["log_density"]) for c in ordered])
        + 0.5 * (z * z).sum(axis=-1),
        fixed_by_assumption=target.assumptions(),
        seconds=time.process_time() - began,
        findings=(*notes, *target.findings()),
        provenance=Provenance(
            inputs=likelihood.digests(),
            settings={
                "method": "nuts",
                "prior": chosen.to_json(),
                "fixed_weights": fixed,
                "key": key,
                **chosen_settings.to_json(),
            },
            code=telic.__version__,
        ),
    )
