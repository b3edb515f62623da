"""Beliefs about reward weights from transitions alone: approximate variational reward imitation (AVRIL).

For states too many for tables and dynamics that nobody knows. A normal distribution over the reward weights and a point
estimate of the experts' action values are fitted together: the action values explain the choices, and their
temporal-difference residual is tied to the reward (``telic.inference.posterior.variational_bound`` has the
equations, docs/methods/avril.md what is identified and how often intervals hold).

It is an approximation. The fitted distribution takes the action values as known, so it does not widen where few choices
were seen; by default draws are taken instead from the normal approximation in which
action values move along with the weights (linear response, Giordano, Broderick and Jordan 2018). Neither is calibrated.

References: Chan and van der Schaar (2021), Scalable Bayesian inverse reinforcement learning, ICLR; Giordano,
Broderick and Jordan (2018), Covariances, robustness, and variational Bayes, JMLR 19.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict

import numpy as np

import telic
from telic._core.hashing import digest_array
from telic.errors import SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap, SupportsBasis
from telic.reports import Outcome, Provenance
from telic.rewards import ChainDiagnostics, Gauge, NormalPrior, PriorShare, RewardPosterior
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import FloatArray

from .variational_bound import VariationalBound
from .variational_fourier import FourierBasis
from .variational_result import VariationalFit
from .variational_rows import BasisArrays, VariationalRows, read_rows
from .variational_settings import VariationalSettings
from .variational_solver import maximise_bound
from .variational_words import variational_findings

__all__ = ["VariationalSettings", "variational_fit", "variational_posterior"]

UNTOLD = 1e-4
"""Information about a combination of weights, in units of the prior's, below which the prior alone decides it."""


NO_PART = 1e-6
"""Component of such a combination, of unit length, below which a weight plays no part in it."""

DECISIONS_A_NUMBER = 10
"""Decisions that a basis which nobody chose leaves for every number of the action values."""

FEWEST_DECISIONS_A_NUMBER = 2
"""The same for squares and products of the measurements: values of costs need them, so they may be crowded."""

MOST_FUNCTIONS = 100
"""Random waves of such a basis, at most."""

MOST_NUMBERS = 100_000_000
"""Transitions times coefficients that are held at once; 800 MB, a few times over."""


def variational_posterior(
    demos: Demonstrations,
    features: MeasuredFeatureMap | FloatArray,
    prior: NormalPrior,
    *,
    discount: float,
    basis: SupportsBasis | BasisArrays | None = None,
    next_features: FloatArray | None = None,
    settings: VariationalSettings | None = None,
) -> RewardPosterior:
    """Draws of reward weights from an approximate posterior, from transitions alone.

    Args:
        demos: decisions, with what was measured after them (the next row of a trajectory where not given).
        features: phi as functions of measurements and action, or ``(n, A, K)`` numbers for every decision and action.
        prior: of the K weights, by the names of the features. There is no default: what would size it is the effect
            of a feature on choices, which depends on dynamics that are not known here.
        discount: gamma in [0, 1).
        basis: functions that action values are a combination of, one set of coefficients for every action: functions
            of the measurements, or two ``(n, B)`` arrays, before and after every decision. None: the constant and
            random Fourier features by ``settings.key``. It must be able to form a constant.
        next_features: ``(n, A, K)`` features after every decision, beside an array of features: action values then
            contain the features themselves, as they do for functions.
        settings: what one may choose.

    Raises:
        DataError: no decisions or outcomes, rows that do not fit or are not finite, too few transitions.
        FeatureError: features or basis are not finite or of another shape.
        SettingsError: prior or discount do not fit.
    """
    return variational_fit(
        demos,
        features,
        prior,
        discount=discount,
        basis=basis,
        next_features=next_features,
        settings=settings,
    ).posterior


