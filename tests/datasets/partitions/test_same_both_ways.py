"""A log made into a version at once, and the same log made part by part: one digest, the same findings and errors.

Sample sizes: 6 random logs without and 6 with faults, and 114 more of each where slow tests run (10 to 120 rows, 1 to 3
files, three formats), with runs and parts of a few rows, and digests in blocks of 16 rows in place of 65,536.
"""

import numpy as np
import pyarrow as pa
import pytest
from random_logs import carried_from_the_start, contract_of, outcome, table_of, tell, tiny, written

from telic._core import hashing
from telic.datasets.partitions import block_digests, row_digests
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.sources import parquet_files

AT_ONCE = Sizes(in_memory=1 << 40)
SEEDS = [pytest.param(i, marks=[pytest.mark.slow] if i >= 6 else []) for i in range(120)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(hashing, "BLOCK_ROWS", 16)
    monkeypatch.setattr(block_digests, "BLOCK_ROWS", 16)
    monkeypatch.setattr(row_digests, "BLOCK_ROWS", 16)
    monkeypatch.setattr(parquet_files, "PIECE_ROWS", 23)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_version_is_the_same(tmp_path, seed):
    g = np.random.default_rng([20261122, seed])
    contract = contract_of(g)
    paths = written(carried_from_the_start(table_of(g, contract), contract), tmp_path / "log", g)
    at_once = outcome(contract, paths, tmp_path / "at-once", AT_ONCE)
    in_parts = outcome(contract, paths, tmp_path / "in-parts", tiny(g))
    assert tell(in_parts) == tell(at_once)


def broken(table, g):
    """The table with values that the contract refuses in some rows."""
    n = table.num_rows
    for fault in g.choice(len(FAULTS), int(g.integers(1, 4)), replace=False):
        column, value = FAULTS[fault]
        values = table[column].to_pylist()
        for i in g.integers(0, n, int(g.integers(1, 6))).tolist():
            values[i] = value
        place = table.column_names.index(column)
        table = table.set_column(place, column, pa.array(values, table[column].type))
    return table


FAULTS = [
    ("ts", None),
    ("name", None),
    ("load", 4000.0),
    ("load", -1.0),
    ("load", None),
    ("pods", None),
    ("tier", "bronze"),
    ("tier", "brass"),
    ("action", None),
    ("action", "most"),
    ("weight", -2.0),
    ("weight", None),
    ("maker", "robot"),
    ("could", "hold;jump"),
    ("could", "fly"),
    ("done", None),
    ("up", None),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_error_is_the_same(tmp_path, seed):
    g = np.random.default_rng([20261123, seed])
    contract = contract_of(g)
    paths = written(broken(table_of(g, contract), g), tmp_path / "log", g)
    at_once = outcome(contract, paths, tmp_path / "at-once", AT_ONCE)
    in_parts = outcome(contract, paths, tmp_path / "in-parts", tiny(g))
    assert tell(in_parts) == tell(at_once)
