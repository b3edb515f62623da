"""Decisions as a table that needs no codes: names of actions and labels, times in UTC, and no person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.trajectories import Demonstrations

__all__ = ["Column", "columns_of", "readable_table"]

OWN = ("trajectory", "step", "time", "action")
"""Columns that every table has; an observation of such a name is written with ``observed_`` before it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the table.

    Attributes:
        name: in the file.
        meaning: in words, with the unit.
        type: of Croissant: ``sc:Text``, ``sc:Integer``, ``sc:Float``, ``sc:Boolean`` or ``sc:DateTime``.
    """

    name: str
    meaning: str
    type: str


def columns_of(demos: Demonstrations, contract: TaskContract) -> tuple[Column, ...]:
    """The columns, in the order of the table.

    Args:
        demos: the decisions.
        contract: what the observations mean.
    """
    return tuple(column for column, _ in _columns(demos, contract))


def readable_table(demos: Demonstrations, contract: TaskContract) -> pa.Table:
    """One row a decision; nothing says who decided.

    Args:
        demos: the decisions.
        contract: what the observations mean.
    """
    return pa.table({column.name: values for column, values in _columns(demos, contract)})


def _columns(demos: Demonstrations, contract: TaskContract) -> Iterator[tuple[Column, pa.Array]]:
    ids = pa.array([str(name) for name in demos.trajectory_ids], pa.string())
    yield (
        Column(
            name="trajectory", meaning="Name of the trajectory that the decision belongs to.", type="sc:Text"
        ),
        ids.take(pa.array(demos.trajectory_index)),
    )
    yield (
        Column(name="step", meaning="Place of the decision in its trajectory, from 0.", type="sc:Integer"),
        pa.array(demos.step_index),
    )
    if demos.times is not None:
        yield (
            Column(name="time", meaning="Time of the decision, UTC.", type="sc:DateTime"),
            pa.array(np.rint(demos.times * 1e6).astype(np.int64), pa.timestamp("us", tz="UTC")),
        )
    described = {o.name: o for o in contract.observations}
    for name, values in demos.observations.items():
        o = described.get(name)
        words = [o.description, f"in {o.unit}" if o.unit else ""] if o is not None else []
        labels = demos.categories.get(name)
        if labels is not None:
            array, kind = pa.array(labels, pa.string()).take(pa.array(values)), "sc:Text"
        else:
            array, kind = (
                pa.array(values),
                {"f": "sc:Float", "b": "sc:Boolean"}.get(values.dtype.kind, "sc:Integer"),
            )
        meaning = ", ".join(w.rstrip(".") for w in words if w) or f"Observation {name}"
        yield (
            Column(name=f"observed_{name}" if name in OWN else name, meaning=f"{meaning}.", type=kind),
            array,
        )
    yield (
        Column(
            name="action",
            meaning=f"What was decided: {contract.actions.description or 'the action taken'}.",
            type="sc:Text",
        ),
        pa.array(demos.action_labels, pa.string()).take(pa.array(demos.actions)),
    )