def variational_fit(
    demos: Demonstrations,
    features: MeasuredFeatureMap | FloatArray,
    prior: NormalPrior,
    *,
    discount: float,
    basis: SupportsBasis | BasisArrays | None = None,
    next_features: FloatArray | None = None,
    settings: VariationalSettings | None = None,
) -> VariationalFit:
    """The posterior of ``variational_posterior`` with the action values behind it: the policy that imitates.

    Arguments and errors are the same.
    """
    began = time.process_time()
    s = settings or VariationalSettings()
    if not (math.isfinite(discount) and 0.0 <= discount < 1.0):
        raise SettingsError(
            f"`discount` must lie in [0, 1), got {discount}.",
            hint="It is per decision; without one the level of action values is told by nothing.",
        )
    if basis is None:
        n_actions = features.n_actions if isinstance(features, MeasuredFeatureMap) else np.shape(features)[1]
        basis = _default_basis(demos, n_actions, s)
    rows = read_rows(demos, features, basis, next_features)
    names, units = _names(features, rows, prior)
    bound = VariationalBound(
        rows=rows,
        prior=prior,
        discount=discount,
        rationality=s.rationality,
        weight=s.residual_weight,
        spread=s.action_spread,
        is_projected=s.residual == "projected",
    )
    if len(rows.known) * bound.size > MOST_NUMBERS:
        raise SettingsError(
            f"{len(rows.known):,} transitions with {bound.size:,} coefficients need {len(rows.known) * bound.size:.1g} "
            f"numbers at once, more than {MOST_NUMBERS:.1g}.",
            hint="Give a smaller basis (`n_functions`), or fit a part of the trajectories (`demos.select`).",
        )
    optimum = maximise_bound(
        bound, noise=s.noise, correct_noise=s.correct_noise, tolerance=s.tolerance, max_rounds=s.max_rounds
    )
    sd = prior.standard_deviations
    if optimum.outcome is Outcome.NON_FINITE:
        information = np.full((len(sd), len(sd)), np.nan)
        response = published = np.full_like(information, np.nan)
        shares: tuple[PriorShare, ...] = ()
        null = np.zeros((0, len(sd)))
    else:
        information = bound.joint_information(optimum.t, optimum.noise)
        published = optimum.cholesky @ optimum.cholesky.T
        response = np.linalg.inv(information) * np.outer(sd, sd)
        mu, U = np.linalg.eigh(information)
        shares = tuple(_share(1.0 / v, u / sd) for v, u in zip(mu.tolist(), U.T, strict=True))
        null = (U[:, 1.0 / mu > 1.0 - UNTOLD] * sd[:, None]).T
        null /= np.linalg.norm(null, axis=1, keepdims=True)
        null[np.abs(null) < NO_PART] = 0.0
    chosen = response if s.covariance == "linear-response" else published
    rng = np.random.default_rng([s.key, 1])
    root = np.linalg.cholesky(chosen) if np.all(np.isfinite(chosen)) else chosen
    draws = optimum.mean + rng.normal(size=(s.n_draws, len(sd))) @ root.T
    sources = source_index(demos)
    posterior = RewardPosterior(
        method="avril",
        outcome=optimum.outcome,
        features=FeatureMap(values=rows.features, names=names, units=units),
        draws=draws[None],
        prior=prior,
        mode=optimum.mean,
        mode_covariance=response,
        diagnostics=ChainDiagnostics(
            r_hat=np.ones(len(sd)),
            bulk_ess=np.full(len(sd), float(s.n_draws)),
            tail_ess=np.full(len(sd), float(s.n_draws)),
            n_divergent=0,
            n_evaluations=optimum.n_evaluations,
            is_independent=True,
        ),
        prior_shares=np.minimum(np.diag(chosen) / sd**2, 1.0),
        prior_directions=shares,
        gauge=Gauge(
            kind="prior",
            description="The prior holds what the decisions cannot tell; its share is stated for every weight.",
            rationality=s.rationality,
            discount=discount,
        ),
        null_directions=null,
        n_decisions=demos.n_decisions,
        n_trajectories=int(sources.max(initial=-1)) + 1,
        log_likelihoods=np.full((1, s.n_draws), optimum.log_likelihood),
        fixed_by_assumption={"rationality": s.rationality, "discount": discount, "basis": _words(basis)},
        seconds=time.process_time() - began,
        findings=variational_findings(bound, optimum, information, demos.action_labels, null),
        provenance=Provenance(
            inputs={
                "data": demos.digest,
                "features": digest_array(rows.features),
                "basis": digest_array(rows.basis),
            },
            settings={"method": "avril", "prior": prior.to_json(), "discount": discount, **asdict(s)},
            code=telic.__version__,
        ),
    )
    return VariationalFit(
        posterior=posterior,
        optimum=optimum,
        bound=bound,
        basis=None if isinstance(basis, tuple) else basis,
        features=features if isinstance(features, MeasuredFeatureMap) else None,
        variational_covariance=published,
        linear_response_covariance=response,
    )


def _default_basis(demos: Demonstrations, n_actions: int, settings: VariationalSettings) -> FourierBasis:
    if not demos.observations:
        raise SettingsError(
            "The demonstrations have no measured columns, so there is no default basis.",
            hint="Give two arrays, before and after every decision; one-hot rows of the states are a basis.",
        )
    d = len(demos.observations) - len(demos.categories)
    squares = (d + 1) * (d + 2) // 2
    degree = 2 if FEWEST_DECISIONS_A_NUMBER * n_actions * squares <= demos.n_decisions else 1
    room = demos.n_decisions // (DECISIONS_A_NUMBER * n_actions) - (squares if degree == 2 else d + 1)
    return FourierBasis.fit(
        demos.observations,
        n_functions=settings.n_functions or min(max(room, 0), MOST_FUNCTIONS),
        degree=degree,
        key=settings.key,
        categories=tuple(demos.categories),
    )


def _names(
    features: MeasuredFeatureMap | FloatArray, rows: VariationalRows, prior: NormalPrior
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and units; the prior must be over these names, or over as many columns."""
    if isinstance(features, MeasuredFeatureMap):
        if prior.names != features.names:
            raise SettingsError(
                f"The prior is over {', '.join(prior.names)}, the features are {', '.join(features.names)}.",
                hint="Give one belief for every feature, in their order.",
            )
        return features.names, features.units
    if len(prior.names) != rows.features.shape[2]:
        raise SettingsError(
            f"The prior is over {len(prior.names)} weights, the array of features has {rows.features.shape[2]}.",
            hint="Give one belief for every feature, in their order.",
        )
    return prior.names, ()


def _share(share: float, coefficients: FloatArray) -> PriorShare:
    return PriorShare(share=min(1.0, share), coefficients=coefficients / np.linalg.norm(coefficients))


def _words(basis: SupportsBasis | BasisArrays) -> str:
    if isinstance(basis, FourierBasis):
        degree = basis.trend.degree
        return f"polynomials of degree {degree} and {len(basis.phases)} random Fourier features by key {basis.key}"
    return "given as arrays" if isinstance(basis, tuple) else type(basis).__name__
