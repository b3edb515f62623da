"""Networks and families of actions in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from telic.errors import DataError
from telic.policies import (
    CategoricalHead,
    Dense,
    GaussianHead,
    Head,
    MultiCategoricalHead,
    NetworkPolicy,
)
from telic.policies.layers import ACTIVATIONS

from .codec import Codec, Held, Parts

__all__ = ["NETWORK"]

MOST_LAYERS = 1_000

HEADS: Mapping[str, Any] = {
    "categorical": CategoricalHead,
    "multi-categorical": MultiCategoricalHead,
    "gaussian": GaussianHead,
}


def _take_apart(policy: NetworkPolicy) -> Parts:
    arrays = {"shift": policy.shift, "scale": policy.scale}
    for i, layer in enumerate(policy.layers):
        arrays |= {f"weight_{i}": layer.weight, f"bias_{i}": layer.bias}
    kind = next(name for name, form in HEADS.items() if isinstance(policy.head, form))
    said = {
        "activation": policy.activation,
        "head": {"kind": kind, **asdict(policy.head)},
        "clip": float(policy.clip) if math.isfinite(policy.clip) else None,
        "n_layers": len(policy.layers),
    }
    return Parts(arrays=arrays, said=said)


def _build(held: Held) -> NetworkPolicy:
    n = held.integer("n_layers", 1, MOST_LAYERS, what="layers")
    held.require_names(["shift", "scale", *(f"{part}_{i}" for part in ("weight", "bias") for i in range(n))])
    activation: Any = held.word("activation", ACTIVATIONS)
    return NetworkPolicy(
        layers=tuple(
            Dense(weight=held.numbers(f"weight_{i}", 2), bias=held.numbers(f"bias_{i}", 1)) for i in range(n)
        ),
        activation=activation,
        head=_head(held.part("head")),
        shift=held.numbers("shift", 1),
        scale=held.numbers("scale", 1),
        clip=math.inf if held.said.get("clip") is None else float(held.number("clip")),
        provenance=held.provenance,
    )


NETWORK = Codec(kind="network", form=NetworkPolicy, take_apart=_take_apart, build=_build)


def _head(held: Held) -> Head:
    kind = held.word("kind", HEADS)
    wanted = set(HEADS[kind].__dataclass_fields__) | {"kind"}
    if set(held.said) != wanted:
        raise DataError(
            f"its head must say {', '.join(sorted(wanted))}, got {', '.join(sorted(held.said))[:200]}"
        )
    if kind == "categorical":
        return CategoricalHead(n_actions=held.integer("n_actions", 0))
    if kind == "multi-categorical":
        counts = [Held(said={"alternatives": n}) for n in _list(held, "counts")]
        return MultiCategoricalHead(counts=tuple(n.integer("alternatives", 0) for n in counts))
    ends = [
        tuple(Held(said={name: value}).number(name) for value in _list(held, name))
        for name in ("low", "high")
    ]
    if type(held.said["is_squashed"]) is not bool:
        raise DataError("it does not say whether its amounts are squashed")
    return GaussianHead(
        low=ends[0],
        high=ends[1],
        n_components=held.integer("n_components", 0),
        is_squashed=held.said["is_squashed"],
    )


def _list(held: Held, name: str) -> Sequence[Any]:
    value = held.said[name]
    if not isinstance(value, list):
        raise DataError(f"{name} must be a list, got {str(value)[:60]!r}")
    return value
