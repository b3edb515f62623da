"""Numbers over states that one measurement makes: lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    DASHES,
    MARKERS,
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

__all__ = ["curves"]

MOST_MARKS = 40
"""Points of a line beyond which marks would cover each other."""


def curves(
    x: Float[np.ndarray, "n"],
    lines: Sequence[tuple[str, Float[np.ndarray, "n"]]],
    labels: Labels,
    *,
    visited: Bool[np.ndarray, "n"] | None = None,
) -> Figure:
    """One line a named quantity over one measurement, labelled at its end; thin and faint where the data never
    went.

    Args:
        x: the measurement, rising.
        lines: name and values of each line.
        labels: its words.
        visited: where the data went; None: everywhere.
    """
    seen = np.ones(len(x), dtype=bool) if visited is None else np.asarray(visited, dtype=bool)
    svg, narrow = draw_twice(lambda width: _curves(x, lines, labels, seen, width))
    spoken = "; ".join(
        f"{label} goes from {y[0]:.3g} to {y[-1]:.3g}, least {np.min(y):.3g}, most {np.max(y):.3g}"
        for label, y in lines
    )
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. Along {labels.x}: {spoken}.",
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "x": _plain(x),
            "y_label": labels.y,
            "lines": {label: _plain(y) for label, y in lines},
            **({} if visited is None else {"visited": seen.tolist()}),
        },
    )


def _curves(
    x: np.ndarray,
    lines: Sequence[tuple[str, np.ndarray]],
    labels: Labels,
    seen: np.ndarray,
    width: float,
) -> str:
    """The drawing at a width in inches."""
    with canvas(width, 2.7) as (figure, axes):
        axis = axes[0]
        for i, (_, y) in enumerate(lines):
            colour, marker = ACCENTS[i % 6], MARKERS[i % 6] if len(x) <= MOST_MARKS else None
            axis.plot(x, y, color=colour, linestyle=":", linewidth=1.0, alpha=0.75)
            drawn = np.where(seen, y, np.nan)
            axis.plot(x, drawn, color=colour, linestyle=DASHES[i % 6], marker=marker, markersize=4)
        axis.grid(axis="y")
        name_axis(axis, labels.x, width)
        title_axis(axis, labels.y)
        if width < WIDE:
            axis.locator_params(axis="x", nbins=4)
        if len(lines) > 1 and width >= WIDE:
            label_ends(axis, [(float(y[-1]), label, i) for i, (label, y) in enumerate(lines)])
        elif len(lines) > 1:
            key_below(figure, [(label, i) for i, (label, _) in enumerate(lines)])
        return to_svg(figure)


def _plain(values: np.ndarray) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
