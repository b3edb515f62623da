"""Adam with folded corrections is Adam: beside Optax, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

from telic.neural.adam import adam_step, init_adam  # noqa: E402


def test_thirty_steps_are_those_of_optax() -> None:
    """Gradients over eight orders of size; to 16 roundings of the weights and of what they have moved."""
    rng = np.random.default_rng(0)
    params = {
        "w": jnp.asarray(rng.normal(size=(4, 3)), jnp.float32),
        "b": jnp.asarray(rng.normal(size=3), jnp.float32),
    }
    steps = jax.tree.map(
        lambda x: jnp.asarray(
            rng.normal(size=(30, *x.shape)) * 10.0 ** rng.integers(-6, 2, (30, *x.shape)), jnp.float32
        ),
        params,
    )
    usual = optax.adam(3e-3)

    def one(carry, gradient):
        ours, state, theirs, other = carry
        ours, state = adam_step(ours, gradient, state, 3e-3)
        change, other = usual.update(gradient, other)
        return (ours, state, optax.apply_updates(theirs, change), other), None

    run = jax.jit(lambda carry: jax.lax.scan(one, carry, steps)[0])
    ours, state, theirs, _ = run((params, init_adam(params), params, usual.init(params)))
    assert int(state.count) == 30
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=16 * 2.0**-23, atol=16 * 30 * 3e-3 * 2.0**-23)


def test_the_first_step_is_the_rate_down_the_slope() -> None:
    x = jnp.array([1.0, -2.0, 0.0], jnp.float32)
    moved, _ = adam_step(x, jnp.array([1e-3, -7.0, 0.0], jnp.float32), init_adam(x), 0.1)
    # eps is 1e-8 beside 1e-3 at least.
    np.testing.assert_allclose(moved, [0.9, -1.9, 0.0], rtol=1e-4)
