"""Plans that a person can be asked about: stretches of the log, or trajectories simulated in the estimated world.

What no choice in this world tells (a feature that is the same whatever is done) is held alike in all plans: a question
about it would tell much, and none of it would matter to any decision here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic._core.hashing import digest_json
from telic.errors import DataError, NumericalError, SettingsError
from telic.features import trajectory_features
from telic.inference.elicitation import PlanPool, WeightBelief
from telic.inference.elicitation.rollouts import picked_draws, soft_policies
from telic.inference.wording import join_words, quantity
from telic.mdp import TabularMDP
from telic.planning import simulate
from telic.reports.numbers import format_number
from telic.trajectories import Demonstrations, cut_segments
from telic.typing import FloatArray

from .elicit_belief import Believed
from .elicit_settings import ElicitSettings
from .problem import Problem

__all__ = ["plan_amounts", "plan_digest", "plan_pool", "usual_steps"]

USUAL_STEPS = 10
"""Decisions of a plan where trajectories are longer: what a person can still weigh up."""

MOST_DIGITS = 9


def plan_pool(
    problem: Problem, found: Believed, settings: ElicitSettings, steps: int, belief: WeightBelief
) -> PlanPool:
    """The plans that pairs are made of.

    Args:
        problem: decisions with states, world and features.
        found: what no choice tells.
        settings: where plans come from, how many, random key.
        steps: decisions of a plan.
        belief: after the answers.

    Raises:
        DataError: one plan only can be made.
        FeatureError: all plans collect the same.
        SettingsError: plans cannot be simulated in this world.
    """
    plans = _simulated(problem, belief, settings, steps) if settings.plans == "simulated" else None
    if plans is None:
        plans = _of_log(problem.train, settings, steps)
    amounts = trajectory_features(problem.features, replace(plans, weights=None))
    for k, name in enumerate(problem.features.names):
        if name in found.untold:
            amounts[:, k] = amounts[:, k].mean()
    labels = tuple(str(name) for name in np.asarray(plans.trajectory_ids).tolist())
    return PlanPool(
        amounts=amounts, names=problem.features.names, units=problem.features.units, labels=labels
    )


def usual_steps(problem: Problem) -> int:
    """Decisions of a plan where none are stated: 10, or fewer where half of the trajectories have fewer."""
    return min(USUAL_STEPS, max(1, int(np.median(np.diff(problem.train.offsets)))))


def plan_amounts(
    pair: FloatArray, names: Sequence[str], units: Sequence[str], alike: Sequence[str]
) -> tuple[str, str]:
    """Two plans in words, by the features in which they differ: ``12 minutes over the SLO and 3 changes``.

    Args:
        pair: ``(2, K)`` amounts of the first and the second.
        names: of the features.
        units: of the features, "" where there is none.
        alike: features that are left out.
    """
    told: tuple[list[str], list[str]] = ([], [])
    for k, name in enumerate(names):
        first, second = pair[:, k].tolist()
        if name in alike or first == second:
            continue
        digits = 3
        while digits < MOST_DIGITS and float(f"{first:.{digits}g}") == float(f"{second:.{digits}g}"):
            digits += 1
        for side, amount in zip(told, (first, second), strict=True):
            side.append(_amount(format_number(amount, digits=digits), name, units[k], list(units)))
    return join_words(told[0]), join_words(told[1])


def plan_digest(amounts: FloatArray, names: Sequence[str], units: Sequence[str]) -> str:
    """The digest of what a plan collects: the same plan in another run has the same.

    Args:
        amounts: ``(K,)`` of the features.
        names: of the features.
        units: of the features.
    """
    return digest_json(
        {"names": list(names), "units": list(units), "amounts": [float(f"{a:.10g}") for a in amounts]}
    )


def _amount(text: str, name: str, unit: str, units: list[str]) -> str:
    """A number with the unit of its feature, or with its name where the unit is that of others too, or none."""
    if unit and units.count(unit) == 1:
        return quantity(text, unit, is_one=text == "1")
    return f"{name} {quantity(text, unit, is_one=text == '1') if unit else text}"


def _of_log(demos: Demonstrations, settings: ElicitSettings, steps: int) -> Demonstrations:
    """Stretches of the log picked at random; they may overlap."""
    parts = np.maximum(np.diff(demos.offsets) - steps + 1, 0)
    if parts.sum() < 2:
        longest = int(np.diff(demos.offsets).max(initial=0))
        raise DataError(
            f"Plans of {steps} decisions cannot be cut from {demos.n_trajectories:,} trajectories, the longest of which"
            f" has {longest}.",
            hint="Compare shorter plans (--steps), or simulated ones (--plans simulated).",
        )
    which = np.repeat(np.arange(demos.n_trajectories), parts)
    starts = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)
    rng = np.random.default_rng(settings.key)
    picked = np.sort(rng.permutation(len(which))[: settings.n_plans])
    return cut_segments(demos, which[picked], starts[picked], starts[picked] + steps)


def _simulated(
    problem: Problem, belief: WeightBelief, settings: ElicitSettings, steps: int
) -> Demonstrations:
    """One trajectory of the soft policy of each of some draws, from the starts of the log."""
    world = problem.world
    if not isinstance(world, TabularMDP):
        raise SettingsError(
            "Plans are simulated in a discounted world; this contract has a horizon.",
            hint="Compare plans of the log (--plans log).",
        )
    weights = picked_draws(belief, settings.n_plans, settings.key)[: settings.n_plans]
    policies, outcome = soft_policies(world, problem.features, weights, settings.rationality)
    if not outcome.ok:
        raise NumericalError(
            f"Some draw of the weights has no soft policy in this world ({outcome.label}).",
            hint="Compare plans of the log (--plans log).",
            outcome=outcome.label,
        )
    runs = [
        simulate(world, np.exp(policy), 1, steps, key=settings.key + i) for i, policy in enumerate(policies)
    ]
    return Demonstrations.from_arrays(
        np.concatenate([d.require_states()[0] for d in runs]),
        np.concatenate([d.actions for d in runs]),
        next_states=np.concatenate([d.require_states()[1] for d in runs]),
        offsets=np.concatenate([[0], np.cumsum([d.n_decisions for d in runs])]),
        action_labels=world.action_labels or None,
        trajectory_ids=[f"simulated {i + 1}" for i in range(len(runs))],
    )
