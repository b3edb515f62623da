"""Source columns to ``Demonstrations``: the one place where rows become decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.errors import DataError
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray

from .about_trajectories import labels_of_trajectories, origins_of, succeeded_of, success_of_trajectories
from .choices import offered_of
from .labels import labels_and_codes
from .measure import action_indices, measure
from .notices import cut_findings, timing_findings
from .order import (
    Ordered,
    Segments,
    cut_keys,
    duplicate_places,
    file_order_finding,
    keys_of,
    order_rows,
    segment,
    starts_of,
)
from .read import SourceColumns, release
from .row_columns import people_of, terminated_of, times_of, weights_of

__all__ = ["assemble"]


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Everything about each row, in canonical order; all arrays ``(n,)``."""

    ordered: Ordered
    actions: IntArray
    observations: dict[str, NDArray[Any]]
    categories: dict[str, tuple[str, ...]]
    demonstrators: IntArray | None
    people: tuple[str, ...]
    terminated: BoolArray | None
    weights: FloatArray | None
    drop: BoolArray | None
    origins: IntArray | None
    succeeded: IntArray | None
    offered: BoolArray | None
    labels: dict[str, tuple[IntArray, tuple[str, ...]]]

    def columns(self) -> list[NDArray[Any]]:
        """All that makes two rows of one trajectory and time equal or not."""
        optional = [self.demonstrators, self.terminated, self.weights, self.origins, self.succeeded]
        optional += [] if self.offered is None else list(self.offered.T)
        optional += [codes for codes, _ in self.labels.values()]
        return [self.actions, *self.observations.values(), *(c for c in optional if c is not None)]

    def take(self, keep: BoolArray) -> _Rows:
        """Only some rows."""

        def only(column: Any) -> Any:
            return None if column is None else column[keep]

        return replace(
            self,
            ordered=self.ordered.take(keep),
            actions=self.actions[keep],
            observations={k: v[keep] for k, v in self.observations.items()},
            demonstrators=only(self.demonstrators),
            terminated=only(self.terminated),
            weights=only(self.weights),
            drop=only(self.drop),
            origins=only(self.origins),
            succeeded=only(self.succeeded),
            offered=only(self.offered),
            labels={name: (codes[keep], texts) for name, (codes, texts) in self.labels.items()},
        )


def assemble(source: SourceColumns, contract: TaskContract, provenance: Provenance) -> Demonstrations:
    """The demonstrations that the columns hold; takes the columns out of ``source`` as it goes, to free
    memory.

    Args:
        source: what was read.
        contract: says what the columns mean.
        provenance: of the files, kept in the result.

    Raises:
        DataError: times, keys, actions or measurements break the contract, or nothing is left.
    """
    findings = list(source.findings)
    rows = _duplicates(_rows(source, contract, findings), source, contract, findings)
    segments = segment(
        rows.ordered,
        max_gap_seconds=contract.timing.max_gap_seconds,
        terminated=rows.terminated,
        demonstrators=rows.demonstrators,
        drop=rows.drop,
        origins=rows.origins,
    )
    if rows.drop is not None:
        keep = ~rows.drop
        rows, segments = rows.take(keep), segments.take(keep)
    findings += cut_findings(segments, contract)
    n = len(rows.actions)
    if n < 2:
        named = ", ".join(part.name for part in source.rows.parts[:3])
        raise DataError(
            f"{n} of {source.n_rows:,} rows {'is' if n == 1 else 'are'} left to learn from; at least 2 "
            f"decisions are needed (read: {named}).",
            hint="One decision shows no preference. Check `missing: drop` and the source.",
        )
    demos = _demonstrations(rows, segments, contract, provenance, findings)
    findings += timing_findings(demos, contract)
    return replace(demos, findings=tuple(sorted(findings, key=lambda f: -f.severity)))


