"""Held-out log-likelihood of choices, always beside two baselines: uniform, and cloning the table.

    nats per decision = mean_t log pi(a_t | s_t)      over decisions that no fit has seen; negative, higher is
    better bits per decision = nats / log 2

``uniform`` chooses among the available actions alike: what knowing nothing is worth. ``behavioural_cloning``
repeats the frequencies of the training decisions in the same state, with half a decision added to each
available action: what is to be had without any idea of consequences. A reward that does not reach cloning has
not explained the behaviour; one that surpasses it has generalised.

Differences are taken decision by decision and have their own intervals, far narrower than the two intervals
they come from. All intervals are over source trajectories (``clustered``): pieces of one are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telic.errors import DataError
from telic.policies import TabularPolicy
from telic.reports import Finding, Severity, Table
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, FloatArray

from .clustered import ClusteredMean, clustered_mean
from .log_probs import AnyPolicy, decision_log_probs

__all__ = ["BASELINES", "HeldOut", "HeldOutScore", "held_out"]

BASELINES = ("uniform", "behavioural_cloning")
"""Names of the baselines that every comparison has."""

CLONING_SMOOTHING = 0.5
"""Decisions added to each available action by the cloning baseline (Krichevsky & Trofimov 1981)."""

FEW_TRAJECTORIES = 10
"""Held-out trajectories below which a clustered interval should not be trusted."""


@dataclass(frozen=True, kw_only=True)
class HeldOutScore:
    """How well one policy predicts held-out decisions.

    Attributes:
        name: of the policy.
        nats: mean log-likelihood a decision with its interval.
        over: name of each baseline to the mean gain over it, in nats a decision, with its interval.
        n_impossible: decisions to which the policy gives probability 0 (then the mean is -inf).
    """

    name: str
    nats: ClusteredMean
    over: Mapping[str, ClusteredMean]
    n_impossible: int

    @property
    def nats_per_decision(self) -> float:
        """Mean log-likelihood; negative, higher is better."""
        return self.nats.value

    @property
    def bits_per_decision(self) -> float:
        """The same in bits."""
        return self.nats.value / float(np.log(2.0))

    def to_json(self) -> dict[str, object]:
        """The score as JSON-able values; infinities and NaN become None."""
        return {
            "nats_per_decision": _finite(self.nats.value),
            "bits_per_decision": _finite(self.bits_per_decision),
            "standard_error": _finite(self.nats.standard_error),
            "interval": None if self.nats.interval is None else list(self.nats.interval),
            "n_impossible": self.n_impossible,
            "gain_over": {
                name: {
                    "nats_per_decision": _finite(gain.value),
                    "interval": None if gain.interval is None else list(gain.interval),
                }
                for name, gain in self.over.items()
            },
        }


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Scores of several policies on the same held-out decisions.

    Attributes:
        scores: the policies asked for, in order, then the baselines.
        n_decisions: held-out decisions.
        n_trajectories: held-out trajectories.
        findings: too few trajectories, impossible decisions.
    """

    scores: tuple[HeldOutScore, ...]
    n_decisions: int
    n_trajectories: int
    findings: tuple[Finding, ...] = ()

    def __getitem__(self, name: str) -> HeldOutScore:
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(name)

    @property
    def table(self) -> Table:
        """One row a policy."""
        rows = tuple(
            (
                s.name,
                s.nats_per_decision,
                s.nats.interval[0] if s.nats.interval else None,
                s.nats.interval[1] if s.nats.interval else None,
                s.bits_per_decision,
                s.over[BASELINES[1]].value if BASELINES[1] in s.over else None,
            )
            for s in self.scores
        )
        return Table(
            title="How well held-out decisions are predicted",
            columns=(
                "policy",
                "nats a decision",
                "low",
                "high",
                "bits a decision",
                "gain over cloning (nats)",
            ),
            rows=rows,
            note=(
                f"{self.n_decisions} decisions of {self.n_trajectories} trajectories that no fit has seen; "
                f"higher is better; intervals are over trajectories."
            ),
        )

    def to_json(self) -> dict[str, object]:
        """The keys of ``infer --json``: of the first policy, with the baselines, and all scores by name."""
        first = self.scores[0]
        return {
            "nats_per_decision": _finite(first.nats_per_decision),
            "bits_per_decision": _finite(first.bits_per_decision),
            "baselines": {name: _finite(self[name].nats_per_decision) for name in BASELINES},
            "n_decisions": self.n_decisions,
            "n_trajectories": self.n_trajectories,
            "scores": {s.name: s.to_json() for s in self.scores},
        }


