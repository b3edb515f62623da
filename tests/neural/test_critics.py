"""Critics side by side are what each is alone, and targets move by what is said."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.neural.critics import apply_critics, init_critics, least, soft_update  # noqa: E402

SIZES = (3, 8, 8, 2)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_critics_side_by_side_are_what_each_is_alone(activation: str) -> None:
    critics = init_critics(jax.random.key(0), SIZES, n_critics=3)
    critics = jax.tree.map(lambda x: x + 0.1, critics)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = np.asarray(apply_critics(critics, x, activation))
    assert found.shape == (3, 5, 2)
    for i in range(3):
        h = x.astype(np.float64)
        for k, layer in enumerate(critics):
            h = h @ np.asarray(layer.weight[i], float) + np.asarray(layer.bias[i], float)
            if k < 2:
                h = np.maximum(h, 0) if activation == "relu" else np.tanh(h)
        np.testing.assert_allclose(found[i], h, atol=1e-5)
    np.testing.assert_array_equal(least(found), np.minimum(np.minimum(found[0], found[1]), found[2]))


def test_critics_begin_apart_from_each_other() -> None:
    first, second = init_critics(jax.random.key(1), SIZES)[0].weight
    assert float(jnp.max(jnp.abs(first - second))) > 0.1


def test_targets_move_by_the_share_and_a_whole_share_copies() -> None:
    target = {"w": jnp.array([1.0, -2.0, 0.3])}
    online = {"w": jnp.array([2.0, 2.0, 0.1])}
    moved = soft_update(target, online, 0.25)
    np.testing.assert_allclose(moved["w"], [1.25, -1.0, 0.25], atol=1e-7)
    np.testing.assert_array_equal(soft_update(target, online, 1.0)["w"], online["w"])
    np.testing.assert_array_equal(soft_update(target, online, 0.0)["w"], target["w"])
    # After n moves the distance to an online network that stands still is (1 - share)^n of the first.
    for _ in range(9):
        moved = soft_update(moved, online, 0.25)
    np.testing.assert_allclose(moved["w"] - online["w"], (target["w"] - online["w"]) * 0.75**10, atol=1e-6)
