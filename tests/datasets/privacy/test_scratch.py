"""Files of a running ingest: what is read is what was written, and on the disk is noise."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.datasets.partitions.stored import put_column, read_column
from telic.datasets.privacy.scratch import CHUNK, Scratch
from telic.errors import PermanentError

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17)


@pytest.mark.parametrize("n", SIZES)
def test_what_is_read_is_what_was_written(tmp_path, n):
    g = np.random.default_rng(n)
    content, scratch = g.bytes(n), Scratch.sealed()
    with scratch.writing(tmp_path / "a") as file:
        at = 0
        while at < n:
            some = content[at : at + int(g.integers(1, 2 * CHUNK))]
            assert file.tell() == at
            assert file.write(some) == len(some)
            at += len(some)
    plain = io.BytesIO(content)
    with scratch.reading(tmp_path / "a") as file:
        assert file.read() == content
        assert file.read(1) == b""
        assert file.seek(0, 2) == n
        for start, count in g.integers(0, n + 9, (60, 2)).tolist():
            assert file.seek(start) == plain.seek(start)
            assert file.read(count) == plain.read(count)
            assert file.tell() == plain.tell()


def test_columns_and_tables(tmp_path):
    scratch, g = Scratch.sealed(), np.random.default_rng(1)
    columns = {
        "floats": g.normal(size=50_000),
        "codes": g.integers(0, 9, 50_000).astype(np.int32),
        "flags": g.random((50_000, 3)) < 0.5,
        "nothing": np.zeros(0),
    }
    with scratch.writing(tmp_path / "c") as file:
        stored = {name: put_column(file, values) for name, values in columns.items()}
    for name, values in columns.items():
        for first, count in ((0, len(values)), (len(values) // 3, len(values) // 2), (len(values), 0)):
            read = read_column(tmp_path / "c", stored, scratch, name, first, count)
            np.testing.assert_array_equal(read, values[first : first + count])
    table = pa.table({"name": [f"trajectory {i}" for i in range(9999)], "x": np.arange(9999)})
    with scratch.writing(tmp_path / "t") as file:
        pq.write_table(table, file, row_group_size=1000)
    with scratch.reading(tmp_path / "t") as file:
        assert pq.ParquetFile(file).read_row_group(3).equals(table.slice(3000, 1000))
    with scratch.writing(tmp_path / "i") as file, pa.ipc.new_file(file, table.schema) as ipc:
        ipc.write_table(table, max_chunksize=500)
    with scratch.arrow(tmp_path / "i") as raw, pa.ipc.open_file(raw) as ipc:
        assert ipc.get_batch(7).equals(table.slice(3500, 500).to_batches()[0])


def test_what_lies_on_the_disk_says_nothing(tmp_path):
    scratch = Scratch.sealed()
    with scratch.writing(tmp_path / "a") as file:
        file.write(b"Ann Ash " * 20_000)
    raw = (tmp_path / "a").read_bytes()
    assert b"Ann" not in raw
    # Random bytes: 256 values equally often, by the chi-squared of 255 degrees (mean 255, deviation 22.6).
    counts = np.bincount(np.frombuffer(raw, np.uint8), minlength=256)
    assert np.sum((counts - len(raw) / 256) ** 2) / (len(raw) / 256) < 400
    assert scratch.key is not None
    assert scratch.key.hex() not in repr(scratch)
    with (
        pytest.raises(PermanentError, match="cannot be read"),
        Scratch.sealed().reading(tmp_path / "a") as file,
    ):
        file.read()


def test_chunks_cannot_change_places(tmp_path):
    scratch = Scratch.sealed()
    with scratch.writing(tmp_path / "a") as file:
        file.write(bytes(2 * CHUNK))
    raw = (tmp_path / "a").read_bytes()
    half = len(raw) // 2
    (tmp_path / "a").write_bytes(raw[half:] + raw[:half])
    with pytest.raises(PermanentError, match="cannot be read"), scratch.reading(tmp_path / "a") as file:
        file.read()
