"""The result of ``infer`` as plain numbers, and as the text that a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import telic
from telic.datasets import DatasetVersion
from telic.errors import DataError
from telic.evaluation import calibration, decision_probabilities, explain_misfit, markov_test
from telic.inference.critical import critical_value
from telic.inference.wording import format_interval, join_words, plural, singular
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.reports.numbers import json_value

from .evidence import choice_panels, field_over_states
from .fit import Fit
from .problem import Problem
from .project import Run

__all__ = ["infer_report", "outcome_named", "result_of"]

SCHEMA_VERSION = 1
"""Of the JSON form of a result; rises when a reader of the old one would misread it."""

FEW_CLUSTERS = 10
"""Trajectories below which intervals over them are so wide that another kind is worth a look."""

MOST_NAMED = 4
"""Features without an answer that a headline names; more are left to their section."""

MOST_COUNTERFACTUALS = 2
"""Doubled prices that a page shows."""

ROUNDING = 1e-10
"""Relative difference below which two rates are the same."""

DIFFERENCE_LEVEL = 0.05
"""Level of the test that demonstrators differ."""

CAUTIONS = {
    "adversary": "The decisions are an attacker's: this is an inferred objective, not an attribution.",
    "medical": (
        "This describes what clinicians did. It is no recommendation for any patient, and nothing here is a"
        " medical device."
    ),
    "people": "Not for appraising, ranking or disciplining people; demonstrators are pseudonyms.",
}
"""What a page must not be taken for, by the fact in the contract that brings it up."""


def outcome_named(label: str) -> Outcome:
    """The outcome with this label (``Outcome.label``)."""
    return next(outcome for outcome in Outcome if outcome.label == label)


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
    """
    pooled, contract = fits[everybody], problem.contract
    judged, which = _judged(problem)
    findings = [*pooled.findings(), *problem.findings, *notes]
    people = {who: _fit_json(fit) for who, fit in fits.items() if who != everybody}
    for who in people:
        findings += [f for f in fits[who].estimate.findings if f.severity >= Severity.ERROR]
    choices = calibrated = markov = fields = None
    if pooled.outcome.ok:
        choices, calibrated, markov, fields = _evidence(problem, pooled, judged, which, findings)
    identified = pooled.identifiability()
    told = _fit_json(pooled)
    kept = _distinct(findings)
    data: dict[str, Any] = {
        **told,
        "schema_version": SCHEMA_VERSION,
        "verb": "infer",
        "digest": run.digest,
        "task": contract.identity.task,
        "paragraph": contract.identity.paragraph,
        "domain": contract.identity.domain,
        "headline": _headline(fits, everybody),
        "people": people,
        "difference": _difference(fits, everybody),
        "caution": _caution(fits),
        "cautions": _cautions(problem),
        "critical_value": critical_value(pooled.with_all_errors, pooled.error_kind, level=pooled.level).value,
        "interval_words": _interval_words(pooled),
        "fields": fields,
        "choices": choices,
        "calibration": calibrated,
        "markov": markov,
        "identifiability": identified.to_json(),
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
            **{name: value for name, value in settings.items() if value is not None and name != "method"},
        },
        "settings": dict(settings),
        "findings": [f.to_json() for f in sorted(kept, key=lambda f: -int(f.severity))],
        "seconds": sum(fit.estimate.seconds for fit in fits.values()),
    }
    plain = json_value(data)
    assert isinstance(plain, dict)
    return plain


