"""A number as an assumption varies: a line with a band, the assumed value marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telic.reports import Figure

from .canvas import ACCENTS, DASHES, MARKERS, MUTED, Labels, canvas, label_ends, title_axis, to_svg

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
    with canvas(7.6, 2.9) as (figure, axes):
        axis = axes[0]
        grid = sorted({x for curve in curves for x in curve.x})
        ends: list[tuple[float, str]] = []
        place = {x: float(i) for i, x in enumerate(grid)}  # evenly, so that close values stay apart
        if assumed is not None and assumed in place:
            axis.axvline(place[assumed], color=MUTED, linewidth=1.0, linestyle=DASHES[1])
            axis.annotate(
                "assumed",
                (place[assumed], 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -2),
                textcoords="offset points",
                color=MUTED,
                va="top",
                fontsize=9,
            )
        for i, curve in enumerate(curves):
            colour = ACCENTS[i % 6]
            banded = [
                (place[x], *ends)
                for x, ends in zip(curve.x, curve.intervals, strict=True)
                if ends is not None
            ]
            if bars:
                shift = 0.08 * (i - (len(curves) - 1) / 2)
                for x, low, high in banded:
                    axis.plot([x + shift] * 2, [low, high], color=colour, linewidth=2.2)
            else:
                shift = 0.0
                if banded:
                    axis.fill_between(
                        [b[0] for b in banded],
                        [b[1] for b in banded],
                        [b[2] for b in banded],
                        color=colour,
                        alpha=0.16,
                        linewidth=0,
                    )
            drawn = [(place[x] + shift, y) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
            if drawn:
                axis.plot(
                    *zip(*drawn, strict=True),
                    color=colour,
                    linestyle=DASHES[i % 6],
                    marker=MARKERS[i % 6],
                    markersize=5,
                )
                ends.append((drawn[-1][1], curve.label))
        axis.set_xticks([place[x] for x in grid], [f"{x:.4g}" for x in grid])
        axis.set_xlim(-0.3, len(grid) - 0.7)
        axis.grid(axis="y")
        axis.set_xlabel(labels.x)
        title_axis(axis, labels.y)
        label_ends(axis, ends)
        svg = to_svg(figure)
    spoken = "; ".join(_spoken(curve) for curve in curves)
    return Figure(
        title=labels.title,
        svg=svg,
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


def _spoken(curve: Curve) -> str:
    known = [y for y in curve.y if y is not None]
    return (
        f"{curve.label} between {min(known):.3g} and {max(known):.3g}"
        if known
        else f"{curve.label} without an estimate"
    )
