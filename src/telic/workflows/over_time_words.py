"""What weights over time say, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import format_interval, join_words
from telic.reports import Figure, Outcome, Table

from .figures import Labels, Series, over_periods
from .findings import finding_from
from .page_parts import Item, plain_array

__all__ = ["over_time_items", "over_time_of"]

MOST_DRAWN = 6
"""Features with a figure of their own."""


def over_time_items(data: Mapping[str, Any]) -> list[Item]:
    """A sentence and a table; empty where it was not asked for.

    Args:
        data: of ``infer``.
    """
    told = data.get("over_time")
    if not told:
        return []
    if "withheld" in told:
        return [told["withheld"]]
    if told["result"] != Outcome.SUCCESS.label:
        errors = [finding_from(f) for f in told["findings"] if f["severity"] == "error"]
        return [f"No weights over time: {told['advice']}", *errors]
    p = told["p_value"]
    shown = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    B = len(told["periods"])
    items: list[Item] = []
    if told["reason"]:
        items.append(f"{told['reason']}, so blocks are made by the order of the trajectories in the dataset.")
    items.append(
        f"The weights change over the {B} blocks ({shown}): a smooth random walk explains them better than constant"
        " weights do."
        if told["changes"]
        else f"Nothing says that the weights change over the {B} blocks ({shown}): the answer is one set of weights for"
        " all times."
    )
    if told["left_out"]:
        items.append(
            f"Left out, because choices do not tell what they are worth: {join_words(told['left_out'])}."
        )
    if not told["changes"]:
        return items
    items.append(
        Table(
            title=f"Weights {'over time' if told['by'] == 'time' else 'along the log'}",
            columns=("begun from", "decisions", *told["features"]),
            rows=tuple(
                (x["from"], f"{x['n_decisions']:,}", *(_cell(x["weights"][n]) for n in told["features"]))
                for x in told["periods"]
            ),
            note=(
                f"Intervals of {100 * told['level']:g} % for each block by itself, given how much weights move from"
                " block to block; the transitions as known. A jump is drawn as a steep drift."
            ),
        )
    )
    return items


def over_time_of(data: Mapping[str, Any]) -> list[Item]:
    """The same for a page, each weight drawn over time; beside a constant, what the random walk makes of it.

    Args:
        data: of ``infer``.
    """
    items = over_time_items(data)
    told = data.get("over_time")
    if not told or "withheld" in told or told["result"] != Outcome.SUCCESS.label:
        return items
    if not told["changes"] and not _wanders(told):
        return items
    return [*items, *(_figure(told, name, data["units"][name]) for name in told["features"][:MOST_DRAWN])]


def _wanders(told: Mapping[str, Any]) -> bool:
    """Whether the most probable path is another than the constant that was answered."""
    return any(w["path"] != w["weight"] for p in told["periods"] for w in p["weights"].values())


def _cell(weight: Mapping[str, Any]) -> str:
    """``-1.2 [-1.5, -0.9]``."""
    if weight["interval"] is None:
        return f"{weight['weight']:.3g}"
    v, low, high = format_interval(weight["weight"], *weight["interval"])
    return f"{v} [{low}, {high}]"


def _figure(told: Mapping[str, Any], name: str, unit: str) -> Figure:
    periods = told["periods"]
    cells = [p["weights"][name] for p in periods]
    path = plain_array([c["path"] for c in cells])
    lines = [
        Series(
            name="weight" if told["changes"] else "constant",
            values=plain_array([c["weight"] for c in cells]),
            lower=plain_array([c["interval"][0] if c["interval"] else None for c in cells]),
            upper=plain_array([c["interval"][1] if c["interval"] else None for c in cells]),
        )
    ]
    if not told["changes"]:
        blank = plain_array([None] * len(cells))
        lines.append(Series(name="random walk", values=path, lower=blank, upper=blank))
    return over_periods(
        plain_array([*(p["begin"] for p in periods), periods[-1]["end"]]),
        [*(p["from"] for p in periods), periods[-1]["until"]],
        lines,
        Labels(
            title=f"Weight of {name} {'over time' if told['by'] == 'time' else 'along the log'}",
            x="begin of the trajectories"
            if told["by"] == "time"
            else "place of the trajectories in the dataset",
            y=f"reward per {unit or 'unit'}",
            caption=f"Bars are intervals of {100 * told['level']:g} % for each block by itself.",
        ),
    )
