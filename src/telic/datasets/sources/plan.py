"""Which source columns a contract asks for, and as what.

One source column may serve several uses (an operator's name may be both demonstrator and part of the
trajectory's name); it is read once, and where it says who decided every other use of it gets pseudonyms too.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from telic.contract import TaskContract
from telic.datasets.privacy.guard import ColumnGuard
from telic.datasets.privacy.person_columns import PersonColumn

__all__ = ["Kind", "Use", "uses_of"]

Kind: TypeAlias = Literal["number", "integer", "boolean", "category", "text", "time"]


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use of one source column.

    Attributes:
        role: what for: ``observation:NAME``, ``action``, ``trajectory:COLUMN``, ``demonstrator``, ``time``,
            ``terminated``, ``weight``, ``origin``, ``succeeded``, ``offered``, ``offered:ACTION`` or ``label:COLUMN``.
        column: the source column or dotted JSON key.
        kind: what its values must be.
        field: the contract's field that asks for it, for messages.
        guard: what protects its values; None: nothing.
    """

    role: str
    column: str
    kind: Kind
    field: str
    guard: ColumnGuard | PersonColumn | None = dataclasses.field(default=None, repr=False, compare=False)


def uses_of(contract: TaskContract) -> tuple[Use, ...]:
    """Every use of a source column, observations first, in the order of the contract."""
    uses = [
        Use(role=f"observation:{o.name}", column=o.column, kind=o.type, field=f"observations[{i}].column")
        for i, o in enumerate(contract.observations)
    ]
    actions, data = contract.actions, contract.data
    if actions.column is not None:
        uses.append(Use(role="action", column=actions.column, kind=actions.type, field="actions.column"))
    uses += [
        Use(role=f"trajectory:{c}", column=c, kind="text", field=f"data.trajectory[{i}]")
        for i, c in enumerate(data.trajectory)
    ]
    single: list[tuple[str, str | None, Kind, str]] = [
        ("demonstrator", data.demonstrator, "text", "data.demonstrator"),
        ("time", data.time, "time", "data.time"),
        ("terminated", contract.outcomes.terminated, "boolean", "outcomes.terminated"),
        ("weight", data.weight, "number", "data.weight"),
        ("origin", data.origin_column, "text", "data.origin_column"),
        ("succeeded", contract.outcomes.succeeded, "boolean", "outcomes.succeeded"),
    ]
    if actions.offered is not None:
        single.append(("offered", actions.offered.column or None, "text", "actions.offered.column"))
        single += [
            (f"offered:{label}", column, "boolean", "actions.offered.columns")
            for label, column in actions.offered.columns
        ]
    single += [(f"label:{c}", c, "text", f"data.labels[{i}]") for i, c in enumerate(data.labels)]
    uses += [Use(role=r, column=c, kind=k, field=f) for r, c, k, f in single if c is not None]
    return tuple(_protected(u, contract) for u in uses)


def _protected(use: Use, contract: TaskContract) -> Use:
    """The use, with pseudonyms in place of names where the column says who decided."""
    kind, _, name = use.role.partition(":")
    if use.column != contract.data.demonstrator or kind not in ("trajectory", "label", "observation"):
        return use
    # Values that the contract lists stand in it as they are, and must be known as they are.
    is_listed = any(o.name == name and o.values is not None for o in contract.observations)
    if kind == "observation" and (use.kind != "category" or is_listed):
        return use
    return replace(use, guard=PersonColumn(contract))
