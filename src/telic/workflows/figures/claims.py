"""Claims as ranges: how far a combination of weights can go while the decisions are explained as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telic.reports import Figure

from .canvas import ACCENTS, MARKERS, MUTED, PAPER, Labels, draw_twice
from .rows import draw_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Range", "claim_ranges"]

BEYOND = 1.12
"""Where an end that has no bound is drawn, in units of the farthest end."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """One claim.

    Attributes:
        label: the claim.
        lowest: end, ``-inf`` without a bound.
        highest: end, ``inf`` without a bound.
        kind: number of its verdict, which decides mark and colour.
        text: verdict and numbers, written at the right.
    """

    label: str
    lowest: float
    highest: float
    kind: int
    text: str


def claim_ranges(rows: Sequence[Range], labels: Labels) -> Figure:
    """One bar a claim, each in a scale of its own with 0 in common; arrows where there is no bound.

    Args:
        rows: from top to bottom.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _ranges(rows, labels, width))
    spoken = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. {spoken}.",
        caption=labels.caption,
        data={
            "rows": [
                {
                    "label": row.label,
                    "lowest": row.lowest if math.isfinite(row.lowest) else None,
                    "highest": row.highest if math.isfinite(row.highest) else None,
                    "text": row.text,
                }
                for row in rows
            ]
        },
    )


def _ranges(rows: Sequence[Range], labels: Labels, width: float) -> str:
    """The drawing at a width in inches."""

    def prepare(axis: Axes) -> None:
        axis.set_xlim(-1.22, 1.22)
        axis.set_xticks([-1.0, 0.0, 1.0], ["against", "0", "for"])
        axis.axvline(0.0, color=MUTED, linewidth=1.2, zorder=0)

    return draw_rows(
        [(row.label, row.text) for row in rows],
        labels.x,
        width,
        prepare=prepare,
        draw=lambda axis, i: _bar(axis, i, rows[i]),
    )


def _bar(axis: Axes, i: int, row: Range) -> None:
    finite = [abs(x) for x in (row.lowest, row.highest) if math.isfinite(x)]
    scale = max(finite, default=1.0) or 1.0
    low = row.lowest / scale if math.isfinite(row.lowest) else -BEYOND
    high = row.highest / scale if math.isfinite(row.highest) else BEYOND
    colour = ACCENTS[row.kind % 6]
    axis.plot((low, high), (i, i), color=colour, linewidth=2.6)
    for at, bounded, arrow in (
        (low, math.isfinite(row.lowest), "<"),
        (high, math.isfinite(row.highest), ">"),
    ):
        axis.plot(
            [at], [i], marker="|" if bounded else arrow, color=colour, markersize=8, markeredgewidth=2.0
        )
    axis.plot(
        [(low + high) / 2],
        [i],
        marker=MARKERS[row.kind % 6],
        color=colour,
        markerfacecolor=PAPER if row.kind else colour,
        markersize=7,
    )
