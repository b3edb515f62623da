"""Policies made of policies, in a file."""

from __future__ import annotations

from typing import Any

from telic.policies import EnsemblePolicy, NetworkPolicy, ServedEnsemble, ServedPolicy, WindowPolicy

from .codec import Codec, Held, Parts

__all__ = ["ENSEMBLE", "SERVED_ENSEMBLE", "WINDOW"]

MOST_MEMBERS = 1_000


def _apart(policy: EnsemblePolicy | ServedEnsemble) -> Parts:
    within = {f"member_{i}": member for i, member in enumerate(policy.members)}
    return Parts(arrays={}, said={"n_members": len(within)}, within=within)


def _members(held: Held, form: type) -> tuple[Any, ...]:
    n = held.integer("n_members", 2, MOST_MEMBERS, what="members")
    names = [f"member_{i}" for i in range(n)]
    held.require_names([], names)
    return tuple(held.policy(name, form) for name in names)


ENSEMBLE = Codec(
    kind="ensemble",
    form=EnsemblePolicy,
    take_apart=_apart,
    build=lambda held: EnsemblePolicy(members=_members(held, NetworkPolicy), provenance=held.provenance),
)

SERVED_ENSEMBLE = Codec(
    kind="served-ensemble",
    form=ServedEnsemble,
    take_apart=_apart,
    build=lambda held: ServedEnsemble(members=_members(held, ServedPolicy), provenance=held.provenance),
)


def _window(held: Held) -> WindowPolicy:
    held.require_names([], ["inner"])
    return WindowPolicy(
        inner=held.policy("inner", NetworkPolicy, EnsemblePolicy, ServedPolicy, ServedEnsemble),
        n_back=held.integer("n_back", 1, what="earlier decisions"),
    )


WINDOW = Codec(
    kind="window",
    form=WindowPolicy,
    take_apart=lambda p: Parts(arrays={}, said={"n_back": p.n_back}, within={"inner": p.inner}),
    build=_window,
)
