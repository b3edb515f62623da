"""Digests of columns in blocks, wherever they are hashed, are those of the whole columns."""

import numpy as np
import pytest

from telic._core.hashing import BLOCK_ROWS, digest_array
from telic.datasets.layout import row_table, write_table
from telic.datasets.partitions.block_digests import Stream, column_digest, hash_rows
from telic.trajectories import Demonstrations


@pytest.mark.parametrize("n", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 5])
@pytest.mark.parametrize("kind", ["f8", "i4", "?", "text"])
def test_a_stream_of_pieces(n, kind):
    g = np.random.default_rng(n)
    values = g.integers(0, 3, n) - 1
    if kind == "text":
        values = np.array([f"é{v}" for v in values], dtype=object)
    else:
        values = values.astype(kind)
    if kind == "f8":
        values[::7] = np.nan
        values[1::7] = -0.0
    stream = Stream(None if kind == "text" else kind)
    at = 0
    while at < n:
        step = int(g.integers(1, 50_000))
        stream.add(values[at : at + step])
        at += step
    assert stream.digest() == digest_array(values)


def demos_of(n):
    g = np.random.default_rng(n)
    known = g.random(n) < 0.9
    known[-1] = False
    load = np.append(g.normal(size=n), 0.0)
    offered = g.random((n, 3)) < 0.5
    actions = g.integers(0, 3, n).astype(np.int32)
    offered[np.arange(n), actions] = True
    return Demonstrations(
        actions=actions,
        offsets=np.array([0, n]),
        action_labels=("a", "b", "c"),
        observations={"load": load[:-1]},
        next_observations={"load": load[1:]},
        next_known=known,
        times=np.arange(n, dtype=float),
        weights=g.random(n),
        offered=offered,
        trajectory_ids=np.array(["t"], dtype=object),
        demonstrators=np.zeros(1, dtype=np.int32),
        terminated=np.array([False]),
        truncated=np.array([True]),
    )


@pytest.mark.parametrize("n", [1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS - 1])
def test_rows_in_files_of_any_length(tmp_path, n):
    demos = demos_of(n)
    table, files, at = row_table(demos), [], 0
    while at < n:
        m = min(n - at, int(np.random.default_rng(at).integers(1, 90_000)))
        path = tmp_path / f"{at}.parquet"
        write_table(table.slice(at, m), path, group_rows=30_000)
        files.append((path, m))
        at += m
    blocks = {}
    for start in range(0, n, BLOCK_ROWS):
        end = min(n, start + BLOCK_ROWS)
        for name, digests in hash_rows(files, start, end, ["load"]).items():
            blocks.setdefault(name, []).extend(digests)
    columns = {
        "actions": np.int32,
        "times": np.float64,
        "weights": np.float64,
        "next_known": np.bool_,
        "observation:load": np.float64,
        "next_observation:load": np.float64,
        "offered": np.bool_,
    }
    assert set(blocks) == set(columns)
    for name, kind in columns.items():
        shape = [n, 3] if name == "offered" else [n]
        assert column_digest(np.dtype(kind), shape, blocks[name]) == demos.column_digests[name], name
