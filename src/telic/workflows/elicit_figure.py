"""The figure of ``elicit``: what each question is expected to tell, over one at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telic.inference.wording import format_interval
from telic.reports import Figure
from telic.reports.numbers import format_number

from .figures import Gain, Labels, information_bars

__all__ = ["gains_figure"]

KIND_NUMBER = {"comparison": 0, "demonstration": 1, "environment": 2}


def gains_figure(data: Mapping[str, Any], place: Callable[[Mapping[str, Any]], str]) -> Figure:
    """A bar each for the questions of a result, over one at random of its kind.

    Args:
        data: of the verb, with questions.
        place: what a demonstration is called.
    """
    rows = []
    for q in data["questions"]:
        random = data["random"].get(q["kind"])
        low, high = q["interval"]
        usual = "" if random is None else f", at random {format_number(random['mean'], digits=2)}"
        rows.append(
            Gain(
                label=q["id"] if q["kind"] == "comparison" else place(q),
                gain=q["gain"],
                low=low,
                high=high,
                random=None if random is None else random["mean"],
                random_low=0.0 if random is None else random["low"],
                random_high=0.0 if random is None else random["high"],
                kind=KIND_NUMBER[q["kind"]],
                text=f"{_with_interval(q['gain'], low, high)} nats{usual}",
            )
        )
    return information_bars(
        rows,
        Labels(
            title="What each answer is expected to tell",
            x="nats; 0.69 is a sure answer to a question that is open both ways",
            caption=(
                "Bars: questions that were chosen, with two errors to each side (of demonstrations: with the bias of"
                " the average too); filled bars compare plans, hatched ones ask for decisions from a state, dotted ones"
                " for decisions in a world. Diamonds: one at random of the same kind; the dotted line goes from what a"
                " tenth of them stay below to what a tenth exceed."
            ),
        ),
    )


def _with_interval(value: float, low: float, high: float) -> str:
    text, lower, upper = format_interval(value, low, high)
    return f"{text} [{lower}, {upper}]"
