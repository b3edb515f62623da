"""How uncertain weights are because the dynamics were estimated, beside being uncertain for few choices.

Standard errors of a choice likelihood hold the transition probabilities fixed. Where those come from the same
log, the weights inherit their error. With A minus the Hessian of the choice log-likelihood and g(P) its score
at the fitted weights under dynamics P, a small change of the dynamics moves the optimum by A^-1 g(P), so over
re-estimates P_1 ... P_B of the dynamics (for example from resampled trajectories)

    V = A^-1 Cov_b(g(P_b)) A^-1

is the part that estimated dynamics add. Under a correct model the score of the choices is uncorrelated with
the error of the dynamics (choices are a martingale given the state), so V is added to a covariance of any
kind. One score a re-estimate is needed, never a fit.

References: Murphy and Topel (1985), Journal of Business and Economic Statistics 3, section 3, for two-step
estimates; Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90, for resampling whole
clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .likelihood import choice_likelihood

__all__ = ["DynamicsErrors", "dynamics_errors"]

LEAST_WORLDS = 10
"""Fewer re-estimates give no covariance worth adding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DynamicsErrors:
    """What estimated dynamics add to the spread of the weights.

    Attributes:
        covariance: ``(K, K)`` of the weights, 0 along null directions.
        choice_covariance: the same of what choices depend on (``RewardEstimate.choice_covariances``); another
            matrix only where rationality was estimated.
        n_worlds: re-estimates of the dynamics that went into it.
        n_failed: re-estimates under which the forward problem had no solution.
    """

    covariance: Float[np.ndarray, "K K"]
    choice_covariance: Float[np.ndarray, "K K"]
    n_worlds: int
    n_failed: int

    @property
    def standard_errors(self) -> Float[np.ndarray, "K"]:
        """``(K,)`` square roots of the diagonal."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def added_to(self, estimate: RewardEstimate) -> RewardEstimate:
        """The estimate with this covariance added to each of its kinds that does not include it already."""
        without = [kind for kind in estimate.covariances if kind not in estimate.kinds_with_dynamics]
        return replace(
            estimate,
            covariances={
                kind: C + self.covariance if kind in without else C
                for kind, C in estimate.covariances.items()
            },
            choice_covariances={
                kind: C + self.choice_covariance if kind in without else C
                for kind, C in estimate.choice_covariances.items()
            },
            kinds_with_dynamics=tuple(estimate.covariances),
        )


def dynamics_errors(
    estimate: RewardEstimate,
    demos: Demonstrations,
    features: FeatureMap,
    worlds: Iterable[TabularMDP | FiniteHorizonMDP | GoalConditionedMDP],
    *,
    progress: Callable[[int], None] | None = None,
) -> DynamicsErrors | None:
    """The covariance that re-estimated dynamics add to a fit; None where the fit has no Hessian.

    Args:
        estimate: of the fit, with its ``hessian`` covariance.
        demos: its decisions.
        features: its features.
        worlds: re-estimates of the dynamics, as they would have come out of other logs of the same size.
        progress: called with the number of worlds done.

    Raises:
        SettingsError: there are fewer than 10 worlds.

    References:
        Murphy and Topel (1985), section 3.
    """
    if not estimate.outcome.ok or "hessian" not in estimate.covariances:
        return None
    # Another world need not know every transition that was seen; choices are all that is scored.
    choices = replace(
        demos, next_states=None if demos.next_states is None else np.full_like(demos.next_states, -1)
    )
    scores, failed, value = [], 0, None
    for i, world in enumerate(worlds):
        likelihood = choice_likelihood(world, features, choices, rationality=estimate.gauge.rationality)
        # The value of one re-estimate is close to that of the next; it saves time and changes no answer.
        if value is not None and hasattr(likelihood, "start_from"):
            likelihood.start_from(value)
        evaluation = likelihood.evaluate(estimate.weights, order=1)
        if evaluation.outcome.ok and evaluation.score is not None:
            scores.append(evaluation.score)
        else:
            failed += 1
        value = getattr(likelihood, "warm_start", None)
        if progress is not None:
            progress(i + 1)
    if len(scores) < LEAST_WORLDS:
        raise SettingsError(
            f"At least {LEAST_WORLDS} re-estimated worlds are needed, got {len(scores)} that have a"
            " solution.",
            hint="Resample the trajectories more often.",
        )
    bread = estimate.choice_covariance("hessian")
    bread = np.where(np.isfinite(bread), bread, 0.0)  # a weight that a penalty holds at zero does not move
    moved = np.stack(scores) @ bread
    return DynamicsErrors(
        covariance=_covariance(moved @ _restated(estimate).T),
        choice_covariance=_covariance(moved),
        n_worlds=len(scores),
        n_failed=failed,
    )


def _covariance(rows: FloatArray) -> FloatArray:
    return np.atleast_2d(np.cov(rows, rowvar=False))


def _restated(estimate: RewardEstimate) -> FloatArray:
    """``(K, K)`` from moves of rationality times weights, over the estimated rationality, to moves of the weights.

    With the fixed weights ``c``, rationality moves by the part of the move along ``c``, and every other weight is
    divided by it.
    """
    eye = np.eye(len(estimate.names))
    if not estimate.choice_covariances:
        return eye
    fixed = np.array([f"weight of {name}" in estimate.fixed_by_assumption for name in estimate.names])
    c = np.where(fixed, estimate.weights, 0.0)
    return np.asarray(eye - np.outer(estimate.weights, c) / (c @ c))
