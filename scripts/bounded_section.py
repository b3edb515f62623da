"""The section of docs/benchmarks.md about ingest in bounded memory and by several workers, from what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "out_of_core.json"

MEMORY = """
## Logs larger than memory

The same log as Parquet, `telic.datasets.ingest` in a process of its own: all that this process ever had resident,
imports and libraries in it. Wanted: below {wanted:,} MiB at 100,000,000 rows.
`python benchmarks/out_of_core.py --write`.

| rows | made | CPU seconds | seconds | resident at most |
| --- | --- | --- | --- | --- |
"""

WORKERS = """
{rows:,} rows in {files} files, by one process, by two plain processes and by two Ray workers, in turns ({runs} of them;
processes and cluster were up before, which took Ray {start:.1f} s); {cores} cores. All made the same version.

| who | seconds, median (least to most) | gain |
| --- | --- | --- |
"""


def bounded_section() -> str:
    """The section; empty where nothing was measured."""
    if not RESULT.is_file():
        return ""
    result = json.loads(RESULT.read_text())
    told = ""
    if "memory" in result:
        told += MEMORY.format(wanted=result["wanted"]["memory_mib"])
        told += "".join(map(_memory_row, result["memory"]["lines"]))
    if "workers" in result:
        told += _workers(result["workers"], result["wanted"]["ray_over_plain_gain"])
    return told


def _memory_row(line: dict[str, Any]) -> str:
    seconds = f"{line['cpu_seconds']:.1f} | {line['seconds']:.1f}"
    return f"| {line['rows']:,} | {line['made']} | {seconds} | {line['most_resident_mib']:,.0f} MiB |\n"


def _workers(told: dict[str, Any], wanted: float) -> str:
    text = WORKERS.format(
        rows=told["rows"],
        files=told["files"],
        runs=told["runs"],
        start=told["start_of_ray_seconds"],
        cores=told["cores"],
    )
    for name, seconds in told["seconds"].items():
        gain = f"{told['gains'][name]:.2f}" if name in told["gains"] else ""
        middle = told["median_seconds"][name]
        text += f"| {name} | {middle:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) | {gain} |\n"
    reached = told["ray_over_plain_gain"]
    return f"{text}\nTwo Ray workers reach {reached:.2f} of the gain of two plain processes; wanted: {wanted:.2f}.\n"
