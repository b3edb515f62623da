"""Weights that change: the smooth random walk of ``telic.inference.fit_time_varying`` on the decisions of a fit.

Whole trajectories are dealt into blocks by when they began, or in the order of the log where no times tell them apart.
Features whose weight no choice tells are left out beforehand; what is left of the others does not change by that.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.errors import DataError
from telic.features import FeatureMap
from telic.inference.time_blocks import TimeBlocks
from telic.inference.time_varying import TimeVaryingSettings, fit_time_varying
from telic.inference.time_varying_result import TimeVaryingWeights
from telic.trajectories import Demonstrations
from telic.typing import BoolArray

from .moments import moment_labels

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["check_over_time", "find_over_time", "over_time_json"]

MOST_BLOCKS = 8

TRAJECTORIES_A_BLOCK = 4
"""Trajectories from which a further block is made."""

FEWEST = 4
"""Trajectories below which there is nothing to compare over time."""


def check_over_time(demos: Demonstrations) -> None:
    """Refuse, before anything is fitted, too few trajectories to look at over time.

    Args:
        demos: the decisions to be fitted.

    Raises:
        DataError: there are fewer than four trajectories with decisions.
    """
    N = _filled(demos).n_trajectories
    if N < FEWEST:
        raise DataError(
            f"Weights over time need at least {FEWEST} trajectories, got {N}: a trajectory is never cut.",
            hint="Leave `--over-time` out, or cut the log where one task ends and the next begins.",
            n_trajectories=N,
        )


def find_over_time(fit: Fit) -> TimeVaryingWeights:
    """Weights by block of time, or the constant answer where nothing says that they change.

    Args:
        fit: of all together, with an answer.

    Raises:
        DataError: there are fewer than four trajectories.
    """
    check_over_time(fit.demos)
    demos = _in_order(_filled(fit.demos))
    return fit_time_varying(
        demos,
        fit.world,
        _only(fit.features, fit.estimate.is_identified),
        rationality=fit.estimate.gauge.rationality,
        settings=TimeVaryingSettings(n_blocks=_n_blocks(demos)),
    )


def over_time_json(fit: Fit) -> dict[str, Any] | None:
    """Weights over time as JSON-able values, numbers null where there is no answer; None where it was not asked.

    Args:
        fit: of all together.
    """
    found = fit.over_time
    if found is None:
        return None
    lower, upper = found.intervals(level=fit.level)
    is_timed = not _why_ordered(fit.demos)
    edges = found.edges
    blocks = TimeBlocks.of(_in_order(_filled(fit.demos)), len(found.weights)).parts
    labels = moment_labels(edges) if is_timed else [f"no. {x + 1:,.0f}" for x in edges]
    return {
        "result": found.outcome.label,
        "advice": found.outcome.value,
        "changes": found.changes,
        "p_value": _number(found.p_value),
        "level": fit.level,
        "smoothing": _number(found.smoothing),
        "by": "time" if is_timed else "order",
        "reason": _why_ordered(fit.demos),
        "features": list(found.names),
        "left_out": [n for n in fit.features.names if n not in found.names],
        "periods": [
            {
                "from": labels[b],
                "until": labels[b + 1],
                "begin": float(edges[b]),
                "end": float(edges[b + 1]),
                "n_decisions": found.n_decisions[b],
                "n_people": len(np.unique(blocks[b].demonstrators)),
                "weights": {
                    name: {
                        "weight": _number(float(found.weights[b, k])),
                        "standard_error": _number(float(found.errors[b, k])),
                        "interval": (
                            [float(lower[b, k]), float(upper[b, k])] if math.isfinite(lower[b, k]) else None
                        ),
                        "path": _number(float(found.path[b, k])),
                    }
                    for k, name in enumerate(found.names)
                },
            }
            for b in range(len(found.weights))
        ],
        "findings": [f.to_json() for f in found.findings],
        "seconds": found.seconds,
    }


def _n_blocks(demos: Demonstrations) -> int:
    return min(MOST_BLOCKS, max(2, demos.n_trajectories // TRAJECTORIES_A_BLOCK))


def _filled(demos: Demonstrations) -> Demonstrations:
    return demos.select(np.diff(demos.offsets) > 0)


def _why_ordered(demos: Demonstrations) -> str:
    """Why trajectories are taken as they stand in the log; "" where their times order them."""
    filled = _filled(demos)
    if filled.times is None:
        return "The log has no times"
    if len(np.unique(filled.times[filled.offsets[:-1]])) < 2:
        return "All trajectories begin at the same time"
    return ""


def _in_order(demos: Demonstrations) -> Demonstrations:
    """Without times, where these do not tell trajectories apart."""
    return replace(demos, times=None) if _why_ordered(demos) else demos


def _only(features: FeatureMap, kept: BoolArray) -> FeatureMap:
    """Some of the features."""
    if kept.all() or not kept.any():
        return features

    def some(entries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(x for x, keep in zip(entries, kept.tolist(), strict=True) if keep) if entries else ()

    return replace(
        features,
        values=features.values[..., np.flatnonzero(kept)],
        names=some(features.names),
        units=some(features.units),
        indicators=some(features.indicators),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
