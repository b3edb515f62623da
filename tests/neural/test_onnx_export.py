"""Exported policies in ONNX Runtime: equal on every head, in batches of any size, scaling included."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="NOT RUN: the extra `onnx` is not installed")
runtime = pytest.importorskip("onnxruntime", reason="NOT RUN: the extra `onnx` is not installed")

from telic.errors import DataError, PermanentError  # noqa: E402
from telic.neural.onnx_export import compare_onnx, to_onnx  # noqa: E402
from telic.policies import (  # noqa: E402
    CategoricalHead,
    Dense,
    GaussianHead,
    MultiCategoricalHead,
    NetworkPolicy,
)

HEADS = {
    "one choice": CategoricalHead(n_actions=3),
    "several choices": MultiCategoricalHead(counts=(2, 4, 3)),
    "amounts": GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0)),
    "squashed": GaussianHead(low=(-2.0,), high=(2.0,), is_squashed=True),
    "bells": GaussianHead(low=(-2.0, -1.0), high=(2.0, 3.0), n_components=3),
    "squashed bells": GaussianHead(low=(-2.0, -1.0), high=(2.0, 3.0), n_components=4, is_squashed=True),
}


def network(activation="tanh", head=HEADS["one choice"], *, clip=math.inf, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    sizes = (6, 32, 32, head.n_outputs)
    return NetworkPolicy(
        layers=tuple(
            Dense(
                weight=(rng.normal(size=(a, b)) * math.sqrt(2 / a)).astype(np.float32),
                bias=(0.1 * rng.normal(size=b)).astype(np.float32),
            )
            for a, b in itertools.pairwise(sizes)
        ),
        activation=activation,
        head=head,
        shift=(rng.normal(size=6) * 10).astype(dtype),
        scale=rng.uniform(0.5, 2.0, 6).astype(dtype),
        clip=clip,
    )


def seen(policy, n=2_000):
    return np.random.default_rng(1).normal(size=(n, 6)) * 2 + policy.shift


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(
    ("activation", "clip", "dtype"),
    [("tanh", math.inf, np.float32), ("relu", 1.5, np.float32), ("tanh", 0.5, np.float64)],
)
def test_the_model_is_the_policy(head, activation, clip, dtype) -> None:
    policy = network(activation, head, clip=clip, dtype=dtype)
    found = compare_onnx(policy, to_onnx(policy), seen(policy), batch=777)
    assert found.n == 2_000
    assert found.n_different == 0
    assert found.largest_difference <= 1e-5
    assert found.largest_mode_difference <= 1e-5
    assert found.n_ties <= 4
    assert found.is_within(1e-5)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_one_is_answered_as_many_and_types_are_as_said(head) -> None:
    policy = network(head=head)
    session = runtime.InferenceSession(to_onnx(policy), providers=["CPUExecutionProvider"])
    x = seen(policy, 5).astype(np.float32)
    for n in (1, 2, 5):
        action, parameters = session.run(["action", "parameters"], {"observations": x[:n]})
        assert action.shape == policy.mode(x[:n]).shape
        assert parameters.shape == (n, head.n_outputs)
        assert action.dtype == (np.int64 if head.is_discrete else np.float32)
        np.testing.assert_allclose(action, policy.mode(x[:n]), atol=1e-5)
    kept = session.get_modelmeta().custom_metadata_map
    assert kept["telic_digest"] == policy.digest


def test_differences_are_found() -> None:
    policy = network()
    x = seen(policy)
    other = replace(policy, shift=policy.shift + np.float32(0.5))
    found = compare_onnx(policy, to_onnx(other), x)
    assert found.largest_difference > 0.1
    assert not found.is_within(1e-5)
    flipped = [*policy.layers[:-1], replace(policy.layers[-1], weight=-policy.layers[-1].weight)]
    far = compare_onnx(policy, to_onnx(replace(policy, layers=tuple(flipped))), x)
    assert not far.is_within(1e-5)
    unscaled = compare_onnx(policy, to_onnx(replace(policy, shift=np.zeros(6, np.float32))), x)
    assert not unscaled.is_within(1e-5)


def test_what_is_no_such_model_is_refused() -> None:
    policy = network()
    x = seen(policy, 3)
    with pytest.raises(DataError, match="These 4 bytes are no ONNX model that can be run"):
        compare_onnx(policy, b"ONNX", x)
    with pytest.raises(DataError, match="no observations to compare on"):
        compare_onnx(policy, to_onnx(policy), x[:0])
    model = onnx.load_from_string(to_onnx(policy))
    model.graph.input[0].name = "x"
    model.graph.node[0].input[0] = "x"
    with pytest.raises(
        DataError, match=r"must take observations and give action and parameters, got \['x'\]"
    ):
        compare_onnx(policy, model.SerializeToString(), x)


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_a_missing_package_is_told_with_its_extra(name, monkeypatch) -> None:
    policy = network()
    model = to_onnx(policy)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PermanentError, match=f"needs the package {name}, which is not installed") as told:
        to_onnx(policy) if name == "onnx" else compare_onnx(policy, model, seen(policy, 3))
    assert "telic[onnx]" in told.value.hint
