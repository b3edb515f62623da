"""What a posterior must not hide: mass that draws cannot show, a prior that decides, numbers that do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.special import expit

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood, Evaluation
from telic.inference.posterior import (
    NutsSettings,
    hierarchical_posterior,
    laplace_posterior,
    nuts_posterior,
    prior_sensitivity,
    values_posterior,
)
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

ONE = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.0)
GO = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("go",))
TWICE = FeatureMap(values=np.array([[[0.0, 0.0], [1.0, 2.0]]]), names=("go", "double"))


class Logit(DiscountedLikelihood):
    """The same likelihood in closed form, for thousands of evaluations in little time."""

    def evaluate(self, weights: np.ndarray, *, order: int = 0) -> Evaluation:
        x = self.features.values[0, 1] - self.features.values[0, 0]
        w = float(x @ weights)
        stayed, went = self.counts.totals
        p = expit(w)
        information = (went + stayed) * p * (1 - p) * np.outer(x, x)
        return Evaluation(
            value=float(-went * np.logaddexp(0, -w) - stayed * np.logaddexp(0, w)),
            score=x * (went - (went + stayed) * p),
            hessian=-information,
            information=information,
            outcome=Outcome.SUCCESS,
            bellman_residual=0.0,
        )


def choices(
    went: int, n: int, features: FeatureMap = GO, kind: type[DiscountedLikelihood] = DiscountedLikelihood
) -> DiscountedLikelihood:
    """One state, two actions, no future: a logit in the weights."""
    demos = Demonstrations.from_arrays(
        np.zeros(n, dtype=int),
        (np.arange(n) < went).astype(int),
        next_states=np.zeros(n, dtype=int),
        offsets=np.arange(n + 1),
    )
    return kind(ONE, features, demos)


def test_the_normal_approximation_says_where_it_is_poor_and_not_elsewhere() -> None:
    """All 30 choices one way: the posterior has its mass where no draw of the normal falls."""
    unanimous = laplace_posterior(choices(30, 30), NormalPrior.of(("go",), {"go": 20.0}))
    note = next(f for f in unanimous.findings if f.code == "laplace-is-poor")
    assert "two standard deviations from its mode" in note.message
    mixed = laplace_posterior(choices(18, 30), NormalPrior.of(("go",), {"go": 20.0}))
    assert mixed.findings == ()


def test_the_share_of_the_prior_is_that_of_the_posterior_where_choices_separate() -> None:
    """Against quadrature; by the curvature at the mode it would be .06."""
    sd = 10.0
    exact, closed = choices(10, 10), choices(10, 10, kind=Logit)
    assert closed.evaluate(np.array([1.3])).value == pytest.approx(
        exact.evaluate(np.array([1.3])).value, abs=1e-10
    )
    found = nuts_posterior(
        closed,
        NormalPrior.of(("go",), {"go": sd}),
        settings=NutsSettings(n_chains=2, n_draws=1_500, n_tune=300, target_acceptance=0.95),
        key=3,
    )
    assert found.outcome.ok

    def moment(k: int) -> float:
        return integrate.quad(lambda w: w**k * expit(w) ** 10 * np.exp(-0.5 * (w / sd) ** 2), -60, 100)[0]

    mean = moment(1) / moment(0)
    share = (moment(2) / moment(0) - mean**2) / sd**2
    assert share > 0.2
    assert found.prior_shares[0] == pytest.approx(share, rel=0.15)
    assert found.prior_directions[0].share == pytest.approx(share, rel=0.15)


def test_a_direction_that_only_the_prior_decides_is_printed_as_all_of_it() -> None:
    found = laplace_posterior(choices(18, 30, TWICE), NormalPrior.of(TWICE.names, {"go": 2.0, "double": 2.0}))
    text = " ".join(found.summary().to_text(width=200).split())
    assert "100 % of what is known about 0.894 go - 0.447 double is the prior." in text
    told = prior_sensitivity(found)
    note = next(f for f in told.findings if f.code == "prior-sensitive")
    # Along the null direction the posterior is the prior, whose spread a power of 2 or 1/2 changes by sqrt(2) = 1.41,
    # and four fifths of the variance of `go` lie there.
    assert "go (spread by a factor of 1.4)" in note.message


def test_a_weight_that_is_its_prior_is_sensitive_to_it_though_its_mean_stays() -> None:
    found = laplace_posterior(choices(1, 2), NormalPrior.of(("go",), {"go": 0.1}), n_draws=4_000)
    (note,) = prior_sensitivity(found).findings
    # The prior's precision is 100, the data's 2/4: doubling it divides the spread by sqrt(200.5/100.5).
    assert "go (spread by a factor of 1.4)" in note.message
    assert prior_sensitivity(found, powers=(1.0,)).findings == ()


def test_ratios_over_a_weight_that_is_always_zero_are_refused() -> None:
    prior = NormalPrior.of(("go",), {"go": 2.0})
    found = laplace_posterior(choices(18, 30, TWICE), prior, fixed_weights={"double": 0.0})
    with pytest.raises(FeatureError, match="'double' is 0 in every draw"):
        found.ratio("go", "double")


@pytest.mark.parametrize("sd", [1e200, 1e-200])
def test_a_prior_whose_variance_is_no_number_is_refused(sd: float) -> None:
    with pytest.raises(SettingsError, match="prior of 'go' is improper"):
        NormalPrior.of(("go",), {"go": sd})


def test_probabilities_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"lie in \[0, 1\], got 2"):
        laplace_posterior(choices(18, 30), NormalPrior.of(("go",), {"go": 2.0})).quantiles([0.5, 2])


@pytest.mark.slow
def test_values_name_every_direction_that_the_choices_leave_open() -> None:
    """Potentials move no choice (Ng, Harada and Russell 1999); nor does any reward where nobody decided."""
    P = np.random.default_rng(0).dirichlet(np.ones(3), size=(3, 2))
    world = TabularMDP.from_transition(P, discount=0.8)
    demos = Demonstrations.from_arrays(
        np.tile([0, 1], 20),
        np.tile([0, 1, 1, 0, 1], 8),
        next_states=np.full(40, -1),
        offsets=np.arange(0, 41, 4),
    )
    found = values_posterior(demos, world, settings=NutsSettings(n_chains=2, n_draws=50, n_tune=50), key=1)
    assert found.nullity == 3 + 1  # three potentials and the second action of the state that was not seen
    potentials = np.eye(3)[:, None, :] - 0.8 * P  # phi(s) - gamma E phi(s'), one potential a column
    inside = found.null_directions @ potentials.reshape(6, 3)
    np.testing.assert_allclose(found.null_directions.T @ inside, potentials.reshape(6, 3), atol=1e-10)


def test_units_that_share_a_redundant_feature_say_that_only_the_prior_decides_it() -> None:
    found = hierarchical_posterior(
        {"a": choices(6, 10, TWICE, Logit), "b": choices(4, 10, TWICE, Logit)},
        NormalPrior.of(TWICE.names, {"go": 1.0, "double": 1.0}),
        {"go": 0.5, "double": 0.5},
        settings=NutsSettings(n_chains=2, n_draws=60, n_tune=60),
        key=1,
    )
    (note,) = [f for f in found.findings if f.code == "prior-alone"]
    assert "0.894 go - 0.447 double" in note.message
    told = found.to_json()
    assert told["prior"]["weights"]["go"]["standard_deviation"] == 1.0
    assert set(told["provenance"]["inputs"]) >= {"a: data", "b: data"}
    assert "Findings" in [s.title for s in found.summary().sections]
