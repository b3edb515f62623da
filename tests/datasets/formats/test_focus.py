"""FOCUS: charges laid out as the specification says, in CSV and in Parquet."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = (
    "BilledCost,BillingCurrency,ChargeCategory,ChargeClass,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,"
    "ResourceId,ServiceName,Tags"
)

CONTRACT = {
    "identity": {"task": "spending"},
    "observations": [
        {"name": "cost", "column": "EffectiveCost", "unit": "USD"},
        {"name": "correction", "column": "is_correction", "type": "boolean"},
        {"name": "hours", "column": "period_seconds", "unit": "s"},
        {"name": "team", "column": "Tags.team", "type": "category", "missing": "label"},
    ],
    "actions": {"column": "ServiceName", "values": ["Compute", "Storage"]},
    "data": {
        "format": "focus",
        "trajectory": ["ResourceId"],
        "time": "ChargePeriodStart",
        "duplicates": "keep",
    },
}


def charge(hour: int, service: str, cost: float, kind: str = "", tags: str = '{"team":"shop, eu"}') -> str:
    quoted = '"' + tags.replace('"', '""') + '"'
    return (
        f"{cost},USD,Usage,{kind},2026-03-01T{hour + 1:02}:00:00Z,2026-03-01T{hour:02}:00:00Z,{cost},r1,{service},"
        f"{quoted}"
    )


ROWS = [
    charge(11, "Storage", 2.5),
    charge(10, "Compute", 1.0),
    charge(10, "Compute", -0.25, "Correction", '{"env":"x"}'),
]


def csv_file(tmp_path, rows, header: str = HEADER):
    path = tmp_path / "focus.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def parquet_file(tmp_path):
    stamp = pa.timestamp("us", "UTC")
    starts = pa.array([1772362800, 1772359200, 1772359200]).cast(pa.timestamp("s", "UTC")).cast(stamp)
    ends = pa.array([1772366400, 1772362800, 1772362800]).cast(pa.timestamp("s", "UTC")).cast(stamp)
    table = pa.table(
        {
            "BilledCost": [2.5, 1.0, -0.25],
            "BillingCurrency": ["USD"] * 3,
            "ChargeCategory": ["Usage"] * 3,
            "ChargeClass": [None, None, "Correction"],
            "ChargePeriodEnd": ends,
            "ChargePeriodStart": starts,
            "EffectiveCost": [2.5, 1.0, -0.25],
            "ResourceId": ["r1"] * 3,
            "ServiceName": ["Storage", "Compute", "Compute"],
            "Tags": pa.array(
                [[("team", "shop, eu")], [("team", "shop, eu")], [("env", "x")]],
                pa.map_(pa.string(), pa.string()),
            ),
        }
    )
    path = tmp_path / "focus.parquet"
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("write", [lambda t: csv_file(t, ROWS), parquet_file], ids=["csv", "parquet"])
def test_corrections_are_kept_and_marked_and_tags_are_columns(tmp_path, write):
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), write(tmp_path))
    assert demos.observations["cost"].tolist() == [1.0, -0.25, 2.5]
    assert demos.observations["correction"].tolist() == [False, True, False]
    assert demos.observations["hours"].tolist() == [3600.0] * 3
    assert demos.actions.tolist() == [0, 0, 1]
    teams = [demos.categories["team"][i] for i in demos.observations["team"]]
    assert teams == ["shop, eu", "missing", "shop, eu"]


def test_all_columns_are_found_when_none_is_named(tmp_path):
    form = event_format("focus")
    table = pa.concat_tables(
        form.tables(source_file(csv_file(tmp_path, ROWS), "focus"), None), promote_options="default"
    )
    assert table["Tags.team"].to_pylist() == ["shop, eu", "shop, eu", None]
    assert table["Tags.env"].to_pylist() == [None, None, "x"]
    assert "Tags" not in table.column_names


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, HEADER.replace("ChargeClass", "Class"), r"lacks the columns ChargeClass of FOCUS"),
        (
            [*ROWS, ROWS[0].replace("T12:", "T09:", 1)],
            HEADER,
            r"end before they begin; 1 do: focus\.csv line 5",
        ),
        ([*ROWS, ROWS[0].replace("2026-03-01T11", "1 March")], HEADER, r"focus\.csv line 5"),
        (
            [*ROWS, charge(12, "Compute", 1, tags="team=shop")],
            HEADER,
            r"line 5 must hold a JSON object .* in `Tags`",
        ),
        ([*ROWS, "1,USD"], HEADER, r"line 5 has 2 values where the header has 10 columns"),
        ([*ROWS, ROWS[0] + ',"open'], HEADER, r"line 5"),
        (ROWS, HEADER + ",Tags", r"has the column `Tags` more than once"),
    ],
)
def test_a_broken_export_is_named_by_line(tmp_path, rows, header, message):
    with pytest.raises(DataError, match=message):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), csv_file(tmp_path, rows, header))


def test_invalid_bytes_and_cut_off_archives_are_refused(tmp_path):
    contract, path = TaskContract.from_mapping(CONTRACT), csv_file(tmp_path, ROWS)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"shop", b"sh\xff\xfe", 1))
    with pytest.raises(DataError, match="line 2 is not utf-8 text"):
        read_demonstrations(contract, path)
    packed = tmp_path / "focus.csv.gz"
    packed.write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(DataError, match="cannot be decompressed"):
        read_demonstrations(contract, packed)
    broken = parquet_file(tmp_path)
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(DataError, match="is not a whole Parquet file"):
        read_demonstrations(contract, broken)


def test_a_bomb_of_tags_is_refused(tmp_path):
    deep = json.dumps(0)
    for _ in range(80):
        deep = '{"a":' + deep + "}"
    with pytest.raises(DataError, match="nested more than 64 levels"):
        read_demonstrations(
            TaskContract.from_mapping(CONTRACT), csv_file(tmp_path, [charge(1, "Compute", 1, tags=deep)])
        )
