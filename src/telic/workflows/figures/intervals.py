"""Numbers with their intervals, one row each: trade-offs, weights, held-out likelihoods, coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telic.reports import Figure

from .canvas import ACCENTS, INK, MARKERS, MUTED, Labels, canvas, draw_twice, to_svg
from .rows import draw_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Row", "coefficients", "forest"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a forest plot.

    Attributes:
        label: what the number is about.
        value: the estimate, or None where there is none.
        interval: its ends, or None where it has none (``note`` says why).
        text: the number in words, written at the right; empty: nothing.
        group: rows of one group share marker and colour.
    """

    label: str
    value: float | None
    interval: tuple[float, float] | None = None
    text: str = ""
    group: int = 0


def forest(
    rows: Sequence[Row],
    labels: Labels,
    *,
    zero: bool = True,
    reference: float | None = None,
) -> Figure:
    """Estimates as marks with bars, one row each, the number written beside it.

    Args:
        rows: from top to bottom.
        labels: its words.
        zero: the axis holds zero and marks it.
        reference: a further value to mark.
    """
    marks = ([0.0] if zero else []) + ([reference] if reference is not None else [])
    svg, narrow = draw_twice(lambda width: _forest(rows, labels, width, zero=zero, marks=marks))
    spoken = "; ".join(f"{row.label}: {row.text or _spoken(row)}" for row in rows)
    data = {
        "x_label": labels.x,
        "rows": [
            {
                "label": row.label,
                "value": row.value,
                "interval": list(row.interval) if row.interval else None,
                "text": row.text,
            }
            for row in rows
        ],
    }
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. {spoken}.",
        caption=labels.caption,
        data=data,
    )


def coefficients(features: Sequence[str], values: Sequence[float], labels: Labels) -> Figure:
    """A direction in the space of features: one bar a coefficient, its value written at the end.

    Args:
        features: their names.
        values: coefficients of a unit vector.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _coefficients(features, values, width))
    spoken = ", ".join(f"{feature} {value:+.2f}" for feature, value in zip(features, values, strict=True))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}: {spoken}.",
        caption=labels.caption,
        data={"features": list(features), "coefficients": [float(v) for v in values]},
    )


def _forest(rows: Sequence[Row], labels: Labels, width: float, *, zero: bool, marks: Sequence[float]) -> str:
    """The drawing at a width in inches."""
    known = [x for row in rows for x in (row.value, *(row.interval or ())) if x is not None]

    def prepare(axis: Axes) -> None:
        axis.set_xlim(*_range(known, zero=zero))
        for mark in marks:
            axis.axvline(mark, color=MUTED, linewidth=1.0, dashes=(3, 2) if mark else (None, None), zorder=0)

    return draw_rows(
        [(row.label, row.text) for row in rows],
        labels.x,
        width,
        prepare=prepare,
        draw=lambda axis, i: _mark(axis, i, rows[i]),
    )


def _mark(axis: Axes, i: int, row: Row) -> None:
    """Bar and mark of one row; hollow where there is no interval."""
    colour = ACCENTS[row.group % 6]
    if row.interval is not None:
        axis.plot(row.interval, (i, i), color=colour, linewidth=2.6)
    if row.value is not None:
        axis.plot(
            [row.value],
            [i],
            marker=MARKERS[row.group % 6],
            color=colour,
            markerfacecolor=colour if row.interval is not None else "none",
            markersize=7,
            linestyle="none",
        )


def _coefficients(features: Sequence[str], values: Sequence[float], width: float) -> str:
    """The drawing at a width in inches."""
    with canvas(width, 0.55 + 0.3 * max(len(features), 2)) as (figure, axes):
        axis = axes[0]
        axis.set_xlim(-1.15, 1.15)
        axis.set_ylim(len(features) - 0.45, -0.55)
        axis.set_yticks(range(len(features)), list(features), color=INK, fontsize=10)
        axis.tick_params(axis="y", length=0, pad=6)
        axis.spines["left"].set_visible(False)
        axis.axvline(0.0, color=MUTED, linewidth=1.0)
        for i, value in enumerate(values):
            axis.barh(i, value, height=0.5, color=ACCENTS[0], alpha=0.85)
            side = 1 if value >= 0 else -1
            axis.annotate(
                f"{value:+.2f}",
                (value, i),
                xytext=(6 * side, 0),
                textcoords="offset points",
                va="center",
                ha="left" if side > 0 else "right",
            )
        axis.set_xlabel("coefficient")
        return to_svg(figure)


def _range(values: Sequence[float], *, zero: bool) -> tuple[float, float]:
    """Axis ends around the values, with room, and around zero if asked."""
    shown = [*values, 0.0] if zero else list(values)
    if not shown:
        return -1.0, 1.0
    low, high = min(shown), max(shown)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _spoken(row: Row) -> str:
    if row.value is None:
        return "no estimate"
    if row.interval is None:
        return f"{row.value:.3g}, without an interval"
    return f"{row.value:.3g}, interval {row.interval[0]:.3g} to {row.interval[1]:.3g}"
