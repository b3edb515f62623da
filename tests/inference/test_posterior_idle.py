"""A posterior beside a weight that the choices say nothing about."""

from __future__ import annotations

import numpy as np

from telic.features import FeatureMap
from telic.inference import fit_likelihood
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import laplace_posterior
from telic.mdp import TabularMDP
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

S, A = 5, 3
P = np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))
PHI = np.random.default_rng(1).normal(size=(S, A, 2))


def test_the_mode_is_found_beside_a_weight_that_choices_tell_next_to_nothing_about() -> None:
    """A feature of the state that no action moves leaves rounding in its information, not an exact zero."""
    P_idle = np.broadcast_to(P.mean(axis=1, keepdims=True), P.shape)
    idle = np.broadcast_to(np.arange(S)[:, None, None] / 3.0, (S, A, 1))
    world = TabularMDP.from_transition(P_idle, discount=0.9)
    features = FeatureMap(values=np.concatenate([PHI, idle], axis=-1), names=("wait", "cost", "third"))
    rng = np.random.default_rng(2)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, 300),
        rng.choice(A, 300, p=[0.5, 0.3, 0.2]),
        next_states=np.full(300, -1),
        offsets=np.arange(0, 301, 10),
    )
    told = DiscountedLikelihood(world, features, demos)
    found = laplace_posterior(told, NormalPrior.of(told.names, dict.fromkeys(told.names, 3.0)), n_draws=200)
    two = FeatureMap(values=PHI, names=("wait", "cost"))
    alone = fit_likelihood(DiscountedLikelihood(world, two, demos))
    np.testing.assert_allclose(found.mode[:2], alone.weights, rtol=0.02)
    np.testing.assert_allclose(found.prior_shares[2], 1.0, atol=1e-6)
