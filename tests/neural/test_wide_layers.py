"""The pass with stated gradients is the plain pass, and its gradients are those that the engine finds."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402
from learners import wide  # noqa: E402

from telic.neural.networks import apply, init_network  # noqa: E402
from telic.neural.wide_layers import FEW, apply_wide  # noqa: E402


@pytest.mark.parametrize(
    ("sizes", "is_stated"), [((3, 8, 8, 5, 2), True), ((FEW + 1, 8, 8, 2), False), ((3, 8, 2), False)]
)
def test_values_and_gradients_are_those_of_the_plain_pass(sizes, is_stated) -> None:
    """In double precision, to weights and inputs; three networks at once as well."""
    rng = np.random.default_rng(0)
    networks = jax.jit(jax.vmap(lambda k: init_network(k, sizes)))(jax.random.split(jax.random.key(0), 3))
    with jax.enable_x64(True):
        params = wide(networks, 0.1, rng)
        x, pull = jnp.asarray(rng.normal(size=(3, 7, sizes[0]))), jnp.asarray(rng.normal(size=(3, 7, 2)))

        def told(run):
            def one(params, x, pull):
                return jnp.sum(run(params, x) * pull), run(params, x)

            return jax.jit(jax.vmap(jax.value_and_grad(one, argnums=(0, 1), has_aux=True)))(params, x, pull)

        plain, stated = told(lambda p, x: apply(p, x, "relu")), told(apply_wide)
        for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(stated), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
        one = jax.tree.map(lambda leaf: leaf[0], params)
        assert ("custom_vjp" in str(jax.make_jaxpr(apply_wide)(one, x[0]))) == is_stated
