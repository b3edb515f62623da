"""Policies with a memory of their own making, in a file."""

from __future__ import annotations

import math

from telic.policies import Dense, NetworkPolicy, RecurrentPolicy

from .codec import Codec, Held, Parts

__all__ = ["RECURRENT"]

GATES = ("entering", "recalling")


def _take_gates_apart(policy: RecurrentPolicy) -> Parts:
    arrays = {"shift": policy.shift, "scale": policy.scale}
    for gate in GATES:
        layer: Dense = getattr(policy, gate)
        arrays |= {f"{gate}_weight": layer.weight, f"{gate}_bias": layer.bias}
    clip = float(policy.clip) if math.isfinite(policy.clip) else None
    return Parts(arrays=arrays, said={"clip": clip}, within={"inner": policy.inner})


def _recurrent(held: Held) -> RecurrentPolicy:
    names = [f"{gate}_{part}" for gate in GATES for part in ("weight", "bias")]
    held.require_names(["shift", "scale", *names], ["inner"])
    entering, recalling = (
        Dense(weight=held.numbers(f"{gate}_weight", 2), bias=held.numbers(f"{gate}_bias", 1))
        for gate in GATES
    )
    return RecurrentPolicy(
        entering=entering,
        recalling=recalling,
        inner=held.policy("inner", NetworkPolicy),
        shift=held.numbers("shift", 1),
        scale=held.numbers("scale", 1),
        clip=math.inf if held.said.get("clip") is None else float(held.number("clip")),
        provenance=held.provenance,
    )


RECURRENT = Codec(kind="recurrent", form=RecurrentPolicy, take_apart=_take_gates_apart, build=_recurrent)
