"""A linear reward from transitions alone, for states too many to count.

Rows of (measurements, action, measurements after) are all that is needed: no table of states, no model of the
dynamics. Three steps:

1. the experts' choice probabilities as a function of the measurements, a multinomial logit on a basis;
2. what follows each action, the expected discounted sum of every feature and of the entropy of choice, by
   least-squares temporal differences on the same basis (``telic.inference.temporal_difference``);
3. a logit of the choices on ``phi_k(x, a) + gamma u_k(x, a)`` with offset ``gamma u_e(x, a)``, corrected
   for the sampling noise of ``u`` (``telic.inference.transition_solver``): its coefficients are the
   weights.

With one indicator a cell as the basis this is the conditional-choice-probability estimator of the table of
cells with the transitions counted; with a smooth basis it needs far fewer numbers than cells. Columns named
``exogenous`` move on their own, whatever anybody does: their surprises are taken out of the noise, which
sharpens the answer more than anything else.

Standard errors: ``sandwich`` and ``sandwich_clustered`` add to each decision's score what its transition
contributes through the value terms of step 2. Step 1 adds nothing to first order (the choice probabilities
do not move with the policy behind the value terms at the truth). ``hessian`` and ``outer_product`` take the
value terms as known. The bias of a basis too poor for the value is in none of them: compare two bases.

References: Hotz, Miller, Sanders and Smith (1994), Review of Economic Studies 61, 265-289; Aguirregabiria
and Mira (2002), Econometrica 70; Adusumilli and Eckardt (2025), Temporal-difference estimation of dynamic
discrete choice models; Newey and McFadden (1994), Handbook of Econometrics IV, section 6, for two-step
standard errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

import telic
from telic._core.hashing import digest_array
from telic.features import MeasuredFeatureMap, PolynomialBasis, SupportsBasis, TileBasis
from telic.inference.pseudo_likelihood import null_finding, separation_finding
from telic.inference.transition_problem import TransitionProblem, TransitionView
from telic.inference.transition_solver import TransitionAnswer, TransitionSettings, solve_transitions
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import Gauge, MeasuredReward, RewardEstimate
from telic.trajectories import Demonstrations
from telic.trajectories.splits import effective_count, source_index, source_sizes
from telic.typing import BoolArray

__all__ = ["ConditionalChoiceTransitionsSettings", "conditional_choice_transitions"]

METHOD = "conditional_choice_transitions"
"""The registered name."""

ConditionalChoiceTransitionsSettings = TransitionSettings
"""Settings of this method."""

MISFIT_NATS = 0.01
"""Nats a decision by which the free choice model must beat the reward before a reader is told."""

LOW_RELIABILITY = 0.7
"""Reliability below which a reader is told that the answer leans on the correction for noise."""

BOOTSTRAP_RATIO = 1.5
"""Bootstrap over clustered standard error beyond which a reader is told to use the bootstrap."""


def conditional_choice_transitions(
    demos: Demonstrations,
    features: MeasuredFeatureMap,
    *,
    discount: float,
    basis: SupportsBasis | None = None,
    exogenous: Sequence[str] = (),
    available: Callable[[Mapping[str, NDArray[Any]]], BoolArray] | None = None,
    settings: TransitionSettings | None = None,
) -> RewardEstimate:
    """The weights of a linear reward of measurements, from transitions alone.

    Args:
        demos: demonstrations with measured columns; what came after is ``next_observations``, or the next
            row.
        features: phi as functions of measurements and action.
        discount: gamma per decision, in [0, 1); 1 only where every trajectory terminates.
        basis: functions that the value is a combination of. None: polynomials of all columns.
        exogenous: columns that move on their own: what comes next depends on these columns alone
            (``affected_by_action: false`` in a contract). A wrongly named one biases the answer.
        available: ``(n, A)`` actions that could be taken, of rows. None: all.
        settings: see there.

    Raises:
        DataError: no decisions, no measurements, no row whose outcome is known, or actions that do not fit.
        SettingsError: ``discount`` lies outside its range, or an exogenous column does not exist.
        FeatureError: features or basis are not finite.
    """
    started = time.process_time()
    chosen = TransitionSettings() if settings is None else settings
    view = TransitionView(
        features=features,
        basis=basis or _default_basis(demos, chosen.degree),
        discount=float(discount),
        include_features=chosen.include_features,
        exogenous=tuple(exogenous),
        available=available,
    )
    problem = view.of(demos)
    answer = solve_transitions(problem, chosen)
    findings = [*_findings(problem, answer, features.names)]
    if chosen.n_bootstrap and answer.outcome.ok:
        findings.append(_bootstrap(demos, view, chosen, answer))
    sizes = source_sizes(demos)
    fixed: dict[str, float | str] = {"discount": float(discount), "rationality": chosen.rationality}
    if chosen.l2:
        fixed["l2"] = chosen.l2
    if exogenous:
        fixed["exogenous"] = ", ".join(exogenous)
    return RewardEstimate(
        method=METHOD,
        outcome=answer.outcome,
        reward=MeasuredReward(features=features, weights=answer.weights),
        names=features.names,
        units=features.units or ("",) * features.n_features,
        weights=answer.weights,
        covariances=answer.covariances,
        gauge=Gauge(
            kind="minimum-norm",
            description="The weights have no component in directions that change no choice that was seen.",
            rationality=chosen.rationality,
            discount=float(discount),
        ),
        null_directions=answer.fit.null_directions,
        n_decisions=int(np.count_nonzero(problem.weights > 0)),
        n_trajectories=len(sizes),
        n_effective_trajectories=effective_count(sizes),
        kinds_with_dynamics=tuple(k for k in ("sandwich", "sandwich_clustered") if k in answer.covariances),
        choice_log_likelihood=answer.fit.value,
        transition_log_likelihood=None,
        certificate={
            "score_norm": answer.score_norm,
            "reliability": answer.reliability,
            "last_change": answer.change,
            "n_value_fits": float(answer.iterations),
            "value_condition": answer.values.condition,
            "free_choice_log_likelihood": answer.choice.log_likelihood,
        },
        fixed_by_assumption=fixed,
        seconds=time.process_time() - started,
        findings=tuple(findings),
        provenance=Provenance(
            inputs={"demonstrations": demos.digest, "feature_values": digest_array(problem.features)},
            settings={"method": METHOD, "n_basis": problem.basis.shape[1], **asdict(chosen)},
            code=telic.__version__,
            key=chosen.key if chosen.n_bootstrap else None,
        ),
    )


def _bootstrap(
    demos: Demonstrations, view: TransitionView, settings: TransitionSettings, answer: TransitionAnswer
) -> Finding:
    rng = np.random.default_rng(settings.key)
    draws = []
    sources = source_index(demos)
    pieces = [np.flatnonzero(sources == i) for i in range(int(sources.max(initial=-1)) + 1)]
    for _ in range(settings.n_bootstrap):
        drawn = rng.integers(0, len(pieces), len(pieces))
        sample = demos.select(np.concatenate([pieces[i] for i in drawn]))
        again = solve_transitions(view.of(sample), settings, errors=False)
        if again.outcome.ok:
            draws.append(again.weights)
    names = view.features.names
    spread = np.std(draws, axis=0, ddof=1) if len(draws) > 1 else np.full(len(names), np.nan)
    stated = np.sqrt(np.maximum(np.diag(answer.covariances["sandwich_clustered"]), 0.0))
    ratio = spread / np.where(stated > 0, stated, np.nan)
    worst = float(np.nanmax(ratio)) if np.any(np.isfinite(ratio)) else np.nan
    agrees = worst <= BOOTSTRAP_RATIO and 2 * len(draws) > settings.n_bootstrap
    hint = "Use the bootstrap standard errors in the evidence, or collect more trajectories."
    return Finding(
        code="bootstrap",
        severity=Severity.INFO if agrees else Severity.WARNING,
        message=(
            f"{len(draws)} of {settings.n_bootstrap} resamplings of whole trajectories succeeded; their "
            f"standard "
            f"errors are at most {worst:.2f} times the clustered ones."
        ),
        hint="" if agrees else hint,
        evidence={
            "standard_errors": dict(zip(names, map(float, spread), strict=True)),
            "n_draws": len(draws),
        },
    )


def _findings(
    problem: TransitionProblem, answer: TransitionAnswer, names: tuple[str, ...]
) -> tuple[Finding, ...]:
    B, m = problem.basis.shape[1], len(problem.known)
    found: list[Finding] = []

    def add(code: str, severity: Severity, message: str, hint: str, **evidence: float) -> None:
        found.append(Finding(code=code, severity=severity, message=message, hint=hint, evidence=evidence))

    if answer.fit.separating is not None:
        found.append(separation_finding(names, answer.fit.separating))
    if answer.outcome is Outcome.COLLINEAR:
        add(
            "value-noise",
            Severity.ERROR,
            f"Of what tells some weights apart only {max(answer.reliability, 0.0):.0%} is more than the "
            f"sampling noise "
            f"of {m} transitions.",
            "Name the columns that move on their own (`exogenous`), collect more, or give a smaller basis.",
            reliability=answer.reliability,
        )
    elif answer.reliability < LOW_RELIABILITY:
        add(
            "value-noise",
            Severity.WARNING,
            f"Sampling noise makes up {1 - answer.reliability:.0%} of what tells some weights apart; "
            f"the answer is "
            "corrected for it and leans on that.",
            "Name the columns that move on their own (`exogenous`), collect more, or give a smaller basis.",
            reliability=answer.reliability,
        )
    if answer.fit.outcome.ok:
        n_free = (problem.allowed.shape[1] - 1) * B
        gap = (answer.choice.log_likelihood - answer.fit.value - n_free) / max(
            float(problem.weights.sum()), 1.0
        )
        if gap > MISFIT_NATS:
            add(
                "choice-misfit",
                Severity.WARNING,
                f"A free choice model explains {gap:.3f} nats a decision more than this reward, beyond "
                f"what its "
                f"{n_free} numbers would by chance.",
                "Add features, check the discount, or add what the experts saw and the columns lack.",
                nats_per_decision=gap,
            )
    if np.isfinite(answer.change) and answer.change > 1e-3:
        add(
            "not-settled",
            Severity.WARNING,
            f"The last iteration still moved the weights by {answer.change:.2g} of the largest.",
            "Use one iteration, or simplify the basis.",
            change=answer.change,
        )
    if not answer.choice.outcome.ok:
        add(
            "choice-model",
            Severity.WARNING,
            "The first choice model did not converge.",
            "Raise `choice_ridge` or give a smaller basis.",
        )
    found += null_finding(names, answer.fit.null_directions)
    add(
        "pseudo-likelihood",
        Severity.NOTICE,
        f"The log-likelihood is a pseudo-likelihood under value terms on {B} basis functions from {m} "
        f"transitions; "
        "standard errors leave out the bias of that basis.",
        "Fit again with a richer basis and compare; where states can be counted, compare with the "
        "tabular fit.",
    )
    return tuple(found)


def _default_basis(demos: Demonstrations, degree: int | None) -> SupportsBasis:
    if not demos.n_decisions or not demos.observations:
        return TileBasis(edges={})  # refused by the view, with the reason
    return PolynomialBasis.fit(demos.observations, degree=degree, categories=tuple(demos.categories))
