"""Ensembles are even mixtures, and what they differ on has closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import CategoricalHead, GaussianHead, MultiCategoricalHead
from telic.policies.layers import Dense
from telic.policies.windows import WindowPolicy, windows


def constant(head, outputs, n=2):
    """A policy that answers the same everywhere."""
    return NetworkPolicy(
        layers=(
            Dense(weight=np.zeros((n, head.n_outputs), np.float32), bias=np.array(outputs, dtype=np.float32)),
        ),
        activation="tanh",
        head=head,
        shift=np.zeros(n, np.float32),
        scale=np.ones(n, np.float32),
    )


def test_choices_are_mixed_evenly_and_differ_by_their_mutual_information() -> None:
    head = CategoricalHead(n_actions=2)
    sure, coin = constant(head, np.log([0.9, 0.1])), constant(head, [0.0, 0.0])
    both = EnsemblePolicy(members=(sure, coin))
    x = np.zeros((3, 2))
    np.testing.assert_allclose(np.exp(both.log_prob(x, np.zeros(3, dtype=int))), 0.7, rtol=1e-6)
    entropies = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.7, 0.9, 0.5)]
    np.testing.assert_allclose(both.disagreement(x), entropies[0] - np.mean(entropies[1:]), rtol=1e-5)
    assert both.mode(x).tolist() == [0, 0, 0]
    np.testing.assert_allclose(EnsemblePolicy(members=(sure, sure)).disagreement(x), 0.0, atol=1e-12)
    drawn = both.sample(np.zeros((20_000, 2)), key=3)
    assert abs(np.mean(drawn == 0) - 0.7) < 4 * np.sqrt(0.21 / 20_000)


def test_several_choices_add_up() -> None:
    head = MultiCategoricalHead(counts=(2, 2))
    one = constant(head, [*np.log([0.9, 0.1]), 0.0, 0.0])
    two = constant(head, [0.0, 0.0, 0.0, 0.0])
    single = EnsemblePolicy(
        members=tuple(constant(CategoricalHead(n_actions=2), o) for o in (np.log([0.9, 0.1]), [0.0, 0.0]))
    )
    both, x = EnsemblePolicy(members=(one, two)), np.zeros((1, 2))
    np.testing.assert_allclose(both.disagreement(x), single.disagreement(x), rtol=1e-6)
    assert both.mode(x).tolist() == [[0, 0]]


def test_amounts_differ_by_the_spread_of_their_means_also_beyond_the_bounds() -> None:
    head = GaussianHead(low=(-2.0,), high=(2.0,))
    both = EnsemblePolicy(members=(constant(head, [2.0, 0.0]), constant(head, [5.0, 0.0])))
    x = np.zeros((1, 2))
    assert both.mode(x).tolist() == [[2.0]]
    assert both.disagreement(x)[0] == pytest.approx(1.5)


def test_a_window_acts_on_what_windows_of_a_record_hold() -> None:
    head = CategoricalHead(n_actions=3)
    rng = np.random.default_rng(0)
    inputs = 2 * 3 + 2 * 4
    inner = NetworkPolicy(
        layers=(Dense(weight=rng.normal(size=(inputs, 3)).astype(np.float32), bias=np.zeros(3, np.float32)),),
        activation="tanh",
        head=head,
        shift=np.zeros(inputs, np.float32),
        scale=np.ones(inputs, np.float32),
    )
    policy = WindowPolicy(inner=inner, n_back=2)
    assert policy.n_observations == 2
    seen = rng.normal(size=(6, 2))
    offsets, taken = np.array([0, 4, 6]), np.empty(6, dtype=int)
    for start, end in ((0, 4), (4, 6)):
        memory = policy.begin(seen[start : start + 1])
        for t in range(start, end):
            actions, memory = policy.act(memory, seen[t : t + 1])
            taken[t] = actions[0]
    recorded = windows(seen, taken, offsets, head, 2)
    np.testing.assert_array_equal(inner.mode(recorded), taken)
    np.testing.assert_array_equal(recorded[4], [*seen[4], *seen[4], 0, 0, 0, 0, *seen[4], 0, 0, 0, 0])
    np.testing.assert_array_equal(recorded[5, 2:8], [*seen[4], *np.eye(3)[taken[4]], 1])


def test_what_is_no_ensemble_and_no_window_is_refused() -> None:
    head = CategoricalHead(n_actions=2)
    one = constant(head, [0.0, 0.0])
    with pytest.raises(DataError, match="at least 2 members, got 1"):
        EnsemblePolicy(members=(one,))
    with pytest.raises(DataError, match="one family of actions"):
        EnsemblePolicy(members=(one, constant(head, [0.0, 0.0], n=3)))
    with pytest.raises(SettingsError, match="`n_back` must be at least 1, got 0"):
        WindowPolicy(inner=one, n_back=0)
    with pytest.raises(DataError, match="2 inputs are no window of 1 earlier"):
        WindowPolicy(inner=one, n_back=1)
