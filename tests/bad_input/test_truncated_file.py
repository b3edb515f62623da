"""Files that stop in the middle."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def test_a_row_cut_short(door, lines):
    door.refuses_log(
        "\n".join([*lines[:-1], lines[-1][:9]]),
        message=r"log\.csv line 97 has \d values where the header has 4 columns",
        hint=".",
    )


def test_a_last_cell_cut_short(door, lines):
    # The row has all its columns, but the last word is not whole.
    door.refuses_log(
        "\n".join([*lines[:-1], lines[-1][:-1]]), message=r"rows hold others: `(ru|repai)`.*line 97", hint="."
    )


@pytest.mark.parametrize("where", [1, 4, 95, 96])
def test_a_quotation_mark_that_never_closes(door, lines, where):
    cells = lines[where].split(",")
    broken = [*lines[:where], ",".join([*cells[:-1], '"' + cells[-1]]), *lines[where + 1 :]]
    door.refuses_log(
        "\n".join(broken) + "\n",
        message=rf"log\.csv has a quotation mark that is never closed.*line {where + 1} is the first|rows hold others",
        hint=".",
    )


def test_a_quotation_mark_that_never_closes_is_no_draft_either(door, lines):
    log = door.folder / "open.csv"
    cells = lines[40].rpartition(",")
    log.write_text("\n".join([*lines[:40], f'{cells[0]},"{cells[2]}', *lines[41:]]) + "\n")
    door.refuses(
        *("init", door.folder / "new", "--from", log),
        status=4,
        message=r"open\.csv has a quotation mark that is never closed.*line 41 is the first",
        hint="Close the mark",
    )
    assert not (door.folder / "new").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_parquet(door, lines, share, tmp_path):
    rows = [line.split(",") for line in lines]
    table = pa.table({name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])})
    pq.write_table(table, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    door.refuses_log(
        whole[: int(share * len(whole))],
        name="log.parquet",
        message=r"log\.parquet is not a whole Parquet file",
        hint=".",
    )


def test_gzip(door, lines):
    packed = gzip.compress("\n".join(lines).encode() * 20)
    door.refuses_log(
        packed[: len(packed) // 2],
        name="log.csv.gz",
        message=r"log\.csv\.gz cannot be decompressed",
        hint=".",
    )


def test_json_lines(door):
    whole = '{"machine": "m1", "day": 0, "wear": 0, "action": "run"}\n'
    door.refuses_log(whole + whole[:20], name="log.jsonl", message=r"log\.jsonl line 2 is not JSON", hint=".")


def test_a_dataset_version_cut_short_is_not_used(door, telic):
    part = next((door.folder / "data").rglob("rows-*.parquet"))
    part.write_bytes(part.read_bytes()[:-40])
    told = telic("infer", door.folder)
    assert told.status == 74
    assert part.name in told.err
    assert "corrupt" in told.err
    assert "Ingest the source files again" in told.err
    assert telic("ingest", door.folder).status == 0  # and that mends it
    assert telic("infer", door.folder, "--quick").status == 0


@pytest.mark.parametrize("name", ["manifest.json", "rows-00000.parquet"])
def test_a_changed_byte_is_mended_by_the_ingest_that_the_hint_names(door, telic, name):
    part = next((door.folder / "data").rglob(name))
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 1  # as long as before
    part.write_bytes(bytes(raw))
    told = telic("infer", door.folder)
    assert told.status == 74
    assert "Ingest the source files again" in told.err
    assert telic("ingest", door.folder).status == 0
    assert telic("infer", door.folder, "--quick").status == 0


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 1}'])
def test_a_damaged_index_is_mended_as_its_hint_says(door, telic, text):
    index = next((door.folder / "data").rglob("index.json"))
    index.write_text(text)
    for verb in ("infer", "ingest"):
        told = telic(verb, door.folder)
        assert told.status == 74
        assert f"hint: Remove {index} and ingest the source files again" in told.err
    index.unlink()
    assert telic("ingest", door.folder).status == 0
    assert telic("infer", door.folder, "--quick").status == 0
