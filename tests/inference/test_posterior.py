from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference import fit_likelihood
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import NutsSettings, default_prior, laplace_posterior, nuts_posterior
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import NormalPrior, RewardPosterior
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow

S, A = 5, 3
P = np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))
PHI = np.random.default_rng(1).normal(size=(S, A, 2))
SHORT = NutsSettings(n_chains=2, n_draws=300, n_tune=100)


def likelihood(n: int = 300, extra: np.ndarray | None = None) -> DiscountedLikelihood:
    values = PHI if extra is None else np.concatenate([PHI, extra], axis=-1)
    K = values.shape[-1]
    features = FeatureMap(values=values, names=("wait", "cost", "third")[:K], units=("hour", "euro", "")[:K])
    rng = np.random.default_rng(2)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, n),
        rng.choice(A, n, p=[0.5, 0.3, 0.2]),
        next_states=np.full(n, -1),
        offsets=np.arange(0, n + 1, 10),
    )
    return DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.9), features, demos)


def wide(L: DiscountedLikelihood, sd: float = 100.0) -> NormalPrior:
    return NormalPrior.of(L.names, dict.fromkeys(L.names, sd))


def test_with_a_wide_prior_the_mode_is_the_fit_and_the_curvature_its_hessian() -> None:
    L = likelihood()
    fit = fit_likelihood(L)
    found = laplace_posterior(L, wide(L, 1e4), n_draws=200)
    np.testing.assert_allclose(found.mode, fit.weights, rtol=1e-6)
    np.testing.assert_allclose(found.mode_covariance, fit.covariance("hessian"), rtol=1e-6)
    assert found.prior_shares.max() < 1e-6


def test_the_sampled_density_is_the_normalised_product_on_a_grid() -> None:
    """Mean and covariance of the draws against quadrature of likelihood times prior, both by definition."""
    L = likelihood(60)
    prior = wide(L, 1.5)
    found = nuts_posterior(L, prior, settings=NutsSettings(n_chains=2, n_draws=400, n_tune=150), key=11)
    assert found.outcome.ok
    side = np.linspace(-5, 5, 41) * np.sqrt(np.diag(found.mode_covariance))[:, None] + found.mode[:, None]
    grid = np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, 2)
    log_density = np.array([L.evaluate(w).value for w in grid]) + np.asarray(prior.log_density(grid))
    mass = np.exp(log_density - log_density.max())
    mass /= mass.sum()
    mean = mass @ grid
    cov = (grid - mean).T @ (mass[:, None] * (grid - mean))
    sd = np.sqrt(np.diag(cov))
    n = found.diagnostics.bulk_ess.min()
    assert np.all(np.abs(found.mean - mean) < 4 * sd / np.sqrt(n))
    np.testing.assert_allclose(np.cov(found.flat.T), cov, rtol=0.2, atol=0.15 * sd[0] * sd[1])
    exact = [[L.evaluate(w).value for w in chain] for chain in found.draws[:, :3]]
    np.testing.assert_allclose(found.log_likelihoods[:, :3], exact, atol=1e-8)


def test_a_direction_without_data_keeps_its_prior_and_says_so() -> None:
    L = likelihood(extra=PHI[..., :1] * 2.0)
    found = nuts_posterior(L, wide(L, 2.0), settings=SHORT, key=3)
    assert found.nullity == 1
    top = found.prior_directions[0]
    assert top.share == pytest.approx(1.0, abs=1e-9)
    note = next(f for f in found.findings if f.code == "prior-alone")
    assert sorted(note.evidence["features"]) == ["third", "wait"]
    assert "along it the posterior is the prior" in note.message
    # Moving along (2, 0, -1) changes no choice: the spread there stays that of the prior, 2 * |v|.
    along = found.flat @ np.array([2.0, 0.0, -1.0])
    assert along.std() == pytest.approx(2.0 * np.sqrt(5.0), rel=0.15)
    # 4/5 of the certainty about `wait` is prior: v_wait^2 / |v|^2, and a little of the rest.
    assert found.prior_shares[0] == pytest.approx(0.8, abs=0.05)
    assert found.prior_shares[2] == pytest.approx(0.2, abs=0.05)


def test_chains_resume_and_are_the_same() -> None:
    L = likelihood(60)
    settings = dataclasses.replace(SHORT, n_draws=80, n_tune=50)
    kept: dict[int, dict[str, np.ndarray]] = {}
    whole = nuts_posterior(
        L, wide(L, 2.0), settings=settings, key=5, checkpoint=lambda c, chain: kept.update({c: dict(chain)})
    )
    assert sorted(kept) == [0, 1]
    seen: list[int] = []
    again = nuts_posterior(
        likelihood(60),
        wide(L, 2.0),
        settings=settings,
        key=5,
        chains={0: kept[0]},
        checkpoint=lambda c, _: seen.append(c),
    )
    assert seen == [1]
    # The forward problem is solved to 1e-12, from another start: the same chain to rounding, not to the bit.
    np.testing.assert_allclose(again.draws, whole.draws, atol=1e-6)
    assert not np.allclose(whole.draws[0], whole.draws[1])


