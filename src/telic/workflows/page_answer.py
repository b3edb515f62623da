"""The sections of a page that answer: what is worth what, the weights, what cannot be told, what they would
do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from telic.inference.wording import format_interval, format_number, join_words, singular
from telic.reports import Figure, Table

from .assumptions import held_words
from .figures import (
    Labels,
    Row,
    coefficients,
    forest,
)
from .page_parts import Item, everyone_in, untold_weights

__all__ = ["counterfactual_of", "environments_told", "identifiability_of", "tradeoffs_of", "weights_of"]

CANNOT_TELL = "cannot be told"
"""Instead of a number that the data do not give."""

LEAST_SEEN = 0.01
"""Share of an axis below which a mark seems to stand at zero."""


def tradeoffs_of(data: Mapping[str, Any]) -> list[Item]:
    """What is worth what: one forest a pair of features, everyone in it.

    Args:
        data: of ``infer``.
    """
    items: list[Item] = []
    if data.get("caution"):
        items.append(data["caution"])
    everyone = everyone_in(data)
    for i, first in enumerate(data["tradeoffs"]):
        rows, sentences = [], []
        for group, (who, fit) in enumerate(everyone.items()):
            found = fit["tradeoffs"][i] if i < len(fit["tradeoffs"]) else None
            if found is None:
                continue
            rows.append(_tradeoff_row(who, found, group))
            sentences.append(f"{who}: {found['sentence']}" if len(everyone) > 1 else found["sentence"])
        told = [row for row in rows if row.value is not None]
        if told:
            items.append(
                forest(
                    rows,
                    Labels(
                        title=(
                            f"One {singular(first['numerator_unit'] or first['numerator'])}, in"
                            f" {first['unit'].split(' per ')[0]}"
                        ),
                        x=first["unit"],
                        caption=_bars_words(data, is_first=not any(isinstance(x, Figure) for x in items)),
                    ),
                )
            )
        if not told:
            items.append(f"{first['sentence']}")
        elif len(everyone) == 1:
            items += sentences
    if any(isinstance(item, Figure) for item in items):
        items.append(f"How the intervals are made: {data['interval_words']}.")
    items += resolution_words(data)
    assumed = held_words(data["fixed_by_assumption"])
    if assumed:
        varied = " Further down: how far the numbers hold when they are changed." if data["profiles"] else ""
        items.append(f"Fixed by assumption: {assumed}.{varied}")
    return items


def resolution_words(data: Mapping[str, Any]) -> list[str]:
    """Which trade-offs come out otherwise with coarser or finer states, and to whom.

    Args:
        data: of ``infer``.
    """
    said = []
    for pair in data["resolution"]:
        who = [curve["who"] for curve in pair["curves"] if curve["flips"]]
        if who:
            by = f" for {join_words(who)}" if data["people"] else ""
            said.append(
                f"Resolution-dependent: what `{pair['numerator']}` is worth in `{pair['denominator']}` crosses 0 or"
                f" 1{by} when the states are made coarser or finer; how far the conclusions hold stands further"
                " down."
            )
    return said


def _bars_words(data: Mapping[str, Any], *, is_first: bool) -> str:
    """How to read the bars, at length once."""
    if data["critical_value"] is None:
        return "Marks are estimates; there are no intervals."
    level = 100 * data["made_from"]["level"]
    if not is_first:
        return f"Marks are estimates, bars their {level:g} % intervals, as above."
    return (
        f"Marks are estimates, bars their {level:g} % intervals: made to hold the true value in {level:g} of 100 such"
        " logs, each by itself."
    )


def _tradeoff_row(who: str, found: Mapping[str, Any], group: int) -> Row:
    value, interval = found["value"], found["interval"]
    if value is None:
        return Row(label=who, value=None, text=CANNOT_TELL, group=group)
    if interval is None:
        return Row(label=who, value=value, text=f"{format_number(value)}, unbounded", group=group)
    v, low, high = format_interval(value, *interval)
    return Row(
        label=who, value=value, interval=(interval[0], interval[1]), text=f"{v}  [{low}, {high}]", group=group
    )


def weights_of(data: Mapping[str, Any]) -> list[Item]:
    """The weights with their intervals and their standard errors of every kind.

    Args:
        data: of ``infer``.
    """
    names, units, reach = list(data["weights"]), data["units"], data["critical_value"]
    people, untold = data["people"], untold_weights(data)
    rows = []
    for name in names:
        weight, error = data["weights"][name], data["total_errors"].get(name)
        interval = (
            None if error is None or reach is None else (weight - reach * error, weight + reach * error)
        )
        text = CANNOT_TELL if name in untold else _weight_text(weight, interval)
        rows.append(Row(label=name, value=weight, interval=interval, text=text))
    kinds = list(data["standard_errors"])
    added = data["standard_errors_dynamics"] or {}
    items: list[Item] = [
        forest(
            rows,
            Labels(
                title="Reward per unit of each feature" + (", all together" if people else ""),
                x="weight (reward per unit, at the assumed rationality)",
                caption=_weights_caption(rows, data),
            ),
        ),
        Table(
            title="Weights and their standard errors",
            digits=3,
            columns=(
                "feature",
                "weight",
                *(f"SE {kind.replace('_', ' ')}" for kind in kinds),
                *(["SE of dynamics"] if added else []),
                "one unit is",
            ),
            rows=tuple(
                (
                    name,
                    None if name in untold else data["weights"][name],
                    *(data["standard_errors"][kind][name] for kind in kinds),
                    *([added.get(name)] if added else []),
                    units[name],
                )
                for name in names
            ),
            note=(
                f"{data['n_decisions']:,} decisions in {data['n_trajectories']:,} trajectories."
                f" {data['standard_errors_note']}"
                + (
                    " The column of the dynamics is what estimating the transitions adds, and intervals use both."
                    if added
                    else ""
                )
            ),
        ),
    ]
    if people:
        items.append(
            Table(
                title="Weights of each demonstrator, ± the standard error behind the intervals",
                columns=("feature", *people),
                rows=tuple((name, *(_with_error(fit, name) for fit in people.values())) for name in names),
            )
        )
        if data.get("difference"):
            items.append(data["difference"]["sentence"])
    items.append(f"Gauge: {data['gauge']['description']}")
    return items


def _weight_text(weight: float, interval: tuple[float, float] | None) -> str:
    """A weight with its interval."""
    if interval is None:
        return format_number(weight, digits=3)
    value, low, high = format_interval(weight, *interval)
    return f"{value}  [{low}, {high}]"


def _weights_caption(rows: Sequence[Row], data: Mapping[str, Any]) -> str:
    """What bars and hollow marks mean, and which weights are too small to see beside the others."""
    told = [row for row in rows if row.interval is not None and row.value is not None]
    words = [_bars_words(data, is_first=False)] if told else []
    if untold_weights(data):
        words.append("Hollow marks have no interval: the data cannot tell them.")
    widest = max((abs(x) for row in told for x in row.interval or ()), default=0.0)
    small = [row.label for row in told if max(map(abs, row.interval or (0.0,))) < LEAST_SEEN * widest]
    if small:
        words.append(
            f"At this scale {join_words(small)} cannot be told from 0 by eye: weights are per unit, and units differ;"
            " read the numbers."
        )
    return " ".join(words)


def _with_error(fit: Mapping[str, Any], name: str) -> str:
    weight, error = fit["weights"][name], fit["total_errors"].get(name)
    if weight is None:
        return "no answer"
    if name in untold_weights(fit):
        return CANNOT_TELL
    return format_number(weight, digits=3) + ("" if error is None else f" ± {format_number(error)}")


def identifiability_of(data: Mapping[str, Any]) -> list[Item]:
    """What the data cannot tell, in words and as directions.

    Args:
        data: of ``infer``.
    """
    found = data.get("identifiability")
    items: list[Item] = []
    if found:
        items += found["words"] or ["Choices in this world can tell every weight."]
        items += environments_told(found, n_weights=len(data["weights"]))
    names = list(data["weights"])
    for i, direction in enumerate(data["null_directions"]):
        if len(names) <= 40:
            items.append(
                coefficients(
                    names,
                    [direction.get(name, 0.0) for name in names],
                    Labels(
                        title=f"Direction {i + 1} that changes no choice",
                        caption=(
                            "Adding any amount of this combination to the weights explains the data equally"
                            " well."
                        ),
                    ),
                )
            )
    if found and found.get("local"):
        said = set(found["words"])
        items += [word for word in found["local"].get("words", []) if word not in said]
    if data["rationality"]:
        items.append(f"{data['rationality']['sentence']} Weights are stated at the assumed one.")
    return items


def environments_told(found: Mapping[str, Any], *, n_weights: int) -> list[Item]:
    """What each environment tells alone, how many directions are left as they are taken together, and what
    another discount would tell.

    Args:
        found: the identifiability of a result.
        n_weights: number of weights.
    """
    second = [found["second_discount"]["sentence"]] if "second_discount" in found else []
    if "environment" not in found:
        return [*second]
    table = Table(
        title=f"What each {found['environment']} adds",
        columns=("environment", "told alone", "untold alone", "newly told", "untold with those above"),
        rows=tuple(
            (s["label"], s["rank_alone"], n_weights - s["rank_alone"], s["removed"], s["nullity"])
            for s in found["steps"]
        ),
        note="Counts of independent directions of the weights.",
    )
    return [*found["environment_words"], table, *second]


def counterfactual_of(data: Mapping[str, Any]) -> list[Item]:
    """What they would do if something counted twice as much.

    Args:
        data: of ``infer``.
    """
    items: list[Item] = []
    for made in data["counterfactuals"]:
        items.append(
            Table(
                title=f"If {made['change']}",
                columns=("per decision", "now", "then", "difference [interval]"),
                rows=tuple(
                    (
                        r["unit"] or r["name"],
                        r["before"],
                        r["after"],
                        (
                            _weight_text(r["difference"], tuple(r["interval"])).replace("  ", " ")
                            if r["interval"]
                            else r["difference"]
                        ),
                    )
                    for r in made["rates"]
                ),
                digits=3,
                note=made["note"],
            )
        )
    return items
