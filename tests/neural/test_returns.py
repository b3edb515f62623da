"""Returns of the last episodes, in whatever order streams end."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.neural.returns import Returns  # noqa: E402
from telic.neural.rollout import Transition  # noqa: E402


def test_the_last_returns_are_kept_and_running_episodes_do_not_count() -> None:
    rng = np.random.default_rng(0)
    returns, seen = Returns.none(4), []
    assert np.isnan(float(returns.mean))
    for _ in range(12):
        ended, cut = rng.random((2, 3)) < 0.25
        collected = np.where(ended | cut, rng.normal(size=3), 0.0).astype(np.float32)
        made = Transition(
            *[None] * 4, terminated=jnp.asarray(ended), truncated=jnp.asarray(cut & ~ended),
            collected=jnp.asarray(collected),
        )  # fmt: skip
        returns = returns.note(made)
        seen += list(collected[ended | cut])
        assert int(returns.n_episodes) == len(seen)
        if seen:
            assert float(returns.mean) == pytest.approx(float(np.mean(seen[-4:])), abs=1e-6)
    assert len(seen) > 8
