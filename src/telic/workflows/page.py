"""The page of an inference, from its numbers alone: ``infer``'s JSON in, a ``Report`` with figures out.

Nothing is computed here that is not drawn or said, so the page and its JSON twin cannot disagree. Order: what
is worth what; weights; reward and value; choices; held-out; what the data cannot tell; how far conclusions
hold; the data; provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from telic.inference.wording import format_interval, format_number, join_words, singular
from telic.reports import Figure, Finding, Outcome, Report, Section, Severity, Table

from .figures import (
    Curve,
    Labels,
    Panel,
    Row,
    calibration_curve,
    choice_shares,
    coefficients,
    curves,
    forest,
    heat_map,
    profile,
)

__all__ = ["build_page"]

Item = str | Table | Figure | Finding


def build_page(data: Mapping[str, Any], *, figure_done: Callable[[int], None] = lambda _: None) -> Report:
    """The report of one inference.

    Args:
        data: what ``infer`` found (its JSON).
        figure_done: called with the number of sections built so far.
    """
    builders: tuple[tuple[str, str, Callable[[Mapping[str, Any]], list[Item]]], ...] = (
        ("What is worth what", "tradeoffs", _tradeoffs),
        ("Weights", "weights", _weights),
        ("Reward and value over states", "fields", _fields),
        ("Predicted and observed choices", "choices", _choices),
        ("Held-out decisions", "held-out", _held_out),
        ("What the data cannot tell", "identifiability", _identifiability),
        ("What they would do", "counterfactual", _counterfactual),
        ("How far the conclusions hold", "robustness", _robustness),
        ("The data", "data", _data),
        ("Provenance", "provenance", _provenance),
    )
    sections = []
    if data["result"] != Outcome.SUCCESS.label:  # without an answer there is nothing to draw
        builders = (("Why there is no answer", "no-answer", _no_answer), *builders[-2:])
    for i, (title, anchor, build) in enumerate(builders):
        items = tuple(build(data))
        if items:
            sections.append(Section(title=title, items=items, anchor=anchor))
        figure_done(i + 1)
    return Report(
        title=f"What the experts value: {data['task']}",
        headline=data["headline"],
        sections=tuple(sections),
        data=data,
    )


def _people(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Everyone with a fit of their own, then all together."""
    people = dict(data.get("people") or {})
    return {**people, ("all together" if people else "all"): data}


def _no_answer(data: Mapping[str, Any]) -> list[Item]:
    return [data["advice"], *(_finding(f) for f in data["findings"] if f["severity"] == "error")]


def _tradeoffs(data: Mapping[str, Any]) -> list[Item]:
    items: list[Item] = []
    if data.get("caution"):
        items.append(data["caution"])
    everyone = _people(data)
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
                        caption=(
                            f"Marks are estimates, bars {first['level']:.0%} intervals"
                            f" ({data['interval_words']})."
                        ),
                    ),
                )
            )
        if not told:
            items.append(f"{first['sentence']}")
        elif len(everyone) == 1:
            items += sentences
    assumed = ", ".join(f"{name} {_plain(value)}" for name, value in data["fixed_by_assumption"].items())
    if assumed:
        items.append(
            f"Fixed by assumption: {assumed}. Further down: how far the numbers hold when they are changed."
        )
    return items


def _tradeoff_row(who: str, found: Mapping[str, Any], group: int) -> Row:
    value, interval = found["value"], found["interval"]
    if value is None:
        return Row(label=who, value=None, text="cannot be told", group=group)
    if interval is None:
        return Row(label=who, value=value, text=f"{format_number(value)}, unbounded", group=group)
    v, low, high = format_interval(value, *interval)
    return Row(
        label=who, value=value, interval=(interval[0], interval[1]), text=f"{v}  [{low}, {high}]", group=group
    )


