"""Numbers over states that two measurements make: maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from telic.reports import Figure

from .canvas import ACCENTS, MUTED, WIDE, Labels, canvas, draw_twice, name_axis, to_svg

__all__ = ["MAX_CELLS", "heat_map"]

MAX_CELLS = 60
"""Cells drawn along one side of a map; finer ones are averaged, so that a page stays small."""
SHADES = 12
"""Steps of the scale beside a map."""
SMALL = (0.2, 0.42)
"""Width and height of a cell that the data never entered, as shares of a whole one."""


def heat_map(
    x: Float[np.ndarray, "columns"],
    y: Float[np.ndarray, "rows"],
    z: Float[np.ndarray, "rows columns"],
    labels: Labels,
    *,
    visited: Bool[np.ndarray, "rows columns"] | None = None,
) -> Figure:
    """A map of ``z`` over two measurements: the fuller the colour, the higher; where no state is, it stays
    empty.

    The colour is one accent of the page at rising opacity, so that it reads in light, in dark and in grey;
    the scale beside it carries numbers. The cells that the data enter set the scale; the others are drawn
    small.

    Args:
        x: one measurement, rising.
        y: the other, rising.
        z: values; NaN where no state exists.
        labels: its words.
        visited: cells that the data enter; None: all of them.
    """
    z = np.asarray(z, dtype=np.float64)
    seen = np.isfinite(z) if visited is None else np.asarray(visited, dtype=bool) & np.isfinite(z)
    seen_share = _thinned(np.where(np.isfinite(z), seen.astype(float), np.nan))
    x, y, z = (
        _thinned(np.asarray(x, dtype=np.float64)),
        _thinned(np.asarray(y, dtype=np.float64)),
        _thinned(z),
    )
    seen = np.nan_to_num(seen_share) > 0
    shown = z[seen] if seen.any() else z[np.isfinite(z)]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0)
    svg, narrow = draw_twice(lambda width: _map(x, y, z, seen, (low, high), labels, width))
    inside = np.where(seen if seen.any() else np.isfinite(z), z, np.nan)
    best, worst = (np.unravel_index(int(f(inside)), z.shape) for f in (np.nanargmax, np.nanargmin))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=(
            f"{labels.title}. Highest, {high + 0.0:.3g}, at {labels.x} {x[best[1]]:g} and {labels.y}"
            f" {y[best[0]]:g}; lowest, {low + 0.0:.3g}, at {labels.x} {x[worst[1]]:g} and {labels.y}"
            f" {y[worst[0]]:g}."
        ),
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "x": x.tolist(),
            "y_label": labels.y,
            "y": y.tolist(),
            "z_label": labels.z,
            "z": [[float(v) if np.isfinite(v) else None for v in row] for row in z],
        },
    )


def _map(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    seen: np.ndarray,
    ends: tuple[float, float],
    labels: Labels,
    width: float,
) -> str:
    """The drawing at a width in inches; ``ends`` are those of the scale."""
    low, high = ends
    span = (high - low) or 1.0
    with canvas(width, 3.1, columns=2, gridspec_kw={"width_ratios": [30 if width >= WIDE else 14, 1]}) as (
        figure,
        axes,
    ):
        grid, scale = axes
        for i, j in np.argwhere(np.isfinite(z)).tolist():
            wide, tall = (0.94, 0.92) if seen[i, j] else SMALL
            _cell(grid, (j, i), wide, tall, (z[i, j] - low) / span)
        grid.set_xlim(-0.6, len(x) - 0.4)
        grid.set_ylim(-0.6, len(y) - 0.4)
        most = 12 if width >= WIDE else 6
        for set_ticks, values, n in ((grid.set_xticks, x, most), (grid.set_yticks, y, 12)):
            at = list(range(0, len(values), max(1, -(-len(values) // n))))
            set_ticks(at, [f"{values[k]:g}" for k in at])
        grid.spines[["left", "bottom"]].set_visible(False)
        grid.tick_params(length=0)
        name_axis(grid, labels.x, width)
        grid.set_ylabel(labels.y)
        for k in range(SHADES):
            _cell(scale, (0.5, (k + 0.5) / SHADES), 1.0, 1.0 / SHADES, (k + 0.5) / SHADES)
        scale.set_xlim(0, 1)
        scale.set_ylim(0, 1)
        scale.set_xticks([])
        scale.yaxis.tick_right()
        scale.set_yticks(
            [0, 0.5, 1], [f"{low + share * span + 0.0:.3g}".replace("-", "\u2212") for share in (0, 0.5, 1)]
        )
        scale.tick_params(length=0, labelcolor=MUTED)
        scale.spines[:].set_visible(False)
        scale.set_title(labels.z, fontsize=9.5, color=MUTED, loc="right")
        return to_svg(figure)


def _cell(axis: Any, centre: tuple[float, float], width: float, height: float, share: float) -> None:
    """A rectangle whose fullness is ``share``, held to [0, 1]."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    opacity = round(0.06 + 0.90 * min(max(float(share), 0.0), 1.0), 3)
    corner = (centre[0] - width / 2, centre[1] - height / 2)
    axis.add_patch(Rectangle(corner, width, height, facecolor=to_rgba(ACCENTS[0], opacity), edgecolor="none"))


def _thinned(values: np.ndarray) -> np.ndarray:
    """Blocks of cells averaged so that no side has more than ``MAX_CELLS``; NaN where all of a block is."""
    for axis in range(values.ndim):
        step = -(-values.shape[axis] // MAX_CELLS)
        if step > 1:
            starts = np.arange(0, values.shape[axis], step)
            ok = np.isfinite(values)
            total = np.add.reduceat(np.where(ok, values, 0.0), starts, axis=axis)
            count = np.add.reduceat(ok.astype(float), starts, axis=axis)
            values = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return values
