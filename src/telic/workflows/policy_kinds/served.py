"""Policies with defined arithmetic in a file: the grids themselves, so that what acts later is what acted.

Serving the float original again could choose other grids on another machine, because how far the error can go is itself
computed in floats. What is read is proved again: whole numbers of the right shape whose sums cannot be rounded.
"""

from __future__ import annotations

import math

import numpy as np

from telic.errors import DataError
from telic.policies import NetworkPolicy, ServedPolicy
from telic.policies.grids import ServedLayer, proved_on_grids

from .codec import Codec, Held, Parts

__all__ = ["SERVED"]

BITS = ("input_bits", "weight_bits", "rest_bits")
MOST_BITS = 64


def _take_apart(policy: ServedPolicy) -> Parts:
    arrays: dict[str, np.ndarray] = {}
    for i, layer in enumerate(policy.layers):
        arrays |= {f"weight_{i}": layer.weight, f"bias_{i}": layer.bias}
        arrays |= {} if layer.rest is None else {f"rest_{i}": layer.rest}
    layers = [
        {"has_rest": layer.rest is not None, **{name: getattr(layer, name) for name in BITS}}
        for layer in policy.layers
    ]
    said = {"largest": float(policy.largest), "layers": layers}
    return Parts(arrays=arrays, said=said, within={"policy": policy.policy})


def _build(held: Held) -> ServedPolicy:
    policy: NetworkPolicy = held.policy("policy", NetworkPolicy)
    said = held.said.get("layers")
    if not isinstance(said, list) or len(said) != len(policy.layers):
        raise DataError("it does not say one grid a layer of its network")
    parts = [Held(said={"layer": layer}).part("layer") for layer in said]
    with_rest = [i for i, layer in enumerate(parts) if layer.said.get("has_rest") is True]
    names = [f"{part}_{i}" for part in ("weight", "bias") for i in range(len(parts))]
    held.require_names([*names, *(f"rest_{i}" for i in with_rest)], ["policy"])
    largest = held.number("largest")
    if not largest > 0 or (math.isfinite(policy.clip) and largest != float(np.float32(policy.clip))):
        raise DataError(f"its sums are exact up to {largest}, which is not the clip of its network")
    layers = [
        ServedLayer(
            weight=held.numbers(f"weight_{i}", 2),
            bias=held.numbers(f"bias_{i}", 1),
            rest=held.numbers(f"rest_{i}", 2) if i in with_rest else None,
            largest_sum=0,
            **{name: layer.integer(name, 0, MOST_BITS) for name in BITS},
        )
        for i, layer in enumerate(parts)
    ]
    proved, error = proved_on_grids(policy, layers, largest)
    if not error < math.inf:
        raise DataError("the error of its grids has no bound")
    return ServedPolicy(policy=policy, layers=proved, largest=largest, error=error)


SERVED = Codec(kind="served", form=ServedPolicy, take_apart=_take_apart, build=_build)
