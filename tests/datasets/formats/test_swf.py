"""Standard Workload Format: jobs laid out as its definition says (no log of the archive was at hand)."""

from __future__ import annotations

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = """; Version: 2.2
; Computer: a cluster
; UnixStartTime: 1700000000
; TimeZoneString: Europe/Berlin
;
"""
JOBS = """    1      0     10    100     4   95.5   2048     4    600     -1  1  3  1  7  1 -1 -1 -1
    2     60     -1     -1    -1   -1     -1       8   1200   4096  5  4  1 -1  0 -1  1 20
    3     60      5     50     8   40.0   1024     8   1200   4096  0  3  1  7  0 -1 -1 -1
"""

CONTRACT = {
    "identity": {"task": "queueing"},
    "observations": [
        {"name": "requested_time", "unit": "s"},
        {"name": "wait_time", "unit": "s", "missing": "drop"},
    ],
    "actions": {"column": "queue", "values": ["0", "1"]},
    "data": {"format": "swf", "trajectory": ["user"], "time": "submitted"},
}


def written(tmp_path, text: str):
    path = tmp_path / "jobs.swf"
    path.write_text(text)
    return path


def records(path):
    return list(event_format("swf").records(source_file(path, "swf")))


def test_minus_one_is_missing_and_the_header_gives_the_moment(tmp_path):
    first, second, third = records(written(tmp_path, HEADER + JOBS))
    assert first["cpu_time"] == 95.5
    assert (first["submitted"], second["submitted"]) == (1700000000, 1700000060)
    assert [second[k] for k in ("wait_time", "run_time", "application", "partition")] == [None] * 4
    assert (second["preceding_job"], second["think_time"], second["status"]) == (1, 20, 5)
    assert (first["preceding_job"], third["status"]) == (None, 0)


def test_without_the_start_of_the_log_there_is_no_moment(tmp_path):
    assert [r["submitted"] for r in records(written(tmp_path, JOBS))] == [None, None, None]


def test_jobs_become_decisions_of_their_users(tmp_path):
    contract = TaskContract.from_mapping(CONTRACT)
    demos = read_demonstrations(contract, written(tmp_path, HEADER + JOBS))
    assert demos.trajectory_ids.tolist() == ["3"]  # the job of user 4 never started: its wait is not known
    assert demos.actions.tolist() == [1, 0]
    assert demos.times.tolist() == [1700000000.0, 1700000060.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + JOBS + "4 100 5 50", r"line 9 has 4 fields where 18 are expected"),
        (HEADER + JOBS.replace("95.5", "95,5"), r"line 6 must hold a number in `cpu_time`"),
        (HEADER + JOBS.replace("2048", "9" * 5000), r"line 6 must hold a number in `used_memory`"),
        (HEADER.replace("2.2", "3.0") + JOBS, r"line 1 has version '3.0'"),
        ("; UnixStartTime: yesterday\n" + JOBS, r"line 1 must hold a number in `UnixStartTime`"),
    ],
)
def test_a_broken_line_is_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))


def test_a_header_alone_holds_no_jobs(tmp_path):
    with pytest.raises(DataError, match="holds no records of the format swf"):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, HEADER))
