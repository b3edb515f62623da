"""Maximum causal entropy inverse reinforcement learning, as exact maximum likelihood of every decision.

The expert maximises expected reward plus ``1 / rationality`` times the causal entropy of the policy; then
``pi(a|s) = exp(beta (Q(s,a) - V(s)))`` with the soft Bellman equation, and the log-likelihood of the
decisions is a smooth function of the reward weights. This maximises it by Newton's method with exact
derivatives, in discounted, finite-horizon and goal-conditioned worlds.

The classic algorithm matches feature counts of demonstrations and model. On sampled data under stochastic
dynamics that difference is not the score of the likelihood (it is so only in expectation), so it is not
used here.

References: Ziebart, Bagnell and Dey (2010), ICML, for the principle and the soft Bellman equations; Rust
(1987), Econometrica 55, for the same likelihood as dynamic discrete choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telic.features import FeatureMap
from telic.inference.driver import FitProgress, fit_likelihood
from telic.inference.likelihood import ChoiceLikelihood, choice_likelihood
from telic.inference.settings import FitSettings
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

__all__ = ["MaxCausalEntropySettings", "max_causal_entropy"]

MaxCausalEntropySettings = FitSettings
"""Settings of this method; those of any fit by likelihood."""


def max_causal_entropy(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    settings: FitSettings | None = None,
    transition_log_likelihood: float | None = None,
    solver_state: Mapping[str, Any] | None = None,
    checkpoint: Callable[[Mapping[str, Any]], None] | None = None,
    progress: Callable[[FitProgress], bool | None] | None = None,
) -> RewardEstimate:
    """The reward weights under which the demonstrated decisions are most likely.

    Args:
        demos: decisions with states; with ``goals`` for a goal-conditioned world.
        world: the dynamics; its type decides the likelihood.
        features: what the reward may depend on.
        settings: penalties, rationality, fixed weights, tolerance.
        transition_log_likelihood: of the dynamics, where they were estimated from the same data.
        solver_state: of an interrupted fit, to go on from.
        checkpoint: called with the solver state every few steps.
        progress: called at every step; returning False interrupts the fit.

    Raises:
        ImpossibleDemonstrationsError: the world gives probability 0 to what was seen.
        SettingsError, FeatureError, DataError: the inputs do not fit each other.

    Example:
        >>> import numpy as np
        >>> stay_or_switch = np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
        >>> world = TabularMDP.from_transition(stay_or_switch, discount=0.9)
        >>> in_one = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")
        >>> demos = Demonstrations.from_arrays([0, 1, 1, 1], [1, 0, 0, 1])
        >>> estimate = max_causal_entropy(demos, world, in_one)
        >>> round(float(estimate.weights[0]), 6)  # logit(3/4) / 0.9
        1.22068
    """
    chosen = settings or FitSettings()
    beta = chosen.rationality if isinstance(chosen.rationality, int | float) else 1.0
    likelihood: ChoiceLikelihood = choice_likelihood(world, features, demos, rationality=float(beta))
    return fit_likelihood(
        likelihood,
        chosen,
        method="max_causal_entropy",
        transition_log_likelihood=transition_log_likelihood,
        solver_state=solver_state,
        checkpoint=checkpoint,
        progress=progress,
    )
