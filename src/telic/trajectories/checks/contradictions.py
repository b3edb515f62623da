"""Contradictory demonstrations: people who differ in the same situations, and situations met in two ways."""

from __future__ import annotations

import numpy as np

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import LongArray

from .differences import LEVEL, Differences, demonstrator_differences
from .sameness import compact, signatures
from .situations import Situations, in_words

__all__ = ["agreement_findings", "difference_findings"]

FEWEST = 5
"""Decisions in repeated situations below which nothing is said about them."""


def difference_findings(
    demos: Demonstrations, contract: TaskContract, situations: Situations, *, key: int
) -> list[Finding]:
    """One finding on how alike the demonstrators act; names nobody without the contract's ``people``."""
    D = len(demos.demonstrator_names)
    if D < 2:
        return []
    per_row = np.repeat(demos.demonstrators, np.diff(demos.offsets)).astype(np.int64)
    found = demonstrator_differences(per_row, demos.actions.astype(np.int64), situations.codes, key=key)
    evidence: dict[str, object] = {
        "p_value": found.p_value,
        "level": LEVEL,
        "n_decisions": found.n_rows,
        "n_demonstrators": D,
    }
    if found.n_rows == 0:
        return [
            Finding(
                code="demonstrators-not-comparable",
                severity=Severity.NOTICE,
                message=f"The {D} demonstrators never decided in the same situation, so whether they want "
                f"the same cannot be told.",
                hint="Coarser bins, or data from shared situations.",
                evidence=evidence,
            )
        ]
    if found.p_value >= LEVEL:
        return [
            Finding(
                code="demonstrators-agree",
                severity=Severity.INFO,
                message=f"No sign that the {D} demonstrators act differently in the same "
                f"{situations.noun} (p = {found.p_value:.2g}, "
                f"{found.n_rows:,} comparable decisions).",
                evidence=evidence,
            )
        ]
    evidence |= {
        "n_different": len(found.odd),
        "p_values_holm": list(found.odd_p),
        "distances": list(found.distance),
    }
    names = [demos.demonstrator_names[d] for d in found.odd]
    named = f" ({', '.join(names[:5])})" if contract.people is not None else ""
    if len(found.odd) in (0, D):
        who = f"The {D} demonstrators act differently from one another"
    else:
        who = (
            f"{len(found.odd)} of {D} demonstrators{named} act{'s' if len(found.odd) == 1 else ''} "
            f"differently from the rest"
        )
    apart = (
        f"; action shares differ by {np.nanmax(found.distance):.2f} in total variation" if found.odd else ""
    )
    return [
        Finding(
            code="demonstrators-differ",
            severity=Severity.WARNING,
            message=f"{who} in the same {situations.noun} (p = {found.p_value:.2g} for all together{apart}"
            f"{_place_in_words(found, demos, contract, situations, per_row)}).",
            hint="One reward for all would be a mixture. Fit them apart, or add what they see and the contract lacks.",
            evidence=evidence,
        )
    ]


def _place_in_words(
    found: Differences,
    demos: Demonstrations,
    contract: TaskContract,
    situations: Situations,
    per_row: LongArray,
) -> str:
    """Where the clearest difference is, and on how many decisions it rests."""
    places = [i for i in range(len(found.odd)) if found.situation[i] >= 0]
    if not places:
        return ""
    clearest = min(places, key=lambda i: found.situation_p[i])
    there = situations.codes == found.situation[clearest]
    n = int(np.sum(there & (per_row == found.odd[clearest])))
    words = in_words(demos, np.flatnonzero(there), contract) or f"the state is {found.situation[clearest]}"
    return f", most clearly where {words} (n = {n}, p = {found.situation_p[clearest]:.2g})"


def agreement_findings(demos: Demonstrations, situations: Situations) -> list[Finding]:
    """How often the same state, or exactly the same measurements, were met with different actions."""
    by_state = demos.states is not None or not demos.observations
    _, codes, count = np.unique(
        situations.codes if by_state else signatures(demos), return_inverse=True, return_counts=True
    )
    again = (count >= 2)[codes]
    if again.sum() < FEWEST:
        return []
    codes = compact(codes[again].astype(np.int64))
    A = demos.n_actions
    counts = np.bincount(codes * A + demos.actions[again], minlength=(int(codes.max()) + 1) * A).reshape(
        -1, A
    )
    explained = float(counts.max(axis=1).sum() / counts.sum())
    mixed = int(np.sum((counts > 0).sum(axis=1) > 1))
    what = "states" if by_state else "measured situations"
    return [
        Finding(
            code="mixed-decisions",
            severity=Severity.INFO,
            message=f"In {mixed:,} of {len(counts):,} {what} that occur more than once, different actions "
            f"were taken; the "
            f"most frequent action of each explains {explained:.0%} of those decisions.",
            evidence={"mixed": mixed, "repeated": len(counts), "explained_by_most_frequent": explained},
        )
    ]
