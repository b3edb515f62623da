"""The normal approximation of a posterior at its mode (Laplace 1774): quick, and wrong where it is skewed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

import telic
from telic.errors import SettingsError
from telic.inference.likelihood import ChoiceLikelihood
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import ChainDiagnostics, NormalPrior, RewardPosterior
from telic.typing import FloatArray

from .default import default_prior
from .target import PosteriorTarget

__all__ = ["laplace_posterior"]

LEAST_SHARE = 0.1
"""Effective share of draws, reweighted to the exact posterior, below which the approximation is called poor."""

STEP = 2.0
DROPS = (1.0, 4.0)
"""Two standard deviations from the mode a normal density has dropped by 2 nats. Outside this range along some axis it
is called poor: draws cannot show mass where none of them fell, as with a weight that nearly separates.
"""


def laplace_posterior(
    likelihood: ChoiceLikelihood,
    prior: NormalPrior | None = None,
    *,
    n_draws: int = 1_000,
    fixed_weights: Mapping[str, float] | None = None,
    key: int = 0,
    n_checked: int = 100,
) -> RewardPosterior:
    """Independent draws from the normal distribution with the mode and the curvature of the posterior.

    How far it is from the posterior is measured. Some draws are weighted by the exact density over the normal one:
    where the effective share of them is below 0.1, or one of them has no forward solution, a finding says to sample
    instead. So it does where the exact density two standard deviations from the mode, along an axis of the curvature,
    has not dropped by 1 to 4 nats (2 for a normal).

    Args:
        likelihood: of the choices.
        prior: of the free weights; None: see ``default_prior``.
        n_draws: draws.
        fixed_weights: name to value of weights that are not inferred.
        key: of the random numbers.
        n_checked: draws at which the exact density is evaluated.

    Raises:
        SettingsError: ``n_draws`` is too small, or prior and features do not fit.
        NumericalError: the mode was not found.
    """
    began = time.process_time()
    fixed = dict(fixed_weights or {})
    if not 0 < n_checked <= n_draws:
        raise SettingsError(
            f"`n_draws` must be at least `n_checked`, got {n_draws} and {n_checked}.", hint="1,000 is usual."
        )
    chosen = default_prior(likelihood, fixed) if prior is None else prior
    target = PosteriorTarget(likelihood=likelihood, prior=chosen, fixed_weights=fixed)
    rng = np.random.default_rng(key)
    eta = rng.normal(size=(n_draws, target.coordinates.count))
    z = target.mode.psi + eta @ target.root.T
    log_likelihoods = np.full(n_draws, np.nan)
    log_ratio = np.full(n_checked, -np.inf)
    for i in range(n_checked):
        point = target.objective.at(z[i], order=0)
        log_likelihoods[i] = point.choice_log_likelihood
        if point.outcome.ok:
            log_ratio[i] = point.value + 0.5 * float(eta[i] @ eta[i])
    notes = [*target.findings(), *_poor(target, log_ratio)]
    K = likelihood.n_weights
    ones = np.ones(K)
    return RewardPosterior(
        method="laplace",
        outcome=Outcome.SUCCESS,
        features=likelihood.features,
        draws=target.coordinates.expand(z)[None],
        prior=chosen,
        mode=target.coordinates.expand(target.mode.psi),
        mode_covariance=target.covariance,
        diagnostics=ChainDiagnostics(
            r_hat=ones,
            bulk_ess=ones * n_draws,
            tail_ess=ones * n_draws,
            n_divergent=0,
            n_evaluations=n_checked,
            is_independent=True,
        ),
        prior_shares=target.prior_shares,
        prior_directions=target.prior_directions,
        gauge=target.gauge(),
        null_directions=target.null_directions,
        n_decisions=likelihood.n_decisions,
        n_trajectories=likelihood.n_clusters,
        log_likelihoods=log_likelihoods[None],
        fixed_by_assumption=target.assumptions(),
        seconds=time.process_time() - began,
        findings=tuple(notes),
        provenance=Provenance(
            inputs=likelihood.digests(),
            settings={
                "method": "laplace",
                "prior": chosen.to_json(),
                "fixed_weights": fixed,
                "n_draws": n_draws,
                "n_checked": n_checked,
                "key": key,
            },
            code=telic.__version__,
        ),
    )


def _poor(target: PosteriorTarget, log_ratio: FloatArray) -> list[Finding]:
    """How the normal differs from the posterior, where it does so by much."""
    share = _effective_share(log_ratio)
    infeasible = float(np.mean(np.isneginf(log_ratio)))
    top = target.mode.value
    drops = []
    for column in target.root.T:
        for sign in (-STEP, STEP):
            point = target.objective.at(target.mode.psi + sign * column, order=0)
            drops.append(top - point.value if point.outcome.ok else np.inf)
    said = []
    if share < LEAST_SHARE:
        said.append(f"reweighted to it, {len(log_ratio)} draws are worth {share * len(log_ratio):.1f}")
    if infeasible:
        said.append(f"{infeasible:.0%} of the draws have no finite value")
    if min(drops) < DROPS[0] or max(drops) > DROPS[1]:
        said.append(
            f"two standard deviations from its mode it has dropped by {min(drops):.2g} to {max(drops):.2g} nats "
            "(2 for a normal)"
        )
    if not said:
        return []
    return [
        Finding(
            code="laplace-is-poor",
            severity=Severity.WARNING,
            message=f"The posterior is far from normal: {'; '.join(said)}.",
            hint="Sample instead (method `nuts`).",
            evidence={"effective_share": share, "infeasible": infeasible},
        )
    ]


def _effective_share(log_ratio: np.ndarray) -> float:
    """Kish's effective sample size of importance weights, over their number."""
    if not np.isfinite(log_ratio).any():
        return 0.0
    w = np.exp(log_ratio - log_ratio.max())
    return float(w.sum() ** 2 / (w * w).sum() / len(w))
