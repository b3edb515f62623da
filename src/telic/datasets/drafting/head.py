"""The rows of a file that a draft is made from: the first ones, and of all others only how far their numbers reach.

A file passes by in pieces to its end, so that whatever is wrong with a later row is told, but memory holds
``PROFILED_ROWS`` rows at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from telic.datasets.sources.pieces import AGAIN, Pieces

from .profile import ColumnProfile, profile_column

__all__ = ["PROFILED_ROWS", "Head", "read_head"]

PROFILED_ROWS = 1_000_000
"""Rows from which roles are guessed; bounds are those of all rows."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is known of a file.

    Attributes:
        profiles: of its columns, from its first rows.
        n_rows: rows of the whole file.
        n_profiled: rows that the profiles are of.
        ranges: column of numbers to its smallest and largest value in the whole file.
    """

    profiles: tuple[ColumnProfile, ...]
    n_rows: int
    n_profiled: int
    ranges: dict[str, tuple[float, float]]


def read_head(pieces: Pieces) -> Head:
    """What is known of a file whose pieces are these; the first piece tells its columns."""
    kept: list[pa.Table] = []
    profiles: tuple[ColumnProfile, ...] = ()
    ranges: dict[str, tuple[float, float]] = {}
    n_rows = 0
    for piece in pieces:
        if piece is AGAIN:
            kept, profiles, ranges, n_rows = [], (), {}, 0
            continue
        room = max(PROFILED_ROWS - n_rows, 0)
        n_rows += piece.num_rows
        if room or not kept:
            kept.append(piece.slice(0, room))
        if piece.num_rows > room:
            if not profiles:
                profiles, kept = _profiles(kept), [kept[0].slice(0, 0)]
                ranges = _ranges(profiles)
            for name, (low, high) in ranges.items():
                later = profile_column(name, piece[name].slice(room))
                if later.kind in ("integer", "number", "boolean"):  # else ingest names the rows
                    ranges[name] = min(low, float(later.numbers.min())), max(high, float(later.numbers.max()))
    profiles = profiles or _profiles(kept)
    return Head(
        profiles=profiles,
        n_rows=n_rows,
        n_profiled=min(n_rows, PROFILED_ROWS),
        ranges=ranges or _ranges(profiles),
    )


def _joined(kept: list[pa.Table]) -> pa.Table:
    """The pieces in one table; a column whose pieces are of several types (of records without a schema) is text."""
    types = {name: {t.schema.field(name).type for t in kept} - {pa.null()} for name in kept[0].column_names}
    schema = pa.schema(
        (name, found.pop() if len(found) == 1 else pa.string() if found else pa.null())
        for name, found in types.items()
    )
    return pa.concat_tables([table.cast(schema) for table in kept])


def _profiles(kept: list[pa.Table]) -> tuple[ColumnProfile, ...]:
    table = _joined(kept)
    return tuple(profile_column(name, table[name]) for name in table.column_names)


def _ranges(profiles: tuple[ColumnProfile, ...]) -> dict[str, tuple[float, float]]:
    return {
        p.name: (float(p.numbers.min()), float(p.numbers.max()))
        for p in profiles
        if p.kind in ("integer", "number")
    }
