"""What streams are joined with where they do not fit into memory: buckets, first rows, numbers, slices, the disk."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from telic.datasets.decisions.clock_correction import Correction
from telic.datasets.decisions.dealing import deal, hashes
from telic.datasets.decisions.disk import Disk
from telic.datasets.decisions.first_rows import FirstRows
from telic.datasets.decisions.numbers import Numbers
from telic.datasets.decisions.stream_table import Coded
from telic.datasets.partitions.middle import at_ranks
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.sources.coerce import CATEGORY
from telic.datasets.sources.rows import FilePart, RowNames


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path, Sizes())


def texts(values):
    return pa.chunked_array([pa.array(values).dictionary_encode().cast(CATEGORY)])


def test_first_rows_are_those_of_all_parts_together():
    g = np.random.default_rng(3)
    places = g.permutation(1000)[:333]
    found = FirstRows()
    for part in np.array_split(places, 20):
        found.add(part)
    assert (found.count, found.places) == (333, np.sort(places)[:20].tolist())
    names = RowNames([FilePart(name="a.csv", first_line=2, n_rows=1000)])
    assert found.named(names) == names.first(np.sort(places))


def test_equal_keys_fall_into_one_bucket_in_their_order(disk):
    g = np.random.default_rng(4)
    keys = np.array([f"k{i}" for i in g.integers(0, 40, 500)])
    table = pa.table({"key": texts(keys.tolist()), "n": np.arange(500)})

    def runs():
        for start in range(0, 500, 90):
            part = table.slice(start, 90)
            distinct, codes = np.unique(keys[start : start + 90], return_inverse=True)
            column = Coded(codes=codes.astype(np.int32), texts=tuple(distinct.tolist()))
            yield part, hashes([column], part["n"].to_numpy())

    dealt = deal(runs(), 7, disk, frozenset())
    buckets = [dealt.bucket(i) for i in range(7)]
    assert sorted(n for b in buckets for n in b["n"].to_pylist()) == list(range(500))
    assert all(np.all(np.diff(b["n"].to_numpy()) > 0) for b in buckets)
    sets = [set(b["key"].to_pylist()) for b in buckets]
    assert sum(map(len, sets)) == len(set(keys.tolist()))
    assert all(b["key"].to_pylist() == keys[b["n"].to_numpy()].tolist() for b in buckets)


def test_rows_without_part_of_the_key_do_not_pile_up():
    gone = Coded(codes=np.full(7000, -1, dtype=np.int32), texts=())
    counts = np.bincount((hashes([gone], np.arange(7000)) % np.uint64(7)).astype(int), minlength=7)
    assert counts.min() > 900
    assert counts.max() < 1100


@pytest.mark.parametrize("scratch", [Scratch(), Scratch(bytes(range(32)))], ids=["open", "sealed"])
def test_a_table_comes_back_as_it_was_and_names_are_not_written(tmp_path, scratch):
    if scratch.key is not None:
        pytest.importorskip("cryptography")
    disk = Disk(tmp_path, Sizes(), scratch)
    table = pa.table(
        {
            "who": texts(["Ann Example", None, "Bob Example", "Ann Example"]),
            "host": texts(["a", "b", None, "a"]),
            "x": [1.0, None, 3.0, 4.0],
            "up": [True, False, None, True],
        }
    )
    path = disk.write(table, {"who"}, [1, 4])
    back = pa.concat_tables([disk.read(path, 0), disk.read(path, 1)])
    assert back.to_pylist() == table.to_pylist()
    assert back.schema.types == table.schema.types
    assert disk.read(path, 1, ["x", "who"]).to_pylist() == table.slice(1).select(["x", "who"]).to_pylist()
    assert b"Example" not in path.read_bytes()


@pytest.mark.parametrize("is_on_disk", [False, True])
def test_ranks_of_numbers_are_those_of_the_sorted_ones(disk, is_on_disk):
    g = np.random.default_rng(6)
    values = np.concatenate([g.normal(size=400) * 10.0 ** g.integers(-5, 6, 400), [0.0, 0.0, -1.5]])
    numbers = Numbers(disk if is_on_disk else None, np.float64)
    for part in np.array_split(values, 9):
        numbers.add(part)
    ranks = [0, 1, 200, 201, 201, 402]
    assert at_ranks(numbers.pieces, ranks) == np.sort(values)[ranks].tolist()
    numbers.clear()
    assert (numbers.n, list(numbers.pieces())) == (0, [])


def test_a_stated_offset_is_taken_off():
    assert Correction(offset=2.5)(np.array([10.0, 3.0])).tolist() == [7.5, 0.5]
