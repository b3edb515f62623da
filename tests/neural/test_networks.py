"""Networks on their side against networks upright, and weights before training against what orthogonal means."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.neural.networks import apply, apply_columns, from_layers, init_network, to_layers  # noqa: E402


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_pass_over_columns_is_the_pass_over_rows_and_so_are_its_gradients(activation) -> None:
    params = jax.jit(lambda key: init_network(key, (3, 8, 5, 2)))(jax.random.key(1))
    x = jax.random.normal(jax.random.key(2), (7, 3))
    np.testing.assert_allclose(
        apply_columns(params, x.T, activation).T, apply(params, x, activation), atol=1e-6
    )

    def rows(p, x):
        return jnp.sum(jnp.sin(apply(p, x, activation)))

    def columns(p, x):
        return jnp.sum(jnp.sin(apply_columns(p, x.T, activation)))

    # The library's own derivative of the plain pass, against the one that is stated.
    expected, found = (jax.jit(jax.grad(f, (0, 1)))(params, x) for f in (rows, columns))
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(b, a, atol=2e-6)


def test_weights_begin_orthogonal_whatever_their_shape() -> None:
    """On 20 keys, to single precision; the gains are the square root of 2, and that of the last layer."""
    sizes = (4, 64, 64, 3)
    begun = jax.jit(lambda key: init_network(key, sizes, final_gain=0.01))
    for key in range(20):
        for layer, gain in zip(begun(jax.random.key(key)), (2**0.5, 2**0.5, 0.01), strict=True):
            w = np.asarray(layer.weight, dtype=float) / gain
            w = w.T if w.shape[0] < w.shape[1] else w
            np.testing.assert_allclose(w.T @ w, np.eye(w.shape[1]), atol=2e-5)
            np.testing.assert_array_equal(layer.bias, 0.0)


def test_weights_begin_without_a_preferred_direction() -> None:
    """Of 4,000 first columns in the plane: mean direction 0 within 4 standard errors, and no two keys alike."""
    first = jax.jit(jax.vmap(lambda k: init_network(k, (2, 2))[0].weight[:, 0]))
    columns = first(jax.random.split(jax.random.key(0), 4000))
    np.testing.assert_array_less(np.abs(np.mean(columns, axis=0)), 4 * np.sqrt(0.5 / 4000))
    np.testing.assert_array_less(np.abs(np.mean(columns[:, 0] ** 2) - 0.5), 4 * np.sqrt(1 / 8 / 4000))
    assert len(np.unique(np.asarray(columns), axis=0)) == 4000


def test_weights_go_to_plain_arrays_and_back() -> None:
    params = init_network(jax.random.key(0), (3, 4, 2))
    for a, b in zip(params, from_layers(to_layers(params)), strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)
        np.testing.assert_array_equal(a.bias, b.bias)
