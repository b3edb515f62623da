"""A policy as an ONNX model: what is seen in, the most probable action and what it was chosen by out.

Graphs are written node by node, so that the scaling of observations and the bounds of actions cannot be forgotten by
whoever runs them. The batch is of any size. ``action`` is ``(batch,)`` int64 (one of several alternatives),
``(batch, choices)`` int64, or ``(batch, dimensions)`` float32. Inputs and the other output:

| policy | inputs | beside ``action`` |
| --- | --- | --- |
| network | ``observations`` ``(batch, D)`` float32 | ``parameters`` ``(batch, n_outputs)`` of its family of actions |
| ensemble | the same | ``probabilities`` ``(batch, n_outputs)``; amounts: ``members`` ``(batch, members, n_outputs)`` |
| window | ``window`` ``(batch, inputs)`` float32 as ``WindowPolicy.window`` stacks it | as its inner policy |
| recurrent | ``observations`` and ``memory`` ``(batch, M)`` float32, 0 at first | ``parameters``, ``memory_after`` |
| mixture of networks of one choice | ``observations`` | ``probabilities`` |
| mixture of tables | ``state`` | ``probabilities`` |
| table | ``state`` int64, by time ``step`` and ``state`` | ``probabilities`` ``(batch, A)`` float32 |
| history | ``previous`` (-1: none) and ``state`` int64 | the same |
| tree | ``observations`` ``(batch, D)`` float64 | the same |

``compare_onnx`` runs a model in ONNX Runtime beside the policy and says how far they are apart.

Needs the extra ``onnx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.errors import DataError, SettingsError
from telic.policies import PolicyEquality

from .onnx_graph import ACTION, Exporter, Graph, load
from .onnx_mixtures import MIXTURE
from .onnx_networks import ENSEMBLE, NETWORK, OBSERVATIONS, PARAMETERS, WINDOW
from .onnx_recurrent import RECURRENT
from .onnx_tables import HISTORY, TABLE, TREE

__all__ = ["ACTION", "EXPORTERS", "OBSERVATIONS", "OPSET", "PARAMETERS", "compare_onnx", "to_onnx"]

OPSET = 17
"""Version of ONNX's operators: of 2022, so that older runtimes take it."""

IR_VERSION = 8
"""Version of the file that goes with it."""

EXPORTERS: tuple[Exporter, ...] = (
    NETWORK,
    ENSEMBLE,
    WINDOW,
    RECURRENT,
    MIXTURE,
    TABLE,
    HISTORY,
    TREE,
)
"""The kinds of policy that can be models; to add one, write its exporter and name it here."""

INSTEAD = {
    "ServedPolicy": "Export the float original, `policy.policy`: a runtime has an arithmetic of its own.",
    "ServedEnsemble": "Export the float original, `policy.original`.",
    "BanditPolicy": "A bandit learns between decisions, and a model cannot: keep it as a file (`write_policy`), or"
    " export its probabilities of now as a `TabularPolicy` of one state.",
    "OptionsPolicy": "Which option runs is a memory, and they stop by draws: export the chooser and the policy of each"
    " option, one model each.",
    "MpcPolicy": "A planner searches at every decision: imitate what it does by a network or a tree.",
}
"""Class names of policies that are no functions of what is seen, or would lose what they are for."""


def to_onnx(policy: Any) -> bytes:
    """The bytes of an ``.onnx`` file, weights inside.

    Args:
        policy: what acts; its digest is kept in the model's metadata as ``telic_digest``.

    Raises:
        SettingsError: policies of that class cannot be models; the message says what to do.
        PermanentError: the extra is not installed.
    """
    exporter = _exporter(policy)
    onnx = load("onnx")
    graph = Graph(onnx)
    outputs = exporter.build(graph, policy)
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "policy",
            [graph.port(port) for port in exporter.inputs(policy)],
            [graph.port(port) for port in outputs],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="telic",
    )
    head = getattr(policy, "head", None)
    about = {"telic_digest": policy.digest, "telic_policy": type(policy).__name__}
    onnx.helper.set_model_props(model, about if head is None else {**about, "telic_head": repr(head)})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def compare_onnx(
    policy: Any, model: bytes, observations: np.ndarray | Mapping[str, np.ndarray], *, batch: int = 4_096
) -> PolicyEquality:
    """How far an ONNX model, run in ONNX Runtime on one thread, is from the policy, ties reported.

    Args:
        policy: what the model should equal.
        model: bytes of the ``.onnx`` file.
        observations: on which to compare; by name where the model has several inputs.
        batch: observations asked for at once.

    Raises:
        PermanentError: the extra is not installed.
        SettingsError: policies of that class cannot be models.
        DataError: the model has other inputs or outputs than ``to_onnx`` gives, or is none; or the observations are
            none that the policy takes.
    """
    exporter = _exporter(policy)
    session = _session(model)
    given = _given(exporter, policy, observations)
    own = exporter.answer(policy, given)
    names = {node.name for node in session.get_inputs()}, {node.name for node in session.get_outputs()}
    if names != (set(given), set(own)):
        raise DataError(
            f"The model must take {', '.join(given)} and give {' and '.join(own)}, got {sorted(names[0])} and"
            f" {sorted(names[1])}.",
            hint="Export the policy with `to_onnx`.",
        )
    n = len(own[ACTION])
    pieces = [
        session.run(list(own), {name: values[start : start + batch] for name, values in given.items()})
        for start in range(0, n, batch)
    ]
    other = {name: np.concatenate(parts) for name, parts in zip(own, zip(*pieces, strict=True), strict=True)}
    other[ACTION] = other[ACTION].astype(own[ACTION].dtype)
    return exporter.equality(policy, own, other)


def _exporter(policy: Any) -> Exporter:
    name = type(policy).__name__
    for exporter in EXPORTERS:
        if isinstance(policy, exporter.form):
            inner = getattr(policy, "inner", None)
            if type(inner).__name__ not in INSTEAD:
                return exporter
            name = f"{name} of a {type(inner).__name__}"
    raise SettingsError(
        f"A {name} cannot be an ONNX model; these can: {', '.join(e.form.__name__ for e in EXPORTERS)}.",
        hint=INSTEAD.get(name.split()[-1], "Imitate it by one of these: `distil_tree` or `distil_network`."),
    )


def _given(
    exporter: Exporter, policy: Any, observations: np.ndarray | Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The inputs by name, in the types that the model takes."""
    ports = exporter.inputs(policy)
    named = observations if isinstance(observations, Mapping) else {ports[0].name: observations}
    if named.keys() != {port.name for port in ports}:
        raise DataError(
            f"Observations must be {' and '.join(port.name for port in ports)}, got {', '.join(named)}.",
            hint="Pass a mapping from the names of the inputs to arrays.",
        )
    given = {port.name: np.asarray(named[port.name], dtype=port.type) for port in ports}
    lengths = {len(values) for values in given.values()}
    if lengths == {0}:
        raise DataError("There are no observations to compare on.", hint="Give at least one.")
    if len(lengths) > 1:
        raise DataError(
            f"Inputs must be of one length, got {sorted(lengths)}.", hint="One row of each an observation."
        )
    return given


def _session(model: bytes) -> Any:
    runtime = load("onnxruntime")
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
