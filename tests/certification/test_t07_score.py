"""T7: exact score and Hessian of every kind of likelihood, and the certificate at the optimum.

CERTIFICATION.md: gradient of the log-likelihood against central differences on random MDPs, 5 seeds,
relative error <= 1e-6; at the optimum the gap (score per decision) <= 1e-5; demonstration-minus-model
feature counts are *not* the exact score on sampled data under stochastic dynamics.

Differences are of fourth order (Richardson) with step 1e-3: truncation about 1e-12, rounding about 1e-12
relative. The value itself is checked against plain sweeps written here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.inference import fit_likelihood
from telic.inference.likelihood import (
    ChoiceLikelihood,
    DiscountedLikelihood,
    FiniteHorizonLikelihood,
    GoalLikelihood,
    JointLikelihood,
    from_policy_table,
)
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.trajectories import Demonstrations

SEEDS = (11, 12, 13, 14, 15)
S, A, K = 7, 3, 4
KINDS = (
    "discounted",
    "discounted-sparse-weighted",
    "absorbing",
    "finite",
    "goal-stochastic",
    "goal-deterministic",
    "joint",
    "policy-table",
    "free-state",
    "free-pair",
)


def random_transition(rng: np.random.Generator, s: int = S, a: int = A) -> np.ndarray:
    return rng.dirichlet(np.full(s, 0.5), size=(s, a))


def random_rows(
    rng: np.random.Generator, P: np.ndarray, n_trajectories: int, length: int
) -> dict[str, np.ndarray]:
    """Uniformly random behaviour: nothing about the data is special, so neither is the score."""
    states, actions, following = [], [], []
    for _ in range(n_trajectories):
        s = int(rng.integers(P.shape[0]))
        for _ in range(length):
            a = int(rng.integers(P.shape[1]))
            t = int(rng.choice(P.shape[2], p=P[s, a]))
            states.append(s)
            actions.append(a)
            following.append(t)
            s = t
    return {
        "states": np.array(states),
        "actions": np.array(actions),
        "next_states": np.array(following),
        "offsets": np.arange(n_trajectories + 1) * length,
    }


def names(k: int) -> tuple[str, ...]:
    return tuple(f"f{i}" for i in range(k))


def make(kind: str, seed: int) -> tuple[ChoiceLikelihood, np.ndarray]:
    """A likelihood and weights at which its forward problem has a solution."""
    rng = np.random.default_rng(seed)
    P = random_transition(rng)
    rows = random_rows(rng, P, 6, 8)
    labels = tuple("abc")
    demos = Demonstrations.from_arrays(**rows, action_labels=labels)
    phi = FeatureMap(values=rng.normal(size=(S, A, K)), names=names(K))
    weights = 0.4 * rng.normal(size=K)
    if kind == "discounted":
        return DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.9), phi, demos, 1.3), weights
    if kind == "discounted-sparse-weighted":
        available = rng.random((S, A)) < 0.8
        available[rows["states"], rows["actions"]] = True
        available[:, 0] = True
        P = np.where(available[:, :, None], P, 0.0)
        sparse = FeatureMap(
            values=sp.csr_array(phi.values.reshape(S * A, K) * (rng.random((S * A, K)) < 0.5)), names=names(K)
        )
        weighted = Demonstrations.from_arrays(
            **rows, action_labels=labels, weights=rng.uniform(0, 2, len(rows["states"]))
        )
        return DiscountedLikelihood(
            TabularMDP.from_transition(P, discount=0.8, available=available), sparse, weighted
        ), weights
    if kind == "absorbing":
        absorbing = np.zeros(S, dtype=bool)
        absorbing[-1] = True
        keep = rows["states"] != S - 1
        alone = Demonstrations.from_arrays(
            rows["states"][keep],
            rows["actions"][keep],
            next_states=rows["next_states"][keep],
            action_labels=labels,
        )
        costly = FeatureMap(values=phi.values - 3.0, names=names(K))
        mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=absorbing)
        return DiscountedLikelihood(mdp, costly, alone), np.abs(weights) + 0.3
    if kind == "finite":
        mdp = FiniteHorizonMDP.from_transition(P, horizon=9, discount=0.95)
        of_state = FeatureMap(values=rng.normal(size=(S, K)), names=names(K), form="S")
        return FiniteHorizonLikelihood(mdp, of_state, demos, 0.7), weights
    if kind.startswith("goal"):
        if kind == "goal-deterministic":
            P = np.zeros((S, A, S))
            for s in range(S):  # a ring with chords: every state reaches every other
                P[s, 0, (s + 1) % S] = P[s, 1, (s - 1) % S] = P[s, 2, (s + 3) % S] = 1.0
            rows = random_rows(rng, P, 6, 8)
        goals = rng.integers(S, size=6)
        keep = rows["states"] != np.repeat(goals, 8)
        lengths = [int(keep[i * 8 : (i + 1) * 8].sum()) for i in range(6)]
        toward = Demonstrations.from_arrays(
            rows["states"][keep],
            rows["actions"][keep],
            next_states=rows["next_states"][keep],
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            goals=goals,
            action_labels=labels,
        )
        mdp = GoalConditionedMDP(
            transition=TabularMDP.from_transition(P, discount=0.5).transition,
            n_actions=A,
            goals=np.unique(goals).astype(np.int32),
        )
        costly = FeatureMap(values=phi.values - 3.0, names=names(K))
        return GoalLikelihood(mdp, costly, toward, 1.1), np.abs(weights) + 0.5
    if kind == "joint":
        other = random_transition(rng)
        more = Demonstrations.from_arrays(**random_rows(rng, other, 3, 8), action_labels=labels)
        return JointLikelihood(
            (
                DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.9), phi, demos),
                DiscountedLikelihood(TabularMDP.from_transition(other, discount=0.5), phi, more),
            )
        ), weights
    if kind == "policy-table":
        table = rng.dirichlet(np.ones(A), size=S)
        table[2] = 0.0
        return from_policy_table(
            TabularMDP.from_transition(P, discount=0.9),
            phi,
            table,
            state_weights=rng.uniform(0, 3, S),
            n_decisions=50,
        ), weights
    size = S if kind == "free-state" else S * A
    free = FeatureMap(
        values=sp.csr_array(sp.eye_array(size)), names=names(size), form="S" if kind == "free-state" else "SA"
    )
    mdp = TabularMDP.from_transition(P, discount=0.9)
    return DiscountedLikelihood(mdp, free, demos), 0.4 * rng.normal(size=size)


def richardson(f, x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Fourth-order central differences of a function with array values, one column a coordinate."""
    columns = []
    for k in range(len(x)):
        e = np.zeros_like(x)
        e[k] = step
        near = (np.asarray(f(x + e)) - np.asarray(f(x - e))) / (2 * step)
        far = (np.asarray(f(x + 2 * e)) - np.asarray(f(x - 2 * e))) / (4 * step)
        columns.append((4 * near - far) / 3)
    return np.stack(columns, axis=-1)