def _weights(data: Mapping[str, Any]) -> list[Item]:
    names, units, reach = list(data["weights"]), data["units"], data["critical_value"]
    people = data["people"]
    rows = []
    for name in names:
        weight, error = data["weights"][name], data["total_errors"].get(name)
        interval = (
            None if error is None or reach is None else (weight - reach * error, weight + reach * error)
        )
        text = "cannot be told" if error is None else format_number(weight, digits=3)
        rows.append(Row(label=name, value=weight, interval=interval, text=text))
    kinds = list(data["standard_errors"])
    added = data["standard_errors_dynamics"] or {}
    items: list[Item] = [
        forest(
            rows,
            Labels(
                title="Reward per unit of each feature" + (", all together" if people else ""),
                x="weight (reward per unit, at the assumed rationality)",
                caption="Hollow marks have no interval: no choice depends on them.",
            ),
        ),
        Table(
            title="Standard errors of four kinds",
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
                    data["weights"][name],
                    *(data["standard_errors"][kind][name] for kind in kinds),
                    *([added.get(name)] if added else []),
                    units[name],
                )
                for name in names
            ),
            note=(
                f"{data['n_decisions']:,} decisions in {data['n_trajectories']:,} trajectories. The named"
                " errors hold the dynamics fixed"
                + (
                    "; the column beside them is what estimating those adds, and intervals use both."
                    if added
                    else "."
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


def _with_error(fit: Mapping[str, Any], name: str) -> str:
    weight, error = fit["weights"][name], fit["total_errors"].get(name)
    if weight is None:
        return "no answer"
    return (
        "cannot be told" if error is None else f"{format_number(weight, digits=3)} ± {format_number(error)}"
    )


def _fields(data: Mapping[str, Any]) -> list[Item]:
    field = data.get("fields")
    if not field:
        return []
    axes, items = field["axes"], []
    averaged = " Other measurements are averaged over." if field["is_averaged"] else ""
    words = {
        "reward": ("Reward of one decision", "averaged over the predicted choices"),
        "value": ("Value of being there", "reward to come, discounted, with the freedom to choose"),
    }
    if len(axes) == 1:
        x = _axis_values(axes[0])
        for name, (title, meaning) in words.items():
            lines = [(name, _array(field["fields"][name]))]
            items.append(
                curves(
                    x,
                    lines,
                    Labels(
                        title=title, x=axes[0]["title"], y=name, caption=f"{meaning.capitalize()}.{averaged}"
                    ),
                )
            )
        return list(items)
    x, y = _axis_values(axes[0]), _axis_values(axes[1])
    for name, (title, meaning) in words.items():
        items.append(
            heat_map(
                x,
                y,
                _array(field["fields"][name]).T,
                Labels(
                    title=title,
                    x=axes[0]["title"],
                    y=axes[1]["title"],
                    z=name,
                    caption=(
                        f"{meaning.capitalize()}. The fuller the colour, the better; small squares were never"
                        f" visited.{averaged}"
                    ),
                ),
                visited=_array(field["visits"]).T > 0,
            )
        )
    return list(items)


def _choices(data: Mapping[str, Any]) -> list[Item]:
    found = data.get("choices")
    if not found:
        return []
    panels = [
        Panel(
            label=p["title"],
            cells=tuple(p["cells"]),
            predicted=_array(p["predicted"]),
            observed=_array(p["observed"]),
            counts=_array(p["decisions"]),
        )
        for p in found["panels"]
    ]
    items: list[Item] = [
        choice_shares(
            panels[start : start + 2],
            found["actions"],
            Labels(
                title=f"Lines: what the reward predicts. Marks: what was done ({found['which']}).",
                caption="Larger marks stand for more decisions.",
            ),
        )
        for start in range(0, len(panels), 2)
    ]
    calibration = data.get("calibration")
    if calibration:
        items.append(
            calibration_curve(
                calibration["rows"],
                Labels(
                    title=f"When it says 30 %, is it 30 %? ({calibration['which']})",
                    caption=calibration["sentence"],
                ),
            )
        )
    markov = data.get("markov")
    if markov:
        items += [markov["sentence"], *(_finding(f) for f in markov["findings"])]
    return items


def _held_out(data: Mapping[str, Any]) -> list[Item]:
    held = data.get("held_out")
    if not held:
        return ["No decisions were held out, so nothing can be said about prediction."]
    words = {
        "reward": "this reward",
        "uniform": "uniform choice",
        "behavioural_cloning": "behavioural cloning",
    }
    rows = []
    for group, (name, score) in enumerate(held["scores"].items()):
        value = score["nats_per_decision"]
        interval = score["interval"]
        text = "impossible decisions" if value is None else f"{value:.4f}"
        rows.append(
            Row(
                label=words.get(name, name),
                value=value,
                interval=tuple(interval) if interval else None,
                text=text,
                group=group,
            )
        )
    items: list[Item] = [
        forest(
            rows,
            Labels(
                title="How well decisions are predicted that no fit has seen",
                x="log-likelihood, nats a decision (higher is better)",
                caption=(
                    f"{held['n_decisions']:,} decisions of {held['n_trajectories']} trajectories; bars:"
                    " intervals over trajectories."
                ),
            ),
            zero=False,
        ),
        held["sentence"],
    ]
    people = data.get("people") or {}
    told = {who: fit["held_out"] for who, fit in people.items() if fit.get("held_out")}
    if told:
        items.append(
            Table(
                title="The same for each demonstrator's own reward",
                columns=("demonstrator", "own reward", "cloning", "uniform", "decisions"),
                rows=tuple(
                    (
                        who,
                        score["nats_per_decision"],
                        score["baselines"]["behavioural_cloning"],
                        score["baselines"]["uniform"],
                        score["n_decisions"],
                    )
                    for who, score in told.items()
                ),
                note="Nats a decision; higher is better. Cloning is of the same demonstrator.",
            )
        )
    return items


def _identifiability(data: Mapping[str, Any]) -> list[Item]:
    found = data.get("identifiability")
    items: list[Item] = []
    if found:
        items += found["words"] or ["Choices in this world can tell every weight."]
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


def _counterfactual(data: Mapping[str, Any]) -> list[Item]:
    items: list[Item] = []
    for made in data["counterfactuals"]:
        items.append(
            Table(
                title=f"If {made['change']}",
                columns=("per decision", "now", "then", "difference", "lower", "upper"),
                rows=tuple(
                    (
                        r["unit"] or r["name"],
                        r["before"],
                        r["after"],
                        r["difference"],
                        *(r["interval"] or (None, None)),
                    )
                    for r in made["rates"]
                ),
                note=(
                    f"Predicted from the reward of all, with {data['tradeoffs'][0]['level']:.0%} intervals by"
                    " the delta method."
                ),
            )
        )
    return items


def _robustness(data: Mapping[str, Any]) -> list[Item]:
    items: list[Item] = []
    for pair in data["profiles"]:
        labels = Labels(
            title=f"{_against(pair)}, under other discounts",
            x="discount, per decision",
            y=pair["unit"],
            caption="Everything was fitted again at each mark; bands are intervals.",
        )
        items.append(profile(_drawn(pair), labels, assumed=pair["assumed"]))
        items.append(_held_table(pair, "discount"))
    for pair in data["resolution"]:
        states = join_words([f"{n:,}" for n in pair["n_states"]])
        labels = Labels(
            title=f"{_against(pair)}, with coarser and finer states",
            x=f"factor on the numbers of bins ({states} states)",
            y=pair["unit"],
            caption="A conclusion that flips between resolutions is resolution-dependent.",
        )
        items.append(profile(_drawn(pair), labels, assumed=1.0, bars=True))
        items.append(_held_table(pair, "factor"))
    return items


def _against(pair: Mapping[str, Any]) -> str:
    return f"`{pair['numerator']}` in `{pair['denominator']}`"


def _drawn(pair: Mapping[str, Any]) -> list[Curve]:
    return [
        Curve(
            label=c["who"],
            x=c["grid"],
            y=c["estimates"],
            intervals=[(i[0], i[1]) if i else None for i in c["intervals"]],
        )
        for c in pair["curves"]
    ]


def _held_table(pair: Mapping[str, Any], word: str) -> Table:
    return Table(
        title="",
        columns=("by", "settled", f"holds for {word}", "changes at", "estimate stays inside for"),
        rows=tuple(
            (
                c["who"],
                c["settled"],
                _span(c["conclusion_holds"]),
                join_words([f"{x['at']:g}" for x in c["flips"]]) or "nowhere",
                _span(c["value_holds"]),
            )
            for c in pair["curves"]
        ),
    )


def _span(values: Sequence[float]) -> str:
    """Neighbouring values of a grid as a range."""
    if not values:
        return "none"
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"


def _data(data: Mapping[str, Any]) -> list[Item]:
    dataset = data["dataset"]
    items: list[Item] = [dataset["sentence"]]
    if dataset.get("demonstrators"):
        items.append(
            Table(
                title="Decisions by demonstrator",
                columns=("demonstrator", "trajectories", "decisions"),
                rows=tuple(
                    (d["name"], d["n_trajectories"], d["n_decisions"]) for d in dataset["demonstrators"]
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
    shown = [f for f in data["findings"] if f["severity"] != "error"]
    items += [_finding(f) for f in sorted(shown, key=lambda f: -Severity[f["severity"].upper()])]
    return items


def _provenance(data: Mapping[str, Any]) -> list[Item]:
    made = data["made_from"]
    return [
        Table(
            title="What this page was made from",
            columns=("what", "value"),
            rows=tuple((name.replace("_", " "), value) for name, value in made.items()),
            note="The same inputs give the same digest, and the same page.",
        ),
        Table(
            title="Certificate of the fit",
            columns=("quantity", "value"),
            rows=tuple((name.replace("_", " "), value) for name, value in data["certificate"].items()),
            note="The score is per decision; at the exact optimum it is zero.",
        ),
        *data["cautions"],
    ]


def _finding(found: Mapping[str, Any]) -> Finding:
    return Finding(
        code=found["code"],
        severity=Severity[found["severity"].upper()],
        message=found["message"],
        hint=found["hint"],
        evidence=found["evidence"],
    )


def _axis_values(axis: Mapping[str, Any]) -> np.ndarray:
    """Centres as numbers; labels of a category by their order."""
    centres: Sequence[Any] = axis["centres"]
    if all(isinstance(c, int | float) for c in centres):
        return np.asarray(centres, dtype=np.float64)
    return np.arange(len(centres), dtype=np.float64)


def _array(values: Any) -> np.ndarray:
    return np.asarray(
        [
            (
                [np.nan if v is None else v for v in row]
                if isinstance(row, list)
                else (np.nan if row is None else row)
            )
            for row in values
        ],
        dtype=np.float64,
    )


def _plain(value: Any) -> str:
    return format_number(value, digits=4) if isinstance(value, int | float) else str(value)
