"""A number as an assumption varies: a line with a band, the assumed value marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    DASHES,
    MARKERS,
    MUTED,
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

__all__ = ["Curve", "profile"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One quantity along an assumption.

    Attributes:
        label: who or what.
        x: values of the assumption, rising.
        y: the estimate at each, None where there is none.
        intervals: its interval at each, None where unbounded.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    intervals: Sequence[tuple[float, float] | None]


def profile(
    curves: Sequence[Curve],
    labels: Labels,
    *,
    assumed: float | None = None,
    bars: bool = False,
) -> Figure:
    """Estimates along an assumption, each with a band, labelled at the end.

    Args:
        curves: one a quantity.
        labels: its words.
        assumed: the value used for the results, marked by a line.
        bars: intervals as bars side by side, for settings with nothing between them; else as bands.
    """
    svg, narrow = draw_twice(lambda width: _profile(curves, labels, assumed, bars, width))
    spoken = "; ".join(_spoken(curve) for curve in curves)
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. Along {labels.x}: {spoken}.",
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "y_label": labels.y,
            "assumed": assumed,
            "curves": [
                {
                    "label": c.label,
                    "x": [float(x) for x in c.x],
                    "y": list(c.y),
                    "intervals": [list(i) if i else None for i in c.intervals],
                }
                for c in curves
            ],
        },
    )


def _profile(curves: Sequence[Curve], labels: Labels, assumed: float | None, bars: bool, width: float) -> str:
    """The drawing at a width in inches."""
    beside = width >= WIDE
    with canvas(width, 2.9 if beside else 2.9 + 0.2 * len(curves)) as (figure, axes):
        axis = axes[0]
        grid = sorted({x for curve in curves for x in curve.x})
        ends: list[tuple[float, str, int]] = []
        place = {x: float(i) for i, x in enumerate(grid)}  # evenly, so that close values stay apart
        if assumed is not None and assumed in place:
            axis.axvline(place[assumed], color=MUTED, linewidth=1.0, linestyle=DASHES[1])
        for i, curve in enumerate(curves):
            colour = ACCENTS[i % 6]
            shift = 0.08 * (i - (len(curves) - 1) / 2) if bars else 0.0
            banded = [
                (place[x] + shift, *ends)
                for x, ends in zip(curve.x, curve.intervals, strict=True)
                if ends is not None
            ]
            if bars:
                for x, low, high in banded:
                    axis.plot([x] * 2, [low, high], color=colour, linewidth=2.2)
            elif banded:
                at, lower, upper = zip(*banded, strict=True)
                axis.fill_between(at, lower, upper, color=colour, alpha=0.16, linewidth=0)
            drawn = [(place[x] + shift, y) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
            if drawn:
                axis.plot(
                    *zip(*drawn, strict=True),
                    color=colour,
                    linestyle=DASHES[i % 6],
                    marker=MARKERS[i % 6],
                    markersize=5,
                )
                ends.append((drawn[-1][1], curve.label, i))
        words = [f"{x:.4g}" + ("\nassumed" if x == assumed else "") for x in grid]
        axis.set_xticks([place[x] for x in grid], words)
        axis.set_xlim(-0.3, len(grid) - 0.7)
        axis.grid(axis="y")
        name_axis(axis, labels.x, width)
        title_axis(axis, labels.y)
        if beside:
            label_ends(axis, ends)
        else:
            key_below(figure, [(name, i) for _, name, i in ends])
        return to_svg(figure)


def _spoken(curve: Curve) -> str:
    known = [y for y in curve.y if y is not None]
    return (
        f"{curve.label} between {min(known):.3g} and {max(known):.3g}"
        if known
        else f"{curve.label} without an estimate"
    )
