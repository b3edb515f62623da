"""Recurrent policies as ONNX nodes: the memory is an input, and the memory after the look is an output.

Whoever runs the model begins an episode with zeros and hands each ``memory_after`` to the next call as ``memory``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from telic.policies import PolicyEquality, RecurrentPolicy, compare_outputs

from .onnx_graph import ACTION, Answers, Exporter, Graph, Port
from .onnx_networks import OBSERVATIONS, PARAMETERS, action_port, mode, parameters, scaled

__all__ = ["RECURRENT"]

MEMORY, AFTER = "memory", "memory_after"


def _build(graph: Graph, policy: RecurrentPolicy) -> tuple[Port, ...]:
    M = policy.n_memory
    sums = {}
    for name, source, layer in (
        ("entering", scaled(graph, policy, OBSERVATIONS, "look_"), policy.entering),
        ("recalled", MEMORY, policy.recalling),
    ):
        weight = graph.constant(f"{name}_weight", layer.weight.astype(np.float32))
        bias = graph.constant(f"{name}_bias", layer.bias.astype(np.float32))
        whole = graph.add("Gemm", [source, weight, bias], name)
        sums[name] = [graph.part(whole, i * M, (i + 1) * M, f"{name}_{i}") for i in range(3)]
    (x_r, x_z, x_n), (h_r, h_z, h_n) = sums["entering"], sums["recalled"]
    recall, keep = _gate(graph, x_r, h_r, "recall"), _gate(graph, x_z, h_z, "keep")
    kept_back = graph.add("Mul", [recall, h_n], "recalled_new")
    new = graph.add("Tanh", [graph.add("Add", [x_n, kept_back], "new_sum")], "new")
    rest = graph.add("Sub", ["keep_one", keep], "rest")
    old = graph.add("Mul", [keep, MEMORY], "old")
    graph.add("Add", [old, graph.add("Mul", [rest, new], "added")], AFTER)
    parameters(graph, policy.inner, AFTER, PARAMETERS)
    mode(graph, policy.head, PARAMETERS, ACTION)
    return (
        action_port(policy.head),
        Port(PARAMETERS, "float32", (policy.head.n_outputs,)),
        Port(AFTER, "float32", (M,)),
    )


def _gate(graph: Graph, entering: str, recalled: str, name: str) -> str:
    """``(1 + tanh(a / 2)) / 2`` as the policy takes it."""
    half = graph.constant(f"{name}_half", np.array(0.5, dtype=np.float32))
    one = graph.constant(f"{name}_one", np.array(1.0, dtype=np.float32))
    a = graph.add("Mul", [graph.add("Add", [entering, recalled], f"{name}_sum"), half], f"{name}_halved")
    bent = graph.add("Add", [graph.add("Tanh", [a], f"{name}_bent"), one], f"{name}_raised")
    return graph.add("Mul", [bent, half], name)


def _answer(policy: RecurrentPolicy, given: Answers) -> Answers:
    after = policy.remember(given[MEMORY], given[OBSERVATIONS])
    return {ACTION: policy.inner.mode(after), PARAMETERS: policy.inner.outputs(after), AFTER: after}


def _equal(policy: RecurrentPolicy, own: Answers, other: Answers) -> PolicyEquality:
    found = compare_outputs(policy.head, own[PARAMETERS], other[PARAMETERS], own[ACTION], other[ACTION])
    gap = float(np.max(np.abs(own[AFTER].astype(np.float64) - other[AFTER])))
    return replace(found, largest_difference=max(found.largest_difference, gap))


RECURRENT = Exporter(
    form=RecurrentPolicy,
    inputs=lambda p: (
        Port(OBSERVATIONS, "float32", (p.n_observations,)),
        Port(MEMORY, "float32", (p.n_memory,)),
    ),
    build=_build,
    answer=_answer,
    equality=_equal,
)
