"""The decisions in a tabular world as choices among listed actions, linear in the weights around a fit.

Around fitted weights ``theta_0`` an action is worth ``Q(s, a; theta) = Q_0 + D (theta - theta_0)`` up to a number
common to the state, with ``D_k = dQ/dtheta_k - dV/dtheta_k``. So its features are ``beta D`` and the rest is known.
Scores at ``theta_0`` are those of the fit itself, so the fit is the maximum of these choices too. What later decisions
are worth is taken as fitted: that actions will be out of reach later changes the values too, and is left out.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.planning import policy_system, solve_soft
from telic.rewards import RewardEstimate
from telic.trajectories import ChoiceSets, Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, IntArray, LongArray

from .likelihood.design import Design
from .likelihood.stationary import difference_blocks

__all__ = ["listed_choices", "listed_rows"]

IDENTITIES = ("action", "state-action")
"""What counts as the same option listed again."""


def listed_choices(
    demos: Demonstrations,
    world: TabularMDP,
    features: FeatureMap,
    estimate: RewardEstimate,
    *,
    identity: str = "action",
) -> ChoiceSets:
    """Every decision with the actions that the world lists in its state, of them those that were offered.

    Args:
        demos: decisions with states; with ``offered``, an action that was not offered is not listed.
        world: the dynamics; ``available`` says which actions are listed.
        features: of the estimate.
        estimate: the fit around which values are linear.
        identity: ``"action"``: one that is out of reach is so in every state; ``"state-action"``: in one state.

    Raises:
        DataError: there are no states, or decisions have weights.
        SettingsError: the estimate is no answer, has other features, or there is no such identity.
    """
    if identity not in IDENTITIES:
        raise SettingsError(
            f"`identity` must be one of {', '.join(IDENTITIES)}, got {identity!r}.",
            hint="`action`: an action out of reach is so in every state.",
        )
    if not estimate.outcome.ok or estimate.names != features.names:
        raise SettingsError(
            f"A converged fit of {', '.join(features.names)} is needed, got {estimate.outcome.label} of "
            f"{', '.join(estimate.names)}.",
            hint="Give the estimate that was fitted with these features.",
        )
    if demos.weights is not None:
        raise DataError(
            "Decisions have weights; whether an option was passed over is asked of decisions as they were.",
            hint="Give the demonstrations without weights.",
        )
    states, _ = demos.require_states()
    beta = float(estimate.gauge.rationality)
    design = Design(features=features, n_states=world.n_states, n_actions=world.n_actions)
    solution = solve_soft(
        world, design.reward(estimate.weights), rationality=beta, tolerance=1e-12, throw=True
    )
    pi = np.exp(solution.log_policy)
    V = policy_system(world, pi).report(design.average(pi)).x
    D = np.empty((world.n_states * world.n_actions, design.n_weights))
    for start, stop, block in difference_blocks(design, world.transition, float(world.discount), V, V):
        D[start:stop] = beta * block
    known = np.where(world.availability.ravel(), solution.log_policy.ravel(), 0.0) - D @ estimate.weights
    state, action, sizes, chosen = _rows(_listed(demos, world), demos.actions, states)
    cells = state * world.n_actions + action
    trajectory = demos.trajectory_index
    return ChoiceSets.from_arrays(
        D[cells],
        sizes,
        chosen,
        names=features.names,
        options=action if identity == "action" else cells,
        units=source_index(demos)[trajectory],
        demonstrators=np.array(demos.demonstrator_names)[demos.demonstrators[trajectory]].tolist(),
        known_value=known[cells],
    )


def listed_rows(
    demos: Demonstrations, world: TabularMDP, table: Float[np.ndarray, "S A"]
) -> Float[np.ndarray, "m"]:
    """The entry of a table for every row of ``listed_choices``.

    With the share of visits in which an action was counted as available, this is what ``fit_random_subsets`` asks for.

    Args:
        demos: decisions with states.
        world: which actions are listed.
        table: a number for every state and action.

    Raises:
        DataError: there are no states, or the table has another shape.
    """
    if table.shape != (world.n_states, world.n_actions):
        raise DataError(
            f"`table` must be (states, actions) = {(world.n_states, world.n_actions)}, got {table.shape}.",
            hint="One number for every state and action, also where it is never listed.",
        )
    states, _ = demos.require_states()
    state, action, _, _ = _rows(_listed(demos, world), demos.actions, states)
    return np.asarray(table[state, action], dtype=np.float64)


def _listed(demos: Demonstrations, world: TabularMDP) -> BoolArray:
    """``(n, A)`` which actions each decision lists."""
    may = world.availability[demos.require_states()[0]]
    return may if demos.offered is None else may & demos.offered


def _rows(
    may: BoolArray, actions: IntArray, states: IntArray
) -> tuple[LongArray, LongArray, LongArray, LongArray]:
    """State and action of every row, options of every decision, and the place of what was taken."""
    decision, action = np.nonzero(may)
    before = np.cumsum(may, axis=1) - 1
    return states[decision].astype(np.int64), action, may.sum(axis=1), before[np.arange(len(states)), actions]
