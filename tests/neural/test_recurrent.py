"""The gated unit over sequences: step by step in numpy, against another implementation, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.neural.networks import apply_columns, to_layers  # noqa: E402
from telic.neural.recurrent import apply_sequences, init_recurrent, memories, to_policy  # noqa: E402
from telic.policies import CategoricalHead, NetworkPolicy  # noqa: E402

D, M, E, T = 3, 5, 4, 9


@pytest.fixture(scope="module")
def params():
    made = jax.jit(lambda key: init_recurrent(key, D, M, (6,), 2))(jax.random.key(0))
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda a: a + 0.3 * rng.normal(size=a.shape).astype(np.float32), made)


@pytest.fixture(scope="module")
def sequences():
    """Looks, memories before them, and where episodes begin."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(D, E, T)).astype(np.float32)
    return x, rng.uniform(-1, 1, (E, M)).astype(np.float32), rng.random((E, T)) < 0.2


def test_weights_begin_orthogonal(params) -> None:
    made = init_recurrent(jax.random.key(3), D, M, (6,), 2)
    for i in range(3):
        block = np.asarray(made.recalling.weight[:, i * M : (i + 1) * M])
        np.testing.assert_allclose(block.T @ block, np.eye(M), atol=1e-5)
        block = np.asarray(made.entering.weight[:, i * M : (i + 1) * M])
        np.testing.assert_allclose(block @ block.T, np.eye(D), atol=1e-5)
    assert made.n_memory == M


def test_sequences_are_the_steps_of_the_policy_that_is_served(params, sequences) -> None:
    x, kept, begins = sequences
    assert begins.any()
    layers = to_layers(params.layers)
    inner = NetworkPolicy(
        layers=layers, activation="tanh", head=CategoricalHead(n_actions=2), shift=np.zeros(M, np.float32),
        scale=np.ones(M, np.float32),
    )  # fmt: skip
    policy = to_policy(params, inner, np.zeros(D, np.float32), np.ones(D, np.float32), np.inf)
    found = jax.jit(memories)(params, x, kept, begins)
    outputs = np.asarray(jax.jit(apply_sequences)(params, x, kept, begins)).reshape(2, E, T)
    memory = kept
    for t in range(T):
        memory = np.where(begins[:, t, None], policy.begin(x[:, :, t].T), memory)
        memory = policy.remember(memory, x[:, :, t].T)
        np.testing.assert_allclose(found[:, :, t].T, memory, atol=2e-6)
        np.testing.assert_allclose(outputs[:, :, t].T, inner.outputs(memory), atol=1e-5)


def test_the_unit_is_that_of_onnx_runtime(params, sequences) -> None:
    """Its operator ``GRU`` with ``linear_before_reset`` takes the parts in the order z, r, n."""
    onnx = pytest.importorskip("onnx", reason="NOT RUN: the extra `onnx` is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="NOT RUN: the extra `onnx` is not installed")
    x, kept, _ = sequences

    def parts(values):
        r, z, n = np.split(np.asarray(values), 3, axis=-1)
        return np.concatenate([z, r, n], axis=-1)

    entering, recalling = params.entering, params.recalling
    constants = {
        "W": parts(entering.weight).T[None],
        "R": parts(recalling.weight).T[None],
        "B": np.concatenate([parts(entering.bias), parts(recalling.bias)])[None],
    }
    proto, helper = onnx.TensorProto.FLOAT, onnx.helper
    node = helper.make_node("GRU", ["X", "W", "R", "B", "", "H"], ["Y"], hidden_size=M, linear_before_reset=1)
    graph = helper.make_graph(
        [node], "unit",
        [helper.make_tensor_value_info("X", proto, [T, E, D]), helper.make_tensor_value_info("H", proto, [1, E, M])],
        [helper.make_tensor_value_info("Y", proto, [T, 1, E, M])],
        [onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["Y"], {"X": x.transpose(2, 1, 0), "H": kept[None]})
    mine = jax.jit(memories)(params, x, kept, np.zeros((E, T), bool))
    np.testing.assert_allclose(np.asarray(mine).transpose(2, 1, 0), theirs[:, 0], atol=1e-5)


def test_gradients_through_time_are_finite_differences(params, sequences) -> None:
    """In double precision, along 5 random directions of all weights, the first memory and what was seen."""
    x, kept, begins = sequences
    rng = np.random.default_rng(2)
    weighing = rng.normal(size=(2, E * T))
    with jax.enable_x64(True):
        at = jax.tree.map(lambda a: np.asarray(a, np.float64), (params, x, kept))

        @jax.jit
        def told(at):
            return (apply_sequences(*at, begins) * weighing).sum()

        gradient = jax.jit(jax.grad(told))(at)
        for _ in range(5):
            way = jax.tree.map(lambda a: rng.normal(size=a.shape), at)
            ahead, behind = (
                float(told(jax.tree.map(lambda a, w, s=s: a + s * w, at, way))) for s in (1e-5, -1e-5)
            )
            slope = sum(
                float((g * w).sum()) for g, w in zip(*map(jax.tree.leaves, (gradient, way)), strict=True)
            )
            assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)


def test_what_was_before_an_episode_moves_nothing_in_it(params, sequences) -> None:
    x, kept, begins = sequences
    begins = np.zeros_like(begins)
    begins[:, 4] = True
    gradient = jax.jit(jax.grad(lambda x: memories(params, x, kept, begins)[:, :, 5].sum()))(x)
    np.testing.assert_array_equal(gradient[:, :, :4], 0.0)
    assert np.all(np.abs(np.asarray(gradient[:, :, 4:6])).max(axis=(0, 1)) > 0)
    assert apply_columns(params.layers, np.zeros((M, 1), np.float32), "tanh").shape == (2, 1)
