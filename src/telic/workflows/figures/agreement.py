"""Predicted against observed choices: by state, and as a calibration curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.reports import Figure

from .canvas import ACCENTS, DASHES, MARKERS, MUTED, RULE, Labels, canvas, label_ends, title_axis, to_svg

__all__ = ["Panel", "calibration_curve", "choice_shares"]

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
    with canvas(7.6, 2.9, columns=len(panels), sharey=True) as (figure, axes):
        for k, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            label, cells, counts = panel.label, panel.cells, panel.counts
            predicted, observed = panel.predicted, panel.observed
            at, ends = np.arange(len(cells)), []
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
                    ends.append((float(predicted[known[-1], a]), action))
            step = max(1, -(-len(cells) // 8))
            axis.set_xticks(at[::step], [cells[i] for i in at[::step]])
            axis.set_xlabel(label)
            axis.grid(axis="y")
            axis.set_ylim(-0.02, 1.02)
            if k == len(panels) - 1:
                label_ends(axis, ends)
        title_axis(axes[0], "share of decisions")
        svg = to_svg(figure)
    often = [(np.abs(p.predicted - p.observed)[p.counts >= OFTEN]) for p in panels]
    worst = max((float(np.nanmax(gap)) for gap in often if gap.size), default=float("nan"))
    return Figure(
        title=labels.title,
        svg=svg,
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
    predicted, observed = (
        np.array([row["predicted"] for row in table]),
        np.array([row["observed"] for row in table]),
    )
    with canvas(4.6, 3.6) as (figure, axes):
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
        svg = to_svg(figure)
    inside = sum(row["lower"] <= row["predicted"] <= row["upper"] for row in table)
    return Figure(
        title=labels.title,
        svg=svg,
        alt=(
            f"{labels.title}. In {inside} of {len(table)} groups the predicted probability lies inside the"
            " interval of the observed share."
        ),
        caption=labels.caption,
        data={"rows": [{k: float(v) for k, v in row.items()} for row in table]},
    )


def _rows(values: np.ndarray) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]
