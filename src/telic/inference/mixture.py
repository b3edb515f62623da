"""A mixture of intents: several tastes among the units, and which unit has which.

Every unit (a trajectory or a demonstrator) has one of J weight vectors; which one is not known, nor how common each
is. The likelihood of a unit is that of its choices under the exact soft policies of the J weight vectors, weighed by
their shares; it is maximised by EM and Newton's method (``latent``) from several starts, for it has several tops. A
start groups the units by their scores at the fit of all together (k-means++, drawn with ``key``). Components are
ordered by share, largest first.

The likelihood always grows with J, and components of chance look apart by their own standard errors: how many there
are is decided by ``mixture_choice.choose_components``. Standard errors come from the observed information (Louis) and
its sandwich by unit. They do not exist near two components that are the same, or near one that nobody has;
that is said.

References:
    Babes-Vroman, Marivate, Subramanian and Littman (2011), Apprenticeship learning about multiple intentions, ICML;
    Louis (1982), J. R. Statist. Soc. B 44; Arthur and Vassilvitskii (2007), k-means++, SODA.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .driver import fit_likelihood
from .latent import LatentClass, LatentClasses, LatentPoint
from .latent_estimate import latent_errors
from .likelihood import ClusteredLikelihood, choice_likelihood
from .mixture_findings import mixture_findings
from .mixture_result import IntentMixture
from .settings import FitSettings
from .uncertainty import complement
from .units import Units
from .wording import plural

__all__ = ["MixtureSettings", "fit_mixture", "k_means", "start_places"]

HARDNESS = 0.9
"""Probability that a start gives to the group of a unit."""

KMEANS_ROUNDS = 20
"""Rounds of k-means in a start."""

CERTIFIED = 1e-6
"""Score per decision above which a fit is not called converged."""

SAME_TOP = 1e-3
"""Nats within which two starts reached the same top."""


@dataclass(frozen=True, kw_only=True)
class MixtureSettings:
    """What a caller may choose about a mixture.

    Attributes:
        starts: how many; more finds the highest top more surely.
        key: of the starts.
        max_iterations: limit of EM steps from each start.
        gain: nats a step of EM must gain to go on; Newton's method does the rest.
        l2: squared penalty of each weight vector, nats per squared weight; keeps components of few units finite.
    """

    starts: int = 8
    key: int = 0
    max_iterations: int = 200
    gain: float = 1e-3
    l2: float = 0.0

    def __post_init__(self) -> None:
        for name in ("starts", "max_iterations"):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"`{name}` must be at least 1, got {getattr(self, name)}.", hint="It is a count."
                )
        if not (self.gain > 0 and np.isfinite(self.gain)):
            raise SettingsError(f"`gain` must be above 0, got {self.gain}.", hint="In nats; 1e-3 is usual.")
        if not (self.l2 >= 0 and np.isfinite(self.l2)):
            raise SettingsError(f"`l2` must not be negative, got {self.l2}.", hint="0 means no penalty.")


def fit_mixture(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    n_components: int,
    unit: str = "trajectory",
    rationality: float = 1.0,
    settings: MixtureSettings | None = None,
) -> IntentMixture:
    """The tastes among the units, their shares, and the probability of each unit to have each.

    Args:
        demos: decisions with states.
        world: the dynamics.
        features: what the rewards may depend on.
        n_components: J, at least 1.
        unit: ``"trajectory"`` or ``"demonstrator"``: what keeps one taste.
        rationality: inverse temperature of all.
        settings: starts and limits.

    Raises:
        DataError: there are fewer units than components.
        SettingsError: a setting is out of range.

    References:
        Babes-Vroman et al. (2011).
    """
    began = time.process_time()
    units = Units.of(demos, unit)
    check_enough(units, n_components)
    likelihood = choice_likelihood(world, features, units.demos, rationality=rationality)
    return mixture_of(likelihood, units, n_components, settings or MixtureSettings(), began)


def mixture_of(
    likelihood: ClusteredLikelihood,
    units: Units,
    n_components: int,
    chosen: MixtureSettings,
    began: float,
) -> IntentMixture:
    """The mixture under a likelihood whose clusters are the units; ``began`` is when, in CPU seconds."""
    pooled = fit_likelihood(likelihood, FitSettings(l2=chosen.l2))
    tops = _climb_all(likelihood, pooled, n_components, chosen)
    good = [t for t in tops if t.outcome.ok]
    model = intents(likelihood, pooled, n_components, chosen.l2)
    point = max(good, key=lambda t: t.value) if good else None
    outcome = Outcome.SUCCESS if point else (tops[0].outcome if tops else pooled.outcome)
    errors = None
    if point is not None:
        point = _ordered(point)
        errors = latent_errors(model, point, likelihood.total_weight)
        if errors.score_norm > CERTIFIED:
            outcome = Outcome.MAX_ITERATIONS
    K, U = likelihood.n_weights, units.n_units
    reached = 0 if point is None else sum(point.value - t.value < SAME_TOP for t in good)
    weights = np.full((n_components, K), np.nan) if point is None else point.weights
    responsibilities = np.full((U, n_components), np.nan) if point is None else point.responsibilities
    findings = mixture_findings(
        units, pooled, point, {} if errors is None else errors.covariances, reached, len(tops), outcome
    )
    return IntentMixture(
        outcome=outcome,
        weights=weights,
        shares=np.full(n_components, np.nan) if point is None else point.shares,
        covariances={} if errors is None else errors.covariances,
        share_errors={} if errors is None else errors.shares,
        responsibilities=responsibilities,
        unit=units.kind,
        unit_names=units.names,
        unit_sizes=units.sizes,
        log_likelihood=-np.inf if point is None else point.log_likelihood,
        pooled=pooled,
        score_norm=np.inf if errors is None else errors.score_norm,
        n_starts=len(tops),
        n_reached=reached,
        seconds=time.process_time() - began,
        findings=findings,
    )


def check_enough(units: Units, n_components: int) -> None:
    """Refuse fewer units than components."""
    if n_components < 1:
        raise SettingsError(
            f"`n_components` must be at least 1, got {n_components}.", hint="It counts tastes."
        )
    if units.n_units < n_components:
        raise DataError(
            f"A mixture of {n_components} components needs at least as many {plural(units.kind)}, got {units.n_units}.",
            hint="Ask for fewer components"
            + (", or take trajectories as units." if units.kind == "demonstrator" else "."),
        )


def intents(
    likelihood: ClusteredLikelihood, pooled: RewardEstimate, n_components: int, l2: float
) -> LatentClasses:
    """The model: one weight vector a component."""
    ones = np.ones(likelihood.n_clusters)
    return LatentClasses(
        classes=tuple(
            LatentClass(name=f"intent {j + 1}", owner=j, likelihood=likelihood.reweighted(ones))
            for j in range(n_components)
        ),
        null_directions=pooled.null_directions,
        l2=l2,
    )


def _climb_all(
    likelihood: ClusteredLikelihood, pooled: RewardEstimate, n_components: int, settings: MixtureSettings
) -> list[LatentPoint]:
    """The top that each start reached; empty where not even one taste for all could be fitted."""
    if not pooled.outcome.ok:
        return []
    model = intents(likelihood, pooled, n_components, settings.l2)
    same = np.tile(pooled.weights, (n_components, 1))
    if n_components == 1:
        return [model.at(same, np.ones(1))]
    places = start_places(likelihood, pooled)
    rng = np.random.default_rng(settings.key)
    tops = []
    for _ in range(settings.starts):
        group = k_means(places, n_components, rng)
        r = np.full((len(group), n_components), (1.0 - HARDNESS) / (n_components - 1))
        r[np.arange(len(group)), group] = HARDNESS
        start = model.maximise_step(same, r)
        if not start.outcome.ok:
            tops.append(start)
            continue
        tops.append(model.climb(start, max_iterations=settings.max_iterations, gain=settings.gain)[0])
    return tops


def start_places(likelihood: ClusteredLikelihood, pooled: RewardEstimate) -> FloatArray:
    """``(U, k)`` where each unit pulls the weights, in standard errors of one decision."""
    Z = complement(pooled.null_directions)
    information = likelihood.evaluate(pooled.weights, order=2).information
    assert information is not None
    mu, V = np.linalg.eigh(Z.T @ information @ Z / likelihood.total_weight)
    root = V / np.sqrt(np.maximum(mu, 1e-12 * mu[-1]))
    scores = likelihood.cluster_scores(pooled.weights) @ Z @ root
    return np.asarray(scores / np.maximum(likelihood.cluster_sizes, 1.0)[:, None])


def k_means(x: FloatArray, n_groups: int, rng: np.random.Generator) -> np.ndarray:
    """``(U,)`` groups by k-means from k-means++ centres."""
    centres = x[[rng.integers(len(x))]]
    for _ in range(n_groups - 1):
        apart = ((x[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
        chance = apart / apart.sum() if apart.sum() > 0 else np.full(len(x), 1.0 / len(x))
        centres = np.concatenate([centres, x[[rng.choice(len(x), p=chance)]]])
    group = np.zeros(len(x), dtype=np.int64)
    for _ in range(KMEANS_ROUNDS):
        group = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        for g in range(n_groups):
            if np.any(group == g):
                centres[g] = x[group == g].mean(axis=0)
    return group


def _ordered(point: LatentPoint) -> LatentPoint:
    """The components by share, largest first."""
    order = np.argsort(-point.shares, kind="stable")
    return LatentPoint(
        weights=point.weights[order],
        shares=point.shares[order],
        each=point.each[:, order],
        log_likelihood=point.log_likelihood,
        value=point.value,
        responsibilities=point.responsibilities[:, order],
    )
