"""Ingest in bounded memory, and by several workers: resident memory by rows, and what a second worker gains.

The log is that of ``scan_and_sort.py``: 10 columns, 200 bytes a row as JSON, in order of time, as Parquet. All checks
are on, ``privacy`` is off.

``memory``: each log is ingested by a process of its own; told is the most memory that it ever had resident, everything
in it (Linux, ``VmHWM``), and of the smallest log that the version made at once has the same digest.

``workers``: eight files, by one process, by two plain processes, and by two workers of a Ray cluster on this machine,
in turns; all write a version to the disk and do the same tasks. Processes and cluster are up before the clock starts
(what Ray's start takes is told beside). The gain of a side is the wall-clock time of one process over its own.

``python benchmarks/out_of_core.py [--rows 5000000 20000000 100000000] [--worker-rows 16000000] [--runs 5] [--write]``;
the workers need the extra ``ray``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from telic.datasets.partitions.workers import AbstractWorkers, HereAndNow, RayWorkers

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]
RESULT = HERE / "results" / "out_of_core.json"

FILES = 8
WANTED = {"memory_mib": 1024, "ray_over_plain_gain": 0.85}


class Plain(AbstractWorkers):
    """Plain processes of this machine."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __enter__(self) -> Plain:
        self.pool = ProcessPoolExecutor(self.n, multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        return iter([future.result() for future in [self.pool.submit(function, task) for task in tasks]])


def most_memory() -> float:
    """MiB of this process that were resident at most, until now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def once(log: Path, store: Path, *, at_once: bool) -> dict[str, Any]:
    """One ingest in this process."""
    from scan_and_sort import CONTRACT

    from telic.contract import TaskContract
    from telic.datasets import DatasetStore, ingest
    from telic.datasets.partitions.sizes import Sizes

    sizes = Sizes(in_memory=1 << 50) if at_once else Sizes()
    begin = time.perf_counter(), time.process_time()
    made = ingest(TaskContract.from_mapping(CONTRACT), log, DatasetStore(store), sizes=sizes)
    seconds, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    told = {"digest": made.digest, "decisions": made.n_decisions, "trajectories": made.n_trajectories}
    return told | {"seconds": seconds, "cpu_seconds": cpu, "most_resident_mib": most_memory()}


def memory(rows: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """One line a log."""
    from scan_and_sort import Case, write_log

    lines = []
    for i, n in enumerate(sorted(rows)):
        log = folder / "log.parquet"
        write_log(Case(n), log)
        lines.append({"rows": n, "made": "part by part", "file_mib": log.stat().st_size / 2**20})
        lines[-1] |= _process(log, folder, [])
        if not i:
            lines.append({"rows": n, "made": "at once"} | _process(log, folder, ["--at-once"]))
            if lines[-1]["digest"] != lines[-2]["digest"]:
                raise SystemExit(f"Another digest part by part: {lines}")
        log.unlink()
    return lines


def _process(log: Path, folder: Path, options: list[str]) -> dict[str, Any]:
    store = folder / "data"
    command = [sys.executable, __file__, "--log", str(log), "--folder", str(store), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(store)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    shown = f"{told['seconds']:.1f} s, at most {told['most_resident_mib']:,.0f} MiB resident"
    print(f"{log.name}, {told['decisions']:,} rows{' at once' if options else ''}: {shown}", file=sys.stderr)
    return told


def workers(rows: int, runs: int, folder: Path) -> dict[str, Any]:
    """Wall-clock seconds of each side, its gain, and what Ray reaches of the gain of plain processes."""
    files = _files(rows, folder)
    begin = time.perf_counter()
    seconds: dict[str, list[float]] = {"one process": [], "two plain processes": [], "two Ray workers": []}
    with RayWorkers(2) as by_ray, Plain(2) as plain:
        list(by_ray.run(str, list(range(8))))
        start = time.perf_counter() - begin
        list(plain.run(str, list(range(8))))
        sides: dict[str, AbstractWorkers] = dict(zip(seconds, (HereAndNow(), plain, by_ray), strict=True))
        digests = set()
        for turn in range(runs + 1):  # the first turn warms up
            for name, side in sides.items():
                took, digest = _shared(side, files, folder)
                digests.add(digest)
                if turn:
                    seconds[name].append(took)
                print(f"{name}: {took:.1f} s", file=sys.stderr, flush=True)
    if len(digests) > 1:
        raise SystemExit(f"The sides made different versions: {digests}")
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    gains = {name: middle["one process"] / value for name, value in middle.items() if name != "one process"}
    return {
        "rows": rows,
        "files": FILES,
        "runs": runs,
        "digest": digests.pop(),
        "seconds": seconds,
        "median_seconds": middle,
        "gains": gains,
        "ray_over_plain_gain": gains["two Ray workers"] / gains["two plain processes"],
        "start_of_ray_seconds": start,
    }


def _files(rows: int, folder: Path) -> list[Path]:
    import pyarrow.parquet as pq
    from scan_and_sort import Case, write_log

    log = folder / "whole.parquet"
    write_log(Case(rows), log)
    paths = [folder / f"piece-{i}.parquet" for i in range(FILES)]
    with pq.ParquetFile(log) as whole:
        n = whole.num_row_groups
        for i, path in enumerate(paths):
            with pq.ParquetWriter(path, whole.schema_arrow) as writer:
                for j in range(i * n // FILES, (i + 1) * n // FILES):
                    writer.write_table(whole.read_row_group(j))
    log.unlink()
    return paths


def _shared(side: AbstractWorkers, files: Sequence[Path], folder: Path) -> tuple[float, str]:
    from scan_and_sort import CONTRACT

    from telic.contract import TaskContract
    from telic.datasets import DatasetStore, DatasetVersion
    from telic.datasets.partitions.bounded import ingest_by
    from telic.datasets.partitions.sizes import Sizes
    from telic.datasets.partitions.version import Telling
    from telic.datasets.sources.files import source_file
    from telic.reports import Provenance

    store = folder / "shared"
    begin = time.perf_counter()
    made = ingest_by(
        side,
        TaskContract.from_mapping(CONTRACT),
        [source_file(path) for path in files],
        None,
        DatasetStore(store),
        ingest_key="",
        provenance=Provenance(),
        told=Telling(),
        sizes=Sizes(in_memory=1),  # one process does the same tasks
    )
    took = time.perf_counter() - begin
    assert isinstance(made, DatasetVersion)
    shutil.rmtree(store)
    return took, made.digest


def main() -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[5_000_000, 20_000_000, 100_000_000])
    parser.add_argument("--worker-rows", type=int, default=16_000_000, help="0: workers are not compared")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the logs and stores lie meanwhile")
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--at-once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.log:
        print(json.dumps(once(options.log, options.folder, at_once=options.at_once)))
        return 0
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.rows:
            told["memory"] = {"lines": memory(options.rows, Path(folder))}
        if options.worker_rows:
            told["workers"] = workers(options.worker_rows, options.runs, Path(folder))
    if options.write:
        from prove import git, machine

        # One part may be measured without the other, so each says what it was measured with.
        known = json.loads(RESULT.read_text()) if RESULT.is_file() else {"wanted": WANTED}
        about = {"commit": git("rev-parse", "HEAD"), "machine": machine(), "cores": os.cpu_count()}
        RESULT.write_text(json.dumps(known | {k: about | v for k, v in told.items()}, indent=1) + "\n")
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
