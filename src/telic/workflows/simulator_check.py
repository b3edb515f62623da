"""What a simulator made from a project's log is worth: part of ``check``, and what later claims rest on.

Two thirds of the trajectories make the simulator and the cloned policy, the others judge it. Nothing is made where no
observation is declared exogenous (``affected_by_action: false``) or none answers to the action.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.contract import TaskContract
from telic.errors import DynamicsError
from telic.evaluation.fidelity import Fidelity, fidelity
from telic.inference.wording import format_interval
from telic.mdp import StateSpace, estimate_dynamics
from telic.mdp.trace_simulator import TraceSimulator
from telic.reports import Table
from telic.trajectories import Demonstrations
from telic.trajectories.splits import split_by_trajectory
from telic.typing import FloatArray

from .page_parts import Item

__all__ = ["VERDICTS", "cloned_policy", "simulator_items", "simulator_of_log"]

HELD_OUT = 1 / 3
"""Share of the trajectories that judge the simulator."""

MOST_STATES = 20_000
"""States beyond which no simulator is made here: the law of what responds is kept for every pair of them."""

MOST_JUDGED = 50_000
"""Held-out decisions that are replayed; of more, whole trajectories are picked."""

VERDICTS = {
    "faithful": "A simulator that replays what nobody controls and answers as the log did imitates it well enough.",
    "unfaithful": "A simulator made from this log does not imitate it: no claim should rest on one.",
    "open": "Whether a simulator made from this log imitates it cannot be told from so few trajectories.",
}


def simulator_of_log(contract: TaskContract, space: StateSpace, demos: Demonstrations) -> Fidelity | str:
    """How well a simulator imitates held-out trajectories; a sentence where none can be made.

    Args:
        contract: key of the split, smoothing.
        space: the states.
        demos: with states of the space.
    """
    if space.n_states > MOST_STATES:
        return f"No simulator was made: {space.n_states:,} states are more than {MOST_STATES:,}."
    train, held_out = split_by_trajectory(demos, held_out=HELD_OUT, key=contract.data.key)
    if not train.n_decisions or not np.any(held_out.require_states()[1] >= 0):
        return "No simulator was made: there are too few trajectories to judge one by."
    world = estimate_dynamics(
        train,
        space,
        discount=0.0,
        n_actions=len(contract.actions.values),
        smoothing=contract.dynamics.smoothing,
        exogeneity_level=None,
        environment=contract.dynamics.environment,
    ).mdp
    try:
        simulator = TraceSimulator(world=world, space=space)
    except DynamicsError as error:
        return f"No simulator was made. {error.message} {error.hint}"
    held_out = _some(held_out, contract.data.key)
    return fidelity(
        simulator,
        train,
        held_out,
        cloned_policy(train, world.n_states),
        _measured(space),
        key=contract.data.key,
    )


def simulator_items(told: Mapping[str, Any] | str | None) -> list[Item]:
    """The verdict and the numbers behind it.

    Args:
        told: JSON form of a ``Fidelity``, or why there is none; None: it was not asked for.
    """
    if told is None:
        return []
    if isinstance(told, str):
        return [told]
    items: list[Item] = [VERDICTS[told["verdict"]]]
    step, gain = told["one_step"], told["gain"]
    items.append(
        f"One decision ahead, the log probability of what followed is {_with_ends(step)} nats a decision,"
        f" {_with_ends(gain)} more than under a law that knows neither the action nor what nobody controls"
        + (
            f"; {told['unforeseen']:.1%} of what followed it thinks impossible."
            if told["unforeseen"] > 0
            else "."
        )
    )
    if told["differences"]:
        items.append(
            Table(
                title="In closed loop: replayed trajectories beside the logged ones",
                columns=(
                    "quantity",
                    "of it",
                    "logged",
                    "simulated",
                    "difference",
                    "lower",
                    "upper",
                    "verdict",
                ),
                rows=tuple(
                    (
                        d["quantity"],
                        d["part"],
                        d["logged"],
                        d["simulated"],
                        d["difference"],
                        *(d["interval"] or (None, None)),
                        d["verdict"],
                    )
                    for d in told["differences"]
                ),
                note="The cloned policy decides. Differences are in standard deviations of the log (variances for"
                f" spread and persistence); margin {told['margin']:g}; the intervals hold together with 95 %.",
                digits=3,
            )
        )
    recalled = [m for m in told["memory"] if m["verdict"] != "faithful"]
    if recalled:
        items.append(
            Table(
                title="What the simulator forgets, and may matter",
                columns=("what comes next of", "is foretold by", "correlation", "lower", "upper", "verdict"),
                rows=tuple(
                    (m["quantity"], m["known"], m["value"], *(m["interval"] or (None, None)), m["verdict"])
                    for m in recalled
                ),
                note="Among decisions with the same state and action.",
                digits=2,
            )
        )
    return items


def _some(demos: Demonstrations, key: int) -> Demonstrations:
    """Trajectories picked at random until there are enough decisions; all where there are not too many."""
    if demos.n_decisions <= MOST_JUDGED:
        return demos
    order = np.random.default_rng(key).permutation(demos.n_trajectories)
    lengths = np.diff(demos.offsets)[order]
    kept = order[: 1 + int(np.searchsorted(np.cumsum(lengths), MOST_JUDGED))]
    return demos.select(np.sort(kept))


def cloned_policy(train: Demonstrations, n_states: int) -> FloatArray:
    """``(S, A)`` shares of the actions in each state, with one decision's worth of what is usual.

    Args:
        train: decisions with states.
        n_states: S.
    """
    counts = np.zeros((n_states, train.n_actions))
    np.add.at(counts, (train.require_states()[0], train.actions), 1.0)
    usual = (counts.sum(axis=0) + 1e-9) / (counts.sum() + 1e-9 * train.n_actions)
    return np.asarray((counts + usual) / (counts.sum(axis=1, keepdims=True) + 1.0))


def _measured(space: StateSpace) -> dict[str, FloatArray]:
    """Name to ``(S,)`` values of each observation that answers to the action; a category by its code."""
    found = {}
    for axis in space.axes:
        if axis.is_exogenous:
            continue
        values = np.asarray(space.cells[axis.name])
        if values.dtype.kind not in "biuf":
            values = np.unique(values, return_inverse=True)[1].ravel()
        found[axis.name] = values.astype(np.float64)
    return found


def _with_ends(mean: Mapping[str, Any]) -> str:
    if mean["interval"] is None:
        return f"{mean['value']:+.3g}"
    value, low, high = format_interval(mean["value"], *mean["interval"])
    return f"{value} [{low}, {high}]"
