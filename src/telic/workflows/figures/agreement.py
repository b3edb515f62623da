"""Predicted against observed choices: by state, and as a calibration curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    DASHES,
    LETTERS_PER_INCH,
    MARKERS,
    MUTED,
    RULE,
    WIDE,
    Labels,
    canvas,
    draw_twice,
    key_below,
    label_ends,
    name_axis,
    title_axis,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Panel", "calibration_curve", "choice_shares"]

SQUARE = 4.6
"""Width in inches of a square drawing with its labels."""
OFTEN = 20
"""Decisions from which a share is worth comparing in words."""
END = 0.2
"""Distance from 0 and from 1 within which everything must lie for the two ends to be drawn apart."""
ENDS_WORDS = "All predictions are near 0 or 1: the two ends are drawn apart, and stretched towards them."
END_TICKS = (0.0, 0.001, 0.01, 0.03, 0.1, 0.2)
"""Distances from an end that are marked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Choices along one measurement of the state.

    Attributes:
        label: the measurement with its unit.
        cells: its n cells, as text.
        predicted: ``(n, A)`` shares; NaN where there are no decisions.
        observed: ``(n, A)`` shares; NaN where there are no decisions.
        counts: ``(n,)`` decisions.
    """

    label: str
    cells: tuple[str, ...]
    predicted: Float[np.ndarray, "n A"]
    observed: Float[np.ndarray, "n A"]
    counts: Float[np.ndarray, "n"]


def choice_shares(panels: Sequence[Panel], actions: Sequence[str], labels: Labels) -> Figure:
    """Share of each action over each measurement of the state: lines as predicted, marks as seen.

    Args:
        panels: one a measurement.
        actions: A names.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _shares(panels, actions, width))
    often = [(np.abs(p.predicted - p.observed)[p.counts >= OFTEN]) for p in panels]
    worst = max((float(np.nanmax(gap)) for gap in often if gap.size), default=float("nan"))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=(
            f"{labels.title}. Where there are at least {OFTEN} decisions, predicted and observed shares"
            f" differ by {worst:.2f} at most."
        ),
        caption=labels.caption,
        data={
            "actions": list(actions),
            "panels": [
                {
                    "label": p.label,
                    "cells": list(p.cells),
                    "predicted": _rows(p.predicted),
                    "observed": _rows(p.observed),
                    "decisions": p.counts.tolist(),
                }
                for p in panels
            ],
        },
    )


