"""Predictions under a change: T4's numbers, derivatives against differences of a brute force written here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from telic.errors import DynamicsError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.counterfactual import counterfactual, world_of_goal
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.mdp.tabular import as_transition
from telic.reports import Outcome, Provenance
from telic.rewards import Gauge, LinearReward, RewardEstimate

CHAIN = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
S, A, K = 5, 3, 3


def estimate(features: FeatureMap, weights: list[float], C: np.ndarray | None, **rest: Any) -> RewardEstimate:
    theta = np.array(weights)
    settings: dict[str, Any] = {
        "method": "by_hand",
        "outcome": Outcome.SUCCESS,
        "reward": LinearReward(features=features, weights=theta),
        "names": features.names,
        "units": features.units or ("",) * len(theta),
        "weights": theta,
        "covariances": {} if C is None else {"hessian": C},
        "gauge": Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=0.9),
        "null_directions": np.zeros((0, len(theta))),
        "n_decisions": 100,
        "n_trajectories": 10,
        "choice_log_likelihood": -50.0,
        "transition_log_likelihood": None,
        "certificate": {},
        "fixed_by_assumption": {"discount": 0.9},
        "seconds": 0.0,
    }
    return RewardEstimate(**{**settings, **rest})


def chain_estimate() -> tuple[RewardEstimate, TabularMDP]:
    on = np.array([[0.0, 0.0], [1.0, 1.0]])
    switch = np.array([[0.0, -1.0], [0.0, -1.0]])
    phi = FeatureMap(values=np.stack([on, switch], axis=-1), names=("on", "switch"))
    C = np.array([[0.07148**2, -0.2771 * 0.07148 * 0.07644], [-0.2771 * 0.07148 * 0.07644, 0.07644**2]])
    world = TabularMDP.from_transition(CHAIN, discount=0.9, initial=np.array([1.0, 0.0]))
    return estimate(phi, [1.0, 0.5], C), world


def test_t4_counterfactual() -> None:
    fit, world = chain_estimate()
    found = counterfactual(fit, world, weights={"on": 2.0})
    assert found.before.probabilities[:, 1] == pytest.approx([0.65161056, 0.16436173], abs=1e-6)
    assert found.after.probabilities[:, 1] == pytest.approx([0.83938307, 0.06576471], abs=1e-6)
    doubled = counterfactual(fit, world, scale={"on": 2.0})
    np.testing.assert_allclose(doubled.after.probabilities, found.after.probabilities, atol=1e-12)
    assert np.all(doubled.after.standard_errors[:, 1] > found.after.standard_errors[:, 1] * 0.5)
    assert found.change == "the weight of on is 2"
    assert doubled.change == "the weight of on is multiplied by 2"


def random_problem(key: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(key)
    P = rng.dirichlet(np.full(S, 0.6), size=(S, A))
    root = rng.normal(size=(K, K)) * 0.1
    return P, rng.normal(size=(S, A, K)), rng.normal(size=K), root @ root.T


def brute_policy(P: np.ndarray, r: np.ndarray, discount: float, beta: float = 1.0) -> np.ndarray:
    V = np.zeros(len(P))
    for _ in range(400):  # 0.9 ** 400 is 5e-19
        Q = beta * (r + discount * P @ V)
        V = (np.log(np.exp(Q - Q.max(axis=1, keepdims=True)).sum(axis=1)) + Q.max(axis=1)) / beta
    return np.exp(beta * (r + discount * P @ V - V[:, None]))


def brute_rates(P: np.ndarray, pi: np.ndarray, g: np.ndarray, rho: np.ndarray, discount: float) -> np.ndarray:
    chain = np.einsum("sa,sat->st", pi, P)
    mu = np.linalg.solve((np.eye(len(P)) - discount * chain).T, rho)
    return np.einsum("s,sa,saj->j", mu, pi, g) / mu.sum()


def jacobian(f: Callable[[np.ndarray], np.ndarray], theta: np.ndarray) -> np.ndarray:
    h = 1e-5
    steps = np.eye(len(theta)) * h
    return np.stack([(f(theta + e) - f(theta - e)) / (2 * h) for e in steps], axis=-1)


@pytest.mark.parametrize("rate_discount", [None, 0.99])
def test_errors_against_differences(rate_discount: float | None) -> None:
    P, phi, theta, C = random_problem()
    rho = np.random.default_rng(5).dirichlet(np.ones(S))
    world = TabularMDP.from_transition(P, discount=0.9, initial=rho)
    gauge = Gauge(kind="minimum-norm", description="", rationality=1.7, discount=0.9)
    fit = estimate(FeatureMap(values=phi, names=("a", "b", "c")), list(theta), C, gauge=gauge)
    factor = np.array([1.0, 2.0, 1.0])
    found = counterfactual(fit, world, scale={"b": 2.0}, rate_discount=rate_discount)

    def pi_of(w: np.ndarray) -> np.ndarray:
        return brute_policy(P, phi @ (factor * w), 0.9, 1.7)

    def rate_of(w: np.ndarray) -> np.ndarray:
        return brute_rates(P, pi_of(w), phi, rho, rate_discount or 0.9)

    J = jacobian(pi_of, theta)
    np.testing.assert_allclose(found.after.probabilities, pi_of(theta), atol=1e-10)
    np.testing.assert_allclose(
        found.after.standard_errors, np.sqrt(np.einsum("sak,kl,sal->sa", J, C, J)), rtol=1e-6
    )
    before = brute_rates(P, brute_policy(P, phi @ theta, 0.9, 1.7), phi, rho, rate_discount or 0.9)
    G0 = jacobian(
        lambda w: brute_rates(P, brute_policy(P, phi @ w, 0.9, 1.7), phi, rho, rate_discount or 0.9), theta
    )
    G1 = jacobian(rate_of, theta)
    for j, rate in enumerate(found.rates):
        assert rate.before == pytest.approx(before[j], abs=1e-10)
        assert rate.after == pytest.approx(rate_of(theta)[j], abs=1e-10)
        assert rate.after_error == pytest.approx(np.sqrt(G1[j] @ C @ G1[j]), rel=1e-5)
        d = G1[j] - G0[j]
        assert rate.difference_error == pytest.approx(np.sqrt(d @ C @ d), rel=1e-5)
        assert np.mean(rate.interval) == pytest.approx(rate.difference)


def test_fixed_horizon_against_differences() -> None:
    P, phi, theta, C = random_problem(1)
    H, rho = 4, np.eye(S)[2]
    world = FiniteHorizonMDP.from_transition(P, horizon=H, initial=rho)
    fit = estimate(FeatureMap(values=phi, names=("a", "b", "c")), list(theta), C)
    found = counterfactual(fit, world, weights={"c": 0.3})

    def walk(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = phi @ np.array([w[0], w[1], 0.3])
        V, tables = np.zeros(S), []
        for _ in range(H):
            Q = r + P @ V
            V = logsumexp(Q, axis=1)
            tables.append(np.exp(Q - V[:, None]))
        pi = np.array(tables[::-1])
        d, rate = rho, np.zeros(K)
        for t in range(H):
            rate += np.einsum("s,sa,saj->j", d, pi[t], phi) / H
            d = np.einsum("s,sa,sat->t", d, pi[t], P)
        return pi, rate

    J, G = jacobian(lambda w: walk(w)[0], theta), jacobian(lambda w: walk(w)[1], theta)
    np.testing.assert_allclose(found.after.probabilities, walk(theta)[0], atol=1e-12)
    np.testing.assert_allclose(
        found.after.standard_errors, np.sqrt(np.einsum("tsak,kl,tsal->tsa", J, C, J)), rtol=1e-6, atol=1e-12
    )
    for j, rate in enumerate(found.rates):
        assert rate.after == pytest.approx(walk(theta)[1][j], abs=1e-12)
        assert rate.after_error == pytest.approx(np.sqrt(G[j] @ C @ G[j]), rel=1e-5)
    assert found.choice_table().rows == ()


def test_other_outcomes_than_the_reward() -> None:
    fit, world = chain_estimate()
    pods = FeatureMap(values=np.array([[2.0], [5.0]]), names=("pods",), units=("pod",), form="S")
    found = counterfactual(fit, world, scale={"on": 3.0}, outcomes=pods)
    assert [r.name for r in found.rates] == ["pods"]
    assert found.rates[0].after > found.rates[0].before
    assert "pods more per decision" in found.rates[0].sentence
    report = found.summary()
    assert report.headline.startswith("If the weight of on is multiplied by 3: pods:")
    assert len(found.choice_table(state_labels=("off", "on")).rows) == 2
    assert found.to_json()["rates"][0]["name"] == "pods"


def test_directions_that_the_data_could_not_tell_have_infinite_errors() -> None:
    P, phi, theta, C = random_problem()
    phi[..., 2] = phi[..., 0] + 2.0 * phi[..., 1]
    v = np.array([1.0, 2.0, -1.0]) / np.sqrt(6.0)
    keep = np.eye(3) - np.outer(v, v)
    world = TabularMDP.from_transition(P, discount=0.9, initial=np.full(S, 1 / S))
    features = FeatureMap(values=phi, names=("a", "b", "c"))
    fit = estimate(features, list(keep @ theta), keep @ C @ keep, null_directions=v[None])
    found = counterfactual(fit, world, scale={"a": 2.0})
    assert np.all(np.isfinite(found.before.standard_errors))
    assert np.all(np.isinf(found.after.standard_errors))
    assert any(f.code == "prediction-not-identified" for f in found.findings)
    assert all(np.isinf(r.difference_error) and np.isfinite(r.before_error) for r in found.rates)
    assert "cannot be told" in found.rates[0].sentence
    alike = counterfactual(fit, world, scale={"a": 2.0, "b": 2.0, "c": 2.0})
    assert np.all(np.isfinite(alike.after.standard_errors))


def test_a_state_action_reward_in_new_dynamics_warns() -> None:
    fit, world = chain_estimate()
    swapped = TabularMDP.from_transition(CHAIN[:, ::-1], discount=0.9, initial=np.array([1.0, 0.0]))
    found = counterfactual(fit, world, new_world=swapped)
    assert [f.code for f in found.findings] == ["state-action-transfer"]
    assert found.change == "the dynamics change"
    state_only = FeatureMap(values=np.array([[0.0], [1.0]]), names=("on",), form="S")
    quiet = counterfactual(estimate(state_only, [1.0], np.eye(1)), world, new_world=swapped)
    assert quiet.findings == ()
    np.testing.assert_allclose(quiet.before.probabilities, quiet.after.probabilities[:, ::-1], atol=1e-12)
    elsewhere = replace(fit, provenance=Provenance(inputs={"world": "sha256:other"}))
    assert counterfactual(elsewhere, world, scale={"on": 2.0}).findings[0].code == "state-action-transfer"


def test_without_errors_or_start_it_says_so() -> None:
    fit, world = chain_estimate()
    bare = counterfactual(replace(fit, covariances={}), replace(world, initial=None), scale={"on": 2.0})
    assert {f.code for f in bare.findings} == {"no-standard-errors", "no-start-distribution"}
    assert np.isnan(bare.after.standard_errors).all()
    assert bare.rates == ()


def test_an_undiscounted_destination_and_a_problem_without_solution() -> None:
    ring = np.zeros((4, 2, 4))
    for s in range(4):
        ring[s, 0, (s + 1) % 4] = ring[s, 1, (s - 1) % 4] = 1.0
    matrix, count = as_transition(ring, None)
    roads = GoalConditionedMDP(transition=matrix, n_actions=count, goals=np.array([0], dtype=np.int32))
    steps = FeatureMap(values=np.ones((4, 2, 1)), names=("step",))
    fit = estimate(steps, [-2.0], np.eye(1) * 0.01)
    world = world_of_goal(roads, 0)
    found = counterfactual(fit, world, scale={"step": 2.0}, initial=np.array([0, 0, 1.0, 0]))
    assert found.outcome is Outcome.SUCCESS
    assert found.after.probabilities[1, 1] > found.before.probabilities[1, 1]
    lost = counterfactual(fit, world, weights={"step": 1.0}, initial=np.array([0, 0, 1.0, 0]))
    assert lost.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert lost.summary().headline.startswith("No prediction (soft-value-diverges)")
    assert np.isnan(lost.after.probabilities).all()
    with pytest.raises(DynamicsError, match="no destination"):
        world_of_goal(roads, 2)


def test_mistakes_at_the_door() -> None:
    fit, world = chain_estimate()
    with pytest.raises(SettingsError, match="Nothing is changed"):
        counterfactual(fit, world)
    with pytest.raises(FeatureError, match="No weight is called cost"):
        counterfactual(fit, world, scale={"cost": 2.0})
    with pytest.raises(SettingsError, match="both scaled and set"):
        counterfactual(fit, world, scale={"on": 2.0}, weights={"on": 1.0})
    with pytest.raises(SettingsError, match="not a finite number"):
        counterfactual(fit, world, weights={"on": np.inf})
    with pytest.raises(SettingsError, match="did not converge"):
        counterfactual(replace(fit, outcome=Outcome.SEPARATION), world, scale={"on": 2.0})
    with pytest.raises(DynamicsError, match="distribution over 2 states"):
        counterfactual(fit, world, scale={"on": 2.0}, initial=np.ones(2))
    with pytest.raises(SettingsError, match="rate_discount"):
        counterfactual(fit, world, scale={"on": 2.0}, rate_discount=1.0)
    renamed = FeatureMap(values=np.zeros((2, 2, 2)), names=("x", "y"))
    with pytest.raises(FeatureError, match="names of the fit"):
        counterfactual(fit, world, scale={"on": 2.0}, new_features=renamed)