def infer_report(data: Mapping[str, Any]) -> Report:
    """The result for a terminal: trade-offs, weights, what cannot be told, held-out, how far it holds,
    findings.

    Args:
        data: of ``result_of``.
    """
    everyone = {**data["people"], ("all together" if data["people"] else "all"): data}
    trade = Table(
        title="",
        columns=("one unit of", "in units of", "by", "value", "lower", "upper", "unit"),
        rows=tuple(
            (
                t["numerator"],
                t["denominator"],
                who,
                t["value"],
                *(t["interval"] or (None, None)),
                t["unit"] if t["value"] is not None else "cannot be told",
            )
            for i in range(len(data["tradeoffs"]))
            for who, fit in everyone.items()
            for t in fit["tradeoffs"][i : i + 1]
        ),
        note=f"{data['interval_words'].capitalize()}.",
        digits=3,
    )
    weights = Table(
        title="",
        columns=(
            "feature",
            "one unit is",
            "weight",
            *(f"SE {k.replace('_', ' ')}" for k in data["standard_errors"]),
        ),
        rows=tuple(
            (name, data["units"][name], weight, *(e[name] for e in data["standard_errors"].values()))
            for name, weight in data["weights"].items()
        ),
        note=(
            "Errors conditional on the dynamics; intervals of trade-offs add what estimating the dynamics"
            " contributes."
        ),
    )
    held = data["held_out"]
    grids = [pair["curves"][0] for pair in (*data["profiles"][:1], *data["resolution"][:1])]
    reach = [f"{curve['grid'][0]:g} to {curve['grid'][-1]:g}" for curve in grids]
    settled = Table(
        title="",
        columns=("one unit of", "in units of", "by", "discounts", "resolutions"),
        rows=tuple(
            (
                pair["numerator"],
                pair["denominator"],
                curve["who"],
                _changes(curve),
                _changes(data["resolution"][i]["curves"][k]) if i < len(data["resolution"]) else "",
            )
            for i, pair in enumerate(data["profiles"])
            for k, curve in enumerate(pair["curves"])
        ),
        note=(
            "Where sign or size against 1 come out otherwise, of discounts"
            f" {' and resolutions '.join(reach)}."
        ),
    )
    worst = [f for f in data["findings"] if f["severity"] in ("error", "warning")]
    answer = [
        Section(
            title="What is worth what",
            items=(trade, *([data["caution"]] if data["caution"] else [])),
            anchor="tradeoffs",
        ),
        Section(
            title="Do they differ?",
            items=((data["difference"]["sentence"],) if data["difference"] else ()),
            anchor="difference",
        ),
        Section(
            title="Weights, all together" if data["people"] else "Weights", items=(weights,), anchor="weights"
        ),
        Section(
            title="What the data cannot tell",
            items=tuple(data["identifiability"]["words"]) or ("Choices tell every weight.",),
            anchor="nullity",
        ),
        Section(
            title="Held-out decisions",
            items=(held["sentence"],) if held else ("None were held out.",),
            anchor="held-out",
        ),
        Section(title="How far that holds", items=(settled,) if settled.rows else (), anchor="robustness"),
    ]
    # Where a fit has no answer, no number of it is shown as if it had.
    noted = Section(title="Findings", items=tuple(_as_finding(f) for f in worst), anchor="findings")
    sections = [*answer, noted] if data["result"] == Outcome.SUCCESS.label else [noted]
    return Report(
        title=f"What the experts value: {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=data,
    )


def _changes(curve: Mapping[str, Any]) -> str:
    """Where a conclusion comes out otherwise."""
    return join_words([f"{x['at']:g}" for x in curve["flips"]]) or "nowhere"


def _difference(fits: Mapping[str, Fit], everybody: str) -> dict[str, Any] | None:
    """Whether one reward for all explains as much as one for each: a likelihood-ratio test (Wilks 1938)."""
    single = [fit.estimate for who, fit in fits.items() if who != everybody]
    pooled = fits[everybody].estimate
    if len(single) < 2 or not all(e.outcome.ok for e in (*single, pooled)):
        return None
    from scipy.special import chdtrc

    told = len(pooled.names) - pooled.nullity
    statistic = max(0.0, 2.0 * (sum(e.choice_log_likelihood for e in single) - pooled.choice_log_likelihood))
    degrees = sum(len(e.names) - e.nullity for e in single) - told
    if degrees < 1:
        return None
    p = float(chdtrc(degrees, statistic))
    shown = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    verdict = "differ" if p < DIFFERENCE_LEVEL else "are not shown to differ"
    return {
        "statistic": statistic,
        "degrees_of_freedom": degrees,
        "p_value": p,
        "sentence": (
            f"The {len(single)} demonstrators {verdict} in what they value: a reward for each explains"
            f" {statistic / 2:.1f} nats more than one for all (chi-square {statistic:.1f} on {degrees},"
            f" {shown})."
        ),
    }


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
        told["held_out"]["sentence"] = _held_out_sentence(fit)
    return told


