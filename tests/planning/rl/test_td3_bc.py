"""TD3 + BC where the best amount has a closed form, its gradients, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from learners import BEGIN, check_slope, traces, wide  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.planning.rl.td3_bc import Td3Bc  # noqa: E402
from telic.policies.heads import CategoricalHead, GaussianHead  # noqa: E402

HEAD = GaussianHead(low=(-2.0,), high=(6.0,))


def one_decision(n=4000):
    """Two situations; reward -(u - c)^2 of the scaled amount u, which the record spreads evenly over 1.2 around b."""
    rng = np.random.default_rng(0)
    side = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    c, b = 0.6 * side, -0.2 * side
    u = b + rng.uniform(-0.6, 0.6, n)
    x = np.stack([side > 0, side < 0], axis=1)
    return Transitions.from_arrays(x, 2 + 4 * u[:, None], -((u - c) ** 2), x, np.ones(n, bool), HEAD)


def small(**changes):
    rng = np.random.default_rng(0)
    data = Transitions.from_arrays(
        rng.normal(size=(64, 3)), rng.uniform(-2, 6, (64, 1)), rng.normal(size=64), rng.normal(size=(64, 3)),
        rng.random(64) < 0.2, HEAD,
    )  # fmt: skip
    return Td3Bc(
        **{"rows": data.rows(), "head": data.head, "hidden": (8,), "batch": 16, "n_inner": 4, **changes}
    )


@pytest.mark.slow
@pytest.mark.parametrize("pull", [0.0, 1.0])
def test_one_decision_has_a_closed_form(pull) -> None:
    """``(lambda c + b) / (lambda + 1)``, ``lambda = alpha / E|Q|``, ``E|Q| = 1.2^2 / 12 + .8^2``.

    To .06 of the scaled amount, a bound that was set on keys 0 to 2; these are others.
    """
    data = one_decision()
    learner = Td3Bc(
        rows=data.rows(is_scaled=False), head=data.head, hidden=(64, 64), n_inner=1000, learning_rate=3e-3,
        n_updates=3000.0, pull=pull,
    )  # fmt: skip
    trust = pull / (1.2**2 / 12 + 0.8**2)
    expected = (trust * 0.6 - 0.2) / (trust + 1)
    for key in (7, 8):
        policy = learner.policy(train(learner, key, 3).answer())
        told = (policy.mode(np.eye(2))[:, 0] - 2) / 4
        np.testing.assert_allclose(told, [expected, -expected], atol=0.06)


def test_gradients_are_those_of_finite_differences() -> None:
    with jax.enable_x64(True):
        learner, rng = small(), np.random.default_rng(0)
        actor, critics = wide(BEGIN(learner, jax.random.key(1)).params)
        target, rows = wide(BEGIN(learner, jax.random.key(2)).params), wide(learner.rows)
        noise = rng.normal(size=(64, 1))
        check_slope(lambda c: learner.critic_loss(c, target, rows, noise)[0], critics, rng)
        check_slope(lambda a: learner.actor_loss(a, critics[0], rows), actor, rng)


def test_the_policy_acts_as_the_actor_does_and_a_step_is_traced_once(monkeypatch) -> None:
    traced = traces(monkeypatch)
    learner = small()
    found = train(learner, 0, 3)
    assert len(traced) == 1
    assert int(found.answer().n_done) == 12
    policy = learner.policy(found.state)
    x = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    h = (x - policy.shift) / policy.scale
    actor = found.state.params[0]
    u = np.tanh(np.maximum(h @ actor[0].weight + actor[0].bias, 0) @ actor[1].weight + actor[1].bias)
    np.testing.assert_allclose(policy.mode(x), 2 + 4 * u, atol=1e-5)
    assert np.abs(policy.sample(x, 0) - policy.mode(x)).max() < 4 * 5 * np.exp(-5.0)


def test_choices_and_odd_numbers_of_steps_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"TD3\+BC is for actions that are amounts, got CategoricalHead"):
        small(head=CategoricalHead(n_actions=3))
    with pytest.raises(SettingsError, match="`n_inner` must be even, got 3"):
        small(n_inner=3)
