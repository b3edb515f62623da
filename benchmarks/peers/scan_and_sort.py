"""duckdb or polars on the log of ``scan_and_sort.py``: read the file, sort by service and time, write Parquet.

Nothing is checked, no step is cut, nothing is digested. One thread; the types of the JSON keys are given, so that
nothing has to be guessed; compression of the output as each of them has it by default. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

KINDS = {
    "ts": "text",
    "service": "text",
    "operator": "text",
    "client": "text",
    "load": "number",
    "pods": "integer",
    "latency": "number",
    "tier": "text",
    "action": "text",
    "note": "text",
}
"""Columns of the log, as JSON has them."""


def duckdb_side() -> tuple[str, Callable[[Path, Path], int]]:
    """Version, and what reads, sorts, writes and counts the rows."""
    import duckdb

    types = {"text": "VARCHAR", "number": "DOUBLE", "integer": "BIGINT"}
    columns = {name: types[kind] for name, kind in KINDS.items()} | {"ts": "TIMESTAMP"}
    connection = duckdb.connect()
    connection.execute("SET threads = 1")

    def work(source: Path, target: Path) -> int:
        if source.suffix == ".parquet":
            rows = connection.read_parquet(str(source))
        else:
            rows = connection.read_json(str(source), format="newline_delimited", columns=columns)
        rows.order("service, ts").write_parquet(str(target))
        return int(connection.read_parquet(str(target)).count("*").fetchall()[0][0])

    return f"duckdb {duckdb.__version__}", work


def polars_side() -> tuple[str, Callable[[Path, Path], int]]:
    """Version, and what reads, sorts, writes and counts the rows."""
    import polars as pl

    types = {"text": pl.String, "number": pl.Float64, "integer": pl.Int64}
    schema = {name: types[kind] for name, kind in KINDS.items()}

    def work(source: Path, target: Path) -> int:
        if source.suffix == ".parquet":
            rows = pl.scan_parquet(source)
        else:
            rows = pl.scan_ndjson(source, schema=schema).with_columns(
                pl.col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
            )
        in_order = rows.sort("service", "ts").collect()
        in_order.write_parquet(target)
        return in_order.height

    return f"polars {pl.__version__}", work


def main() -> None:
    """Once on a small file, so that nothing of the start is counted, then on the log."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("who", choices=("duckdb", "polars"))
    parser.add_argument("log", type=Path)
    parser.add_argument("--small", type=Path, required=True)
    options = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = "1"
    peer, work = duckdb_side() if options.who == "duckdb" else polars_side()
    with tempfile.TemporaryDirectory(dir=options.log.parent) as folder:
        work(options.small, Path(folder) / "small.parquet")
        wall, cpu = time.perf_counter(), time.process_time()
        rows = work(options.log, Path(folder) / "sorted.parquet")
        told = {
            "rows": rows,
            "cpu_seconds": time.process_time() - cpu,
            "wall_seconds": time.perf_counter() - wall,
        }
    # Linux; what getrusage says would begin with the peak of the parent.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    print(json.dumps({"peer": peer, **told, "peak_mib": peak / 1024}))


if __name__ == "__main__":
    main()
