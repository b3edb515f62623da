"""Served arithmetic: the same bits in any batch, by any library and any order of sums; near the float original."""

from __future__ import annotations

import importlib.util
import itertools
import math
import platform
import random
from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.policies import (
    CategoricalHead,
    Dense,
    GaussianHead,
    MultiCategoricalHead,
    NetworkPolicy,
    compare_outputs,
    serve,
)
from telic.policies.rational import CONSTANT, NUMERATORS, POLES, TANH_ERROR, TANH_LIMIT, rational_tanh

CHOICE = CategoricalHead(n_actions=3)
HEADS = {
    "one choice": CHOICE,
    "several choices": MultiCategoricalHead(counts=(2, 4)),
    "amounts": GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0)),
    "squashed bells": GaussianHead(low=(-2.0, -1.0), high=(2.0, 3.0), n_components=3, is_squashed=True),
}


def network(activation="tanh", head=CHOICE, *, n=64, D=6, clip=math.inf, grow=1.0, seed=0):
    """Weights of the size that training begins with, times ``grow``."""
    rng = np.random.default_rng(seed)
    sizes = (D, n, n, head.n_outputs)
    layers = tuple(
        Dense(
            weight=(rng.normal(size=(a, b)) * grow * math.sqrt(2 / max(a, b))).astype(np.float32),
            bias=(0.1 * rng.normal(size=b)).astype(np.float32),
        )
        for a, b in itertools.pairwise(sizes)
    )
    return NetworkPolicy(
        layers=layers,
        activation=activation,
        head=head,
        shift=rng.normal(size=D).astype(np.float32),
        scale=rng.uniform(0.5, 2.0, D).astype(np.float32),
        clip=clip,
    )


def test_the_rational_function_is_as_near_to_the_tangent_as_it_says() -> None:
    x = np.concatenate([np.linspace(-12, 12, 1_000_001), [0.0, 1e-300, 1e6]])
    found = rational_tanh(x.copy())
    assert np.max(np.abs(found - np.tanh(x))) < TANH_ERROR
    within = np.abs(x) <= TANH_LIMIT
    assert np.max(np.abs(found - np.tanh(x))[within]) == pytest.approx(1.9586e-8, rel=1e-3)
    assert np.max(np.abs(found)) < 1.0
    np.testing.assert_array_equal(found, -rational_tanh(-x))


def by_hand(served, row, order):
    """One decision with whole numbers and single operations of Python; sums in the given order."""
    p = served.policy
    x = [np.float32(v) for v in ((np.asarray(row, np.float32) - p.shift) / p.scale)]
    entering = [min(max(float(v), -served.largest), served.largest) for v in x]
    for i, layer in enumerate(served.layers):
        ints = [round(v * 2.0**layer.input_bits) for v in entering]
        z = []
        for j in range(layer.weight.shape[1]):
            terms = [h * int(w) for h, w in zip(ints, layer.weight[:, j], strict=True)] + [int(layer.bias[j])]
            order.shuffle(terms)
            # Every partial sum is a float64: adding floats in this order gives the whole number.
            total, exact = 0.0, sum(terms)
            for term in terms:
                total += float(term)
            assert total == exact
            value = exact * 2.0 ** -(layer.input_bits + layer.weight_bits)
            if layer.rest is not None:
                rest = sum(h * int(w) for h, w in zip(ints, layer.rest[:, j], strict=True))
                value += rest * 2.0 ** -(layer.input_bits + layer.rest_bits)
            z.append(value)
        if i == len(served.layers) - 1:
            return z
        entering = [tanh_by_hand(v) if p.activation == "tanh" else max(v, 0.0) for v in z]
    raise AssertionError


def tanh_by_hand(v):
    v = min(max(v, -TANH_LIMIT), TANH_LIMIT)
    total = CONSTANT
    for numerator, pole in zip(NUMERATORS, POLES, strict=True):
        total += numerator / (v * v + pole)
    return total * v


