"""What questions are expected to tell: a bar each, with its error, over what one at random tells."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    INK,
    LETTERS_PER_INCH,
    MUTED,
    PAPER,
    RULE,
    WIDE,
    Labels,
    canvas,
    draw_twice,
    name_axis,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Gain", "information_bars"]

LETTERS = 34
"""Letters of a line of a label beside the bars."""

BELOW = 0.27
"""How far under its bar the one at random stands, in rows."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """One question.

    Attributes:
        label: what is asked.
        gain: nats.
        low, high: ends of its interval.
        random: nats of one of its kind at random; None where that is not known.
        random_low, random_high: nats that a tenth of those stay below, and above.
        kind: number of its kind, which decides colour and hatching.
        text: the numbers in words.
    """

    label: str
    gain: float
    low: float
    high: float
    random: float | None
    random_low: float
    random_high: float
    kind: int
    text: str


HATCHES = ("", "////", "....")
"""One pattern a kind, so that nothing depends on colour."""


def information_bars(rows: Sequence[Gain], labels: Labels) -> Figure:
    """One bar a question, its interval on it, and below it a diamond for one at random.

    Args:
        rows: from top to bottom.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _bars(rows, labels, width))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. " + "; ".join(f"{row.label}: {row.text}" for row in rows) + ".",
        caption=labels.caption,
        data={"rows": [vars(row) for row in rows]},
    )


def _bars(rows: Sequence[Gain], labels: Labels, width: float) -> str:
    beside = width >= WIDE
    letters = LETTERS if beside else int(width * LETTERS_PER_INCH)
    names = [textwrap.wrap(row.label, letters) or [""] for row in rows]
    tallest = max(len(name) for name in names)
    height = max(0.5, 0.17 * tallest + 0.14) if beside else 0.55 + 0.17 * tallest
    with canvas(width, 0.75 + height * max(len(rows), 2)) as (figure, axes):
        axis = axes[0]
        most = max(max(row.high, row.random_high, row.gain) for row in rows)
        axis.set_xlim(0.0, 1.02 * most if most > 0 else 1.0)
        axis.set_ylim(len(rows) - 0.4, -0.5 if beside else -0.85)
        shown = ["\n".join(name) for name in names] if beside else []
        axis.set_yticks(range(len(shown)), shown, color=INK, fontsize=9.5)
        axis.tick_params(axis="y", length=0, pad=6)
        axis.spines["left"].set_color(MUTED)
        for i, row in enumerate(rows):
            _bar(axis, i, row)
            if not beside:
                _name(axis, i, "\n".join(names[i]))
        axis.locator_params(axis="x", nbins=6 if beside else 4)
        name_axis(axis, labels.x, width)
        return to_svg(figure)


def _bar(axis: Axes, i: int, row: Gain) -> None:
    colour = ACCENTS[row.kind % 6]
    axis.barh(
        [i],
        [row.gain],
        height=0.26,
        color=PAPER if row.kind else colour,
        edgecolor=colour,
        hatch=HATCHES[row.kind % len(HATCHES)],
        linewidth=1.2,
    )
    axis.plot((row.low, row.high), (i, i), color=INK, linewidth=1.4, clip_on=False)
    for end in (row.low, row.high):
        axis.plot([end], [i], marker="|", color=INK, markersize=7, markeredgewidth=1.4, clip_on=False)
    if row.random is not None:
        axis.plot(
            (row.random_low, row.random_high),
            (i + BELOW, i + BELOW),
            color=MUTED,
            linewidth=1.1,
            linestyle=":",
        )
        axis.plot(
            [row.random],
            [i + BELOW],
            marker="D",
            color=MUTED,
            markerfacecolor=PAPER,
            markersize=5,
            clip_on=False,
        )
    axis.axhline(i + 0.5, color=RULE, linewidth=0.4, zorder=0)


def _name(axis: Axes, i: int, name: str) -> None:
    axis.annotate(
        name,
        (0.0, i),
        xycoords=("axes fraction", "data"),
        xytext=(2, 9),
        textcoords="offset points",
        va="bottom",
        color=INK,
        fontsize=9.5,
        annotation_clip=False,
    )
