"""Streams joined bucket by bucket, and what is told of the whole.

A small log is one bucket, so there is one code for all sizes. What is found is added up; findings and errors come when
all buckets were seen, in the order in which one bucket would have raised them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from telic.contract import LateOutcome, TaskContract
from telic.reports import Finding
from telic.trajectories import ORIGINS

from .acts import Acts, Moments, acts_of, require_columns, with_moments
from .disk import Disk
from .future_columns import FutureValues
from .in_order import PLACE, STREAM, TIME, order_of
from .needs import Needs
from .outcomes import Joined, outcome_columns
from .overrides import Overrides, made_by
from .ready import Ready
from .states import Ages, state_columns
from .stitching import stitched
from .stream_table import Coded, StreamTable, coded

__all__ = ["Joining", "nothing_done"]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What is added up over buckets."""

    future: FutureValues
    moments: Moments | None
    overrides: Overrides
    ages: Mapping[str, Ages]
    outcomes: Mapping[str, Joined]


class Joining:
    """Makes buckets of rows into buckets of decisions.

    Args:
        contract: with ``streams``.
        needs: which columns are wanted.
        streams: name to each stream.
        disk: for what does not fit into memory; None: everything is in memory.

    Attributes:
        about: shared names that say whom decisions are about.
        acting: streams of decisions.
        outcomes: how outcomes find their decision.
    """

    def __init__(
        self, contract: TaskContract, needs: Needs, streams: Mapping[str, Ready], disk: Disk | None
    ) -> None:
        self._contract, self._streams = contract, streams
        self.outcomes = contract.decisions.outcomes
        self.acting = [r for r in streams.values() if r.raw.stream.role == "decisions"]
        states = [r for r in streams.values() if r.raw.stream.role == "state"]
        self.about = [name for name, _ in self.acting[0].raw.stream.entities]
        self._kinds = needs.columns[self.acting[0].raw.stream.name]
        self._constant = "unknown" if contract.data.origin == "mixed" else contract.data.origin
        self._base: list[str] = []
        self._made: dict[str, list[str]] = {}  # columns of each stream that is joined
        rule = contract.decisions.no_action
        self._found = _Found(
            future=FutureValues(
                contract,
                self._kinds,
                {r.raw.stream.name: needs.columns[r.raw.stream.name] for r in states},
                {
                    (r.raw.stream.name, role.removeprefix("column:")): limits
                    for r in states
                    for role, limits in r.selection.ranges.items()
                },
                disk,
            ),
            moments=None if rule is None else Moments(rule),
            overrides=Overrides(),
            ages={r.raw.stream.name: Ages(r.raw.stream, disk) for r in states},
            outcomes={o.stream: Joined(o, streams[o.stream].raw.stream) for o in contract.decisions.outcomes},
        )

    @property
    def names(self) -> list[str]:
        """Columns of the table of decisions, in order."""
        joined = [*self._found.ages, *(o.stream for o in self.outcomes)]
        return list(dict.fromkeys([*self._base, *(name for stream in joined for name in self._made[stream])]))

    @property
    def people(self) -> frozenset[str]:
        """Those of them, and of the columns by which outcomes find their decision, that hold names of people."""
        found = set[str]()
        for ready in self._streams.values():
            is_acting = ready.raw.stream.role == "decisions"
            for role in ready.raw.people:
                kind, _, name = role.partition(":")
                if is_acting:
                    found.add(role if kind == "key" else name)
                elif kind == "column":
                    found.add(f"{ready.raw.stream.name}.{name}")
        return frozenset(found)

    def decisions(
        self, tables: Mapping[str, StreamTable], outcomes: Sequence[LateOutcome]
    ) -> pa.Table | None:
        """The decisions of a bucket in the order of acts; None: there are none.

        Args:
            tables: name to the rows of each stream that are about the same, stitched.
            outcomes: those whose decisions are in the bucket with them.
        """
        states = [t for t in tables.values() if t.stream.role == "state"]
        acting = [tables[r.raw.stream.name] for r in self.acting]
        acts = acts_of(acting, self._kinds, self._constant)
        found = self._found
        if len(acts):
            for state in states:
                found.future.seen(acts, state)
            if found.moments is not None:
                acts = with_moments(acts, self._contract, states, self._constant, len(acting), found.moments)
        columns: dict[str, pa.ChunkedArray] = {TIME: pa.chunked_array([pa.array(acts.times)])}
        columns |= made_by(acts, self._contract, found.overrides)
        columns |= {name: entity.column() for name, entity in acts.entities.items()}
        columns |= {name: column for name, column in acts.columns.items() if not name.startswith("key:")}
        self._base = list(columns)
        for state in states:
            made = state_columns(acts, state, found.ages[state.stream.name])
            self._made[state.stream.name] = list(made)
            columns |= made
        for rule in outcomes:
            made = outcome_columns(acts, tables[rule.stream], found.outcomes[rule.stream])
            self._made[rule.stream] = list(made)
            columns |= made
        columns |= {name: column for name, column in acts.columns.items() if name.startswith("key:")}
        columns |= {STREAM: pa.chunked_array([acts.streams]), PLACE: pa.chunked_array([acts.places])}
        return pa.table(columns) if len(acts) else None

    def met(self, stream: str, decisions: pa.Table, table: StreamTable) -> pa.Table | None:
        """Decisions with what a stream that is joined afterwards says of them; None: there are none.

        Args:
            stream: its name.
            decisions: those that rows of the bucket may be joined with.
            table: the rows, stitched.
        """
        decisions = decisions.take(pa.array(order_of(decisions, self.about, time_first=False)))
        streams = decisions[STREAM].to_numpy()
        acts = Acts(
            times=decisions[TIME].to_numpy(),
            entities={name: coded(decisions[name]) for name in self.about},
            columns={name: decisions[name] for name in decisions.column_names},
            origins=Coded(codes=np.zeros(len(streams), dtype=np.int32), texts=ORIGINS),
            n_acts=int(np.sum(streams < len(self.acting))),
            streams=streams,
            places=decisions[PLACE].to_numpy(),
        )
        if table.stream.role == "state":
            self._found.future.seen(acts.only_acts(), table)
            made = state_columns(acts, table, self._found.ages[stream])
        else:
            made = outcome_columns(acts, table, self._found.outcomes[stream])
        self._made[stream] = list(made)
        for name, column in made.items():
            decisions = decisions.append_column(name, column)
        return decisions if len(acts) else None

    def stitched(self, name: str, table: StreamTable) -> StreamTable:
        """The rows of a stream put together.

        Args:
            name: of the stream.
            table: rows of a bucket.
        """
        return stitched(table, self._streams[name].stitching)

    def tell(self, findings: list[Finding]) -> None:
        """What was found in all buckets.

        Args:
            findings: told.

        Raises:
            DataError: the files break the contract, or streams do not fit together; the message names the rows.
        """
        for ready in self._streams.values():
            ready.selection.tell(ready.raw.rows, findings)
            ready.stitching.tell(ready.selection.n_chosen, ready.raw.rows, findings)
        require_columns([_columns(r) for r in self.acting], self._kinds)
        found, contract = self._found, self._contract
        findings += found.future.findings(lambda stream, place: self.row(stream, place))
        if found.moments is not None:
            findings.append(found.moments.finding())
        if contract.decisions.proposed and contract.actions.column is not None:
            findings.append(found.overrides.finding())
        for name, ages in found.ages.items():
            ages.matching.require(self._least(name), self._streams[name].selection.least)
            findings.append(ages.finding())
        for rule in contract.decisions.outcomes:
            joined, ready = found.outcomes[rule.stream], self._streams[rule.stream]
            if not rule.key:
                joined.matching.require(self._least(rule.stream), ready.selection.least)
            findings.append(joined.finding(ready.raw.rows))

    def row(self, stream: int, place: int) -> str:
        """An act in words: its file and line.

        Args:
            stream: which one of those of decisions.
            place: its row there.
        """
        return self.acting[stream].raw.rows.name(place)

    def _least(self, name: str) -> dict[str, tuple[str, ...]]:
        """The first texts of whom decisions are about, by the names that a stream has too."""
        return {
            about: tuple(sorted({t for r in self.acting for t in r.selection.least[about]}))
            for about, _ in self._streams[name].raw.stream.entities
        }


def nothing_done(time: float) -> str:
    """A moment at which nothing was done, in words.

    Args:
        time: seconds since 1970.
    """
    return f"nothing done at {np.datetime64(int(time), 's')}Z"


def _columns(ready: Ready) -> set[str]:
    return {r.removeprefix("column:") for r in ready.raw.roles if r.startswith("column:")}
