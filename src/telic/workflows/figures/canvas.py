"""Drawing for a page: matplotlib to one inline ``<svg>`` whose colours are the CSS variables of the page.

matplotlib knows colours, not variables, so everything is drawn in *sentinel* colours, one hex value a
variable, which are replaced in the finished text. What is drawn therefore follows the page from light to dark
without being drawn twice. Dates and random salts are removed, so that the same numbers give the same bytes;
the page itself keeps the identifiers of several figures apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "ACCENTS",
    "DASHES",
    "INK",
    "MARKERS",
    "MUTED",
    "PAPER",
    "RULE",
    "Labels",
    "canvas",
    "label_ends",
    "title_axis",
    "to_svg",
]

INK, PAPER, RULE, MUTED = "#010203", "#fdfcfb", "#c7c6c5", "#636261"
"""Sentinels of ``--ink``, ``--paper``, ``--rule`` and ``--ink-soft``: values that no default of matplotlib
uses.
"""
ACCENTS = ("#1a0f01", "#1a0f02", "#1a0f03", "#1a0f04", "#1a0f05", "#1a0f06")
"""Sentinels of ``--accent-1`` to ``--accent-6``."""
MARKERS = ("o", "s", "^", "D", "v", "P")
"""One marker a series, so that nothing depends on colour."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1.5)), (0, (8, 3)))
"""One line style a series."""

LINE_INCHES = 0.19
"""Height of a line of text, with room."""

_VARIABLES = {
    INK: "var(--ink)",
    PAPER: "var(--paper)",
    RULE: "var(--rule)",
    MUTED: "var(--ink-soft)",
    **{accent: f"var(--accent-{i + 1})" for i, accent in enumerate(ACCENTS)},
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "telic",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10.0,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titlecolor": INK,
    "axes.titlepad": 8.0,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The words of a figure.

    Attributes:
        title: what it shows.
        x: horizontal axis, with unit.
        y: vertical axis, with unit.
        z: colour scale, with unit.
        caption: how to read it.
    """

    title: str
    x: str = ""
    y: str = ""
    z: str = ""
    caption: str = ""


@contextmanager
def canvas(
    width: float, height: float, *, rows: int = 1, columns: int = 1, **grid: Any
) -> Iterator[tuple[Canvas, list[Axes]]]:
    """A figure of ``rows`` x ``columns`` axes in the house style; use ``to_svg`` before leaving the block.

    Args:
        width: inches; a page column is about 7.6 wide.
        height: inches.
        rows: number of axes from top to bottom.
        columns: number of axes from left to right.
        **grid: further arguments of ``Figure.subplots`` (``sharey``, ``gridspec_kw``).
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(cast("Any", _STYLE)):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **grid)
        yield figure, [axis for row in axes for axis in row]


def label_ends(axis: Axes, ends: Sequence[tuple[float, str]]) -> None:
    """Write the name of each line right of the axes, at the height of its end; names do not cover each other.

    Args:
        axis: with its final limits.
        ends: (last value, name) of each line.
    """
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    root = cast("Canvas", axis.get_figure(root=True))
    inches = axis.get_position().height * root.get_figheight()
    gap = LINE_INCHES / max(inches, LINE_INCHES)
    placed: list[tuple[float, str]] = []
    for share, name in sorted(((y - low) / (high - low), name) for y, name in ends):
        placed.append((max(share, placed[-1][0] + gap) if placed else share, name))
    above = max(0.0, placed[-1][0] - 1.0) if placed else 0.0
    for share, name in placed:
        axis.annotate(
            name,
            (1.0, share - above),
            xycoords="axes fraction",
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            annotation_clip=False,
        )


def title_axis(axis: Axes, words: str) -> None:
    """Say what the vertical axis counts in a line above it, where long words have room."""
    axis.set_title(words, fontsize=9.5, color=MUTED, loc="left", pad=6)


def to_svg(figure: Canvas) -> str:
    """The figure as one ``<svg>`` element, the same bytes for the same drawing.

    Args:
        figure: what was drawn.
    """
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    for sentinel, variable in _VARIABLES.items():
        text = text.replace(sentinel, variable)
    # The size in points becomes a proportion: the page decides the width, up to the size that was drawn.
    widest = f"max-width: {figure.get_figwidth() * 96:.0f}px"
    return re.sub(
        r'<svg ([^>]*?)width="[^"]+" height="[^"]+"', rf'<svg \1width="100%" style="{widest}"', text, count=1
    )
