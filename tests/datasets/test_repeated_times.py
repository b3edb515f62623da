"""Times that many rows share are read once each, and nothing about the rows may change by that."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pyarrow as pa
import pytest

from telic.contract import Data
from telic.datasets.sources.plan import Use
from telic.datasets.sources.rows import FilePart, RowNames
from telic.datasets.sources.times import coerce_time, first_zoned_and_zoneless
from telic.errors import DataError

N_ROWS = 3_000
USE = Use(role="time", column="ts", kind="time", field="data.time")
ROWS = RowNames([FilePart(name="log.jsonl", first_line=1, n_rows=N_ROWS)])
BEGIN = dt.datetime(2024, 3, 31, tzinfo=dt.UTC)


def texts(distinct: int) -> list[str | None]:
    """Times a minute apart, each in many rows; every seventh row has none."""
    found = [f"{BEGIN + dt.timedelta(minutes=i % distinct):%Y-%m-%dT%H:%M:%SZ}" for i in range(N_ROWS)]
    return [None if i % 7 == 0 else text for i, text in enumerate(found)]


def in_chunks(values: list[str | None]) -> pa.ChunkedArray:
    """Three chunks of different lengths, the second empty."""
    return pa.chunked_array([values[:1_700], values[1_700:1_700], values[1_700:]], pa.string())


@pytest.mark.parametrize("distinct", [1, 40, N_ROWS])
def test_each_row_has_the_seconds_of_its_own_text(distinct: int) -> None:
    found = coerce_time(in_chunks(texts(distinct)), USE, Data(trajectory=["s"], time="ts"), ROWS)
    wanted = [None if i % 7 == 0 else BEGIN.timestamp() + 60.0 * (i % distinct) for i in range(N_ROWS)]
    assert found.to_pylist() == wanted
    assert found.type == pa.float64()


def test_a_repeated_text_that_is_no_time_is_counted_in_every_row() -> None:
    values = texts(40)
    for i in (11, 500, 2_999):
        values[i] = "2024-02-30T00:00:00Z"
    with pytest.raises(DataError, match=re.escape("3 of 3,000 values are not")) as raised:
        coerce_time(in_chunks(values), USE, Data(trajectory=["s"], time="ts"), ROWS)
    assert "log.jsonl line 12" in raised.value.message
    assert raised.value.data["rows"] == [11, 500, 2_999]


def test_the_first_rows_with_and_without_a_zone_are_found_among_repeated_texts() -> None:
    values = texts(40)
    values[2_500] = "2024-03-31T00:00:00"
    data = Data(trajectory=["s"], time="ts")
    assert first_zoned_and_zoneless(in_chunks(values), data) == (1, 2_500)
    values[2_500] = None
    assert first_zoned_and_zoneless(in_chunks(values), data) == (1, -1)


def test_texts_of_a_file_that_no_row_uses_do_not_say_how_times_are_written() -> None:
    # A table that was filtered keeps the texts of the rows that are gone, the first of them a number here.
    codes = pa.array(np.tile([1, 2], N_ROWS // 2), pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, ["17", "2024-03-31T00:00:00Z", "2024-03-31T00:01:00Z"])
    found = coerce_time(pa.chunked_array([column]), USE, Data(trajectory=["s"], time="ts"), ROWS)
    assert set(found.to_pylist()) == {BEGIN.timestamp(), BEGIN.timestamp() + 60.0}


def test_local_times_take_the_offset_of_their_own_day() -> None:
    # The clocks of Berlin were put forward on 31 March 2024 at 01:00 UTC.
    local = ["2024-03-31T01:30:00", "2024-03-31T03:30:00"] * (N_ROWS // 2)
    data = Data(trajectory=["s"], time="ts", zone="Europe/Berlin")
    found = coerce_time(in_chunks([*local]), USE, data, ROWS).to_pylist()
    midnight = BEGIN.timestamp()
    assert set(found[::2]) == {midnight + 30 * 60}
    assert set(found[1::2]) == {midnight + 90 * 60}
