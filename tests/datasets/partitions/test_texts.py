"""Texts on the disk: distinct ones in order, and some of a table."""

import numpy as np

from telic.datasets.partitions.sorted_texts import sorted_distinct
from telic.datasets.partitions.text_table import write_text_stream, write_texts


def test_distinct_texts_in_order(tmp_path):
    g = np.random.default_rng(5)
    texts = [f"{'é' if i % 3 else ''}{i % 700}" for i in g.integers(0, 5000, 20_000).tolist()]
    pieces = [texts[i : i + 333] for i in range(0, len(texts), 333)]
    assert list(sorted_distinct(pieces, tmp_path, held=50)) == sorted(set(texts))
    assert list(sorted_distinct(pieces, tmp_path)) == sorted(set(texts))
    assert list(sorted_distinct([[""]], tmp_path)) == [""]
    assert list(sorted_distinct([], tmp_path)) == []


def test_some_texts_of_a_table(tmp_path):
    texts = [f"text {i}" for i in range(1000)]
    for table in (
        write_text_stream(tmp_path / "stream", iter(texts), 7),
        write_texts(tmp_path / "whole", [texts], 7),
    ):
        assert table.n == 1000
        for places in ([], [0], [999], [6, 7, 13, 500, 998]):
            assert table.at(np.array(places, dtype=np.int64)) == {p: texts[p] for p in places}
