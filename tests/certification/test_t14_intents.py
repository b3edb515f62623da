"""T14, second part: two intents on chain C.

States {0, 1}, action 0 stays, 1 switches, reward theta in state 1, discount .9: the chance of being in 1 next is
sigmoid(.9 theta) from both states. Two intents theta = +2 and -2, equally common, 20 choices each: the number k of
arrivals in 1 is all that tells them apart, and the best rule errs where k is on the wrong side of 10 (half of the
ties): 8.86e-5 (CERTIFICATION.md; here also summed from binomial probabilities). EM finds both thetas within three of
its standard errors. The key was fixed before the first run.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import fit_mixture
from telic.inference.latent import LatentClass, LatentClasses
from telic.inference.likelihood import DiscountedLikelihood
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations

KEY = 20261121
CHOICES, UNITS = 20, 200


def chain() -> tuple[TabularMDP, FeatureMap]:
    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    return world, FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")


def walks(arrivals: np.ndarray) -> Demonstrations:
    """Trajectories from state 0 through the given ``(N, T)`` arrivals."""
    states = np.concatenate([np.zeros((len(arrivals), 1), dtype=int), arrivals[:, :-1]], axis=1)
    return Demonstrations.from_arrays(
        states.ravel(),
        (arrivals != states).astype(int).ravel(),
        next_states=arrivals.ravel(),
        offsets=np.arange(len(arrivals) + 1) * arrivals.shape[1],
        action_labels=("stay", "switch"),
    )


def test_bayes_error() -> None:
    """Classification by responsibilities at the true weights, weighed with the exact chance of every k."""
    world, features = chain()
    arrivals = np.array([[1] * k + [0] * (CHOICES - k) for k in range(CHOICES + 1)])
    likelihood = DiscountedLikelihood(world, features, walks(arrivals))
    ones = np.ones(CHOICES + 1)
    model = LatentClasses(
        classes=tuple(
            LatentClass(name=str(j), owner=j, likelihood=likelihood.reweighted(ones)) for j in (0, 1)
        ),
        null_directions=np.zeros((0, 1)),
    )
    r = model.at(np.array([[2.0], [-2.0]]), np.array([0.5, 0.5])).responsibilities
    p = 1 / (1 + math.exp(-1.8))
    chance = np.array(
        [math.comb(CHOICES, k) * p**k * (1 - p) ** (CHOICES - k) for k in range(CHOICES + 1)]
    )  # under theta = +2; under -2 reversed
    error = float(np.sum(0.5 * (chance + chance[::-1]) * r.min(axis=1)))
    assert error == pytest.approx(8.86e-5, abs=5e-8)
    wrong = sum(chance[k] * (1.0 if k < 10 else 0.5) for k in range(11))
    assert error == pytest.approx(wrong, abs=1e-12)


def test_em_finds_both_intents() -> None:
    world, features = chain()
    rng = np.random.default_rng(KEY)
    truth = np.where(np.arange(UNITS) < UNITS // 2, 2.0, -2.0)
    arrivals = (rng.random((UNITS, CHOICES)) < 1 / (1 + np.exp(-0.9 * truth[:, None]))).astype(int)
    found = fit_mixture(walks(arrivals), world, features, n_components=2)
    assert found.outcome.ok
    assert found.n_reached > 1
    order = np.argsort(-found.weights[:, 0])
    for kind in ("hessian", "sandwich_clustered"):
        errors = found.standard_errors(kind)[order, 0]
        assert np.all(np.abs(found.weights[order, 0] - [2.0, -2.0]) <= 3 * errors)
        assert np.all((errors > 0.05) & (errors < 0.09))  # alone: 1 / (.9 sqrt(2000 p (1 - p))) = .0708
    assert np.all(np.abs(found.shares - 0.5) < 3 * 0.5 / math.sqrt(UNITS))
    assert np.mean(order[(truth < 0).astype(int)] == found.assigned) > 0.99
