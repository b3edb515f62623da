"""The door: what stands between a source file and everything that stores or prints its values.

One ``Guard`` is made for a reading. While it watches, every column that is read under a rule of the contract is
changed before anything else sees it, whichever reader it comes through, and errors about it say nothing of its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from telic.contract import Privacy, PrivacyRule, TaskContract
from telic.errors import DataError

from .detectors import Look, detectors_of, quick_look
from .detectors.span import Detector
from .private_folder import SecretKey, names_of, secret_key
from .rules import apply_to_numbers, apply_to_text, text_rule

__all__ = ["ColumnGuard", "Guard", "guard_of", "watching"]

STREAM = re.compile(r"streams\[([0-9]+)\]")
"""How the field of a stream's column begins."""

JOINED: Final = MappingProxyType({"entity": "", "clock": "event", "key": "key"})
"""Kind of role by which streams are joined to what pseudonyms are made under there; empty: the role's name."""

_WATCHING: ContextVar[Guard | None] = ContextVar("telic_privacy_guard", default=None)


@dataclass(frozen=True)
class ColumnGuard:
    """What protects one column.

    Attributes:
        rule: of the contract.
        guard: whose rule it is.
        known: text to what stands in its place, for texts that were looked at.
    """

    rule: PrivacyRule
    guard: Guard = field(repr=False)
    known: dict[str, str] = field(default_factory=dict, repr=False)

    def apply(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The values that everything else may see.

        Args:
            column: as ``coerce`` left it.
        """
        if self.rule.width is not None or self.rule.to is not None:
            return apply_to_numbers(column, self.rule)
        change = text_rule(self.rule, self.guard.task, self.guard.key, self.guard.detectors)
        look = self.guard.look if self.rule.rule == "mask" else None
        return apply_to_text(column, change, self.known, look)

    def withheld(self, error: DataError, field: str, column: str, where: str) -> DataError:
        """The error about values of the column, without them.

        Args:
            error: as it was raised, with the values.
            field: the contract's field that asks for the column.
            column: its name.
            where: the first rows by name, or empty.
        """
        rows = error.data.get("rows", [])
        count = error.data.get("count", len(rows))
        some = f"{count:,} value{'s' if count != 1 else ''}" if count else "Values"
        return DataError(
            f"{some} of column `{column}` ({field}) {'is' if count == 1 else 'are'} not what the contract says"
            f"{f': {where}' if where else ''}. Not shown: `privacy.rules` protects the column.",
            hint="Look at these rows at the source, and correct them or the contract.",
            column=column,
            rows=list(rows),
            count=count,
        )


@dataclass(frozen=True)
class Guard:
    """The protection of one reading.

    Attributes:
        task: name of the task.
        privacy: the contract's block.
        key: of the pseudonyms; None: the weak default.
        detectors: what is looked for in text.
        look: which texts they could find anything in.
        names_digest: tells one list of names from another, without telling them.
        streams: names of the contract's streams, in order.
    """

    task: str
    privacy: Privacy
    key: SecretKey | None = field(repr=False)
    detectors: Sequence[Detector] = field(repr=False)
    look: Look = field(repr=False)
    names_digest: str = ""
    streams: tuple[str, ...] = ()

    def of_column(self, column: str, *, field: str = "", role: str = "") -> ColumnGuard | None:
        """The protection of a source column; the longest rule that covers it counts.

        Args:
            column: its name in the source, with dots where it is nested.
            field: the contract's field that asks for it; of a stream's column, a rule may say ``stream.column``.
            role: what for; who decided becomes a pseudonym anyway, so a rule that says the same adds nothing.
        """
        names = [column]
        if stream := STREAM.match(field):
            names.append(f"{self.streams[int(stream[1])]}.{column}")
        covering = [r for r in self.privacy.rules if any(_covers(r, name) for name in names)]
        if not covering:
            return None
        rule = max(covering, key=lambda r: len(r.column))
        if rule.rule == "pseudonym" and role == "demonstrator":
            return None
        # Streams are joined by values that each may keep in a column of another name: one value, one pseudonym.
        kind, _, name = role.partition(":")
        if kind in JOINED:
            rule = rule.model_copy(update={"column": JOINED[kind] or name})
        return ColumnGuard(rule, self)

    @contextmanager
    def watches(self) -> Iterator[None]:
        """While the block runs, everything that is read is read under this guard."""
        token = _WATCHING.set(self)
        try:
            yield
        finally:
            _WATCHING.reset(token)


def watching() -> Guard | None:
    """The guard of the reading that is under way, so that no reader can forget it; None where there is none."""
    return _WATCHING.get()


def guard_of(contract: TaskContract) -> Guard | None:
    """The protection that a contract asks for, with its secrets in memory; None without the block.

    Args:
        contract: the contract.

    Raises:
        PermanentError: a secret cannot be read, or others may read it.
    """
    privacy = contract.privacy
    if privacy is None:
        return None
    key = None if privacy.key is None else secret_key(privacy.key)
    names = () if privacy.names is None else names_of(privacy.names)
    return Guard(
        task=contract.identity.task,
        privacy=privacy,
        key=key,
        detectors=detectors_of(privacy.detect, names),
        look=quick_look(privacy.detect, names),
        names_digest=_names_digest(key, names),
        streams=tuple(s.name for s in contract.streams),
    )


def _covers(rule: PrivacyRule, column: str) -> bool:
    return column == rule.column or column.startswith(f"{rule.column}.")


def _names_digest(key: SecretKey | None, names: Sequence[str]) -> str:
    """Tells one list from another: keyed, or a count alone, for names could be guessed from a bare digest."""
    if not names:
        return ""
    return f"{len(names)}" if key is None else key.digest("names", *sorted(names))[:16]
