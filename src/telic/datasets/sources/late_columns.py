"""Columns that, by their names, hold what came out in the end: a policy that sees them foresees what nobody knew.

A record is often exported after the fact, with how it ended on every row: ``closed_at``, ``final.made_sla``,
``resolution``. Names are a hint and no proof, in both directions: for logs that are joined from streams, the values
themselves are looked at (``telic.datasets.decisions.leakage``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from telic.reports import Finding, Severity

__all__ = ["extra_columns", "tells_the_outcome"]

LATE_WORDS = frozenset(
    [
        "closed",
        "closure",
        "completed",
        "ended",
        "final",
        "finished",
        "outcome",
        "outcomes",
        "resolution",
        "resolved",
        "solved",
        "succeeded",
        "success",
    ]
)
"""Words of a name that speak of the end."""

LATE_NAMES = re.compile(
    r"(close|end|finish|completion|resolve|at_?export)_?(at|code|codes|date|notes|time|by|status)?"
)
"""Whole parts of a name that do: ``close_code``, ``endTime``, ``atExport``."""

SHOWN = 12
"""Columns named in a message."""


def tells_the_outcome(name: str) -> bool:
    """Whether a column's name says that its value came out at the end.

    Args:
        name: of the column, with dots where it is nested.
    """
    parts = re.split(r"[.:\s/-]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    return any(set(part.split("_")) & LATE_WORDS or LATE_NAMES.fullmatch(part) for part in parts)


def extra_columns(file: str, unused: Sequence[str]) -> Finding:
    """The finding about columns of a file that the contract does not use.

    Args:
        file: its name.
        unused: the columns.
    """
    late = [name for name in unused if tells_the_outcome(name)]
    hint = "They were left out. Add an observation for each one that the experts looked at."
    if late:
        hint += (
            f" Not so for {_listed(late)}: by {'its name it holds' if len(late) == 1 else 'their names they hold'} what"
            " came out in the end, which nobody knew when deciding. A policy that sees it only looks good on the log."
        )
    return Finding(
        code="extra-columns",
        severity=Severity.INFO,
        message=f"{file} has {len(unused)} column{'s' if len(unused) > 1 else ''} that the contract does not use: "
        f"{_listed(unused)}.",
        hint=hint,
        evidence={"file": file, "columns": list(unused), "known_only_later": late},
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
