"""The section of docs/benchmarks.md about ingest beside duckdb and polars, from what was measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "scan_and_sort.json"

HEAD = """
## Ingest beside a raw scan and sort

`telic ingest` beside duckdb and polars, which only read the same file, sort it by trajectory and time and write it
as Parquet. Ours does that and checks every value, order, gap and duplicate, digests file and dataset, and publishes a
version forced to the disk. A row has 10 columns and 200 bytes as JSON. Privacy: keyed pseudonyms of people and
services, client addresses cut to networks, notes masked by all detectors and a list of names (no encryption). One
thread each; every line a process of its own, warmed up on a small file; the sides take turns. Shares are of the rows a
second of the same turn: median (least to most); "of ours" is privacy on beside off. Wanted of the reference: {parquet}
of duckdb from Parquet, {jsonl} from JSON lines, {privacy} of ours with privacy. The last two logs are hard for us, who
turn text into codes. The machine had other work to do, so the clock says less than the CPU.
`python benchmarks/scan_and_sort.py --write`.

| log | from | who | CPU seconds | seconds | memory at most | share, by CPU | share, by the clock |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""

SHARES = {
    "telic": ("telic / duckdb", "duckdb"),
    "telic, privacy on": ("telic, privacy on / telic", "ours"),
    "polars": ("", ""),
    "duckdb": ("", ""),
}
"""Side to the ratio that is shown of it, and of whom that is a share."""

NAMES = {"parquet": "Parquet", "jsonl": "JSON lines"}


def scan_section() -> str:
    """The section; empty where nothing was measured."""
    if not RESULT.is_file():
        return ""
    result = json.loads(RESULT.read_text())
    wanted = {name: f"{100 * share:.0f} %" for name, share in result["wanted"].items()}
    rows = [
        _row(case, form, who)
        for case in result["cases"]
        for form in case["medians"]
        for who in ("duckdb", "polars", "telic", "telic, privacy on")
    ]
    return HEAD.format(**wanted) + "\n".join(rows)


def _row(case: dict[str, Any], form: str, who: str) -> str:
    line, (pair, of) = case["medians"][form][who], SHARES[who]
    shares = [
        _share(case["ratios"][form][pair][unit], of) if pair else ""
        for unit in ("cpu_seconds", "wall_seconds")
    ]
    name = f"{case['case']}, {case['rows']:,} rows" if case["rows"] == 1_000_000 else case["case"]
    times = "" if case["runs"] > 1 else " (once)"
    return (
        f"| {name}{times} | {NAMES[form]} | {who} | {line['cpu_seconds']:.2f} | {line['wall_seconds']:.2f} "
        f"| {line['peak_mib']:,.0f} MiB | {shares[0]} | {shares[1]} |"
    )


def _share(ratio: dict[str, float], of: str) -> str:
    spread = (
        ""
        if ratio["least"] == ratio["most"]
        else f" ({100 * ratio['least']:.0f} to {100 * ratio['most']:.0f})"
    )
    return f"{100 * ratio['median']:.0f} %{spread} of {of}"
