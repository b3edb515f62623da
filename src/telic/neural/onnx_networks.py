"""Networks, ensembles and windows as ONNX nodes."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from telic.policies import (
    CategoricalHead,
    EnsemblePolicy,
    GaussianHead,
    Head,
    MultiCategoricalHead,
    NetworkPolicy,
    PolicyEquality,
    RecurrentPolicy,
    WindowPolicy,
    compare_outputs,
)
from telic.policies.equality import near_ties

from .onnx_graph import ACTION, Answers, Exporter, Graph, Port

__all__ = [
    "ENSEMBLE",
    "MEMBERS",
    "NETWORK",
    "OBSERVATIONS",
    "PARAMETERS",
    "PROBABILITIES",
    "WINDOW",
    "action_port",
    "mode",
    "parameters",
    "scaled",
]

OBSERVATIONS, SEEN = "observations", "window"
PARAMETERS, PROBABILITIES, MEMBERS = "parameters", "probabilities", "members"


def _network(graph: Graph, policy: NetworkPolicy, source: str) -> tuple[Port, ...]:
    parameters(graph, policy, source, PARAMETERS)
    mode(graph, policy.head, PARAMETERS, ACTION)
    return action_port(policy.head), Port(PARAMETERS, "float32", (policy.head.n_outputs,))


def _ensemble(graph: Graph, policy: EnsemblePolicy, source: str) -> tuple[Port, ...]:
    """Means over members in float64, as the policy takes them."""
    head, M = policy.head, len(policy.members)
    each = [parameters(graph, m, source, f"parameters_{i}", f"m{i}_") for i, m in enumerate(policy.members)]
    count = graph.constant("n_members", np.array(M, dtype=np.float64))
    if isinstance(head, GaussianHead):
        acts = [
            graph.cast(mode(graph, head, one, f"action_{i}", f"m{i}_"), "float64", f"amounts_{i}")
            for i, one in enumerate(each)
        ]
        mean = graph.add("Div", [graph.add("Sum", acts, "amounts"), count], "mean_amounts")
        graph.cast(mean, "float32", ACTION)
        axis = graph.whole("member_axis", 1)
        apart = [graph.add("Unsqueeze", [one, axis], f"apart_{i}") for i, one in enumerate(each)]
        graph.add("Concat", apart, MEMBERS, axis=1)
        return action_port(head), Port(MEMBERS, "float32", (M, head.n_outputs))
    counts = (head.n_actions,) if isinstance(head, CategoricalHead) else head.counts
    ends = np.cumsum(counts).tolist()
    means = []
    for c, (n, end) in enumerate(zip(counts, ends, strict=True)):
        shares = []
        for i, one in enumerate(each):
            odds = graph.cast(graph.part(one, end - n, end, f"odds_{c}_{i}"), "float64", f"double_{c}_{i}")
            shares.append(graph.add("Softmax", [odds], f"share_{c}_{i}", axis=1))
        means.append(graph.add("Div", [graph.add("Sum", shares, f"total_{c}"), count], f"mean_{c}"))
    if isinstance(head, CategoricalHead):
        graph.add("ArgMax", means, ACTION, axis=1, keepdims=0)
    else:
        best = [graph.add("ArgMax", [mean], f"best_{c}", axis=1) for c, mean in enumerate(means)]
        graph.add("Concat", best, ACTION, axis=1)
    graph.cast(graph.add("Concat", means, "mean_probabilities", axis=1), "float32", PROBABILITIES)
    return action_port(head), Port(PROBABILITIES, "float32", (head.n_outputs,))


def _answer_network(policy: NetworkPolicy, x: np.ndarray) -> Answers:
    return {ACTION: policy.mode(x), PARAMETERS: policy.outputs(x)}


def _answer_ensemble(policy: EnsemblePolicy, x: np.ndarray) -> Answers:
    if isinstance(policy.head, GaussianHead):
        return {ACTION: policy.mode(x), MEMBERS: np.moveaxis(policy.outputs(x), 0, 1)}
    return {ACTION: policy.mode(x), PROBABILITIES: policy.probabilities(x)}


def _equal(policy: NetworkPolicy | EnsemblePolicy, own: Answers, other: Answers) -> PolicyEquality:
    head, (a, b) = policy.head, (own[ACTION], other[ACTION])
    if isinstance(policy, NetworkPolicy):
        return compare_outputs(head, own[PARAMETERS], other[PARAMETERS], a, b)
    if not isinstance(head, GaussianHead):
        return compare_outputs(head, own[PROBABILITIES], other[PROBABILITIES], a, b)
    first, second = own[MEMBERS].astype(np.float64), other[MEMBERS].astype(np.float64)
    margin = 2.0 * float(np.max(np.abs(first - second)))
    tied = np.zeros(len(a), dtype=bool)
    for i in range(len(policy.members)):
        tied |= near_ties(head, first[:, i], margin)
    n = len(a)
    one = GaussianHead(low=head.low, high=head.high)  # the mean of amounts chooses among no components
    return compare_outputs(one, first.reshape(n, -1), second.reshape(n, -1), a, b, tied=tied)


NETWORK = Exporter(
    form=NetworkPolicy,
    inputs=lambda p: (Port(OBSERVATIONS, "float32", (p.n_observations,)),),
    build=lambda graph, p: _network(graph, p, OBSERVATIONS),
    answer=lambda p, given: _answer_network(p, given[OBSERVATIONS]),
    equality=_equal,
)

ENSEMBLE = Exporter(
    form=EnsemblePolicy,
    inputs=NETWORK.inputs,
    build=lambda graph, p: _ensemble(graph, p, OBSERVATIONS),
    answer=lambda p, given: _answer_ensemble(p, given[OBSERVATIONS]),
    equality=_equal,
)


def _window(graph: Graph, policy: WindowPolicy) -> tuple[Port, ...]:
    inner = policy.inner
    build = _network if isinstance(inner, NetworkPolicy) else _ensemble
    return build(graph, inner, SEEN)  # type: ignore[arg-type]


def _answer_window(policy: WindowPolicy, given: Answers) -> Answers:
    inner = policy.inner
    answer = _answer_network if isinstance(inner, NetworkPolicy) else _answer_ensemble
    return answer(inner, given[SEEN])  # type: ignore[arg-type]


WINDOW = Exporter(
    form=WindowPolicy,
    inputs=lambda p: (Port(SEEN, "float32", (p.inner.n_observations,)),),
    build=_window,
    answer=_answer_window,
    equality=lambda p, own, other: _equal(p.inner, own, other),
)


def action_port(head: Head) -> Port:
    """The output ``action`` of a family of actions."""
    if isinstance(head, GaussianHead):
        return Port(ACTION, "float32", (head.n_dimensions,))
    return Port(ACTION, "int64", () if isinstance(head, CategoricalHead) else (len(head.counts),))


def parameters(graph: Graph, policy: NetworkPolicy, source: str, output: str, prefix: str = "") -> str:
    """The outputs of a network."""
    x = scaled(graph, policy, source, prefix)
    last = len(policy.layers) - 1
    for i, layer in enumerate(policy.layers):
        weight = graph.constant(f"{prefix}weight_{i}", layer.weight.astype(np.float32))
        bias = graph.constant(f"{prefix}bias_{i}", layer.bias.astype(np.float32))
        x = graph.add("Gemm", [x, weight, bias], output if i == last else f"{prefix}sum_{i}")
        if i < last:
            x = graph.add("Relu" if policy.activation == "relu" else "Tanh", [x], f"{prefix}hidden_{i}")
    return x


def scaled(graph: Graph, policy: NetworkPolicy | RecurrentPolicy, x: str, prefix: str) -> str:
    """Observations as the first layer takes them, in the precision in which the policy scales them."""
    dtype = np.result_type(np.float32, policy.shift.dtype, policy.scale.dtype)
    width: Literal["float32", "float64"] = "float64" if dtype == np.float64 else "float32"
    if width == "float64":
        x = graph.cast(x, width, f"{prefix}observations_double")
    x = graph.add(
        "Sub", [x, graph.constant(f"{prefix}shift", policy.shift.astype(dtype))], f"{prefix}shifted"
    )
    x = graph.add("Div", [x, graph.constant(f"{prefix}scale", policy.scale.astype(dtype))], f"{prefix}scaled")
    if math.isfinite(policy.clip):
        low = graph.constant(f"{prefix}clip_low", np.array(-policy.clip, dtype=dtype))
        high = graph.constant(f"{prefix}clip_high", np.array(policy.clip, dtype=dtype))
        x = graph.add("Clip", [x, low, high], f"{prefix}clipped")
    return graph.cast(x, "float32", f"{prefix}entering") if width == "float64" else x


def mode(graph: Graph, head: Head, source: str, output: str, prefix: str = "") -> str:
    """Nodes from the parameters of a head to its most probable action."""
    if isinstance(head, CategoricalHead):
        return graph.add("ArgMax", [source], output, axis=1, keepdims=0)
    if isinstance(head, MultiCategoricalHead):
        ends = np.cumsum(head.counts).tolist()
        best = [
            graph.add(
                "ArgMax",
                [graph.part(source, end - n, end, f"{prefix}choice_{i}")],
                f"{prefix}best_{i}",
                axis=1,
            )
            for i, (n, end) in enumerate(zip(head.counts, ends, strict=True))
        ]
        return graph.add("Concat", best, output, axis=1)
    return _amounts(graph, head, source, output, prefix)


def _amounts(graph: Graph, head: GaussianHead, source: str, output: str, prefix: str) -> str:
    """The mean of the most probable bell, within the bounds."""
    M, D = head.n_components, head.n_dimensions
    first = M if M > 1 else 0
    u = graph.part(source, first, first + M * D, f"{prefix}means")
    if M > 1:
        bells = graph.add("Reshape", [u, graph.whole(f"{prefix}means_shape", -1, M, D)], f"{prefix}bells")
        best = graph.add("ArgMax", [graph.part(source, 0, M, f"{prefix}log_shares")], f"{prefix}best", axis=1)
        u = graph.add("GatherND", [bells, best], f"{prefix}mean", batch_dims=1)
    if head.is_squashed:
        kept = graph.add("Tanh", [u], f"{prefix}kept")
    else:
        edges = [
            graph.constant(f"{prefix}unit_{n}", np.array(v, np.float32))
            for n, v in (("low", -1), ("high", 1))
        ]
        kept = graph.add("Clip", [u, *edges], f"{prefix}kept")
    stretched = graph.add("Mul", [kept, graph.constant(f"{prefix}half", head.half)], f"{prefix}stretched")
    return graph.add("Add", [stretched, graph.constant(f"{prefix}middle", head.middle)], output)
