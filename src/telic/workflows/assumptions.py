"""What a result takes for granted, in sentences: the page lists it, and every number that was held stands by.

An inferred reward is the reward of a model: that people choose softly and look ahead as assumed, that the
state holds what they look at, that the features hold what they care about. Where a part of that was tested or
varied, the sentence says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import join_words
from telic.rewards import RewardEstimate

from .fit import Fit
from .problem import Problem

__all__ = ["assumptions_of", "held_words"]

PENALTY_WORDS = {"l2": "squared penalty", "l1": "absolute penalty"}


def held_words(fixed: Mapping[str, Any]) -> str:
    """``discount 0.95 and rationality 1``: what was held fixed in the fit.

    Args:
        fixed: ``RewardEstimate.fixed_by_assumption``.
    """
    return join_words(
        [
            f"{PENALTY_WORDS.get(name, name)} {f'{value:.6g}' if isinstance(value, int | float) else value}"
            for name, value in fixed.items()
        ]
    )


def assumptions_of(problem: Problem, fit: Fit, *, is_profiled: bool, open_actions: str) -> list[str]:
    """What the result takes for granted, one sentence or two each.

    Args:
        problem: as posed.
        fit: of all together.
        is_profiled: the trade-offs were fitted again under other discounts and resolutions.
        open_actions: that every action could be taken, and whether it was tested.
    """
    contract, estimate = problem.contract, fit.estimate
    fixed = estimate.fixed_by_assumption
    horizon = contract.timing.horizon
    looked = " The trade-offs under other discounts are further down." if is_profiled else ""
    ahead = f" and look {horizon:,} decisions ahead" if horizon is not None else ""
    discount = f"{problem.world.discount:g}"
    found = [
        f"People choose softly: the better an action in the long run, the likelier, with one rationality"
        f" ({estimate.gauge.rationality:g}) everywhere{ahead}, and what comes one decision later"
        f" counts {discount} times as much. Both are fixed by assumption, not estimated.{looked}",
        f"What they care about is a weighted sum of these features: {join_words(list(estimate.names))}. What is not"
        " among them is put down to those that move with it.",
        f"What they look at is the state ({join_words([axis.name for axis in problem.space.axes])}), cut into"
        f" {problem.space.n_states:,} cells; a test of it stands under the choices.",
        "They know how the world answers, and it answers as the fitted part of the log shows, at all times alike"
        f" (smoothing, in decisions for each pair of state and action: {contract.dynamics.smoothing:g}).",
        open_actions,
        _independence(fit),
    ]
    environment = contract.dynamics.environment
    if environment is not None:
        found.append(
            f"The reward is the same in every {environment}; how the world answers was estimated for each by itself,"
            f" and nobody chooses the {environment}."
        )
    if len(problem.train.demonstrator_names) > 1:
        found.append(
            "All together are described by one reward; where people differ, that is a mixture of theirs."
        )
    if estimate.penalties:
        found.append(_penalty(estimate, fixed))
    return found


def _independence(fit: Fit) -> str:
    each = "Each interval stands for itself; they are not widened for being many."
    if fit.error_kind == "sandwich_clustered":
        return f"Trajectories are independent of each other; decisions of one trajectory need not be. {each}"
    if fit.error_kind:
        return f"Decisions are independent of each other given their states, also those of one trajectory. {each}"
    return "There are no standard errors, so nothing is said about chance."


def _penalty(estimate: RewardEstimate, fixed: Mapping[str, Any]) -> str:
    which = join_words([f"{PENALTY_WORDS[name]} {fixed[name]:g}" for name in estimate.penalties])
    return f"Weights are pulled towards zero ({which}); standard errors and intervals leave out that bias."
