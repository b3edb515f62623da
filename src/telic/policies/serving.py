"""``serve``: any policy that has one, in the form whose decisions are the same bits on any machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, overload

from telic.errors import SettingsError

from .ensemble import EnsemblePolicy
from .history import HistoryPolicy
from .network import NetworkPolicy
from .options import OptionsPolicy
from .served import LARGEST, TOLERANCE, ServedPolicy, serve_network
from .served_ensemble import ServedEnsemble
from .tabular import TabularPolicy
from .tree import TreePolicy
from .windows import WindowPolicy

__all__ = ["serve"]


@overload
def serve(policy: NetworkPolicy, *, largest: float = ..., tolerance: float = ...) -> ServedPolicy: ...
@overload
def serve(policy: EnsemblePolicy, *, largest: float = ..., tolerance: float = ...) -> ServedEnsemble: ...
@overload
def serve(policy: WindowPolicy, *, largest: float = ..., tolerance: float = ...) -> WindowPolicy: ...
@overload
def serve(policy: TabularPolicy, *, largest: float = ..., tolerance: float = ...) -> TabularPolicy: ...
@overload
def serve(policy: HistoryPolicy, *, largest: float = ..., tolerance: float = ...) -> HistoryPolicy: ...
@overload
def serve(policy: TreePolicy, *, largest: float = ..., tolerance: float = ...) -> TreePolicy: ...
@overload
def serve(policy: OptionsPolicy, *, largest: float = ..., tolerance: float = ...) -> OptionsPolicy: ...
def serve(policy: Any, *, largest: float = LARGEST, tolerance: float = TOLERANCE) -> Any:
    """The policy with defined arithmetic.

    Networks go on grids (``ServedPolicy``), ensembles member by member (``ServedEnsemble``), and a window acts by its
    inner policy served; options, too, where none asks a policy when to stop. Tables, histories and trees come back as
    they are: they only look up and compare, so that their decisions are the same bits everywhere by themselves.

    Args:
        policy: what acts.
        largest: size of scaled observations to be ready for, where a network has no finite ``clip``; larger ones are
            refused when acting. More leaves coarser grids.
        tolerance: largest proved error of an output of a network.

    Raises:
        SettingsError: the policy has no such form, or no grids keep both the bound and the tolerance: weights or
            observations are too large.
    """
    if isinstance(policy, TabularPolicy | HistoryPolicy | TreePolicy):
        return policy
    if isinstance(policy, NetworkPolicy):
        return serve_network(policy, largest=largest, tolerance=tolerance)
    if isinstance(policy, EnsemblePolicy):
        members = [serve_network(m, largest=largest, tolerance=tolerance) for m in policy.members]
        return ServedEnsemble(members=tuple(members), provenance=policy.provenance)
    if isinstance(policy, WindowPolicy) and isinstance(policy.inner, NetworkPolicy | EnsemblePolicy):
        inner = serve(policy.inner, largest=largest, tolerance=tolerance)
        return WindowPolicy(inner=inner, n_back=policy.n_back)
    if isinstance(policy, OptionsPolicy) and not any(hasattr(o.stops, "log_prob") for o in policy.options):
        acting = [serve(o.policy, largest=largest, tolerance=tolerance) for o in policy.options]
        options = tuple(replace(o, policy=one) for o, one in zip(policy.options, acting, strict=True))
        chooser = serve(policy.chooser, largest=largest, tolerance=tolerance)
        return replace(policy, chooser=chooser, options=options)
    raise SettingsError(
        f"A {type(policy).__name__} has no form with defined arithmetic; networks, ensembles and windows of them,"
        " tables, histories, trees, and options that stop by numbers do.",
        hint="Imitate it by one of these: `distil_tree` or `distil_network` (telic.imitation).",
    )
