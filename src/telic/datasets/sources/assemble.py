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

from .measure import action_indices, labels_and_codes, measure
from .order import (
    Ordered,
    Segments,
    cut_keys,
    duplicate_places,
    file_order_finding,
    keys_of,
    order_rows,
    segment,
)
from .pseudonyms import pseudonyms
from .read import SourceColumns, release

__all__ = ["assemble"]

PERIOD_TOLERANCE = 0.05
"""Relative distance of the median time step from the contract's control period that is worth a finding."""

FUTURE_SECONDS = 1e11
"""Times beyond this (the year 5138) are milliseconds in disguise."""

UNKNOWN = "demonstrator-unknown"
"""Stands for every row that does not say who decided."""


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

    def columns(self) -> list[NDArray[Any]]:
        """All that makes two rows of one trajectory and time equal or not."""
        optional = (self.demonstrators, self.terminated, self.weights)
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
    )
    if rows.drop is not None:
        keep = ~rows.drop
        rows, segments = rows.take(keep), segments.take(keep)
    findings += _cut_findings(segments, contract)
    n = len(rows.actions)
    if n < 2:
        raise DataError(
            f"{n} of {source.n_rows:,} rows {'is' if n == 1 else 'are'} left to learn from; at least 2 "
            f"decisions are needed.",
            hint="One decision shows no preference. Check `missing: drop` and the source.",
        )
    demos = _demonstrations(rows, segments, contract, provenance)
    findings += _timing_findings(demos, contract)
    return replace(demos, findings=tuple(sorted(findings, key=lambda f: -f.severity)))


def _rows(source: SourceColumns, contract: TaskContract, findings: list[Finding]) -> _Rows:
    trajectory = {c: source.columns.pop(f"trajectory:{c}") for c in contract.data.trajectory}
    keys, names = keys_of(trajectory, source.n_rows, source.rows_per_file, source.rows)
    del trajectory
    times = _times(source, contract)
    if times is not None:
        findings += file_order_finding(keys, times)
        if contract.data.cut_seconds is not None:
            keys, names = cut_keys(keys, names, times, contract.data.cut_seconds)
    ordered = order_rows(keys, names, times)
    order = ordered.order
    release()
    actions = action_indices(source.columns.pop("action"), contract.actions, source.rows)
    observations: dict[str, NDArray[Any]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    drop: BoolArray | None = None
    for o in contract.observations:
        column = source.columns.pop(f"observation:{o.name}")
        measured = measure(column, o, order, ordered.starts, source.rows)
        del column
        release()
        observations[o.name] = measured.values
        if measured.labels is not None:
            categories[o.name] = measured.labels
        if measured.drop is not None:
            drop = measured.drop if drop is None else drop | measured.drop
        findings += measured.findings
    demonstrators, people = _people(source, contract, findings)
    terminated = _terminated(source, contract)
    weights = _weights(source, contract)
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
    )


def _times(source: SourceColumns, contract: TaskContract) -> FloatArray | None:
    column = source.columns.pop("time", None)
    if column is None:
        return None
    _require_all(
        column,
        "time",
        contract.data.time or "",
        "Fill it in, or leave `data.time` out where rows are in order.",
        source,
    )
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _people(
    source: SourceColumns, contract: TaskContract, findings: list[Finding]
) -> tuple[IntArray | None, tuple[str, ...]]:
    column = source.columns.pop("demonstrator", None)
    if column is None:
        return None, ("all",)
    codes, names = labels_and_codes(column)
    known = pseudonyms(names, contract.identity.task)
    gone = int(np.sum(codes < 0))
    if gone:
        known = (*known, UNKNOWN)
        findings.append(
            Finding(
                code="unknown-demonstrator",
                severity=Severity.NOTICE,
                message=f"{gone:,} of {len(codes):,} rows do not say who decided; they count as one "
                f"demonstrator, `{UNKNOWN}`.",
                hint="Fill in the column at the source where it can be known.",
                evidence={"count": gone},
            )
        )
    people = tuple(sorted(known))  # by pseudonym, so that the order says nothing about the names
    table = np.array([people.index(p) for p in known], dtype=np.int32)
    return table[codes], people  # code -1 is the last place, which is UNKNOWN where it occurs