@pytest.mark.parametrize(
    ("activation", "clip", "grow", "has_rest"),
    [
        ("tanh", math.inf, 1.0, False),
        ("tanh", 5.0, 4.0, True),
        ("relu", 5.0, 1.0, False),
        ("relu", math.inf, 2.0, True),
    ],
)
def test_the_same_bits_as_sums_in_plain_python_in_any_order(activation, clip, grow, has_rest) -> None:
    served = serve(network(activation, n=16, clip=clip, grow=grow))
    assert (served.layers[1].rest is not None) == has_rest
    x = np.random.default_rng(1).normal(size=(12, 6)) * 3
    order = random.Random(4)
    found = served.outputs(x)
    for row, out in zip(x, found, strict=True):
        assert by_hand(served, row, order) == out.tolist()


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(("activation", "clip"), [("tanh", math.inf), ("relu", 10.0)])
def test_many_are_answered_as_one_bit_for_bit(activation, clip, head) -> None:
    served = serve(network(activation, head, clip=clip, grow=2.0))
    x = np.random.default_rng(2).normal(size=(257, 6)) * 2
    singles, modes = np.stack([served.outputs(r) for r in x]), np.stack([served.mode(r) for r in x])
    for n in (1, 2, 3, 7, 64, 257):
        for start in range(0, 257 - n + 1, max(n, 40)):
            part = slice(start, start + n)
            assert served.outputs(x[part]).tobytes() == singles[part].tobytes()
            assert served.mode(x[part]).tobytes() == modes[part].tobytes()
    np.testing.assert_array_equal(served.outputs(x[:256].reshape(4, 64, 6)).reshape(256, -1), singles[:256])
    assert served.outputs(x[:0]).shape == (0, head.n_outputs)


def test_no_output_shows_the_sign_of_a_zero() -> None:
    policy = network("relu", clip=10.0)
    silent = [replace(d, weight=-np.abs(d.weight), bias=-0.0 * d.bias) for d in policy.layers]
    served = serve(replace(policy, layers=tuple(silent)))
    x = np.abs(np.random.default_rng(0).normal(size=(9, 6))) * 40
    assert served.outputs(x).tobytes() == np.zeros((9, 3)).tobytes()
    assert served.outputs(x[0]).tobytes() == np.zeros(3).tobytes()


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("clip", "grow"), [(math.inf, 1.0), (math.inf, 2.0), (10.0, 2.0)])
def test_it_acts_as_the_float_original_within_1e_4(activation, head, clip, grow) -> None:
    served = serve(network(activation, head, D=17, clip=clip, grow=grow))
    x = np.random.default_rng(3).normal(size=(4_000, 17)) * 2
    found = served.against(x)
    assert found.n == 4_000
    assert found.n_different == 0
    assert found.largest_difference <= 1e-4
    assert found.largest_mode_difference <= 1e-4
    assert found.n_ties <= 20
    assert found.is_within(1e-4)


def test_the_proved_error_holds_against_float64() -> None:
    for activation, grow in (("tanh", 1.0), ("tanh", 4.0), ("relu", 1.0), ("relu", 3.0)):
        policy = network(activation, clip=10.0, grow=grow)
        served = serve(policy)
        x = np.random.default_rng(5).normal(size=(5_000, 6)).astype(np.float32) * 5
        h = np.clip((x - policy.shift) / policy.scale, -10, 10).astype(np.float64)
        for i, layer in enumerate(policy.layers):
            h = h @ layer.weight.astype(np.float64) + layer.bias
            if i < 2:
                h = np.tanh(h) if activation == "tanh" else np.maximum(h, 0)
        assert np.max(np.abs(served.outputs(x) - h)) <= served.error <= 1e-4
        for layer in served.layers:
            assert 2**40 < layer.largest_sum <= 2**53


