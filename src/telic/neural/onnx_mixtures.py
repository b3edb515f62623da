"""Mixtures of one choice as ONNX nodes: of tables as one table, of networks as the mean of probabilities by shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.errors import SettingsError
from telic.policies import (
    CategoricalHead,
    MixturePolicy,
    NetworkPolicy,
    PolicyEquality,
    TabularPolicy,
    compare_outputs,
)

from .onnx_graph import ACTION, Answers, Exporter, Graph, Port
from .onnx_networks import OBSERVATIONS, PROBABILITIES, parameters
from .onnx_tables import STATE, equal_rows, looked_up, require_within

__all__ = ["MIXTURE"]


def _n_actions(policy: MixturePolicy) -> int:
    """A.

    Raises:
        SettingsError: the mixture is of other kinds than tables, or networks of one choice.
    """
    parts: tuple[Any, ...] = (policy.gate, *policy.components)
    if all(isinstance(p, TabularPolicy) and p.table.ndim == 2 for p in parts):
        return int(policy.components[0].table.shape[1])
    if all(isinstance(p, NetworkPolicy) and isinstance(p.head, CategoricalHead) for p in parts):
        return int(policy.components[0].head.n_actions)
    kinds = sorted({type(p).__name__ for p in parts})
    raise SettingsError(
        f"A mixture of {', '.join(kinds)} cannot be an ONNX model; mixtures of tables, and of networks of one choice,"
        " can.",
        hint="Export the gate and the components, one model each, or imitate the mixture: `distil_network`.",
    )


def _is_table(policy: MixturePolicy) -> bool:
    return isinstance(policy.gate, TabularPolicy)


def _probabilities(policy: MixturePolicy, observations: np.ndarray) -> np.ndarray:
    n = len(observations)
    each = [policy.log_prob(observations, np.full(n, a, dtype=np.int32)) for a in range(_n_actions(policy))]
    return np.asarray(np.exp(np.stack(each, axis=1)))


def _build(graph: Graph, policy: MixturePolicy) -> tuple[Port, ...]:
    A = _n_actions(policy)
    if _is_table(policy):
        states = np.arange(len(policy.gate.table), dtype=np.int32)
        return looked_up(graph, _probabilities(policy, states), policy.mode(states), STATE)
    shares = _shares(graph, policy.gate, "gate_")
    each = []
    for k, component in enumerate(policy.components):
        share = graph.part(shares, k, k + 1, f"share_{k}")
        each.append(graph.add("Mul", [share, _shares(graph, component, f"c{k}_")], f"part_{k}"))
    mixed = graph.add("Sum", each, "mixed")
    graph.add("ArgMax", [mixed], ACTION, axis=1, keepdims=0)
    graph.cast(mixed, "float32", PROBABILITIES)
    return Port(ACTION, "int64"), Port(PROBABILITIES, "float32", (A,))


def _shares(graph: Graph, policy: NetworkPolicy, prefix: str) -> str:
    odds = graph.cast(
        parameters(graph, policy, OBSERVATIONS, f"{prefix}odds", prefix), "float64", f"{prefix}double"
    )
    return graph.add("Softmax", [odds], f"{prefix}probabilities", axis=1)


def _inputs(policy: MixturePolicy) -> tuple[Port, ...]:
    _n_actions(policy)
    if _is_table(policy):
        return (Port(STATE, "int64"),)
    return (Port(OBSERVATIONS, "float32", (policy.gate.n_observations,)),)


def _answer(policy: MixturePolicy, given: Answers) -> Answers:
    if _is_table(policy):
        require_within(given, {STATE: (0, len(policy.gate.table))})
    seen = given[STATE].astype(np.int32) if _is_table(policy) else given[OBSERVATIONS]
    return {ACTION: policy.mode(seen), PROBABILITIES: _probabilities(policy, seen)}


def _equal(policy: MixturePolicy, own: Answers, other: Answers) -> PolicyEquality:
    if _is_table(policy):
        return equal_rows(policy, own, other)
    head = CategoricalHead(n_actions=_n_actions(policy))
    return compare_outputs(head, own[PROBABILITIES], other[PROBABILITIES], own[ACTION], other[ACTION])


MIXTURE = Exporter(form=MixturePolicy, inputs=_inputs, build=_build, answer=_answer, equality=_equal)
