"""Posteriors in ArviZ."""

from __future__ import annotations

import numpy as np

from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import laplace_posterior, to_arviz
from telic.inference.posterior.chains import load
from telic.mdp import TabularMDP
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations


def test_draws_prior_and_words_arrive_under_their_names() -> None:
    rng = np.random.default_rng(3)
    world = TabularMDP.from_transition(rng.dirichlet(np.ones(4), size=(4, 2)), discount=0.9)
    features = FeatureMap(
        values=rng.normal(size=(4, 2, 3)), names=("wait", "cost", "risk"), units=("h", "euro", "")
    )
    demos = Demonstrations.from_arrays(
        rng.integers(0, 4, 200),
        rng.integers(0, 2, 200),
        next_states=np.full(200, -1),
        offsets=np.arange(0, 201, 10),
    )
    likelihood = DiscountedLikelihood(world, features, demos)
    prior = NormalPrior.of(("wait", "risk"), {"wait": (1.0, 3.0), "risk": 0.5})
    found = laplace_posterior(likelihood, prior, fixed_weights={"cost": -2.0}, n_draws=4_000)
    data = to_arviz(found, key=5)
    table = load("arviz").summary(data, kind="stats", hdi_prob=0.9, round_to="none")
    # ArviZ's own mean and spread against the mode and the curvature of the posterior.
    sd = np.sqrt(np.diag(found.mode_covariance))
    error = 5 * sd[[0, 2]] / np.sqrt(4_000)
    assert np.all(np.abs(table.loc[["weight[wait]", "weight[risk]"], "mean"] - found.mode[[0, 2]]) < error)
    np.testing.assert_allclose(table.loc[["weight[wait]", "weight[risk]"], "sd"], sd[[0, 2]], rtol=0.06)
    assert np.all(data.prior["weight"].sel(feature="cost") == -2.0)
    before = data.prior["weight"].sel(feature="wait").values
    assert abs(before.mean() - 1.0) < 5 * 3.0 / np.sqrt(4_000)
    assert abs(before.std() / 3.0 - 1.0) < 0.06
    np.testing.assert_array_equal(data.posterior["weight"].values, found.draws)
    np.testing.assert_array_equal(data.log_likelihood["choices"].values, found.log_likelihoods)
    assert data.posterior.attrs["outcome"] == "success"
    assert data.posterior.attrs["units"] == "wait: h, cost: euro"
