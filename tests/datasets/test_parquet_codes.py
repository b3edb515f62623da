"""Text that lies in a Parquet file as codes is read as codes, and other columns as they lie there."""

import pyarrow as pa
import pyarrow.parquet as pq

from telic.datasets.sources.files import source_file
from telic.datasets.sources.parquet_files import CODES, parquet_pieces
from telic.datasets.sources.pieces import whole_table

N_ROWS = 150_000
TEXTS = [None if i % 5 == 0 else f"label {i % 3}" for i in range(N_ROWS)]
DISTINCT = [f"a text of its own, {i:07d}" for i in range(N_ROWS)]
COLUMNS = ("few", "wide", "own", "plain", "pod.name", "bytes", "n")


def test_only_text_that_is_coded_in_the_file_comes_as_codes(tmp_path):
    path = tmp_path / "log.parquet"
    table = pa.table(
        {
            "few": pa.array(TEXTS),
            "wide": pa.array(TEXTS, pa.large_string()),
            "own": pa.array(DISTINCT),
            "plain": pa.array(DISTINCT),
            "pod": pa.array([{"name": t} for t in TEXTS]),
            "bytes": pa.array([(t or "none").encode() for t in TEXTS]),
            "n": pa.array(range(N_ROWS)),
        }
    )
    pq.write_table(table, path, use_dictionary=["few", "wide", "own", "pod.name", "bytes"])
    pieces = list(parquet_pieces(source_file(path), dict.fromkeys(COLUMNS, CODES)))
    coded = {f.name for f in pieces[1].schema if pa.types.is_dictionary(f.type)}
    assert coded == {"few", "wide"}
    whole = whole_table(iter(pieces)).to_pydict()
    assert whole["few"] == whole["wide"] == whole["pod.name"] == TEXTS
    assert whole["own"] == whole["plain"] == DISTINCT
    assert whole["bytes"] == [(t or "none").encode() for t in TEXTS]
    assert whole["n"] == list(range(N_ROWS))


def test_text_that_is_wanted_as_text_is_never_read_as_codes(tmp_path):
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"ts": ["2024-01-01"] * 10, "who": ["Ann", "Bob"] * 5}), path)
    wanted = {"ts": pa.string(), "who": CODES}
    kinds = [{f.name: f.type for f in piece.schema} for piece in parquet_pieces(source_file(path), wanted)]
    assert {str(k["ts"]) for k in kinds} == {"string"}
    assert {pa.types.is_dictionary(k["who"]) for k in kinds} == {True}
    plain = [{f.name: f.type for f in p.schema} for p in parquet_pieces(source_file(path), ["who"])]
    assert {str(k["who"]) for k in plain} == {"string"}
