"""Coverage: how much of the task the log has seen, and how likely the next decision is somewhere unseen.

The missing mass is estimated as Good and Turing did, with trajectories instead of single draws: the share of
decisions taken in situations that no *other* trajectory visits. With trajectories of one decision each this
is the share of singletons. Its spread is the jackknife over trajectories, for independent trajectories of any
length; the interval is for a decision of a new trajectory.

References:
    Good (1953), The population frequencies of species and the estimation of population parameters. Esty
    (1983), A normal limit law for a nonparametric estimator of the coverage of a random sample (whose
    variance the jackknife gives, to leading order, for trajectories of one decision).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from telic._core.codes import counted, renumber
from telic.reports import Finding, Severity
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import LongArray

from .situations import Situations

__all__ = ["MissingMass", "coverage_findings", "missing_mass"]

Z_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""

MUCH_MISSING = 0.1
"""Missing mass from which the gap is worth a warning: one decision in ten is somewhere new."""

FEW_DECISIONS = 5
"""Decisions in a situation below which its action shares say little."""


@dataclass(frozen=True, kw_only=True)
class MissingMass:
    """The probability that a decision of a new trajectory is taken in a situation that was never seen.

    Attributes:
        value: the estimate, in [0, 1].
        interval: 95 %, cut to [0, 1].
        singletons: situations seen in exactly one decision.
    """

    value: float
    interval: tuple[float, float]
    singletons: int


def missing_mass(codes: LongArray, trajectories: LongArray) -> MissingMass:
    """The estimate for decisions in situations ``codes``, by trajectories.

    Args:
        codes: ``(n,)`` situation of each decision.
        trajectories: ``(n,)`` trajectory of each decision.
    """
    n = len(codes)
    if n == 0:
        return MissingMass(value=1.0, interval=(0.0, 1.0), singletons=0)
    cell, owner = renumber(codes)[1], renumber(trajectories)[1]
    N = int(owner.max()) + 1
    lengths = np.bincount(owner, minlength=N).astype(np.float64)
    (pair_cell, pair_owner), counts = counted(cell, owner)
    owners_of_cell = np.bincount(pair_cell)[pair_cell]
    alone = np.bincount(pair_owner[owners_of_cell == 1], weights=counts[owners_of_cell == 1], minlength=N)
    value = float(alone.sum() / n)
    # Leaving a trajectory out takes its decisions away, and leaves what it shares with one other to that one.
    shared = np.flatnonzero(owners_of_cell == 2).reshape(-1, 2)  # pairs are sorted by cell
    freed = np.bincount(pair_owner[shared[:, 0]], weights=counts[shared[:, 1]], minlength=N)
    freed += np.bincount(pair_owner[shared[:, 1]], weights=counts[shared[:, 0]], minlength=N)
    left = n - lengths
    without = np.divide(alone.sum() - alone + freed, left, out=np.ones(N), where=left > 0)
    spread = math.sqrt((N - 1) / N * float(np.sum((without - without.mean()) ** 2)))
    low, high = value - Z_95 * spread, value + Z_95 * spread
    if value == 0.0:
        high = max(high, 1 - 0.05 ** (1 / N))  # nothing new in N trajectories
    if N == 1:
        low, high = 0.0, 1.0
    singletons = int(np.sum(np.bincount(cell) == 1))
    return MissingMass(value=value, interval=(max(0.0, low), min(1.0, high)), singletons=singletons)


def coverage_findings(
    demos: Demonstrations, situations: Situations, n_situations: int | None
) -> list[Finding]:
    """How many situations and pairs were seen, how much is missing, and which actions never occur.

    Args:
        demos: the decisions.
        situations: of each decision.
        n_situations: how many there are in all, or None where nobody counted.
    """
    A, n = demos.n_actions, demos.n_decisions
    mass = missing_mass(situations.codes, demos.trajectory_index)
    cells = np.bincount(situations.codes, minlength=situations.n_seen)
    n_pairs = len(counted(situations.codes, demos.actions)[1])
    total = "" if n_situations is None else f" of {n_situations:,} ({situations.n_seen / n_situations:.0%})"
    low, high = mass.interval
    evidence = {
        "situations_seen": situations.n_seen,
        "situations": n_situations,
        "pairs_seen": n_pairs,
        "pairs": None if n_situations is None else n_situations * A,
        "singletons": mass.singletons,
        "missing_mass": mass.value,
        "missing_mass_interval": [low, high],
        "decisions_in_thin_situations": int(cells[cells < FEW_DECISIONS].sum()),
    }
    findings = [
        Finding(
            code="coverage",
            severity=Severity.WARNING if mass.value > MUCH_MISSING else Severity.INFO,
            message=f"{situations.n_seen:,}{total} {situations.noun} were seen, {n_pairs:,} (situation, "
            f"action) pairs, {mass.singletons:,} "
            f"of the situations only once; a decision of a new trajectory falls into one never seen with "
            f"probability "
            f"{mass.value:.3f} [{low:.3f}, {high:.3f}] (Good-Turing by trajectories, 95 %).",
            hint="Coarser bins, fewer observations in the state, or more trajectories."
            if mass.value > MUCH_MISSING
            else "",
            evidence=evidence,
        )
    ]
    taken = np.bincount(demos.actions, minlength=A)
    never = [label for label, count in zip(demos.action_labels, taken.tolist(), strict=True) if count == 0]
    if never:
        findings.append(
            Finding(
                code="actions-never-taken",
                severity=Severity.WARNING,
                message=f"{len(never)} of {A} actions never occur in {n:,} decisions: "
                f"{', '.join(never[:8])}.",
                hint="What makes them unattractive cannot be measured from this log; remove them from the "
                "contract or collect such decisions.",
                evidence={"actions": never},
            )
        )
    rare = [
        label
        for label, count in zip(demos.action_labels, taken.tolist(), strict=True)
        if 0 < count < FEW_DECISIONS
    ]
    if rare:
        findings.append(
            Finding(
                code="actions-rarely-taken",
                severity=Severity.NOTICE,
                message=f"{len(rare)} of {A} actions occur fewer than {FEW_DECISIONS} times: "
                f"{', '.join(rare[:8])}.",
                hint="Weights that only they tell apart will have wide intervals.",
                evidence={"actions": rare},
            )
        )
    return findings
