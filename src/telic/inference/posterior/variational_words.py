"""What a reader of an AVRIL posterior has to know: what it is, what misfits, and what the rows cannot support."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from telic.reports import Finding, Severity
from telic.rewards import describe_direction
from telic.typing import FloatArray

from .conflict import prior_conflict
from .variational_bound import VariationalBound
from .variational_solver import VariationalOptimum

__all__ = ["variational_findings"]

MISFIT_P = 0.001
"""Chance of larger projected residuals by noise alone, below which a reader is warned."""

MISFIT_NATS = 0.01
"""Nats a decision by which free action values must beat these, beyond what their number would by chance."""

CROWDED = 0.2
"""Functions of state and action a transition from which a reader is warned."""

SCALE_SHARE = 0.5
"""Share of the prior in the certainty about the size of all weights from which a reader is warned."""


def variational_findings(
    bound: VariationalBound,
    optimum: VariationalOptimum,
    information: FloatArray,
    action_labels: Sequence[str],
    null_directions: FloatArray,
) -> tuple[Finding, ...]:
    """Findings, in the order of the argument: what it is, what does not fit, what the data lack, what the prior did.

    Args:
        bound: what was maximised.
        optimum: where.
        information: ``(K, K)`` curvature by the weights in units of the prior, action values moving along.
        action_labels: names of the actions.
        null_directions: ``(nullity, K)`` combinations that the prior alone decides.
    """
    found: list[Finding] = []
    rows, prior, beta = bound.rows, bound.prior, bound.rationality

    def add(code: str, severity: Severity, message: str, hint: str, **evidence: float | list[str]) -> None:
        found.append(Finding(code=code, severity=severity, message=message, hint=hint, evidence=evidence))

    add(
        "approximation",
        Severity.WARNING,
        "This is an approximation, not the posterior: action values are a point estimate on "
        f"{bound.n_basis} functions, and the intervals are not calibrated.",
        "How often they hold was measured, see docs/methods/avril.md. Where states can be counted, use `nuts`.",
    )
    m, r = len(rows.known), bound.frame.shape[1]
    if optimum.outcome.ok:
        h = bound.compared(bound.residual(optimum.t)[0])
        miss = h - bound.design @ optimum.mean
        size = float(np.sqrt(miss @ miss / max(float((bound.root_weights**2).sum()), 1e-300)))
        p = (
            float(stats.chi2.sf(float(miss @ miss) / optimum.noise**2, len(miss)))
            if bound.is_projected
            else 1.0
        )
        warns = p < MISFIT_P
        what = (
            "after chance in the transitions is averaged out"
            if bound.is_projected
            else "with all their chance"
        )
        add(
            "temporal-difference-misfit",
            Severity.WARNING if warns else Severity.INFO,
            f"Temporal-difference residuals, {what}, miss the reward by {size:.3g} a transition (root mean square; "
            f"{beta * size:.2g} log-odds). The noise of one residual is {optimum.noise:.3g}.",
            "That is more than chance: action values and reward contradict each other. Give a richer basis, more "
            "features, or check the discount."
            if warns
            else "",
            root_mean_square=size,
            log_odds=beta * size,
            noise=optimum.noise,
            p_value=p,
        )
        n = float(rows.weights.sum())
        n_free = (rows.n_actions - 1) * bound.n_basis
        gap = (optimum.cloned_log_likelihood - optimum.log_likelihood - n_free) / n
        if gap > MISFIT_NATS:
            add(
                "choice-misfit",
                Severity.WARNING,
                f"Free action values on the same basis explain the choices {gap:.3f} nats a decision better, beyond "
                f"what {n_free} numbers would by chance.",
                "Add features, check the discount, or give a basis that follows the values more closely.",
                nats_per_decision=gap,
            )
    if rows.n_unknown:
        add(
            "next-unknown",
            Severity.NOTICE if rows.n_unknown < 0.1 * len(rows.actions) else Severity.WARNING,
            f"{rows.n_unknown:,} of {len(rows.actions):,} decisions have no known outcome: their choices count, their "
            "consequences are not in the data.",
            "Record what was measured after the last decision (`next_observations`).",
            n_unknown=rows.n_unknown,
        )
    counts = np.bincount(rows.actions, weights=rows.weights > 0, minlength=rows.n_actions)
    never = [_label(action_labels, a) for a in np.flatnonzero(counts == 0).tolist()]
    if never:
        add(
            "action-never-taken",
            Severity.WARNING,
            f"{', '.join(never)} was never taken: what follows it is not in the data, so why it was avoided cannot "
            "be told; only `action_spread` keeps its value finite.",
            "Leave the action out where it was not possible; otherwise collect decisions that take it.",
            actions=never,
        )
    if r > CROWDED * m:
        add(
            "crowded-basis",
            Severity.WARNING,
            f"{r} functions of state and action for {m:,} transitions: averages over so few keep their chance, and "
            "the weights bend towards it.",
            "Give a smaller basis or more transitions.",
            functions=float(r),
            transitions=float(m),
        )
    for row in null_directions:
        add(
            "prior-alone",
            Severity.WARNING,
            f"Adding any amount of {describe_direction(prior.names, row)} to the weights changes nothing that these "
            "rows can show: along it the posterior is the prior.",
            "Drop a feature, add data from another environment or discount, or defend the prior.",
        )
    if optimum.outcome.ok:
        z = (optimum.mean - prior.means) / prior.standard_deviations
        along = optimum.mean / prior.standard_deviations
        share = _share_along(information, along)
        if share > SCALE_SHARE and not len(null_directions):
            add(
                "scale-from-prior",
                Severity.WARNING,
                f"The size of the weights is {share:.0%} the prior's: choices this one-sided (or this few) would look "
                "the same for weights twice as large.",
                "Trust signs and ratios before sizes; collect decisions where the choice is close.",
                prior_share=share,
            )
        found += prior_conflict(prior.names, z, information)
    return tuple(found)


def _share_along(information: FloatArray, direction: FloatArray) -> float:
    """Posterior over prior variance of the size along a direction in units of the prior; 0 without one."""
    length = float(np.linalg.norm(direction))
    if length == 0:
        return 0.0
    u = direction / length
    return float(u @ np.linalg.solve(information, u))


def _label(labels: Sequence[str], action: int) -> str:
    return labels[action] if action < len(labels) else str(action)
