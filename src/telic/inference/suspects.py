"""Demonstrators who act at random or against the others: found, shown with the evidence, and weighed down.

Every demonstrator is an expert with weights ``theta`` shared by all experts, acts at random (every available action
with the same chance), or is adversarial: an expert for the opposite reward, ``-kappa theta`` (a rationality below 0).
Shares, ``theta`` and the posterior probability of each kind for each demonstrator come from one likelihood
(``latent``). So nobody is thrown out: a demonstrator counts by the probability of being an expert, and intervals allow
for it.

**Who is named.** With ``p_e, p_r, p_a`` the chances that the three kinds give to all choices of one demonstrator,

    E = (p_r / p_e + p_a / p_e) / 2

has mean 1 at most for an expert, whatever the world and however many choices, so Markov's inequality bounds the chance
of ``E >= D / alpha``. A demonstrator is suspected where that holds; the chance that any of D experts is suspected is
then at most ``alpha`` at the true weights. The weights are estimated; from the same choices, which lowers E.

**Who is right** cannot be told from choices: turn every weight round and experts and adversaries change places with the
same likelihood. It is decided by number, and where half of the demonstrators or more do not act like the experts, it is
not decided: the outcome is ``NO_MAJORITY``, and nobody is named.

References:
    Ville (1939) and Vovk and Wang (2021), E-values: calibration, combination and applications, Annals of Statistics 49;
    Dawid and Skene (1979), Applied Statistics 28, for kinds of raters by EM.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

from .driver import fit_likelihood
from .latent import LatentClass, LatentClasses, LatentPoint
from .latent_estimate import LatentErrors, class_estimate, latent_errors
from .likelihood import ClusteredLikelihood, choice_likelihood
from .mixture import k_means, start_places
from .settings import FitSettings
from .suspects_result import KINDS_OF_DEMONSTRATOR, SuspectFit
from .units import Units

__all__ = ["SuspectSettings", "fit_despite_suspects"]

FEWEST = 3
"""Demonstrators: of two who contradict each other nobody can be called the odd one."""

CERTIFIED = 1e-6
"""Score per decision above which a fit is not called converged."""

HARDNESS = 0.9
"""Probability of being an expert at the start."""


@dataclass(frozen=True, kw_only=True)
class SuspectSettings:
    """What a caller may choose.

    Attributes:
        level: chance, at most, that anybody is suspected where all are experts.
        adversarial_rationality: kappa, rationality of an adversary in units of that of an expert.
        share_prior: demonstrators of each kind seen beforehand; keeps shares away from 0.
        starts: groups of demonstrators from which the fit is begun, besides all together.
        key: of the starts.
        max_iterations: limit of EM steps.
        l2: squared penalty of the weights.
    """

    level: float = 0.05
    adversarial_rationality: float = 1.0
    share_prior: float = 1.0
    starts: int = 2
    key: int = 0
    max_iterations: int = 200
    l2: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise SettingsError(f"`level` must lie in (0, 1), got {self.level}.", hint="0.05 is usual.")
        if self.starts < 0 or self.max_iterations < 1 or not (np.isfinite(self.l2) and self.l2 >= 0):
            raise SettingsError(
                f"`starts` and `l2` must not be negative and `max_iterations` at least 1, got {self.starts}, {self.l2} "
                f"and {self.max_iterations}.",
                hint="The defaults are usual.",
            )
        for name in ("adversarial_rationality", "share_prior"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise SettingsError(f"`{name}` must be above 0, got {value}.", hint="1 is the convention.")


def fit_despite_suspects(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    rationality: float = 1.0,
    settings: SuspectSettings | None = None,
) -> SuspectFit:
    """The weights of the experts, and who is suspected of not being one.

    Args:
        demos: decisions with states and demonstrators.
        world: the dynamics.
        features: what the reward may depend on.
        rationality: inverse temperature of the experts.
        settings: level and starts.

    Raises:
        DataError: there are fewer than three demonstrators.
        SettingsError: a setting is out of range.
    """
    began = time.process_time()
    chosen = settings or SuspectSettings()
    units = Units.of(demos, "demonstrator")
    if units.n_units < FEWEST:
        people = "demonstrator" if units.n_units == 1 else "demonstrators"
        raise DataError(
            f"Nobody can be called the odd one out of {units.n_units} {people}; at least {FEWEST} are needed.",
            hint="Fit the demonstrators apart and compare them, or take trajectories as units of a mixture.",
        )
    likelihood = choice_likelihood(world, features, units.demos, rationality=rationality)
    pooled = fit_likelihood(likelihood, FitSettings(l2=chosen.l2))
    opposite = choice_likelihood(
        world, _scaled(features, -chosen.adversarial_rationality), units.demos, rationality=rationality
    )
    model = LatentClasses(
        classes=(
            LatentClass(name="expert", owner=0, likelihood=likelihood),
            LatentClass(name="random", constant=_uniform(world, units)),
            LatentClass(name="adversarial", owner=0, likelihood=opposite),
        ),
        null_directions=pooled.null_directions,
        l2=chosen.l2,
        share_prior=chosen.share_prior,
    )
    tops = _climb_all(model, likelihood, pooled, chosen)
    good = [t for t in tops if t.outcome.ok]
    point = max(good, key=lambda t: t.value) if good else None
    outcome = Outcome.SUCCESS if point else (tops[0].outcome if tops else pooled.outcome)
    errors: LatentErrors | None = None
    findings: tuple[Finding, ...] = ()
    evidence = np.full(units.n_units, np.nan)
    suspected: BoolArray = np.zeros(units.n_units, dtype=bool)
    if point is not None:
        errors = latent_errors(model, point, likelihood.total_weight)
        evidence = np.logaddexp(point.each[:, 1], point.each[:, 2]) - np.log(2.0) - point.each[:, 0]
        suspected = evidence >= np.log(units.n_units / chosen.level)
        experts = float(point.responsibilities[:, 0].sum())
        if 2 * suspected.sum() >= units.n_units or 2 * experts <= units.n_units:
            outcome = Outcome.NO_MAJORITY
            findings = (_no_majority(units, point, int(suspected.sum())),)
            suspected = np.zeros_like(suspected)  # which side is called expert was a toss
        else:
            outcome = outcome if errors.score_norm <= CERTIFIED else Outcome.MAX_ITERATIONS
            findings = _findings(units, point, suspected, evidence, chosen.level)
    return SuspectFit(
        outcome=outcome,
        estimate=_estimate(pooled, point, errors, units.sizes, outcome, (*findings, *pooled.findings)),
        naive=pooled,
        shares=np.full(3, np.nan) if point is None else point.shares,
        share_errors={} if errors is None else errors.shares,
        probabilities=np.full((units.n_units, 3), np.nan) if point is None else point.responsibilities,
        evidence=evidence,
        suspected=suspected,
        names=units.names,
        sizes=units.sizes,
        level=chosen.level,
        seconds=time.process_time() - began,
        findings=findings,
    )


def _scaled(features: FeatureMap, factor: float) -> FeatureMap:
    """The same features times a number, under the same names."""
    return replace(features, values=features.values * factor)


def _uniform(world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP, units: Units) -> FloatArray:
    """``(U,)`` log-likelihood of each demonstrator who takes every available action with the same chance."""
    states, _ = units.demos.require_states()
    cost = np.log(world.availability.sum(axis=1))[states]
    weights = 1.0 if units.demos.weights is None else units.demos.weights
    rows = units.index[units.demos.trajectory_index]
    counted = np.bincount(rows, weights=weights * cost, minlength=units.n_units)
    return -np.asarray(counted, dtype=np.float64)


def _climb_all(
    model: LatentClasses, likelihood: ClusteredLikelihood, pooled: RewardEstimate, settings: SuspectSettings
) -> list[LatentPoint]:
    """The tops reached from all together and from groups of demonstrators, experts in the majority."""
    if not pooled.outcome.ok:
        return []
    begins = [pooled.weights]
    rng = np.random.default_rng(settings.key)
    for _ in range(settings.starts):
        group = k_means(start_places(likelihood, pooled), 2, rng)
        many = np.where(group == np.bincount(group, minlength=2).argmax(), 1.0, 1e-6)
        fit = fit_likelihood(likelihood.reweighted(many), FitSettings(l2=settings.l2, standard_errors=False))
        if fit.outcome.ok:
            begins.append(fit.weights)
    shares = np.array([HARDNESS, (1 - HARDNESS) / 2, (1 - HARDNESS) / 2])
    tops = []
    for weights in begins:
        start = model.at(weights[None, :], shares)
        if not start.outcome.ok:
            tops.append(start)
            continue
        top = model.climb(start, max_iterations=settings.max_iterations, gain=1e-3)[0]
        if top.outcome.ok and top.responsibilities[:, 2].sum() > top.responsibilities[:, 0].sum():
            turned = model.at(-top.weights, top.shares[[2, 1, 0]])  # the majority is called expert
            top = model.climb(turned, max_iterations=settings.max_iterations, gain=1e-3)[0]
        tops.append(top)
    return tops


def _estimate(
    pooled: RewardEstimate,
    point: LatentPoint | None,
    errors: LatentErrors | None,
    sizes: FloatArray,
    outcome: Outcome,
    findings: Sequence[Finding],
) -> RewardEstimate:
    K = len(pooled.names)
    informed = sizes if point is None else sizes * (1.0 - point.responsibilities[:, 1])
    blocks = {} if errors is None else {kind: m[:K, :K] for kind, m in errors.covariances.items()}
    return class_estimate(
        pooled,
        method="despite_suspects",
        outcome=outcome,
        weights=np.full(K, np.nan) if point is None else point.weights[0],
        covariances=blocks,
        unit_weights=informed,
        score_norm=np.inf if errors is None else errors.score_norm,
        log_likelihood=-np.inf if point is None else point.log_likelihood,
        findings=tuple(findings),
    )


def _no_majority(units: Units, point: LatentPoint, n_apart: int) -> Finding:
    """No side is larger than the other; nobody is named, for either side may be the experts."""
    counts = ", ".join(
        f"{n:.1f} {kind}"
        for n, kind in zip(point.responsibilities.sum(axis=0), KINDS_OF_DEMONSTRATOR, strict=True)
    )
    return Finding(
        code="no-majority",
        severity=Severity.ERROR,
        message=f"{n_apart} of {units.n_units} demonstrators do not act like the others (expected: {counts}). "
        "Where half or more do not, choices do not tell who is right, and nobody is suspected.",
        hint="Say whom to follow, or fit everybody apart; the weights found are kept but are no answer.",
        evidence={"apart": n_apart, "demonstrators": units.n_units},
    )


def _findings(
    units: Units, point: LatentPoint, suspected: BoolArray, evidence: FloatArray, level: float
) -> tuple[Finding, ...]:
    out = []
    for u in np.flatnonzero(suspected):
        i = 1 + int(point.responsibilities[u, 1:].argmax())
        kind = KINDS_OF_DEMONSTRATOR[i]
        manner = "at random" if kind == "random" else "against the others"
        out.append(
            Finding(
                code="suspected-demonstrator",
                severity=Severity.WARNING,
                message=f"{units.names[u]} acts {manner}: probability {point.responsibilities[u, i]:.3g} of being "
                f"{kind}, {evidence[u]:.1f} nats against being an expert (named from "
                f"{np.log(units.n_units / level):.1f} on).",
                hint="Such choices are weighed down. Ask first: another task, or something unseen, looks the same.",
                evidence={
                    "demonstrator": units.names[u],
                    "probabilities": dict(
                        zip(KINDS_OF_DEMONSTRATOR, point.responsibilities[u].tolist(), strict=True)
                    ),
                    "nats": float(evidence[u]),
                    "decisions": float(units.sizes[u]),
                },
            )
        )
    return tuple(out)