def calibration_curve(table: Sequence[Mapping[str, float]], labels: Labels) -> Figure:
    """Observed share of a choice against its predicted probability, with intervals; the diagonal is perfect.

    Args:
        table: rows with ``predicted``, ``observed``, ``lower``, ``upper`` and ``n``.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _calibration(table, min(width, SQUARE)))
    inside = sum(row["lower"] <= row["predicted"] <= row["upper"] for row in table)
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=(
            f"{labels.title}. In {inside} of {len(table)} groups the predicted probability lies inside the"
            " interval of the observed share."
        ),
        caption=f"{labels.caption} {ENDS_WORDS}".strip() if _lies_at_the_ends(table) else labels.caption,
        data={"rows": [{k: float(v) for k, v in row.items()} for row in table]},
    )


def _shares(panels: Sequence[Panel], actions: Sequence[str], width: float) -> str:
    """The drawing at a width in inches; panels stand below each other where it is narrow."""
    beside = width >= WIDE
    grid = {"columns": len(panels), "sharey": True} if beside else {"rows": len(panels)}
    with canvas(width, 2.9 if beside else 0.3 + 2.4 * len(panels), **grid) as (figure, axes):
        for k, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            label, cells, counts = panel.label, panel.cells, panel.counts
            predicted, observed = panel.predicted, panel.observed
            at = np.arange(len(cells))
            ends: list[tuple[float, str, int]] = []
            for a, action in enumerate(actions):
                colour, size = ACCENTS[a % 6], 3.0 + 5.0 * np.sqrt(counts / max(float(np.max(counts)), 1.0))
                axis.plot(at, predicted[:, a], color=colour, linestyle=DASHES[a % 6])
                for i in at:
                    if counts[i] > 0:
                        axis.plot(
                            [i],
                            [observed[i, a]],
                            marker=MARKERS[a % 6],
                            color=colour,
                            markersize=float(size[i]),
                            markerfacecolor="none",
                            markeredgewidth=1.3,
                        )
                known = np.flatnonzero(np.isfinite(predicted[:, a]))
                if len(known):
                    ends.append((float(predicted[known[-1], a]), action, a))
            longest = max((len(cell) for cell in cells), default=1)
            room = int(LETTERS_PER_INCH * width / ((len(panels) if beside else 1) * (longest + 2)))
            step = max(1, -(-len(cells) // max(1, min(8, room))))
            axis.set_xticks(at[::step], [cells[i] for i in at[::step]])
            name_axis(axis, label, width)
            axis.grid(axis="y")
            axis.set_ylim(-0.06, 1.06)  # whole marks at nothing and at all
            if beside and k == len(panels) - 1:
                label_ends(axis, ends)
        title_axis(axes[0], "share of decisions")
        if not beside:
            key_below(figure, [(action, a) for a, action in enumerate(actions)])
        return to_svg(figure)


def _calibration(table: Sequence[Mapping[str, float]], width: float) -> str:
    """The drawing at a width in inches; two where there is nothing between the ends."""
    if _lies_at_the_ends(table):
        return _calibration_at_the_ends(table, width)
    with canvas(width, width - 1.0 if width >= SQUARE else width) as (figure, axes):
        axis = axes[0]
        _groups(axis, table)
        axis.annotate("as predicted", (0.8, 0.83), color=MUTED, ha="right")
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.set_aspect("equal")
        axis.set_xlabel("predicted probability of an action")
        axis.set_ylabel("how often it was taken")
        return to_svg(figure)


def _lies_at_the_ends(table: Sequence[Mapping[str, float]]) -> bool:
    """True where every group with its interval is near 0 or near 1, and there are some at either."""
    keys = ("predicted", "lower", "upper")
    low = [max(row[key] for key in keys) <= END for row in table]
    high = [min(row[key] for key in keys) >= 1.0 - END for row in table]
    return any(low) and any(high) and all(x or y for x, y in zip(low, high, strict=True))


def _calibration_at_the_ends(table: Sequence[Mapping[str, float]], width: float) -> str:
    """What is hardly ever done, and what nearly always, each on a scale of the root of the distance."""
    halves = [[row for row in table if (row["predicted"] > 0.5) is is_high] for is_high in (False, True)]
    beside = width >= SQUARE
    grid = {"columns": 2} if beside else {"rows": 2}
    with canvas(width * 1.5 if beside else width, width * (0.7 if beside else 1.7), **grid) as (figure, axes):
        for axis, rows, end in zip(axes, halves, (0.0, 1.0), strict=True):
            farthest = max(abs(row[key] - end) for row in rows for key in ("predicted", "lower", "upper"))
            _stretch(axis, end, farthest)
            _groups(axis, rows)
            axis.set_xlabel("predicted probability of an action")
            axis.set_ylabel("how often it was taken")
        return to_svg(figure)


def _stretch(axis: Axes, end: float, farthest: float) -> None:
    """Both axes by the root of the distance from an end."""
    sign = 1.0 if end == 0.0 else -1.0

    def there(p: Any) -> Any:
        distance = sign * (np.asarray(p) - end)
        return sign * np.copysign(np.sqrt(np.abs(distance)), distance)

    def back(q: Any) -> Any:
        distance = sign * np.asarray(q)
        return end + sign * np.copysign(distance**2, distance)

    axis.set_xscale("function", functions=(there, back))
    axis.set_yscale("function", functions=(there, back))
    ticks = sorted(end + sign * t for t in END_TICKS if t <= farthest)
    limits = sorted((end - sign * 0.0002, end + sign * 1.15 * farthest))
    for bounds, marks in ((axis.set_xlim, axis.set_xticks), (axis.set_ylim, axis.set_yticks)):
        marks(ticks, [f"{t:g}" for t in ticks])
        bounds(*limits)
    axis.minorticks_off()
    axis.set_box_aspect(1)


def _groups(axis: Axes, table: Sequence[Mapping[str, float]]) -> None:
    """The diagonal, and each group with its interval."""
    axis.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=DASHES[1])
    for row in table:
        axis.plot([row["predicted"]] * 2, [row["lower"], row["upper"]], color=ACCENTS[0], linewidth=2.2)
    seen = [[row[key] for row in table] for key in ("predicted", "observed")]
    axis.plot(*seen, marker="o", linestyle="none", color=ACCENTS[0], markersize=6, clip_on=False)
    axis.grid(color=RULE)


def _rows(values: np.ndarray) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]
