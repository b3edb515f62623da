"""Local times to moments: the zone that is stated, and the hours that a change of the clocks repeats or skips.

In autumn an hour of local time happens twice, in spring one does not happen at all. A time that was written without a
zone may then mean two moments or none; neither is guessed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.contract import Data
from telic.errors import ContractError, PermanentError

from .plan import Use
from .rows import RowNames, bad_values

__all__ = ["ZONE_NEEDED", "to_utc"]

ZONE_NEEDED = ""
"""In place of a zone: times without one are refused. Streams that are joined by time must not be an hour apart."""


def to_utc(
    seconds: pa.ChunkedArray, is_local: Any, column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames
) -> pa.ChunkedArray:
    """The seconds since 1970 (UTC) of times some of which were read as if local time were UTC.

    Args:
        seconds: ``(n,)`` float64; missing ones null.
        is_local: ``(n,)`` booleans, or one for all: which were written without a zone.
        column: the times as they stand in the file, for messages.
        use: whose column it is.
        data: the zone and what a repeated hour means.
        rows: names of the rows.

    Raises:
        DataError: a time needs a zone, does not exist in it, or happened twice where that is not decided.
        ContractError: there is no such zone.
    """
    if data.zone is None:
        return seconds
    local = pc.and_(pc.is_valid(seconds), is_local)
    if not pc.any(local).as_py():
        return seconds
    if data.zone == ZONE_NEEDED:
        raise bad_values(
            use,
            "must hold times with a zone",
            column,
            local,
            rows,
            "Streams are joined by time: say in `zone` of the stream which one is meant, such as `zone: UTC`.",
        )
    values = seconds.combine_chunks() if isinstance(seconds, pa.ChunkedArray) else seconds
    flags = local.combine_chunks() if isinstance(local, pa.ChunkedArray) else local
    known = np.asarray(pc.if_else(flags, values, 0.0).fill_null(0.0).to_numpy(zero_copy_only=False))
    whole = pa.array(np.floor(known).astype(np.int64)).cast(pa.timestamp("s"))
    earlier, later = (_moment(whole, data.zone, which, use) for which in ("earliest", "latest"))
    none = np.asarray(flags.to_numpy(zero_copy_only=False)) & (earlier > later)
    twice = np.asarray(flags.to_numpy(zero_copy_only=False)) & (earlier < later)
    if none.any():
        raise bad_values(
            use,
            f"must hold times that exist in {data.zone} (the clocks were put forward)",
            column,
            pa.array(none),
            rows,
            "Is it another zone, or UTC?",
        )
    if twice.any() and data.fold == "error":
        raise bad_values(
            use,
            f"must hold times that happened once in {data.zone} (the clocks were put back)",
            column,
            pa.array(twice),
            rows,
            "Write the offset behind the times (+02:00), or say in `fold` which of the two is meant.",
        )
    moment = later if data.fold == "later" else earlier
    shifted = known + (moment - whole.cast(pa.int64()).to_numpy())
    return pa.chunked_array([pc.if_else(flags, pa.array(shifted), values)], pa.float64())


def _moment(whole: pa.Array, zone: str, which: str, use: Use) -> Any:
    """``(n,)`` int64 seconds of local times: of two moments the one asked for; of a time that does not exist, the
    last second before the gap for ``earliest`` and the first one after it for ``latest``, swapped.
    """
    skipped = "latest" if which == "earliest" else "earliest"
    try:
        found = pc.assume_timezone(whole, zone, ambiguous=which, nonexistent=skipped)
    except pa.ArrowInvalid as problem:
        if "Cannot locate" not in str(problem) and "not found" not in str(problem):
            raise PermanentError(
                f"Times of {use.field} cannot be put into the zone {zone!r}: {str(problem).splitlines()[0]}",
                hint="Is the time zone database of the system installed?",
            ) from None
        raise ContractError(
            f"`zone` {zone!r} ({use.field}) is not a time zone.",
            hint="Use a name such as UTC or Europe/Berlin.",
        ) from None
    return found.cast(pa.int64()).to_numpy()