def _terminated(source: SourceColumns, contract: TaskContract) -> BoolArray | None:
    column = source.columns.pop("terminated", None)
    if column is None:
        return None
    _require_all(
        column,
        "terminated flag",
        contract.outcomes.terminated or "",
        "Write false where the task went on.",
        source,
    )
    return np.asarray(column.to_numpy(), dtype=bool)


def _weights(source: SourceColumns, contract: TaskContract) -> FloatArray | None:
    column = source.columns.pop("weight", None)
    if column is None:
        return None
    _require_all(
        column,
        "weight",
        contract.data.weight or "",
        "Write 1 where nothing is known, 0 to leave a row out.",
        source,
    )
    weights = np.asarray(column.to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        raise DataError(
            f"Weights (column `{contract.data.weight}`) must not be negative; {len(bad):,} of "
            f"{len(weights):,} are "
            f"(first {weights[bad[0]]:g} in {source.rows.first(bad)}).",
            hint="Use 0 to leave a row out.",
            rows=bad[:20].tolist(),
        )
    return weights


def _require_all(column: Any, what: str, name: str, hint: str, source: SourceColumns) -> None:
    if not column.null_count:
        return
    gone = np.flatnonzero(np.asarray(column.is_null().combine_chunks()))
    raise DataError(
        f"The {what} (column `{name}`) is missing in {len(gone):,} of {len(column):,} rows: "
        f"{source.rows.first(gone)}.",
        hint=hint,
        rows=gone[:20].tolist(),
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
    rows: _Rows, segments: Segments, contract: TaskContract, provenance: Provenance
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


def _cut_findings(segments: Segments, contract: TaskContract) -> list[Finding]:
    gap = contract.timing.max_gap_seconds
    words = {
        "gap": f"of a silence of more than {gap:g} s" if gap is not None else "",
        "termination": "a row says that the task had ended, and rows follow",
        "handover": "another demonstrator took over (what followed is still known)",
    }
    return [
        Finding(
            code=f"split-at-{reason}",
            severity=Severity.INFO if reason == "gap" else Severity.NOTICE,
            message=f"Trajectories were cut in {count:,} places because {words[reason]}.",
            hint="",
            evidence={"count": count},
        )
        for reason, count in segments.cuts.items()
        if reason in words
    ]


def _timing_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    findings: list[Finding] = []
    if demos.next_known is not None and not demos.next_known.any():
        findings.append(
            Finding(
                code="no-transitions",
                severity=Severity.WARNING,
                message=f"None of the {demos.n_trajectories:,} trajectories has a second row, so nothing "
                f"is known about what actions lead to.",
                hint="Check `data.trajectory`: a column that differs in every row makes every row a "
                "trajectory.",
            )
        )
    if demos.times is None or not len(demos.times):
        return findings
    latest = float(np.abs(demos.times).max())
    if latest > FUTURE_SECONDS:
        unit = "milliseconds" if latest < 1e14 else "microseconds" if latest < 1e17 else "nanoseconds"
        findings.append(
            Finding(
                code="time-unit",
                severity=Severity.WARNING,
                message=f"Times reach {demos.times.max():.4g} s after 1970, which is beyond the year 5000.",
                hint=f"Are they {unit}? Set `data.time_format: {unit}`.",
            )
        )
    steps = np.diff(demos.times)[demos.next_known[:-1]] if demos.next_known is not None else np.zeros(0)
    period = contract.timing.control_period_seconds
    if period is not None and len(steps):
        median = float(np.median(steps, overwrite_input=True))
        if abs(median / period - 1) > PERIOD_TOLERANCE:
            findings.append(
                Finding(
                    code="control-period",
                    severity=Severity.WARNING,
                    message=f"The contract says a decision every {period:g} s; the median step in the "
                    f"data is {median:g} s.",
                    hint="Correct `timing.control_period_seconds`, or the unit of the times.",
                    evidence={"contract_seconds": period, "median_seconds": median},
                )
            )
    return findings
