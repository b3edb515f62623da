"""Decisions given as choice probabilities by state instead of as rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, ImpossibleDemonstrationsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.reports import Finding, Severity

from .counts import LISTED, Counts
from .discounted import DiscountedLikelihood

__all__ = ["from_policy_table"]

ROW_SUM_TOLERANCE = 1e-6
"""Largest error of a row sum of a policy table that rounding in a file can explain."""


def from_policy_table(
    mdp: TabularMDP,
    features: FeatureMap,
    policy: Float[np.ndarray, "S A"],
    *,
    state_weights: Float[np.ndarray, "S"] | None = None,
    n_decisions: int | None = None,
    rationality: float = 1.0,
) -> DiscountedLikelihood:
    """The likelihood of choice probabilities: each state counts with its weight, each action with its
    probability.

    Rows that sum to 0 have no support: they are excluded, and a finding says which. Absorbing states are
    left
        out.

    Args:
        mdp: the world.
        features: phi.
        policy: choice probabilities; rows sum to 1, or to 0 where nothing is known.
        state_weights: how much each state counts, for example its visitation; default 1 each.
        n_decisions: number of decisions that the probabilities were estimated from, for standard errors;
            the weights are scaled to this sum. None: no standard errors are stated.
        rationality: inverse temperature.

    Raises:
        DataError: shapes or row sums are wrong, or no state has support.
        ImpossibleDemonstrationsError: the table takes an action that is not available.
    """
    S, A = mdp.n_states, mdp.n_actions
    table = np.asarray(policy, dtype=np.float64)
    if table.shape != (S, A) or not np.all(np.isfinite(table)) or np.any(table < 0):
        raise DataError(
            f"`policy` must be a ({S}, {A}) table of probabilities, got shape {table.shape}.",
            hint="Rows are states, columns actions; nothing negative, no NaN.",
        )
    deciding = np.ones(S, dtype=bool) if mdp.absorbing is None else ~mdp.absorbing
    sums = table.sum(axis=1)
    wrong = np.flatnonzero(deciding & (sums != 0) & (np.abs(sums - 1.0) > ROW_SUM_TOLERANCE))
    if len(wrong):
        raise DataError(
            f"Rows of a policy table must sum to 1, or to 0 for no support; {len(wrong)} do not (first: "
            "state "
            f"{wrong[0]}, sum {sums[wrong[0]]:.6g}).",
            hint="Normalise the rows.",
            states=wrong[:LISTED].tolist(),
        )
    pairs = np.argwhere(deciding[:, None] & (table > 0) & ~mdp.availability)
    if len(pairs):
        raise ImpossibleDemonstrationsError(
            f"The policy table takes {len(pairs)} state-action pairs that are not available (first: "
            f"{pairs[:5].tolist()}).",
            hint="Correct `available`, or drop these entries and normalise the rows.",
            pairs=pairs[:LISTED].tolist(),
        )
    weights = np.ones(S) if state_weights is None else np.asarray(state_weights, dtype=np.float64)
    if weights.shape != (S,) or not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise DataError(
            f"`state_weights` must be {S} finite numbers, none negative, got shape {weights.shape}.",
            hint="One per state.",
        )
    supported = deciding & (sums > 0)
    weights = np.where(supported, weights, 0.0)
    if not weights.any():
        raise DataError(
            "No state of the policy table has both support and weight.",
            hint="Check the row sums and `state_weights`.",
        )
    if n_decisions is not None:
        weights = weights * (n_decisions / weights.sum())
    totals = (weights[:, None] * table).ravel()
    findings = _support_findings(table, deciding, supported)
    counts = Counts(
        by_cluster=None,
        totals=totals,
        squares=totals,
        n_decisions=round(float(totals.sum())) if n_decisions is None else n_decisions,
        is_sampled=n_decisions is not None,
        findings=findings,
    )
    return DiscountedLikelihood(mdp, features, counts, rationality)


def _support_findings(
    table: Float[np.ndarray, "S A"], deciding: np.ndarray, supported: np.ndarray
) -> tuple[Finding, ...]:
    out = []
    gaps = np.flatnonzero(deciding & ~supported)
    if len(gaps):
        out.append(
            Finding(
                code="states-without-support",
                severity=Severity.WARNING,
                message=f"{len(gaps)} states have no row in the policy table and are left out (first: "
                f"{gaps[:5].tolist()}).",
                hint="Nothing is learnt from these states; do not read the fitted policy there as the "
                "experts'.",
                evidence={"states": gaps[:LISTED].tolist(), "n_states": len(gaps)},
            )
        )
    zeros = float(np.mean(table[supported] == 0.0))
    if zeros > 0:
        out.append(
            Finding(
                code="actions-without-support",
                severity=Severity.NOTICE,
                message=f"{zeros:.1%} of the entries of the policy table are exactly zero; a soft "
                "policy never is.",
                hint="Zeros may mean never seen rather than never chosen.",
                evidence={"share": zeros},
            )
        )
    return tuple(out)
