"""Penalised fits say so beside every error and interval, and never pass a ratio of dropped weights for a
number.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.dynamics_errors import dynamics_errors
from telic.inference.settings import FitSettings
from telic.inference.tradeoffs import TradeoffStatus, default_pairs, tradeoff, tradeoff_table
from telic.mdp import TabularMDP
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

S, A, N, LENGTH = 5, 3, 40, 20
RNG = np.random.default_rng(3)
P = RNG.dirichlet(np.ones(S), size=(S, A))
FEATURES = FeatureMap(
    values=np.concatenate([RNG.normal(size=(S, A, 2)), 0.01 * RNG.normal(size=(S, A, 1))], axis=2),
    names=("time", "money", "noise"),
    units=("minute", "euro", ""),
)


@pytest.fixture(scope="module")
def world() -> TabularMDP:
    return TabularMDP.from_transition(P, discount=0.8)


@pytest.fixture(scope="module")
def demos() -> Demonstrations:
    rng = np.random.default_rng(4)
    shares = np.exp(FEATURES.values[..., :2] @ np.array([-1.0, -0.7]))
    shares /= shares.sum(axis=1, keepdims=True)
    s = rng.integers(S, size=N)
    states, actions, after = [], [], []
    for _ in range(LENGTH):
        a = np.array([rng.choice(A, p=shares[i]) for i in s])
        n = np.array([rng.choice(S, p=P[i, j]) for i, j in zip(s, a, strict=True)])
        states.append(s), actions.append(a), after.append(n)
        s = n
    flat = [np.stack(rows, axis=1).ravel() for rows in (states, actions, after)]
    return Demonstrations.from_arrays(
        flat[0], flat[1], next_states=flat[2], offsets=np.arange(0, N * LENGTH + 1, LENGTH)
    )


def fitted(demos: Demonstrations, world: TabularMDP, **settings: float) -> RewardEstimate:
    fit = max_causal_entropy(demos, world, FEATURES, settings=FitSettings(**settings))
    assert fit.outcome.ok
    return fit


def test_without_a_penalty_nothing_is_said(demos: Demonstrations, world: TabularMDP) -> None:
    fit = fitted(demos, world)
    assert fit.penalties == {}
    assert fit.errors_note == (
        "Standard errors without small-sample factor, conditional on the transition probabilities."
    )
    assert "penal" not in tradeoff(fit, "time", "money").sentence


def test_a_squared_penalty_is_said_beside_every_number(demos: Demonstrations, world: TabularMDP) -> None:
    fit = fitted(demos, world, l2=2.0)
    assert fit.penalties == {"l2": 2.0}
    assert "penalised (l2 = 2)" in fit.errors_note
    assert "without the bias of shrinking" in fit.to_json()["standard_errors_note"]
    assert "penalised (l2 = 2)" in fit.summary().to_text()
    found = tradeoff(fit, "time", "money")
    assert found.sentence.endswith(
        "Weights are shrunk by a penalty (l2 = 2); the interval leaves out that bias."
    )
    assert found.to_json()["fixed_by_assumption"]["l2"] == 2.0
    assert "leave out that bias" in tradeoff_table([found]).note
    assert [f.code for f in fit.findings].count("penalised-errors") == 1


def test_an_absolute_penalty_gives_no_ratio_of_what_it_dropped(
    demos: Demonstrations, world: TabularMDP
) -> None:
    fit = fitted(demos, world, l1=20.0)
    assert fit.weights[2] == 0.0
    assert "conditional on which weights the penalty set to zero" in fit.errors_note
    assert fit.to_json()["standard_errors"]["hessian"]["noise"] is None
    assert "conditional on which weights" in tradeoff(fit, "time", "money").sentence
    above, below = tradeoff(fit, "noise", "money"), tradeoff(fit, "time", "noise")
    assert (above.value, above.interval, above.status) == (None, None, TradeoffStatus.NO_ERRORS)
    assert (below.value, below.interval, below.status) == (None, None, TradeoffStatus.ZERO_DENOMINATOR)
    for found in (above, below):
        assert "absolute penalty (l1 = 20) set the weight of noise to zero" in found.sentence


@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_a_weight_that_only_the_penalty_keeps_finite_is_not_told(l2: float) -> None:
    """Action 2 is never taken, so without a penalty the weight of its indicator runs to minus infinity."""
    rng = np.random.default_rng(6)
    states = rng.integers(S, size=N * LENGTH)
    actions = (rng.random(N * LENGTH) < 0.4).astype(int)
    values = np.zeros((S, A, 3))
    values[:, 1, 0], values[:, 2, 1], values[..., 2] = 1.0, 1.0, np.arange(S)[:, None] / S
    features = FeatureMap(values=values, names=("go", "jump", "place"), units=("step", "jump", ""))
    again = np.array([rng.choice(S, p=P[s, a]) for s, a in zip(states, actions, strict=True)])
    demos = Demonstrations.from_arrays(
        states, actions, next_states=again, offsets=np.arange(0, N * LENGTH + 1, LENGTH)
    )
    world = TabularMDP.from_transition(P, discount=0.5)
    assert not max_causal_entropy(demos, world, features).outcome.ok
    fit = max_causal_entropy(demos, world, features, settings=FitSettings(l2=l2))
    assert fit.outcome.ok
    assert fit.held_by_penalty == ("jump",)
    assert fit.is_identified.tolist() == [True, False, True]
    assert np.isinf(fit.standard_errors("sandwich")[1])
    assert fit.to_json()["held_by_penalty"] == ["jump"]
    found = tradeoff(fit, "jump", "go")
    assert (found.value, found.status) == (None, TradeoffStatus.NOT_IDENTIFIED)
    assert "only the penalty keeps jump finite" in found.sentence
    assert default_pairs(fit)[0][1] != "jump"
    told = next(f for f in fit.findings if f.code == "held-by-penalty")
    assert "how strong the penalty is" in told.message


def test_strong_shrinking_alone_is_not_taken_for_it(demos: Demonstrations, world: TabularMDP) -> None:
    assert fitted(demos, world, l2=500.0).held_by_penalty == ()


def test_one_trajectory_has_no_clustered_error(demos: Demonstrations, world: TabularMDP) -> None:
    fit = max_causal_entropy(demos.select(np.array([0])), world, FEATURES, settings=FitSettings(l2=0.1))
    assert set(fit.covariances) == {"hessian", "outer_product", "sandwich"}
    assert [f.code for f in fit.findings].count("one-trajectory") == 1
    assert tradeoff(fit, "time", "money").kind == "sandwich"


def test_a_dropped_weight_does_not_move_with_the_dynamics(demos: Demonstrations, world: TabularMDP) -> None:
    fit = fitted(demos, world, l1=20.0)
    rng = np.random.default_rng(5)
    worlds = [
        TabularMDP.from_transition(
            np.stack([[rng.dirichlet(50 * P[s, a] + 1e-3) for a in range(A)] for s in range(S)]), discount=0.8
        )
        for _ in range(12)
    ]
    added = dynamics_errors(fit, demos, FEATURES, worlds)
    assert added is not None
    assert np.all(np.isfinite(added.covariance))
    assert added.standard_errors[2] == 0.0
    assert np.isinf(added.added_to(fit).standard_errors("hessian")[2])
