"""``telic ingest`` beside duckdb and polars that only read the same file, sort it and write it as Parquet.

The reference row has 10 columns and 200 bytes as JSON: time, service (the trajectory), operator (the demonstrator),
client address, three numbers, a tier, the action and a note. Rows lie in order of time, so that every side has to sort.
Ours is the whole verb: digest of the file, all checks of values, order, cuts, digest of the dataset, a version in
the store forced to the disk, and the page. Once without a ``privacy`` block, once with one: keyed pseudonyms of people
and services, addresses cut to their networks, notes masked by all detectors and a list of names, findings masked.

``python benchmarks/scan_and_sort.py [--cases reference ...] [--runs 5] [--write]``. The sides take turns; each is a
process of its own, one thread, warmed up on a small file; a ratio compares two sides of the same turn. The peers'
environment is made as in ``run.py``. Two more cases are hard for us, who turn text into codes: 100,000 trajectories
of ten rows, and a note of its own in every row.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scripts"))
RESULT = HERE / "results" / "scan_and_sort.json"

KEY = 20261122
OPERATORS = 40
CLIENTS = 5_000
STEP_SECONDS = 60
BATCH_ROWS = 500_000
SMALL_ROWS = 2_000
FORMATS = ("parquet", "jsonl")
PEERS = ("duckdb", "polars")
OURS = ("telic", "telic, privacy on")
WANTED = {"parquet": 1 / 2, "jsonl": 1 / 3, "privacy": 1 / 2}
"""Least share of duckdb's rows a second on the reference; with ``privacy``, of our own without."""


@dataclass(frozen=True)
class Case:
    """A log: its rows, of how many services, with how many different notes; and how often it is measured."""

    rows: int
    services: int = 500
    notes: int = 1_000
    runs: int = 5


CASES = {
    "reference": Case(1_000_000),
    "reference, 5 million rows": Case(5_000_000, runs=1),
    "100,000 trajectories": Case(1_000_000, services=100_000),
    "every note is another": Case(1_000_000, notes=1_000_000),
}

CONTRACT: dict[str, Any] = {
    "identity": {"task": "reference-log"},
    "observations": [
        {"name": "load", "unit": "requests/s", "low": 0, "high": 1000, "bins": 8},
        {"name": "pods", "type": "integer", "low": 0, "high": 40},
        {"name": "latency", "unit": "s", "low": 0, "high": 60},
        {"name": "tier", "type": "category", "values": ["gold", "silver", "bronze"]},
        {"name": "client", "type": "category"},
        {"name": "note", "type": "category"},
    ],
    "actions": {"column": "action", "values": ["remove", "hold", "add"]},
    "timing": {"control_period_seconds": STEP_SECONDS, "max_gap_seconds": 10 * STEP_SECONDS},
    "data": {"trajectory": ["service"], "demonstrator": "operator", "time": "ts"},
}
PRIVACY: dict[str, Any] = {
    "key": "reference-log",
    "names": "staff",
    "rules": [
        {"column": "service", "rule": "pseudonym"},
        {"column": "client", "rule": "generalise", "prefix": 24},
        {"column": "note", "rule": "mask"},
    ],
}