def test_chains_that_do_not_mix_are_no_answer() -> None:
    L = likelihood(60)
    torn = {
        c: {"z": np.full((300, 2), c + 0.0) + 1e-3 * np.random.default_rng(c).normal(size=(300, 2)),
            "log_density": np.zeros(300), "diverging": np.zeros(300), "n_evaluations": np.ones(300)}
        for c in range(2)
    }  # fmt: skip
    bad = nuts_posterior(L, wide(L, 2.0), settings=SHORT, chains=torn)
    assert bad.outcome is Outcome.NOT_MIXED
    note = next(f for f in bad.findings if f.code == "chains-not-mixed")
    assert "R-hat above 1.01 for wait, cost" in note.message
    for ask in (lambda p: p.mean, lambda p: p.interval(), lambda p: p.ratio("wait", "cost")):
        with pytest.raises(NumericalError, match="not an answer"):
            ask(bad)
    told = bad.to_json()
    assert told["result"] == "not-mixed" and told["weights"]["wait"]["mean"] is None
    assert bad.summary().headline.startswith("Not an answer")


def ratio_of(below: np.ndarray) -> RewardPosterior:
    L = likelihood()
    found = laplace_posterior(L, wide(L), n_draws=1_000)
    above = np.full(1_000, 6.0)
    return dataclasses.replace(found, draws=np.stack([above, below], axis=-1)[None])


def test_ratios_are_unbounded_where_the_sign_below_is_open() -> None:
    settled = ratio_of(np.linspace(1.0, 3.0, 1_000)).ratio("wait", "cost")
    assert settled.bounded and settled.unit == "euro/hour"
    assert settled.median == pytest.approx(3.0, abs=0.01)
    # 6/b for b uniform on (1, 3): quantiles 6/2.95 and 6/1.05.
    assert settled.interval == pytest.approx((6 / 2.95, 6 / 1.05), rel=1e-2)
    below = np.linspace(-0.5, 3.0, 1_000)
    open_ = ratio_of(below).ratio("wait", "cost")
    assert not open_.bounded and open_.interval is None
    assert open_.probability_denominator_positive == pytest.approx(6 / 7, abs=1e-3)
    with pytest.raises(FeatureError, match="'speed' is not one of the features"):
        ratio_of(below).ratio("speed", "cost")


def test_the_default_prior_follows_the_units_and_not_the_choices() -> None:
    L = likelihood()
    first = default_prior(L)
    scaled = FeatureMap(values=PHI * np.array([60.0, 1.0]), names=("wait", "cost"), units=("min", "euro"))
    other = default_prior(DiscountedLikelihood(L.mdp, scaled, L.data))
    np.testing.assert_allclose(
        other.standard_deviations, first.standard_deviations / np.array([60.0, 1.0]), rtol=1e-9
    )
    swapped = Demonstrations.from_arrays(
        L.data.states, 2 - L.data.actions, next_states=np.full(300, -1), offsets=L.data.offsets
    )
    np.testing.assert_allclose(
        default_prior(DiscountedLikelihood(L.mdp, L.features, swapped)).standard_deviations,
        first.standard_deviations,
        rtol=1e-12,
    )


@pytest.mark.parametrize("sd", [0.0, -1.0, np.inf, np.nan])
def test_improper_priors_are_refused(sd: float) -> None:
    with pytest.raises(SettingsError, match="prior of 'cost' is improper"):
        NormalPrior.of(("wait", "cost"), {"wait": 1.0, "cost": sd})


def test_priors_that_do_not_fit_are_refused() -> None:
    L = likelihood()
    with pytest.raises(SettingsError, match="says nothing of cost"):
        NormalPrior.of(L.names, {"wait": 1.0})
    with pytest.raises(SettingsError, match="does not know speed"):
        NormalPrior.of(L.names, {"wait": 1.0, "cost": 1.0, "speed": 1.0})
    with pytest.raises(SettingsError, match="free weights are cost"):
        laplace_posterior(L, wide(L), fixed_weights={"wait": 1.0})
    with pytest.raises(SettingsError, match="names speed"):
        laplace_posterior(L, wide(L), fixed_weights={"speed": 1.0})
    with pytest.raises(SettingsError, match="nothing is left"):
        laplace_posterior(L, wide(L), fixed_weights={"wait": 1.0, "cost": 1.0})


def test_a_fixed_weight_stays() -> None:
    L = likelihood()
    prior = NormalPrior.of(("cost",), {"cost": 3.0})
    found = laplace_posterior(L, prior, n_draws=100, fixed_weights={"wait": 0.7}, key=2)
    assert np.all(found.draws[..., 0] == 0.7)
    assert found.outcome.ok and found.prior_shares[0] == 0.0
    assert found.fixed_by_assumption["weight of wait"] == 0.7


def test_a_skewed_posterior_is_called_poor_by_laplace() -> None:
    """Every decision goes one way: the likelihood has no maximum, and the posterior a long tail."""
    n = 40
    features = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("go",))
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5)
    demos = Demonstrations.from_arrays(
        np.zeros(n, dtype=int),
        np.ones(n, dtype=int),
        next_states=np.zeros(n, dtype=int),
        offsets=np.arange(n + 1),
    )
    L = DiscountedLikelihood(world, features, demos)
    found = laplace_posterior(L, NormalPrior.of(("go",), {"go": 200.0}), n_draws=500, n_checked=400)
    assert "laplace-is-poor" in {f.code for f in found.findings}


@pytest.mark.parametrize(
    ("name", "value"), [("n_chains", 1), ("n_draws", 2), ("n_tune", 3), ("target_acceptance", 1.2)]
)
def test_settings_out_of_range(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"`{name}` must"):
        NutsSettings(**{name: value})
