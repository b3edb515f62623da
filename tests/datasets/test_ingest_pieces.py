"""A file passes by in pieces: the same dataset, the same errors, and memory that does not grow with the text."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest, layout, read_demonstrations
from telic.datasets.sources import csv_files, json_lines, parquet_files
from telic.datasets.sources.files import source_file
from telic.datasets.sources.read import read_sources
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "pumps"},
    "observations": [
        {"name": "flow"},
        {"name": "valves", "type": "integer"},
        {"name": "mode", "type": "category", "missing": "label"},
        {"name": "night", "type": "boolean"},
    ],
    "actions": {"column": "act", "values": ["open", "shut"]},
    "data": {"trajectory": ["pump", "day"], "demonstrator": "who", "time": "ts"},
}
N = 240
POOLS: list[pa.MemoryPool] = []
"""Kept to the end: what was allocated from a pool must not outlive it."""


def contract(**data):
    return TaskContract.from_mapping({**CONTRACT, "data": {**CONTRACT["data"], **data}})


def rows(n=N, key=7):
    g = np.random.default_rng(key)
    return [
        {
            "ts": f"2024-03-0{1 + i // 90 % 9}T{i // 60 % 24:02d}:{i % 60:02d}:00Z",
            "pump": f"p{i % 5}",
            "day": 1 + i // 90,
            "who": ["Ann", "Bob"][i % 5 % 2],
            "flow": round(float(g.normal()), 3),
            "valves": int(g.integers(9)),
            "mode": ["low", "high", "", f"rare-{i}"][int(g.choice(4, p=[0.4, 0.4, 0.1, 0.1]))],
            "night": bool(g.integers(2)),
            "act": ["open", "shut"][int(g.integers(2))],
        }
        for i in range(n)
    ]


def write(folder, form, lines):
    import json

    path = folder / f"log.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(lines), path, row_group_size=50)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        names = list(lines[0])
        texts = [",".join(names), *(",".join(str(line[k]) for k in names) for line in lines)]
        path.write_text("\n".join(texts) + "\n")
    return path


@pytest.fixture(params=[512, 2048, 1 << 22], ids=["pieces-512", "pieces-2048", "one-piece"])
def pieces(request, monkeypatch):
    """Bytes of text a piece (a tenth of that in rows of Parquet)."""
    monkeypatch.setattr(csv_files, "PIECE_BYTES", request.param)
    monkeypatch.setattr(json_lines, "PIECE_BYTES", request.param)
    monkeypatch.setattr(json_lines, "PARSED_BYTES", 2 * request.param)
    monkeypatch.setattr(parquet_files, "PIECE_ROWS", request.param // 100)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_pieces_of_any_size_and_format_give_one_digest(form, pieces, tmp_path):
    demos = read_demonstrations(contract(), write(tmp_path, form, rows()))
    assert demos.n_decisions == N
    assert demos.digest == "sha256:6e7e9591b3e101014283fbefa39824b75e468728b4300a1a8e04a76c56bcadac"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_bad_values_are_counted_over_all_pieces(form, pieces, tmp_path):
    lines = rows()
    for i in (3, 120, 230, 239):
        lines[i]["flow"] = "much"
    if form == "jsonl":
        for line in lines:
            line["flow"] = str(line["flow"])
    with pytest.raises(DataError) as caught:
        read_demonstrations(contract(), write(tmp_path, form, lines))
    first = 2 if form == "csv" else 1
    places = "; ".join(f"'much' in log.{form} line {i + first}" for i in (3, 120, 230))
    assert f"must hold numbers; 4 of {N} values are not: {places}; and 1 more." in str(caught.value)


def test_the_first_column_of_the_contract_is_named_wherever_its_fault_lies(pieces, tmp_path):
    lines = rows()
    lines[5]["valves"] = "2.5"  # second in the contract, first in the file
    lines[200]["flow"] = "inf"
    with pytest.raises(DataError, match=r"`flow`.*1 of 240 values is not: .*log.csv line 202"):
        read_demonstrations(contract(), write(tmp_path, "csv", lines))


def test_a_number_after_many_integers_is_still_a_number(pieces, tmp_path):
    lines = [{**line, "flow": 3} for line in rows()]
    lines[-1]["flow"] = 2.5
    demos = read_demonstrations(contract(), write(tmp_path, "jsonl", lines))
    assert np.sum(demos.observations["flow"] == 2.5) == 1
    assert np.sum(demos.observations["flow"] == 3.0) == N - 1


@pytest.mark.parametrize(
    ("early", "late"), [("1709251200", "2024-03-09T00:00:00Z"), ("2024-03-01", "1709251200")]
)
def test_times_are_written_in_one_way_throughout(early, late, pieces, tmp_path):
    lines = [{**line, "ts": early, "day": i} for i, line in enumerate(rows())]
    lines[-1]["ts"] = late
    with pytest.raises(
        DataError, match=rf"Column `ts`.*; 1 of 240 values is not: '{late}' in log.csv line 241"
    ):
        read_demonstrations(contract(), write(tmp_path, "csv", lines))


def test_a_nanosecond_does_not_depend_on_its_neighbours(pieces, tmp_path):
    lines = [{**line, "ts": str(1_700_000_000_123_456_789 + 10**9 * i)} for i, line in enumerate(rows())]
    whole = read_demonstrations(contract(time_format="nanoseconds"), write(tmp_path, "csv", lines))
    lines[-1]["ts"] += ".5"
    mixed = read_demonstrations(contract(time_format="nanoseconds"), write(tmp_path, "csv", lines))
    assert np.array_equal(whole.times, mixed.times)


def test_a_broken_line_is_named_in_the_whole_file(pieces, tmp_path):
    lines = rows()
    lines[4]["flow"] = "x"  # so that the file is read twice
    path = write(tmp_path, "csv", lines)
    text = path.read_text().split("\n")
    text[201] = "cut,off"
    path.write_text("\n".join(text))
    with pytest.raises(DataError, match=r"log.csv line 202 has 2 values where the header has 9 columns"):
        read_demonstrations(contract(), path)


def large_table(n):
    g = np.random.default_rng(1)
    steps = pa.array(np.datetime64("2024-01-01T00:00:00", "s") + np.arange(n) // 10)
    return pa.table(
        {
            "ts": steps.cast(pa.string()),
            "pump": [f"a pump with a long name {i % 10}" for i in range(n)],
            "day": ["monday"] * n,
            "who": ["an operator with a long name"] * n,
            "flow": g.normal(size=n),
            "valves": g.integers(0, 9, n),
            "mode": ["a mode with a long name"] * n,
            "night": [True] * n,
            "act": ["open", "shut"] * (n // 2),
        }
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_reading_holds_the_columns_and_one_piece(form, tmp_path, monkeypatch):
    n = 100_000
    monkeypatch.setattr(csv_files, "PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(parquet_files, "PIECE_ROWS", 1000)
    path = tmp_path / f"log.{form}"
    table = large_table(n)
    if form == "csv":
        pacsv.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=5000)
    text_bytes = table.nbytes
    del table
    before = pa.default_memory_pool()
    POOLS.append(pa.proxy_memory_pool(before))
    pa.set_memory_pool(POOLS[-1])
    try:
        source = read_sources([source_file(path)], contract())
        peak = POOLS[-1].max_memory()
    finally:
        pa.set_memory_pool(before)
    kept = sum(column.nbytes for column in source.columns.values())
    assert kept < 46 * n  # 3 numbers of 8 bytes, 5 codes of 4, 1 bit; the dictionaries of the pieces
    assert peak < kept + 4_000_000 < text_bytes


def test_loading_holds_the_columns_and_one_row_group(tmp_path, monkeypatch):
    n = 100_000
    monkeypatch.setattr(layout, "GROUP_ROWS", 5000)
    path = tmp_path / "log.parquet"
    pq.write_table(large_table(n), path)
    store = DatasetStore(tmp_path / "data")
    ingest(contract(), path, store)
    store.load()  # imports
    tracemalloc.start()
    try:
        demos = store.load()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    columns = [demos.times, demos.actions, demos.next_known, *demos.observations.values()]
    assert peak < 1.2 * sum(c.nbytes for c in columns) + 1_000_000
    for name, values in demos.observations.items():
        assert np.shares_memory(values[1:], demos.next_observations[name][:-1])
