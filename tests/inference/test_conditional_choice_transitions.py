"""Rewards from transitions alone: against the table, on a continuous-looking problem, and at the door."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap, TileBasis
from telic.inference import (
    ConditionalChoiceProbabilitySettings,
    ConditionalChoiceTransitionsSettings,
    conditional_choice_probability,
    conditional_choice_transitions,
)
from telic.mdp import TabularMDP
from telic.reports import Outcome, Severity
from telic.trajectories import Demonstrations

GAMMA = 0.9
MEASURED = MeasuredFeatureMap.from_expressions(
    {"overload": "-max(0, load - pods)", "pods": "-pods", "changes": "-abs(action)"},
    action_values=[-1, 0, 1],
    units=["request/s over", "pod", "change"],
)


class Scaling:
    """Pods follow the action exactly, load moves on its own: a grid so fine that nobody would count
    states."""

    def __init__(self, n_loads: int, n_pods: int) -> None:
        self.loads = np.linspace(0, 10, n_loads)
        kernel = np.exp(-0.5 * ((self.loads[None] - (5 + 0.8 * (self.loads[:, None] - 5))) / 1.2) ** 2)
        kernel /= kernel.sum(axis=1, keepdims=True)
        S = n_loads * n_pods
        self.P = np.zeros((S, 3, S))
        for pods in range(n_pods):
            for action in range(3):
                after = min(max(pods + action - 1, 0), n_pods - 1)
                rows = slice(pods * n_loads, (pods + 1) * n_loads)
                self.P[rows, action, after * n_loads : (after + 1) * n_loads] = kernel
        self.pods, self.load = (
            np.repeat(np.arange(n_pods), n_loads).astype(float),
            np.tile(self.loads, n_pods),
        )
        phi = np.zeros((S, 3, 3))
        phi[:, :, 0] = -np.maximum(0, self.load - self.pods)[:, None]
        phi[:, :, 1] = -self.pods[:, None]
        phi[:, :, 2] = -np.abs(np.arange(3) - 1)
        self.features = FeatureMap(values=phi, names=MEASURED.names, units=MEASURED.units)
        self.world = TabularMDP.from_transition(self.P, discount=GAMMA)
        self.tiles = TileBasis(
            edges={"pods": np.arange(n_pods - 1) + 0.5, "load": (self.loads[1:] + self.loads[:-1]) / 2}
        )

    def policy(self, theta):
        """The soft-optimal policy, by 400 sweeps written out here."""
        r = self.features.values @ theta
        V = np.zeros(len(self.P))
        for _ in range(400):
            Q = r + GAMMA * self.P @ V
            V = np.log(np.exp(Q - Q.max(axis=1, keepdims=True)).sum(axis=1)) + Q.max(axis=1)
        return np.exp(Q - V[:, None]) / np.exp(Q - V[:, None]).sum(axis=1, keepdims=True)

    def simulate(self, theta, n_paths, length, key):
        rng = np.random.default_rng(key)
        choose, move = self.policy(theta).cumsum(axis=1), self.P.cumsum(axis=2)
        s = rng.integers(0, len(self.P), n_paths)
        columns = [np.zeros((n_paths, length), dtype=int) for _ in range(3)]
        for t in range(length):
            a = np.minimum((rng.random(n_paths)[:, None] > choose[s]).sum(axis=1), 2)
            after = np.minimum((rng.random(n_paths)[:, None] > move[s, a]).sum(axis=1), len(self.P) - 1)
            for column, value in zip(columns, (s, a, after), strict=True):
                column[:, t] = value
            s = after
        s, a, after = (c.ravel() for c in columns)
        demos = Demonstrations.from_arrays(
            s, a, next_states=after, offsets=np.arange(0, len(s) + 1, length), action_labels=["-1", "0", "1"]
        )
        return replace(
            demos,
            observations={"pods": self.pods[s], "load": self.load[s]},
            next_observations={"pods": self.pods[after], "load": self.load[after]},
            next_known=np.ones(len(s), dtype=bool),
        )


@pytest.fixture(scope="module")
def coarse():
    return Scaling(n_loads=4, n_pods=3)


@pytest.fixture(scope="module")
def coarse_demos(coarse):
    return coarse.simulate(np.array([0.6, 0.5, 0.5]), 100, 50, key=7)


def test_with_one_tile_a_state_it_is_the_tabular_estimator(coarse, coarse_demos):
    """Transitions counted, choice probabilities counted: the two must be the same number."""
    demos = coarse_demos
    S = len(coarse.P)
    counts = np.zeros((S, 3, S))
    np.add.at(counts, (demos.states, demos.actions, demos.next_states), 1.0)
    seen = counts.sum(axis=2) > 0
    assert seen.all()
    world = TabularMDP.from_transition(counts / counts.sum(axis=2, keepdims=True), discount=GAMMA)
    table = conditional_choice_probability(
        demos,
        world,
        coarse.features,
        settings=ConditionalChoiceProbabilitySettings(smoothing=0.0, n_iterations=1),
    )
    settings = ConditionalChoiceTransitionsSettings(ridge=1e-7, choice_ridge=1e-8, correct_noise=False)
    rows = conditional_choice_transitions(
        demos, MEASURED, discount=GAMMA, basis=coarse.tiles, settings=settings
    )
    np.testing.assert_allclose(rows.weights, table.weights, atol=1e-4)
    for kind in ("hessian", "outer_product"):
        np.testing.assert_allclose(rows.standard_errors(kind), table.standard_errors(kind), rtol=1e-3)


def test_on_a_fine_grid_it_agrees_with_the_tabular_answer():
    """440 states, 10,000 decisions: within 2 standard errors of the maximum of the exact likelihood."""
    problem, theta = Scaling(n_loads=40, n_pods=11), np.array([1.0, 0.3, 0.7])
    demos = problem.simulate(theta, 200, 50, key=11)
    table = conditional_choice_probability(demos, problem.world, problem.features)
    rows = conditional_choice_transitions(demos, MEASURED, discount=GAMMA, exogenous=["load"])
    assert rows.outcome.ok
    error = rows.standard_errors("sandwich_clustered")
    assert np.all(np.abs(rows.weights - table.weights) < 2 * error)
    assert np.all(np.abs(rows.weights - theta) < 3 * error)
    assert np.all(error < 1.6 * table.standard_errors("sandwich_clustered"))
    assert rows.certificate["reliability"] > 0.9
    assert rows.units == MEASURED.units
    assert rows.fixed_by_assumption["exogenous"] == "load"


@pytest.mark.slow
def test_intervals_cover_the_truth(coarse):
    """100 sets: 95 % intervals of each of 3 weights cover inside the central binomial interval at .001 / 3.

    The true coverage is taken as .95; keys 0 to 99 were fixed before the first run.
    """
    theta, n_sets = np.array([0.6, 0.5, 0.5]), 100
    covered = np.zeros(3, dtype=int)
    for key in range(n_sets):
        demos = coarse.simulate(theta, 100, 50, key=key)
        fit = conditional_choice_transitions(demos, MEASURED, discount=GAMMA, exogenous=["load"])
        assert fit.outcome.ok
        covered += np.abs(fit.weights - theta) < 1.959964 * fit.standard_errors("sandwich_clustered")
    low, high = binom.ppf([0.001 / 6, 1 - 0.001 / 6], n_sets, 0.95)
    assert np.all((covered >= low) & (covered <= high)), covered


def test_noise_that_swamps_the_answer_is_an_outcome(coarse):
    """Without saying that load moves on its own, 500 transitions cannot tell overload from pods."""
    demos = coarse.simulate(np.array([0.6, 0.5, 0.5]), 10, 50, key=3)
    blind = conditional_choice_transitions(demos, MEASURED, discount=GAMMA, basis=coarse.tiles)
    assert blind.outcome is Outcome.COLLINEAR
    assert not blind.covariances
    finding = next(f for f in blind.findings if f.code == "value-noise")
    assert finding.severity is Severity.ERROR
    assert "exogenous" in finding.hint


def test_next_rows_stand_in_for_next_observations(coarse_demos):
    rows = conditional_choice_transitions(coarse_demos, MEASURED, discount=GAMMA, exogenous=["load"])
    bare = replace(coarse_demos, next_observations={}, next_known=None)
    stacked = conditional_choice_transitions(bare, MEASURED, discount=GAMMA, exogenous=["load"])
    error = rows.standard_errors("sandwich_clustered")
    assert np.all(np.abs(rows.weights - stacked.weights) < error)  # 2 % fewer transitions


def test_terminated_trajectories_are_followed_by_nothing(coarse_demos):
    """At discount 0 nothing follows anyway; at .9 ends change the answer, and 1 is allowed only with ends."""
    ended = replace(
        coarse_demos,
        terminated=np.ones(coarse_demos.n_trajectories, bool),
        truncated=np.zeros(coarse_demos.n_trajectories, bool),
    )
    myopic = [
        conditional_choice_transitions(d, MEASURED, discount=0.0).weights for d in (coarse_demos, ended)
    ]
    np.testing.assert_allclose(myopic[0], myopic[1], atol=1e-9)
    far = [
        conditional_choice_transitions(d, MEASURED, discount=GAMMA, exogenous=["load"]).weights
        for d in (coarse_demos, ended)
    ]
    assert np.abs(far[0] - far[1]).max() > 1e-3
    assert conditional_choice_transitions(
        ended, MEASURED, discount=1.0, exogenous=["load"]
    ).weights.shape == (3,)
    with pytest.raises(SettingsError, match="1 only where every trajectory terminates"):
        conditional_choice_transitions(coarse_demos, MEASURED, discount=1.0)


def test_at_discount_zero_it_is_a_plain_logit(coarse, coarse_demos):
    myopic = TabularMDP.from_transition(coarse.P, discount=0.0)
    table = conditional_choice_probability(coarse_demos, myopic, coarse.features)
    rows = conditional_choice_transitions(coarse_demos, MEASURED, discount=0.0)
    # pods and overload are the same for every action today, so only the change cost is told
    assert rows.nullity == table.nullity == 2
    np.testing.assert_allclose(rows.weights, table.weights, atol=1e-8)
    kind = "sandwich_clustered"
    np.testing.assert_allclose(rows.standard_errors(kind)[2], table.standard_errors(kind)[2], rtol=1e-6)


def test_actions_that_are_ruled_out_do_not_count(coarse, coarse_demos):
    def available(columns):
        allowed = np.ones((len(columns["pods"]), 3), dtype=bool)
        allowed[columns["pods"] == 0, 0] = False
        return allowed

    with pytest.raises(DataError, match="action -1"):
        conditional_choice_transitions(coarse_demos, MEASURED, discount=GAMMA, available=available)
    keep = ~((coarse_demos.observations["pods"] == 0) & (coarse_demos.actions == 0))
    weights = keep.astype(float)
    moved = np.where(keep, coarse_demos.actions, 1).astype(np.int32)
    demos = replace(coarse_demos, actions=moved, weights=weights)
    fit = conditional_choice_transitions(
        demos, MEASURED, discount=GAMMA, exogenous=["load"], available=available
    )
    assert fit.outcome.ok
    assert fit.n_decisions == int(keep.sum())


def test_the_bootstrap_is_deterministic_and_agrees_with_the_clustered_errors(coarse_demos):
    settings = ConditionalChoiceTransitionsSettings(n_bootstrap=20, key=5, degree=2)
    few = coarse_demos.select(np.arange(50))
    runs = [
        conditional_choice_transitions(few, MEASURED, discount=GAMMA, exogenous=["load"], settings=settings)
        for _ in range(2)
    ]
    findings = [next(f for f in run.findings if f.code == "bootstrap") for run in runs]
    assert findings[0] == findings[1]
    assert runs[0].provenance.key == 5
    spread = np.array(list(findings[0].evidence["standard_errors"].values()))
    ratio = spread / runs[0].standard_errors("sandwich_clustered")
    assert np.all((ratio > 0.5) & (ratio < 1.7))  # 20 draws: each ratio has a standard error of .16


def test_a_reward_that_misses_what_matters_is_told(coarse):
    demos = coarse.simulate(np.array([1.5, 1.2, 0.2]), 100, 50, key=9)
    poor = MeasuredFeatureMap.from_expressions({"changes": "-abs(action)"}, action_values=[-1, 0, 1])
    fit = conditional_choice_transitions(demos, poor, discount=GAMMA)
    assert "choice-misfit" in {f.code for f in fit.findings}


def test_the_door(coarse_demos):
    def fit(demos=coarse_demos, discount=GAMMA, **rest):
        return conditional_choice_transitions(demos, MEASURED, discount=discount, **rest)

    with pytest.raises(DataError, match="no decisions"):
        fit(coarse_demos.select(np.zeros(100, dtype=bool)))
    with pytest.raises(DataError, match="only states"):
        fit(replace(coarse_demos, observations={}, next_observations={}))
    with pytest.raises(DataError, match="No decision has a known outcome"):
        fit(replace(coarse_demos, next_known=np.zeros(coarse_demos.n_decisions, dtype=bool)))
    with pytest.raises(SettingsError, match="not measured"):
        fit(exogenous=["weather"])
    with pytest.raises(SettingsError, match="`discount`"):
        fit(discount=1.5)
    with pytest.raises(DataError, match="one boolean a row and action"):
        fit(available=lambda columns: np.ones((2, 3), dtype=bool))
    two = MeasuredFeatureMap(names=("a",), function=lambda c, a: np.zeros((len(a), 1)), n_actions=2)
    with pytest.raises(DataError, match="know 2 actions, the demonstrations 3"):
        conditional_choice_transitions(coarse_demos, two, discount=GAMMA)
    with pytest.raises(SettingsError, match="`ridge` must be positive"):
        ConditionalChoiceTransitionsSettings(ridge=0.0)
    with pytest.raises(SettingsError, match="n_iterations"):
        ConditionalChoiceTransitionsSettings(n_iterations=0)