def relative_gap(ours: np.ndarray, reference: np.ndarray) -> float:
    return float(np.abs(ours - reference).max() / max(1e-3, np.abs(reference).max()))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_the_value(kind: str, seed: int) -> None:
    likelihood, weights = make(kind, seed)
    e = likelihood.evaluate(weights, order=2)
    assert e.outcome.ok
    value = likelihood.evaluate(weights, order=0).value
    assert value == pytest.approx(e.value, rel=1e-12)
    score = richardson(lambda w: likelihood.evaluate(w).value, weights)
    assert relative_gap(e.score, score) <= 1e-6
    hessian = richardson(lambda w: likelihood.evaluate(w, order=1).score, weights)
    assert relative_gap(e.hessian, hessian) <= 1e-6
    direction = np.random.default_rng(seed).normal(size=len(weights))
    assert relative_gap(likelihood.hessian_vector(weights, direction), hessian @ direction) <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_scores_by_trajectory_add_up(kind: str) -> None:
    likelihood, weights = make(kind, SEEDS[0])
    score = likelihood.evaluate(weights, order=1).score
    if likelihood.n_clusters:
        by_cluster = likelihood.cluster_scores(weights)
        assert by_cluster.shape == (likelihood.n_clusters, likelihood.n_weights)
        np.testing.assert_allclose(by_cluster.sum(axis=0), score, atol=1e-10)


