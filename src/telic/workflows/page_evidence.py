"""The sections of a page that bear the answer out: reward and value, choices, held-out decisions,
robustness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from telic.inference.wording import join_words
from telic.reports import Table

from .figures import (
    Curve,
    Labels,
    Panel,
    Row,
    calibration_curve,
    choice_shares,
    curves,
    forest,
    heat_map,
    profile,
)
from .findings import finding_from
from .page_parts import Item, axis_values, plain_array, turning_table

__all__ = ["ROBUSTNESS_CODES", "choices_of", "fields_of", "held_out_of", "robustness_of"]

ROBUSTNESS_CODES = ("resolution-dependent", "assumption-dependent")
"""Findings that stand beside the profiles they are about."""


def fields_of(data: Mapping[str, Any]) -> list[Item]:
    """Reward and value over states: lines or maps.

    Args:
        data: of ``infer``.
    """
    field = data.get("fields")
    if not field:
        return []
    axes, items = field["axes"], []
    averaged = " Other measurements are averaged over." if field["is_averaged"] else ""
    if data["nullity"]:
        averaged += " What no choice tells is drawn at its gauge: reward and value may differ along it."
    words = {
        "reward": ("Reward of one decision", "averaged over the predicted choices"),
        "value": ("Value of being there", "reward to come, discounted, with the freedom to choose"),
    }
    if len(axes) == 1:
        x = axis_values(axes[0])
        for name, (title, meaning) in words.items():
            lines = [(name, plain_array(field["fields"][name]))]
            visited = plain_array(field["visits"]) > 0
            faint = "" if visited.all() else " Thin and dotted where the log never went."
            items.append(
                curves(
                    x,
                    lines,
                    Labels(
                        title=title,
                        x=axes[0]["title"],
                        y=name,
                        caption=(
                            f"{meaning.capitalize()}.{faint} Where few decisions show how the world answers, the"
                            f" line is rough.{averaged}"
                        ),
                    ),
                    visited=visited,
                )
            )
        return list(items)
    x, y = axis_values(axes[0]), axis_values(axes[1])
    for name, (title, meaning) in words.items():
        items.append(
            heat_map(
                x,
                y,
                plain_array(field["fields"][name]).T,
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
                visited=plain_array(field["visits"]).T > 0,
            )
        )
    return list(items)


def choices_of(data: Mapping[str, Any]) -> list[Item]:
    """Predicted against observed choices, calibration, and the test of the state.

    Args:
        data: of ``infer``.
    """
    found = data.get("choices")
    if not found:
        return []
    panels = [
        Panel(
            label=p["title"],
            cells=tuple(p["cells"]),
            predicted=plain_array(p["predicted"]),
            observed=plain_array(p["observed"]),
            counts=plain_array(p["decisions"]),
        )
        for p in found["panels"]
    ]
    items: list[Item] = [
        choice_shares(
            panels[start : start + 2],
            found["actions"],
            Labels(
                title=f"Lines: what the reward predicts. Marks: what was done ({found['which']}).",
                caption=(
                    "Where the reward explains the choices, marks lie on the line of their shape. Larger marks"
                    " stand for more decisions; a small one may lie far off by chance alone."
                ),
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
        items += [markov["sentence"], *(finding_from(f) for f in markov["findings"])]
    return items


def held_out_of(data: Mapping[str, Any]) -> list[Item]:
    """Held-out likelihood beside cloning and uniform choice.

    Args:
        data: of ``infer``.
    """
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
                    f"{held['n_decisions']:,} decisions of {held['n_trajectories']} trajectories; bars: intervals"
                    " over trajectories, of the policies as they were fitted."
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
                columns=(
                    "demonstrator",
                    "own reward",
                    "cloning",
                    "uniform",
                    "gain over cloning",
                    "decisions",
                ),
                rows=tuple(
                    (
                        who,
                        score["nats_per_decision"],
                        score["baselines"]["behavioural_cloning"],
                        score["baselines"]["uniform"],
                        _gain(score),
                        score["n_decisions"],
                    )
                    for who, score in told.items()
                ),
                note=(
                    "Nats a decision; higher is better. Cloning is of the same demonstrator, and the gain has its"
                    " interval over trajectories in brackets."
                ),
            )
        )
    return items


def _gain(score: Mapping[str, Any]) -> str:
    """The gain of a reward over cloning with its interval."""
    gain = score["scores"]["reward"]["gain_over"]["behavioural_cloning"]
    if gain["nats_per_decision"] is None or gain["interval"] is None:
        return "not known"
    low, high = gain["interval"]
    return f"{gain['nats_per_decision']:+.4f} [{low:+.4f}, {high:+.4f}]"


def robustness_of(data: Mapping[str, Any]) -> list[Item]:
    """Every trade-off over discounts and resolutions, what holds where, and what options out of reach would turn.

    Args:
        data: of ``infer``.
    """
    items: list[Item] = []
    for pair in data["profiles"]:
        labels = Labels(
            title=f"{_against(pair)}, under other discounts",
            x="discount, per decision",
            y=pair["unit"],
            caption="Everything was fitted again at each mark; bands are intervals.",
        )
        items.append(profile(_drawn(pair), labels, assumed=pair["assumed"]))
        items.append(_held_table(pair, "discount", "discounts"))
    for pair in data["resolution"]:
        states = join_words([f"{n:,}" for n in pair["n_states"]])
        labels = Labels(
            title=f"{_against(pair)}, with coarser and finer states",
            x=f"factor on the numbers of bins ({states} states)",
            y=pair["unit"],
            caption=(
                "Bars are intervals, side by side so as not to hide each other. A conclusion that flips between"
                f" resolutions is resolution-dependent: {_flips_words(pair)}."
            ),
        )
        items.append(profile(_drawn(pair), labels, assumed=1.0, bars=True))
        items.append(_held_table(pair, "factor", "resolutions"))
    items += turning_table(data)
    return [*items, *(finding_from(f) for f in data["findings"] if f["code"] in ROBUSTNESS_CODES)]


def _flips_words(pair: Mapping[str, Any]) -> str:
    """Whose conclusion flips."""
    who = [curve["who"] for curve in pair["curves"] if curve["flips"]]
    return f"here that of {join_words(who)}" if who else "here none is"


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


def _held_table(pair: Mapping[str, Any], word: str, over: str) -> Table:
    return Table(
        title=f"What is settled, and for which {over} it holds",
        columns=("by", "settled", f"holds for {word}", "changes at", "estimate stays in its interval for"),
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
