"""Several demonstrations of one task as one: trajectories one part after the other, labels by their text.

Law: ``joined([a, b]).select(range(len(a)))`` holds the decisions of ``a``; labels are in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError
from telic.trajectories import ORIGINS, Demonstrations

__all__ = ["joined"]

ALL_OR_NONE = ("next_known", "states", "next_states", "times", "goals", "offered")
"""Columns that every part has, or none."""


def joined(parts: Sequence[Demonstrations]) -> Demonstrations:
    """All trajectories of the parts.

    What one part does not say is *unknown* in it: origin ``unknown``, success -1, an empty label; weights are 1.

    Args:
        parts: at least one, with the same actions and measurements, and no trajectory twice.

    Raises:
        DataError: parts differ in actions, measurements or columns, or a trajectory is in two of them.
    """
    if not parts:
        raise DataError("There is nothing to join.", hint="Give at least one part.")
    first = parts[0]
    for part in parts[1:]:
        _require_alike(first, part)
    names = np.concatenate([p.trajectory_ids for p in parts])
    found, counts = np.unique(names.astype(str), return_counts=True)
    if np.any(counts > 1):
        twice = found[counts > 1]
        raise DataError(
            f"{len(twice):,} trajectories are in two parts, such as {str(twice[0])!r}.",
            hint="Leave them out of one part, or name them anew.",
        )
    categories = {
        k: tuple(dict.fromkeys(t for p in parts for t in p.categories[k])) for k in first.categories
    }
    people = tuple(dict.fromkeys(n for p in parts for n in p.demonstrator_names))
    labels = tuple(dict.fromkeys(k for p in parts for k in p.labels))
    ends = np.cumsum([0, *(p.n_decisions for p in parts)])
    whole: dict[str, Any] = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in ALL_OR_NONE
        if getattr(first, name) is not None
    }
    if any(p.weights is not None for p in parts):
        whole["weights"] = np.concatenate([_or(p.weights, 1.0, p.n_decisions) for p in parts])
    if any(p.origins is not None for p in parts):
        unknown = np.int32(ORIGINS.index("unknown"))
        whole["origins"] = np.concatenate([_or(p.origins, unknown, len(p)) for p in parts])
    if any(p.succeeded is not None for p in parts):
        whole["succeeded"] = np.concatenate([_or(p.succeeded, np.int32(-1), len(p)) for p in parts])
    inputs = {f"part {i}: {name}": d for i, p in enumerate(parts) for name, d in p.provenance.inputs.items()}
    return replace(
        first,
        **whole,
        actions=np.concatenate([p.actions for p in parts]),
        offsets=np.concatenate(
            [[0], *(p.offsets[1:] + e for p, e in zip(parts, ends[:-1], strict=True))]
        ).astype(np.int64),
        observations={
            k: np.concatenate([_coded(p, k, p.observations[k], categories) for p in parts])
            for k in first.observations
        },
        next_observations={
            k: np.concatenate([_coded(p, k, p.next_observations[k], categories) for p in parts])
            for k in first.next_observations
        },
        trajectory_ids=names,
        demonstrators=np.concatenate(
            [_recoded(p.demonstrators, p.demonstrator_names, people) for p in parts]
        ),
        demonstrator_names=people,
        terminated=np.concatenate([p.terminated for p in parts]),
        truncated=np.concatenate([p.truncated for p in parts]),
        labels={
            k: np.concatenate([p.labels.get(k, np.full(len(p), "", object)) for p in parts]) for k in labels
        },
        categories=categories,
        findings=tuple({f.message: f for p in parts for f in p.findings}.values()),
        provenance=replace(first.provenance, inputs=inputs),
    )


def _require_alike(first: Demonstrations, part: Demonstrations) -> None:
    pairs = {
        "actions": (first.action_labels, part.action_labels),
        "observations": (sorted(first.observations), sorted(part.observations)),
        "next observations": (sorted(first.next_observations), sorted(part.next_observations)),
        "categories": (sorted(first.categories), sorted(part.categories)),
        "columns": tuple([n for n in ALL_OR_NONE if getattr(p, n) is not None] for p in (first, part)),
    }
    for what, (one, other) in pairs.items():
        if one != other:
            raise DataError(
                f"Parts that are joined must have the same {what}, got {list(one)} and {list(other)}.",
                hint="Read them by one contract.",
            )


def _or(column: NDArray[Any] | None, value: Any, n: int) -> NDArray[Any]:
    return np.full(n, value) if column is None else column


def _coded(
    part: Demonstrations, name: str, values: NDArray[Any], categories: dict[str, tuple[str, ...]]
) -> NDArray[Any]:
    return _recoded(values, part.categories[name], categories[name]) if name in categories else values


def _recoded(codes: NDArray[Any], old: Sequence[str], new: Sequence[str]) -> NDArray[np.int32]:
    places = {text: i for i, text in enumerate(new)}
    table = np.array([places[text] for text in old], dtype=np.int32)
    return np.asarray(table[codes], dtype=np.int32)
