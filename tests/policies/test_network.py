"""Networks of plain arrays: by hand, against the library that trains, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.policies import CategoricalHead, Dense, GaussianHead, NetworkPolicy


def network(activation="tanh", head=None, seed=0):
    rng = np.random.default_rng(seed)
    head = head or CategoricalHead(n_actions=3)
    sizes = (4, 8, 8, head.n_outputs)
    layers = tuple(
        Dense(weight=rng.normal(size=(a, b)).astype(np.float32), bias=rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    )
    return NetworkPolicy(
        layers=layers,
        activation=activation,
        head=head,
        shift=rng.normal(size=4).astype(np.float32),
        scale=rng.uniform(0.5, 2.0, 4).astype(np.float32),
        clip=2.0,
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_outputs_by_hand(activation) -> None:
    policy = network(activation)
    x = np.random.default_rng(1).normal(size=(5, 4)) * 3
    h = np.clip((x - policy.shift) / policy.scale, -2, 2)
    for i, layer in enumerate(policy.layers):
        h = h @ layer.weight + layer.bias
        if i < 2:
            h = np.tanh(h) if activation == "tanh" else np.where(h > 0, h, 0)
    np.testing.assert_allclose(policy.outputs(x), h, rtol=2e-4, atol=1e-4)
    assert policy.outputs(x).dtype == np.float32
    np.testing.assert_array_equal(policy.mode(x), h.argmax(axis=1))
    one = policy.outputs(x[0])
    np.testing.assert_allclose(one, policy.outputs(x)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_outputs_are_those_of_the_library_that_trains(activation) -> None:
    pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    from telic.neural.networks import apply, from_layers, to_layers

    policy = replace(network(activation), shift=np.zeros(4, np.float32), scale=np.ones(4, np.float32))
    x = np.random.default_rng(2).uniform(-2, 2, (50, 4)).astype(np.float32)
    params = from_layers(policy.layers)
    np.testing.assert_allclose(np.asarray(apply(params, x, activation)), policy.outputs(x), atol=1e-4)
    again = to_layers(params)
    assert all(np.array_equal(a.weight, b.weight) for a, b in zip(again, policy.layers, strict=True))


def test_draws_follow_the_key_and_the_digest_the_content() -> None:
    policy = network(head=GaussianHead(low=(-1.0,), high=(1.0,)))
    x = np.zeros((20, 4))
    np.testing.assert_array_equal(policy.sample(x, 3), policy.sample(x, 3))
    assert not np.array_equal(policy.sample(x, 3), policy.sample(x, 4))
    assert policy.log_prob(x, policy.sample(x, 3)).shape == (20,)
    digests = {
        policy.digest,
        replace(policy, activation="relu").digest,
        replace(policy, clip=3.0).digest,
        replace(policy, head=GaussianHead(low=(-2.0,), high=(1.0,))).digest,
        network(head=policy.head, seed=1).digest,
    }
    assert len(digests) == 5
    assert network(head=policy.head).digest == policy.digest


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"layers": ()}, DataError, "at least one layer, got none"),
        ({"head": CategoricalHead(n_actions=4)}, DataError, "The last layer must give 4 numbers, got 3"),
        ({"scale": np.zeros(4, np.float32)}, DataError, "`scale` finite and above 0"),
        ({"clip": 0.0}, DataError, "`clip` must be above 0"),
    ],
)
def test_networks_that_do_not_fit_are_refused(change, error, said) -> None:
    with pytest.raises(error, match=said):
        replace(network(), **change)


@pytest.mark.parametrize(
    ("name", "value", "error", "said"),
    [
        ("activation", "gelu", SettingsError, "must be one of relu, tanh, got 'gelu'"),
        ("shift", np.zeros(3, np.float32), DataError, "one number an observation"),
    ],
)
def test_what_types_would_catch_is_refused_where_they_are_not_checked(name, value, error, said) -> None:
    policy = network()
    object.__setattr__(policy, name, value)
    with pytest.raises(error, match=said):
        policy.__post_init__()


def test_weights_that_are_no_numbers_are_refused() -> None:
    layers = network().layers
    spoiled = replace(layers[1], weight=np.where(np.eye(8, dtype=bool), np.nan, layers[1].weight))
    with pytest.raises(DataError, match="Layer 1 has weights that are not finite") as told:
        replace(network(), layers=(layers[0], spoiled, layers[2]))
    assert "last checkpoint" in told.value.hint


def test_a_policy_does_not_act_on_what_was_not_measured() -> None:
    x = np.zeros((3, 4))
    x[1, 2] = np.nan
    with pytest.raises(DataError, match=r"must be finite; 1 are not \(first: row 1\)"):
        network().mode(x)
    with pytest.raises(DataError, match=r"must have 4 numbers, got shape \(3, 5\)"):
        network().mode(np.zeros((3, 5)))
