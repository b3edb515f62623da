"""Memory does not grow with the log: 200,000 and 1,600,000 rows in runs and parts of one size, and the latter at once;
streams of 300,000 and 2,400,000 rows likewise.

Resident memory of a process is measured whole, with all libraries in it (Linux, ``VmHWM``).
"""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CHILD = """
import sys
from pathlib import Path
from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions.sizes import Sizes
contract = TaskContract.from_mapping({
    "identity": {"task": "memory"},
    "observations": [{"name": c} for c in ("a", "b", "c", "d", "e", "f")],
    "actions": {"column": "action", "values": ["less", "more"]},
    "data": {"trajectory": ["name"], "time": "ts"},
})
sizes = Sizes(in_memory=int(sys.argv[3]), run=4 << 20, part=4 << 20)
made = ingest(contract, sys.argv[1], DatasetStore(Path(sys.argv[2])), sizes=sizes)
most = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
print(made.n_decisions, int(most.split()[1]) >> 10)
"""


def log(path, n):
    g = np.random.default_rng(7)
    schema = None
    writer = None
    for start in range(0, n, 50_000):
        columns = {
            "ts": np.arange(start, start + 50_000) * 1.0,
            "name": [f"t{i % 99}" for i in range(50_000)],
        }
        columns |= {c: g.normal(size=50_000) for c in "abcdef"}
        table = pa.table(columns | {"action": g.choice(["less", "more"], 50_000)})
        schema = schema or table.schema
        writer = writer or pq.ParquetWriter(path, schema)
        writer.write_table(table)
    writer.close()
    return path


def peak(log_path, folder, in_memory):
    command = [sys.executable, "-c", CHILD, str(log_path), str(folder), str(in_memory)]
    rows, mib = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return int(rows), int(mib)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT RUN: no /proc to read memory from")
def test_memory_is_bounded(tmp_path):
    small, large = log(tmp_path / "small.parquet", 200_000), log(tmp_path / "large.parquet", 1_600_000)
    rows, first = peak(small, tmp_path / "a", 1)
    more_rows, second = peak(large, tmp_path / "b", 1)
    _, at_once = peak(large, tmp_path / "c", 1 << 40)
    assert (rows, more_rows) == (200_000, 1_600_000)
    assert second < first + 30
    assert at_once > second + 80


STREAMS = """
import sys
from pathlib import Path
from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions.sizes import Sizes
contract = TaskContract.from_mapping({
    "identity": {"task": "memory"},
    "observations": [{"name": "load", "column": "load.load", "missing": "drop"},
                     {"name": "price", "column": "price.price", "missing": "drop"}],
    "actions": {"column": "action", "values": ["less", "more"]},
    "data": {"trajectory": ["host"]},
    "outcomes": {"succeeded": "result.good"},
    "streams": [
        {"name": "acts", "files": "acts*", "role": "decisions", "time": "ts", "entities": {"host": "host"}},
        {"name": "load", "files": "load*", "role": "state", "time": "ts", "entities": {"host": "host"},
         "duplicates": "last"},
        {"name": "price", "files": "price*", "role": "state", "time": "ts"},
        {"name": "result", "files": "result*", "role": "outcomes", "time": "ts"},
    ],
    "decisions": {"outcomes": [{"stream": "result", "key": "id"}]},
})
sizes = Sizes(in_memory=int(sys.argv[3]), run=4 << 20, part=4 << 20)
made = ingest(contract, sys.argv[1], DatasetStore(Path(sys.argv[2])), sizes=sizes)
most = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
print(made.n_decisions, int(most.split()[1]) >> 10, made.digest)
"""


def streams(folder, n):
    """``n`` acts and as many rows of each other stream."""
    g = np.random.default_rng(8)
    folder.mkdir()
    hosts, seconds = np.array([f"host-{i}" for i in range(500)]), np.arange(n) * 1.0
    ids = [f"id-{i:09d}" for i in range(n)]
    acts = {"ts": seconds, "host": hosts[g.integers(0, 500, n)], "id": ids}
    pq.write_table(pa.table(acts | {"action": g.choice(["less", "more"], n)}), folder / "acts.parquet")
    load = {"ts": seconds - 0.5, "host": hosts[g.integers(0, 500, n)], "load": g.normal(size=n)}
    pq.write_table(pa.table(load), folder / "load.parquet")
    pq.write_table(pa.table({"ts": seconds - 0.25, "price": g.normal(size=n)}), folder / "price.parquet")
    good = {"ts": seconds + 9, "id": ids, "good": g.random(n) < 0.5}
    pq.write_table(pa.table(good), folder / "result.parquet")
    return folder


def peak_of_streams(log_path, folder, in_memory):
    command = [sys.executable, "-c", STREAMS, str(log_path), str(folder), str(in_memory)]
    rows, mib, digest = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return int(rows), int(mib), digest


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT RUN: no /proc to read memory from")
def test_memory_of_streams_is_bounded(tmp_path):
    small, large = streams(tmp_path / "small", 75_000), streams(tmp_path / "large", 600_000)
    rows, first, _ = peak_of_streams(small, tmp_path / "a", 1)
    more_rows, second, digest = peak_of_streams(large, tmp_path / "b", 1)
    _, at_once, digest_at_once = peak_of_streams(large, tmp_path / "c", 1 << 40)
    assert more_rows > 7 * rows
    assert digest == digest_at_once
    assert second < first + 60
    assert at_once > second + 150
