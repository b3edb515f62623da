"""Recorded choice sets as part of the state: what could be taken is something that the expert saw.

A decision among what could be taken says nothing about what could not. So where the log records choice sets
(``Demonstrations.offered``) they narrow the actions of the state. Where in each state the same actions were always
offered, the state says them already. Where they differ within a state, the set ``C`` becomes one more observation of
it, and what follows a decision is ``P(s', C' | s, C, a)``, estimated as any other part of the state:

    V(s, C) = 1/beta log sum_{a in C} exp(beta Q(s, C, a)),   Q(s, C, a) = r(s, a) + gamma E[V(s', C') | s, C, a].

The expert knows what can be taken now, and how often what can be taken later, but not ahead of time.

Not every log can be split so finely. Where there are too many sets, too few decisions a state, or no decision after
another, the fit goes on as if everything could be taken, and a warning says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from telic.contract import TaskContract
from telic.datasets.splits import split
from telic.inference.wording import join_words
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, IntArray, LongArray

from .choice_sets import NAME, SeenSets, n_restricted

__all__ = ["FEWEST_DECISIONS", "FEW_DECISIONS", "MOST_SETS", "Placed", "placed"]

MOST_SETS = 32
"""Different choice sets that the state is split by; the page lists them."""

FEWEST_DECISIONS = 10.0
"""Fitted decisions for each state that is entered, on average, below which states are not split: with fewer, the fit
errs as much as one that ignores choice sets (``thin`` in ``reproductions/choice_sets.py``)."""

FEW_DECISIONS = 50.0
"""The same number, below which a warning says that the split is thin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """Decisions in states, with what could be taken in each state.

    Attributes:
        space: the states.
        demos: decisions with states.
        available: ``(S, A)`` what could be taken; None: everything.
        sets: the choice sets, where they are an observation of the state; else None.
        findings: how choice sets take part, where there are some.
    """

    space: StateSpace
    demos: Demonstrations
    available: BoolArray | None = None
    sets: SeenSets | None = None
    findings: tuple[Finding, ...] = ()


def placed(contract: TaskContract, demos: Demonstrations, *, scale: float, held_out: float) -> Placed:
    """States of the contract, with recorded choice sets as part of them.

    Whether there are decisions enough is asked of the declared bins: a comparison of resolutions would otherwise be one
    of fits with and without choice sets.

    Args:
        contract: the task.
        demos: measurements that are learned from.
        scale: factor on the numbers of bins.
        held_out: share of trajectories that is kept out of fitting; they have a say in where states are, not in
            how many.

    Raises:
        ContractError: the contract does not fit the data.
        DataError: values are missing or out of range.
    """
    if scale == 1.0 or demos.offered is None:
        return _placed(contract, demos, scale, held_out)
    declared = _placed(contract, demos, 1.0, held_out)
    return _placed(contract, demos, scale, held_out, is_fitted=declared.available is not None)