def batches(case: Case) -> Iterator[pa.RecordBatch]:
    """The log in pieces, times as text; one note of fifty holds an address, a phone number or a name."""
    rng = np.random.default_rng(KEY)
    services = pa.array([f"svc-{i:04d}" for i in range(case.services)])
    operators = pa.array([f"op-{i:02d}" for i in range(OPERATORS)])
    clients = pa.array([f"10.{i % 200}.{i // 200}.{i * 7 % 250}" for i in range(CLIENTS)])
    tiers, actions = pa.array(CONTRACT["observations"][3]["values"]), pa.array(CONTRACT["actions"]["values"])
    notes = pa.array([_note(i) for i in range(case.notes)])
    for start in range(0, case.rows, BATCH_ROWS):
        n = min(case.rows, start + BATCH_ROWS) - start
        step, service = np.divmod(np.arange(start, start + n), case.services)
        moments, moment = np.unique(step, return_inverse=True)
        times = pa.array(np.datetime64("2024-01-01", "s") + moments * STEP_SECONDS)
        load = np.round(rng.gamma(4.0, 60.0, n).clip(0, 1000), 2)
        pods = rng.integers(1, 40, n)
        operator = (service + step // 480) % OPERATORS
        wish = np.digitize(load / 25 - pods + 4 * (operator == 3) + rng.logistic(0, 5, n), [-5, 5])
        yield pa.RecordBatch.from_pydict(
            {
                "ts": pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ").take(pa.array(moment)),
                "service": services.take(pa.array(service)),
                "operator": operators.take(pa.array(operator)),
                "client": clients.take(pa.array(rng.integers(0, CLIENTS, n))),
                "load": load,
                "pods": pods,
                "latency": np.round(rng.gamma(2.0, 0.1, n).clip(0, 60), 4),
                "tier": tiers.take(pa.array(service % len(tiers))),
                "action": actions.take(pa.array(wish)),
                "note": notes.take(pa.array(rng.integers(0, case.notes, n))),
            }
        )


def _note(i: int) -> str:
    if i % 50:
        return f"ticket {i:06d} on queue {i % 7}"
    return (f"asked by mia.{i}@example.org", f"call +49 30 {5550000 + i}", f"for Ada Lovelace, {i:06d}")[
        i // 50 % 3
    ]


def write_log(case: Case, path: Path) -> None:
    """The log as JSON lines, or as Parquet with real times."""
    import pyarrow.parquet as pq

    if path.suffix == ".jsonl":
        with path.open("wb") as file:
            for batch in batches(case):
                parts: list[Any] = []
                for i, field in enumerate(batch.schema):
                    quote = '"' if pa.types.is_string(field.type) else ""
                    parts += [f'{"," if i else "{"}"{field.name}":{quote}', batch[i].cast(pa.string()), quote]
                lines = pc.binary_join_element_wise(*parts, "}\n", "")
                file.write(memoryview(lines.buffers()[2])[: pc.sum(pc.binary_length(lines)).as_py()])
        return
    schema = next(batches(Case(1))).schema.set(0, pa.field("ts", pa.timestamp("us", "UTC")))
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches(case):
            writer.write_batch(batch.set_column(0, schema.field(0), batch["ts"].cast(schema.field(0).type)))


def ours(log: Path, small: Path, *, private: bool) -> dict[str, Any]:
    """The verb in this process, once on the small file and once on the log."""
    import yaml

    from telic.workflows.ingest import ingest

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory(dir=log.parent) as folder:
        secrets = Path(folder) / "private"
        secrets.mkdir(mode=0o700)
        (secrets / "staff.names").write_text("Ada Lovelace\nGrace Hopper\n")
        # One key for every run, so that they can be compared.
        (secrets / "reference-log.key").write_text("5c" * 32 + "\n")
        (secrets / "reference-log.key").chmod(0o600)
        os.environ["TELIC_PRIVATE"] = str(secrets)
        for name in ("small", "large"):
            project = Path(folder) / name
            project.mkdir()
            contract = CONTRACT | ({"privacy": PRIVACY} if private else {})
            (project / "contract.yaml").write_text(yaml.safe_dump(contract))
        with contextlib.redirect_stdout(io.StringIO()):
            ingest(Path(folder) / "small", [small])
        wall, cpu = time.perf_counter(), time.process_time()
        result = ingest(Path(folder) / "large", [log])
        told: dict[str, Any] = {
            "cpu_seconds": time.process_time() - cpu,
            "wall_seconds": time.perf_counter() - wall,
            "rows": result.product.n_decisions,
            "digest": result.product.digest,
            "findings": sorted(f.code for f in result.product.findings),
        }
    return told | {"peak_mib": peak_mib()}


def peak_mib() -> float:
    """Memory of this process at its most (Linux); that of ``getrusage`` would begin with its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def compare(name: str, runs: int, folder: Path) -> dict[str, Any]:
    """All sides in turn, in every format."""
    from run import Side, once

    case = CASES[name]
    sides: dict[str, dict[str, Side]] = {}
    sizes = {}
    for form in FORMATS:
        log, small = folder / f"log.{form}", folder / f"small.{form}"
        write_log(case, log)
        write_log(replace(case, rows=SMALL_ROWS), small)
        sizes[form] = log.stat().st_size / case.rows
        files = (str(log), "--small", str(small))
        sides[form] = {
            **{who: Side(who, ("peers/scan_and_sort.py", who, *files), "scan") for who in PEERS},
            OURS[0]: Side(OURS[0], ("scan_and_sort.py", "--log", *files)),
            OURS[1]: Side(OURS[1], ("scan_and_sort.py", "--private", "--log", *files)),
        }
    lines: dict[str, dict[str, list[dict[str, Any]]]] = {f: {who: [] for who in sides[f]} for f in FORMATS}
    for i in range(runs):
        for form in FORMATS:
            for who, side in sides[form].items():
                line = once(side)
                lines[form][who].append(line)
                print(
                    f"{name}, run {i + 1} of {runs}, {form}, {who}: {line['cpu_seconds']:.2f} CPU s, "
                    f"{line['wall_seconds']:.2f} s",
                    file=sys.stderr,
                    flush=True,
                )
    for who in OURS:
        if len({line["digest"] for form in FORMATS for line in lines[form][who]}) > 1:
            raise SystemExit(f"The formats gave different datasets: {who}")
    if {line["rows"] for by_side in lines.values() for side in by_side.values() for line in side} != {
        case.rows
    }:
        raise SystemExit(f"A side did not write {case.rows:,} rows.")
    told = {"case": name, "rows": case.rows, "runs": runs, "bytes_a_row": sizes}
    return told | {"medians": medians_of(lines), "ratios": ratios(lines), "lines": lines}


def medians_of(lines: dict[str, dict[str, list[dict[str, Any]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Median of every number that a side prints, by format and side."""
    from run import medians

    return {form: medians(by_side) for form, by_side in lines.items()}


def ratios(lines: dict[str, dict[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Our rows a second as a share of another side's, of each turn: median, least and most."""
    pairs = {
        **{f"{who} / {peer}": (who, peer) for who in OURS for peer in PEERS},
        f"{OURS[1]} / {OURS[0]}": (OURS[1], OURS[0]),
    }
    told: dict[str, Any] = {}
    for form, by_side in lines.items():
        for name, (a, b) in pairs.items():
            for unit in ("cpu_seconds", "wall_seconds"):
                shares = [y[unit] / x[unit] for x, y in zip(by_side[a], by_side[b], strict=True)]
                told.setdefault(form, {}).setdefault(name, {})[unit] = {
                    "median": statistics.median(shares),
                    "least": min(shares),
                    "most": max(shares),
                }
    return told


def main() -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--runs", type=int, help="in place of how often each case is measured")
    parser.add_argument("--folder", type=Path, help="where the logs and stores lie meanwhile")
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--small", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--private", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.log:
        print(json.dumps(ours(options.log, options.small, private=options.private)))
        return 0
    cases = []
    for name in options.cases:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            cases.append(compare(name, options.runs or CASES[name].runs, Path(folder)))
    if options.write:
        from prove import git, machine

        result = {"commit": git("rev-parse", "HEAD"), "machine": machine(), "wanted": WANTED, "cases": cases}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({case["case"]: case["ratios"] for case in cases}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
