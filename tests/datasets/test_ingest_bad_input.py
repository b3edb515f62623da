"""Every kind of bad input is refused with a message that names what, where and what to do; nothing is
stored."""

import bz2
import gzip
import io
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, draft_contract, ingest, read_demonstrations
from telic.errors import ContractError, DataError

BASE = {
    "identity": {"task": "t"},
    "observations": [
        {"name": "load", "unit": "s", "low": 0, "high": 10, "bins": 4},
        {"name": "n", "type": "integer"},
    ],
    "actions": {"column": "act", "values": ["add", "hold"]},
    "data": {"trajectory": "id", "time": "ts"},
}
GOOD = "id,ts,load,n,act\np,0,1.5,3,add\np,60,2.5,4,hold\np,120,3.5,5,add\n"


def contract(**blocks):
    merged = dict(BASE)
    for name, block in blocks.items():
        merged[name] = {**merged.get(name, {}), **block} if isinstance(block, dict) else block
    return TaskContract.from_mapping(merged)


def refusal(tmp_path, text, name="log.csv", made=None, kind=DataError):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    store = DatasetStore(tmp_path / "data")
    with pytest.raises(kind) as caught:
        ingest(made or contract(), path, store)
    assert caught.value.hint
    assert store.versions() == ()
    return str(caught.value)


def test_the_good_file_is_good(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD)
    assert read_demonstrations(contract(), tmp_path / "log.csv").n_decisions == 3


def test_missing_column_offers_the_nearest(tmp_path):
    said = refusal(tmp_path, GOOD.replace("load", "Laod"))
    assert "log.csv lacks 1 column that the contract names" in said
    assert "`load` (observations[0].column). Did you mean `Laod`?" in said
    assert "The file has: id, ts, Laod, n, act." in said


def test_missing_columns_of_json_and_parquet(tmp_path):
    said = refusal(tmp_path, '{"id": "p", "ts": 0, "n": 1, "act": "add"}\n', "log.jsonl")
    assert "`load`" in said
    pq.write_table(pa.table({"id": ["p"], "ts": [0], "n": [1], "act": ["add"]}), tmp_path / "x.parquet")
    assert "`load`" in refusal(tmp_path, (tmp_path / "x.parquet").read_bytes(), "log.parquet")


def test_extra_columns_are_a_finding(tmp_path):
    (tmp_path / "log.csv").write_text("id,ts,load,n,act,note\np,0,1,3,add,x\np,60,2,4,hold,y\n")
    findings = read_demonstrations(contract(), tmp_path / "log.csv").findings
    extra = next(f for f in findings if f.code == "extra-columns")
    assert "1 column that the contract does not use: note" in extra.message


def test_column_twice(tmp_path):
    assert "`load` more than once" in refusal(tmp_path, GOOD.replace("id,", "load,"))


@pytest.mark.parametrize(
    ("factor", "words"),
    [(1000, "Divided by 1,000"), (60, "Divided by 60"), (0.001, "Multiplied by 1,000")],
)
def test_wrong_unit_is_suspected(tmp_path, factor, words):
    low = 0 if factor > 1 else 1
    made = contract(observations=[{"name": "load", "unit": "s", "low": low, "high": 10, "bins": 4}])
    rows = "".join(f"p,{60 * i},{v * factor},3,add\n" for i, v in enumerate([2, 5, 9]))
    said = refusal(tmp_path, "id,ts,load,n,act\n" + rows, made=made)
    assert f"must lie in [{low}, 10] s; 3 of 3 values do not" in said
    assert "in log.csv line 2" in said
    assert words in said
    assert "suspect a factor of" in said


def test_single_outlier_is_named_without_suspicion(tmp_path):
    said = refusal(tmp_path, GOOD.replace("2.5", "-2.5"))
    assert "1 of 3 values do not (-2.5 to 3.5 in all; first -2.5 in log.csv line 3)" in said
    assert "suspect" not in said


@pytest.mark.parametrize("value", ["NaN", "", "NA", "nan"])
def test_missing_value(tmp_path, value):
    said = refusal(tmp_path, GOOD.replace("2.5", value))
    assert "Observation `load` is missing (or NaN) in 1 of 3 rows: log.csv line 3" in said
    assert "missing: carry" in said


