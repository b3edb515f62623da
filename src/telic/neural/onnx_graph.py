"""An ONNX graph as it grows node by node, and what every kind of policy is exported by.

A kind is one ``Exporter``: what goes in, the nodes, and what the policy itself says, against which the model is held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from telic.errors import PermanentError
from telic.policies import PolicyEquality

__all__ = ["ACTION", "Answers", "Exporter", "Graph", "Port", "load"]

ACTION = "action"
"""The first output of every model."""

Answers: TypeAlias = Mapping[str, np.ndarray]
"""Inputs or outputs by name, one row an observation."""


class Port(NamedTuple):
    """An input or output: its name, the type of its numbers, and its shape after the batch."""

    name: str
    type: Literal["float32", "float64", "int64"]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Exporter:
    """How policies of one class become models.

    Attributes:
        form: the class.
        inputs: of the model of a policy.
        build: adds the nodes and says what the outputs are, ``action`` first.
        answer: what the policy itself says of inputs, by the names of the outputs.
        equality: from the policy, its own answers and the model's, how far they are apart.
    """

    form: type
    inputs: Callable[[Any], tuple[Port, ...]]
    build: Callable[[Graph, Any], tuple[Port, ...]]
    answer: Callable[[Any, Answers], Answers]
    equality: Callable[[Any, Answers, Answers], PolicyEquality]


class Graph:
    """Nodes and constants as they come."""

    def __init__(self, onnx: ModuleType) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """An array inside the model, by its name."""
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def whole(self, name: str, *values: int) -> str:
        """A constant row of whole numbers."""
        return self.constant(name, np.array(values, dtype=np.int64))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A node of one operator; the name of what it gives."""
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def cast(self, source: str, to: Literal["float32", "float64", "int64"], output: str) -> str:
        """The same numbers in another type."""
        return self.add("Cast", [source], output, to=self.type_code(to))

    def part(self, source: str, begin: int, end: int, output: str) -> str:
        """Columns ``begin`` to ``end``."""
        edges = [
            self.whole(f"{output}_{name}", value)
            for name, value in (("begin", begin), ("end", end), ("axis", 1))
        ]
        return self.add("Slice", [source, *edges], output)

    def type_code(self, name: str) -> int:
        """ONNX's number of a type."""
        proto = self.onnx.TensorProto
        return int({"float32": proto.FLOAT, "float64": proto.DOUBLE, "int64": proto.INT64}[name])

    def port(self, port: Port) -> Any:
        """The port as ONNX describes it, the batch of any size."""
        return self.onnx.helper.make_tensor_value_info(
            port.name, self.type_code(port.type), ["batch", *port.shape]
        )


def load(name: str) -> ModuleType:
    """A package of the extra ``onnx``.

    Raises:
        PermanentError: it is not installed.
    """
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
