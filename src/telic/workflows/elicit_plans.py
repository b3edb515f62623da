"""Plans that a person can be asked about: parts of the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from telic.errors import DataError
from telic.features import trajectory_features
from telic.inference.elicitation import PlanPool
from telic.trajectories import cut_segments

from .problem import Problem

if TYPE_CHECKING:
    from .elicit import ElicitSettings

__all__ = ["plans_of_log"]


def plans_of_log(problem: Problem, settings: ElicitSettings) -> PlanPool:
    """Stretches of the log, all of the same number of decisions, picked at random without overlap.

    Args:
        problem: decisions with states, and features.
        settings: decisions of a plan, number of plans, random key.

    Raises:
        DataError: no trajectory has so many decisions, or one plan only can be cut.
        FeatureError: all plans collect the same.
    """
    demos, steps = problem.train, settings.steps
    parts = np.diff(demos.offsets) // steps
    which = np.repeat(np.arange(demos.n_trajectories), parts)
    if not len(which):
        longest = int(np.diff(demos.offsets).max(initial=0))
        raise DataError(
            f"No trajectory has {steps} decisions; the longest has {longest}.",
            hint=f"Compare shorter plans: steps of {longest} or less.",
        )
    starts = steps * (np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts))
    rng = np.random.default_rng(settings.key)
    picked = np.sort(rng.permutation(len(which))[: settings.n_plans])
    plans = cut_segments(demos, which[picked], starts[picked], starts[picked] + steps)
    return PlanPool(
        amounts=trajectory_features(problem.features, replace(plans, weights=None)),
        names=problem.features.names,
        units=problem.features.units,
        labels=tuple(str(name) for name in np.asarray(plans.trajectory_ids).tolist()),
    )
