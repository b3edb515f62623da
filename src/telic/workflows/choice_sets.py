"""The different choice sets of a log as values of an observation, and what could be taken as a function of a state.

The set after a decision is that of the next decision of the same trajectory, also across a cut of ingest that hid
nothing. At the end of a record nobody knows it, so what followed counts nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.errors import ContractError
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, IntArray

__all__ = ["NAME", "SeenSets", "available_where", "n_restricted"]

NAME = "offered"
"""The observation that holds the choice set, where the rest of the state does not say it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenSets:
    """The different choice sets of a log, as values of an observation.

    Attributes:
        sets: ``(m, A)`` which actions each offers; largest first.
        labels: each in words, for example ``all but escalate``.
    """

    sets: BoolArray
    labels: tuple[str, ...]

    @classmethod
    def of(cls, demos: Demonstrations) -> SeenSets:
        """Those of some decisions.

        Args:
            demos: with ``offered``.
        """
        assert demos.offered is not None
        packed = np.unique(np.packbits(demos.offered, axis=1), axis=0)
        found = np.unpackbits(packed, axis=1, count=demos.n_actions).astype(bool)
        order = np.lexsort((*~found.T[::-1], -found.sum(axis=1)))
        return cls(sets=found[order], labels=_labels(found[order], demos.action_labels))

    def codes(self, offered: BoolArray) -> tuple[IntArray, int]:
        """``(n,)`` place of each decision's set among these, and how many decisions have one that is none of them
        (they get the one that differs in the fewest actions).

        Args:
            offered: ``(n, A)`` which actions could be taken.
        """
        known = {row.tobytes(): i for i, row in enumerate(np.packbits(self.sets, axis=1))}
        seen, which = np.unique(np.packbits(offered, axis=1), axis=0, return_inverse=True)
        rows = np.unpackbits(seen, axis=1, count=self.sets.shape[1]).astype(bool)
        near = [int(np.argmin((self.sets != row).sum(axis=1))) for row in rows]
        place = np.array([known.get(x.tobytes(), n) for x, n in zip(seen, near, strict=True)], dtype=np.int32)
        is_new = np.array([x.tobytes() not in known for x in seen], dtype=bool)
        flat = np.ravel(which)
        return place[flat], int(is_new[flat].sum())

    def on(self, demos: Demonstrations) -> Demonstrations:
        """The decisions with their choice set as an observation, and after each that of the next.

        Args:
            demos: with ``offered``; without it everything could be taken.
        """
        offered = demos.offered
        if offered is None:
            offered = np.ones((demos.n_decisions, demos.n_actions), dtype=bool)
        now, n_new = self.codes(offered)
        findings = demos.findings
        if n_new:
            findings += (
                Finding(
                    code="unseen-choice-sets",
                    severity=Severity.NOTICE,
                    message=f"{n_new:,} decisions have choice sets that no fitted or held-out decision has; each was"
                    " given the nearest one.",
                    hint="They count in no fit.",
                    evidence={"count": n_new},
                ),
            )
        after, told = dict(demos.next_observations), demos.next_known
        if after and told is not None:
            after[NAME], told = np.append(now[1:], now[-1:]), told & _is_followed(demos)
        return replace(
            demos,
            observations={**demos.observations, NAME: now},
            next_observations=after,
            next_known=told,
            categories={**demos.categories, NAME: self.labels},
            findings=findings,
        )

    def in_contract(self, contract: TaskContract) -> TaskContract:
        """The contract with the observation; it is in memory only, and nothing is stored under its digest.

        Args:
            contract: the task.

        Raises:
            ContractError: it has another observation of that name.
        """
        if NAME in contract.observation_names:
            raise ContractError(
                f"Choice sets become the observation `{NAME}` of the state, and the contract has another one of that"
                f" name (column {contract.observation(NAME).column}).",
                hint="Call that one something else; its `column` may stay.",
            )
        told = contract.to_mapping()
        told["observations"].append(
            {"name": NAME, "column": "actions.offered", "type": "category", "values": list(self.labels)}
        )
        return TaskContract.from_mapping(told)


def available_where(
    space: StateSpace, available: BoolArray, categories: Mapping[str, tuple[str, ...]]
) -> Callable[[Mapping[str, NDArray[Any]]], BoolArray]:
    """What could be taken as a function of measurements that fall into a state: ``(m, A)`` of columns.

    Args:
        space: the states.
        available: ``(S, A)`` what could be taken in each.
        categories: labels of categories that are kept as codes.
    """

    def of(columns: Mapping[str, NDArray[Any]]) -> BoolArray:
        parts = [
            axis.encode(columns[axis.name], categories.get(axis.name)).astype(np.int64) * stride
            for axis, stride in zip(space.axes, space.strides.tolist(), strict=True)
        ]
        cells = np.sum(parts, axis=0)
        found: BoolArray = available[cells if space.kept is None else np.searchsorted(space.kept, cells)]
        return found

    return of


def n_restricted(demos: Demonstrations) -> int:
    """Decisions in which some action was not offered.

    Args:
        demos: with or without ``offered``.
    """
    return 0 if demos.offered is None else int((~demos.offered).any(axis=1).sum())


def _labels(sets: BoolArray, actions: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for row in sets:
        inside = [a for a, is_in in zip(actions, row.tolist(), strict=True) if is_in]
        outside = [a for a, is_in in zip(actions, row.tolist(), strict=True) if not is_in]
        if not outside:
            words = "all"
        elif len(outside) < len(inside):
            words = f"all but {', '.join(outside)}"
        else:
            words = f"only {', '.join(inside)}"
        # Only action names with commas in them can make two sets read alike.
        found.append(words if words not in found else f"{words} ({len(found) + 1})")
    return tuple(found)


def _is_followed(demos: Demonstrations) -> BoolArray:
    """``(n,)`` whether the next row is the next decision of the same record, so that its choice set is known."""
    index = demos.trajectory_index
    found = np.zeros(demos.n_decisions, dtype=bool)
    found[:-1] = index[1:] == index[:-1]
    if demos.next_known is None:
        return found
    # A change of hands cuts a record and hides nothing: the next piece begins with what came after this one.
    ends = np.flatnonzero(~found[:-1] & demos.next_known[:-1])
    source = source_index(demos)
    ends = ends[source[index[ends]] == source[index[ends + 1]]]
    for name, after in demos.next_observations.items():
        here, there = after[ends], demos.observations[name][ends + 1]
        ends = ends[(here == there) | ((here != here) & (there != there))]
    found[ends] = True
    return found
