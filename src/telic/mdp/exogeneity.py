"""Does the action help to predict an observation? A test of what the contract declares exogenous.

A measured observation: its next value ``y`` and the indicators of the actions ``d_a`` are both freed of the
mean of their state and of what the measured values *within* the cell explain linearly (cells are wide: an
expert who sees 390 where the cell says 300-400 acts on it, and 390 is also followed by more). What is left
must be uncorrelated,

    T = g' V^+ g,   g_a = sum_t e_t u_ta,   V_ab = sum_t e_t^2 u_ta u_tb,

chi-square with the rank of V under independence, whatever the variance of ``y`` in each state. A category or
a boolean: the next label against the action within each state (``_core.contingency``). The p-values are
Holm-adjusted over the observations.

What the test can show is dependence. Experts who act on a forecast make an exogenous observation look as if
it responded, so a rejection is a question to the owner of the contract, not a verdict.
"""

from __future__ import annotations

import numpy as np

from telic._core.contingency import holm, stratified_independence
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .discretise import StateSpace

__all__ = ["exogeneity_findings", "exogeneity_p_values"]


def exogeneity_findings(
    demos: Demonstrations, space: StateSpace, *, level: float = 0.05
) -> tuple[Finding, ...]:
    """One warning for each observation that was declared exogenous and yet responds to the action.

    Args:
        demos: with states of ``space``.
        space: which observations were declared exogenous.
        level: of the Holm-adjusted p-values.
    """
    findings = []
    for name, p in exogeneity_p_values(demos, space).items():
        if p < level:
            findings.append(
                Finding(
                    code="exogeneity-rejected",
                    severity=Severity.WARNING,
                    message=(
                        f"`{name}` is declared as not affected by the action, but in the same state its next "
                        f"value differs between actions (adjusted p = {p:.2g})."
                    ),
                    hint="Declare it affected, refine its bins, or add what experts foresee to the state.",
                    evidence={"observation": name, "p_value": p},
                )
            )
    return tuple(findings)


def exogeneity_p_values(demos: Demonstrations, space: StateSpace) -> dict[str, float]:
    """Name of each observation declared exogenous to the Holm-adjusted p-value of its independence of the
    action.
    """
    states, _ = demos.require_states()
    declared = [i for i, axis in enumerate(space.axes) if axis.is_exogenous]
    after, rows = space.next_values(demos)
    if not declared or not len(rows):
        return {}
    stratum, actions = states[rows].astype(np.int64), demos.actions[rows].astype(np.int64)
    now = [
        np.asarray(demos.observations[axis.name][rows], dtype=np.float64)
        for axis in space.axes
        if axis.is_ordered and axis.edges
    ]
    values = []
    for i in declared:
        axis = space.axes[i]
        if axis.is_ordered:
            y = np.asarray(after[axis.name], dtype=np.float64)
            values.append(_response(y, actions, stratum, now))
        else:
            labels = axis.encode(after[axis.name], demos.categories.get(axis.name)).astype(np.int64)
            values.append(stratified_independence(actions, labels, stratum).p_value)
    return dict(zip([space.axes[i].name for i in declared], holm(values), strict=True))


def _response(y: FloatArray, actions: LongArray, stratum: LongArray, now: list[FloatArray]) -> float:
    """The p-value of the partial correlation of ``y`` with the actions."""
    from scipy.special import chdtrc

    codes = np.unique(stratum, return_inverse=True)[1]
    n = np.bincount(codes)

    def within(column: FloatArray) -> FloatArray:
        """Deviation from the mean of the stratum."""
        return np.asarray(column - (np.bincount(codes, weights=column) / n)[codes])

    targets = np.stack(
        [within((actions == a).astype(np.float64)) for a in range(int(actions.max()) + 1)], axis=1
    )
    e = within(y)
    if now:
        X = np.stack([within(column) for column in now], axis=1)
        X = X[:, np.linalg.norm(X, axis=0) > 0]
        if X.shape[1]:
            e = e - X @ np.linalg.lstsq(X, e, rcond=None)[0]
            targets = targets - X @ np.linalg.lstsq(X, targets, rcond=None)[0]
    informative = n[codes] > 1
    scores = (e[:, None] * targets)[informative]
    g, V = scores.sum(axis=0), scores.T @ scores
    values, vectors = np.linalg.eigh(V)
    present = values > 1e-10 * max(float(values[-1]), 1e-300)
    if not present.any() or values[-1] <= 0:
        return 1.0
    T = float(np.sum((vectors[:, present].T @ g) ** 2 / values[present]))
    return float(chdtrc(int(present.sum()), T))
