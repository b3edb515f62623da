"""Fresh episodes against exact expectations of a tabular world, and what they share with nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import SettingsError  # noqa: E402
from telic.mdp import TabularMDP  # noqa: E402
from telic.neural.episodes import fresh_episodes  # noqa: E402
from telic.neural.simulators import table_cost, tabular, with_costs  # noqa: E402
from telic.policies import Dense, NetworkPolicy  # noqa: E402
from telic.policies.heads import CategoricalHead  # noqa: E402

S, A, H, N = 4, 3, 12, 4_000


def world():
    """State 3 ends an episode; the rest is drawn at random."""
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(S), (S, A))
    P[3] = np.eye(S)[3]
    mdp = TabularMDP.from_transition(
        P, discount=0.9, initial=np.array([0.5, 0.5, 0.0, 0.0]), absorbing=np.eye(S, dtype=bool)[3]
    )
    R, C = rng.normal(size=(S, A)), rng.uniform(size=(2, S, A))
    names = ("heat", "noise")
    made = with_costs(tabular(mdp, R, horizon=H), {k: table_cost(c) for k, c in zip(names, C, strict=True)})
    policy = NetworkPolicy(
        layers=(Dense(weight=rng.normal(size=(S, A)).astype(np.float32), bias=np.zeros(A, np.float32)),),
        activation="tanh",
        head=CategoricalHead(n_actions=A),
        shift=np.zeros(S, np.float32),
        scale=np.ones(S, np.float32),
    )
    return P, R, C, made, policy


P, R, C, WORLD, POLICY = world()


def expected(pi, table, discount):
    """Sum over 12 decisions by forward recursion; nothing is collected once the episode has ended."""
    d, total = np.array([0.5, 0.5, 0.0, 0.0]), 0.0
    for t in range(H):
        total += discount**t * float(d[:3] @ (pi * table).sum(1)[:3])
        d = np.einsum("s,sa,sat->t", np.r_[d[:3], 0.0], pi, P)
    return total


@pytest.mark.parametrize(("is_drawn", "discount"), [(True, 0.8), (False, 1.0)])
def test_means_are_those_of_the_exact_recursion(is_drawn, discount) -> None:
    """4,000 episodes, within 4 standard errors; drawn or most probable actions, discounted costs or sums."""
    pi = np.exp(POLICY.log_prob(np.repeat(np.eye(S), A, axis=0), np.tile(np.arange(A), S))).reshape(S, A)
    pi = pi if is_drawn else np.eye(A)[POLICY.mode(np.eye(S))]
    found = fresh_episodes(WORLD, POLICY, 5, N, discount=discount, is_drawn=is_drawn)
    columns = [
        (found.returns, R, 1.0),
        (found.costs[:, 0], C[0], discount),
        (found.costs[:, 1], C[1], discount),
    ]
    for values, table, weight in columns:
        error = values.std() / np.sqrt(N)
        assert abs(values.mean() - expected(pi, table, weight)) < 4 * error


def test_the_same_key_gives_the_same_episodes_and_another_gives_others() -> None:
    first, again, other = (fresh_episodes(WORLD, POLICY, key, N, discount=0.8) for key in (5, 5, 6))
    np.testing.assert_array_equal(first.costs, again.costs)
    assert np.mean(first.costs[:, 0] == other.costs[:, 0]) < 0.1


def test_episodes_need_a_number_and_an_end() -> None:
    with pytest.raises(SettingsError, match="`n` must be at least 1"):
        fresh_episodes(WORLD, POLICY, 0, 0)
    with pytest.raises(SettingsError, match="does not say when an episode is cut off"):
        fresh_episodes(replace(WORLD, horizon=0), POLICY, 0, 5)
