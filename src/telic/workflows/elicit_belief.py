"""What is believed about the weights of a project before anybody is asked: a normal distribution, and draws of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from telic.inference.elicitation import WeightBelief
from telic.inference.elicitation.belief import LogDensity
from telic.inference.likelihood import ChoiceLikelihood, choice_likelihood
from telic.inference.posterior import laplace_posterior
from telic.rewards import RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .posterior import stated_prior
from .problem import Problem

if TYPE_CHECKING:
    from .elicit import ElicitSettings

__all__ = ["belief_of"]

SMALLEST = 1e-14
"""Variance, relative to the largest, that rounding can leave of none."""


def belief_of(problem: Problem, settings: ElicitSettings) -> WeightBelief:
    """Draws of the normal approximation of the posterior, whose density is known, so that they can be moved.

    Args:
        problem: world, features and decisions.
        settings: whose decisions, which prior, how many draws.

    Raises:
        DataError: there is no such demonstrator.
        NumericalError: the mode was not found.
        SettingsError: the prior and the features do not fit.
    """
    likelihood = _likelihood(problem, problem.train, settings.rationality)
    prior = stated_prior(likelihood, settings.prior)
    if settings.demonstrator is not None:
        likelihood = _likelihood(problem, problem.train.of(settings.demonstrator), settings.rationality)
    posterior = laplace_posterior(likelihood, prior, n_draws=settings.n_draws, key=settings.key)
    belief = WeightBelief.from_density(
        posterior.names, posterior.answer(), _normal_density(posterior), units=posterior.features.units
    )
    return replace(belief, findings=posterior.findings)


def _likelihood(problem: Problem, demos: Demonstrations, rationality: float) -> ChoiceLikelihood:
    return choice_likelihood(problem.world, problem.features, demos, rationality=rationality)


def _normal_density(posterior: RewardPosterior) -> LogDensity:
    """The log density of the normal distribution that the draws are of, up to a constant."""
    size, axes = np.linalg.eigh(posterior.mode_covariance)
    some = size > SMALLEST * size.max()
    whiten = axes[:, some] / np.sqrt(size[some])

    def log_density(weights: FloatArray) -> FloatArray:
        z = (weights - posterior.mode) @ whiten
        return np.asarray(-0.5 * np.sum(z * z, axis=1))

    return log_density
