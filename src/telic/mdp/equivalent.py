"""Actions of a state that lead to the same distribution of the next state, made one.

Where two actions do the same, no reward of states can tell them apart and a choice between them says nothing;
kept apart they only add the logarithm of their number to the entropy of the choice. Merged, each group is its
lowest action; the others are no longer available there and decisions that took them are renamed. A reward
that depends on the action itself (a cost of pressing the button) still tells them apart: do not merge then.

Likelihoods with and without merging are not on one scale: merging leaves fewer alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import IntArray

from .tabular import TabularMDP

__all__ = ["MergedActions", "merge_equivalent_actions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MergedActions:
    """A world with equivalent actions merged, and its demonstrations.

    Attributes:
        mdp: the world; merged actions are unavailable.
        demos: the demonstrations with renamed actions, or None where none were given.
        canonical: ``(S, A)`` the action that stands for each; itself where it stands alone or is unavailable.
        n_merged: available pairs that became unavailable.
        findings: what was merged.
    """

    mdp: TabularMDP
    demos: Demonstrations | None
    canonical: IntArray
    n_merged: int
    findings: tuple[Finding, ...] = ()


def merge_equivalent_actions(
    mdp: TabularMDP, demos: Demonstrations | None = None, *, tolerance: float = 1e-12
) -> MergedActions:
    """The same world with one action for each distinct consequence.

    Args:
        mdp: the world.
        demos: decisions in it, with states.
        tolerance: largest difference of two rows, in any next state, that still counts as the same.

    Raises:
        DataError: a decision lies outside the world.
    """
    S, A = mdp.n_states, mdp.n_actions
    P, available = mdp.transition, mdp.availability
    deciding = np.ones(S, dtype=bool) if mdp.absorbing is None else ~mdp.absorbing
    canonical = np.tile(np.arange(A, dtype=np.int32), (S, 1))
    alone = available.copy()
    rows = [P[np.arange(S) * A + a] for a in range(A)]
    for b in range(1, A):
        for a in range(b):
            both = alone[:, a] & alone[:, b] & deciding
            if both.any():
                gap = sp.coo_array(abs(rows[a] - rows[b]).max(axis=1)).toarray().ravel()
                same = both & (gap <= tolerance)
                canonical[same, b] = a
                alone[same, b] = False
    n_merged = int(available.sum() - alone.sum())
    if not n_merged:
        return MergedActions(mdp=mdp, demos=demos, canonical=canonical, n_merged=0)
    kept = sp.csr_array(sp.diags_array(alone.ravel().astype(np.float64)) @ P)
    kept.eliminate_zeros()
    touched = int(((available & ~alone).any(axis=1)).sum())
    finding = Finding(
        code="equivalent-actions-merged",
        severity=Severity.INFO,
        message=(
            f"In {touched} of {S} states some actions do the same; {n_merged} of {int(available[deciding].sum())} "
            "pairs of "
            f"state and action were merged into another."
        ),
        hint="Likelihoods before and after merging do not compare: there are fewer alternatives.",
        evidence={"n_states": touched, "n_pairs": n_merged},
    )
    renamed = None
    if demos is not None:
        states, _ = demos.require_states()
        if len(states) and (states.max() >= S or demos.actions.max() >= A):
            raise DataError(
                f"Decisions must lie in a world of {S} states and {A} actions, got up to state "
                f"{states.max()} and "
                f"action {demos.actions.max()}.",
                hint="Use the world that the demonstrations were taken in.",
            )
        renamed = replace(demos, actions=canonical[states, demos.actions])
    return MergedActions(
        mdp=replace(mdp, transition=kept, available=alone),
        demos=renamed,
        canonical=canonical,
        n_merged=n_merged,
        findings=(finding,),
    )
