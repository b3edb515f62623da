"""Accounting of Slurm: lines as sacct(1) describes them (no cluster was used)."""

from __future__ import annotations

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = "JobID|User|Partition|Submit|Start|End|Elapsed|Timelimit|State|ExitCode"
ROWS = [
    "101|ana|short|2026-03-01T10:00:00|2026-03-01T10:05:00|2026-03-01T10:06:30|00:01:30|1-00:00:00|COMPLETED|0:0",
    "101.batch||short|2026-03-01T10:05:00|2026-03-01T10:05:00|2026-03-01T10:06:30|00:01:30||COMPLETED|0:0",
    "102_3|ana|long|2026-03-01T10:10:00|Unknown|Unknown|00:00:00|UNLIMITED|CANCELLED by 1000|0:15",
]

CONTRACT = {
    "identity": {"task": "submitting"},
    "observations": [{"name": "limit", "column": "Timelimit.seconds", "missing": "drop"}],
    "actions": {"column": "Partition", "values": ["short", "long"]},
    "data": {"format": "slurm-sacct", "trajectory": ["JobID.job"], "time": "Submit"},
}


def written(tmp_path, rows, header: str = HEADER):
    path = tmp_path / "sacct.txt"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def records(path):
    return list(event_format("slurm-sacct").records(source_file(path, "slurm-sacct")))


def test_packed_texts_are_taken_apart(tmp_path):
    job, step, cancelled = records(written(tmp_path, ROWS))
    assert (job["JobID.job"], job["JobID.step"]) == ("101", None)
    assert (step["JobID.job"], step["JobID.step"], step["User"]) == ("101", "batch", None)
    assert (job["Elapsed.seconds"], job["Timelimit.seconds"]) == (90.0, 86400.0)
    assert (cancelled["State"], cancelled["State.by"]) == ("CANCELLED", "1000")
    assert (cancelled["ExitCode.code"], cancelled["ExitCode.signal"]) == (0, 15)
    assert (cancelled["Start"], cancelled["Timelimit.seconds"], cancelled["JobID.job"]) == (
        None,
        None,
        "102_3",
    )


def test_jobs_become_decisions(tmp_path):
    rows = [*ROWS[:1], ROWS[0].replace("short|2026-03-01T10:00", "long|2026-03-01T09:59")]
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, rows))
    assert demos.actions.tolist() == [1, 0]  # out of order in the file, in order by the time of submission
    assert demos.trajectory_ids.tolist() == ["101"]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([*ROWS, ROWS[0].replace("ana", "a|na")], HEADER, r"line 5 has 11 fields where 10 are expected"),
        ([*ROWS, ROWS[0][:30]], HEADER, r"line 5 has 4 fields"),
        (ROWS, HEADER + "|", r"line 1 ends in \|"),
        (ROWS[1:], ROWS[0], r"line 1 must name the columns of sacct"),
        (ROWS, HEADER.replace("End", "Start"), r"line 1 names Start more than once"),
        ([ROWS[0].replace("0:0", "zero")], HEADER, r"line 2 must hold ExitCode as code:signal"),
        ([ROWS[0].replace("00:01:30", "soon")], HEADER, r"line 2 must hold Elapsed as"),
    ],
)
def test_a_broken_export_is_named_by_line(tmp_path, rows, header, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, rows, header))
