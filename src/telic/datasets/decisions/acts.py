"""The rows that are decisions: acts of all streams with that role, and the moments at which nothing was done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import NoAction, TaskContract
from telic.datasets.sources.coerce import CATEGORY
from telic.datasets.sources.plan import Kind
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS
from telic.typing import FloatArray, IntArray, LongArray

from .as_of import as_of
from .no_action import moments_without_act, planned_moments, too_many
from .reading import columns_by_name
from .stream_table import Coded, StreamTable, shared_keys

__all__ = ["Acts", "Moments", "acts_of", "require_columns", "with_moments"]

TYPES: Mapping[Kind, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "category": CATEGORY,
    "text": CATEGORY,
    "time": pa.float64(),
}


@dataclass(frozen=True, kw_only=True)
class Acts:
    """Decisions, one row each.

    Attributes:
        times: ``(n,)`` seconds.
        entities: shared name to whom each is about.
        columns: name to values, also those of ``identity`` and keys (``key:NAME``).
        origins: who made each, by its stream.
        n_acts: rows that a log holds; the others follow them.
        streams: ``(n,)`` which stream of decisions holds each; one more than the last where nothing was done.
        places: ``(n,)`` its row there; where nothing was done, its place among such moments.
    """

    times: FloatArray
    entities: Mapping[str, Coded]
    columns: Mapping[str, pa.ChunkedArray]
    origins: Coded
    n_acts: int
    streams: IntArray
    places: LongArray

    def __len__(self) -> int:
        return len(self.times)

    def keys(self, names: Sequence[str], other: StreamTable) -> tuple[LongArray, LongArray]:
        """Numbers of whom decisions and rows of another stream are about, equal where the names agree."""
        both = [[side[name] for name in names] for side in (self.entities, other.entities)]
        ours, theirs = shared_keys(both, [len(self), len(other)])
        return ours, theirs

    def only_acts(self) -> Acts:
        """Without the moments at which nothing was done."""
        n = self.n_acts
        if n == len(self):
            return self
        return replace(
            self,
            times=self.times[:n],
            entities={name: replace(c, codes=c.codes[:n]) for name, c in self.entities.items()},
            columns={name: c.slice(0, n) for name, c in self.columns.items()},
            origins=replace(self.origins, codes=self.origins.codes[:n]),
            streams=self.streams[:n],
            places=self.places[:n],
        )

    def named(self, rows: LongArray) -> list[tuple[Any, ...]]:
        """Of some decisions: stream, whom they are about, time and place; decisions stand in this order.

        Args:
            rows: some of them.
        """
        about = [[c.texts[c.codes[row]] for c in self.entities.values()] for row in rows.tolist()]
        return [
            (int(self.streams[row]), *texts, float(self.times[row]), int(self.places[row]))
            for row, texts in zip(rows.tolist(), about, strict=True)
        ]


def acts_of(tables: Sequence[StreamTable], kinds: Mapping[str, Kind], default_origin: str) -> Acts:
    """The rows of these streams, one after the other.

    Args:
        tables: streams with the role ``decisions``, stitched.
        kinds: name of each column that the contract wants of decisions to what it must be.
        default_origin: who decided, where a stream does not say.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    by_name = [columns_by_name(t) for t in tables]
    for name, kind in kinds.items():
        columns[name] = _joined([c.get(name) for c in by_name], [len(t) for t in tables], TYPES[kind])
    for role in dict.fromkeys(r for t in tables for r in t.columns if r.startswith("key:")):
        columns[role] = _joined([t.columns.get(role) for t in tables], [len(t) for t in tables], CATEGORY)
    names = [name for name, _ in tables[0].stream.entities]
    return Acts(
        times=np.concatenate([t.times for t in tables]),
        entities={name: _merged([t.entities[name] for t in tables]) for name in names},
        columns=columns,
        origins=Coded(
            codes=np.concatenate(
                [np.full(len(t), ORIGINS.index(t.stream.origin or default_origin), np.int32) for t in tables]
            ),
            texts=ORIGINS,
        ),
        n_acts=sum(len(t) for t in tables),
        streams=np.repeat(np.arange(len(tables), dtype=np.int32), [len(t) for t in tables]),
        places=np.concatenate([t.places for t in tables]),
    )


def require_columns(known: Sequence[Collection[str]], kinds: Mapping[str, Kind]) -> None:
    """Nothing, where every column that is wanted is one of some stream of decisions.

    Args:
        known: of each stream the columns that are read.
        kinds: of ``acts_of``.

    Raises:
        DataError: no stream has a column that is wanted.
    """
    every = {name for names in known for name in names}
    for name in kinds:
        if name not in every:
            raise DataError(
                f"No stream of decisions has a column `{name}`.{near_miss(name, sorted(every))}",
                hint="Columns of other streams are called `stream.column`; another name for a column of this one goes "
                "into its `columns`.",
                missing=[name],
            )


class Moments:
    """How many moments there are at which nothing was done, bucket by bucket.

    Args:
        rule: when somebody could have acted.
    """

    def __init__(self, rule: NoAction) -> None:
        self.rule = rule
        self.planned = 0.0
        self.n = self.n_acts = 0

    def finding(self) -> Finding:
        """The same in words.

        Raises:
            DataError: there are too many.
        """
        rule, problem = self.rule, too_many(self.planned)
        if problem is not None:
            raise problem
        return Finding(
            code="no-action-decisions",
            severity=Severity.NOTICE,
            message=f"{self.n:,} decisions to do nothing (`{rule.label}`) were added to {self.n_acts:,} acts: "
            + (
                f"at multiples of {rule.every_seconds:g} s"
                if rule.policy == "grid"
                else f"{rule.every_seconds:g} s after each act, and again until the next"
            )
            + f", while it was observed, no closer than {rule.margin_seconds:g} s to an act.",
            hint="How often nothing is done depends on this rule; see whether the answer does.",
            evidence={"count": self.n, "acts": self.n_acts, **rule.model_dump()},
        )


