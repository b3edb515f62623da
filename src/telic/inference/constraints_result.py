"""What constraint inference says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardEstimate

from .constraint_worlds import Constraint

__all__ = ["ConstraintSet", "FoundConstraint"]


@dataclass(frozen=True, kw_only=True)
class FoundConstraint:
    """A constraint and the evidence for it.

    Attributes:
        constraint: what is never done.
        words: the same in words.
        gain: nats a demonstration that it adds to the log-likelihood, over those before it.
        log_ratio: log of the likelihood ratio in the test, nats.
        needed: what ``log_ratio`` had to reach.
        expected_uses: how often the demonstrators would have done it, had it been allowed; they never did.
    """

    constraint: Constraint
    words: str
    gain: float
    log_ratio: float
    needed: float
    expected_uses: float

    def to_json(self) -> dict[str, Any]:
        """The constraint as JSON-able values."""
        return {
            "kind": self.constraint.kind,
            "state": self.constraint.state,
            "action": self.constraint.action,
            "words": self.words,
            "gain_per_demonstration": _number(self.gain),
            "log_ratio": _number(self.log_ratio),
            "needed": self.needed,
            "expected_uses": self.expected_uses,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstraintSet:
    """What is never done although it would pay, and the reward beside it.

    Attributes:
        outcome: of the fit of the reward with the constraints; ``SUCCESS`` where the reward is known.
        found: the constraints, in the order in which they were found.
        rejected: the best one that the test did not allow, or None.
        world: the world with the constraints.
        before, after: the reward fitted without and with the constraints, on all demonstrations.
        reward_is_known: the search used given weights, not these fits.
        n_possible: number of constraints that there could be.
        n_demonstrations: trajectories.
        level: chance, at most, of finding one where there is none.
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    found: tuple[FoundConstraint, ...]
    rejected: FoundConstraint | None
    world: TabularMDP | FiniteHorizonMDP
    before: RewardEstimate
    after: RewardEstimate
    reward_is_known: bool
    n_possible: int
    n_demonstrations: int
    level: float
    seconds: float
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The constraints as JSON-able values."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "level": self.level,
            "possible": self.n_possible,
            "demonstrations": self.n_demonstrations,
            "reward_is_known": self.reward_is_known,
            "found": [c.to_json() for c in self.found],
            "rejected": None if self.rejected is None else self.rejected.to_json(),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The constraints as a report."""
        n = len(self.found)
        if not self.outcome.ok:
            told = f"{n} constraint{'s' * (n > 1)} stood the test" if n else "no constraint was found"
            headline = f"Not an answer ({self.outcome.label}): {told}. {self.outcome.value}"
        elif n:
            headline = (
                f"{n} constraint{'s' * (n > 1)}: {'; '.join(c.words for c in self.found)} "
                f"(chance of finding one in vain: at most {self.level:.0%})."
            )
        else:
            headline = (
                f"No constraint among {self.n_possible:,} possible ones stands the test at {self.level:.0%}."
            )
        shown = [(c, "found") for c in self.found]
        if self.rejected is not None:
            shown.append((self.rejected, "not enough"))
        table = Table(
            title="What is never done although it would pay",
            columns=("constraint", "nats a demonstration", "uses expected", "log ratio", "needed", "verdict"),
            rows=tuple(
                (c.words, _number(c.gain), c.expected_uses, _number(c.log_ratio), c.needed, verdict)
                for c, verdict in shown
            ),
            note="The test: "
            + (
                "likelihood ratio at the known reward, union bound over all possible constraints."
                if self.reward_is_known
                else "chosen on one half of the demonstrations, tested on the other (universal inference)."
            ),
        )
        sections = [Section(title="Constraints", items=(table,), anchor="constraints")]
        if not self.reward_is_known:
            rows = tuple(
                (name, float(a), float(b))
                for name, a, b in zip(self.before.names, self.before.weights, self.after.weights, strict=True)
            )
            weights = Table(
                title="The reward beside them",
                columns=("feature", "weight without constraints", "weight with them"),
                rows=rows,
                note="Without them, what is never done is taken for disliked.",
            )
            sections.append(Section(title="Reward", items=(weights,), anchor="reward"))
        if self.findings:
            sections.append(Section(title="Findings", items=self.findings, anchor="findings"))
        return Report(
            title="Constraints beside the reward",
            headline=headline,
            sections=tuple(sections),
            data=self.to_json(),
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
