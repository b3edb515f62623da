"""A policy as an ONNX model: observations in, the most probable action and the parameters of its family out.

The graph is written node by node (``Sub``, ``Div``, ``Clip``, ``Gemm``, ``Tanh`` or ``Relu``, and what the family of
actions needs), so that the scaling of observations and the bounds of actions cannot be forgotten by whoever runs it:

- input ``observations`` ``(batch, D)`` float32, the batch of any size;
- output ``action``: ``(batch,)`` int64 (one of several alternatives), ``(batch, choices)`` int64, or
  ``(batch, dimensions)`` float32;
- output ``parameters`` ``(batch, n_outputs)`` float32: what the family makes probabilities from.

``compare_onnx`` runs a model in ONNX Runtime beside the policy and says how far they are apart.

Needs the extra ``onnx``.
"""

from __future__ import annotations

import math
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Num

from telic.errors import DataError, PermanentError
from telic.policies import (
    CategoricalHead,
    GaussianHead,
    MultiCategoricalHead,
    NetworkPolicy,
    PolicyEquality,
    compare_outputs,
)

__all__ = ["ACTION", "OBSERVATIONS", "OPSET", "PARAMETERS", "compare_onnx", "to_onnx"]

OPSET = 17
"""Version of ONNX's operators: of 2022, so that older runtimes take it."""

IR_VERSION = 8
"""Version of the file that goes with it."""

OBSERVATIONS, ACTION, PARAMETERS = "observations", "action", "parameters"


class _Graph:
    """Nodes and constants as they come."""

    def __init__(self, onnx: ModuleType) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def part(self, source: str, begin: int, end: int, output: str) -> str:
        """Columns ``begin`` to ``end``."""
        edges = [
            self.constant(f"{output}_{name}", np.array([value], dtype=np.int64))
            for name, value in (("begin", begin), ("end", end), ("axis", 1))
        ]
        return self.add("Slice", [source, *edges], output)


def to_onnx(policy: NetworkPolicy) -> bytes:
    """The bytes of an ``.onnx`` file, weights inside.

    Args:
        policy: what acts; its digest is kept in the model's metadata as ``telic_digest``.

    Raises:
        PermanentError: the extra is not installed.
    """
    onnx = _load("onnx")
    proto = onnx.TensorProto
    graph = _Graph(onnx)
    x = _scaled(graph, policy, proto)
    last = len(policy.layers) - 1
    for i, layer in enumerate(policy.layers):
        weight = graph.constant(f"weight_{i}", layer.weight.astype(np.float32))
        bias = graph.constant(f"bias_{i}", layer.bias.astype(np.float32))
        x = graph.add("Gemm", [x, weight, bias], PARAMETERS if i == last else f"sum_{i}")
        if i < last:
            x = graph.add("Relu" if policy.activation == "relu" else "Tanh", [x], f"hidden_{i}")
    action_type, action_shape = _mode(graph, policy, proto)
    value = onnx.helper.make_tensor_value_info
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "policy",
            [value(OBSERVATIONS, proto.FLOAT, ["batch", policy.n_observations])],
            [
                value(ACTION, action_type, ["batch", *action_shape]),
                value(PARAMETERS, proto.FLOAT, ["batch", policy.head.n_outputs]),
            ],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="telic",
    )
    onnx.helper.set_model_props(model, {"telic_digest": policy.digest, "telic_head": repr(policy.head)})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def compare_onnx(
    policy: NetworkPolicy, model: bytes, observations: Num[np.ndarray, "n D"], *, batch: int = 4_096
) -> PolicyEquality:
    """How far an ONNX model, run in ONNX Runtime on one thread, is from the policy, ties reported.

    Args:
        policy: what the model should equal.
        model: bytes of the ``.onnx`` file.
        observations: on which to compare.
        batch: observations asked for at once.

    Raises:
        PermanentError: the extra is not installed.
        DataError: the model has other inputs or outputs than ``to_onnx`` gives, or is none.
    """
    session = _session(model)
    names = {node.name for node in session.get_inputs()}, {node.name for node in session.get_outputs()}
    if names != ({OBSERVATIONS}, {ACTION, PARAMETERS}):
        raise DataError(
            f"The model must take {OBSERVATIONS} and give {ACTION} and {PARAMETERS}, got {sorted(names[0])} and"
            f" {sorted(names[1])}.",
            hint="Export the policy with `to_onnx`.",
        )
    x = np.asarray(observations, dtype=np.float32)
    pieces = [
        session.run([ACTION, PARAMETERS], {OBSERVATIONS: x[start : start + batch]})
        for start in range(0, len(x), batch)
    ]
    if not pieces:
        raise DataError("There are no observations to compare on.", hint="Give at least one.")
    modes, outputs = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    mode = policy.mode(x)
    return compare_outputs(policy.head, policy.outputs(x), outputs, mode, modes.astype(mode.dtype))


