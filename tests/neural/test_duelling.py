"""The duelling network is its equation, and the plain one made of it is the same function."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.neural.duelling import action_values, init_values, joined  # noqa: E402
from telic.neural.networks import apply  # noqa: E402


@pytest.mark.parametrize("hidden", [(8,), (16, 8)])
def test_values_are_state_and_advantage_and_the_joined_network_is_the_same(hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    network = init_values(jax.random.key(0), 5, hidden, 3, is_duelling=True)
    network = jax.tree.map(lambda x: x + 0.2 * rng.normal(size=x.shape).astype(np.float32), network)
    x = rng.normal(size=(20, 5)).astype(np.float32)
    found = np.asarray(action_values(network, x))

    def net(layers, h, last: bool):
        for i, (w, b) in enumerate(layers):
            h = h @ np.asarray(w, float) + np.asarray(b, float)
            h = np.maximum(h, 0) if i < len(layers) - 1 or not last else h
        return h

    trunk, value, advantage = network
    h = net(trunk, x.astype(float), last=False)
    A = net(advantage, h, last=True)
    np.testing.assert_allclose(found, net(value, h, last=True) + A - A.mean(axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(apply(joined(network), x, "relu"), found, atol=1e-5)


def test_a_plain_network_is_itself() -> None:
    network = init_values(jax.random.key(0), 5, (8,), 3, is_duelling=False)
    x = np.ones((2, 5), np.float32)
    assert joined(network) is network[0]
    np.testing.assert_array_equal(action_values(network, x), apply(network[0], x, "relu"))
