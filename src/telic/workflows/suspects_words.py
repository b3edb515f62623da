"""What the search for bad demonstrators says, for a terminal and for a page: both fits, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import format_interval, join_words, singular
from telic.reports import Outcome, Table

from .figures import Labels, Row, forest
from .findings import finding_from
from .page_parts import Item

__all__ = ["suspects_items", "suspects_of"]

SIDES = {"believed": "everybody believed", "weighed": "everybody weighed"}
"""The two fits in words."""

LEAST_P = 1e-4
"""P-value below which none is written out."""

LEAST_SHOWN = 0.001
"""Probability below which none is written out."""


def suspects_items(data: Mapping[str, Any]) -> list[Item]:
    """Sentences and tables; empty where it was not asked for.

    Args:
        data: of ``infer``.
    """
    told = data.get("suspects")
    if not told:
        return []
    errors = (finding_from(f) for f in told["findings"] if f["severity"] == "error")
    items: list[Item] = [_how_many(told), *errors, *_differences(told)]
    if not _is_answer(told):
        return items
    items += [_weights(told), *_tradeoffs(told), _kinds(told)]
    if told["demonstrators"]:
        items.append(_evidence(told))
    else:
        items.append(_nobody_named(data))
    items.append(
        "Nobody is left out: everybody counts by the probability of acting like the others, and intervals allow for not"
        " knowing it. Another task, or something that the log does not hold, looks the same: ask first."
    )
    return items


def suspects_of(data: Mapping[str, Any]) -> list[Item]:
    """The same for a page, with each trade-off by both fits drawn instead of listed.

    Args:
        data: of ``infer``.
    """
    items = suspects_items(data)
    told = data.get("suspects")
    drawn: list[Item] = []
    for item in items:
        is_listed = isinstance(item, Table) and item.title.startswith("Trade-offs")
        drawn += _figures(data, told) if told and is_listed else [item]
    return drawn


def _is_answer(told: Mapping[str, Any]) -> bool:
    return bool(told["result"] == Outcome.SUCCESS.label)


def _how_many(told: Mapping[str, Any]) -> str:
    if not _is_answer(told):
        return f"No answer despite suspects: {told['advice']}"
    D, n = told["n_demonstrators"], told["n_suspected"]
    chance = f"the chance of suspecting anybody in vain is at most {100 * told['level']:.2g} %"
    if not n:
        return f"None of {D} demonstrators is suspected of acting at random or against the others; {chance}."
    return (
        f"{n} of {D} demonstrators {'is' if n == 1 else 'are'} suspected of acting at random or against the others;"
        f" {chance}. Their choices are weighed down."
    )


def _differences(told: Mapping[str, Any]) -> list[Item]:
    """What demonstrators are sure of alone, and tests of whether they want the same."""
    said = [
        f"They contradict each other about {c['feature']}: {c['n_seek']} surely seek{'s' * (c['n_seek'] == 1)} it,"
        f" {c['n_avoid']} surely avoid{'s' * (c['n_avoid'] == 1)} it."
        for c in told["contradictions"]
    ]
    tests = [f"{name} ({_p_words(t['p_value'])})" for name, t in told["tests"].items()]
    if tests:
        said.append(
            f"Likelihood-ratio tests of what all may have in common: {join_words(tests)}. A small p speaks against it."
        )
    return list(said)


def _p_words(p: float) -> str:
    return f"p < {LEAST_P:f}".rstrip("0") if p < LEAST_P else f"p = {p:.2g}"


def _weights(told: Mapping[str, Any]) -> Table:
    columns = [c for side in SIDES.values() for c in (side, f"SE {side.split()[1]}")]
    rows = [
        (name, *(pair[side][key] for side in SIDES for key in ("weight", "standard_error")))
        for name, pair in told["weights"].items()
    ]
    kind = told["kind"]
    made = "sandwich by demonstrator" if kind == "sandwich_clustered" else kind.replace("_", " ") or "none"
    return Table(
        title="Weights where everybody is believed, and where everybody is weighed by the evidence",
        columns=("feature", *columns),
        rows=tuple(rows),
        note=f"Errors of both: {made}, with the transitions as known.",
        digits=3,
    )


def _tradeoffs(told: Mapping[str, Any]) -> list[Item]:
    rows = [
        (
            pair["numerator"],
            pair["denominator"],
            words,
            pair[side]["value"],
            *(pair[side]["interval"] or (None, None)),
            pair[side]["unit"] if pair[side]["value"] is not None else "cannot be told",
        )
        for pair in told["tradeoffs"]
        for side, words in SIDES.items()
    ]
    if not rows:
        return []
    return [
        Table(
            title="Trade-offs by both fits",
            columns=("one unit of", "in units of", "with", "value", "lower", "upper", "unit"),
            rows=tuple(rows),
            note="Fieller intervals with the same kind of error for both, the transitions as known.",
            digits=3,
        )
    ]


def _kinds(told: Mapping[str, Any]) -> str:
    parts = [f"{n:.1f} {kind}" for kind, n in told["expected"].items()]
    return f"Expected among the {told['n_demonstrators']} demonstrators: {', '.join(parts)}."


def _evidence(told: Mapping[str, Any]) -> Table:
    return Table(
        title="Evidence about each demonstrator",
        columns=(
            "demonstrator",
            "decisions",
            "P(expert)",
            "P(random)",
            "P(adversarial)",
            "nats against",
            "suspected",
        ),
        rows=tuple(
            (
                d["name"],
                f"{d['n_decisions']:,.0f}",
                *(_chance(d["probabilities"][k]) for k in ("expert", "random", "adversarial")),
                f"{d['nats_against']:,.1f}",
                "yes" if d["is_suspected"] else "no",
            )
            for d in told["demonstrators"]
        ),
        note=(
            f"Suspected from {told['named_from']:.1f} nats on: log of how much better acting at random, or against the"
            " others, explains the choices. Pseudonyms, in their own order; it is no ranking and no judgement."
        ),
        digits=3,
    )


def _chance(p: float) -> str:
    """A probability to three places, and no 0 or 1 that is none."""
    if p < LEAST_SHOWN:
        return f"< {LEAST_SHOWN:g}"
    return f"> {1 - LEAST_SHOWN:g}" if p > 1 - LEAST_SHOWN else f"{p:.3f}"


def _nobody_named(data: Mapping[str, Any]) -> str:
    if data.get("group"):
        return "Who is suspected is not handed on."
    return "Who is suspected is not said: the contract has no `people` block."


def _figures(data: Mapping[str, Any], told: Mapping[str, Any]) -> list[Item]:
    """One forest a trade-off, the two fits in it."""
    figures: list[Item] = []
    for pooled, pair in zip(data["tradeoffs"], told["tradeoffs"], strict=True):
        rows = [_row(words, pair[side], group) for group, (side, words) in enumerate(SIDES.items())]
        if any(row.value is not None for row in rows):
            figures.append(
                forest(
                    rows,
                    Labels(
                        title=(
                            f"One {singular(pooled['numerator_unit'] or pooled['numerator'])}, in"
                            f" {pooled['unit'].split(' per ')[0]}, by both fits"
                        ),
                        x=pooled["unit"],
                        caption="Where the two differ, a few demonstrators had moved the answer of all.",
                    ),
                )
            )
    return figures


def _row(label: str, found: Mapping[str, Any], group: int) -> Row:
    value, interval = found["value"], found["interval"]
    if value is None:
        return Row(label=label, value=None, text="cannot be told", group=group)
    if interval is None:
        return Row(label=label, value=value, text="unbounded", group=group)
    v, low, high = format_interval(value, *interval)
    ends = (interval[0], interval[1])
    return Row(label=label, value=value, interval=ends, text=f"{v}  [{low}, {high}]", group=group)