def _rows(source: SourceColumns, contract: TaskContract, findings: list[Finding]) -> _Rows:
    trajectory = {c: source.columns.pop(f"trajectory:{c}") for c in contract.data.trajectory}
    keys, names = keys_of(trajectory, source.n_rows, source.rows_per_file, source.rows)
    del trajectory
    times = times_of(source, contract)
    uncut = keys
    if times is not None:
        findings += file_order_finding(keys, times)
        if contract.data.cut_seconds is not None:
            keys, names = cut_keys(keys, names, times, contract.data.cut_seconds)
    ordered = order_rows(keys, names, times)
    order = ordered.order
    # A value is carried over a cut: the clock cuts a trajectory, not what was measured in it.
    begins = starts_of(uncut if order is None else uncut[order])
    del uncut
    release()
    if contract.actions.column is None:
        # A log of states; ``telic.datasets.state_only`` takes these zeros out again.
        actions = np.zeros(source.n_rows, dtype=np.int32)
    else:
        actions = action_indices(source.columns.pop("action"), contract.actions, source.rows)
    observations: dict[str, NDArray[Any]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    drop: BoolArray | None = None
    for o in contract.observations:
        column = source.columns.pop(f"observation:{o.name}")
        measured = measure(column, o, order, begins, source.rows)
        del column
        release()
        observations[o.name] = measured.values
        if measured.labels is not None:
            categories[o.name] = measured.labels
        if measured.drop is not None:
            drop = measured.drop if drop is None else drop | measured.drop
        findings += measured.findings
    demonstrators, people = people_of(source, contract, findings)
    terminated = terminated_of(source, contract)
    weights = weights_of(source, contract)
    origins, succeeded = origins_of(source, contract), succeeded_of(source)
    offered = offered_of(source, contract, actions, findings)
    labels = {c: labels_and_codes(source.columns.pop(f"label:{c}")) for c in contract.data.labels}
    in_order: Callable[[Any], Any] = lambda c: c if c is None or order is None else c[order]  # noqa: E731
    return _Rows(
        ordered=ordered,
        actions=in_order(actions),
        observations=observations,
        categories=categories,
        demonstrators=in_order(demonstrators),
        people=people,
        terminated=in_order(terminated),
        weights=in_order(weights),
        drop=drop,
        origins=in_order(origins),
        succeeded=in_order(succeeded),
        offered=in_order(offered),
        labels={name: (in_order(codes), texts) for name, (codes, texts) in labels.items()},
    )


def _duplicates(rows: _Rows, source: SourceColumns, contract: TaskContract, findings: list[Finding]) -> _Rows:
    """Rows of one trajectory and time, dealt with as the contract says."""
    places = duplicate_places(rows.ordered)
    if not len(places):
        return rows
    equal = np.ones(len(places), dtype=bool)
    for column in rows.columns():
        equal &= column[places] == column[places - 1]
    policy, n = contract.data.duplicates, len(rows.actions)
    differing = places[~equal]
    if policy == "error" or (policy == "drop" and len(differing)):
        shown = places if policy == "error" else differing
        of_source = np.sort(shown if rows.ordered.order is None else rows.ordered.order[shown])
        raise DataError(
            f"{len(places):,} of {n:,} rows have the trajectory and time of another row "
            f"({int(equal.sum()):,} of them equal in every "
            f"column, {len(differing):,} not): {source.rows.first(of_source)}.",
            hint="If several decisions can fall on one time stamp, set `data.duplicates: keep`; if equal "
            "rows are copies, `drop`; "
            "or add a column to `data.trajectory`.",
            count=len(places),
            equal=int(equal.sum()),
            rows=of_source[:20].tolist(),
        )
    dropped = policy == "drop"
    findings.append(
        Finding(
            code="duplicate-keys",
            severity=Severity.NOTICE,
            message=f"{len(places):,} of {n:,} rows have the trajectory and time of another row; "
            + (
                "they were equal in every column and were dropped."
                if dropped
                else "all were kept, in the order of the files."
            ),
            hint="" if dropped else "A finer time stamp would fix their order.",
            evidence={"count": len(places), "equal": int(equal.sum())},
        )
    )
    if not dropped:
        return rows
    keep = np.ones(n, dtype=bool)
    keep[places] = False
    return rows.take(keep)


def _demonstrations(
    rows: _Rows,
    segments: Segments,
    contract: TaskContract,
    provenance: Provenance,
    findings: list[Finding],
) -> Demonstrations:
    n = len(rows.actions)
    first = np.flatnonzero(segments.starts)
    offsets = np.append(first, n).astype(np.int64)
    last = offsets[1:] - 1
    keys = rows.ordered.keys[first]
    ids = _ids(keys, rows.ordered.names)
    terminated = np.zeros(len(first), dtype=bool) if rows.terminated is None else rows.terminated[last]
    current, following = {}, {}
    for name in list(rows.observations):
        values = rows.observations.pop(name)
        shared = np.append(values, values[-1:])  # one memory for both: the next row is one place further
        current[name], following[name] = shared[:-1], shared[1:]
    people = rows.people
    demonstrators = (
        np.zeros(len(first), dtype=np.int32) if rows.demonstrators is None else rows.demonstrators[first]
    )
    return Demonstrations(
        actions=rows.actions,
        offsets=offsets,
        action_labels=contract.actions.labels,
        observations=current,
        next_observations=following,
        next_known=segments.next_known,
        times=rows.ordered.times,
        trajectory_ids=np.array(ids, dtype=object),
        demonstrators=demonstrators,
        demonstrator_names=people,
        terminated=terminated,
        truncated=~terminated,
        weights=rows.weights,
        offered=rows.offered,
        origins=None if rows.origins is None else rows.origins[first],
        succeeded=None
        if rows.succeeded is None
        else success_of_trajectories(rows.succeeded, offsets, findings),
        labels={
            k: labels_of_trajectories(codes, texts, offsets) for k, (codes, texts) in rows.labels.items()
        },
        categories=rows.categories,
        provenance=provenance,
    )


def _ids(keys: IntArray, names: tuple[str, ...]) -> list[str]:
    """Name of each trajectory: that of its source, and ``#2``, ``#3``, ... for its further pieces."""
    nth = np.arange(len(keys)) - np.searchsorted(keys, keys)  # keys do not fall, so this counts pieces from 0

    def numbered(names: Sequence[str]) -> list[str]:
        pairs = zip(keys.tolist(), nth.tolist(), strict=True)
        return [names[k] if i == 0 else f"{names[k]}#{i + 1}" for k, i in pairs]

    ids = numbered(names)
    return ids if len(set(ids)) == len(ids) else numbered([n.replace("#", "%23") for n in names])
