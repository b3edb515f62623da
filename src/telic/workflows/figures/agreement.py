"""Predicted against observed choices: by state, and as a calibration curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import (
    ACCENTS,
    DASHES,
    LETTERS_PER_INCH,
    MARKERS,
    MUTED,
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

__all__ = ["Panel", "calibration_curve", "choice_shares"]

SQUARE = 4.6
"""Width in inches of a square drawing with its labels."""
OFTEN = 20
"""Decisions from which a share is worth comparing in words."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Choices along one measurement of the state.

    Attributes:
        label: the measurement with its unit.
        cells: its n cells, as text.
        predicted: ``(n, A)`` shares; NaN where there are no decisions.
        observed: ``(n, A)`` shares; NaN where there are no decisions.
        counts: ``(n,)`` decisions.
    """

    label: str
    cells: tuple[str, ...]
    predicted: Float[np.ndarray, "n A"]
    observed: Float[np.ndarray, "n A"]
    counts: Float[np.ndarray, "n"]


def choice_shares(panels: Sequence[Panel], actions: Sequence[str], labels: Labels) -> Figure:
    """Share of each action over each measurement of the state: lines as predicted, marks as seen.

    Args:
        panels: one a measurement.
        actions: A names.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _shares(panels, actions, width))
    often = [(np.abs(p.predicted - p.observed)[p.counts >= OFTEN]) for p in panels]
    worst = max((float(np.nanmax(gap)) for gap in often if gap.size), default=float("nan"))
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=(
            f"{labels.title}. Where there are at least {OFTEN} decisions, predicted and observed shares"
            f" differ by {worst:.2f} at most."
        ),
        caption=labels.caption,
        data={
            "actions": list(actions),
            "panels": [
                {
                    "label": p.label,
                    "cells": list(p.cells),
                    "predicted": _rows(p.predicted),
                    "observed": _rows(p.observed),
                    "decisions": p.counts.tolist(),
                }
                for p in panels
            ],
        },
    )


def calibration_curve(table: Sequence[Mapping[str, float]], labels: Labels) -> Figure:
    """Observed share of a choice against its predicted probability, with intervals; the diagonal is perfect.

    Args:
        table: rows with ``predicted``, ``observed``, ``lower``, ``upper`` and ``n``.
        labels: its words.
    """
    svg, narrow = draw_twice(lambda width: _calibration(table, min(width, SQUARE)))
    inside = sum(row["lower"] <= row["predicted"] <= row["upper"] for row in table)
    return Figure(
        title=labels.title,
        svg=svg,
        narrow_svg=narrow,
        alt=(
            f"{labels.title}. In {inside} of {len(table)} groups the predicted probability lies inside the"
            " interval of the observed share."
        ),
        caption=labels.caption,
        data={"rows": [{k: float(v) for k, v in row.items()} for row in table]},
    )


def _shares(panels: Sequence[Panel], actions: Sequence[str], width: float) -> str:
    """The drawing at a width in inches; panels stand below each other where it is narrow."""
    beside = width >= WIDE
    grid = {"columns": len(panels), "sharey": True} if beside else {"rows": len(panels)}
    with canvas(width, 2.9 if beside else 0.3 + 2.4 * len(panels), **grid) as (figure, axes):
        for k, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            label, cells, counts = panel.label, panel.cells, panel.counts
            predicted, observed = panel.predicted, panel.observed
            at = np.arange(len(cells))
            ends: list[tuple[float, str, int]] = []
            for a, action in enumerate(actions):
                colour, size = ACCENTS[a % 6], 3.0 + 5.0 * np.sqrt(counts / max(float(np.max(counts)), 1.0))
                axis.plot(at, predicted[:, a], color=colour, linestyle=DASHES[a % 6])
                for i in at:
                    if counts[i] > 0:
                        axis.plot(
                            [i],
                            [observed[i, a]],
                            marker=MARKERS[a % 6],
                            color=colour,
                            markersize=float(size[i]),
                            markerfacecolor="none",
                            markeredgewidth=1.3,
                        )
                known = np.flatnonzero(np.isfinite(predicted[:, a]))
                if len(known):
                    ends.append((float(predicted[known[-1], a]), action, a))
            longest = max((len(cell) for cell in cells), default=1)
            room = int(LETTERS_PER_INCH * width / ((len(panels) if beside else 1) * (longest + 2)))
            step = max(1, -(-len(cells) // max(1, min(8, room))))
            axis.set_xticks(at[::step], [cells[i] for i in at[::step]])
            name_axis(axis, label, width)
            axis.grid(axis="y")
            axis.set_ylim(-0.06, 1.06)  # whole marks at nothing and at all
            if beside and k == len(panels) - 1:
                label_ends(axis, ends)
        title_axis(axes[0], "share of decisions")
        if not beside:
            key_below(figure, [(action, a) for a, action in enumerate(actions)])
        return to_svg(figure)


def _calibration(table: Sequence[Mapping[str, float]], width: float) -> str:
    """The drawing at a width in inches."""
    predicted, observed = (
        np.array([row["predicted"] for row in table]),
        np.array([row["observed"] for row in table]),
    )
    with canvas(width, width - 1.0 if width >= SQUARE else width) as (figure, axes):
        axis = axes[0]
        axis.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=DASHES[1])
        axis.annotate("as predicted", (0.8, 0.83), color=MUTED, ha="right")
        for row in table:
            axis.plot([row["predicted"]] * 2, [row["lower"], row["upper"]], color=ACCENTS[0], linewidth=2.2)
        axis.plot(predicted, observed, marker="o", linestyle="none", color=ACCENTS[0], markersize=6)
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.grid(color=RULE)
        axis.set_aspect("equal")
        axis.set_xlabel("predicted probability of an action")
        axis.set_ylabel("how often it was taken")
        return to_svg(figure)


def _rows(values: np.ndarray) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]
