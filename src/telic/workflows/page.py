"""The page of an inference, from its numbers alone: ``infer``'s JSON in, a ``Report`` with figures out.

Nothing is computed here that is not drawn or said, so the page and its JSON twin cannot disagree. Order: what
is worth what; weights; reward and value; choices; held-out; what the data cannot tell; what they would do;
what is taken for granted; how far conclusions hold; the data; provenance; what the words mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telic.reports import Outcome, Report, Section, Severity, Table

from .findings import finding_from
from .intents_words import intents_of
from .over_time_words import over_time_of
from .page_answer import counterfactual_of, identifiability_of, tradeoffs_of, weights_of
from .page_evidence import ROBUSTNESS_CODES, choices_of, fields_of, held_out_of, robustness_of
from .page_parts import Item, title_of
from .page_words import words_of
from .posterior_words import posterior_of
from .suspects_words import suspects_of

__all__ = ["build_page"]

MADE_FROM = {
    "telic": "version of telic",
    "level": "level of the intervals",
    "l1": "absolute penalty (l1)",
    "l2": "squared penalty (l2)",
    "key": "key of the random split",
}
"""Words for the settings whose names are too short for a reader."""


def build_page(
    data: Mapping[str, Any], *, section_done: Callable[[int, int], None] = lambda _done, _total: None
) -> Report:
    """The report of one inference.

    Args:
        data: what ``infer`` found (its JSON).
        section_done: called with the number of sections built so far and of all.
    """
    builders: tuple[tuple[str, str, Callable[[Mapping[str, Any]], list[Item]]], ...] = (
        ("What is worth what", "tradeoffs", tradeoffs_of),
        ("Weights", "weights", weights_of),
        ("The posterior", "posterior", posterior_of),
        ("Several intents", "intents", intents_of),
        ("Demonstrators weighed", "suspects", suspects_of),
        ("Weights over time", "over-time", over_time_of),
        ("Reward and value over states", "fields", fields_of),
        ("Predicted and observed choices", "choices", choices_of),
        ("Held-out decisions", "held-out", held_out_of),
        ("What the data cannot tell", "identifiability", identifiability_of),
        ("What they would do", "counterfactual", counterfactual_of),
        ("What is taken for granted", "assumptions", _assumptions),
        ("How far the conclusions hold", "robustness", robustness_of),
        ("The data", "data", _data),
        ("Provenance", "provenance", _provenance),
        ("Words on this page", "words", words_of),
    )
    sections = []
    if data["result"] != Outcome.SUCCESS.label:  # without an answer there is nothing to draw
        builders = (("Why there is no answer", "no-answer", _no_answer), *builders[-3:-1])
    for i, (title, anchor, build) in enumerate(builders):
        items = tuple(build(data))
        if items:
            sections.append(Section(title=title, items=items, anchor=anchor))
        section_done(i + 1, len(builders))
    return Report(
        title=title_of(data),
        headline=data["headline"],
        sections=tuple(sections),
        data=data,
    )


def _no_answer(data: Mapping[str, Any]) -> list[Item]:
    return [data["advice"], *(finding_from(f) for f in data["findings"] if f["severity"] == "error")]


def _assumptions(data: Mapping[str, Any]) -> list[Item]:
    return [*data["assumptions"], *data["cautions"]]


def _data(data: Mapping[str, Any]) -> list[Item]:
    dataset = data["dataset"]
    items: list[Item] = [dataset["sentence"]]
    if dataset.get("demonstrators"):
        items.append(
            Table(
                title="Decisions by demonstrator",
                columns=("demonstrator", "trajectories", "decisions"),
                rows=tuple(
                    (d["name"], f"{d['n_trajectories']:,}", f"{d['n_decisions']:,}")
                    for d in dataset["demonstrators"]
                ),
                note=dataset["people_note"],
            )
        )
    axes = data["states"]["axes"]
    items.append(
        Table(
            title=f"States: {data['states']['n_states']:,} cells",
            columns=("measurement", "unit", "cells", "how"),
            rows=tuple((a["name"], a["unit"], a["n_cells"], a["how"]) for a in axes),
        )
    )
    shown = [f for f in data["findings"] if f["severity"] != "error" and f["code"] not in ROBUSTNESS_CODES]
    items += [finding_from(f) for f in sorted(shown, key=lambda f: -Severity[f["severity"].upper()])]
    return items


def _provenance(data: Mapping[str, Any]) -> list[Item]:
    made = data["made_from"]
    return [
        Table(
            title="What this page was made from",
            columns=("what", "value"),
            rows=tuple((MADE_FROM.get(name, name.replace("_", " ")), value) for name, value in made.items()),
            note="The same inputs give the same digest, and the same page.",
        ),
        Table(
            title="Certificate of the fit",
            columns=("quantity", "value"),
            rows=tuple((name.replace("_", " "), value) for name, value in data["certificate"].items()),
            note=(
                "The score is the slope of the mean log-likelihood, the residual what is left of the equation of the"
                " values: both are zero at the exact answer."
            ),
        ),
    ]