def test_nan_in_parquet(tmp_path):
    table = pa.table(
        {"id": ["p", "p"], "ts": [0, 1], "load": [1.0, float("nan")], "n": [1, 2], "act": ["add", "add"]}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    said = refusal(tmp_path, (tmp_path / "x.parquet").read_bytes(), "log.parquet")
    assert "is missing (or NaN) in 1 of 2 rows: log.parquet row 2" in said


@pytest.mark.parametrize("value", ["inf", "-inf"])
def test_infinity(tmp_path, value):
    assert "1 of 3 values is not" in refusal(tmp_path, GOOD.replace("2.5", value))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2.5", '"2,5"', "Column `load` (observations[0].column) must hold numbers; 1 of 3 values is not"),
        ("2.5", "fast", "'fast' in log.csv line 3"),
        ("2.5", "unknown", "If unknown means a missing value, add it to `data.missing_values`"),
        ("2.5", "85%", "Take the percent signs out"),
        (
            ",4,",
            ",4.5,",
            "Column `n` (observations[1].column) must hold integers; 1 of 3 values is not: '4.5' in "
            "log.csv line 3",
        ),
        (",60,", ",yesterday,", "must hold"),
        (",60,", ",,", "The time (column `ts`) is missing in 1 of 3 rows: log.csv line 3"),
        (
            "p,60",
            ",60",
            "Column `id` names the trajectory (data.trajectory) and is missing in 1 of 3 rows: log.csv "
            "line 3",
        ),
        ("hold", "", "The action (column `act`) is missing in 1 of 3 rows: log.csv line 3"),
        ("hold", "Hold", "The contract has 2 actions; 1 of 3 rows hold others: `Hold` Did you mean `hold`?"),
        ("hold", "scale", "`scale` (first in log.csv line 3)"),
    ],
)
def test_a_bad_value_is_named(tmp_path, old, new, said):
    assert said in refusal(tmp_path, GOOD.replace(old, new))


def test_decimal_comma_is_suspected(tmp_path):
    text = GOOD.replace(",", ";").replace(".", ",")
    said = refusal(tmp_path, text)
    assert 'Set `data.decimal: ","`' in said
    (tmp_path / "log.csv").write_text(text)
    assert read_demonstrations(contract(data={"decimal": ","}), tmp_path / "log.csv").n_decisions == 3


def test_an_integer_may_be_written_with_a_point(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD.replace(",4,", ",4.0,"))
    assert read_demonstrations(contract(), tmp_path / "log.csv").observations["n"].tolist() == [3, 4, 5]


def test_measured_action_outside_the_contract(tmp_path):
    made = contract(actions={"type": "number", "values": [0, 1]})
    said = refusal(tmp_path, GOOD.replace("add", "0").replace("hold", "0.7"), made=made)
    assert "1 of 3 rows hold others: `0.7`" in said
    assert "actions.tolerance" in said


def test_unlisted_label(tmp_path):
    made = contract(observations=[{"name": "act2", "column": "n", "type": "category", "values": ["3", "4"]}])
    said = refusal(tmp_path, GOOD, made=made)
    assert "1 of 3 rows hold 1 others: `5`" in said
    assert "log.csv line 4" in said


def test_duplicate_keys(tmp_path):
    said = refusal(tmp_path, GOOD + "p,60,2.5,4,hold\np,120,9,9,add\n")
    assert (
        "2 of 5 rows have the trajectory and time of another row (1 of them equal in every column, 1 not)"
        in said
    )
    assert "log.csv line 5, log.csv line 6" in said
    assert "data.duplicates: keep" in said
    said = refusal(
        tmp_path, GOOD + "p,60,2.5,4,hold\np,120,9,9,add\n", made=contract(data={"duplicates": "drop"})
    )
    assert "1 not): log.csv line 6" in said


def test_time_that_runs_backwards_is_sorted_and_reported(tmp_path):
    (tmp_path / "log.csv").write_text("id,ts,load,n,act\np,60,2,4,hold\np,0,1,3,add\np,120,3,5,add\n")
    demos = read_demonstrations(contract(), tmp_path / "log.csv")
    assert demos.times.tolist() == [0, 60, 120]
    finding = next(f for f in demos.findings if f.code == "file-order")
    assert "In 1 place time runs backwards" in finding.message


