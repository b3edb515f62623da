"""Several environments with one reward: where each trajectory happened, and what each environment can tell.

The contract names the observation that says where a trajectory happened (``dynamics.environment``). It is part
of the state and never changes, so the estimated world is one world for each environment, side by side, and its
likelihood is the sum of theirs: whatever judges a decision judges it by the policy of its own environment.
What is left to do here is to take the world apart again, and to ask each part what it could tell alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.features import FeatureMap
from telic.inference.identifiability import Identifiability, identifiability
from telic.mdp import FiniteHorizonMDP, StateSpace, TabularMDP
from telic.typing import IntArray, LongArray

from .page_parts import sentence_case

if TYPE_CHECKING:
    from .problem import Problem

__all__ = [
    "Environment",
    "environment_of_trajectories",
    "environments_of",
    "told_at_two_discounts",
    "told_by_each",
    "words_at_two_discounts",
    "words_of_each",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Environment:
    """One environment.

    Attributes:
        label: in words, for example ``season winter``.
        states: ``(S_e,)`` its states, the absorbing end included.
    """

    label: str
    states: LongArray


def environments_of(space: StateSpace, name: str | None) -> tuple[Environment, ...]:
    """The environments that an observation tells apart; none where it is None.

    Args:
        space: the states.
        name: of the observation.
    """
    if name is None:
        return ()
    cells, axis = space.cell_along(name), space.axes[space.names.index(name)]
    return tuple(
        Environment(label=axis.label(c), states=np.flatnonzero((cells == c) | (cells < 0)))
        for c in range(axis.n_cells)
    )


def environment_of_trajectories(
    space: StateSpace, name: str | None, states: IntArray, offsets: LongArray
) -> LongArray:
    """``(N,)`` number of the environment of every trajectory: 0 where there is one, or no decision.

    Args:
        space: the states.
        name: of the observation that tells environments apart, or None.
        states: ``(n,)`` state of every decision.
        offsets: ``(N + 1,)`` starts of trajectories.
    """
    found = np.zeros(len(offsets) - 1, dtype=np.int64)
    if name is not None:
        some = np.diff(offsets) > 0
        found[some] = space.cell_along(name)[states[offsets[:-1][some]]]
    return found


def told_by_each(problem: Problem) -> Identifiability | None:
    """What choices in each environment tell alone, and all of them together; None where there is one.

    Args:
        problem: as posed.
    """
    parts = problem.environments
    if len(parts) < 2:
        return None
    return identifiability(
        [_world_on(problem.world, part.states) for part in parts],
        [_features_on(problem.features, part.states) for part in parts],
        labels=[part.label for part in parts],
    )


def told_at_two_discounts(problem: Problem, other: float) -> Identifiability:
    """What choices could tell if the same people also decided at another discount.

    Args:
        problem: as posed.
        other: the second discount.
    """
    return identifiability(problem.world, problem.features, discounts=[problem.world.discount, other])


def words_at_two_discounts(found: Identifiability, other: float) -> str:
    """By how much a second discount would lower the number of directions that no choice tells.

    Args:
        found: of ``told_at_two_discounts``.
        other: the second discount.
    """
    left = found.steps[0].nullity - found.steps[-1].removed
    if not found.steps[-1].removed:
        return f"Decisions of the same people at another discount ({other:g}) would tell no more."
    return (
        f"Decisions of the same people at another discount ({other:g}) as well would leave {_directions(left)}"
        f" untold, instead of {found.steps[0].nullity}."
    )


def words_of_each(name: str, found: Identifiability) -> list[str]:
    """What each environment tells and what all together, in the words of the features.

    Args:
        name: of the observation that tells environments apart.
        found: of ``told_by_each``.
    """
    blind = [len(found.names) - step.rank_alone for step in found.steps]
    if not any(blind):
        return [f"Each value of {name} alone can tell every weight."]
    words = [
        f"{step.label} alone leaves {_directions(n)} of the weights untold. {' '.join(step.words)}".strip()
        for step, n in zip(found.steps, blind, strict=True)
    ]
    both = "both" if len(blind) == 2 else f"all {len(blind)}"
    words.append(
        f"{both} values of {name} together leave {_directions(found.nullity)} untold; the best of them alone leaves"
        f" {_directions(min(blind))}."
    )
    return [sentence_case(sentence) for sentence in words]


def _directions(count: int) -> str:
    return f"{count or 'no'} direction{'' if count == 1 else 's'}"


def _world_on(world: TabularMDP | FiniteHorizonMDP, states: LongArray) -> TabularMDP | FiniteHorizonMDP:
    """The world of some states that nothing leads out of."""
    A = world.n_actions
    rows = (states[:, None] * A + np.arange(A)).ravel()
    parts: dict[str, Any] = {
        "transition": world.transition[rows][:, states],
        "initial": None,
        "available": None if world.available is None else world.available[states],
        "state_labels": tuple(world.state_labels[i] for i in states) if world.state_labels else (),
    }
    if isinstance(world, TabularMDP):
        absorbing = None if world.absorbing is None else world.absorbing[states]
        return replace(world, **parts, absorbing=absorbing)
    return replace(world, **parts)


def _features_on(features: FeatureMap, states: LongArray) -> FeatureMap:
    """The features of some states; those of a contract are dense."""
    return replace(features, values=np.asarray(features.values)[states])
