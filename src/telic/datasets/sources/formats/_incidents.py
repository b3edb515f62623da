"""What exports of incident tools share: entries in order of time, errors in place of data, records delivered twice.

An export says of an incident both what happened when (its entries) and how it stood when it was exported (its status,
its priority). The second was not known while people decided, so its fields stand under ``atExport.``: a contract that
names one of them as an observation knows what it does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from telic.datasets.sources.event_format import Value
from telic.datasets.sources.json_values import Place

__all__ = ["moment", "needed_text", "oldest_first"]


def moment(text: Any) -> dt.datetime | None:
    """The moment that an ISO 8601 text means (UTC where it has no zone), or None where it means none."""
    try:
        when = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=dt.UTC)


def oldest_first(entries: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The entries in order of the time under ``key``, those of one second in the order in which they happened.

    Incident tools answer with the newest first, so entries of one second stand the wrong way round in an answer. Where
    a time cannot be read the order stays; whoever reads the time will refuse it by row.
    """
    when = [moment(entry.get(key)) for entry in entries]
    known = [(at, entry) for at, entry in zip(when, entries, strict=True) if at is not None]
    if len(known) < len(entries) or not known:
        return list(entries)
    if known[0][0] > known[-1][0]:
        known.reverse()
    return [entry for _, entry in sorted(known, key=lambda pair: pair[0])]


def needed_text(fields: Mapping[str, Value], key: str, what: str, place: Place) -> str:
    """The text under ``key``, without which an entry cannot be used.

    Raises:
        DataError: it is missing or no text.
    """
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        got = "nothing" if value is None else str(value)[:40]
        raise place.error(
            f"has {what} without `{key}` (got {got}).",
            "Is the export damaged, or of another version of the tool?",
        )
    return value
