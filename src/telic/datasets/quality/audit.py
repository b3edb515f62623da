"""Bias and skill: do choices depend on what is not part of the state, and do people succeed alike?

*Bias.* For each observation that is not part of the state, and each label of trajectories with few values: given the
state, does it help to predict the action? One record a unit and state, exact moments (``telic._core.contingency``),
Holm over the columns. A dependence is a bias, or a measurement that the state lacks; the counterexample (two
decisions in one state, another value, another action) lets a person judge which.

*Skill.* Where outcomes are known: given the state in which a trajectory begins, does who decided help to predict
success? Nobody is named without the contract's ``people``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from telic._core.contingency import holm, stratified_independence
from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import LongArray

from .places import places
from .records import Records

__all__ = ["audit_findings"]

LEVEL = 0.01
"""Of each of the two questions."""

CELLS, MOST_LABELS = 4, 20
"""Cells of equal counts for a number; labels up to which a column is asked about at all."""


def audit_findings(demos: Demonstrations, records: Records, contract: TaskContract) -> list[Finding]:
    """Findings about bias and about skill.

    Args:
        demos: the decisions.
        records: of these decisions, by state.
        contract: says what is part of the state, and whether single people may be named.
    """
    return [*_bias(demos, records, contract), *_skill(demos, contract)]


def _bias(demos: Demonstrations, records: Records, contract: TaskContract) -> list[Finding]:
    columns = dict(_context(demos, records, contract))
    if not columns:
        return []
    p_values = holm(
        [stratified_independence(c, records.action, records.state).p_value for c in columns.values()]
    )
    findings = []
    for (name, codes), p in zip(columns.items(), p_values, strict=True):
        if p >= LEVEL:
            continue
        findings.append(
            Finding(
                code="choice-depends-on-context",
                severity=Severity.NOTICE,
                message=f"In the same states other actions are chosen depending on `{name}`, which is not part of the "
                f"state (p = {p:.2g}).",
                hint="Either the experts look at it (then it belongs into the state), or it is a bias that a policy "
                "should "
                "not learn. The evidence shows two decisions that differ in nothing else of the state.",
                evidence={
                    "column": name,
                    "p_value": p,
                    "level": LEVEL,
                    "places": places(demos, _counterexample(records, codes)),
                },
            )
        )
    return findings


def _context(
    demos: Demonstrations, records: Records, contract: TaskContract
) -> Iterator[tuple[str, LongArray]]:
    """Name and ``(m,)`` codes of what a record has beside its state."""
    for o in contract.observations:
        if o.in_state or o.name not in demos.observations:
            continue
        values = demos.observations[o.name][records.row]
        distinct, codes = np.unique(values, return_inverse=True)
        if o.type == "number" and len(distinct) > CELLS:
            edges = np.quantile(values, np.arange(1, CELLS) / CELLS)
            codes = np.searchsorted(edges, values, side="right")
        if 2 <= len(np.unique(codes)) <= MOST_LABELS:
            yield o.name, codes.astype(np.int64)
    for name, texts in demos.labels.items():
        distinct, codes = np.unique(np.asarray(texts, dtype=str), return_inverse=True)
        if 2 <= len(distinct) <= MOST_LABELS:
            yield name, codes[demos.trajectory_index[records.row]].astype(np.int64)


def _counterexample(records: Records, codes: LongArray) -> LongArray:
    """Two decisions of the most visited state in which another value went with another action."""
    for state in np.argsort(-np.bincount(records.state), kind="stable").tolist():
        here = np.flatnonzero(records.state == state)
        first = here[0]
        other = here[(codes[here] != codes[first]) & (records.action[here] != records.action[first])]
        if len(other):
            return np.array([records.row[first], records.row[other[0]]])
    return np.zeros(0, dtype=np.int64)


def _skill(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    if demos.succeeded is None or len(demos.demonstrator_names) < 2:
        return []
    known = np.flatnonzero((demos.succeeded >= 0) & (np.diff(demos.offsets) > 0))
    who, good = demos.demonstrators[known].astype(np.int64), demos.succeeded[known].astype(np.int64)
    begins = demos.require_states()[0][demos.offsets[:-1][known]].astype(np.int64)
    p = stratified_independence(who, good, begins).p_value
    if p >= LEVEL:
        return []
    D = len(demos.demonstrator_names)
    n, hits = np.bincount(who, minlength=D), np.bincount(who, weights=good, minlength=D)
    share = hits[n > 0] / n[n > 0]
    evidence: dict[str, object] = {"p_value": p, "level": LEVEL, "trajectories": len(known)}
    named = ""
    if contract.people is not None:
        evidence["shares"] = {demos.demonstrator_names[d]: hits[d] / n[d] for d in np.flatnonzero(n).tolist()}
        least = int(np.flatnonzero(n)[np.argmin(share)])
        named = f", least for {demos.demonstrator_names[least]}"
        failed = known[(who == least) & (good == 0)]
        evidence["places"] = places(demos, demos.offsets[:-1][failed])
    elif int(np.sum(n > 0)) < 5:
        evidence["note"] = "shares are not shown for fewer than five people"
        return [
            _skill_finding(
                f"Success depends on who decides, given where a trajectory begins (p = {p:.2g}).", evidence
            )
        ]
    return [
        _skill_finding(
            f"Success depends on who decides, given where a trajectory begins: shares from {share.min():.0%} to "
            f"{share.max():.0%}{named} (p = {p:.2g}).",
            evidence,
        )
    ]


def _skill_finding(message: str, evidence: dict[str, object]) -> Finding:
    return Finding(
        code="skill-differs",
        severity=Severity.NOTICE,
        message=message,
        hint="Weigh demonstrations by their quality, or learn from those that succeeded; never appraise people by "
        "this.",
        evidence=evidence,
    )
