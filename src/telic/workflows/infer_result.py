"""The result of ``infer`` as plain numbers: everything that text, page and ``--json`` are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import telic
from telic.datasets import DatasetVersion
from telic.errors import DataError
from telic.evaluation import calibration, decision_probabilities, explain_misfit, markov_test
from telic.inference.critical import critical_value
from telic.inference.wording import plural, singular
from telic.reports import Finding, Severity
from telic.reports.numbers import json_value
from telic.rewards import RewardEstimate

from .assumptions import assumptions_of
from .environments import told_at_two_discounts, told_by_each, words_at_two_discounts, words_of_each
from .evidence import choice_panels, field_over_states
from .findings import worst_first
from .fit import Fit
from .infer_parts import about_people, named_findings, stated_parts
from .infer_words import caution_of, cautions_of, headline_of, held_out_sentence, interval_words
from .options_check import Availability
from .problem import Problem
from .project import Run
from .robustness import discount_grid

__all__ = ["result_of"]

SCHEMA_VERSION = 1
"""Of the JSON form of a result; rises when a reader of the old one would misread it."""

MOST_COUNTERFACTUALS = 2
"""Doubled prices that a page shows."""

ROUNDING = 1e-10
"""Relative difference below which two rates are the same."""

DIFFERENCE_LEVEL, CLEAR_LEVEL = 0.05, 0.001
"""Levels of the test that demonstrators differ: from where it is said with care, and plainly."""

MAXIMUM_SCORE = 1e-5
"""Score per decision up to which a fit is at the maximum of its likelihood for the use of a test."""


def result_of(
    *,
    dataset: DatasetVersion,
    run: Run,
    problem: Problem,
    fits: Mapping[str, Fit],
    everybody: str,
    profiles: list[dict[str, Any]],
    rationality: dict[str, Any] | None,
    resolution: list[dict[str, Any]],
    notes: Sequence[Finding],
    settings: Mapping[str, Any],
    availability: Availability,
) -> dict[str, Any]:
    """Everything that the page shows, as JSON-able values (``telic infer --json``).

    Args:
        dataset: the version that was used.
        run: where the result is kept.
        problem: states, dynamics, features.
        fits: by demonstrator; that of all is last, under ``everybody``.
        everybody: its label.
        profiles: of ``over_discounts``.
        rationality: of ``over_rationality``.
        resolution: of ``over_resolutions``.
        notes: further findings.
        settings: as given.
        availability: whether the actions could be taken.
    """
    pooled, contract = fits[everybody], problem.contract
    judged, which = _judged(problem)
    findings = [*pooled.findings(), *problem.findings, *notes]
    people = {who: _fit_json(fit) for who, fit in fits.items() if who != everybody}
    common = {(f.code, f.message) for f in findings}
    for who in people:
        findings += [
            replace(f, message=f"{who}: {f.message}")
            for f in _said_of(fits[who])
            if f.severity >= Severity.WARNING and (f.code, f.message) not in common
        ]
    choices = calibrated = markov = fields = None
    if pooled.outcome.ok:
        choices, calibrated, markov, fields = _evidence(problem, pooled, judged, which, findings)
    findings += named_findings(pooled, contract)
    identified = pooled.identifiability()
    told = _fit_json(pooled)
    kept = _distinct(findings)
    data: dict[str, Any] = {
        **told,
        **about_people(pooled, told, contract),
        "schema_version": SCHEMA_VERSION,
        "verb": "infer",
        "digest": run.digest,
        "task": contract.identity.task,
        "paragraph": contract.identity.paragraph,
        "domain": contract.identity.domain,
        "headline": headline_of(fits, everybody, is_preference=not availability.alarm),
        "people": people,
        "difference": difference_between(fits, everybody),
        "caution": caution_of(fits),
        "cautions": cautions_of(problem, is_preference=not availability.alarm),
        "critical_value": critical_value(pooled.with_all_errors, pooled.error_kind, level=pooled.level).value,
        "interval_words": interval_words(pooled),
        "assumptions": assumptions_of(
            problem, pooled, is_profiled=bool(profiles), open_actions=availability.sentence
        ),
        "availability": availability.to_json(),
        "fields": fields,
        "choices": choices,
        "calibration": calibrated,
        "markov": markov,
        "identifiability": {**identified.to_json(), **_told_by_each(problem, identified.nullity)},
        "counterfactuals": _counterfactuals(pooled),
        "profiles": profiles,
        "rationality": rationality,
        "resolution": resolution,
        "states": {
            "n_states": problem.space.n_states,
            "axes": [
                {"name": a.name, "unit": a.unit, "n_cells": a.n_cells, "how": a.how or "each value"}
                for a in problem.space.axes
            ],
        },
        "dataset": _dataset(problem, dataset),
        "made_from": {
            "result": run.digest,
            "dataset": dataset.digest,
            "contract": contract.digest,
            "method": pooled.estimate.method,
            "telic": telic.__version__,
            **_stated(settings),
        },
        "settings": dict(settings),
        "findings": [f.to_json() for f in worst_first(kept)],
        "seconds": sum(fit.estimate.seconds for fit in fits.values()),
    }
    plain = json_value(data)
    assert isinstance(plain, dict)
    return plain


def _said_of(fit: Fit) -> tuple[Finding, ...]:
    """Findings of the fit of one demonstrator and of its posterior."""
    return (*fit.estimate.findings, *(() if fit.posterior is None else fit.posterior.findings))


def _stated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the page lists them: those that were left open are not there, a part is one line."""
    apart = ("method", "posterior", "intents", "suspects", "over_time")
    found = {n: v for n, v in settings.items() if v is not None and n not in apart}
    return {**found, **stated_parts(settings)}


