"""Mixtures against sums and products written out, drawn at each decision and once an episode."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.policies import CategoricalHead, Dense, GaussianHead, MixturePolicy, NetworkPolicy, TabularPolicy


def constant(head, outputs, D=2):
    layer = Dense(weight=np.zeros((D, head.n_outputs), np.float32), bias=np.array(outputs, dtype=np.float32))
    zeros, ones = np.zeros(D, np.float32), np.ones(D, np.float32)
    return NetworkPolicy(layers=(layer,), activation="tanh", head=head, shift=zeros, scale=ones)


def choice(*p):
    return constant(CategoricalHead(n_actions=len(p)), np.log(p))


MIXED = MixturePolicy.of((choice(0.5, 0.4, 0.1), choice(0.1, 0.4, 0.5)), (0.7, 0.3))


def test_choices_are_the_weighted_sum() -> None:
    x = np.zeros((3, 2))
    found = np.exp([MIXED.log_prob(x, np.full(3, a)) for a in range(3)])
    expected = 0.7 * np.array([0.5, 0.4, 0.1]) + 0.3 * np.array([0.1, 0.4, 0.5])
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 3, axis=1), rtol=1e-6)
    # Even shares make likeliest what neither would do first.
    even = MixturePolicy.of(MIXED.components, (0.5, 0.5))
    assert even.mode(x).tolist() == [1, 1, 1]
    assert [int(c.mode(x)[0]) for c in even.components] == [0, 2]
    n = 40_000
    drawn = MIXED.sample(np.zeros((n, 2)), key=4)
    for a in range(3):
        assert abs(np.mean(drawn == a) - expected[a]) < 4 * np.sqrt(expected[a] * (1 - expected[a]) / n)


def test_amounts_are_the_weighted_sum_of_bells() -> None:
    head = GaussianHead(low=(-2.0,), high=(2.0,))
    mixed = MixturePolicy.of(
        (constant(head, [0.5, np.log(0.25)]), constant(head, [-0.5, np.log(0.5)])), (0.2, 0.8)
    )
    a = np.array([[-1.2], [0.0], [0.9]])
    bells = [
        np.exp(-0.5 * ((a[:, 0] - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        for m, s in ((1.0, 0.5), (-1.0, 1.0))
    ]
    np.testing.assert_allclose(
        np.exp(mixed.log_prob(np.zeros((3, 2)), a)), 0.2 * bells[0] + 0.8 * bells[1], rtol=1e-5
    )
    # The likelier of the two middles: .2 of a bell of half the width against .8 of the other.
    np.testing.assert_allclose(mixed.mode(np.zeros((1, 2))), [[-1.0]], atol=1e-6)


def test_an_episode_is_one_component_all_along() -> None:
    """Products within a component, then the sum; and what they say of who it was (Bayes)."""
    actions = np.array([0, 0, 2, 1, 2])
    offsets = np.array([0, 3, 5])
    x = np.zeros((5, 2))
    p = np.array([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]])
    whole = np.array(
        [[w * np.prod(p[k, acts]) for k, w in enumerate((0.7, 0.3))] for acts in ([0, 0, 2], [1, 2])]
    )
    np.testing.assert_allclose(
        np.exp(MIXED.episode_log_prob(x, actions, offsets)), whole.sum(axis=1), rtol=1e-6
    )
    np.testing.assert_allclose(
        MIXED.responsibilities(x, actions, offsets), whole / whole.sum(axis=1, keepdims=True), rtol=1e-6
    )
    # Another number than that of decisions drawn apart, but the same for one decision.
    apart = MIXED.log_prob(x, actions)
    assert not np.isclose(MIXED.episode_log_prob(x, actions, offsets)[0], apart[:3].sum())
    np.testing.assert_allclose(MIXED.episode_log_prob(x, actions, np.arange(6)), apart, rtol=1e-9)
    with pytest.raises(DataError, match="no trajectory empty"):
        MIXED.episode_log_prob(x, actions, np.array([0, 3, 3, 5]))


def test_who_is_drawn_for_an_episode_keeps_to_it() -> None:
    """20,000 episodes of 2 decisions of two sure components: they agree, and .7 of them are the first."""
    mixed = MixturePolicy.of(tuple(TabularPolicy(table=np.eye(2)[[k, k]]) for k in range(2)), (0.7, 0.3))
    policy, n = mixed.for_episodes, 20_000
    states = np.zeros(n, np.int32)
    first, memory = policy.act(policy.begin(states), states, key=1)
    second, _ = policy.act(memory, states + 1, key=2)
    np.testing.assert_array_equal(first, second)
    assert abs(np.mean(first == 0) - 0.7) < 4 * np.sqrt(0.21 / n)
    apart = [mixed.sample(states, key=k) for k in (1, 2)]
    assert abs(np.mean(apart[0] == apart[1]) - 0.58) < 4 * np.sqrt(0.58 * 0.42 / n)


def test_shares_may_depend_on_what_is_seen() -> None:
    tables = tuple(TabularPolicy(table=np.array([p, p])) for p in ([0.9, 0.1], [0.2, 0.8]))
    gate = TabularPolicy(table=np.array([[1.0, 0.0], [0.25, 0.75]]))
    mixed = MixturePolicy(gate=gate, components=tables)
    states = np.array([0, 1], np.int32)
    found = np.exp(mixed.log_prob(states, np.zeros(2, np.int32)))
    np.testing.assert_allclose(found, [0.9, 0.25 * 0.9 + 0.75 * 0.2], rtol=1e-12)
    assert mixed.digest != MixturePolicy(gate=gate, components=tables[::-1]).digest


def test_what_is_no_mixture_is_refused() -> None:
    with pytest.raises(DataError, match="at least 2 components"):
        MixturePolicy.of((choice(0.5, 0.5),), (1.0,))
    with pytest.raises(DataError, match="sum to 1"):
        MixturePolicy.of(MIXED.components, (0.7, 0.7))
    with pytest.raises(DataError, match="must have 2 alternatives"):
        MixturePolicy(gate=choice(0.2, 0.3, 0.5), components=MIXED.components)
