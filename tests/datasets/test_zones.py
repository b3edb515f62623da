"""Times without a zone: what the contract's zone makes of them, and hours that happen twice or never.

Expected moments from the rules of the European Union: clocks go back on the last Sunday of October at 01:00 UTC
(2025-10-26) and forward on the last Sunday of March (2025-03-30); Berlin is UTC+1 in winter, UTC+2 in summer.
"""

from __future__ import annotations

import datetime as dt

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.errors import ContractError, DataError


def times_of(tmp_path, *texts, **data):
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "x", "type": "integer"}],
            "actions": {"column": "a", "values": ["p", "q"]},
            "data": {"time": "ts", **data},
        }
    )
    path = tmp_path / "log.csv"
    path.write_text("ts,x,a\n" + "".join(f"{t},{i},p\n" for i, t in enumerate(texts)))
    found = read_demonstrations(contract, path).times
    return [dt.datetime.fromtimestamp(t, dt.UTC).strftime("%m-%dT%H:%M:%S.%f")[:-5] for t in found]


def test_local_times_are_moments_of_their_zone(tmp_path):
    found = times_of(
        tmp_path, "2025-01-15T12:00:00", "2025-07-15T12:00:00.5", "2025-08-01T12:00:00Z", zone="Europe/Berlin"
    )
    assert found == ["01-15T11:00:00.0", "07-15T10:00:00.5", "08-01T12:00:00.0"]


def test_without_a_zone_they_stay_utc(tmp_path):
    assert times_of(tmp_path, "2025-01-15T12:00:00", "2025-07-15T12:00:00") == [
        "01-15T12:00:00.0",
        "07-15T12:00:00.0",
    ]


@pytest.mark.parametrize(("fold", "hour"), [("earlier", "00"), ("later", "01")])
def test_an_hour_that_happened_twice_is_decided_by_the_contract(tmp_path, fold, hour):
    found = times_of(tmp_path, "2025-10-26T02:30:00", "2025-10-26T12:00:00", zone="Europe/Berlin", fold=fold)
    assert found[0] == f"10-26T{hour}:30:00.0"


def test_or_it_is_an_error_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"happened once in Europe/Berlin.*log\.csv line 3"):
        times_of(tmp_path, "2025-10-26T01:30:00", "2025-10-26T02:30:00", zone="Europe/Berlin")


def test_an_offset_behind_the_time_settles_it(tmp_path):
    found = times_of(tmp_path, "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", zone="Europe/Berlin")
    assert found == ["10-26T00:30:00.0", "10-26T01:30:00.0"]


def test_an_hour_that_never_happened_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"exist in Europe/Berlin.*line 2"):
        times_of(tmp_path, "2025-03-30T02:30:00", "2025-03-30T04:30:00", zone="Europe/Berlin", fold="later")


def test_a_pattern_is_local_too(tmp_path):
    found = times_of(
        tmp_path, "15.07.2025 12:00", "16.07.2025 12:00", zone="Europe/Berlin", time_format="%d.%m.%Y %H:%M"
    )
    assert found == ["07-15T10:00:00.0", "07-16T10:00:00.0"]


def test_numbers_have_no_zone(tmp_path):
    assert times_of(tmp_path, "1752580800", "1752580801", zone="Europe/Berlin")[0] == "07-15T12:00:00.0"


def test_a_zone_that_is_none_says_so(tmp_path):
    with pytest.raises(ContractError, match=r"`zone` 'Europe/Bern' \(data\.time\) is not a time zone"):
        times_of(tmp_path, "2025-01-15T12:00:00", "2025-01-16T12:00:00", zone="Europe/Bern")