def test_negative_control_period():
    with pytest.raises(
        ContractError, match=r"timing\.control_period_seconds: Must be greater than 0; got -60"
    ):
        contract(timing={"control_period_seconds": -60})


def test_control_period_in_the_wrong_unit(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD)
    demos = read_demonstrations(contract(timing={"control_period_seconds": 1}), tmp_path / "log.csv")
    finding = next(f for f in demos.findings if f.code == "control-period")
    assert "a decision every 1 s; the median step in the data is 60 s" in finding.message


def test_milliseconds_read_as_seconds(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD.replace("p,", "p,1700000000"))
    demos = read_demonstrations(contract(), tmp_path / "log.csv")
    assert "time-unit" in {f.code for f in demos.findings}


def test_times_in_another_form(tmp_path):
    text = (
        GOOD.replace(",0,", ",01.02.2024 10:00,")
        .replace(",60,", ",01.02.2024 10:01,")
        .replace(",120,", ",01.02.2024 10:02,")
    )
    said = refusal(tmp_path, text)
    assert (
        "must hold ISO 8601 times such as 2024-05-01T13:00:00Z; 3 of 3 values are not: '01.02.2024 10:00' "
        "in log.csv line 2" in said
    )
    assert "data.time_format" in said
    (tmp_path / "log.csv").write_text(text)
    assert (
        read_demonstrations(
            contract(data={"time_format": "%d.%m.%Y %H:%M"}), tmp_path / "log.csv"
        ).n_decisions
        == 3
    )
    said = refusal(tmp_path, text, made=contract(data={"time_format": "%Y-%m-%d"}))
    assert "must hold times written as '%Y-%m-%d'" in said
    said = refusal(tmp_path, text, made=contract(data={"time_format": "iso"}), kind=ContractError)
    assert "got 'iso'" in said


def test_times_that_do_not_exist(tmp_path):
    said = refusal(
        tmp_path,
        GOOD.replace(",0,", ",2024-13-01T00:00:00,")
        .replace(",60,", ",2024-02-01T00:00:00,")
        .replace(",120,", ",2024-02-01T25:00:00,"),
    )
    assert "must hold times that exist" in said
    assert "'2024-13-01T00:00:00' in log.csv line 2" in said
    assert "'2024-02-01T25:00:00' in log.csv line 4" in said


@pytest.mark.parametrize(
    ("form", "times", "said"),
    [
        (None, ["1500-01-01", "2024-03-01", "2024-03-02"], r"'1500-01-01' in log.csv line 2"),
        (
            None,
            ["2024-03-01T10:00Z", "2024-02-30T10:00Z", "2024-03-02T10:00"],
            "'2024-02-30T10:00Z' in log.csv line 3",
        ),
        (
            None,
            ["2024-03-01T10:00+25:00", "2024-03-01T10:00Z", "2024-03-02T10:00Z"],
            "+25:00' in log.csv line 2",
        ),
        ("%d/%m/%Y", ["29/02/2024", "30/04/2024", "31/04/2024"], "'31/04/2024' in log.csv line 4"),
    ],
)
def test_every_impossible_date_has_its_column_and_line(tmp_path, form, times, said):
    text = (
        GOOD.replace(",0,", f",{times[0]},")
        .replace(",60,", f",{times[1]},")
        .replace(",120,", f",{times[2]},")
    )
    message = refusal(tmp_path, text, made=contract(data={"time_format": form}))
    assert "Column `ts` (data.time) must hold" in message
    assert "1 of 3 values is not: " in message
    assert said in message


@pytest.mark.parametrize(
    ("form", "meant"), [("milisecond", "milliseconds"), ("ms", "milliseconds"), ("second", "seconds")]
)
@pytest.mark.parametrize("text", [GOOD, GOOD.replace("60", "x60")])
def test_a_misspelt_unit_of_time_offers_the_right_one(tmp_path, form, meant, text):
    said = refusal(tmp_path, text, made=contract(data={"time_format": form}), kind=ContractError)
    assert f"Did you mean `{meant}`?" in said


