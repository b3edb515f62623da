"""Where a policy says nothing, or excludes actions: gaps that no likelihood and no average shows.

A policy table has *no support* in a state whose row sums to 0, and *excludes* an available action to which it
gives probability exactly 0. Estimated tables (of clinicians, of operators) are full of both: an action that
was never seen. A value computed from such a table is silent about the excluded actions, and a policy inferred
from it cannot be compared with one that uses them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from telic.errors import DataError
from telic.policies import TabularPolicy
from telic.reports import Finding, Severity
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["Support", "policy_support"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Support:
    """What a policy table covers.

    Attributes:
        silent_states: states without any probability.
        zero_pairs: ``(S, A)`` True where an available action of a covered state has probability exactly 0.
        share_zero: share of the whole table that is exactly 0 (silent and unavailable entries included).
        visited_without_support: probability, under ``visitation``, of being in a silent state; None without
            it.
        findings: the gaps in words.
    """

    silent_states: LongArray
    zero_pairs: BoolArray
    share_zero: float
    visited_without_support: float | None
    findings: tuple[Finding, ...]


def policy_support(
    policy: TabularPolicy,
    *,
    available: Bool[np.ndarray, "S A"] | None = None,
    absorbing: Bool[np.ndarray, "S"] | None = None,
    visitation: Float[np.ndarray, "S A"] | None = None,
) -> Support:
    """The support of a stationary policy table.

    Args:
        policy: the table.
        available: actions that can be taken; None: all.
        absorbing: states where nothing is decided; no support is needed there.
        visitation: how often each pair is met (of any policy), to weigh the gaps with; sums to 1.

    Raises:
        DataError: the table is indexed by time, or shapes differ.
    """
    table = policy.table
    if table.ndim != 2:
        raise DataError(
            f"A stationary table (S, A) was expected, got shape {table.shape}.",
            hint="Look at each step of a time-indexed policy by itself.",
        )
    S, A = table.shape
    for name, array, shape in (
        ("available", available, (S, A)),
        ("absorbing", absorbing, (S,)),
        ("visitation", visitation, (S, A)),
    ):
        if array is not None and array.shape != shape:
            raise DataError(f"`{name}` must have shape {shape}, got {array.shape}.", hint="Same world.")
    can = np.ones((S, A), dtype=bool) if available is None else available
    decides = np.ones(S, dtype=bool) if absorbing is None else ~absorbing
    rows = table.sum(axis=1)
    silent: LongArray = np.flatnonzero((rows == 0) & decides).astype(np.int64)
    ends = int(((rows == 0) & ~decides).sum())
    zero = (table == 0) & can & (rows > 0)[:, None] & decides[:, None]
    share = float((table == 0).mean())
    weight = None if visitation is None else visitation.sum(axis=1)
    findings = [_zero_finding(zero, share, table, can, decides & (rows > 0))] if zero.any() else []
    if len(silent):
        met = None if weight is None else float(weight[silent].sum())
        findings.append(
            Finding(
                code="no-support",
                severity=Severity.WARNING if met is None or met > 0 else Severity.NOTICE,
                message=(
                    f"The policy says nothing in {len(silent)} of {S} states (first: {silent[:5].tolist()})"
                    + ("." if met is None else f", which are met in {met:.2%} of decisions.")
                ),
                hint="Values that pass through these states are not defined; say what is done there.",
                evidence={"states": silent[:50].tolist(), "n": len(silent), "visited": met},
            )
        )
    if ends:
        findings.append(
            Finding(
                code="no-decision-at-the-end",
                severity=Severity.INFO,
                message=f"Rows of {ends} absorbing states are empty, as they should be.",
                evidence={"n": ends},
            )
        )
    return Support(
        silent_states=silent,
        zero_pairs=zero,
        share_zero=share,
        visited_without_support=None if weight is None else float(weight[silent].sum()),
        findings=tuple(findings),
    )


def _zero_finding(
    zero: BoolArray, share: float, table: FloatArray, can: BoolArray, covered: BoolArray
) -> Finding:
    pairs = int((can & covered[:, None]).sum())
    single = int((((table > 0).sum(axis=1) == 1) & covered & (can.sum(axis=1) > 1)).sum())
    return Finding(
        code="excluded-actions",
        severity=Severity.NOTICE,
        message=(
            f"{share:.0%} of the table is exactly 0; {int(zero.sum())} of {pairs} available pairs are "
            "excluded, and "
            f"in {single} states only one action is ever taken."
        ),
        hint="An action never seen is not an action known to be bad; why it was never taken cannot be told.",
        evidence={
            "share_zero": share,
            "excluded_pairs": int(zero.sum()),
            "pairs": pairs,
            "single_action": single,
        },
    )
