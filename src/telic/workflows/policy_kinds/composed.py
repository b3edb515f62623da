"""Policies made of policies, in a file."""

from __future__ import annotations

from telic.policies import EnsemblePolicy, NetworkPolicy, ServedPolicy, WindowPolicy

from .codec import Codec, Held, Parts

__all__ = ["ENSEMBLE", "WINDOW"]

MOST_MEMBERS = 1_000


def _ensemble(held: Held) -> EnsemblePolicy:
    n = held.integer("n_members", 2, MOST_MEMBERS, what="members")
    names = [f"member_{i}" for i in range(n)]
    held.require_names([], names)
    return EnsemblePolicy(
        members=tuple(held.policy(name, NetworkPolicy) for name in names), provenance=held.provenance
    )


ENSEMBLE = Codec(
    kind="ensemble",
    form=EnsemblePolicy,
    take_apart=lambda p: Parts(
        arrays={},
        said={"n_members": len(p.members)},
        within={f"member_{i}": member for i, member in enumerate(p.members)},
    ),
    build=_ensemble,
)


def _window(held: Held) -> WindowPolicy:
    held.require_names([], ["inner"])
    return WindowPolicy(
        inner=held.policy("inner", NetworkPolicy, EnsemblePolicy, ServedPolicy),
        n_back=held.integer("n_back", 1, what="earlier decisions"),
    )


WINDOW = Codec(
    kind="window",
    form=WindowPolicy,
    take_apart=lambda p: Parts(arrays={}, said={"n_back": p.n_back}, within={"inner": p.inner}),
    build=_window,
)
