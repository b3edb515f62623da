"""Sampling of values, sensitivity to the prior, and posterior predictive checks, against answers from outside."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from telic.errors import DataError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import (
    NutsSettings,
    laplace_posterior,
    nuts_posterior,
    predictive_checks,
    prior_sensitivity,
    values_posterior,
)
from telic.inference.posterior.values import _Density
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.reports import Outcome
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow

S, A = 3, 2
P = np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))
WORLD = TabularMDP.from_transition(P, discount=0.8)


def decisions(n: int = 80, key: int = 1, policy: np.ndarray | None = None) -> Demonstrations:
    rng = np.random.default_rng(key)
    states = rng.integers(0, S, n)
    p = np.array([0.3, 0.5, 0.7]) if policy is None else policy[:, 1]
    actions = (rng.random(n) < p[states]).astype(int)
    return Demonstrations.from_arrays(
        states, actions, next_states=np.full(n, -1), offsets=np.arange(0, n + 1, 10)
    )


def test_sampling_values_gives_the_posterior_of_the_exact_likelihood() -> None:
    demos, names = decisions(), tuple(f"r({s},{a})" for s in range(S) for a in range(A))
    settings = NutsSettings(n_chains=2, n_draws=600, n_tune=150)
    values = values_posterior(demos, WORLD, prior_sd=1.5, settings=settings, key=4)
    free = FeatureMap(values=np.eye(S * A).reshape(S, A, S * A), names=names)
    prior = NormalPrior.of(names, dict.fromkeys(names, 1.5))
    exact = nuts_posterior(DiscountedLikelihood(WORLD, free, demos), prior, settings=settings, key=5)
    assert values.outcome.ok and exact.outcome.ok and values.names == exact.names
    error = np.sqrt(
        values.standard_deviations**2 / values.diagnostics.bulk_ess
        + exact.standard_deviations**2 / exact.diagnostics.bulk_ess
    )
    assert np.abs((values.mean - exact.mean) / error).max() < 4.5  # 6 comparisons
    np.testing.assert_allclose(values.standard_deviations, exact.standard_deviations, rtol=0.12)
    np.testing.assert_allclose(np.corrcoef(values.flat.T), np.corrcoef(exact.flat.T), atol=0.12)
    # The rewards that were read off explain the choices as their values say.
    reward = values.draws[0, 0].reshape(S, A)
    soft = solve_soft(WORLD, reward)
    seen = np.bincount(demos.states * A + demos.actions, minlength=S * A).reshape(S, A)
    assert values.log_likelihoods[0, 0] == pytest.approx(float((seen * soft.log_policy).sum()), abs=1e-6)
    assert "3 directions" in values.findings[-1].message


def test_the_density_of_values_and_its_slope() -> None:
    demos = decisions()
    likelihood = DiscountedLikelihood(
        WORLD, FeatureMap(values=np.eye(S * A).reshape(S, A, S * A), names=tuple("abcdef")), demos
    )
    prior = NormalPrior.of(tuple("abcdef"), dict.fromkeys("abcdef", 1.5))
    density = _Density(WORLD, likelihood.counts, prior, 1.0)
    q = np.random.default_rng(3).normal(size=S * A)
    _, slope = density(q)
    steps = 1e-6 * np.eye(S * A)
    numeric = np.array([(density(q + d)[0] - density(q - d)[0]) / 2e-6 for d in steps])
    np.testing.assert_allclose(slope, numeric, atol=1e-6)
    # Change of variables: density of Q over that of R is |dR/dQ|, here by differences.
    R = density.reward(q).ravel()
    J = np.stack([(density.reward(q + d) - density.reward(q - d)).ravel() / 2e-6 for d in steps], axis=1)
    by_parts = likelihood.evaluate(R).value + float(prior.log_density(R)) + np.log(abs(np.linalg.det(J)))
    other = np.zeros(S * A)
    R0 = density.reward(other).ravel()
    J0 = np.stack([(density.reward(d) - density.reward(-d)).ravel() / 2e-6 for d in steps], axis=1)
    at_zero = likelihood.evaluate(R0).value + float(prior.log_density(R0)) + np.log(abs(np.linalg.det(J0)))
    assert density(q)[0] - density(other)[0] == pytest.approx(by_parts - at_zero, abs=1e-6)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (
            TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, True])),
            "discount below 1",
        ),
        (
            TabularMDP.from_transition(
                P, discount=0.8, available=np.array([[True, True], [True, True], [True, False]])
            ),
            "every action in every state",
        ),
    ],
)
def test_worlds_in_which_values_cannot_be_sampled(world: TabularMDP, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        values_posterior(decisions(), world)


def normal_case(sd: float) -> tuple[DiscountedLikelihood, NormalPrior]:
    features = FeatureMap(values=np.array([[[0.0], [1.0]]] * S), names=("go",))
    return DiscountedLikelihood(WORLD, features, decisions(400)), NormalPrior.of(("go",), {"go": sd})


def test_sensitivity_is_that_of_the_conjugate_normal_case() -> None:
    """For draws that are normal with precision I + F in prior units, prior^a moves mean and spread by a closed form."""
    likelihood, prior = normal_case(0.1)
    found = laplace_posterior(likelihood, prior, n_draws=40_000, key=7)
    share = found.prior_shares[0]  # posterior over prior variance
    told = prior_sensitivity(found, (0.5, 2.0))
    sd = np.sqrt(found.mode_covariance[0, 0])
    for i, power in enumerate((0.5, 2.0)):
        precision = (1 / share - 1) + power
        mean = found.mode[0] / share / precision
        assert told.shifts[i, 0] == pytest.approx((mean - found.mode[0]) / sd, abs=0.05)
        assert told.spreads[i, 0] == pytest.approx(np.sqrt(1 / precision / share), rel=0.03)
    assert [f.code for f in told.findings] == ["prior-sensitive"]
    wide = laplace_posterior(likelihood, NormalPrior.of(("go",), {"go": 50.0}), n_draws=2_000)
    quiet = prior_sensitivity(wide)
    assert not quiet.findings and np.abs(quiet.shifts).max() < 0.05


def test_draws_that_do_not_reach_are_not_believed() -> None:
    likelihood, prior = normal_case(0.02)
    told = prior_sensitivity(laplace_posterior(likelihood, prior, n_draws=1_000), (1e-3,))
    assert told.pareto_shapes[0] > 0.7
    assert np.isnan(told.shifts).all() and told.to_json()["powers"][0]["shift"]["go"] is None
    assert "sensitivity-not-known" in {f.code for f in told.findings}
    with pytest.raises(SettingsError, match="`powers` must"):
        prior_sensitivity(laplace_posterior(likelihood, prior), (0.0,))


def test_predictive_checks_are_quiet_on_the_model_and_speak_off_it() -> None:
    """20 clean and 6 planted sets of 300 decisions; the planted expert follows a feature that the model lacks."""
    phi = np.random.default_rng(9).normal(size=(S, A, 1))
    features = FeatureMap(values=phi, names=("go",))
    prior = NormalPrior.of(("go",), {"go": 2.0})
    clean = np.exp(solve_soft(WORLD, 0.8 * phi[..., 0]).log_policy)
    off = np.array([[0.95, 0.05], [0.05, 0.95], [0.5, 0.5]])

    def alarms(policy: np.ndarray, n_sets: int, key: int) -> int:
        count = 0
        for i in range(n_sets):
            likelihood = DiscountedLikelihood(WORLD, features, decisions(300, key + i, policy))
            posterior = laplace_posterior(likelihood, prior, n_draws=100, key=i, n_checked=5)
            checks = predictive_checks(posterior, likelihood, A, n_draws=100, key=i)
            assert [c.name for c in checks] == ["choices by state", "share of 0", "share of 1"]
            count += any(c.findings for c in checks)
        return count

    assert alarms(clean, 20, 10_000) <= binom.ppf(0.999, 20, 0.05)
    assert alarms(off, 6, 20_000) >= 5


def test_what_cannot_be_checked_is_refused() -> None:
    likelihood, prior = normal_case(1.0)
    found = laplace_posterior(likelihood, prior)
    with pytest.raises(SettingsError, match="no multiple of 4 actions"):
        predictive_checks(found, likelihood, 4)
    with pytest.raises(SettingsError, match="`n_draws` must lie"):
        predictive_checks(found, likelihood, A, n_draws=0)
    with pytest.raises(NumericalError, match="not an answer"):
        predictive_checks(dataclasses.replace(found, outcome=Outcome.NOT_MIXED), likelihood, A)
    halves = dataclasses.replace(likelihood.counts, totals=likelihood.counts.totals / 3)
    weighted = DiscountedLikelihood(WORLD, likelihood.features, halves)
    with pytest.raises(DataError, match="fractional weights"):
        predictive_checks(found, weighted, A)
