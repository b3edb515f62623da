"""Flow logs: records as the user guide of Amazon VPC shows them (no network was used)."""

from __future__ import annotations

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status tcp-flags flow-direction\n"
)
ROW = "5 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK 2 ingress\n"
LATER = "5 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530110 1418530170 REJECT OK 2 ingress\n"
NOTHING = "5 123456789010 eni-1 - - - - - - - 1418530200 1418530260 - NODATA - -\n"

CONTRACT = {
    "identity": {"task": "filter"},
    "observations": [{"name": "port", "column": "dstport", "type": "integer", "missing": "drop"}],
    "actions": {"column": "action", "values": ["ACCEPT", "REJECT"]},
    "data": {"format": "vpc-flow", "trajectory": ["interface-id"], "time": "start"},
}


def written(tmp_path, text: str):
    path = tmp_path / "flow.log"
    path.write_text(text)
    return path


def records(path):
    return list(event_format("vpc-flow").records(source_file(path, "vpc-flow")))


def test_flows_stand_in_order_of_their_begin(tmp_path):
    demos = read_demonstrations(
        TaskContract.from_mapping(CONTRACT), written(tmp_path, HEADER + LATER + HEADER + ROW)
    )
    assert demos.actions.tolist() == [0, 1]
    assert demos.observations["port"].tolist() == [22, 3389]
    assert demos.times.tolist() == [1418530010.0, 1418530110.0]


def test_an_interval_without_data_is_kept_with_missing_values(tmp_path):
    [row] = records(written(tmp_path, HEADER + NOTHING))
    assert (row["log-status"], row["dstport"], row["action"], row["start"]) == (
        "NODATA",
        None,
        None,
        1418530200,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW, r"line 1 is no header, or one without start, end, log-status"),
        (HEADER + ROW.replace("5 1", "9 1", 1), r"line 2 has a version that is not 2 to 5"),
        (HEADER + ROW + ROW[:40], r"line 3 has 5 fields where 16 are expected"),
        (HEADER + ROW.replace(" 22 ", " ssh "), r"line 2 must hold a number in `dstport`"),
        (HEADER + ROW.replace("1418530070", "1418530000"), r"line 2 ends before it begins"),
        (HEADER.replace("srcport", "dstport") + ROW, r"line 1 names a field twice"),
    ],
)
def test_a_broken_log_is_named_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))
