"""Policies of which one is chosen, at each decision or until it stops, in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.errors import DataError
from telic.policies import (
    EnsemblePolicy,
    MixturePolicy,
    NetworkPolicy,
    Option,
    OptionsPolicy,
    ServedEnsemble,
    ServedPolicy,
    TabularPolicy,
    TreePolicy,
)

from .codec import Codec, Held, Parts
from .composed import MOST_MEMBERS

__all__ = ["MIXTURE", "OPTIONS"]

INNER = (
    NetworkPolicy,
    TabularPolicy,
    TreePolicy,
    EnsemblePolicy,
    MixturePolicy,
    ServedPolicy,
    ServedEnsemble,
)
"""What may be a component or do what an option does: policies without memory."""


def _mixture(held: Held) -> MixturePolicy:
    n = held.integer("n_components", 2, MOST_MEMBERS, what="components")
    names = [f"component_{k}" for k in range(n)]
    held.require_names([], ["gate", *names])
    return MixturePolicy(
        gate=held.policy("gate", *INNER),
        components=tuple(held.policy(name, *INNER) for name in names),
        provenance=held.provenance,
    )


MIXTURE = Codec(
    kind="mixture",
    form=MixturePolicy,
    take_apart=lambda p: Parts(
        arrays={},
        said={"n_components": len(p.components)},
        within={"gate": p.gate, **{f"component_{k}": c for k, c in enumerate(p.components)}},
    ),
    build=_mixture,
)


def _options_apart(policy: OptionsPolicy) -> Parts:
    arrays: dict[str, np.ndarray] = {}
    within: dict[str, Any] = {"chooser": policy.chooser}
    said = []
    for o, option in enumerate(policy.options):
        within[f"does_{o}"] = option.policy
        if hasattr(option.stops, "log_prob"):
            within[f"stops_{o}"] = option.stops
        else:
            arrays[f"stops_{o}"] = np.atleast_1d(np.asarray(option.stops, dtype=np.float64))
        if option.begins is not None:
            arrays[f"begins_{o}"] = option.begins.astype(np.uint8)
        # 0: no limit; a limit is at least 1.
        said.append(
            {"name": option.name, "longest": option.longest or 0, "is_even": np.ndim(option.stops) == 0}
        )
    return Parts(
        arrays=arrays,
        said={"n_options": len(said), **{f"option_{o}": s for o, s in enumerate(said)}},
        within=within,
    )


def _options(held: Held) -> OptionsPolicy:
    n = held.integer("n_options", 1, MOST_MEMBERS, what="options")
    arrays = [name for o in range(n) for name in (f"stops_{o}", f"begins_{o}") if name in held.arrays]
    within = [f"stops_{o}" for o in range(n) if f"stops_{o}" not in held.arrays]
    held.require_names(arrays, ["chooser", *(f"does_{o}" for o in range(n)), *within])
    return OptionsPolicy(
        chooser=held.policy("chooser", *INNER),
        options=tuple(_option(held, o) for o in range(n)),
        provenance=held.provenance,
    )


def _option(held: Held, o: int) -> Option:
    told = held.part(f"option_{o}")
    name, is_even = told.said.get("name"), told.said.get("is_even")
    if not isinstance(name, str) or not isinstance(is_even, bool):
        raise DataError(f"its option {o} has no name, or does not say how it stops")
    stops: Any
    if f"stops_{o}" in held.within:
        stops = held.policy(f"stops_{o}", *INNER)
    else:
        stops = held.numbers(f"stops_{o}", 1)
        if is_even and len(stops) != 1:
            raise DataError(f"its option {o} claims one chance to stop and holds {len(stops)}")
        stops = float(stops[0]) if is_even else stops
    begins = held.whole_numbers(f"begins_{o}", 1) > 0 if f"begins_{o}" in held.arrays else None
    return Option(
        name=name,
        policy=held.policy(f"does_{o}", *INNER),
        stops=stops,
        begins=begins,
        longest=told.integer("longest", 0, what="decisions") or None,
    )


OPTIONS = Codec(kind="options", form=OptionsPolicy, take_apart=_options_apart, build=_options)
