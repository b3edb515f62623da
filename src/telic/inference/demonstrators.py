"""Demonstrators side by side: do they want the same, and does each act on it as steadily?

Three models of the same choices, each holding the one before:

1. one taste and one rationality for all;
2. one taste, a rationality for each (``rationalities``);
3. a taste for each.

Twice the gain in log-likelihood from one to the next is compared with chi-square, D - 1 and (D - 1)(K - 1) degrees of
freedom (K: identified weights). Given the states, choices are independent under each model, so no clustering is needed;
weighted decisions have no such test. Two demonstrators contradict each other in a weight where both are sure of its
sign and the signs differ.

References:
    Wilks (1938), Annals of Mathematical Statistics 9, 60-62.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from telic.errors import DataError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.rewards import LinearReward, RewardEstimate
from telic.trajectories import Demonstrations

from .critical import critical_value
from .demonstrators_result import DemonstratorComparison
from .driver import fit_likelihood
from .likelihood import choice_likelihood
from .likelihood.counts import WEIGHTED
from .rationalities import Rationalities, along_reward, fit_rationalities
from .settings import FitSettings
from .units import Units
from .wording import join_words

__all__ = ["compare_demonstrators"]


def compare_demonstrators(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    settings: FitSettings | None = None,
) -> DemonstratorComparison:
    """The three models of who wants what, and tests between them.

    Args:
        demos: decisions with states and demonstrators.
        world: the dynamics.
        features: what the reward may depend on.
        settings: penalties of all fits; rationality 1.

    Raises:
        DataError: there is only one demonstrator.
    """
    began = time.process_time()
    chosen = settings or FitSettings()
    units = Units.of(demos, "demonstrator")
    if units.n_units < 2:
        raise DataError(
            "One demonstrator has nobody to be compared with.",
            hint="Use `fit_mixture` with trajectories as units to see whether one person has several tastes.",
        )
    filled = demos.select(np.diff(demos.offsets) > 0)
    logs = [filled.select(units.index == u) for u in range(units.n_units)]
    parts = [choice_likelihood(world, features, log) for log in logs]
    pooled = fit_likelihood(choice_likelihood(world, features, filled), chosen)
    own = tuple(fit_likelihood(part, chosen) for part in parts)
    rationalities: Rationalities | None = None
    if pooled.outcome.ok and np.any(pooled.weights):
        reward = along_reward(features, pooled.weights)
        rationalities = fit_rationalities(
            parts, [choice_likelihood(world, reward, log) for log in logs], pooled
        )
    tests = _tests(pooled, rationalities, own)
    return DemonstratorComparison(
        outcome=pooled.outcome if rationalities is None else rationalities.outcome,
        names=units.names,
        sizes=units.sizes,
        pooled=pooled,
        rationalities=rationalities,
        shared=None if rationalities is None else _shared(pooled, rationalities, features),
        own=own,
        tests=tests,
        seconds=time.process_time() - began,
        findings=_findings(units.names, rationalities, own),
    )


def _shared(pooled: RewardEstimate, found: Rationalities, features: FeatureMap) -> RewardEstimate:
    gauge = replace(
        pooled.gauge,
        kind="mean-rationality",
        description="Weights are stated with rationalities of demonstrators that average 1.",
    )
    return replace(
        pooled,
        method="shared_weights",
        outcome=found.outcome,
        reward=LinearReward(features=features, weights=found.weights),
        weights=found.weights,
        covariances=dict(found.weight_covariances),
        choice_covariances={},
        gauge=gauge,
        choice_log_likelihood=found.log_likelihood,
        certificate={**pooled.certificate, "score_norm": found.score_norm},
        solver_state={},
    )


def _tests(
    pooled: RewardEstimate, found: Rationalities | None, own: tuple[RewardEstimate, ...]
) -> dict[str, tuple[float, int, float]]:
    """Name of each test to (statistic, degrees of freedom, p-value); left out where a model has no fit."""
    from scipy.special import gammaincc

    out: dict[str, tuple[float, int, float]] = {}
    if any(f.code == WEIGHTED for f in pooled.findings) or pooled.penalties:
        return out
    D, K = len(own), len(pooled.names) - pooled.nullity
    whole = found is not None and found.outcome.ok and not np.any(found.runs_away)

    def add(name: str, small: float, large: float, df: int) -> None:
        if df > 0:
            statistic = max(0.0, 2.0 * (large - small))
            out[name] = (statistic, df, float(gammaincc(0.5 * df, 0.5 * statistic)))

    if whole and found is not None:
        add("same rationality", pooled.choice_log_likelihood, found.log_likelihood, D - 1)
    if all(fit.outcome.ok for fit in own):
        each = sum(fit.choice_log_likelihood for fit in own)
        df = sum(len(fit.names) - fit.nullity for fit in own)
        if whole and found is not None:
            add("same taste", found.log_likelihood, each, df - K - D + 1)
        add("same taste and rationality", pooled.choice_log_likelihood, each, df - K)
    return out


def _findings(
    names: tuple[str, ...], found: Rationalities | None, own: tuple[RewardEstimate, ...]
) -> tuple[Finding, ...]:
    out: list[Finding] = []
    if found is not None:
        out += _about_rationality(names, found)
    separated = [names[d] for d, fit in enumerate(own) if fit.outcome is Outcome.SEPARATION]
    if separated:
        out.append(
            Finding(
                code="own-weights-run-away",
                severity=Severity.NOTICE,
                message=f"The choices of {join_words(separated)} put no limit on a weight of their own.",
                hint="More decisions of theirs, or an `l2` penalty; shared weights are not concerned.",
                evidence={"demonstrators": separated},
            )
        )
    out += _contradictions(names, own)
    return tuple(out)


def _about_rationality(names: tuple[str, ...], found: Rationalities) -> list[Finding]:
    out = []
    away = [names[d] for d in np.flatnonzero(found.runs_away)]
    if away:
        everybody = found.outcome is Outcome.SEPARATION
        out.append(
            Finding(
                code="rationality-runs-away",
                severity=Severity.ERROR if everybody else Severity.WARNING,
                message=f"The rationality of {join_words(away)} runs to infinity (temperature 0): every choice is the "
                "best one by the shared weights.",
                hint="Too few are left to share weights: collect decisions that are less clear, or fit with `l2`."
                if everybody
                else "Their choices are left out of the shared weights; collect decisions that are less clear.",
                evidence={"demonstrators": away},
            )
        )
    if found.outcome is Outcome.NO_MAJORITY:
        out.append(
            Finding(
                code="no-majority",
                severity=Severity.ERROR,
                message="Half or more act against the reward of all together, or some do so more steadily than the"
                " others follow it: choices do not tell who is right.",
                hint="Say whom to follow, or look at the weights of each.",
            )
        )
        return out
    errors = found.errors.get("sandwich_clustered")
    for d in np.flatnonzero(np.isfinite(found.values) & (found.values < 0)):
        out.append(
            Finding(
                code="negative-rationality",
                severity=Severity.WARNING,
                message=f"{names[d]} acts against the shared weights: rationality {found.values[d]:.3g} "
                f"(standard error {errors[d] if errors is not None else math.nan:.2g}).",
                hint="`fit_despite_suspects` weighs such choices down; or ask what this person was asked to do.",
                evidence={"demonstrator": names[d], "rationality": float(found.values[d])},
            )
        )
    return out


def _contradictions(names: tuple[str, ...], own: tuple[RewardEstimate, ...]) -> list[Finding]:
    """A finding for each weight on whose sign some are sure and disagree."""
    out: list[Finding] = []
    kind = "sandwich_clustered"
    usable = [(n, f) for n, f in zip(names, own, strict=True) if f.outcome.ok and kind in f.covariances]
    if not usable:
        return out
    level = 1.0 - 0.05 / len(usable)  # Bonferroni over demonstrators
    for k, feature in enumerate(own[0].names):
        sides: dict[int, list[str]] = {1: [], -1: []}
        for name, fit in usable:
            reach = critical_value(fit, kind, level=level).value * fit.standard_errors(kind)[k]
            if abs(fit.weights[k]) > reach:
                sides[1 if fit.weights[k] > 0 else -1].append(name)
        if sides[1] and sides[-1]:
            out.append(
                Finding(
                    code="contradictory-demonstrators",
                    severity=Severity.WARNING,
                    message=f"Demonstrators contradict each other about {feature}: {join_words(sides[1])} seek it, "
                    f"{join_words(sides[-1])} avoid it.",
                    hint="One reward for all is then an average that nobody holds; fit them apart or as a mixture.",
                    evidence={"feature": feature, "seek": sides[1], "avoid": sides[-1]},
                )
            )
    return out
