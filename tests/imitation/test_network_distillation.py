"""Smaller networks that act like larger ones, on states that they were not made from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import SettingsError  # noqa: E402
from telic.imitation.network_distillation import NetworkDistillation, distil_network  # noqa: E402
from telic.policies import (  # noqa: E402
    CategoricalHead,
    Dense,
    GaussianHead,
    MultiCategoricalHead,
    NetworkPolicy,
)


def network(head, clip=2.0):
    rng = np.random.default_rng(0)
    return NetworkPolicy(
        layers=tuple(
            Dense(
                weight=(1.5 * rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32),
                bias=np.zeros(b, np.float32),
            )
            for a, b in itertools.pairwise((3, 64, 64, head.n_outputs))
        ),
        activation="tanh",
        head=head,
        shift=np.ones(3, np.float32),
        scale=np.full(3, 2.0, np.float32),
        clip=clip,
    )


def states(n, key):
    return np.random.default_rng(key).normal(1.0, 2.0, (n, 3))


@pytest.mark.parametrize(
    "head",
    [
        CategoricalHead(n_actions=3),
        pytest.param(MultiCategoricalHead(counts=(2, 3)), marks=pytest.mark.slow),
    ],
    ids=lambda head: type(head).__name__,
)
def test_a_student_does_what_its_teacher_does(head) -> None:
    policy, held_out = network(head), states(2_000, 2)
    found = distil_network(policy, states(3_000, 1), held_out, hidden=(32,), n_steps=2_000, key=3)
    even = distil_network(policy, states(3_000, 1), held_out, hidden=(32,), n_steps=1, learning_rate=0.0)
    assert found.size < 0.1
    assert found.fidelity.low > 0.9
    assert even.fidelity.share < 0.7
    assert found.policy.provenance.inputs["policy"] == policy.digest
    np.testing.assert_array_equal(found.policy.shift, policy.shift)


@pytest.mark.slow
def test_amounts_are_copied_too() -> None:
    policy = network(GaussianHead(low=(-3.0,), high=(3.0,)))
    found = distil_network(policy, states(3_000, 1), states(2_000, 2), hidden=(32,), n_steps=3_000, batch=128)
    mean = policy.mode(states(2_000, 2))
    error = found.policy.mode(states(2_000, 2)) - mean
    assert np.mean(error**2) < 0.02 * np.var(mean)


@pytest.mark.slow
def test_the_loss_is_the_divergence_and_its_gradient_is_right() -> None:
    head = MultiCategoricalHead(counts=(2, 3))
    policy, x = network(head, clip=np.inf), states(40, 1)
    scaled = ((x - 1.0) / 2.0).astype(np.float32)
    learner = NetworkDistillation(observations=scaled, outputs=policy.outputs(x), head=head, hidden=(4,))
    params = learner.init(jax.random.key(0)).params
    h = np.tanh(scaled @ np.asarray(params[0].weight)) @ np.asarray(params[1].weight)

    def law(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    wanted = 0.0
    for part in (slice(0, 2), slice(2, 5)):
        p, q = law(policy.outputs(x)[:, part].astype(float)), law(h[:, part].astype(float))
        wanted += np.mean(np.sum(p * np.log(p / q), axis=1))
    told = jax.jit(jax.value_and_grad(learner._loss))
    loss, gradient = told(params, learner.observations, learner.outputs)
    assert float(loss) == pytest.approx(wanted, rel=1e-4)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: np.asarray(a, dtype=np.float64), params)
        step, value = 1e-5, jax.jit(learner._loss)
        for layer, part in ((0, "weight"), (1, "bias")):
            moved = []
            for sign in (1, -1):
                array = getattr(wide[layer], part).copy()
                array.flat[1] += sign * step
                changed = list(wide)
                changed[layer] = wide[layer]._replace(**{part: array})
                moved.append(
                    float(value(tuple(changed), scaled.astype(float), policy.outputs(x).astype(float)))
                )
            slope = (moved[0] - moved[1]) / (2 * step)
            assert np.asarray(getattr(gradient[layer], part)).flat[1] == pytest.approx(
                slope, rel=2e-3, abs=1e-5
            )


def test_nothing_to_learn_from_is_refused() -> None:
    policy = network(CategoricalHead(n_actions=3))
    with pytest.raises(SettingsError, match="States, steps and a batch are needed, got 0, 3000 and 256"):
        distil_network(policy, states(0, 1), states(10, 2))
