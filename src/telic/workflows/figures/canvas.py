"""Drawing for a page: matplotlib to one inline ``<svg>`` whose colours are the CSS variables of the page.

matplotlib knows colours, not variables, so everything is drawn in *sentinel* colours, one hex value a
variable, which are replaced in the finished text. What is drawn therefore follows the page from light to dark
without being drawn twice. Dates and random salts are removed, so that the same numbers give the same bytes;
the page itself keeps the identifiers of several figures apart.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
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
    "LETTERS_PER_INCH",
    "MARKERS",
    "MUTED",
    "NARROW",
    "PAPER",
    "RULE",
    "WIDE",
    "Labels",
    "canvas",
    "draw_twice",
    "key_below",
    "label_ends",
    "name_axis",
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

WIDE, NARROW = 7.6, 3.6
"""Widths of a drawing in inches: a column of the page, and a phone held upright."""

LINE_INCHES = 0.19
"""Height of a line of text, with room."""

LETTERS_PER_INCH = 12
"""Letters of a label that an inch holds, with the room that axes leave."""

_VARIABLES = {
    INK: "var(--ink)",
    PAPER: "var(--paper)",
    RULE: "var(--rule)",
    MUTED: "var(--ink-soft)",
    **{accent: f"var(--accent-{i + 1})" for i, accent in enumerate(ACCENTS)},
}
_NUMBER = re.compile(r"(?<=>)([-\u2212]?)(\d+)((?:\.\d+)?)(?=</text>)")
"""A text that is one number."""
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


def draw_twice(draw: Callable[[float], str]) -> tuple[str, str]:
    """The same drawing for a page's column and for a phone, where text would shrink beyond reading.

    Args:
        draw: the drawing at a width in inches (``WIDE`` or ``NARROW``).
    """
    return draw(WIDE), draw(NARROW)


def label_ends(axis: Axes, ends: Sequence[tuple[float, str, int]]) -> None:
    """Write the name of each line right of the axes, at the height of its end, behind a piece of the line;
    names do not cover each other.

    Args:
        axis: with its final limits.
        ends: (last value, name, number of the series) of each line.
    """
    from matplotlib.transforms import Affine2D, ScaledTranslation

    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    root = cast("Canvas", axis.get_figure(root=True))
    inches = axis.get_position().height * root.get_figheight()
    gap = LINE_INCHES / max(inches, LINE_INCHES)
    placed: list[tuple[float, str, int]] = []
    for share, name, i in sorted(((y - low) / (high - low), name, i) for y, name, i in ends):
        placed.append((max(share, placed[-1][0] + gap) if placed else share, name, i))
    above = max(0.0, placed[-1][0] - 1.0) if placed else 0.0
    for share, name, i in placed:
        beside = Affine2D().scale(1 / 72) + root.dpi_scale_trans
        beside += ScaledTranslation(1.0, share - above, cast("Any", axis.transAxes))
        _key(axis, (8.0, 24.0), i, beside)
        axis.annotate(
            name,
            (1.0, share - above),
            xycoords="axes fraction",
            xytext=(30, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            annotation_clip=False,
        )


def key_below(figure: Canvas, names: Sequence[tuple[str, int]]) -> None:
    """The names of the lines under the drawing, where there is no room beside it.

    Args:
        figure: that holds them.
        names: name and number of the series of each line.
    """
    from matplotlib.lines import Line2D

    lines = [
        Line2D(
            [],
            [],
            color=ACCENTS[i % 6],
            linestyle=cast("Any", DASHES[i % 6]),
            marker=MARKERS[i % 6],
            markersize=5,
        )
        for _, i in names
    ]
    longest = max((len(name) for name, _ in names), default=0)
    figure.legend(
        lines,
        [name for name, _ in names],
        loc="outside lower left",
        ncols=1 if longest > 12 else 3,
        labelcolor=INK,
        borderaxespad=0.2,
        handlelength=2.4,
    )


def name_axis(axis: Axes, words: str, width: float) -> None:
    """Say what the horizontal axis counts, in as many lines as the width asks for.

    Args:
        axis: of a drawing.
        words: with the unit.
        width: of the drawing, inches.
    """
    axis.set_xlabel(textwrap.fill(words, int(width * LETTERS_PER_INCH)))


def title_axis(axis: Axes, words: str) -> None:
    """Say what the vertical axis counts in a line above it, where long words have room."""
    axis.set_title(words, fontsize=9.5, color=MUTED, loc="left", pad=6)


def to_svg(figure: Canvas) -> str:
    """The figure as one ``<svg>`` element, the same bytes for the same drawing.

    Args:
        figure: what was drawn.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Letters stay text and the browser draws them: a font here that lacks them only makes widths rough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    for sentinel, variable in _VARIABLES.items():
        text = text.replace(sentinel, variable)
    text = _NUMBER.sub(_as_written, text)
    # The size in points becomes a proportion: the page decides the width, up to the size that was drawn.
    widest = f"max-width: {figure.get_figwidth() * 96:.0f}px"
    return re.sub(
        r'<svg ([^>]*?)width="[^"]+" height="[^"]+"', rf'<svg \1width="100%" style="{widest}"', text, count=1
    )


def _key(axis: Axes, points: tuple[float, float], series: int, place: Any) -> None:
    """A piece of a line with its mark, so that a name is told by more than its height."""
    look: dict[str, Any] = {"color": ACCENTS[series % 6], "clip_on": False, "scalex": False, "scaley": False}
    axis.plot(points, (0.0, 0.0), linestyle=DASHES[series % 6], linewidth=1.6, transform=place, **look)
    middle = [sum(points) / 2]
    axis.plot(middle, [0.0], marker=MARKERS[series % 6], markersize=5, transform=place, **look)


def _as_written(number: re.Match[str]) -> str:
    """A number as the page writes it: a real minus, thousands apart from ten thousand on."""
    sign, whole, rest = number.groups()
    grouped = f"{int(whole):,}" if len(whole) > 4 else whole
    return ("\u2212" if sign else "") + grouped + rest
