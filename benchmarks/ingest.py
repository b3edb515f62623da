"""A large log from file to dataset and back: seconds and peak memory of ingest, load and check, by rows and format.

The log is that of many services, one row a decision, in order of time (so that ingest has to sort): time, service,
day, operator, two numbers, a label and the action. ``python benchmarks/ingest.py --write`` measures 1,000,000 and
5,000,000 rows and writes ``benchmarks/results/ingest.json``; ``--rows``, ``--formats`` and ``--folder`` choose others.
Each line is one process: wall-clock and CPU seconds, and by how much resident memory at most rose above what the
imports take, in all and per row.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
RESULT = ROOT / "benchmarks" / "results" / "ingest.json"

KEY = 20260101
SERVICES = 500
STEP_SECONDS = 60
BATCH_ROWS = 500_000
FORMATS = ("csv", "jsonl", "parquet")
CONTRACT: dict[str, Any] = {
    "identity": {"task": "large-log"},
    "observations": [
        {"name": "load", "unit": "requests/s", "low": 0, "high": 1000, "bins": 8},
        {"name": "pods", "type": "integer", "low": 0, "high": 40},
        {"name": "tier", "type": "category"},
    ],
    "actions": {"column": "action", "values": ["remove", "hold", "add"]},
    "timing": {"control_period_seconds": STEP_SECONDS, "max_gap_seconds": 10 * STEP_SECONDS},
    "data": {"trajectory": ["service", "day"], "demonstrator": "operator", "time": "ts"},
}


def batches(rows: int) -> Iterator[pa.RecordBatch]:
    """The log in pieces; the operator changes every eight hours, and one of twelve adds sooner than the others."""
    rng = np.random.default_rng(KEY)
    services = pa.array([f"svc-{i:04d}" for i in range(SERVICES)])
    operators = pa.array([f"operator {i}" for i in range(12)])
    tiers, actions = pa.array(["gold", "silver", "bronze"]), pa.array(CONTRACT["actions"]["values"])
    for start in range(0, rows, BATCH_ROWS):
        service, step = np.divmod(np.arange(start, min(rows, start + BATCH_ROWS)), SERVICES)[::-1]
        moments, moment = np.unique(step, return_inverse=True)
        times = pa.array(np.datetime64("2024-01-01", "s") + moments * STEP_SECONDS)
        at = pa.array(moment)
        load = np.round(rng.gamma(4.0, 60.0, len(step)).clip(0, 1000), 2)
        pods = rng.integers(1, 40, len(step))
        operator = (service + step // 480) % len(operators)
        wish = np.digitize(load / 25 - pods + 4 * (operator == 3) + rng.logistic(0, 5, len(step)), [-5, 5])
        yield pa.RecordBatch.from_pydict(
            {
                "ts": pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ").take(at),
                "service": services.take(pa.array(service)),
                "day": pc.strftime(times, "%Y-%m-%d").take(at),
                "operator": operators.take(pa.array(operator)),
                "load": load,
                "pods": pods,
                "tier": tiers.take(pa.array(service % len(tiers))),
                "action": actions.take(pa.array(wish)),
            }
        )


def write_log(rows: int, form: str, path: Path) -> None:
    """The log in one format."""
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    schema = next(batches(1)).schema
    if form == "jsonl":
        with path.open("wb") as file:
            for batch in batches(rows):
                parts: list[Any] = []
                for i, field in enumerate(schema):
                    quote = '"' if pa.types.is_string(field.type) else ""
                    parts += [f'{"," if i else "{"}"{field.name}":{quote}', batch[i].cast(pa.string()), quote]
                lines = pc.binary_join_element_wise(*parts, "}\n", "")
                file.write(memoryview(lines.buffers()[2])[: pc.sum(pc.binary_length(lines)).as_py()])
        return
    with pacsv.CSVWriter(path, schema) if form == "csv" else pq.ParquetWriter(path, schema) as writer:
        for batch in batches(rows):
            writer.write_batch(batch)


class Peak:
    """How far resident memory rose while this was open, looked at every few milliseconds."""

    def __enter__(self) -> Peak:
        self.begin, self.most, self.over = resident(), 0, threading.Event()
        self.watch = threading.Thread(target=self._watch)
        self.watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watch.join()

    def _watch(self) -> None:
        while not self.over.wait(0.005):
            self.most = max(self.most, resident() - self.begin)


def resident() -> int:
    """Bytes of this process in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def step(name: str, log: Path, store_folder: Path) -> dict[str, Any]:
    """One step in this process."""
    from telic.contract import TaskContract
    from telic.datasets import DatasetStore, ingest
    from telic.trajectories.checks import check

    contract, store = TaskContract.from_mapping(CONTRACT), DatasetStore(store_folder)
    told: dict[str, Any] = {}
    demos = store.load() if name == "check" else None
    with Peak() as peak:
        wall, cpu = time.perf_counter(), time.process_time()
        if name == "ingest":
            told["digest"] = ingest(contract, log, store).digest
        elif name == "load":
            told["decisions"] = store.load().n_decisions
        else:
            assert demos is not None
            told["findings"] = sorted(f.code for f in check(demos, contract))
        told |= {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    return told | {"peak_mib": peak.most / 2**20}


def once(name: str, rows: int, form: str, folder: Path) -> dict[str, Any]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--step", name, "--formats", form, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    line = {"step": name, "format": form, "rows": rows} | told
    line["peak_bytes_a_row"] = told["peak_mib"] * 2**20 / rows
    shown = (
        f"{told['seconds']:.1f} s, {told['peak_mib']:,.0f} MiB, {line['peak_bytes_a_row']:.0f} bytes a row"
    )
    print(f"{rows:,} rows, {form}: {name} {shown}", file=sys.stderr, flush=True)
    return line


def measure(rows: int, forms: list[str], folder: Path) -> list[dict[str, Any]]:
    """Ingest in every format (all must give one digest), then load and check what the last one made."""
    lines = []
    for form in forms:
        shutil.rmtree(folder / "data", ignore_errors=True)
        log = folder / f"log.{form}"
        write_log(rows, form, log)
        lines.append(once("ingest", rows, form, folder) | {"file_mib": log.stat().st_size / 2**20})
        log.unlink()
    if len({line["digest"] for line in lines}) > 1:
        raise SystemExit(f"The formats gave different datasets: {lines}")
    return [*lines, *(once(name, rows, forms[-1], folder) for name in ("load", "check"))]


def main() -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--folder", type=Path, help="where the log and the store lie meanwhile")
    parser.add_argument("--step", choices=("ingest", "load", "check"), help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.step:
        log = options.folder / f"log.{options.formats[0]}"
        print(json.dumps(step(options.step, log, options.folder / "data")))
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        lines = [line for rows in options.rows for line in measure(rows, options.formats, Path(folder))]
    if options.write:
        from prove import git, machine

        result = {"commit": git("rev-parse", "HEAD"), "machine": machine(), "rows": lines}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
