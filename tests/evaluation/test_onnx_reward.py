"""A network as a reward: what it is fed and refused, with a stand-in for onnxruntime, and itself where installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from telic.errors import FeatureError, SettingsError
from telic.evaluation import compare_rewards, onnx_reward
from telic.mdp.library import chain

STATES = np.array([[0.0, 5.0, 1.0], [1.0, 7.0, 1.0]])


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch):
    """A network of the given inputs that returns the sum of all it is fed."""

    def install(widths: dict[str, int], *, kind: str = "tensor(float)", column: bool = True) -> list:
        fed: list = []

        class Session:
            def __init__(self, model: bytes, providers: list[str]) -> None:
                if model != b"onnx":
                    raise ValueError("INVALID_PROTOBUF: no model\nat line 1")

            def get_inputs(self):
                return [SimpleNamespace(name=n, type=kind, shape=["N", w]) for n, w in widths.items()]

            def get_outputs(self):
                return [SimpleNamespace(name="reward")]

            def run(self, names, feed):
                fed.append(feed)
                total = sum(part.sum(axis=1, keepdims=column) for part in feed.values())
                return [total]

        module = ModuleType("onnxruntime")
        module.InferenceSession = Session
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        return fed

    return install


def test_a_network_of_one_input_is_fed_by_its_width(runtime) -> None:
    fed = runtime({"x": 5})
    reward = onnx_reward(b"onnx", STATES, n_actions=2)
    found = reward(np.array([0, 1]), np.array([1, 0]), np.array([1, 1]))
    assert found == pytest.approx([7.0, 10.0])
    assert fed[0]["x"].dtype == np.float32
    assert fed[0]["x"].tolist() == [[0.0, 5.0, 1.0, 0.0, 1.0], [1.0, 7.0, 1.0, 1.0, 0.0]]


def test_a_network_of_named_inputs_and_a_comparison(runtime) -> None:
    runtime({"next_state": 3, "state": 3}, kind="tensor(double)")
    reward = onnx_reward(b"onnx", STATES, actions=np.zeros((2, 1)))
    table = STATES.sum(axis=1)
    found = compare_rewards(
        {"network": reward, "table": table[:, None, None] + table[None, None, :] + np.zeros((2, 2, 2))},
        chain().mdp,
    )
    assert found.relations[0, 1].relation.name == "IDENTICAL"


def test_what_cannot_be_run_is_refused_in_words(runtime, monkeypatch) -> None:
    runtime({"x": 6})
    with pytest.raises(SettingsError, match="more than one fits"):
        onnx_reward(b"onnx", STATES, n_actions=3)
    assert onnx_reward(b"onnx", STATES, n_actions=3, parts=("state", "action")) is not None
    with pytest.raises(SettingsError, match="`parts` must be of state, action, next_state"):
        onnx_reward(b"onnx", STATES, n_actions=3, parts=("history",))
    with pytest.raises(SettingsError, match="`actions` or `n_actions` is needed"):
        onnx_reward(b"onnx", STATES)
    with pytest.raises(
        SettingsError, match="These 3 bytes are no ONNX model that can be run: INVALID_PROTOBUF: no model"
    ):
        onnx_reward(b"png", STATES, n_actions=2)
    runtime({"x": 4})
    with pytest.raises(SettingsError, match=r"takes 4 numbers; states have 3, actions 2: .* none fits"):
        onnx_reward(b"onnx", STATES, n_actions=2)
    runtime({"a": 3, "b": 3})
    with pytest.raises(SettingsError, match="must name them state, action, next_state; this one has a, b"):
        onnx_reward(b"onnx", STATES, n_actions=2)
    runtime({"x": 3}, kind="tensor(int64)")
    with pytest.raises(SettingsError, match=r"float or double, got x of tensor\(int64\)"):
        onnx_reward(b"onnx", STATES, n_actions=2)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match="needs the package 'onnxruntime', which is not installed"):
        onnx_reward(b"onnx", STATES, n_actions=2)


def test_an_output_that_is_no_number_a_transition_is_refused(runtime, monkeypatch) -> None:
    runtime({"x": 3})
    module = sys.modules["onnxruntime"]
    monkeypatch.setattr(module.InferenceSession, "run", lambda self, names, feed: [np.zeros((1, 2))])
    reward = onnx_reward(b"onnx", STATES, n_actions=2)
    with pytest.raises(FeatureError, match=r"answered 1 transitions with shape \(1, 2\)"):
        reward(np.array([0]), np.array([0]), np.array([0]))


def test_a_real_network_where_onnxruntime_is_installed() -> None:
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weights = np.array([[1.0], [0.5], [-2.0], [0.0], [3.0]], dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["reward"])],
        "linear",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 5])],
        [helper.make_tensor_value_info("reward", onnx.TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    reward = onnx_reward(model.SerializeToString(), STATES, n_actions=2)
    assert reward(np.array([0, 1]), np.array([1, 0]), np.array([0, 0])) == pytest.approx([3.5, 2.5])
    with pytest.raises(SettingsError, match="no ONNX model that can be run"):
        onnx_reward(b"nothing", STATES, n_actions=2)
