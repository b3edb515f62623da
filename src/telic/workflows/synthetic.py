"""Synthetic trajectories through states that the log never entered, from a simulator that was judged first.

Each starts in a state nobody was in, with the exogenous values of a stretch of the log that has the same ones there;
the cloned policy decides and the simulator answers (``telic.mdp.TraceSimulator``). They are no evidence of anything
that people value: their origin is ``policy``, so that nothing learns from them unless it is told to, and the label
``synthetic`` names the simulator, so that they are told apart wherever they are stored.

What they rest on: nothing is made where the simulator is not *faithful* (``telic.evaluation.fidelity``). That verdict
was passed where people were. In a state where nobody was the simulator answers as in its neighbours, and no log can say
whether that holds; the share of such answers is told, as a finding that goes along with the trajectories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telic.contract import TaskContract
from telic.errors import DataError, SettingsError
from telic.evaluation.fidelity import Fidelity
from telic.mdp import StateSpace, estimate_dynamics
from telic.mdp.trace_simulator import TraceSimulator
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import ORIGINS, Demonstrations
from telic.typing import BoolArray, LongArray

from .simulator_check import VERDICTS, cloned_policy, simulator_of_log

__all__ = ["LABEL", "Synthetic", "is_synthetic", "synthetic_trajectories"]

LABEL = "synthetic"
"""Label of trajectories that says which simulator made them; empty for those that happened."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Synthetic:
    """Trajectories that never happened.

    Attributes:
        demos: origin ``policy``, labelled; join them to a log with ``telic.datasets.joined``.
        space: whose states they go through.
        coverage_before: share of the states that the log was in when something was decided.
        coverage_after: the same with the synthetic decisions.
        unreached: states that no trajectory could start in: no stretch of the log has their exogenous values.
        borrowed: share of the synthetic decisions whose state and action the log never had together.
        fidelity: of the simulator, on held-out trajectories.
    """

    demos: Demonstrations
    space: StateSpace
    coverage_before: float
    coverage_after: float
    unreached: tuple[int, ...]
    borrowed: float
    fidelity: Fidelity


def synthetic_trajectories(
    contract: TaskContract, demos: Demonstrations, *, per_state: int = 3, n_steps: int = 10, key: int = 0
) -> Synthetic:
    """Trajectories that start in each state where nothing was ever decided.

    Args:
        contract: the task; some observation is declared exogenous, and some answers to the action.
        demos: the log; states are made anew.
        per_state: trajectories of each uncovered state.
        n_steps: most decisions of each.
        key: random key.

    Raises:
        DataError: no simulator can be made, it is not faithful, or the log covers everything already.
        SettingsError: a count is below 1.
    """
    if per_state < 1 or n_steps < 1:
        raise SettingsError(
            f"`per_state` and `n_steps` must be at least 1, got {per_state} and {n_steps}.", hint="Make some."
        )
    space = StateSpace.from_contract(contract, demos)
    coded = space.encode(demos)
    judged = simulator_of_log(contract, space, coded)
    if isinstance(judged, str):
        raise DataError(
            f"Nothing synthetic is made without a simulator that was judged. {judged}",
            hint="See docs/simulators.md.",
        )
    if judged.verdict != "faithful":
        raise DataError(
            f"Nothing synthetic is made: {VERDICTS[judged.verdict]}",
            hint="`telic check` has the numbers, section Simulator.",
            verdict=judged.verdict,
        )
    world = estimate_dynamics(
        coded,
        space,
        discount=0.0,
        n_actions=len(contract.actions.values),
        smoothing=contract.dynamics.smoothing,
        exogeneity_level=None,
        environment=contract.dynamics.environment,
    ).mdp
    simulator = TraceSimulator(world=world, space=space)
    states, _ = coded.require_states()
    n_inner = space.n_states - space.has_end
    seen = np.bincount(states, minlength=space.n_states)[:n_inner] > 0
    starts, rows, unreached = _starts(simulator, coded, np.flatnonzero(~seen), per_state, key)
    if not len(starts):
        raise DataError(
            f"No synthetic trajectory starts anywhere: the log decides in {int(seen.sum()):,} of {n_inner:,} states,"
            f" and has the exogenous values of none of the other {len(unreached):,}.",
            hint="A finer or wider grid (observations' low, high and bins) has more states.",
        )
    base = _stretches(coded, rows, starts, n_steps)
    made = simulator.replay(
        base, simulator.policy_choice(cloned_policy(coded, space.n_states), key=key), key=key
    )
    borrowed = _borrowed(coded, made, world.n_actions)
    after = seen | (np.bincount(made.require_states()[0], minlength=space.n_states)[:n_inner] > 0)
    whole = _marked(made, base, demos, space, borrowed, simulator_name=f"simulator of {demos.digest[7:19]}")
    return Synthetic(
        demos=replace(
            whole,
            provenance=Provenance(
                inputs={"demonstrations": demos.digest, "contract": contract.digest},
                settings={"per_state": per_state, "n_steps": n_steps, "fidelity": judged.to_json()},
                key=key,
            ),
        ),
        space=space,
        coverage_before=float(seen.mean()),
        coverage_after=float(after.mean()),
        unreached=tuple(unreached.tolist()),
        borrowed=borrowed,
        fidelity=judged,
    )