def difference_between(fits: Mapping[str, Fit], everybody: str) -> dict[str, Any] | None:
    """Whether one reward for all explains as much as one for each: a likelihood-ratio test (Wilks 1938)."""
    single = [fit.estimate for who, fit in fits.items() if who != everybody]
    pooled = fits[everybody].estimate
    if len(single) < 2 or not all(_is_maximum(e) for e in (*single, pooled)):
        return None
    from scipy.special import chdtrc

    told = len(pooled.names) - pooled.nullity
    statistic = max(0.0, 2.0 * (sum(e.choice_log_likelihood for e in single) - pooled.choice_log_likelihood))
    degrees = sum(len(e.names) - e.nullity for e in single) - told
    if degrees < 1:
        return None
    p = float(chdtrc(degrees, statistic))
    shown = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    verdict = (
        "differ"
        if p < CLEAR_LEVEL
        else "seem to differ"
        if p < DIFFERENCE_LEVEL
        else "are not shown to differ"
    )
    return {
        "statistic": statistic,
        "degrees_of_freedom": degrees,
        "p_value": p,
        "sentence": (
            f"The {len(single)} demonstrators {verdict} in what they value: a reward for each explains"
            f" {statistic / 2:.1f} nats more than one for all (likelihood-ratio test, chi-square {statistic:.1f} on"
            f" {degrees}, {shown}; it takes decisions as independent given their states, the dynamics as known and"
            " rationality as one for all)."
        ),
    }


def _is_maximum(estimate: RewardEstimate) -> bool:
    """True where the log-likelihood is the largest that there is: no penalty, no weights, and a score of zero."""
    score = estimate.certificate.get("score_norm", np.inf)
    exact = "bellman_residual" in estimate.certificate and not estimate.penalties
    weighted = any(finding.code == "weighted-decisions" for finding in estimate.findings)
    return estimate.outcome.ok and exact and not weighted and score <= MAXIMUM_SCORE


def _fit_json(fit: Fit) -> dict[str, Any]:
    """One fit: the keys of a result, with the units and the whole errors that a page draws."""
    told = fit.to_json()
    units = told["units"]
    for t in told["tradeoffs"]:
        t["numerator_unit"], t["denominator_unit"] = units[t["numerator"]], units[t["denominator"]]
    errors = (
        fit.with_all_errors.standard_errors(fit.error_kind) if fit.error_kind else np.full(len(units), np.inf)
    )
    told["total_errors"] = {
        n: float(e) if np.isfinite(e) else None
        for n, e in zip(fit.estimate.names, errors.tolist(), strict=True)
    }
    if told["held_out"] is not None:
        told["held_out"]["sentence"] = held_out_sentence(fit)
    return told


def _told_by_each(problem: Problem, nullity: int) -> dict[str, Any]:
    """What each environment tells and all together, and what a second discount would add to it."""
    name, each = problem.contract.dynamics.environment, told_by_each(problem)
    found: dict[str, Any] = {}
    if name is not None and each is not None and each.outcome.ok:
        found = {
            "environment": name,
            "steps": [vars(step) for step in each.steps],
            "environment_words": words_of_each(name, each),
        }
    assumed = problem.world.discount
    other = next((g for g in discount_grid(assumed) if g != assumed), None)
    if nullity and other is not None:
        both = told_at_two_discounts(problem, other)
        if both.outcome.ok:
            found["second_discount"] = {
                "discount": other,
                "nullity": both.nullity,
                "sentence": words_at_two_discounts(both, other),
            }
    return found