def _held_out_sentence(fit: Fit) -> str:
    score = fit.scores["reward"]
    parts = []
    for base, name in (("behavioural_cloning", "cloning"), ("uniform", "uniform choice")):
        gain = score.over[base]
        if gain.interval is None:
            verdict, shown = "not comparable with", ""
        else:
            low, high = gain.interval
            verdict = "better than" if low > 0 else "worse than" if high < 0 else "about as well as"
            shown = f" [{low:+.4f}, {high:+.4f}]"
        parts.append(f"{verdict} {name} ({gain.value:+.4f}{shown} nats a decision)")
    return (
        f"On {fit.scores.n_decisions:,} decisions that no fit has seen, the reward predicts"
        f" {score.nats_per_decision:.4f} nats a decision: {' and '.join(parts)}."
    )


def _headline(fits: Mapping[str, Fit], everybody: str) -> str:
    pooled = fits[everybody]
    if not pooled.outcome.ok:
        return f"Not an answer ({pooled.outcome.label}). {pooled.outcome.value}"
    found = pooled.tradeoffs()
    if not found and len(pooled.estimate.names) == 1:
        return f"There is one feature, {pooled.estimate.names[0]}, and so nothing to trade it against."
    if not found:
        return pooled.estimate.summary().headline
    first = found[0]
    parts: list[str] = []
    units = dict(zip(pooled.estimate.names, pooled.estimate.units, strict=True))
    for who, fit in fits.items():
        if who == everybody or not fit.outcome.ok:
            continue
        t = fit.tradeoffs()[0]
        if t.value is None or t.interval is None or t.interval[0] <= 0:
            continue
        v, low, high = format_interval(t.value, *t.interval)
        amount = f"{v} {plural(units[t.denominator] or t.denominator)}" if not parts else v
        parts.append(f"{amount} [{low}, {high}] to {who}")
    words = first.sentence
    if parts:
        words = f"One {singular(units[first.numerator] or first.numerator)} is worth {join_words(parts)}."
    blind = [n for n, ok in zip(pooled.estimate.names, pooled.estimate.is_identified, strict=True) if not ok]
    if not blind or len(blind) > MOST_NAMED:
        return words
    return f"{words} What {join_words(blind)} {'is' if len(blind) == 1 else 'are'} worth cannot be told."


def _caution(fits: Mapping[str, Fit]) -> str:
    """What to know where intervals rest on few trajectories, with another kind beside them."""
    words = []
    for who, fit in fits.items():
        n = fit.estimate.n_trajectories
        if not fit.outcome.ok or fit.error_kind != "sandwich_clustered" or n >= FEW_CLUSTERS:
            continue
        other = fit.tradeoffs(kind="sandwich")
        first = next((t for t in other if t.value is not None and t.interval is not None), None)
        beside = ""
        if first is not None and first.value is not None and first.interval is not None:
            _, low, high = format_interval(first.value, *first.interval)
            beside = (
                f"; errors per decision give [{low}, {high}] for {first.numerator} in {first.denominator}"
            )
        words.append(f"{who}: {n} trajectories{beside}")
    if not words:
        return ""
    return f"Intervals over fewer than {FEW_CLUSTERS} trajectories are honest but wide. {'. '.join(words)}."


def _cautions(problem: Problem) -> list[str]:
    contract = problem.contract
    found = []
    if contract.data.origin == "adversary":
        found.append(CAUTIONS["adversary"])
    if contract.identity.domain == "medical":
        found.append(CAUTIONS["medical"])
    if contract.data.demonstrator is not None:
        found.append(CAUTIONS["people"])
    return found


def _interval_words(fit: Fit) -> str:
    kind = fit.error_kind.replace("_", " ") or "no"
    added = " with the errors of the estimated dynamics" if fit.dynamics_errors is not None else ""
    return f"Fieller intervals, {fit.level:.0%}, {kind} errors{added}"


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
        found.append(
            {
                "change": (
                    f"a {singular(fit.estimate.units[fit.estimate.names.index(name)] or name)} counted twice"
                    " as much"
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
            f"In {inside} of {len(table.bins)} groups the prediction lies inside the interval of what was"
            f" seen; the mean gap is {table.error:.3f}, where {table.expected_if_perfect:.3f} would be noise."
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
                "Within a state, neither choices nor what followed depend on what came before"
                f" (smallest adjusted p = {test.p_value:.2g} of {len(test.effects)} tests)."
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


def _as_finding(found: Mapping[str, Any]) -> Finding:
    return Finding(
        code=found["code"],
        severity=Severity[found["severity"].upper()],
        message=found["message"],
        hint=found["hint"],
    )
