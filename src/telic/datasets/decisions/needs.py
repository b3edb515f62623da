"""Which columns of which stream a contract asks for, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.contract.stream_problems import RESERVED_STREAM
from telic.datasets.sources.plan import Kind, Use, uses_of
from telic.errors import ContractError

__all__ = ["AGE", "DELAY", "MADE", "Needs", "needs_of"]

AGE, DELAY = "age_seconds", "delay_seconds"
"""What the join says of a state, and of an outcome, beside its columns."""

MADE = ("time", "origin", "proposed", "overridden")
"""Columns ``decision.NAME`` that the join makes."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What to read.

    Attributes:
        columns: stream to column to what it must be.
        clock_keys: stream to the columns by which its clock is compared.
        outcome_keys: stream to the columns by which outcomes find their decision.
        own: columns of the decisions themselves, by name.
    """

    columns: Mapping[str, Mapping[str, Kind]]
    clock_keys: Mapping[str, tuple[str, ...]]
    outcome_keys: Mapping[str, tuple[str, ...]]
    own: tuple[str, ...]


def needs_of(contract: TaskContract) -> Needs:
    """The columns that the contract asks for.

    Raises:
        ContractError: it asks for a column that no join makes.
    """
    sides = {s.name: s for s in contract.streams if s.role != "decisions"}
    acting = [s for s in contract.streams if s.role == "decisions"]
    shared = {name for s in acting for name, _ in s.entities}
    columns: dict[str, dict[str, Kind]] = {s.name: {} for s in contract.streams}
    own: dict[str, Kind] = {}
    for use in uses_of(contract):
        first, _, rest = use.column.partition(".")
        if first == RESERVED_STREAM:
            if rest not in MADE:
                raise _unknown(use, [f"{RESERVED_STREAM}.{name}" for name in MADE])
        elif first in sides and rest:
            age = AGE if sides[first].role == "state" else DELAY
            if rest != age:
                _ask(columns[first], rest, use.kind)
        elif use.column not in shared:
            _ask(own, use.column, use.kind)
    if contract.decisions.proposed:
        _ask(own, contract.decisions.proposed, "text")
    for s in acting:
        columns[s.name] = dict(own)
    clock_keys = {s.name: list(s.clock.key) for s in contract.streams}
    for s in contract.streams:
        if s.clock.estimate_against:
            clock_keys[s.clock.estimate_against] += s.clock.key_there or s.clock.key
    outcome_keys: dict[str, list[str]] = {s.name: [] for s in contract.streams}
    for outcome in contract.decisions.outcomes:
        outcome_keys[outcome.stream] += outcome.key_there or outcome.key
        for s in acting:
            outcome_keys[s.name] += outcome.key
    return Needs(
        columns=columns,
        clock_keys={k: tuple(dict.fromkeys(v)) for k, v in clock_keys.items()},
        outcome_keys={k: tuple(dict.fromkeys(v)) for k, v in outcome_keys.items()},
        own=tuple(own),
    )


def _ask(asked: dict[str, Kind], column: str, kind: Kind) -> None:
    """One column may be asked for as several things; it is then read as text, which can become any of them."""
    asked[column] = kind if asked.get(column, kind) == kind else "text"


def _unknown(use: Use, known: list[str]) -> ContractError:
    return ContractError(
        f"`{use.field}` asks for `{use.column}`, which no join makes.{near_miss(use.column, known)}",
        hint=f"Made are: {', '.join(known)}.",
    )
