"""A world with something forbidden, and which somethings there are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.typing import BoolArray

__all__ = ["Constraint", "forbid", "possible_constraints"]


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """Something that is never done.

    Attributes:
        kind: ``"state-action"``, ``"action"`` (anywhere) or ``"state"`` (never entered).
        state: index, or None for an action anywhere.
        action: index, or None for a state.
    """

    kind: str
    state: int | None = None
    action: int | None = None

    def words(self, world: TabularMDP | FiniteHorizonMDP) -> str:
        """``never hold in state 4``, with the labels of the world where it has them."""
        action = "" if self.action is None else _label(world.action_labels, self.action)
        state = "" if self.state is None else _label(world.state_labels, self.state)
        if self.kind == "action":
            return f"never {action}"
        return f"never enter state {state}" if self.kind == "state" else f"never {action} in state {state}"

    def pairs(self, world: TabularMDP | FiniteHorizonMDP) -> BoolArray:
        """``(S, A)`` pairs that it forbids directly."""
        out = np.zeros((world.n_states, world.n_actions), dtype=bool)
        if self.kind == "state":
            column = np.zeros(world.n_states)
            column[self.state] = 1.0
            return np.asarray(world.transition @ column > 0).reshape(out.shape)
        out[slice(None) if self.state is None else self.state, self.action] = True
        return out


def possible_constraints(world: TabularMDP | FiniteHorizonMDP, kinds: tuple[str, ...]) -> list[Constraint]:
    """Every constraint of these kinds that would forbid something and leaves a choice."""
    out = []
    allowed = world.availability
    if "state-action" in kinds:
        choice = allowed & (allowed.sum(axis=1, keepdims=True) > 1)
        out += [Constraint(kind="state-action", state=int(s), action=int(a)) for s, a in np.argwhere(choice)]
    if "action" in kinds:
        out += [Constraint(kind="action", action=int(a)) for a in np.flatnonzero(allowed.any(axis=0))]
    if "state" in kinds:
        entered = np.unique(world.transition.indices)
        out += [Constraint(kind="state", state=int(s)) for s in entered]
    return out


def forbid(
    world: TabularMDP | FiniteHorizonMDP, forbidden: BoolArray
) -> tuple[TabularMDP | FiniteHorizonMDP, BoolArray]:
    """The world without some pairs, and ``(S, A)`` which pairs may still be chosen.

    What may lead to a state where nothing is allowed is forbidden too, and so on. States that are lost so keep their
    actions in the world, for nothing that is allowed leads to them, but no pair of theirs is in the second answer.
    """
    absorbing = getattr(world, "absorbing", None)
    ends = np.zeros(world.n_states, dtype=bool) if absorbing is None else absorbing
    allowed = world.availability & ~forbidden
    while True:
        lost = ~allowed.any(axis=1) & ~ends
        leads = np.asarray(world.transition @ lost.astype(np.float64) > 0).reshape(allowed.shape)
        if not np.any(allowed & leads):
            break
        allowed = allowed & ~leads
    kept = allowed | (world.availability & lost[:, None])
    return replace(world, available=kept), allowed


def _label(labels: tuple[str, ...], index: int) -> str:
    return labels[index] if labels else str(index)