@pytest.fixture(scope="module")
def proof(project_root):
    place = project_root / "reproductions" / "served.py"
    spec = importlib.util.spec_from_file_location("served_everywhere", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_bits_from_other_kernels_and_without_vector_instructions(proof, tmp_path) -> None:
    ready, _ = proof.places(tmp_path)
    wanted = ("as it is", "no vector instructions", "kernels of Haswell", "kernels of Prescott")
    found = [proof.elsewhere(ready[name][1], 1, 60) for name in wanted]
    assert len({told["served"] for told in found}) == 1
    assert found[0]["n_decisions"] == 16 * 66 + 6 * 60
    features = np._core._multiarray_umath.__cpu_features__
    if platform.machine() == "x86_64" and features.get("AVX2"):
        # The settings do change what a plain product gives, so the equality above is not for want of a difference.
        assert len({told["plain"] for told in found}) > 1


@pytest.mark.parametrize("name", ["plain loops", "plain loops, in another order and fused"])
def test_the_same_bits_from_another_blas(proof, tmp_path, name) -> None:
    ready, missing = proof.places(tmp_path)
    if name in missing:
        pytest.skip(f"NOT RUN: {missing[name]}")
    there, here = proof.elsewhere(ready[name][1], 1, 60), proof.bits(1, 60)
    assert there["answered"] > 500  # or the other library was never asked
    assert there["served"] == here["served"]
    assert there["plain"] != here["plain"]


def test_networks_beyond_the_bound_are_refused_in_words() -> None:
    with pytest.raises(
        SettingsError, match=r"could change an output of this network by .*, above 0.0001"
    ) as told:
        serve(network("relu", grow=300.0))
    assert "`clip`" in told.value.hint
    with pytest.raises(
        SettingsError, match=r"Layer 0 of the network could reach sums of .*no grid keeps every"
    ):
        serve(network("relu", grow=1e16))
    with pytest.raises(SettingsError, match="`largest` must be finite and above 0, got inf"):
        serve(network(), largest=math.inf)
    with pytest.raises(SettingsError, match="`tolerance` must be finite and above 0, got 0"):
        serve(network(), tolerance=0.0)


def test_observations_beyond_the_bound_are_refused_in_words() -> None:
    policy = replace(network(), shift=np.zeros(6, np.float32), scale=np.ones(6, np.float32))
    served = serve(policy)
    x = np.zeros((3, 6))
    x[2, 4] = 1e3
    with pytest.raises(DataError, match=r"Observation 4 of row 2 is 1000 when scaled, beyond the 100"):
        served.outputs(x)
    assert serve(policy, largest=2e3).outputs(x).shape == (3, 3)
    many = np.full((50, 6), 99.0)
    np.testing.assert_array_equal(served.outputs(many)[0], served.outputs(many[0]))
    clipped = serve(replace(policy, clip=10.0))
    np.testing.assert_array_equal(clipped.outputs(x), clipped.outputs(np.minimum(x, 10.0)))
    for spoiled in (np.nan, np.inf):
        x[1, 0] = spoiled
        for one in (served, clipped):
            with pytest.raises(DataError, match=r"must be finite; 1 are not \(first: row 1\)"):
                one.mode(x)
    with pytest.raises(DataError, match=r"must have 6 numbers, got shape \(2,\)"):
        served.outputs(np.zeros(2))


def test_the_digest_is_of_grids_and_weights() -> None:
    served = serve(network())
    assert served.digest == serve(network()).digest
    others = {
        serve(network(seed=1)).digest,
        serve(network(), largest=1e3).digest,
        serve(network(grow=4.0)).digest,
    }
    assert len({served.digest, *others}) == 4


def test_ties_are_reported_and_differences_beside_them_counted() -> None:
    a = np.array([[0.0, 1.0, 5.0], [2.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    b = a + np.array([[0.0, 1e-3, 0.0], [0.0, 1e-3, 0.0], [0.0, 0.0, 0.0]])
    found = compare_outputs(CHOICE, a, b, a.argmax(axis=1), b.argmax(axis=1))
    assert found.ties == (1,)
    assert (found.n, found.n_ties, found.n_different) == (3, 1, 0)
    assert found.largest_difference == pytest.approx(1e-3)
    wrong = compare_outputs(CHOICE, a, b, a.argmax(axis=1), np.array([0, 0, 1]))
    assert wrong.n_different == 2
    assert not wrong.is_within(1.0)
    with pytest.raises(DataError, match="same observations"):
        compare_outputs(CHOICE, a[:0], b[:0], np.zeros(0, int), np.zeros(0, int))