def test_times_with_and_without_a_zone_are_said_with_their_rows(tmp_path):
    path = tmp_path / "log.csv"
    times = ["2024-03-01T10:00", "2024-03-01T11:00", "2024-03-01T12:30+01:00"]
    text = (
        GOOD.replace(",0,", f",{times[0]},")
        .replace(",60,", f",{times[1]},")
        .replace(",120,", f",{times[2]},")
    )
    path.write_text(text)
    found = {f.code: f for f in read_demonstrations(contract(), path).findings}["mixed-zones"]
    assert "`ts` have a zone (log.csv line 4) and some have none (log.csv line 2)" in found.message
    path.write_text(text.replace("+01:00", ""))
    assert "mixed-zones" not in {f.code for f in read_demonstrations(contract(), path).findings}


def test_weights(tmp_path):
    (tmp_path / "w.csv").write_text("")
    made = contract(data={"weight": "n"}, observations=[{"name": "load"}])
    assert "Weights (column `n`) must not be negative; 1 of 3 are (first -4 in log.csv line 3)" in refusal(
        tmp_path, GOOD.replace(",4,", ",-4,"), made=made
    )
    assert "The weight (column `n`) is missing" in refusal(tmp_path, GOOD.replace(",4,", ",,"), made=made)


def test_truth_values(tmp_path):
    made = contract(outcomes={"terminated": "n"}, observations=[{"name": "load"}])
    said = refusal(tmp_path, GOOD, made=made)
    assert "Column `n` (outcomes.terminated) must hold true or false; 3 of 3 values are not: '3'" in said


def test_empty_inputs(tmp_path):
    assert "log.csv is empty (0 bytes)" in refusal(tmp_path, "")
    assert "There are no rows to ingest (log.csv)" in refusal(tmp_path, GOOD.splitlines()[0] + "\n")
    with pytest.raises(DataError, match="no files were given"):
        ingest(contract(), [], DatasetStore(tmp_path / "data"))


def test_one_row(tmp_path):
    said = refusal(tmp_path, "\n".join(GOOD.splitlines()[:2]) + "\n")
    assert "1 of 1 rows is left to learn from; at least 2 decisions are needed" in said


def test_every_row_its_own_trajectory_is_a_warning(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD.replace("p,60", "q,60").replace("p,120", "r,120"))
    findings = read_demonstrations(contract(), tmp_path / "log.csv").findings
    assert findings[0].code == "no-transitions"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "p,180,1.0\n", "log.csv line 5 has 3 values where the header has 5 columns: 'p,180,1.0'"),
        (GOOD + "p,180,1,0,3,add\n", "log.csv line 5 has 6 values"),
        (GOOD + 'p,180,1,3,"add\n', "The contract has 2 actions"),
    ],
)
def test_ragged_and_truncated_csv(tmp_path, text, said):
    assert said in refusal(tmp_path, text)


def test_csv_cut_off_inside_a_row(tmp_path):
    for cut in range(1, 14):
        path = tmp_path / "log.csv"
        path.write_text(GOOD[:-cut])
        try:
            demos = read_demonstrations(contract(), path)
        except DataError:
            continue
        assert "no-final-newline" in {f.code for f in demos.findings} or GOOD[:-cut].endswith("\n")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ['{"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"}', '{"id": "p", "ts": 6'],
            "log.jsonl line 2 is not JSON",
        ),
        (
            ['{"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"}', "[1]"],
            "line 2 must be a JSON object, got list",
        ),
        (["[1,"], "Is it one JSON array"),
        (
            [
                '{"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"}',
                '{"id": "p", "ts": 60, "load": "high", "n": 3, "act": "add"}',
            ],
            "`load` is number in line 1 and text in line 2",
        ),
        (
            [
                '{"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"}',
                '{"id": "p", "ts": 60, "load": {}, "n": 3, "act": "add"}',
            ],
            "log.jsonl",
        ),
    ],
)
def test_broken_json_lines(tmp_path, lines, said):
    assert said in refusal(tmp_path, "\n".join(lines) + "\n", "log.jsonl")


def test_json_that_breaks_after_the_first_lines(tmp_path):
    line = json.dumps({"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"})
    text = "".join(line.replace('"ts": 0', f'"ts": {i}') + "\n" for i in range(400))
    assert "log.jsonl line 401 is not JSON" in refusal(tmp_path, text + "{]\n", "log.jsonl")
    assert "`n` is number in line 1 and text in line 401" in refusal(
        tmp_path, text + line.replace('"n": 3', '"n": "x"') + "\n", "log.jsonl"
    )


