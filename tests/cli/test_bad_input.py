"""Bad input through the front door: the status of its kind, a message with the place, and what to do."""

from __future__ import annotations

import re

import pytest
from machines import CONTRACT, keeper_log, write_project

LINES = keeper_log(8, 12).splitlines()


def log_with(change) -> str:
    return "\n".join(change([line.split(",") for line in LINES])) + "\n"


def joined(rows) -> list[str]:
    return [",".join(row) for row in rows]


def with_cell(row: int, column: int, value: str) -> str:
    def change(rows):
        rows[row][column] = value
        return joined(rows)

    return log_with(change)


CASES = {
    "missing column": (
        CONTRACT,
        log_with(lambda rows: joined([row[:2] + row[3:] for row in rows])),
        4,
        r"wear",
    ),
    "nan": (CONTRACT, with_cell(3, 2, "nan"), 4, r"wear"),
    "not a number": (CONTRACT, with_cell(3, 2, "much"), 4, r"line 4.*much|much.*line 4"),
    "above its bound": (CONTRACT, with_cell(3, 2, "9"), 4, r"9"),
    "action outside the contract": (CONTRACT, with_cell(3, 3, "rest"), 4, r"rest"),
    "time that does not parse": (CONTRACT, with_cell(3, 1, "noon"), 4, r"noon"),
    "duplicate key": (
        CONTRACT,
        log_with(lambda rows: joined([*rows, [rows[4][0], rows[4][1], "1", "run"]])),
        4,
        r"(?i)twice|duplicate|same time",
    ),
    "empty file": (CONTRACT, "", 4, r"(?i)empty"),
    "header only": (CONTRACT, LINES[0] + "\n", 4, r"(?i)no rows|empty"),
    "feature that names nothing": (
        CONTRACT.replace('expression: "wear"', 'expression: "waer"'),
        keeper_log(8, 12),
        3,
        r"Did you mean `wear`",
    ),
    "discount one without an end": (
        CONTRACT.replace("discount: 0.9", "discount: 1.0"),
        keeper_log(8, 12),
        3,
        r"discount",
    ),
    "constant feature": (
        CONTRACT.replace('expression: "wear"', 'expression: "3"'),
        keeper_log(8, 12),
        6,
        r"`wear` is 3",
    ),
    "unknown block": (CONTRACT + "colour: red\n", keeper_log(8, 12), 3, r"colour"),
    "not yaml": (CONTRACT + "  : [", keeper_log(8, 12), 3, r"line \d+"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_has_a_status_a_message_and_a_hint(case, telic, tmp_path):
    contract, log, status, message = CASES[case]
    folder = write_project(tmp_path / "p", contract, log)
    told = telic("run", folder)
    assert told.status == status, told.err
    assert re.search(message, told.err), told.err
    assert re.search(r"\n\nhint: \S", told.err), told.err
    assert "Traceback" not in told.err


def test_a_truncated_parquet_file_is_named(telic, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = write_project(tmp_path / "p")
    rows = [line.split(",") for line in LINES]
    table = pa.table({name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])})
    pq.write_table(table, folder / "whole.parquet")
    whole = (folder / "whole.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    told = telic("ingest", folder, folder / "cut.parquet")
    assert told.status in (4, 74)
    assert "cut.parquet" in told.err
    assert "\n\nhint: " in told.err


def test_a_bad_log_leaves_the_old_dataset_whole(telic, tmp_path):
    folder = write_project(tmp_path / "p")
    assert telic("ingest", folder).status == 0
    before = sorted(p.name for p in (folder / "data" / "versions").iterdir())
    (folder / "log.csv").write_text(with_cell(3, 3, "rest"))
    assert telic("ingest", folder).status == 4
    assert sorted(p.name for p in (folder / "data" / "versions").iterdir()) == before
    assert telic("infer", folder, "--quick").status == 0
