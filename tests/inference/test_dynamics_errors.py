"""What estimated dynamics add to the errors: against refitting, against a delta method by hand, and its
refusals.

World of the closed form: two states; in each, action 0 stays, action 1 moves with probability q. One feature,
the indicator of state 1. With choices p(move | 0) and p(stay | 1) the weight depends on q, so an error of q
is an error of the weight.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.inference import MaxCausalEntropySettings, max_causal_entropy
from telic.inference.dynamics_errors import dynamics_errors
from telic.inference.tradeoffs import tradeoff
from telic.mdp import TabularMDP
from telic.planning import simulate, solve_soft
from telic.trajectories import Demonstrations

Q, N = 0.6, 4000


def world(q: float) -> TabularMDP:
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[1, 0, 1] = 1.0
    P[0, 1] = [1 - q, q]
    P[1, 1] = [q, 1 - q]
    return TabularMDP.from_transition(P, discount=0.9)


FEATURES = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")


@pytest.fixture(scope="module")
def demos() -> Demonstrations:
    rng = np.random.default_rng(5)
    states = rng.integers(0, 2, N)
    moves = rng.random(N) < np.where(states == 0, 0.7, 0.3)
    return Demonstrations.from_arrays(
        states, moves.astype(int), next_states=np.full(N, -1), offsets=np.arange(0, N + 1, 40)
    )


@pytest.fixture(scope="module")
def fit(demos):
    return max_causal_entropy(demos, world(Q), FEATURES)


def test_it_is_the_spread_that_refitting_would_give(demos, fit):
    rng = np.random.default_rng(6)
    worlds = [world(q) for q in rng.normal(Q, 0.01, 60)]
    added = dynamics_errors(fit, demos, FEATURES, worlds)
    refitted = np.array([max_causal_entropy(demos, w, FEATURES).weights[0] for w in worlds])
    # First order: agreement to the size of the second-order term, here about 2 %.
    assert added.standard_errors[0] == pytest.approx(refitted.std(ddof=1), rel=0.05)
    assert added.n_worlds == 60
    assert added.n_failed == 0


def test_it_follows_the_derivative_of_the_weight_by_the_dynamics(demos, fit):
    step = 1e-4
    up, down = (max_causal_entropy(demos, world(Q + s), FEATURES).weights[0] for s in (step, -step))
    slope = (up - down) / (2 * step)
    spread = np.linspace(-0.005, 0.005, 21)
    added = dynamics_errors(fit, demos, FEATURES, [world(Q + x) for x in spread])
    assert added.standard_errors[0] == pytest.approx(abs(slope) * spread.std(ddof=1), rel=0.01)


def test_it_is_added_to_every_kind(demos, fit):
    added = dynamics_errors(fit, demos, FEATURES, [world(Q + 0.001 * i) for i in range(12)])
    whole = added.added_to(fit)
    for kind, covariance in fit.covariances.items():
        assert whole.covariances[kind] == pytest.approx(covariance + added.covariance)
        assert whole.standard_errors(kind)[0] > fit.standard_errors(kind)[0]


def test_what_a_method_includes_itself_is_not_added_twice(demos, fit):
    added = dynamics_errors(fit, demos, FEATURES, [world(Q + 0.001 * i) for i in range(12)])
    own = replace(fit, kinds_with_dynamics=("sandwich", "sandwich_clustered"))
    whole = added.added_to(own)
    for kind, covariance in fit.covariances.items():
        more = 0.0 if kind in own.kinds_with_dynamics else added.covariance
        assert whole.covariances[kind] == pytest.approx(covariance + more)
    assert "but sandwich and sandwich_clustered including the error" in own.errors_note
    assert "conditional on the transition probabilities." in fit.errors_note
    assert whole.errors_note.endswith("including the error of the estimated transitions.")
    assert added.added_to(whole).covariances["hessian"] == pytest.approx(whole.covariances["hessian"])


def test_known_dynamics_add_nothing(demos, fit):
    added = dynamics_errors(fit, demos, FEATURES, [world(Q)] * 10)
    assert added.covariance == pytest.approx(np.zeros((1, 1)), abs=1e-20)


def test_worlds_that_never_saw_a_transition_are_no_error(fit):
    one_way = world(Q)
    stuck = TabularMDP.from_transition(np.repeat(np.eye(2)[:, None], 2, axis=1), discount=0.9)
    seen = Demonstrations.from_arrays([0, 0, 1, 1] * 20, [1, 0, 0, 1] * 20, next_states=[1, 0, 1, 0] * 20)
    again = max_causal_entropy(seen, one_way, FEATURES)
    added = dynamics_errors(again, seen, FEATURES, [one_way] * 9 + [stuck])
    assert added.n_worlds == 10


def test_too_few_worlds_are_refused(demos, fit):
    with pytest.raises(SettingsError, match="At least 10 re-estimated worlds are needed, got 3"):
        dynamics_errors(fit, demos, FEATURES, [world(Q)] * 3)


def test_without_a_hessian_there_is_nothing_to_add(demos, fit):
    assert dynamics_errors(replace(fit, covariances={}), demos, FEATURES, [world(Q)] * 10) is None


def test_an_estimated_rationality_moves_with_the_dynamics_too():
    """Against refits: of the weight that is stated, and of its ratio to the one that states it."""
    rng = np.random.default_rng(3)
    S, A = 8, 3
    P = rng.dirichlet(np.full(S, 0.5), size=(S, A))
    here = TabularMDP.from_transition(P, discount=0.9, initial=np.full(S, 1 / S))
    features = FeatureMap(values=rng.normal(size=(S, A, 2)), names=("x", "y"))
    expert = solve_soft(here, features.values @ np.array([1.0, -0.6])).policy
    choices = simulate(here, expert, 60, 10, key=1)
    choices = replace(choices, next_states=np.full(600, -1, dtype=np.int32))
    noise = np.exp(0.05 * rng.normal(size=(30, *P.shape)))
    worlds = [TabularMDP.from_transition(p / p.sum(axis=-1, keepdims=True), discount=0.9) for p in P * noise]
    plain = max_causal_entropy(choices, here, features)
    free = MaxCausalEntropySettings(rationality="free", fixed_weights={"x": 1.0})
    fit = max_causal_entropy(choices, here, features, settings=free)
    added = dynamics_errors(fit, choices, features, worlds)
    refitted = [max_causal_entropy(choices, w, features, settings=free).weights[1] for w in worlds]
    assert added.standard_errors == pytest.approx([0.0, np.std(refitted, ddof=1)], rel=0.1)
    told = tradeoff(added.added_to(fit), "y", "x", kind="hessian")
    same = tradeoff(
        dynamics_errors(plain, choices, features, worlds).added_to(plain), "y", "x", kind="hessian"
    )
    assert told.interval == pytest.approx(same.interval, rel=1e-5)