def held_out(
    policies: Mapping[str, AnyPolicy],
    test: Demonstrations,
    *,
    train: Demonstrations,
    n_states: int,
    n_actions: int | None = None,
    available: BoolArray | None = None,
    level: float = 0.95,
) -> HeldOut:
    """The held-out likelihood of each policy, of uniform choice, and of cloning the training table.

    Args:
        policies: name to policy; any kind of table (``log_probs``).
        test: decisions that no fit has seen, with states.
        train: the decisions that were fitted, for the cloning baseline.
        n_states: S.
        n_actions: A; default the number of action labels.
        available: ``(S, A)`` actions that can be taken; None: all. All policies should know the same.
        level: coverage of the intervals.

    Raises:
        DataError: there are no held-out decisions, or a policy does not cover them.
    """
    if not test.n_decisions:
        raise DataError(
            "There are no held-out decisions to predict.",
            hint="Raise `data.held_out` in the contract, or collect more trajectories.",
        )
    A = test.n_actions if n_actions is None else n_actions
    allowed = np.ones((n_states, A), dtype=bool) if available is None else available
    baselines = {
        BASELINES[0]: TabularPolicy(table=_normalised(allowed.astype(np.float64))),
        BASELINES[1]: TabularPolicy(table=_cloned(train, n_states, A, allowed)),
    }
    named: dict[str, AnyPolicy] = {**policies, **{k: v for k, v in baselines.items() if k not in policies}}
    logs = {name: decision_log_probs(policy, test) for name, policy in named.items()}
    who, w = source_index(test)[test.trajectory_index], test.weights
    scores, findings = [], []
    for name, log_prob in logs.items():
        over = {
            base: clustered_mean(_difference(log_prob, logs[base]), who, w, level=level)
            for base in BASELINES
            if base != name
        }
        n_impossible = int(np.isneginf(log_prob).sum())
        scores.append(
            HeldOutScore(
                name=name,
                nats=clustered_mean(log_prob, who, w, level=level),
                over=over,
                n_impossible=n_impossible,
            )
        )
        if n_impossible:
            rows = np.flatnonzero(np.isneginf(log_prob))
            findings.append(
                Finding(
                    code="impossible-decisions",
                    severity=Severity.WARNING,
                    message=f"`{name}` gives probability 0 to {n_impossible} held-out decisions "
                    f"(first: row {rows[0]}), so its likelihood is 0.",
                    hint="Smooth the policy, or check which actions are available.",
                    evidence={"policy": name, "rows": rows[:20].tolist(), "n": n_impossible},
                )
            )
    n_trajectories = scores[0].nats.n_trajectories
    if n_trajectories < FEW_TRAJECTORIES:
        findings.append(
            Finding(
                code="few-held-out-trajectories",
                severity=Severity.NOTICE,
                message=f"Only {n_trajectories} held-out trajectories: intervals over them are rough.",
                hint="Collect more trajectories, or hold out a larger share.",
                evidence={"n_trajectories": n_trajectories},
            )
        )
    return HeldOut(
        scores=tuple(scores),
        n_decisions=test.n_decisions,
        n_trajectories=n_trajectories,
        findings=tuple(findings),
    )


def _difference(a: FloatArray, b: FloatArray) -> FloatArray:
    """``a - b`` where two impossible decisions differ by nothing."""
    both = np.isneginf(a) & np.isneginf(b)
    return np.where(both, 0.0, np.where(both, 0.0, a) - np.where(both, 0.0, b))


def _cloned(train: Demonstrations, S: int, A: int, allowed: BoolArray) -> FloatArray:
    states, _ = train.require_states()
    cell = states.astype(np.int64) * A + train.actions
    counts = np.bincount(cell, weights=train.weights, minlength=S * A).astype(np.float64)
    if len(counts) > S * A:
        raise DataError(
            f"Training decisions reach state {int(states.max())} and action {int(train.actions.max())} of "
            f"{S} states and {A} actions.",
            hint="Give the sizes of the space that encoded them.",
        )
    return _normalised((counts.reshape(S, A) + CLONING_SMOOTHING) * allowed)


def _normalised(table: FloatArray) -> FloatArray:
    total = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, total, out=np.zeros_like(table), where=total > 0))


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None
