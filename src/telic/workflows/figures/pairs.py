"""Draws of several numbers, each against each: where they lie, and how they hang together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import ACCENTS, INK, MUTED, WIDE, Labels, canvas, draw_twice, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["pairs"]

MOST_WIDE, MOST_NARROW = 5, 3
"""Numbers that a page's column and a phone hold, beside each other."""

EDGE = 0.01
"""Share of the draws outside each end of an axis, at most."""


def pairs(
    names: Sequence[str],
    draws: Float[np.ndarray, "n K"],
    prior_sds: Sequence[float],
    labels: Labels,
) -> Figure:
    """Density of each number on the diagonal, dots below it, correlations above it.

    Args:
        names: of the numbers.
        draws: one row a draw.
        prior_sds: standard deviation of each number before the data, around 0; 0 where it has none.
        labels: its words.
    """
    K = min(len(names), MOST_WIDE)
    svg, narrow = draw_twice(
        lambda width: _pairs(names, draws, prior_sds, width, K if width >= WIDE else min(K, MOST_NARROW))
    )
    R = np.atleast_2d(np.corrcoef(draws, rowvar=False))
    spoken = "; ".join(
        f"{names[k]} {draws[:, k].mean():.3g}, standard deviation {draws[:, k].std():.2g}" for k in range(K)
    )
    told = ", ".join(f"{names[j]} and {names[i]} {R[i, j]:+.2f}" for i in range(K) for j in range(i))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=f"{labels.title}. Means: {spoken}." + (f" Correlations: {told}." if told else ""),
        caption=labels.caption,
        data={
            "names": list(names),
            "means": draws.mean(axis=0).tolist(),
            "standard_deviations": draws.std(axis=0).tolist(),
            "prior_standard_deviations": [float(sd) for sd in prior_sds],
            "correlations": R.tolist(),
        },
    )


def _pairs(names: Sequence[str], draws: np.ndarray, prior_sds: Sequence[float], width: float, K: int) -> str:
    """The drawing of the first K numbers at a width in inches."""
    ends = [_range(draws[:, k]) for k in range(K)]
    R = np.atleast_2d(np.corrcoef(draws, rowvar=False))
    with canvas(width, max(1.6, width / K * K * 0.62), rows=K, columns=K) as (figure, axes):
        for i in range(K):
            for j in range(K):
                axis = axes[i * K + j]
                if j > i:
                    axis.axis("off")
                    text = f"{R[i, j]:+.2f}".replace("-", "\u2212")
                    axis.text(0.5, 0.5, text, ha="center", va="center", color=INK, transform=axis.transAxes)
                    continue
                axis.set_xlim(*ends[j])
                axis.locator_params(axis="x", nbins=3)
                if i == j:
                    _density(axis, draws[:, j], prior_sds[j], ends[j])
                else:
                    axis.set_ylim(*ends[i])
                    axis.locator_params(axis="y", nbins=3)
                    axis.plot(
                        draws[:, j], draws[:, i], "o", color=ACCENTS[0], markersize=2.4, alpha=0.7, mew=0
                    )
                if i < K - 1:
                    axis.set_xticklabels([])
                else:
                    axis.set_xlabel(_short(names[j]), color=INK)
                if j or i == j:
                    axis.set_yticklabels([])
                if j == 0:
                    axis.set_ylabel(_short(names[i]), color=INK)
        return to_svg(figure)


def _density(axis: Axes, values: np.ndarray, prior_sd: float, ends: tuple[float, float]) -> None:
    """Steps of the draws, and the prior as a dashed line on the same scale."""
    heights, edges = np.histogram(values, bins=16, range=ends, density=True)
    axis.stairs(heights, edges, color=ACCENTS[0], fill=True, alpha=0.3)
    axis.stairs(heights, edges, color=ACCENTS[0], linewidth=1.4)
    if prior_sd:
        x = np.linspace(*ends, 41)
        axis.plot(
            x,
            np.exp(-0.5 * (x / prior_sd) ** 2) / (prior_sd * np.sqrt(2 * np.pi)),
            color=INK,
            linestyle=(0, (4, 2)),
            linewidth=1.3,
        )
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.axvline(0.0, color=MUTED, linewidth=0.8)


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = (float(x) for x in np.quantile(values, [EDGE, 1.0 - EDGE]))
    room = 0.12 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}\u2026"
