from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from telic.errors import GaugeError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood, Evaluation
from telic.inference.posterior import NutsSettings, hierarchical_posterior, nuts_posterior
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

SETTINGS = NutsSettings(n_chains=2, n_draws=3_000, n_tune=500, target_acceptance=0.9)
FEATURES = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("go",), units=("trip",))
PRIOR = NormalPrior.of(("go",), {"go": 3.0})


def unit(went: int, n: int, features: FeatureMap = FEATURES, kind: type = DiscountedLikelihood) -> Any:
    """One state, no future: the choice is a logit in the weight, so every posterior is known by quadrature."""
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.0)
    demos = Demonstrations.from_arrays(
        np.zeros(n, dtype=int),
        (np.arange(n) < went).astype(int),
        next_states=np.zeros(n, dtype=int),
        offsets=np.arange(n + 1),
    )
    return kind(world, features, demos)


class Logit(DiscountedLikelihood):
    """The same in closed form, for a hundred thousand evaluations in little time."""

    def evaluate(self, weights: np.ndarray, *, order: int = 0) -> Evaluation:
        w = float(weights[0])
        stayed, went = self.counts.totals
        information = np.array([[(went + stayed) * expit(w) * expit(-w)]])
        return Evaluation(
            value=float(-went * np.logaddexp(0, -w) - stayed * np.logaddexp(0, w)),
            score=np.array([went - (went + stayed) * expit(w)]),
            hessian=-information,
            information=information,
            outcome=Outcome.SUCCESS,
            bellman_residual=0.0,
        )


def test_the_closed_form_is_the_exact_likelihood() -> None:
    exact, closed = unit(3, 9), unit(3, 9, kind=Logit)
    for w in (-1.3, 0.0, 2.1):
        one, other = exact.evaluate(np.array([w]), order=1), closed.evaluate(np.array([w]), order=1)
        assert one.value == pytest.approx(other.value, abs=1e-10)
        np.testing.assert_allclose(one.score, other.score, atol=1e-10)


def by_quadrature(counts: list[tuple[int, int]], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and standard deviations of the units, integrated over mean and spread on a grid."""
    m = np.linspace(-7, 7, 141)[:, None]
    tau = scale * np.linspace(1e-3, 5, 160)[None, :]
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    log_prior = -0.5 * (m / 3.0) ** 2 - 0.5 * (tau / scale) ** 2
    logs, firsts, seconds = [], [], []
    for went, n in counts:
        w = m[..., None] + tau[..., None] * nodes
        log_l = -went * np.logaddexp(0, -w) - (n - went) * np.logaddexp(0, w)
        top = log_l.max()
        mass = weights * np.exp(log_l - top)
        total = mass.sum(axis=-1)
        logs.append(np.log(total) + top)
        firsts.append((mass * w).sum(axis=-1) / total)
        seconds.append((mass * w * w).sum(axis=-1) / total)
    log_post = log_prior + sum(logs)
    p = np.exp(log_post - log_post.max())
    p /= p.sum()
    mean = np.array([(p * f).sum() for f in firsts])
    return mean, np.sqrt(np.array([(p * s).sum() for s in seconds]) - mean**2)


@pytest.mark.slow
def test_units_with_few_decisions_lean_on_the_others() -> None:
    counts = [(40, 60), (70, 100), (1, 4)]
    units = {f"service-{i}": unit(*c, kind=Logit) for i, c in enumerate(counts)}
    found = hierarchical_posterior(units, PRIOR, {"go": 1.0}, settings=SETTINGS, key=8)
    assert found.outcome.ok, found.findings
    mean, sd = by_quadrature(counts, 1.0)
    draws = found.draws.reshape(-1, 3)
    n = found.diagnostics.bulk_ess[2:]
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean), 4.5 * sd / np.sqrt(n))
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.15)
    alone = nuts_posterior(
        unit(1, 4, kind=Logit), PRIOR, settings=NutsSettings(n_chains=2, n_draws=1_500), key=8
    )
    # Alone it would be near log(1/3); among services that mostly go it is pulled up, and less spread out.
    assert alone.mean[0] < -0.8 < found.of("service-2").mean()
    assert found.of("service-2").std() < 0.8 * alone.standard_deviations[0]
    told = found.to_json()
    assert told["units"]["service-2"]["n_decisions"] == 4
    assert found.table().rows[2][0] == "service-2"


def test_what_does_not_fit_is_refused() -> None:
    two = {"a": unit(3, 9), "b": unit(4, 9)}
    with pytest.raises(SettingsError, match="needs at least 2, got 1"):
        hierarchical_posterior({"a": two["a"]}, PRIOR, {"go": 1.0})
    with pytest.raises(SettingsError, match="must be over go"):
        hierarchical_posterior(two, PRIOR, {"stay": 1.0})
    with pytest.raises(SettingsError, match="it is not for go"):
        hierarchical_posterior(two, PRIOR, {"go": 0.0})
    other = FeatureMap(values=FEATURES.values, names=("go",), units=("mile",))
    with pytest.raises(GaugeError, match="or their units differ"):
        hierarchical_posterior({"a": two["a"], "b": unit(3, 9, other)}, PRIOR, {"go": 1.0})
    with pytest.raises(GaugeError, match="rationality"):
        hierarchical_posterior(
            {"a": two["a"], "b": dataclasses.replace(two["b"], rationality=2.0)}, PRIOR, {"go": 1.0}
        )


def test_no_answer_gives_no_numbers() -> None:
    units = {"a": unit(3, 9, kind=Logit), "b": unit(4, 9, kind=Logit)}
    found = hierarchical_posterior(
        units, PRIOR, {"go": 1.0}, settings=NutsSettings(n_chains=2, n_draws=20, n_tune=50)
    )
    assert found.outcome is Outcome.NOT_MIXED
    assert found.to_json()["units"]["a"]["weights"]["go"]["mean"] is None
    with pytest.raises(NumericalError, match="not an answer"):
        found.of("a")
    with pytest.raises(SettingsError, match="No unit 'c'"):
        found.of("c")
