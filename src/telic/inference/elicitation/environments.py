"""The best environment to watch the expert in next: other dynamics, another discount, other places to be.

Weights that no decision of one world tells apart may show in another (Amin and Singh 2016; Cao and others 2021): what
to change is ranked by what the decisions there would tell.

References: Amin and Singh (2016), arXiv:1601.06569; Cao, Cohen and Szpruch (2021), Identifiability in inverse
reinforcement learning, NeurIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, FeatureError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.reports import Finding
from telic.typing import FloatArray

from .at_stake import AtStake
from .belief import WeightBelief
from .demonstrations import N_DRAWS, check_steps, effect_of, unanswered, unsolved
from .information import sampling_error
from .questions import EnvironmentQuestion
from .ranking import LEAST_GAIN, QuestionRanking, check_settings, rank
from .rollouts import RolloutGain, picked_draws, rollout_gain, soft_policies

__all__ = ["Environment", "rank_environments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Environment:
    """A world in which the expert could be watched.

    Attributes:
        name: in words that a person understands: "the same shift with a slower network".
        mdp: dynamics and discount.
        features: the same features of the reward, in this world.
        initial: ``(S,)`` distribution of the first state; None: that of the world.
    """

    name: str
    mdp: TabularMDP
    features: FeatureMap
    initial: Float[np.ndarray, "S"] | None = None

    @property
    def start(self) -> FloatArray:
        """``(S,)`` distribution of the first state.

        Raises:
            DataError: neither the environment nor its world has one, or it is no distribution.
        """
        start = self.mdp.initial if self.initial is None else self.initial
        if start is None:
            raise DataError(
                f"Environment {self.name!r} does not say where it starts.",
                hint="Give `initial`, the distribution of the first state.",
            )
        if len(start) != self.mdp.n_states or not np.all(start >= 0) or not abs(start.sum() - 1.0) < 1e-9:
            raise DataError(
                f"`initial` of environment {self.name!r} must be a distribution of its {self.mdp.n_states} states, got "
                f"{len(start)} numbers that sum to {float(start.sum()):.6g}.",
                hint="No negative numbers, and a sum of 1.",
            )
        return np.asarray(start)


def rank_environments(
    belief: WeightBelief,
    environments: Sequence[Environment],
    *,
    steps: int = 10,
    rationality: float | int = 1.0,
    top: int = 5,
    least_gain: float | int = LEAST_GAIN,
    n_draws: int = N_DRAWS,
    key: int = 0,
    at_stake: AtStake | None = None,
) -> QuestionRanking:
    """The environments in which watching the expert is expected to tell most.

    Args:
        belief: draws or grid.
        environments: that could be set up; the present one among them is the yardstick.
        steps: decisions to be watched in each.
        rationality: of the expert.
        top: questions to keep.
        least_gain: nats under which a change is not worth making.
        n_draws: for which the forward problems are solved.
        key: of the random numbers.
        at_stake: claims and trade-offs to say for each question what it would settle or narrow.

    Returns:
        The ranking; an environment in which some draw has no soft policy is left out and named in the findings.

    Raises:
        DataError: there is no environment, or one does not say where it starts.
        FeatureError: an environment has other features.
        NumericalError: the draws are used up.
        SettingsError: a setting is out of range.
    """
    check_settings(top, least_gain, rationality)
    check_steps(steps)
    if not environments:
        raise DataError(
            "There are no environments to ask about: the pool is empty.",
            hint="Give the present one and at least one changed one.",
        )
    for each in environments:
        if each.features.names != belief.names:
            raise FeatureError(
                f"Environment {each.name!r} has the features {', '.join(each.features.names)}, the belief is over "
                f"{', '.join(belief.names)}.",
                hint="Make the features of every environment from one list.",
            )
    starts = [each.start for each in environments]
    weights = picked_draws(belief, n_draws, key)
    is_exact = belief.is_exact and weights is belief.weights
    quantities = None if at_stake is None else at_stake.values(weights)
    found: list[tuple[Environment, RolloutGain]] = []
    notes: list[Finding] = []
    outcome = None
    for each, start in zip(environments, starts, strict=True):
        log_policies, outcome = soft_policies(each.mdp, each.features, weights, rationality)
        if outcome.ok:
            gain = rollout_gain(
                each.mdp, log_policies, start, steps, key=key + 1, is_exact=is_exact, quantities=quantities
            )
            found.append((each, gain))
        else:
            notes.append(unsolved(f"environment {each.name!r}", outcome))
    if not found:
        assert outcome is not None
        return unanswered("environment", outcome, len(environments), least_gain, "any environment")
    found.sort(key=lambda pair: -float(pair[1].lower.mean()))
    lower = np.stack([gain.lower for _, gain in found])
    upper = np.maximum([gain.upper.mean() for _, gain in found], lower.mean(axis=1))
    errors = sampling_error(lower, belief, len(weights))

    def make(i: int) -> EnvironmentQuestion:
        name = found[i][0].name
        return EnvironmentQuestion(
            words=f"Let us watch you in {name}, for {steps} decision{'s' * (steps > 1)}.",
            gain=float(max(lower[i].mean(), 0.0)),
            standard_error=float(errors[i]),
            highest_gain=float(max(upper[i], 0.0)),
            environment=name,
            steps=steps,
            **effect_of(found[i][1], belief, weights, at_stake),
        )

    return rank(
        "environment",
        belief,
        lower,
        errors,
        make,
        n_candidates=len(environments),
        top=top,
        least_gain=least_gain,
        n_used=len(weights),
        highest=upper,
        findings=notes,
    )