@pytest.mark.parametrize("kind", ["discounted", "discounted-sparse-weighted", "finite", "goal-deterministic"])
def test_outer_products_are_those_of_single_decisions(kind: str) -> None:
    likelihood, weights = make(kind, SEEDS[0])
    demos = likelihood.data
    given = np.ones(demos.n_decisions) if demos.weights is None else demos.weights
    expected = np.zeros((K, K))
    for i in range(demos.n_decisions):  # the score of decision i alone: all other rows weigh nothing
        alone = replace(demos, weights=np.where(np.arange(demos.n_decisions) == i, given, 0.0))
        part = type(likelihood)(likelihood.mdp, likelihood.features, alone, likelihood.rationality)
        score = part.evaluate(weights, order=1).score
        expected += np.outer(score, score)
    np.testing.assert_allclose(likelihood.outer_product(weights), expected, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_value_is_that_of_plain_sweeps(seed: int) -> None:
    likelihood, weights = make("discounted", seed)
    mdp, beta = likelihood.mdp, likelihood.rationality
    P = mdp.transition.toarray().reshape(S, A, S)
    R = likelihood.features.values @ weights
    V = np.zeros(S)
    for _ in range(600):
        Q = R + mdp.discount * P @ V
        V = np.log(np.exp(beta * Q).sum(axis=1)) / beta
    demos = likelihood.data
    expected = (beta * (R + mdp.discount * P @ V - V[:, None]))[demos.states, demos.actions].sum()
    assert likelihood.evaluate(weights).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    "kind", ["discounted", "absorbing", "finite", "goal-stochastic", "goal-deterministic", "joint"]
)
def test_certificate_at_the_optimum(kind: str) -> None:
    likelihood, _ = make(kind, SEEDS[1])
    estimate = fit_likelihood(likelihood)
    assert estimate.outcome.ok
    gap = (
        np.abs(richardson(lambda w: likelihood.evaluate(w).value, estimate.weights)).max()
        / likelihood.n_decisions
    )
    assert gap <= 1e-5
    assert estimate.certificate["score_norm"] <= 1e-6
    assert estimate.certificate["bellman_residual"] <= 1e-9


def test_feature_counts_are_not_the_score_on_sampled_data() -> None:
    """Demonstration-minus-model discounted feature counts differ from the exact score, by far more than
    rounding.
    """
    rng = np.random.default_rng(SEEDS[2])
    P = random_transition(rng)
    mdp = TabularMDP.from_transition(P, discount=0.9)
    phi = rng.normal(size=(S, A, K))
    length = 40
    rows = random_rows(rng, P, 5, length)
    demos = Demonstrations.from_arrays(**rows, action_labels=tuple("abc"))
    likelihood = DiscountedLikelihood(mdp, FeatureMap(values=phi, names=names(K)), demos)
    estimate = fit_likelihood(likelihood)
    # The model's feature counts over the same starts and lengths, by forward simulation of its distribution.
    V = np.zeros(S)
    R = phi @ estimate.weights
    for _ in range(600):
        Q = R + 0.9 * P @ V
        V = np.log(np.exp(Q).sum(axis=1))
    pi = np.exp(R + 0.9 * P @ V - V[:, None])
    starts = np.bincount(rows["states"][rows["offsets"][:-1]], minlength=S).astype(float)
    model, d = np.zeros(K), starts
    for _ in range(length):
        model += np.einsum("s,sa,sak->k", d, pi, phi)
        d = np.einsum("s,sa,sat->t", d, pi, P)
    seen = phi[rows["states"], rows["actions"]].sum(axis=0)
    assert estimate.certificate["score_norm"] <= 1e-6
    assert np.abs(seen - model).max() / demos.n_decisions > 1e-2