def _scaled(graph: _Graph, policy: NetworkPolicy, proto: Any) -> str:
    """Observations as the first layer takes them, in the precision in which the policy scales them."""
    x, dtype = OBSERVATIONS, np.result_type(np.float32, policy.shift.dtype, policy.scale.dtype)
    is_double = dtype == np.float64
    if is_double:
        x = graph.add("Cast", [x], "observations_double", to=proto.DOUBLE)
    x = graph.add("Sub", [x, graph.constant("shift", policy.shift.astype(dtype))], "shifted")
    x = graph.add("Div", [x, graph.constant("scale", policy.scale.astype(dtype))], "scaled")
    if math.isfinite(policy.clip):
        low = graph.constant("clip_low", np.array(-policy.clip, dtype=dtype))
        high = graph.constant("clip_high", np.array(policy.clip, dtype=dtype))
        x = graph.add("Clip", [x, low, high], "clipped")
    return graph.add("Cast", [x], "entering", to=proto.FLOAT) if is_double else x


def _mode(graph: _Graph, policy: NetworkPolicy, proto: Any) -> tuple[int, list[int]]:
    """Nodes from ``parameters`` to ``action``; its type and the shape after the batch."""
    head = policy.head
    if isinstance(head, CategoricalHead):
        graph.add("ArgMax", [PARAMETERS], ACTION, axis=1, keepdims=0)
        return proto.INT64, []
    if isinstance(head, MultiCategoricalHead):
        ends = np.cumsum(head.counts).tolist()
        best = [
            graph.add("ArgMax", [graph.part(PARAMETERS, end - n, end, f"choice_{i}")], f"best_{i}", axis=1)
            for i, (n, end) in enumerate(zip(head.counts, ends, strict=True))
        ]
        graph.add("Concat", best, ACTION, axis=1)
        return proto.INT64, [len(head.counts)]
    _amounts(graph, head)
    return proto.FLOAT, [head.n_dimensions]


def _amounts(graph: _Graph, head: GaussianHead) -> None:
    """The mean of the most probable bell, within the bounds."""
    M, D = head.n_components, head.n_dimensions
    first = M if M > 1 else 0
    u = graph.part(PARAMETERS, first, first + M * D, "means")
    if M > 1:
        shape = graph.constant("means_shape", np.array([-1, M, D], dtype=np.int64))
        bells = graph.add("Reshape", [u, shape], "bells")
        shares = graph.part(PARAMETERS, 0, M, "log_shares")
        best = graph.add("ArgMax", [shares], "best", axis=1)
        u = graph.add("GatherND", [bells, best], "mean", batch_dims=1)
    if head.is_squashed:
        kept = graph.add("Tanh", [u], "kept")
    else:
        edges = [graph.constant(f"unit_{n}", np.array(v, np.float32)) for n, v in (("low", -1), ("high", 1))]
        kept = graph.add("Clip", [u, *edges], "kept")
    stretched = graph.add("Mul", [kept, graph.constant("half", head.half)], "stretched")
    graph.add("Add", [stretched, graph.constant("middle", head.middle)], ACTION)


def _session(model: bytes) -> Any:
    runtime = _load("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it would print is in the error
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # the library's errors share no other parent
        raise DataError(
            f"These {len(model):,} bytes are no ONNX model that can be run: {str(problem).splitlines()[0]}",
            hint="Pass the bytes of the .onnx file, with its weights inside.",
        ) from problem


def _load(name: str) -> ModuleType:
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        raise PermanentError(
            f"Exporting to ONNX needs the package {name}, which is not installed ({error.name} is missing).",
            hint="Install the extra: pip install 'telic[onnx]'.",
        ) from None
    for part in ("checker", "helper", "numpy_helper") if name == "onnx" else ():
        import_module(f"onnx.{part}")
    return module
