"""All rows of a range of source trajectories, from all runs, as they lay in the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.datasets.sources.encode import Encoded
from telic.typing import IntArray

from .ranges import Range
from .runs import Run, Stretch

__all__ = ["Codes", "gather"]


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What the codes of runs mean in the dataset.

    Attributes:
        categories: name of each category to its labels, in order.
        people: pseudonyms, in order.
        of_runs: for each run, name of each category whose labels the contract does not list to the code of each of its
            codes, and last -1.
        people_of_runs: for each run, the place of each of its people, and last that of who is not known.
    """

    categories: Mapping[str, tuple[str, ...]]
    people: tuple[str, ...]
    of_runs: Sequence[Mapping[str, IntArray]]
    people_of_runs: Sequence[IntArray]


def gather(runs: Sequence[Run], limits: Range, codes: Codes, contract: TaskContract) -> Encoded | None:
    """The rows of the range, in the order of the files within a trajectory; None where there are none.

    Args:
        runs: in the order of the files.
        limits: names of the trajectories.
        codes: of all runs.
        contract: names the observations.
    """
    found = [(i, run.between(*limits)) for i, run in enumerate(runs)]
    found = [(i, s) for i, s in found if s.n_rows]
    if not found:
        return None
    total = sum(s.n_rows for _, s in found)
    names = sorted({name for _, s in found for name in s.names})
    place = {name: i for i, name in enumerate(names)}

    def column(name: str, change: Callable[[int, NDArray[Any]], NDArray[Any]] | None = None) -> Any:
        if name not in found[0][1].run.columns:
            return None
        made: NDArray[Any] | None = None
        at = 0
        for i, stretch in found:
            values = stretch.column(name)
            values = values if change is None else change(i, values)
            if made is None:
                made = np.empty((total, *values.shape[1:]), values.dtype)
            made[at : at + len(values)] = values
            at += len(values)
        return made

    def missing(name: str) -> NDArray[np.bool_] | None:
        if not any(name in s.run.columns for _, s in found):
            return None
        absent = [
            s.column(name) if name in s.run.columns else np.zeros(s.n_rows, dtype=bool) for _, s in found
        ]
        return np.concatenate(absent)

    observations, gone = {}, {}
    for o in contract.observations:
        change = None
        if o.name in codes.of_runs[0]:
            change = lambda i, values, name=o.name: codes.of_runs[i][name][values]  # noqa: E731
        observations[o.name] = column(f"observation:{o.name}", change)
        absent = missing(f"missing:{o.name}")
        if absent is not None:
            gone[o.name] = absent
    return Encoded(
        n_rows=total,
        keys=np.concatenate([_keys(s, place) for _, s in found]),
        names=[list(part) for part in zip(*names, strict=True)],
        actions=column("actions"),
        observations=observations,
        missing=gone,
        categories=dict(codes.categories),
        **{n: column(n) for n in ("times", "terminated", "weights", "origins", "succeeded", "offered")},
        demonstrators=column("demonstrators", lambda i, values: codes.people_of_runs[i][values]),
        people=codes.people,
        labels={c: _labels([s for _, s in found], c) for c in contract.data.labels},
        source_rows=column("rows", lambda i, values: values.astype(np.int64) + runs[i].first_row),
    )


def _keys(stretch: Stretch, place: Mapping[Any, int]) -> IntArray:
    return np.repeat(
        np.array([place[name] for name in stretch.names], dtype=np.int32), np.diff(stretch.starts)
    )


def _labels(stretches: Sequence[Stretch], label: str) -> tuple[IntArray, tuple[str, ...]]:
    """Codes and sorted texts of a label of trajectories."""
    columns = [s.column(f"label:{label}") for s in stretches]
    used = [np.unique(c[c >= 0]) for c in columns]
    texts = [s.run.labels[label].at(u) for s, u in zip(stretches, used, strict=True)]
    every = sorted({text for found in texts for text in found.values()})
    place = {text: i for i, text in enumerate(every)}
    made = []
    for column, codes, found in zip(columns, used, texts, strict=True):
        table = np.full(int(codes[-1]) + 2 if len(codes) else 1, -1, dtype=np.int32)
        table[codes] = [place[found[c]] for c in codes.tolist()]
        made.append(table[column])
    return np.concatenate(made), tuple(every)
