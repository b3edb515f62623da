"""What a result says in sentences: the headline, the comparison with cloning, what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping

from telic.inference.wording import format_interval, join_words, plural, singular

from .assumptions import held_words
from .fit import Fit
from .problem import Problem

__all__ = ["caution_of", "cautions_of", "headline_of", "held_out_sentence", "interval_words"]

FEW_CLUSTERS = 10
"""Trajectories below which intervals over them are so wide that another kind is worth a look."""

MOST_NAMED = 4
"""Features without an answer that a headline names; more are left to their section."""

NOT_SHOWN = "what was passed over is passed over again far more than its features say."
"""What the alarm about options means, after a colon."""

CAUTIONS = {
    "adversary": "The decisions are an attacker's: this is an inferred objective, not an attribution.",
    "medical": (
        "This describes what clinicians did. It is no recommendation for any patient, and nothing here is a"
        " medical device."
    ),
    "options": (
        "No preference: what was passed over could not always be taken, or its features miss something. Weights and"
        " trade-offs say what the choices look like if every action could be taken."
    ),
    "people": "Not for appraising, ranking or disciplining people; demonstrators are pseudonyms.",
}
"""What a page must not be taken for, by the fact that brings it up."""


def headline_of(fits: Mapping[str, Fit], everybody: str, *, is_preference: bool = True) -> str:
    """The first sentence: what one unit is worth to whom, and what cannot be told.

    Args:
        fits: by person, and all under ``everybody``.
        everybody: label of the fit of all.
        is_preference: False after an alarm about what could be taken.
    """
    pooled = fits[everybody]
    if not pooled.outcome.ok:
        return f"Not an answer ({pooled.outcome.label}). {pooled.outcome.value}"
    said = _answer_of(fits, everybody)
    return said if is_preference else f"Not a preference: {NOT_SHOWN} If every action could be taken: {said}"


def _answer_of(fits: Mapping[str, Fit], everybody: str) -> str:
    pooled = fits[everybody]
    found = pooled.tradeoffs()
    if not found and len(pooled.estimate.names) == 1:
        return f"There is one feature, {pooled.estimate.names[0]}, and so nothing to trade it against."
    if not found:
        return pooled.estimate.summary().headline
    words = _to_each(fits, everybody)
    blind = [n for n, ok in zip(pooled.estimate.names, pooled.estimate.is_identified, strict=True) if not ok]
    if blind and len(blind) <= MOST_NAMED:
        words += f" What {join_words(blind)} {'is' if len(blind) == 1 else 'are'} worth cannot be told."
    held = held_words(pooled.estimate.fixed_by_assumption)
    return f"{words} Fixed by assumption: {held}." if held else words


def _to_each(fits: Mapping[str, Fit], everybody: str) -> str:
    """What one unit is worth to everyone by name; those of whom it cannot be told stand in the same sentence."""
    pooled = fits[everybody]
    first = pooled.tradeoffs()[0]
    units = dict(zip(pooled.estimate.names, pooled.estimate.units, strict=True))
    told: list[str] = []
    untold: list[str] = []
    failed: list[str] = []
    for who, fit in fits.items():
        if who == everybody:
            continue
        if not fit.outcome.ok:
            failed.append(f"for {who} there is no answer ({fit.outcome.label})")
            continue
        t = fit.tradeoffs()[0]
        if t.value is None or t.interval is None:
            untold.append(who)
            continue
        v, low, high = format_interval(t.value, *t.interval)
        amount = v if told else f"{v} {plural(units[t.denominator] or t.denominator)}"
        is_open = t.interval[0] <= 0.0 <= t.interval[1]
        told.append(f"{amount} [{low}, {high}] to {who}{' (its sign is open)' if is_open else ''}")
    words = first.sentence.rstrip(".")
    if told:
        words = f"One {singular(units[first.numerator] or first.numerator)} is worth {join_words(told)}"
    if untold:
        words += f"; for {join_words(untold)} the data cannot tell"
    return "; ".join([words, *failed]) + "."


def held_out_sentence(fit: Fit) -> str:
    """How the reward predicts held-out decisions, beside cloning and uniform choice.

    Args:
        fit: with held-out decisions.
    """
    score = fit.scores["reward"]
    parts = []
    for base, name in (("behavioural_cloning", "cloning"), ("uniform", "uniform choice")):
        gain = score.over[base]
        if gain.interval is None:
            verdict, shown = "not comparable with", ""
        else:
            low, high = gain.interval
            verdict = "better than" if low > 0 else "worse than" if high < 0 else "not told apart from"
            shown = f" [{low:+.4f}, {high:+.4f}]"
        parts.append(f"{verdict} {name} ({gain.value:+.4f}{shown} nats a decision)")
    return (
        f"On {fit.scores.n_decisions:,} decisions that no fit has seen, the reward predicts"
        f" {score.nats_per_decision:.4f} nats a decision: {' and '.join(parts)}."
    )


def caution_of(fits: Mapping[str, Fit]) -> str:
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
    return (
        f"Intervals over fewer than {FEW_CLUSTERS} trajectories are wide and rough; those of errors per decision"
        f" take decisions as independent given their states. {'. '.join(words)}."
    )


def cautions_of(problem: Problem, *, is_preference: bool = True) -> list[str]:
    """What the result must not be taken for, by what the contract says and the choices show.

    Args:
        problem: with the contract.
        is_preference: False after an alarm about what could be taken.
    """
    contract = problem.contract
    found = [] if is_preference else [CAUTIONS["options"]]
    if contract.data.origin == "adversary" or "adversary" in (problem.origins or ()):
        found.append(CAUTIONS["adversary"])
    if contract.identity.domain == "medical":
        found.append(CAUTIONS["medical"])
    if contract.data.demonstrator is not None:
        found.append(CAUTIONS["people"])
    return found


def interval_words(fit: Fit) -> str:
    """How the intervals were made.

    Args:
        fit: whose.
    """
    kind = fit.error_kind.replace("_", " ")
    if not kind:
        return "no standard errors, so no intervals"
    reach = ", Student's t by the number of trajectories" if fit.error_kind == "sandwich_clustered" else ""
    known = fit.dynamics_errors is None and fit.error_kind not in fit.estimate.kinds_with_dynamics
    dynamics = (
        "taking the estimated dynamics as known" if known else "with the errors of the estimated dynamics"
    )
    shrunk = " of penalised weights, without the bias of the penalty" if fit.estimate.penalties else ""
    return f"Fieller intervals of {100 * fit.level:g} %{shrunk}, {kind} errors {dynamics}{reach}"
