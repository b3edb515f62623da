"""Contradictions of a demonstrator with themselves: the same states, other choices early than late.

That the same state was met with different actions proves nothing: one stochastic policy explains any mixture, and which
mixtures are "wrong" cannot be told from choices alone. What one policy does not explain is that *when* or *who* decides
matters. Who is tested by ``telic.trajectories.checks`` (``demonstrators-differ``); when is tested here: the units of a
person (``records``) are cut into ``PERIODS`` equal parts of time, and the shares of actions in the same states are
compared between them. The null law comes from drawing which units fall into which period, so that what the decisions of
a unit share does no harm. A change has reasons that no test can tell apart: another taste, a new rule, something the
contract does not see, or planted data.
"""

from __future__ import annotations

import numpy as np

from telic._core.contingency import holm
from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .places import places
from .records import Records

__all__ = ["changed_mind_findings"]

LEVEL = 0.01
"""Over all demonstrators together."""

PERIODS = 3
"""Parts of time that are compared."""

FEWEST_UNITS = 12
"""Units of a person below which nothing is said."""

MOST_UNITS = 400
"""Units of a person that are looked at, evenly over time."""

MOST_CELLS = 600
"""Pairs of state and action that are looked at: those most visited."""

DRAWS = 1999
"""Assignments drawn: the smallest p-value is 1/2000."""

MOST_PEOPLE = 20
"""People looked at, those with the most units; the smallest p-value must survive their number."""


def changed_mind_findings(
    demos: Demonstrations, records: Records, contract: TaskContract, *, key: int = 0
) -> list[Finding]:
    """A warning where demonstrators decide otherwise late than early; nobody is named without ``people``.

    Args:
        demos: the decisions.
        records: of these decisions.
        contract: says whether single people may be named.
        key: of the assignments drawn.
    """
    who, U = records.person, records.units.count
    both = np.unique(who * U + records.unit)  # a person and a unit in which they decided
    counts = np.bincount(both // U, minlength=len(demos.demonstrator_names))
    people = [
        d for d in np.argsort(-counts, kind="stable")[:MOST_PEOPLE].tolist() if counts[d] >= FEWEST_UNITS
    ]
    if not people:
        return []
    tested = [_Person(records, np.flatnonzero(who == d)) for d in people]
    p_values = holm([t.p_value(np.random.default_rng([key, d])) for t, d in zip(tested, people, strict=True)])
    changed = [i for i, p in enumerate(p_values) if p < LEVEL]
    evidence: dict[str, object] = {
        "n_tested": len(people),
        "n_changed": len(changed),
        "level": LEVEL,
        "periods": PERIODS,
    }
    if not changed:
        return [
            Finding(
                code="minds-steady",
                severity=Severity.INFO,
                message=f"No sign that any of {len(people)} demonstrators decides otherwise late than early in the "
                f"same "
                f"states (smallest p = {min(p_values):.2g}). Different actions in one state by themselves prove "
                f"nothing: a "
                "stochastic policy explains any mixture.",
                evidence=evidence,
            )
        ]
    worst = min(changed, key=lambda i: p_values[i])
    may_name = contract.people is not None
    if may_name:
        evidence["p_values_holm"] = {demos.demonstrator_names[people[i]]: p_values[i] for i in changed}
        evidence["places"] = places(demos, tested[worst].counterexamples())
    named = f" ({', '.join(demos.demonstrator_names[people[i]] for i in changed[:5])})" if may_name else ""
    return [
        Finding(
            code="changed-mind",
            severity=Severity.WARNING,
            message=f"{len(changed)} of {len(people)} demonstrators{named} decide{'s' if len(changed) == 1 else ''} "
            f"otherwise "
            f"early than late in the same states, beyond what one stochastic policy explains (p = "
            f"{p_values[worst]:.2g}).",
            hint="Choices alone do not tell which of the two is wanted. Fit the periods apart (`infer --over-time`), "
            "or add "
            "what changed.",
            evidence=evidence,
        )
    ]


class _Person:
    """The records of one person, by unit and (state, action)."""

    def __init__(self, records: Records, mine: LongArray) -> None:
        units = np.unique(records.unit[mine])
        order = units[np.argsort(records.units.start[units], kind="stable")]
        if len(order) > MOST_UNITS:
            order = order[np.linspace(0, len(order) - 1, MOST_UNITS).astype(np.int64)]
        place = np.full(records.units.count, -1)
        place[order] = np.arange(len(order))
        self.keep = mine[place[records.unit[mine]] >= 0]
        self.unit, A = place[records.unit[self.keep]], records.n_actions
        self.state, self.action = records.state[self.keep], records.action[self.keep]
        self.row = records.row[self.keep]
        cells, code = np.unique(self.state * A + self.action, return_inverse=True)
        often = np.argsort(-np.bincount(code), kind="stable")[:MOST_CELLS]
        lookup = np.full(len(cells), -1)
        lookup[often] = np.arange(len(often))
        inside = lookup[code] >= 0
        self.table = np.zeros((len(order), len(often)))
        np.add.at(self.table, (self.unit[inside], lookup[code[inside]]), 1.0)
        self.state_of_cell = np.unique(cells[often] // A, return_inverse=True)[1]
        self.n_units = len(order)

    def p_value(self, rng: np.random.Generator) -> float:
        """Share of drawn assignments to periods whose choices lie as far apart as the observed ones."""
        period = np.arange(self.n_units) * PERIODS // self.n_units
        drawn = np.stack([period, *(rng.permutation(period) for _ in range(DRAWS))])
        score = self._apart(drawn)
        return float(np.mean(score >= score[0] - 1e-9))

    def counterexamples(self) -> LongArray:
        """Two decisions in one state: the earliest, and the latest that is another; rows of the demonstrations."""
        period = self.unit * PERIODS // self.n_units
        early, late = np.flatnonzero(period == 0), np.flatnonzero(period == PERIODS - 1)
        for i in early.tolist():
            other = late[(self.state[late] == self.state[i]) & (self.action[late] != self.action[i])]
            if len(other):
                return np.array([self.row[i], self.row[other[-1]]])
        return np.zeros(0, dtype=np.int64)

    def _apart(self, assigned: LongArray) -> FloatArray:
        """``(B,)`` Pearson's X^2 of period against action within states, for ``(B, units)`` assignments."""
        total = self.table.sum(axis=0)
        S = int(self.state_of_cell.max()) + 1
        in_state = np.bincount(self.state_of_cell, weights=total, minlength=S)
        score = np.zeros(len(assigned))
        for period in range(PERIODS):
            seen = (assigned == period).astype(np.float64) @ self.table
            by_state = np.zeros((len(assigned), S))
            np.add.at(by_state.T, self.state_of_cell, seen.T)
            expected = by_state[:, self.state_of_cell] * (total / in_state[self.state_of_cell])
            score += np.sum((seen - expected) ** 2 / np.where(expected > 0, expected, 1.0), axis=1)
        return score
