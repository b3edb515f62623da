"""The figures of intents: what more of them win, trade-offs by intent, and how common each is over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import format_interval, singular
from telic.reports import Figure

from .figures import Labels, Row, Series, forest, over_periods
from .page_parts import Item, plain_array

__all__ = ["gains_figure", "intents_counted", "shares_figure", "tradeoff_figures"]


def intents_counted(n: int) -> str:
    """``1 intent``, ``2 intents``.

    Args:
        n: how many.
    """
    return f"{n} intent{'s' * (n > 1)}"


def gains_figure(told: Mapping[str, Any]) -> list[Item]:
    """What more intents win over one on what the mixture had not seen.

    Args:
        told: ``intents`` of ``infer``, with at least two numbers tried.
    """
    rows = []
    for row in told["tried"][1:]:
        gain = row["gain_over_one"]
        label = intents_counted(row["n_intents"])
        if gain is None:
            rows.append(Row(label=label, value=None, text="not fitted in every fold"))
            continue
        v, low, high = format_interval(gain["value"], *gain["interval"])
        taken = row["n_intents"] == told["n_intents"]
        rows.append(
            Row(
                label=label,
                value=gain["value"],
                interval=(gain["interval"][0], gain["interval"][1]),
                text=f"{v}  [{low}, {high}]",
                group=int(taken),
            )
        )
    return [
        forest(
            rows,
            Labels(
                title="What more intents win over one, on what the mixture had not seen",
                x="nats of all held-out decisions together",
                caption=(
                    "Right of 0, more intents foretell better than one."
                    + (" The number that was taken has the other mark." if told["n_intents"] > 1 else "")
                ),
            ),
        )
    ]


def tradeoff_figures(data: Mapping[str, Any], told: Mapping[str, Any]) -> list[Item]:
    """One forest a pair of features: each intent, and all together.

    Args:
        data: of ``infer``.
        told: its ``intents``.
    """
    figures: list[Item] = []
    for i, pooled in enumerate(data["tradeoffs"]):
        found = [
            (f"intent {j + 1}", x["tradeoffs"][i]) for j, x in enumerate(told["intents"]) if x["tradeoffs"]
        ]
        found.append(("all together", pooled))
        rows = [_row(label, t, group) for group, (label, t) in enumerate(found)]
        if any(row.value is not None for row in rows):
            figures.append(
                forest(
                    rows,
                    Labels(
                        title=(
                            f"One {singular(pooled['numerator_unit'] or pooled['numerator'])}, in"
                            f" {pooled['unit'].split(' per ')[0]}, by intent"
                        ),
                        x=pooled["unit"],
                        caption=f"Bars are intervals of {100 * told['level']:g} %.",
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


def shares_figure(told: Mapping[str, Any]) -> Figure:
    """How common each intent is from period to period, with intervals.

    Args:
        told: ``intents`` of ``infer``, with shares over time.
    """
    over = told["over_time"]
    periods = over["periods"]
    is_timed = over["by"] == "time"

    def column(j: int, end: int | None) -> list[float | None]:
        cells = [p["shares"][j] for p in periods]
        if end is None:
            return [100 * c["share"] for c in cells]
        return [100 * c["interval"][end] if c["interval"] else None for c in cells]

    return over_periods(
        plain_array([*(p["begin"] for p in periods), periods[-1]["end"]]),
        [*(p["from"] for p in periods), periods[-1]["until"]],
        [
            Series(
                name=f"intent {j + 1}",
                values=plain_array(column(j, None)),
                lower=plain_array(column(j, 0)),
                upper=plain_array(column(j, 1)),
            )
            for j in range(told["n_intents"])
        ],
        Labels(
            title=f"How common each intent is, {'over time' if is_timed else 'along the log'}",
            x="begin of the trajectories" if is_timed else "place of the trajectories in the dataset",
            y="share of the trajectories, %",
            caption=(
                f"{len(periods)} periods with about as many trajectories each, set apart by lines."
                + (
                    f" Bars are intervals of {100 * told['level']:g} % for each share by itself."
                    if told["unit"] == "trajectory"
                    else ""
                )
            ),
        ),
        bounds=(0.0, 100.0),
    )