def _starts(
    simulator: TraceSimulator, coded: Demonstrations, uncovered: LongArray, per_state: int, key: int
) -> tuple[LongArray, LongArray, LongArray]:
    """States to start in, the row of the log that lends each its exogenous values, and states that find none."""
    rng = np.random.default_rng(key)
    states, after = coded.require_states()
    there = simulator.exogenous_cell[states]
    starts, rows, unreached = [], [], []
    for state in uncovered.tolist():
        lenders = np.flatnonzero((there == simulator.exogenous_cell[state]) & (after >= 0))
        if len(lenders):
            starts += [state] * per_state
            rows.append(rng.choice(lenders, size=per_state))
        else:
            unreached.append(state)
    return (
        np.array(starts, dtype=np.int64),
        np.concatenate([*rows, np.zeros(0, dtype=np.int64)]).astype(np.int64),
        np.array(unreached, dtype=np.int64),
    )


def _stretches(coded: Demonstrations, rows: LongArray, starts: LongArray, n_steps: int) -> Demonstrations:
    """Stretches of the log from these rows on, each with another state at its start."""
    place = coded.trajectory_index[rows]
    lengths = np.minimum(n_steps, coded.offsets[place + 1] - rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(rows, lengths)
    cut = coded.take(inside, offsets, place)
    states = cut.require_states()[0].copy()
    states[offsets[:-1]] = starts
    names = [f"synthetic-{state}-{i}" for i, state in enumerate(starts.tolist())]
    return replace(cut, states=states, trajectory_ids=np.array(names, dtype=object))


def _borrowed(coded: Demonstrations, made: Demonstrations, n_actions: int) -> float:
    seen = np.unique(coded.require_states()[0].astype(np.int64) * n_actions + coded.actions)
    mine = made.require_states()[0].astype(np.int64) * n_actions + made.actions
    return float(np.mean(~np.isin(mine, seen)))


def _marked(
    made: Demonstrations,
    base: Demonstrations,
    demos: Demonstrations,
    space: StateSpace,
    borrowed: float,
    simulator_name: str,
) -> Demonstrations:
    """The trajectories with measurements and times like the log's, and with what they are written on them."""
    states, after = made.require_states()
    lengths = np.diff(made.offsets)
    rows = np.arange(made.n_decisions) - np.repeat(made.offsets[:-1] - base.offsets[:-1], lengths)
    known = after >= 0
    n = len(made)
    finding = Finding(
        code="synthetic-trajectories",
        severity=Severity.NOTICE,
        message=f"{n:,} trajectories never happened: a simulator that was found faithful where people were made them,"
        f" and {borrowed:.0%} of their decisions are in situations that the log never had, where it answers as in"
        " neighbouring ones.",
        hint="They may show what a plan would meet; they are no evidence of what people value.",
        evidence={"n_trajectories": n, "borrowed": borrowed, "simulator": simulator_name},
    )
    return replace(
        made,
        observations=_measured(space, states, demos),
        next_observations=_measured(space, np.maximum(after, 0), demos) if demos.next_observations else {},
        next_known=known if demos.next_known is not None else None,
        times=None if base.times is None else base.times[rows],
        categories=demos.categories,
        demonstrator_names=("simulator",),
        origins=np.full(n, ORIGINS.index("policy"), dtype=np.int32),
        labels={LABEL: np.full(n, simulator_name, dtype=object)},
        truncated=~made.terminated,
        findings=(finding,),
    )


def _measured(space: StateSpace, states: Any, demos: Demonstrations) -> dict[str, Any]:
    """Name to values of each state, in the types of the log; a category by its code."""
    found: dict[str, Any] = {}
    for name, logged in demos.observations.items():
        values = np.asarray(space.cells[name])[states]
        if name in demos.categories:
            codes = {text: i for i, text in enumerate(demos.categories[name])}
            found[name] = np.array([codes[str(v)] for v in values.tolist()], dtype=np.int32)
        elif logged.dtype.kind in "iu":
            found[name] = np.round(values.astype(np.float64)).astype(logged.dtype)
        else:
            found[name] = values.astype(logged.dtype)
    return found


def is_synthetic(demos: Demonstrations) -> BoolArray:
    """``(N,)`` whether each trajectory is one that a simulator made.

    Args:
        demos: any demonstrations.
    """
    if LABEL not in demos.labels:
        return np.zeros(len(demos), dtype=bool)
    return np.array([bool(str(text)) for text in demos.labels[LABEL]], dtype=bool)
