"""Time that runs backwards, is missing or cannot be read."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from machines import CONTRACT

from telic.datasets import parse_contract
from telic.errors import DataError
from telic.reports import Severity
from telic.trajectories import Demonstrations
from telic.trajectories.checks import check


def test_rows_out_of_order_are_sorted_and_said(door, telic, lines):
    (door.folder / "log.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    told = telic("ingest", door.folder, "--json")
    assert told.status == 0
    result = json.loads(told.out)
    findings = {finding["code"]: finding for finding in result["findings"]}
    assert "time runs backwards within a trajectory" in findings["file-order"]["message"]
    assert not result["is_new"]  # the same decisions in another order are the same dataset


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", r"The time \(column `day`\) is missing in 1 of 96 rows: log\.csv line 4"),
        ("noon", r"Column `day`.*'noon' in log\.csv line 4"),
        ("nan", r"`day`.*(missing|finite|numbers)"),
    ],
)
def test_a_time_that_is_none(door, lines, value, message):
    door.refuses_log(
        "\n".join([*lines[:3], f"m000,{value},1,run", *lines[4:]]) + "\n", message=message, hint="."
    )


def test_a_negative_period(door):
    door.contract("timing: {discount: 0.9}", "timing: {discount: 0.9, control_period_seconds: -60}")
    door.refuses(
        "ingest",
        door.folder,
        status=3,
        message=r"line \d+, timing\.control_period_seconds: Must be greater than 0; got -60",
        hint="contract",
    )


def test_another_clock_is_suspected(door, telic, lines):
    fine = [line.split(",") for line in lines[1:]]
    rows = [f"{m},{(1_700_000_000 + int(t)) * 1000},{w},{a}" for m, t, w, a in fine]
    (door.folder / "log.csv").write_text("\n".join([lines[0], *rows]) + "\n")
    findings = {f["code"]: f for f in json.loads(telic("ingest", door.folder, "--json").out)["findings"]}
    assert "beyond the year 5000" in findings["time-unit"]["message"]
    assert "`data.time_format: milliseconds`" in findings["time-unit"]["hint"]


def test_in_hand():
    demos = Demonstrations.from_arrays(
        [0, 1, 0, 1], [0, 1, 0, 1], offsets=[0, 2, 4], action_labels=("run", "repair")
    )
    contract = parse_contract(CONTRACT)
    backwards = {f.code: f for f in check(replace(demos, times=np.array([5.0, 6.0, 3.0, 1.0])), contract)}
    found = backwards["negative-time-steps"]
    assert found.severity is Severity.ERROR
    assert "Time runs backwards in 1 of 2 steps (first after decision 2)" in found.message
    with pytest.raises(DataError, match=r"`times` must be finite; 1 of 4 are not \(first: row 2\)"):
        replace(demos, times=np.array([5.0, 6.0, np.nan, 7.0]))
