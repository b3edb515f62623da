"""Claims about a reward, as combinations of its weights compared with 0, and what was found about them.

    "a is worth more than x times b":      w_a - x w_b > 0
    "it prefers plan A to plan B":         (f_A - f_B) w > 0

with ``f`` the (expected, discounted) amount of each feature that a plan collects. A claim is *settled* where the
combination is above 0 for every reward of a region, *refuted* where it is below 0 for every one, and *open*
otherwise: then there are rewards that explain the decisions as well and disagree about it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap, feature_expectation
from telic.mdp import TabularMDP
from telic.planning import occupancy
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.reports.numbers import format_number
from telic.typing import FloatArray

__all__ = ["Claim", "ClaimTable", "Statement", "Verdict", "prefers", "prefers_policy", "worth_more"]


class Verdict(enum.Enum):
    """What a region of rewards says about a claim; the value is the sentence."""

    SETTLED = "It holds for every reward that explains the decisions."
    REFUTED = "It fails for every reward that explains the decisions."
    OPEN = "Rewards that explain the decisions disagree about it."

    @property
    def label(self) -> str:
        """Stable lower-case name, as printed in JSON."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement:
    """A claim before it is looked at: ``coefficients @ weights > 0``.

    Attributes:
        words: the claim as a sentence without a full stop.
        coefficients: ``(K,)``.

    Raises:
        FeatureError: the coefficients are not finite, or all 0, so that nothing is claimed.
    """

    words: str
    coefficients: Float[np.ndarray, "K"]

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.coefficients)):
            raise FeatureError(
                f"The claim {self.words!r} has coefficients that are not finite.",
                hint="Look for a missing measurement in the features of the plans.",
            )
        if not np.any(self.coefficients):
            raise FeatureError(
                f"The claim {self.words!r} compares equals: both sides have the same features.",
                hint="Compare plans that differ in a feature of the reward.",
            )


def worth_more(names: Sequence[str], above: str, below: str, *, times: float | int = 1.0) -> Statement:
    """The claim that one unit of a feature is worth more than ``times`` units of another.

    Args:
        names: of all weights, in their order.
        above: feature said to be worth more.
        below: feature it is compared with.
        times: units of ``below``.

    Raises:
        FeatureError: a name is not among the features, or both are the same.
        SettingsError: ``times`` is not finite.
    """
    for name in (above, below):
        if name not in names:
            raise FeatureError(
                f"{name!r} is not one of the features {', '.join(names)}.", hint="Use their names."
            )
    if above == below:
        raise FeatureError(f"{above!r} is compared with itself.", hint="Name two features.")
    if not math.isfinite(times):
        raise SettingsError(f"`times` must be a finite number, got {times}.", hint="1 compares unit by unit.")
    c = np.zeros(len(names))
    c[list(names).index(above)], c[list(names).index(below)] = 1.0, -float(times)
    amount = "" if times == 1 else f"{format_number(float(times), digits=3)} times "
    return Statement(words=f"{above} is worth more than {amount}{below}", coefficients=c)


def prefers(
    plan: FloatArray,
    other: FloatArray,
    *,
    words: str = "plan A is preferred to plan B",
) -> Statement:
    """The claim that one plan is worth more than another.

    Args:
        plan: ``(K,)`` amount of each feature that it collects; of a trajectory, a row of
            ``telic.features.trajectory_features``.
        other: the same of the plan it is compared with.
        words: the claim.

    Raises:
        FeatureError: the plans are of different features, or collect the same.
    """
    if plan.shape != other.shape:
        raise FeatureError(
            f"The plans of {words!r} have {plan.shape[0]} and {other.shape[0]} features.",
            hint="Describe both by the features of the reward.",
        )
    return Statement(words=words, coefficients=np.asarray(plan - other, dtype=np.float64))


