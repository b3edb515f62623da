"""Running moments against those of all numbers at once."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.neural.normalise import init_moments, merged, returns_so_far, scaled  # noqa: E402


def test_moments_of_batches_are_those_of_everything() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(50.0, [1.0, 20.0], (90, 2)).astype(np.float32)
    moments = init_moments(2)
    for part in np.split(seen, [10, 11, 60]):
        moments = merged(moments, jnp.asarray(part))
    assert float(moments.n) == 90
    np.testing.assert_allclose(moments.mean, seen.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, seen.var(axis=0), rtol=1e-4)
    np.testing.assert_allclose(
        scaled(moments, jnp.asarray([[50.0, 1e6]]), 10.0)[0],
        [(50.0 - seen[:, 0].mean()) / seen[:, 0].std(), 10.0], rtol=2e-3, atol=1e-4,
    )  # fmt: skip


def test_what_does_not_count_leaves_no_trace() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(6, 4, 3)).astype(np.float32)
    counts = rng.random((6, 4)) < 0.5
    found = merged(init_moments(3), jnp.where(counts[..., None], values, 1e3), jnp.asarray(counts))
    np.testing.assert_allclose(found.mean, values[counts].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.variance, values[counts].var(axis=0), atol=1e-5)
    none = merged(init_moments(3), values, jnp.zeros((6, 4)))
    np.testing.assert_array_equal(none.mean, 0.0)
    np.testing.assert_array_equal(none.variance, 1.0)


def test_what_never_moves_keeps_a_scale_above_nothing() -> None:
    found = merged(init_moments(1), jnp.full((5, 1), 3.0))
    assert float(found.sd[0]) > 0
    np.testing.assert_allclose(scaled(found, jnp.full((1, 1), 3.0), 10.0), 0.0)


def test_sums_of_rewards_begin_anew_after_an_end() -> None:
    rewards = jnp.asarray([[1.0], [2.0], [4.0], [8.0]])
    over = jnp.asarray([[False], [True], [False], [False]])
    sums, after = returns_so_far(jnp.asarray([16.0]), rewards, over, 0.5)
    np.testing.assert_array_equal(sums[:, 0], [9.0, 6.5, 4.0, 10.0])
    np.testing.assert_array_equal(after, [10.0])
