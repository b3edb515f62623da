"""What tests of learners share: gradients beside finite differences, and how often a step is traced."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from telic.neural import driver
from telic.neural.driver import init_options

BEGIN = jax.jit(lambda learner, key: learner.init(key), compiler_options=init_options())
STEP = jax.jit(lambda learner, state: learner.step(state), compiler_options=init_options())
"""A learner's functions, compiled once for all tests of a file and with as little work as the compiler can do."""


def wide(tree: Any, noise: float = 0.0, rng: Any = None) -> Any:
    """The same tree with its floating-point numbers in double precision, moved by noise; needs ``jax.enable_x64``."""

    def one(x: Any) -> Any:
        if not np.issubdtype(x.dtype, np.floating):
            return x
        y = np.asarray(x, np.float64)
        return jnp.asarray(y + noise * rng.normal(size=y.shape) if noise else y)

    return jax.tree.map(one, tree)


def check_slope(loss: Any, params: Any, rng: np.random.Generator, n_directions: int = 1) -> Any:
    """The gradient of ``loss``; fails unless it is that of central differences of 1e-6 along random directions."""
    both = jax.jit(jax.value_and_grad(loss), compiler_options=init_options())
    _, slope = both(params)
    for _ in range(n_directions):
        way = jax.tree.map(lambda x: rng.normal(size=x.shape), params)
        pairs = zip(jax.tree.leaves(slope), jax.tree.leaves(way), strict=True)
        told = sum(float(np.vdot(g, d)) for g, d in pairs)
        up, down = (
            float(both(jax.tree.map(lambda p, d, h=h: p + h * d, params, way))[0]) for h in (1e-6, -1e-6)
        )
        assert told == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-7)
    return slope


def traces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one each time that the loop's step is traced."""
    traced: list[int] = []
    real = driver._step
    monkeypatch.setattr(driver, "_step", lambda learner, state: (traced.append(1), real(learner, state))[1])
    return traced
