"""A posterior beside a weight that the choices say nothing about."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.inference import fit_likelihood
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import default_prior, laplace_posterior
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


def with_a_third(third: np.ndarray) -> DiscountedLikelihood:
    rng = np.random.default_rng(2)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, 300),
        rng.integers(0, A, 300),
        next_states=np.full(300, -1),
        offsets=np.arange(0, 301, 10),
    )
    features = FeatureMap(values=np.concatenate([PHI, third], axis=-1), names=("wait", "cost", "third"))
    return DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.9), features, demos)


def test_the_default_prior_of_an_idle_weight_is_scaled_by_its_size_and_stays_its_posterior() -> None:
    """A constant of 4 in every step: ten log-odds over that is 2.5."""
    L = with_a_third(np.full((S, A, 1), 4.0))
    prior = default_prior(L)
    assert prior.standard_deviations[2] == pytest.approx(2.5)
    assert "for third, which made no difference" in prior.source
    found = laplace_posterior(L, n_draws=4_000)
    assert found.prior_shares[2] == pytest.approx(1.0, abs=1e-6)
    assert found.standard_deviations[2] == pytest.approx(2.5, rel=0.06)
    note = next(f for f in found.findings if f.code == "prior-alone")
    assert note.message == "No choice that was seen depends on third: its posterior is its prior."


def test_a_feature_that_is_zero_everywhere_has_no_default_prior() -> None:
    with pytest.raises(SettingsError, match="third is 0 everywhere"):
        default_prior(with_a_third(np.zeros((S, A, 1))))
