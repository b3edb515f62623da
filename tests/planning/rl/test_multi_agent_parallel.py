"""Several agents in parallel environments: a run is a function of its key, and a fault keeps the state before it."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")

from relay_env import RelayEnv  # noqa: E402

from telic.neural.driver import train  # noqa: E402
from telic.planning.rl.multi_agent_parallel import ParallelPpo  # noqa: E402
from telic.reports import Outcome  # noqa: E402


def learner(fault="", at=4):
    return ParallelPpo.of(
        [RelayEnv(), RelayEnv(fault, at)], is_central=False,
        n_steps=8, n_epochs=1, n_minibatches=1, hidden=(4,), scales_observations=True,
    )  # fmt: skip


def test_a_run_is_a_function_of_its_key_and_a_fault_keeps_the_state_before_it() -> None:
    whole, again, broken = learner(), learner(), learner()
    first = train(whole, 3, 2)
    assert first.outcome is Outcome.SUCCESS
    same = train(again, 3, 2)
    for a, b in zip(jax.tree.leaves(first.state.groups), jax.tree.leaves(same.state.groups), strict=True):
        np.testing.assert_array_equal(a, b)
    real, n = broken.world._envs[1].step, []

    def step(actions):
        n.append(1)
        if len(n) == 20:  # in the third update of 8 steps
            raise RuntimeError("the cable broke")
        return real(actions)

    broken.world._envs[1].step = step
    found = train(broken, 3, 4)
    assert found.outcome is Outcome.INTERRUPTED
    assert "Environment 1 raised RuntimeError in step 20: the cable broke" in found.findings[0].message
    for a, b in zip(jax.tree.leaves(found.state.groups), jax.tree.leaves(same.state.groups), strict=True):
        np.testing.assert_array_equal(a, b)
    on = train(broken, 3, 3, resume=(2, found.state))
    assert (on.outcome, on.n_steps) == (Outcome.SUCCESS, 3)
    # In 24 decisions of two streams: who was there alone counts (2, 5 and 2 of every five).
    t = np.arange(16) % 5
    counts = [float(g.observed.n) for g in found.state.groups]
    assert counts == [2.0 * np.sum(t < 2), 2.0 * 16, 2.0 * np.sum(t >= 3)]
    policies = broken.policy(found.state)
    assert list(policies) == ["early", "late", "guest"]
    assert policies["late"].sample(np.zeros((6, 3)), key=0).shape == (6, 2)
