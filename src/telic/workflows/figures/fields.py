"""Numbers over states: lines where one measurement makes the state, maps where two do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import ACCENTS, DASHES, INK, MARKERS, MUTED, Labels, canvas, to_svg

__all__ = ["MAX_CELLS", "curves", "heat_map"]

MAX_CELLS = 60
"""Cells drawn along one side of a map; finer ones are averaged, so that a page stays small."""


def curves(
    x: Float[np.ndarray, "n"],
    lines: Sequence[tuple[str, Float[np.ndarray, "n"]]],
    labels: Labels,
) -> Figure:
    """One line a named quantity over one measurement, labelled at its end.

    Args:
        x: the measurement, rising.
        lines: name and values of each line.
        labels: its words.
    """
    with canvas(7.6, 2.7) as (figure, axes):
        axis = axes[0]
        for i, (label, y) in enumerate(lines):
            axis.plot(
                x,
                y,
                color=ACCENTS[i % 6],
                linestyle=DASHES[i % 6],
                marker=MARKERS[i % 6] if len(x) <= 40 else None,
                markersize=4,
            )
            if len(lines) > 1:
                axis.annotate(
                    label,
                    (x[-1], y[-1]),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=INK,
                    annotation_clip=False,
                )
        axis.grid(axis="y")
        axis.set_xlabel(labels.x)
        axis.set_ylabel(labels.y)
        svg = to_svg(figure)
    spoken = "; ".join(
        f"{label} goes from {y[0]:.3g} to {y[-1]:.3g}, least {np.min(y):.3g}, most {np.max(y):.3g}"
        for label, y in lines
    )
    return Figure(
        title=labels.title,
        svg=svg,
        alt=f"{labels.title}. Along {labels.x}: {spoken}.",
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "x": _plain(x),
            "y_label": labels.y,
            "lines": {label: _plain(y) for label, y in lines},
        },
    )


def heat_map(
    x: Float[np.ndarray, "columns"],
    y: Float[np.ndarray, "rows"],
    z: Float[np.ndarray, "rows columns"],
    labels: Labels,
) -> Figure:
    """A map of ``z`` over two measurements: the fuller the colour, the higher; cells without a state stay
    empty.

    The colour is one accent of the page at rising opacity, so that it reads in light, in dark and in grey;
    the scale beside it carries numbers.

    Args:
        x: one measurement, rising.
        y: the other, rising.
        z: values; NaN where no state exists.
        labels: its words.
    """
    x, y, z = _thinned(
        np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np.asarray(z, dtype=np.float64)
    )
    finite = z[np.isfinite(z)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = (high - low) or 1.0
    with canvas(7.6, 3.1, columns=2, gridspec_kw={"width_ratios": [30, 1]}) as (figure, axes):
        grid, scale = axes
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Rectangle

        for i in range(len(y)):
            for j in range(len(x)):
                if np.isfinite(z[i, j]):
                    grid.add_patch(
                        Rectangle(
                            (j - 0.47, i - 0.46),
                            0.94,
                            0.92,
                            facecolor=to_rgba(ACCENTS[0], _opacity((z[i, j] - low) / span)),
                            edgecolor="none",
                        )
                    )
        grid.set_xlim(-0.6, len(x) - 0.4)
        grid.set_ylim(-0.6, len(y) - 0.4)
        for ticks, values in ((grid.set_xticks, x), (grid.set_yticks, y)):
            at = _tick_positions(len(values))
            ticks(at, [f"{values[k]:g}" for k in at])
        for side in ("left", "bottom"):
            grid.spines[side].set_visible(False)
        grid.tick_params(length=0)
        grid.set_xlabel(labels.x)
        grid.set_ylabel(labels.y)
        for k in range(12):
            scale.add_patch(
                Rectangle(
                    (0, k / 12),
                    1,
                    1 / 12,
                    facecolor=to_rgba(ACCENTS[0], _opacity((k + 0.5) / 12)),
                    edgecolor="none",
                )
            )
        scale.set_xlim(0, 1)
        scale.set_ylim(0, 1)
        scale.set_xticks([])
        scale.yaxis.tick_right()
        scale.set_yticks([0, 0.5, 1], [f"{low + share * span + 0.0:.3g}" for share in (0, 0.5, 1)])
        scale.tick_params(length=0, labelcolor=MUTED)
        for spine in scale.spines.values():
            spine.set_visible(False)
        scale.set_title(labels.z, fontsize=9.5, color=MUTED, loc="right")
        svg = to_svg(figure)
    best, worst = (
        np.unravel_index(int(np.nanargmax(z)), z.shape),
        np.unravel_index(int(np.nanargmin(z)), z.shape),
    )
    return Figure(
        title=labels.title,
        svg=svg,
        alt=(
            f"{labels.title}. Highest, {high + 0.0:.3g}, at {labels.x} {x[best[1]]:g} and {labels.y}"
            f" {y[best[0]]:g}; lowest, {low + 0.0:.3g}, at {labels.x} {x[worst[1]]:g} and {labels.y}"
            f" {y[worst[0]]:g}."
        ),
        caption=labels.caption,
        data={
            "x_label": labels.x,
            "x": _plain(x),
            "y_label": labels.y,
            "y": _plain(y),
            "z_label": labels.z,
            "z": [_plain(row) for row in z],
        },
    )


def _opacity(share: float) -> float:
    return round(0.06 + 0.90 * float(share), 3)


def _tick_positions(n: int) -> list[int]:
    step = max(1, -(-n // 12))
    return list(range(0, n, step))


def _thinned(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of cells averaged so that no side has more than ``MAX_CELLS``."""
    for axis in (1, 0):
        step = -(-z.shape[axis] // MAX_CELLS)
        if step > 1:
            starts = np.arange(0, z.shape[axis], step)
            ok = np.isfinite(z)
            total = np.add.reduceat(np.where(ok, z, 0.0), starts, axis=axis)
            count = np.add.reduceat(ok.astype(float), starts, axis=axis)
            z = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
            sizes = np.diff(np.append(starts, len(x) if axis else len(y)))
            if axis:
                x = np.add.reduceat(x, starts) / sizes
            else:
                y = np.add.reduceat(y, starts) / sizes
    return x, y, z


def _plain(values: np.ndarray) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
