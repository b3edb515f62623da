"""The fit of reward weights by exact likelihood: one loop for every kind of world and every smooth method.

The driver finds a start where the forward problem has a solution, maximises, names what is separated or
cannot be told, projects the weights to minimum norm where the data leave a choice, and states the standard
errors. It does no input or output: ``checkpoint`` and ``progress`` are the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import telic
from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Provenance
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories.splits import effective_count
from telic.typing import FloatArray

from .conjugate import maximise_conjugate
from .critical import COUNT_ROUNDING
from .fit_findings import (
    few_trajectories,
    held_by_penalty,
    negative_rationality,
    no_clusters,
    no_errors,
    no_start,
    null_findings,
    one_trajectory,
    penalised_errors,
    rationality_finding,
    separation_finding,
)
from .likelihood import ChoiceLikelihood
from .newton import NewtonResult, maximise_newton
from .objective import Objective, Point
from .parameters import Parameters
from .separation import falls_short, find_separation, named_weights
from .settings import FitSettings
from .start import feasible_start
from .uncertainty import covariances, null_space, project_out

__all__ = ["FitProgress", "fit_likelihood"]

FLOOR = 1e-9
"""Spread of a feature over choices, relative to its largest (discounted) size, that rounding can leave."""

MOST_LOOKED_AT = 60
"""Free numbers up to which a penalised fit is continued without its penalty where that may run away."""

GAUGE_SLACK = 1e-10
"""Relative change of the log-likelihood by which moving along a null direction shows that it was not one.
"""


@dataclass(frozen=True, kw_only=True)
class FitProgress:
    """What a person may want to see while a fit runs.

    Attributes:
        iteration: Newton steps so far.
        max_iterations: their limit.
        log_likelihood: of the choices, nats.
        score_norm: per decision; the fit stops when it is about the tolerance.
        seconds: CPU seconds so far.
    """

    iteration: int
    max_iterations: int
    log_likelihood: float
    score_norm: float
    seconds: float


def fit_likelihood(
    likelihood: ChoiceLikelihood,
    settings: FitSettings | None = None,
    *,
    method: str = "max_causal_entropy",
    transition_log_likelihood: float | None = None,
    solver_state: Mapping[str, Any] | None = None,
    checkpoint: Callable[[Mapping[str, Any]], None] | None = None,
    progress: Callable[[FitProgress], bool | None] | None = None,
    findings: tuple[Finding, ...] = (),
) -> RewardEstimate:
    """The reward weights that make the choices most likely, with errors and certificate.

    Args:
        likelihood: of the choices.
        settings: penalties, fixed weights, tolerance.
        method: name that the estimate carries.
        transition_log_likelihood: of estimated dynamics, to be added to that of the choices; None for known
            dynamics.
        solver_state: of an interrupted fit of the same likelihood, to go on from.
        checkpoint: called with the solver state every ``settings.checkpoint_every`` steps.
        progress: called at every step; returning False interrupts the fit.
        findings: put in front of the findings of the fit.

    Returns:
        The estimate; ``outcome`` says whether it may be used, ``solver_state`` resumes it.

    Raises:
        SettingsError: settings do not fit the likelihood.
    """
    began = time.process_time()
    chosen = settings or FitSettings()
    parameters = Parameters.of(likelihood.names, chosen)
    _check_rationality(likelihood, chosen)
    objective = Objective(likelihood=likelihood, parameters=parameters, l2=chosen.l2, l1=chosen.l1)
    n = likelihood.total_weight
    dense = parameters.count <= chosen.max_dense_weights
    if chosen.l1 and not dense:
        raise SettingsError(
            f"An absolute penalty needs at most {chosen.max_dense_weights} weights, got {parameters.count}.",
            hint="Use `l2`, or fewer features.",
        )
    start = _start(objective, parameters, chosen, solver_state, order=2 if dense and not solver_state else 1)
    if not start.outcome.ok:
        return _no_start(likelihood, chosen, parameters, start, method, findings, time.process_time() - began)
    floor = _rounding_floor(likelihood, parameters, n)
    found_null = np.zeros((0, parameters.count))
    if dense:
        first = start.information if not solver_state else np.asarray(solver_state["first_information"])
        assert first is not None
        found_null = null_space(first, floor)

    def on_iteration(state: Mapping[str, Any], point: Point, score_norm: float) -> bool:
        iteration = int(state["iteration"])
        if checkpoint is not None and iteration and iteration % chosen.checkpoint_every == 0:
            checkpoint({**state, "warm_start": getattr(likelihood, "warm_start", None)})
        if progress is None:
            return True
        answer = progress(
            FitProgress(
                iteration=iteration,
                max_iterations=chosen.max_iterations,
                log_likelihood=point.choice_log_likelihood,
                score_norm=score_norm,
                seconds=time.process_time() - began,
            )
        )
        return answer is not False

    rules: dict[str, Any] = {
        "n_decisions": n,
        "tolerance": chosen.tolerance,
        "max_iterations": chosen.max_iterations,
        "state": solver_state,
        "on_iteration": on_iteration,
    }
    if dense:
        result = maximise_newton(
            objective,
            start,
            **rules,
            floor=floor,
            find_separation=lambda p, s, f: (
                None if chosen.l1 else find_separation(objective, p, s, f, found_null)
            ),
        )
    else:
        result = maximise_conjugate(objective, start, **rules)
    return _finish(
        objective,
        parameters,
        result,
        found_null,
        floor,
        chosen,
        method,
        transition_log_likelihood,
        findings,
        began,
    )


def _start(
    objective: Objective,
    parameters: Parameters,
    settings: FitSettings,
    state: Mapping[str, Any] | None,
    *,
    order: int,
) -> Point:
    likelihood = objective.likelihood
    if state:
        psi = np.asarray(state["weights"], dtype=np.float64)
        if psi.shape != (parameters.count,):
            raise SettingsError(
                f"`solver_state` holds {psi.size} weights, this fit has {parameters.count}.",
                hint="Resume with the data, features and settings of the interrupted fit.",
            )
        if state.get("warm_start") is not None and hasattr(likelihood, "start_from"):
            likelihood.start_from(np.asarray(state["warm_start"], dtype=np.float64))
        return objective.at(psi, order=order)
    psi = parameters.start(settings.initial_weights, likelihood.rationality)
    point = objective.at(psi, order=order)
    return point if point.outcome.ok else feasible_start(objective, psi, point, order=order)


def _finish(
    objective: Objective,
    parameters: Parameters,
    result: NewtonResult,
    found_null: FloatArray,
    floor: FloatArray,
    settings: FitSettings,
    method: str,
    transition_log_likelihood: float | None,
    findings: tuple[Finding, ...],
    began: float,
) -> RewardEstimate:
    likelihood = objective.likelihood
    n, point, outcome = likelihood.total_weight, result.point, result.outcome
    notes = [*findings, *likelihood.findings]
    # Where the fit ended well, what is flat at the answer; else what was flat from the start, for a weight on
    # its
    # way to infinity also flattens the likelihood.
    null = found_null if not outcome.ok or point.information is None else null_space(point.information, floor)
    names = parameters.names
    if outcome is Outcome.SEPARATION and result.separated is not None:
        notes.insert(0, separation_finding(names, result))
    notes += null_findings(names, null)
    gauge_kind = "minimum-norm"
    if len(null) and not (settings.l2 or settings.l1) and outcome.ok:
        point, gauge_kind = _least_norm(objective, point, null)
    score_norm = float(np.abs(project_out(objective.projected_score(point), null)).max(initial=0.0)) / n
    weights, beta = parameters.finish(point.psi)
    spread: dict[str, FloatArray] = {}
    choice_spread: dict[str, FloatArray] = {}
    held: list[int] = []
    if beta is not None and beta <= 0:
        outcome = Outcome.INFEASIBLE
        notes.insert(0, negative_rationality(beta))
    if outcome.ok and settings.standard_errors:
        spread, meat, more = _spread(objective, point, null, parameters)
        notes += more
        is_looked_at = bool(settings.l2 or settings.l1) and parameters.count <= MOST_LOOKED_AT
        if (
            is_looked_at
            and "outer_product" in meat
            and falls_short(point, result.scale, meat["outer_product"], null)
        ):
            held = _held_by_penalty(objective, point, found_null, floor, settings)
        if held:
            notes.append(held_by_penalty([names[k] for k in held]))
        if beta is not None and spread:
            notes.append(rationality_finding(beta, spread))
            G = parameters.basis / beta
            choice_spread = {kind: G @ m @ G.T for kind, m in spread.items()}
        if not parameters.is_identity:
            J = parameters.jacobian(point.psi)
            spread = {kind: J @ m @ J.T for kind, m in spread.items()}
    elif not outcome.ok:
        notes.append(no_errors("the fit did not converge"))
    K = likelihood.n_weights
    null_weights = null
    if not parameters.is_identity and len(null):
        moved = (parameters.jacobian(point.psi) @ null.T).T
        lengths = np.linalg.norm(moved, axis=1)
        null_weights = moved[lengths > 0] / lengths[lengths > 0, None]
    elif not len(null):
        null_weights = np.zeros((0, K))
    rationality = likelihood.rationality if beta is None else beta
    features = likelihood.features
    return RewardEstimate(
        method=method,
        outcome=outcome,
        reward=LinearReward(features=features, weights=weights),
        names=likelihood.names,
        units=features.units or ("",) * K,
        weights=weights,
        covariances=spread,
        choice_covariances=choice_spread,
        gauge=_gauge(likelihood, settings, null, rationality, gauge_kind),
        null_directions=null_weights,
        n_decisions=likelihood.n_decisions,
        n_trajectories=likelihood.n_clusters,
        n_effective_trajectories=effective_count(likelihood.cluster_sizes),
        held_by_penalty=tuple(names[k] for k in held if names[k] in likelihood.names),
        choice_log_likelihood=point.choice_log_likelihood,
        transition_log_likelihood=transition_log_likelihood,
        certificate={
            "score_norm": score_norm,
            "bellman_residual": point.bellman_residual,
            "iterations": float(result.iterations),
        },
        fixed_by_assumption=_assumptions(likelihood, settings),
        seconds=time.process_time() - began,
        findings=tuple(notes),
        provenance=Provenance(
            inputs=likelihood.digests(), settings=settings.to_json(), code=telic.__version__
        ),
        solver_state={**result.state, "warm_start": getattr(likelihood, "warm_start", None)},
    )


def _spread(
    objective: Objective, point: Point, null: FloatArray, parameters: Parameters
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], list[Finding]]:
    """Covariances of the free numbers by kind, sums of outer products of scores, and the reasons for any kind
    that is missing.
    """
    likelihood, notes = objective.likelihood, []
    if point.curvature is None:
        return {}, {}, [no_errors(f"there are {parameters.count} weights, too many for a covariance matrix")]
    if not likelihood.is_sampled:
        return {}, {}, [no_errors("no number of decisions stands behind the choice probabilities")]
    weights = parameters.expand(point.psi)
    meat = {"outer_product": parameters.pull_matrix(likelihood.outer_product(weights))}
    if likelihood.n_clusters > 1:
        scores = parameters.pull(likelihood.cluster_scores(weights))
        meat["sandwich_clustered"] = scores.T @ scores
    else:
        notes.append(one_trajectory() if likelihood.n_clusters else no_clusters())
    told = parameters.count - len(null)
    if likelihood.n_clusters > 1 and effective_count(likelihood.cluster_sizes) <= told + COUNT_ROUNDING:
        notes.append(few_trajectories(likelihood.n_clusters, told))
    active = np.ones(parameters.count, dtype=bool) if not objective.l1 else point.psi != 0
    idx = np.flatnonzero(active)
    inner_null = null if active.all() else np.zeros((0, len(idx)))
    part, failed = covariances(
        point.curvature[np.ix_(idx, idx)],
        {k: m[np.ix_(idx, idx)] for k, m in meat.items()},
        2.0 * objective.l2,
        inner_null,
    )
    spread = {}
    for kind, small in part.items():
        full = np.zeros((parameters.count, parameters.count))
        full[np.ix_(idx, idx)] = small
        full[~active, ~active] = np.inf
        spread[kind] = full
    if failed:
        notes.append(
            no_errors(f"the matrix behind {', '.join(failed)} is not positive definite", kinds=failed)
        )
    if objective.l1 or objective.l2:
        notes.append(penalised_errors(objective))
    return spread, meat, notes


def _held_by_penalty(
    objective: Objective, point: Point, found_null: FloatArray, floor: FloatArray, settings: FitSettings
) -> list[int]:
    """Free numbers that run to infinity without the penalty: the fit goes on from its end, unpenalised."""
    alone = replace(objective, l2=0.0, l1=0.0)
    start = alone.at(point.psi, order=2)
    if not start.outcome.ok:
        return []
    result = maximise_newton(
        alone,
        start,
        n_decisions=objective.likelihood.total_weight,
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
        state=None,
        on_iteration=lambda *_: True,
        floor=floor,
        find_separation=lambda p, s, f: find_separation(alone, p, s, f, found_null),
    )
    return [] if result.separated is None else named_weights(result.separated, result.scale)


def _least_norm(objective: Objective, point: Point, null: FloatArray) -> tuple[Point, str]:
    """The point moved along the null directions to least norm, where that leaves the likelihood alone.

    It need not, when too few states were seen: then the flat set is curved, and the point stays.
    """
    moved = objective.at(project_out(point.psi, null), order=1)
    slack = GAUGE_SLACK * max(1.0, abs(point.value))
    same = moved.outcome.ok and abs(moved.value - point.value) <= slack
    if not same:
        return point, "from-start"
    # The same policy, so the same second derivatives.
    return replace(moved, curvature=point.curvature, information=point.information), "minimum-norm"


def _rounding_floor(likelihood: ChoiceLikelihood, parameters: Parameters, n: float) -> FloatArray:
    """``(P,)`` information of each free number that rounding alone may leave."""
    values = likelihood.features.values
    K = likelihood.n_weights
    if isinstance(values, np.ndarray):
        flat = values.reshape(-1, K)
        size = np.maximum(flat.max(axis=0), -flat.min(axis=0))
    else:
        size = np.asarray(abs(values).max(axis=0).todense()).ravel()
    gamma = likelihood.discount
    horizon = 100.0 if gamma is None or gamma >= 1.0 else 1.0 / (1.0 - gamma)
    part = size[parameters.free]
    if parameters.ray is not None:
        part = np.concatenate([[float(np.abs(parameters.ray) @ size)], part])
    return np.asarray(n * (likelihood.rationality * FLOOR * horizon * part) ** 2)


def _gauge(
    likelihood: ChoiceLikelihood, settings: FitSettings, null: FloatArray, rationality: float, kind: str
) -> Gauge:
    if settings.fixed_weights:
        fixed = ", ".join(f"{k} = {v}" for k, v in settings.fixed_weights.items())
        kind, words = "fixed-weights", f"Weights are stated with {fixed}."
    elif kind == "from-start":
        words = (
            "One of the weights that explain the choices equally well: the nearest to the start of the fit."
        )
    elif len(null):
        words = "Of the weights that explain the choices equally well, those with the least sum of squares."
    else:
        words = "The data fix every weight at this rationality."
    return Gauge(kind=kind, description=words, rationality=rationality, discount=likelihood.discount)


def _assumptions(likelihood: ChoiceLikelihood, settings: FitSettings) -> dict[str, float | str]:
    out: dict[str, float | str] = {}
    if likelihood.discount is not None:
        out["discount"] = likelihood.discount
    if not settings.frees_rationality:
        out["rationality"] = likelihood.rationality
    for name in ("l2", "l1"):
        if getattr(settings, name):
            out[name] = float(getattr(settings, name))
    out.update({f"weight of {k}": float(v) for k, v in settings.fixed_weights.items()})
    return out


def _check_rationality(likelihood: ChoiceLikelihood, settings: FitSettings) -> None:
    given = settings.rationality
    if settings.frees_rationality and likelihood.rationality != 1.0:
        raise SettingsError(
            "To free rationality the likelihood must be made with rationality 1, got "
            f"{likelihood.rationality}.",
            hint="Leave `rationality` out of the likelihood.",
        )
    if isinstance(given, int | float) and float(given) != likelihood.rationality:
        raise SettingsError(
            f"The settings say rationality {given}, the likelihood has {likelihood.rationality}.",
            hint="Give it once, to the likelihood.",
        )


def _no_start(
    likelihood: ChoiceLikelihood,
    settings: FitSettings,
    parameters: Parameters,
    point: Point,
    method: str,
    findings: tuple[Finding, ...],
    seconds: float,
) -> RewardEstimate:
    """The answer when the forward problem has no solution anywhere the driver looked."""
    weights, _ = parameters.finish(point.psi)
    K = likelihood.n_weights
    note = no_start(point)
    return RewardEstimate(
        method=method,
        outcome=point.outcome,
        reward=LinearReward(features=likelihood.features, weights=weights),
        names=likelihood.names,
        units=likelihood.features.units or ("",) * K,
        weights=np.full(K, np.nan),
        covariances={},
        gauge=_gauge(likelihood, settings, np.zeros((0, K)), likelihood.rationality, "minimum-norm"),
        null_directions=np.zeros((0, K)),
        n_decisions=likelihood.n_decisions,
        n_trajectories=likelihood.n_clusters,
        n_effective_trajectories=effective_count(likelihood.cluster_sizes),
        choice_log_likelihood=-np.inf,
        transition_log_likelihood=None,
        certificate={"score_norm": np.inf, "bellman_residual": point.bellman_residual, "iterations": 0.0},
        fixed_by_assumption=_assumptions(likelihood, settings),
        seconds=seconds,
        findings=(note, *findings),
        provenance=Provenance(
            inputs=likelihood.digests(), settings=settings.to_json(), code=telic.__version__
        ),
    )