def _placed(
    contract: TaskContract,
    demos: Demonstrations,
    scale: float,
    held_out: float,
    *,
    is_fitted: bool | None = None,
) -> Placed:
    """The same at one resolution; whether choice sets are fitted is known, or None: found out."""

    def cut(told: TaskContract, known: Demonstrations) -> Placed:
        fitted, _ = split(known, contract.data, held_out=held_out)
        space = StateSpace.from_contract(told, known, scale=scale, choose_by=fitted)
        return Placed(space=space, demos=space.encode(known))

    plain = cut(contract, demos)
    if demos.offered is None or demos.offered.all() or is_fitted is False:
        return plain
    fitted = split(plain.demos, contract.data, held_out=held_out)[0]
    said = {"n_restricted": n_restricted(fitted), "n_decisions": fitted.n_decisions}
    seen = SeenSets.of(demos)
    codes, _ = seen.codes(demos.offered)
    by_state = _of_each_state(plain, codes)
    if by_state is not None:
        available = np.ones((plain.space.n_states, demos.n_actions), dtype=bool)
        available[by_state >= 0] = seen.sets[by_state[by_state >= 0]]
        how = "In each state the same actions were always offered, and the others are no options there."
        return replace(plain, available=available, findings=(_fitted(how, said, seen, "states"),))
    if len(seen.labels) > MOST_SETS:
        why = f"there are {len(seen.labels):,} different choice sets, more than {MOST_SETS}"
        return replace(plain, findings=(_left_out(why, said),))
    finer = cut(seen.in_contract(contract), seen.on(demos))
    fitted_finer = split(finer.demos, contract.data, held_out=held_out)[0]
    why = _too_thin(fitted, fitted_finer)
    if why and not is_fitted:
        return replace(plain, findings=(_left_out(why, said),))
    cells = finer.space.cell_along(NAME)
    each = _decisions_a_state(fitted_finer)
    how = (
        f"The choice set is part of the state (`{NAME}`: {join_words(list(seen.labels))}), and what can be had later"
        " is what the log shows to follow."
    )
    return replace(
        finer,
        available=seen.sets[cells],  # the absorbing end takes the last row, and no decision is taken there
        sets=seen,
        findings=(
            *((_thin(each),) if each < FEW_DECISIONS else ()),
            _fitted(how, said, seen, "observation"),
        ),
    )


def _of_each_state(plain: Placed, codes: IntArray) -> LongArray | None:
    """``(S,)`` the one choice set of each state, -1 where nothing was decided; None where some state has several."""
    states, _ = plain.demos.require_states()
    found = np.full(plain.space.n_states, -1, dtype=np.int64)
    found[states] = codes
    return found if np.array_equal(found[states], codes) else None


def _too_thin(plain: Demonstrations, finer: Demonstrations) -> str:
    """Why fitted decisions cannot be split by choice set; "" where they can."""
    (_, after), (_, before) = finer.require_states(), plain.require_states()
    each = _decisions_a_state(finer)
    if each < FEWEST_DECISIONS:
        return (
            f"split by choice set, {finer.n_decisions:,} fitted decisions leave {each:.3g} for each state that is"
            f" entered, fewer than {FEWEST_DECISIONS:g}"
        )
    if (before >= 0).any() and not (after >= 0).any():
        return "no record has two decisions, so nothing says what could be taken next"
    return ""


def _decisions_a_state(demos: Demonstrations) -> float:
    return demos.n_decisions / max(len(np.unique(demos.require_states()[0])), 1)


def _thin(each: float) -> Finding:
    return Finding(
        code="choice-sets-thin",
        severity=Severity.WARNING,
        message=f"Split by choice set, the log has {each:.3g} fitted decisions for each state that is entered. What"
        " follows them is told by few, so weights of what comes later can be off by more than their intervals say.",
        hint=f"Collect more decisions ({FEW_DECISIONS:g} a state), or use fewer and coarser bins.",
        evidence={"decisions_a_state": each},
    )


def _fitted(how: str, said: dict[str, int], seen: SeenSets, where: str) -> Finding:
    return Finding(
        code="choice-sets-fitted",
        severity=Severity.INFO,
        message=f"In {said['n_restricted']:,} of {said['n_decisions']:,} fitted decisions the log says that some"
        f" action could not be taken. {how}",
        evidence={**said, "n_sets": len(seen.labels), "by": where},
    )


def _left_out(why: str, said: dict[str, int]) -> Finding:
    return Finding(
        code="choice-sets-not-fitted",
        severity=Severity.WARNING,
        message=f"In {said['n_restricted']:,} of {said['n_decisions']:,} fitted decisions the log says that some action"
        " could not be taken. The fit counts it among what was passed over, so weights lean towards what could be"
        f" had: {why}.",
        hint="Use fewer or coarser bins, collect more decisions, or let an observation of the state say what can be"
        " taken; the check of options goes by what was offered.",
        evidence={**said, "reason": why},
    )
