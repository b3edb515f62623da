"""Rows of a figure: a label, what is drawn, and a number; side by side on a page, one above the other on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .canvas import INK, PAPER, RULE, WIDE, canvas, name_axis, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_rows"]

CHARACTER = 5.8
"""Points that a character of a label takes on average."""


def draw_rows(
    rows: Sequence[tuple[str, str]],
    words: str,
    width: float,
    *,
    prepare: Callable[[Axes], None],
    draw: Callable[[Axes, int], None],
) -> str:
    """The drawing of rows from top to bottom.

    Args:
        rows: label and number of each; a number may be empty.
        words: what the horizontal axis counts.
        width: inches.
        prepare: sets the ends of the horizontal axis and marks what all rows share.
        draw: draws the row of a number, at that height.
    """
    beside = width >= WIDE
    # Above a row stand its label and its number, in one line where all of them have room for it.
    in_one = all(CHARACTER * (len(label) + len(number) + 2) < 72 * width for label, number in rows)
    height = 0.36 if beside else 0.46 if in_one else 0.64
    with canvas(width, 0.75 + height * max(len(rows), 2)) as (figure, axes):
        axis = axes[0]
        axis.set_ylim(len(rows) - (0.45 if beside else 0.6), -0.55 if beside else -0.75)
        names = [label for label, _ in rows] if beside else []
        axis.set_yticks(range(len(names)), names, color=INK, fontsize=10)
        axis.tick_params(axis="y", length=0, pad=6)
        axis.spines["left"].set_visible(False)
        prepare(axis)
        for i, (label, text) in enumerate(rows):
            axis.axhline(i, color=RULE, linewidth=0.5, zorder=0)
            draw(axis, i)
            number = re.sub(r"(?<![\w-])-(?=\d)", "\u2212", text)  # the minus sign that the axes have
            if beside:
                _write(axis, number, (1.0, i), (8, 0), va="center")
            else:
                _write(axis, label, (0.0, i), (0, 6 if in_one else 19), va="bottom")
                _write(axis, number, (1.0, i), (0, 6), va="bottom", ha="right")
        name_axis(axis, words, width)
        return to_svg(figure)


def _write(axis: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **look: Any) -> None:
    """Words at a share of the width and the height of a row, with a distance in points."""
    if text:
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}  # the words stand before the lines
        axis.annotate(text, at, xytext=offset, annotation_clip=False, bbox=box, **place, **look)