def _counterfactuals(fit: Fit) -> list[dict[str, Any]]:
    """What happens when what trade-offs are counted in costs twice as much, for each such feature."""
    if not fit.outcome.ok or not fit.error_kind:
        return []
    told = dict(zip(fit.estimate.names, fit.estimate.is_identified.tolist(), strict=True))
    counted_in = dict.fromkeys(t.denominator for t in fit.tradeoffs() if told[t.denominator])
    found = []
    for name in list(counted_in)[:MOST_COUNTERFACTUALS]:
        made = fit.counterfactual(scale={name: 2.0})
        if not made.outcome.ok:
            continue
        size = {r.name: max(abs(r.before), abs(r.after)) for r in made.rates}
        gamma = fit.estimate.gauge.discount
        over = f"by {gamma:g} each" if gamma is not None and gamma < 1.0 else "by nothing"
        found.append(
            {
                "change": (
                    f"a {singular(fit.estimate.units[fit.estimate.names.index(name)] or name)} counted twice"
                    " as much"
                ),
                "note": (
                    f"Predicted from the reward of all{_with_shrinking(fit)}: the same people, who choose as softly,"
                    " in the same world as estimated. Means per decision from where trajectories begin, discounted"
                    f" {over}, so they need not be those of the whole log. {100 * fit.level:g} % intervals by the"
                    " delta method, for the weights alone."
                ),
                "rates": [
                    {
                        "name": r.name,
                        "unit": plural(r.unit),
                        "before": r.before,
                        "after": r.after,
                        # A difference that is only rounding is none.
                        "difference": r.difference if abs(r.difference) > ROUNDING * size[r.name] else 0.0,
                        "interval": list(r.interval) if abs(r.difference) > ROUNDING * size[r.name] else None,
                    }
                    for r in made.rates
                ],
            }
        )
    return found


def _with_shrinking(fit: Fit) -> str:
    return ", shrunk by its penalty" if fit.estimate.penalties else ""


def _judged(problem: Problem) -> tuple[Any, str]:
    if problem.held_out.n_decisions:
        return problem.held_out, "held-out decisions"
    return problem.train, "the fitted decisions; none were held out"


def _evidence(
    problem: Problem, pooled: Fit, judged: Any, which: str, findings: list[Finding]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None, dict[str, Any]]:
    predicted = decision_probabilities(pooled.policy, judged)
    choices = {
        "which": which,
        "actions": list(problem.train.action_labels),
        "panels": choice_panels(problem.space, judged, predicted),
    }
    table = calibration(pooled.policy, judged, level=pooled.level)
    findings += table.findings
    inside = sum(b.interval[0] <= b.predicted <= b.interval[1] for b in table.bins)
    calibrated = {
        **table.to_json(),
        "which": which,
        "rows": [
            {
                "predicted": b.predicted,
                "observed": b.observed,
                "lower": b.interval[0],
                "upper": b.interval[1],
                "n": float(b.n),
            }
            for b in table.bins
        ],
        "sentence": (
            f"In {inside} of {len(table.bins)} groups the prediction lies inside the {100 * table.level:g} % interval"
            f" of what was seen; the mean gap is {table.error:.3f}, where {table.expected_if_perfect:.3f} would be"
            " noise."
        ),
    }
    markov = None
    try:
        test = markov_test(problem.train, space=problem.space)
    except DataError as error:  # too few decisions to test anything
        findings.append(
            Finding(
                code="markov-not-tested", severity=Severity.NOTICE, message=error.message, hint=error.hint
            )
        )
    else:
        findings += test.findings
        if pooled.scores is not None:
            findings += explain_misfit(pooled.scores, "reward", test)
        markov = {
            "p_value": test.p_value,
            "sentence": (
                "No sign that, within a state, choices or what followed depend on what came before (smallest"
                f" adjusted p = {test.p_value:.2g} of {len(test.effects)} tests); a weak dependence can go unseen."
                if not test.findings
                else "The state leaves something out:"
            ),
            "findings": [f.to_json() for f in test.findings],
        }
    reward = (pooled.table * _first_step(pooled.policy.table)).sum(axis=1)
    fields = field_over_states(problem.space, {"reward": reward, "value": pooled.value}, problem.train)
    return choices, calibrated, markov, fields


def _first_step(table: np.ndarray) -> np.ndarray:
    return table if table.ndim == 2 else table[0]


def _dataset(problem: Problem, dataset: DatasetVersion) -> dict[str, Any]:
    contract = problem.contract
    demos = problem.train
    held = problem.held_out
    people: list[dict[str, Any]] = []
    note = ""
    if contract.people is not None:
        for i, name in enumerate(demos.demonstrator_names):
            mine = np.concatenate([demos.demonstrators == i, held.demonstrators == i])
            lengths = np.concatenate([np.diff(demos.offsets), np.diff(held.offsets)])
            people.append(
                {"name": name, "n_trajectories": int(mine.sum()), "n_decisions": int(lengths[mine].sum())}
            )
        note = (
            f"Shown for this purpose: {contract.people.purpose}. Informed on {contract.people.informed_on}."
        )
    elif len(demos.demonstrator_names) > 1:
        note = "The contract has no `people` block, so nothing is reported for single demonstrators."
    return {
        "version": dataset.digest,
        "n_decisions": dataset.n_decisions,
        "n_trajectories": dataset.n_trajectories,
        "n_fitted": demos.n_decisions,
        "n_held_out": held.n_decisions,
        "demonstrators": people,
        "people_note": note,
        "sentence": (
            f"{dataset.n_decisions:,} decisions in {dataset.n_trajectories:,} trajectories;"
            f" {demos.n_decisions:,} were fitted and {held.n_decisions:,} held out, whole trajectories at a"
            " time." + (f" {note}" if not people and note else "")
        ),
    }


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Each finding once, in the order given."""
    return list({(f.code, f.message): f for f in findings}.values())
