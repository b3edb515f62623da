"""Numbers over states that one measurement makes: lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import ACCENTS, DASHES, MARKERS, Labels, canvas, label_ends, title_axis, to_svg

__all__ = ["curves"]


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
        for i, (_, y) in enumerate(lines):
            axis.plot(
                x,
                y,
                color=ACCENTS[i % 6],
                linestyle=DASHES[i % 6],
                marker=MARKERS[i % 6] if len(x) <= 40 else None,
                markersize=4,
            )
        axis.grid(axis="y")
        axis.set_xlabel(labels.x)
        title_axis(axis, labels.y)
        if len(lines) > 1:
            label_ends(axis, [(float(y[-1]), label) for label, y in lines])
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


def _plain(values: np.ndarray) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
