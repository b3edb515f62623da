"""Numbers by period of time with their intervals: shares of intents, weights that change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    DASHES,
    MARKERS,
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

__all__ = ["Series", "over_periods"]

LETTER_INCHES = 0.085
"""Width of a letter of a tick's label."""

APART = 0.012
"""Distance between the bars of two series in one period, as a share of the width."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One quantity over periods.

    Attributes:
        name: what it is.
        values: ``(B,)``.
        lower, upper: ``(B,)`` ends of intervals; NaN where there are none.
    """

    name: str
    values: Float[np.ndarray, "B"]
    lower: Float[np.ndarray, "B"]
    upper: Float[np.ndarray, "B"]


def over_periods(
    edges: Float[np.ndarray, "edges"],
    edge_labels: Sequence[str],
    series: Sequence[Series],
    labels: Labels,
    *,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """A mark with its interval in the middle of each period, joined by a line a series.

    Args:
        edges: ``(B + 1,)`` begin of each period and end of the last, rising.
        edge_labels: the same in words.
        series: quantities; names are told by marks and dashes too.
        labels: its words.
        bounds: ends of the vertical axis; None: around the numbers.
    """
    svg, narrow = draw_twice(lambda width: _over_periods(edges, edge_labels, series, labels, bounds, width))
    spoken = "; ".join(
        f"{s.name} goes from {s.values[0]:.3g} in the first period to {s.values[-1]:.3g} in the last"
        for s in series
    )
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. {len(edges) - 1} periods: {spoken}.",
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "edges": list(edge_labels),
            "y_label": labels.y,
            "lines": {
                s.name: [
                    {"value": _plain(v), "interval": None if np.isnan(a) else [_plain(a), _plain(b)]}
                    for v, a, b in zip(s.values.tolist(), s.lower.tolist(), s.upper.tolist(), strict=True)
                ]
                for s in series
            },
        },
    )


def _over_periods(
    edges: np.ndarray,
    edge_labels: Sequence[str],
    series: Sequence[Series],
    labels: Labels,
    bounds: tuple[float, float] | None,
    width: float,
) -> str:
    """The drawing at a width in inches."""
    span = float(edges[-1] - edges[0]) or 1.0
    middles = (edges[:-1] + edges[1:]) / 2
    with canvas(width, 3.0) as (figure, axes):
        axis = axes[0]
        axis.set_xlim(float(edges[0]) - 0.02 * span, float(edges[-1]) + 0.02 * span)
        if bounds is not None:
            room = 0.03 * (bounds[1] - bounds[0])
            axis.set_ylim(bounds[0] - room, bounds[1] + room)
        for edge in edges:
            axis.axvline(float(edge), color=RULE, linewidth=0.6, zorder=0)
        for i, s in enumerate(series):
            x = middles + (i - (len(series) - 1) / 2) * APART * span
            colour = ACCENTS[i % 6]
            axis.plot(
                x, s.values, color=colour, linestyle=DASHES[i % 6], marker=MARKERS[i % 6], markersize=5.5
            )
            axis.vlines(x, s.lower, s.upper, color=colour, linewidth=1.8, alpha=0.8)
        axis.grid(axis="y")
        kept = _apart(edges, edge_labels, (0.62 if width >= WIDE else 0.85) * width)
        axis.set_xticks(edges[kept], [edge_labels[k] for k in kept])
        name_axis(axis, labels.x, width)
        title_axis(axis, labels.y)
        if len(series) > 1 and width >= WIDE:
            label_ends(axis, [(float(s.values[-1]), s.name, i) for i, s in enumerate(series)])
        elif len(series) > 1:
            key_below(figure, [(s.name, i) for i, s in enumerate(series)])
        return to_svg(figure)


def _apart(edges: np.ndarray, words: Sequence[str], inches: float) -> list[int]:
    """Places of the edges whose labels do not cover each other; the first is always one of them."""
    span = float(edges[-1] - edges[0]) or 1.0
    at = (edges - edges[0]) / span * inches
    kept = [0]
    for k in range(1, len(edges)):
        room = (len(words[k]) + len(words[kept[-1]])) / 2 * LETTER_INCHES + 0.15
        if at[k] - at[kept[-1]] >= room:
            kept.append(k)
    return kept


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