@pytest.mark.parametrize("keep", [3, 40, 300, -9])
def test_truncated_parquet(tmp_path, keep):
    table = pa.table({"id": ["p", "p"], "ts": [0, 1], "load": [1.0, 2.0], "n": [1, 2], "act": ["add", "add"]})
    pq.write_table(table, tmp_path / "x.parquet")
    said = refusal(tmp_path, (tmp_path / "x.parquet").read_bytes()[:keep], "log.parquet")
    assert "log.parquet is not a whole Parquet file" in said


@pytest.mark.parametrize(("module", "ending"), [(gzip, "gz"), (lzma, "xz"), (bz2, "bz2")])
def test_truncated_compressed_file(tmp_path, module, ending):
    packed = module.compress(GOOD.encode() * 50)
    said = refusal(tmp_path, packed[: len(packed) // 2], f"log.csv.{ending}")
    assert f"log.csv.{ending} cannot be decompressed" in said


def test_unreadable_encoding(tmp_path):
    latin = GOOD.replace("add", "zufügen").encode("latin-1")
    said = refusal(tmp_path, latin)
    assert "log.csv line 2 is not utf-8 text (byte 0xfc)" in said
    (tmp_path / "log.csv").write_bytes(latin)
    made = contract(data={"encoding": "latin-1"}, actions={"values": ["zufügen", "hold"]})
    assert read_demonstrations(made, tmp_path / "log.csv").actions.tolist() == [0, 1, 0]
    said = refusal(tmp_path, latin, made=contract(data={"encoding": "utf-99"}), kind=ContractError)
    assert "`data.encoding` 'utf-99' is not an encoding" in said
    line = b'{"id": "p", "ts": 0, "load": 1, "n": 3, "act": "add"}\n'
    assert "log.jsonl line 3 is not utf-8" in refusal(
        tmp_path, line * 2 + line.replace(b"p", b"\xff"), "log.jsonl"
    )


def test_unknown_ending(tmp_path):
    assert "must end in one of .csv" in refusal(tmp_path, GOOD, "log.xml")
    assert "must end in one of .csv" in refusal(tmp_path, GOOD, "log")


def test_wrong_type_in_parquet(tmp_path):
    table = pa.table(
        {"id": ["p", "p"], "ts": [0, 1], "load": [True, False], "n": [1, 2], "act": ["add", "add"]}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    said = refusal(tmp_path, (tmp_path / "x.parquet").read_bytes(), "log.parquet")
    assert "Column `load` (observations[0].column) must hold number values, but the file says bool" in said


@pytest.mark.parametrize("header", ["PAR1", "BZh"])
def test_a_header_may_begin_like_another_format(tmp_path, header):
    (tmp_path / "log.csv").write_text(
        "\n".join(f"{a},{b}" for a, b in zip([header, 1, 2, 3], GOOD.split(), strict=True))
    )
    assert read_demonstrations(contract(), tmp_path / "log.csv").n_decisions == 3


def _parquet():
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "raw", "said", "hint"),
    [
        ("log.csv", _parquet(), "log.csv is a Parquet file, though its name ends in .csv", "end in .parquet"),
        (
            "log.csv",
            gzip.compress(GOOD.encode(), mtime=0),
            "log.csv is compressed with gzip",
            "end in .csv.gz",
        ),
        ("log.jsonl", bz2.compress(b"{}"), "log.jsonl is compressed with bzip2", "end in .jsonl.bz2"),
        ("log.tsv", lzma.compress(b"a"), "log.tsv is compressed with xz", "end in .tsv.xz"),
        ("log.csv", b"PK\x03\x04xl/workbook", "log.csv is a spreadsheet or a ZIP archive", "as CSV"),
        (
            "log.xlsx",
            b"PK\x03\x04xl/workbook",
            "log.xlsx is a spreadsheet; what is read ends in one of .csv",
            "CSV",
        ),
        ("log.csv.gz", _parquet(), "log.csv.gz is a Parquet file", "Rename it"),
    ],
    ids=["parquet", "gzip", "bzip2", "xz", "zip", "spreadsheet", "parquet-as-gzip"],
)
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, raw, said, hint):
    assert said in refusal(tmp_path, raw, name=name)
    for read in (draft_contract, lambda path: read_demonstrations(contract(), path)):
        with pytest.raises(DataError) as caught:
            read(tmp_path / name)
        assert hint in caught.value.hint
