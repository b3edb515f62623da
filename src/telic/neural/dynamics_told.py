"""How good dynamics are on rows that neither trained nor chose them: errors beside baselines, and coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats
from scipy.special import ndtr

from telic.reports import Finding, Severity, Table
from telic.typing import BoolArray, FloatArray, LongArray

from .dynamics import Dynamics, Predicted, encoded
from .transitions import Transitions

__all__ = ["Covered", "HeldOut", "held_out", "predicted", "targets", "told_findings"]

LEVELS = (0.5, 0.9)
"""Central shares of which coverage is told."""

SURE = 0.95
"""Confidence of its intervals."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """How often what happened lay within a central share of what was predicted.

    Attributes:
        level: that share.
        n: numbers looked at.
        n_inside: of them within.
        low: lower end of the exact 95 % interval of the true share (Clopper and Pearson 1934), were rows independent;
            those of one trajectory are not, and then it is too narrow.
        high: upper end.
    """

    level: float
    n: int
    n_inside: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """How good dynamics were on rows that neither trained nor chose them.

    Attributes:
        n: rows.
        names: of the observations, and ``reward``.
        error: ``(D + 1,)`` root mean square error of the mean of the members, in units of each number.
        error_nothing: of "nothing changes", and the mean reward.
        error_linear: of a linear model by least squares.
        coverage: for each number, of each of the levels.
        end_error: mean squared error of the chance of an end (Brier), and of its share in the record; None: no row
            ended, or ends are a known function.
    """

    n: int
    names: tuple[str, ...]
    error: FloatArray
    error_nothing: FloatArray
    error_linear: FloatArray
    coverage: tuple[tuple[Covered, ...], ...]
    end_error: tuple[float, float] | None

    def table(self) -> Table:
        """One row a number."""
        rows: list[tuple[str | float, ...]] = []
        for i, name in enumerate(self.names):
            shares = [
                f"{c.n_inside / max(c.n, 1):.2f} ({c.low:.2f} to {c.high:.2f})" for c in self.coverage[i]
            ]
            errors = (self.error[i], self.error_nothing[i], self.error_linear[i])
            rows.append((name, *(float(e) for e in errors), *shares))
        return Table(
            columns=("number", "error", "nothing changes", "linear", *(f"within {q:.0%}" for q in LEVELS)),
            rows=tuple(rows),
            title=f"Dynamics on {self.n} rows held out",
        )


def held_out(dynamics: Dynamics, data: Transitions, learning: LongArray, telling: LongArray) -> HeldOut:
    """How good dynamics are on some rows.

    Args:
        dynamics: the ensemble.
        data: recorded transitions.
        learning: rows that baselines are fitted to.
        telling: rows that are looked at.
    """
    mean, sd, end = (np.asarray(p, np.float64) for p in predicted(dynamics, data, telling))
    y, counts = targets(data, telling)
    y_learned, counts_learned = targets(data, learning)
    inputs = _inputs(data)
    linear = np.stack(
        [
            inputs[telling] @ np.linalg.lstsq(inputs[learning][c], y_d[c], rcond=None)[0]
            for y_d, c in zip(y_learned.T, counts_learned.T, strict=True)
        ],
        axis=1,
    )
    nothing = np.zeros_like(y)
    nothing[:, -1] = y_learned[:, -1].mean()
    below = ndtr((y - mean) / sd).mean(axis=0)
    ended = data.terminated[telling].astype(np.float64)
    share = data.terminated[learning].mean()
    return HeldOut(
        n=len(y),
        names=(*data.names, "reward"),
        error=_error(y, mean.mean(axis=0), counts),
        error_nothing=_error(y, nothing, counts),
        error_linear=_error(y, linear, counts),
        coverage=tuple(
            tuple(_covered(below[counts[:, d], d], level) for level in LEVELS) for d in range(y.shape[1])
        ),
        end_error=(float(np.mean((end.mean(axis=0) - ended) ** 2)), float(np.mean((share - ended) ** 2)))
        if dynamics.has_ends
        else None,
    )


def predicted(dynamics: Dynamics, data: Transitions, which: LongArray) -> Predicted:
    """What members say of some rows, as plain arrays."""
    found: Predicted = jax.device_get(_ask(dynamics, data.observations[which], data.actions[which]))
    return found


@jax.jit
def _ask(dynamics: Dynamics, observation: Any, action: Any) -> Predicted:
    return dynamics.predict(observation, action)


def targets(data: Transitions, which: LongArray) -> tuple[FloatArray, BoolArray]:
    """``(n, D + 1)`` changes and reward, and where they count: where a task ended, no change was seen."""
    change = data.next_observations[which].astype(np.float64) - data.observations[which]
    counts = np.ones((len(which), change.shape[1] + 1), bool)
    counts[:, :-1] = ~data.terminated[which, None]
    return np.concatenate([change, data.rewards[which, None].astype(np.float64)], axis=1), counts


def _inputs(data: Transitions) -> FloatArray:
    """``(n, columns)`` of a linear model: 1, observations and actions."""
    action = np.asarray(encoded(data.head, jnp.asarray(data.actions)), np.float64)
    return np.concatenate([np.ones((len(data), 1)), data.observations.astype(np.float64), action], axis=1)


def _error(y: FloatArray, said: FloatArray, counts: BoolArray) -> FloatArray:
    total = np.sum(counts * (y - said) ** 2, axis=0)
    found: FloatArray = np.sqrt(total / np.maximum(counts.sum(axis=0), 1))
    return found


def _covered(below: FloatArray, level: float) -> Covered:
    n, k = len(below), int(np.sum(np.abs(2.0 * below - 1.0) < level))
    if not n:
        return Covered(level=level, n=0, n_inside=0, low=0.0, high=1.0)
    exact = stats.binomtest(k, n).proportion_ci(SURE, method="exact")
    return Covered(level=level, n=n, n_inside=k, low=float(exact.low), high=float(exact.high))


def told_findings(told: HeldOut, *, has_ends: bool) -> list[Finding]:
    """What a reader should know of dynamics; ``has_ends``: whether tasks may end in them."""
    found = []
    if not has_ends:
        found.append(
            Finding(
                code="no-ends-recorded",
                severity=Severity.INFO,
                message="No row that was learned from ended its task, so in these dynamics nothing ever ends.",
                hint="Where tasks do end, give `ends`, or records that reach an end.",
            )
        )
    for name, baseline in (("nothing changes", told.error_nothing), ("a linear model", told.error_linear)):
        worse = [told.names[i] for i in np.flatnonzero(told.error > baseline * (1.0 + 1e-6) + 1e-9)]
        if worse:
            found.append(
                Finding(
                    code="no-better-than-baseline",
                    severity=Severity.WARNING,
                    message=f"For {', '.join(worse[:8])} the dynamics err more than {name} on rows held out.",
                    hint="More rows, or columns that tell more of the state; or believe the simpler one.",
                    evidence={"columns": worse, "baseline": name},
                )
            )
    narrow = [
        told.names[i]
        for i, levels in enumerate(told.coverage)
        if any(c.n and c.high < c.level - 0.05 for c in levels)
    ]
    if narrow:
        found.append(
            Finding(
                code="intervals-too-narrow",
                severity=Severity.WARNING,
                message=f"Of {', '.join(narrow[:8])} more lay outside predicted intervals than they say.",
                hint="Trust disagreement between members more than their spreads; record more.",
                evidence={"columns": narrow},
            )
        )
    return found
