"""CloudFront: lines laid out as the developer guide says (no distribution was used)."""

from __future__ import annotations

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) sc-status cs(User-Agent) "
    "x-edge-result-type x-edge-request-id time-taken\n"
)

CONTRACT = {
    "identity": {"task": "edge"},
    "observations": [{"name": "seconds", "column": "time-taken", "unit": "s"}],
    "actions": {"column": "x-edge-result-type", "values": ["Hit", "Miss"]},
    "data": {"format": "cloudfront", "trajectory": ["c-ip"], "time": "timestamp"},
}


def row(i: int, result: str = "Hit", bytes_: str = "392") -> str:
    fields = [
        "2026-03-01",
        f"10:00:0{i}",
        "FRA2-C1",
        bytes_,
        "192.0.2.100",
        "GET",
        "d111.cloudfront.net",
        "200",
    ]
    return "\t".join([*fields, "Mozilla/5.0%20(X11)", result, f"id-{i}==", "0.002"]) + "\n"


def written(tmp_path, text: str):
    path = tmp_path / "edge.log"
    path.write_text(text)
    return path


def records(path):
    return list(event_format("cloudfront").records(source_file(path, "cloudfront")))


def test_requests_become_decisions_in_order_of_time(tmp_path):
    path = written(tmp_path, HEADER + row(2, "Miss") + row(1) + HEADER + row(3))
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.actions.tolist() == [0, 1, 0]
    assert demos.times.tolist() == [1772359201.0, 1772359202.0, 1772359203.0]


def test_a_dash_is_missing_and_texts_stay_encoded(tmp_path):
    [found] = records(written(tmp_path, HEADER + row(1, bytes_="-")))
    assert (found["sc-bytes"], found["sc-status"], found["time-taken"]) == (None, 200, 0.002)
    assert found["cs(User-Agent)"] == "Mozilla/5.0%20(X11)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (row(1), r"line 1 comes before any #Fields line"),
        (HEADER.replace("1.0", "2.0") + row(1), r"line 1 has version '2\.0'"),
        (HEADER.replace("x-edge-request-id", "x") + row(1), r"line 2 names no field x-edge-request-id"),
        (HEADER + row(1) + row(2)[:30], r"line 4 has 4 fields where 12 are expected"),
        (HEADER + row(1).replace("\t", " "), r"line 3 has 1 fields where 12 are expected"),
        (HEADER + row(1, bytes_="many"), r"line 3 must hold a number in `sc-bytes`"),
    ],
)
def test_a_broken_log_is_named_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))


def test_a_request_that_is_there_twice_is_given_once(tmp_path):
    found = records(written(tmp_path, HEADER + row(1) + row(2) + row(1)))
    assert [r["x-edge-request-id"] for r in found] == ["id-1==", "id-2=="]
