"""Who decided, where the contract uses the same column once more: in the name of a trajectory, a label, an observation.

The demonstrators of a dataset are pseudonyms, so their names must not stand in it by another door. Each such value
becomes ``demonstrator-`` and 12 digits of the digest that the person's pseudonym is made of: the first of them are
those of the pseudonym, and so many that no two people of one dataset become one (10,000 people: 2 in 10 million).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from telic.contract import TaskContract
from telic.errors import DataError

from .rules import apply_to_text

__all__ = ["PersonColumn"]

DIGITS = 12
"""Hexadecimal digits."""


@dataclass(frozen=True)
class PersonColumn:
    """What protects a further use of the column that says who decided.

    Attributes:
        contract: names task and key.
        known: name to what stands in its place, for names that were seen.
    """

    contract: TaskContract = field(repr=False)
    known: dict[str, str] = field(default_factory=dict, repr=False)

    def apply(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The column with a pseudonym for each name.

        Args:
            column: dictionary of text, as ``coerce`` leaves labels.
        """
        return apply_to_text(column, self._pseudonym, self.known)

    def withheld(self, error: DataError, field: str, column: str, where: str) -> DataError:
        """The error about values of the column, without them.

        Args:
            error: as it was raised, with the values.
            field: the contract's field that asks for the column.
            column: its name.
            where: the first rows by name, or empty.
        """
        rows = error.data.get("rows", [])
        return DataError(
            f"Values of column `{column}` ({field}) are not what the contract says{f': {where}' if where else ''}. Not "
            "shown: it says who decided.",
            hint="Look at these rows at the source, and correct them or the contract.",
            column=column,
            rows=list(rows),
        )

    def _pseudonym(self, name: str) -> str:
        from telic.datasets.sources.pseudonyms import people_key, person_digests

        [digest] = person_digests([name], self.contract.identity.task, people_key(self.contract))
        return f"demonstrator-{digest[:DIGITS]}"