def prefers_policy(
    world: TabularMDP,
    features: FeatureMap,
    policy: TabularPolicy,
    other: TabularPolicy,
    *,
    initial: Float[np.ndarray, "S"] | None = None,
    words: str = "policy A is preferred to policy B",
) -> Statement:
    """The claim that following one policy is worth more than following another.

    Args:
        world: where both act.
        features: of the reward.
        policy: said to be worth more.
        other: what it is compared with.
        initial: distribution of the first state; None: the world's own.
        words: the claim.

    Raises:
        DataError, DynamicsError, NumericalError: as ``telic.planning.occupancy``.
        FeatureError: both collect the same features.
    """
    sums = [feature_expectation(features, occupancy(world, each.table, initial)) for each in (policy, other)]
    return prefers(sums[0], sums[1], words=words)


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """What was found about a claim.

    Attributes:
        words: the claim.
        coefficients: ``(K,)``.
        lowest, highest: of ``coefficients @ weights`` over the region; infinite where it has no bound, or where
            the bound was not found (``outcome`` tells them apart).
        verdict: settled, refuted or open.
        outcome: ``SUCCESS``, or why an end was not found.
        reason: why an end is infinite; empty where both are finite.
        gap: by how much each end may still be short of the bound, in its unit; 0 where infinite.
    """

    words: str
    coefficients: Float[np.ndarray, "K"]
    lowest: float
    highest: float
    outcome: Outcome = Outcome.SUCCESS
    reason: str = ""
    gap: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Settled above 0, refuted below, else open. An end that was not found counts as infinite."""
        if self.lowest > 0:
            return Verdict.SETTLED
        return Verdict.REFUTED if self.highest < 0 else Verdict.OPEN

    @property
    def sentence(self) -> str:
        """The claim and its verdict."""
        ends = f"between {format_number(self.lowest, digits=3)} and {format_number(self.highest, digits=3)}"
        because = f" {self.reason}" if self.reason else ""
        return f"{self.verdict.label.capitalize()}: {self.words} (the difference lies {ends}).{because}"

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes; infinite ends are null."""
        return {
            "claim": self.words,
            "coefficients": self.coefficients.tolist(),
            "lowest": self.lowest if math.isfinite(self.lowest) else None,
            "highest": self.highest if math.isfinite(self.highest) else None,
            "verdict": self.verdict.label,
            "result": self.outcome.label,
            "reason": self.reason,
            "gap": self.gap,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimTable:
    """Claims looked at over one region of rewards.

    Attributes:
        claims: in the order they were asked.
        tolerance: nats below the best reward that still count as explaining the decisions.
        max_log_likelihood: of the best reward, nats.
        n_decisions: behind it.
        nullity: independent combinations of weights that the decisions cannot tell.
        limits: name to largest size of a weight that was stated; empty: none.
        findings: about the region.
    """

    claims: tuple[Claim, ...]
    tolerance: float
    max_log_likelihood: float
    n_decisions: int
    nullity: int
    limits: dict[str, float]
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """``SUCCESS``, or the outcome of the first claim with an end that was not found."""
        return next((c.outcome for c in self.claims if not c.outcome.ok), Outcome.SUCCESS)

    def counted(self, verdict: Verdict) -> int:
        """Number of claims with this verdict."""
        return sum(c.verdict is verdict for c in self.claims)

    def to_json(self) -> dict[str, Any]:
        """The table as JSON-able values."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "tolerance": self.tolerance,
            "max_log_likelihood": self.max_log_likelihood,
            "n_decisions": self.n_decisions,
            "nullity": self.nullity,
            "limits": dict(self.limits),
            "claims": [c.to_json() for c in self.claims],
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The claims as a report, open ones first: they are what more data could settle."""
        order = sorted(self.claims, key=lambda c: c.verdict is not Verdict.OPEN)
        table = Table(
            title="Claims over every reward that explains the decisions",
            columns=("claim", "verdict", "lowest", "highest"),
            rows=tuple((c.words, c.verdict.label, c.lowest, c.highest) for c in order),
            note=f"Rewards within {self.tolerance:.3g} nats of the best one.",
        )
        told = f"{self.counted(Verdict.SETTLED)} settled, {self.counted(Verdict.REFUTED)} refuted"
        items: list[str | Table | Finding] = [table, *(c.sentence for c in order if c.reason), *self.findings]
        return Report(
            title="Claims",
            headline=f"Of {len(self.claims)} claims: {told}, {self.counted(Verdict.OPEN)} open.",
            sections=(Section(title="Claims", items=tuple(items), anchor="claims"),),
            data=self.to_json(),
        )