def with_moments(
    acts: Acts,
    contract: TaskContract,
    observed: Sequence[StreamTable],
    default_origin: str,
    n_streams: int,
    found: Moments,
) -> Acts:
    """The acts, followed by decisions to do nothing, each by whoever acted last on the same.

    Where all buckets so far have too many moments, none is made any longer: they are only counted.

    Args:
        acts: what was done; at least one.
        contract: which columns name the action, the trajectory and who decided.
        observed: streams of state that say since when and until when each was watched.
        default_origin: who decides before the first act.
        n_streams: number of streams of decisions.
        found: when somebody could have acted; told how many moments there are.
    """
    rule = found.rule
    tables = [[acts.entities[n] for n in acts.entities]]
    watching = [t for t in observed if len(t.entities) == len(acts.entities)]
    tables += [[t.entities[n] for n in acts.entities] for t in watching]
    keys = shared_keys(tables, [len(acts), *(len(t) for t in watching)])
    n_keys = int(keys[0].max()) + 1
    everywhere = np.concatenate(keys)
    times = np.concatenate([acts.times, *(t.times for t in watching)])
    ours = (everywhere >= 0) & np.isin(everywhere, keys[0])
    begins, ends = np.full(n_keys, np.inf), np.full(n_keys, -np.inf)
    np.minimum.at(begins, everywhere[ours], times[ours])
    np.maximum.at(ends, everywhere[ours], times[ours])
    here = np.unique(keys[0])
    number = np.full(n_keys, -1, dtype=np.int64)
    number[here] = np.arange(len(here))
    plan = planned_moments(rule, number[keys[0]], acts.times, begins[here], ends[here])
    found.planned += plan.total
    if too_many(found.planned) is not None:
        return acts
    about, moments = moments_without_act(rule, plan, number[keys[0]], acts.times)
    found.n += len(moments)
    found.n_acts += len(acts)
    last = as_of(about, moments, number[keys[0]], acts.times)
    example = np.zeros(len(here), dtype=np.int64)
    example[number[keys[0]]] = np.arange(len(acts))
    carried = {*contract.data.trajectory, contract.data.demonstrator}
    columns = {
        name: _extended(name, column, last, len(moments), rule.label, contract, name in carried)
        for name, column in acts.columns.items()
    }
    made = np.where(last >= 0, acts.origins.codes[np.maximum(last, 0)], ORIGINS.index(default_origin))
    return replace(
        acts,
        times=np.concatenate([acts.times, moments]),
        entities={
            n: replace(c, codes=np.concatenate([c.codes, c.codes[example[about]]]))
            for n, c in acts.entities.items()
        },
        columns=columns,
        origins=replace(acts.origins, codes=np.concatenate([acts.origins.codes, made.astype(np.int32)])),
        streams=np.concatenate([acts.streams, np.full(len(moments), n_streams, np.int32)]),
        places=np.concatenate([acts.places, np.arange(len(moments))]),
    )


def _extended(
    name: str,
    column: pa.ChunkedArray,
    last: LongArray,
    n: int,
    label: str,
    contract: TaskContract,
    is_carried: bool,
) -> pa.ChunkedArray:
    """A column with what holds where nothing was done: who and what it belongs to is carried, the rest is not known."""
    if name == contract.actions.column:
        value = pa.array([label]).dictionary_encode().cast(CATEGORY)
        more = value.take(pa.array(np.zeros(n, dtype=np.int64)))
        if not pa.types.is_dictionary(column.type):
            more = pa.array(np.full(n, float(label))).cast(column.type)
    elif is_carried:
        return pa.chunked_array(
            [*column.chunks, *column.take(pa.array(last, mask=last < 0)).chunks], column.type
        )
    elif name == contract.data.weight:
        more = pa.array(np.ones(n)).cast(column.type)
    elif name == contract.outcomes.terminated:
        more = (
            pa.array(np.zeros(n, dtype=bool))
            if pa.types.is_boolean(column.type)
            else pa.nulls(n, column.type)
        )
    else:
        more = pa.nulls(n, column.type)
    return pa.chunked_array([*column.chunks, more], column.type)


def _joined(
    columns: Sequence[pa.ChunkedArray | None], lengths: Sequence[int], kind: pa.DataType
) -> pa.ChunkedArray:
    chunks: list[pa.Array] = []
    for column, n in zip(columns, lengths, strict=True):
        chunks += [pa.nulls(n, kind)] if column is None else column.cast(kind).chunks
    return pa.chunked_array(chunks, kind)


def _merged(parts: Sequence[Coded]) -> Coded:
    texts = sorted({t for part in parts for t in part.texts})
    place = {t: i for i, t in enumerate(texts)}
    codes: list[IntArray] = []
    for part in parts:
        lookup = np.array([place[t] for t in part.texts] + [-1], dtype=np.int32)
        codes.append(lookup[part.codes])
    return Coded(codes=np.concatenate(codes), texts=tuple(texts))
