"""Logs of states without actions: what was seen, and apart from it what may have been done.

A video, a trace of positions, a metrics export: they show how the world went, not what anybody chose. Such a log is
read by the same contract with ``actions.column: null`` and becomes a ``StateOnly``, which is no ``Demonstrations``:
whatever learns from actions does not accept it, so that a guess is never taken for a record.

What may have been done is an ``InferredActions`` beside it: for each step the probability of each action by Bayes'
rule, ``P(a | s, s') = prior(a | s) P(s' | s, a) / sum_b prior(b | s) P(s' | s, b)``, given dynamics and a prior that
are stated. Where no action leads from one state to the next, or the next is not known, the prior is all that there
is, and ``is_told`` is False. Where actions lead alike, only the prior keeps the probabilities apart: ``entropy`` says
how little a step tells.

References: Torabi, Warnell and Stone (2018), behavioral cloning from observation (inverse dynamics).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from telic._core.hashing import digest_array, digest_columns
from telic.contract import TaskContract
from telic.errors import ContractError, DataError, DynamicsError
from telic.mdp import StateSpace
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

__all__ = [
    "InferredActions",
    "StateOnly",
    "as_states",
    "infer_actions",
    "read_state_only",
    "require_no_actions",
]

TOLERANCE = 1e-9
"""Largest distance of a row of probabilities from 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StateOnly:
    """Trajectories of states; rows ``offsets[i]:offsets[i + 1]`` are trajectory ``i``, in time order.

    Attributes:
        observations: name to ``(n,)`` values; of a category int32 codes into ``categories``.
        offsets: ``(N + 1,)`` int64.
        next_known: ``(n,)`` whether the next row says what happened after this one.
        states: ``(n,)`` int32, or None before ``encoded``.
        times: ``(n,)`` seconds, or None.
        trajectory_ids: ``(N,)`` names.
        demonstrators: ``(N,)`` index into ``demonstrator_names`` (pseudonyms).
        action_labels: what could have been done.
        categories: name of each category to its labels.
        findings: what reading noticed.
        provenance: how this was made.
    """

    observations: Mapping[str, NDArray[Any]]
    offsets: LongArray
    next_known: BoolArray
    states: IntArray | None = None
    times: FloatArray | None = None
    trajectory_ids: NDArray[Any]
    demonstrators: IntArray
    demonstrator_names: tuple[str, ...]
    action_labels: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...] = ()
    provenance: Provenance

    @property
    def n_steps(self) -> int:
        """Number of rows n."""
        return len(self.next_known)

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories N."""
        return len(self.offsets) - 1

    @cached_property
    def digest(self) -> str:
        """Of the content; never that of demonstrations."""
        columns: dict[str, Any] = {
            "kind": np.array(["state-only"], dtype=object),
            "offsets": self.offsets,
            "next_known": self.next_known,
            "trajectory_ids": self.trajectory_ids,
            "demonstrators": self.demonstrators,
            "demonstrator_names": np.asarray(self.demonstrator_names, dtype=object),
            "action_labels": np.asarray(self.action_labels, dtype=object),
            **{f"observation:{k}": v for k, v in self.observations.items()},
            **{f"categories:{k}": np.asarray(v, dtype=object) for k, v in self.categories.items()},
        }
        if self.times is not None:
            columns["times"] = self.times
        return digest_columns({name: digest_array(values) for name, values in columns.items()})

    def state_space(self, contract: TaskContract) -> StateSpace:
        """The states that the contract cuts these observations into.

        Args:
            contract: of the log.

        Raises:
            ContractError: the number of cells is to be found by what choices tell, and there are none.
        """
        for i, o in enumerate(contract.observations):
            if o.in_state and o.bins == "auto":
                raise ContractError(
                    f"`observations[{i}].bins` is `auto`, which choices decide, and this log has none.",
                    hint="Give a count, edges or `quantile:N`.",
                )
        return StateSpace.from_contract(contract, self.without_choices())

    def encoded(self, space: StateSpace) -> StateOnly:
        """The same with the states that the space gives these observations.

        Args:
            space: the states.
        """
        return replace(self, states=space.encode(self.without_choices()).states)

    def without_choices(self, label: str | None = None) -> Demonstrations:
        """Demonstrations whose actions are all the first and mean nothing, for what looks at observations alone.

        Args:
            label: the one action that they have; None: those of the contract.
        """
        return Demonstrations(
            actions=np.zeros(self.n_steps, dtype=np.int32),
            offsets=self.offsets,
            action_labels=self.action_labels if label is None else (label,),
            observations=self.observations,
            trajectory_ids=self.trajectory_ids,
            demonstrators=self.demonstrators,
            demonstrator_names=self.demonstrator_names,
            terminated=np.zeros(self.n_trajectories, dtype=bool),
            truncated=np.ones(self.n_trajectories, dtype=bool),
            categories=self.categories,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class InferredActions:
    """What may have been done at each step of a ``StateOnly``.

    Attributes:
        of: digest of the trajectories.
        probabilities: ``(n, A)``, rows summing to 1.
        is_told: ``(n,)`` whether the step says anything beyond the prior.
        action_labels: name of each action.
        findings: how many steps tell nothing.
    """

    of: str
    probabilities: FloatArray
    is_told: BoolArray
    action_labels: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def entropy(self) -> FloatArray:
        """``(n,)`` nats left open at each step: 0 where the action is certain, log A where nothing is known."""
        p = self.probabilities
        return np.asarray(-np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0), axis=1))


def read_state_only(contract: TaskContract, paths: str | os.PathLike[str] | Sequence[Any]) -> StateOnly:
    """The trajectories of states that the files hold.

    Args:
        contract: with ``actions.column: null``.
        paths: as for ``telic.datasets.read_demonstrations``.

    Raises:
        ContractError: the contract names a column of actions.
        DataError: the files break the contract; file, line and column are named.
    """
    from telic.datasets.sources.ingestion import read_rows

    require_no_actions(contract)
    demos = read_rows(contract, paths)
    return as_states(demos, demos.action_labels)


def require_no_actions(contract: TaskContract) -> None:
    """Nothing, where a contract is about states alone.

    Args:
        contract: with ``actions.column: null``.

    Raises:
        ContractError: it names a column of actions.
    """
    if contract.actions.column is not None:
        raise ContractError(
            f"The contract names a column of actions (`{contract.actions.column}`); this is a log with actions.",
            hint="Read it as demonstrations, or set `actions.column: null` to leave the actions out.",
        )


def as_states(rows: Demonstrations, labels: tuple[str, ...]) -> StateOnly:
    """The states of rows whose actions mean nothing.

    Args:
        rows: as they were read or stored without actions.
        labels: what could have been done.
    """
    known = rows.next_known
    told = any(f.code == "state-only" for f in rows.findings)
    return StateOnly(
        observations=rows.observations,
        offsets=rows.offsets,
        next_known=np.zeros(rows.n_decisions, dtype=bool) if known is None else known,
        times=rows.times,
        trajectory_ids=rows.trajectory_ids,
        demonstrators=rows.demonstrators,
        demonstrator_names=rows.demonstrator_names,
        action_labels=labels,
        categories=rows.categories,
        findings=rows.findings if told else (*rows.findings, _state_only(rows)),
        provenance=rows.provenance,
    )


def infer_actions(
    seen: StateOnly, transition: sp.csr_array, *, prior: FloatArray | None = None
) -> InferredActions:
    """The probability of each action at each step, given dynamics.

    Args:
        seen: trajectories with states.
        transition: ``(S * A, S)`` probabilities, rows by state and then action, as ``TabularMDP.transition``.
        prior: ``(S, A)`` probability of each action before the next state is seen; None: all alike.

    Raises:
        DataError: the trajectories have no states yet.
        DynamicsError: shapes do not fit, or the prior is no probability.
    """
    if seen.states is None:
        raise DataError(
            "These trajectories have no states yet.", hint="Give them some: `seen.encoded(space)`."
        )
    A, n = len(seen.action_labels), seen.n_steps
    S = transition.shape[1]
    if transition.shape[0] != S * A or (n and int(seen.states.max()) >= S):
        raise DynamicsError(
            f"`transition` must be (S * A, S) with A = {A} and more states than {int(seen.states.max(initial=0))}, got "
            f"{transition.shape}.",
            hint="Use the dynamics of the same contract and state space.",
        )
    before = np.full((S, A), 1.0 / A) if prior is None else np.asarray(prior, dtype=np.float64)
    if before.shape != (S, A) or np.any(before < 0) or np.any(np.abs(before.sum(axis=1) - 1) > TOLERANCE):
        raise DynamicsError(
            f"`prior` must hold probabilities {(S, A)} whose rows sum to 1, got shape {before.shape}.",
            hint="Leave it out where nothing is known of habits.",
        )
    steps = np.flatnonzero(seen.next_known)
    state, after = seen.states[steps].astype(np.int64), seen.states[steps + 1].astype(np.int64)
    csr = sp.csr_array(transition)
    likelihood = np.stack([np.asarray(csr[state * A + a, after]).ravel() for a in range(A)], axis=1)
    joint = before[state] * likelihood.reshape(len(steps), A)
    total = joint.sum(axis=1)
    probabilities, told = before[seen.states].copy(), np.zeros(n, dtype=bool)
    possible = total > 0
    probabilities[steps[possible]] = joint[possible] / total[possible, None]
    told[steps[possible]] = np.ptp(likelihood[possible], axis=1) > 0
    impossible = steps[~possible]
    findings = [_told(int(told.sum()), n, len(impossible))]
    return InferredActions(
        of=seen.digest,
        probabilities=probabilities,
        is_told=told,
        action_labels=seen.action_labels,
        findings=tuple(findings),
    )


def _told(told: int, n: int, impossible: int) -> Finding:
    return Finding(
        code="inferred-actions",
        severity=Severity.WARNING if impossible else Severity.NOTICE,
        message=f"What was done is inferred, not recorded: {told:,} of {n:,} steps tell something beyond the prior"
        + (f"; {impossible:,} go where the dynamics lead with no action." if impossible else "."),
        hint="Are these the dynamics of this system, at this resolution?" if impossible else "",
        evidence={"told": told, "steps": n, "impossible": impossible},
    )


def _state_only(demos: Demonstrations) -> Finding:
    return Finding(
        code="state-only",
        severity=Severity.NOTICE,
        message=f"The log has no actions: {demos.n_decisions:,} states in {demos.n_trajectories:,} trajectories.",
        hint="Nothing that learns from actions accepts it; see `telic.datasets.state_only.infer_actions`.",
    )
