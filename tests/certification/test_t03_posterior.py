"""T3: the posterior on chain C with prior N(0, 1) after 15 of 20 decisions that lead to state 1.

Mean 0.963310, standard deviation 0.484425, quantiles 5/50/95: 0.18541 / 0.95280 / 1.77706, mode 0.93205,
P(theta > 0) = 0.979938 (CERTIFICATION.md). Sampled numbers may differ by 4 Monte Carlo standard errors, computed
from the stated standard deviation and density, not from the draws; the mode to 2e-5. The key was fixed
before the first run.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import NutsSettings, laplace_posterior, nuts_posterior
from telic.mdp import TabularMDP
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

KEY = 20260301
MEAN, SD, MODE = 0.963310, 0.484425, 0.93205
QUANTILES = {0.05: 0.18541, 0.5: 0.95280, 0.95: 1.77706}
P_POSITIVE = 0.979938


def likelihood() -> DiscountedLikelihood:
    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    features = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")
    states = np.arange(20) % 2
    arrivals = (np.arange(20) < 15).astype(int)
    demos = Demonstrations.from_arrays(
        states, (arrivals != states).astype(int), next_states=arrivals, offsets=np.arange(21)
    )
    return DiscountedLikelihood(world, features, demos)


def prior() -> NormalPrior:
    return NormalPrior.of(("in_one",), {"in_one": 1.0})


def density(theta: float) -> float:
    """The posterior density at theta, by the closed form and quadrature."""
    grid = np.linspace(-4, 6, 200_001)

    def kernel(t: np.ndarray) -> np.ndarray:
        return np.exp(-15 * np.log1p(np.exp(-0.9 * t)) - 5 * np.log1p(np.exp(0.9 * t)) - t * t / 2)

    return float(kernel(np.array(theta)) / (kernel(grid).sum() * (grid[1] - grid[0])))


@pytest.mark.slow
def test_sampled_posterior() -> None:
    found = nuts_posterior(likelihood(), prior(), settings=NutsSettings(n_chains=2, n_draws=700), key=KEY)
    assert found.outcome.ok
    d = found.diagnostics
    assert d.r_hat[0] < 1.01
    n = float(min(d.bulk_ess[0], d.tail_ess[0]))
    assert n > 400
    assert found.mean[0] == pytest.approx(MEAN, abs=4 * SD / math.sqrt(n))
    assert found.standard_deviations[0] == pytest.approx(SD, abs=4 * SD / math.sqrt(2 * n) * 1.2)
    for q, expected in QUANTILES.items():
        error = math.sqrt(q * (1 - q) / n) / density(expected)
        assert found.quantiles([q])[0, 0] == pytest.approx(expected, abs=4 * error)
    assert found.probability_positive()[0] == pytest.approx(
        P_POSITIVE, abs=4 * math.sqrt(P_POSITIVE * (1 - P_POSITIVE) / n)
    )


def test_mode_and_normal_approximation() -> None:
    found = laplace_posterior(likelihood(), prior(), n_draws=4_000, key=KEY)
    # The root of 13.5 - 18 sigmoid(.9 t) - t is 0.932040; the published digit is one step of its grid higher.
    assert found.mode[0] == pytest.approx(MODE, abs=2e-5)
    assert found.mode[0] == pytest.approx(0.932040, abs=1e-6)
    # Curvature at the mode: 1 + 20 * .81 * p (1 - p), p = sigmoid(.9 * mode).
    p = 1 / (1 + math.exp(-0.9 * 0.932040))
    sd = 1 / math.sqrt(1 + 20 * 0.81 * p * (1 - p))
    assert math.sqrt(found.mode_covariance[0, 0]) == pytest.approx(sd, abs=1e-5)
    assert found.prior_shares[0] == pytest.approx(sd**2, abs=1e-5)
