"""docs/benchmarks.md from the figures in benchmarks/results: nothing on that page is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bounded_section import bounded_section
from scan_section import scan_section

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

HEAD = """# Speed and memory

Each case is measured by `python benchmarks/run.py CASE --write`: ours and the peer in turn, in one run, one computing
thread each; the figures are medians of CPU seconds in a warm process, with imports and compilation apart, unless a
row says otherwise. The peers live in environments of their own. This page is made from `benchmarks/results/` by
`python scripts/generate_docs.py`. `econirl` reads its own copy of the bus data, with one row more
for each of the 37 buses, so the two likelihoods do not compare.

| case | who | measured | result |
| --- | --- | --- | --- |
"""

GROWTH = """
## How the cost grows

![CPU seconds of a fit against states, actions, decisions and features](figures/growth.svg)

A maximum causal entropy fit with all standard errors on rings of {states:,} states, {actions} actions,
{decisions:,} decisions and {features} features, one of the four varied at a time; the dashed line is proportional
growth. Both axes are logarithmic. `python benchmarks/growth.py --write`, then `--plot`.
"""

INGEST = """
## Logs

A log of eight columns (time, service, day, operator, two numbers, a label, the action) in order of time, from file to
published dataset, back into memory with every file compared with its digest, and checked. One process a line; memory is
how far it rose at most above what the imports take. `python benchmarks/ingest.py --write`.

| rows | step | CPU seconds | seconds | memory at most | a row |
| --- | --- | --- | --- | --- | --- |
"""

Line = dict[str, Any]


def grid_line(x: Line) -> tuple[str, str]:
    """A fit on the grid."""
    steps = f"{x['iterations']:.0f} steps, " if "iterations" in x else ""
    return (
        f"{x['n_states']:,.0f} states, horizon 50, 5 actions, 25 features",
        f"{x['cpu_seconds']:.3g} s, {steps}occupancy error {x['occupancy_error']:.1e}, peak {x['peak_mib']:,.0f} MiB",
    )


def million_line(x: Line) -> tuple[str, str]:
    """The large fit."""
    return (
        f"{x['n_states']:,.0f} states, {x['n_decisions']:,.0f} decisions, 25 weights, discount .95, standard errors",
        f"{x['cpu_seconds']:,.0f} s, score norm {x['score_norm']:.1e} a decision, peak {x['peak_mib']:,.0f} MiB",
    )


def bus_line(x: Line) -> tuple[str, str]:
    """Rust's buses."""
    if "cpu_seconds_warm" in x:
        seconds = f"{x['cpu_seconds_warm']:.3g} s warm, {x['cpu_seconds_cold']:.3g} s cold"
    else:  # one fit, from the raw files to the printed line
        seconds = f"{x['whole_command_cpu_seconds']:.3g} s"
    return (
        "bus group 4, 90 bins, discount .9999",
        f"{seconds}; choice log-likelihood {x['choice_log_likelihood']:.4f} of {x['n_decisions']:,.0f} decisions",
    )


def road_line(x: Line) -> tuple[str, str]:
    """The road network."""
    return (
        f"{x['n_states']:,.0f} junctions, {x['n_goals']:.0f} destinations, undiscounted",
        f"one evaluation {x['cpu_seconds_evaluation']:.2g} s, with score and Hessian "
        f"{x['cpu_seconds_evaluation_with_hessian']:.2g} s (plain sparse factorisation and solves: "
        f"{x['cpu_seconds_plain_factorisation']:.2g} s); fit of 4 weights {x['cpu_seconds_fit']:.3g} s",
    )


def sweep_line(x: Line) -> tuple[str, str]:
    """One soft sweep."""
    told = "; ".join(
        f"{who} {x[f'{key}_nanoseconds']:.3g} ns ({x[f'{key}_times_the_floor']:.3g} times the floor)"
        for who, key in (("compiled", "telic"), ("scipy", "scipy"), ("numpy", "numpy"))
    )
    return (
        "one soft sweep, 1,000,000 states x 5 actions x 3 successors, a pair of state and action",
        f"{told}; the floor, at a copy bandwidth of {x['copy_gigabytes_a_second']:.3g} GB/s, is "
        f"{x['floor_nanoseconds']:.3g} ns; a hard sweep {x['telic_hard_nanoseconds']:.3g} ns",
    )


def posterior_bus_line(x: Line) -> tuple[str, str]:
    """Effective draws of two weights."""
    return (
        "posterior of bus group 4: 2 weights, until both have 10,000 effective draws",
        f"{x['cpu_seconds']:.3g} s, adaptation included; {x['n_draws']:,.0f} draws in {x['n_chains']:.0f} chains, "
        f"least effective size {x['least_bulk_ess']:,.0f} (tails {x['least_tail_ess']:,.0f}), largest R-hat "
        f"{x['largest_r_hat']:.4f}, {x['n_divergent']:.0f} divergent",
    )


def posterior_grid_line(x: Line) -> tuple[str, str]:
    """Effective draws a second beside random walks."""
    return (
        f"posterior of {x['n_weights']:.0f} weights, 1,024 states, horizon 50: effective draws a CPU second",
        f"{x['nuts_ess_a_second']:.3g} (adaptation excluded; largest R-hat {x['nuts_largest_r_hat']:.3f}); a random "
        f"walk that was given the posterior covariance {x['adaptive_walk_ess_a_second']:.3g} "
        f"({x['ratio_to_adaptive_walk']:.3g} times fewer), a spherical one {x['spherical_walk_ess_a_second']:.3g} "
        f"({x['ratio_to_spherical_walk']:.3g} times fewer)",
    )


def served_line(x: Line) -> tuple[str, str]:
    """One decision."""
    sides = (
        ("with larger weights", "served_with_rest"),
        ("plain numpy", "numpy_by_hand"),
        ("the policy in float32", "numpy"),
        ("ONNX Runtime", "onnx_runtime"),
    )
    others = "; ".join(f"{name} {x[f'{k}_p50_us']:.3g} (p99 {x[f'{k}_p99_us']:.3g})" for name, k in sides)
    return (
        "one decision of a 2 x 64 network, from observation to action, microseconds of wall time",
        f"served arithmetic {x['served_p50_us']:.3g} (p99 {x['served_p99_us']:.3g}); {others}",
    )


def ppo_line(x: Line) -> tuple[str, str]:
    """PPO to a mean return, and its steady rate."""
    rate = (
        f"; {x['steps_a_cpu_second']:,.0f} decisions a second after that" if "steps_a_cpu_second" in x else ""
    )
    cores = (
        f" (64 streams; products of 64 x 64 with 64 x 512 at {x['gigaflops_of_products']:.0f} gigaflops)"
        if "gigaflops_of_products" in x
        else ""
    )
    return (
        "PPO on CartPole-v1 from the start of the process until the last 100 episodes have a mean return of 475",
        f"{x['cpu_seconds_to_475']:.3g} s for {x['n_steps_to_475']:,.0f} decisions, of it import "
        f"{x['cpu_seconds_import']:.2g} s and until the first update {x['cpu_seconds_until_first_update']:.2g} s"
        f"{rate}{cores}",
    )


def offline_line(x: Line) -> tuple[str, str]:
    """Gradient steps a second."""
    names = (("IQL", "iql"), ("TD3+BC", "td3_bc"), ("CQL", "cql"))
    told = ", ".join(f"{name} {x[f'{key}_steps_a_cpu_second']:.3g}" for name, key in names)
    cold = ", ".join(
        f"{name} {x[f'{key}_compile_cpu_seconds']:.2g} s"
        for name, key in names
        if f"{key}_compile_cpu_seconds" in x
    )
    return (
        "learning from recorded transitions, batch 256, 2 x 256 units, 10 sampled amounts from each of 3 sources (CQL):"
        " gradient steps a CPU second",
        told + (f"; the first step, compiler included: {cold}" if cold else ""),
    )


def cloning_line(x: Line) -> tuple[str, str]:
    """Gradient steps of behavioural cloning."""
    return (
        "behavioural cloning, batch 256, 2 x 256 units, 3 measurements, 1 amount: gradient steps a CPU second",
        f"{x['steps_a_second']:,.0f} (import {x['import_cpu_seconds']:.2g} s apart)",
    )


LINES: dict[str, Callable[[Line], tuple[str, str]]] = {
    "grid_1024": grid_line,
    "grid_10000": grid_line,
    "million_states": million_line,
    "soft_sweep": sweep_line,
    "bus_engine": bus_line,
    "road_network": road_line,
    "posterior_bus": posterior_bus_line,
    "posterior_grid": posterior_grid_line,
    "served": served_line,
    "ppo": ppo_line,
    "cloning": cloning_line,
    "offline": offline_line,
}


def ingest_row(x: Line) -> str:
    """One step of one size."""
    what = f"ingest {x['format']}, {x['file_mib']:,.0f} MiB" if x["step"] == "ingest" else x["step"]
    return (
        f"| {x['rows']:,} | {what} | {x['cpu_seconds']:.2g} | {x['seconds']:.2g} | {x['peak_mib']:,.0f} MiB "
        f"| {x['peak_bytes_a_row']:.0f} bytes |"
    )


def benchmark_page() -> str:
    """The page."""
    rows, machine = [], {}
    for case, line in LINES.items():
        path = RESULTS / f"{case}.json"
        if not path.is_file():
            continue
        result = json.loads(path.read_text())
        machine = result["machine"]
        for who, medians in result["medians"].items():
            what, told = line(medians)
            rows.append(f"| {what} | {who} | median of {result['runs']} | {told} |")
    parts = [HEAD + "\n".join(rows)]
    if machine:
        parts.append(f"\nMachine: {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}.")
    ingest = RESULTS / "ingest.json"
    if ingest.is_file():
        parts.append(INGEST + "\n".join(ingest_row(x) for x in json.loads(ingest.read_text())["rows"]))
    if scan := scan_section():
        parts.append(scan)
    if bounded := bounded_section():
        parts.append(bounded.rstrip())
    growth = RESULTS / "growth.json"
    if growth.is_file():
        import sys

        sys.path.insert(0, str(ROOT / "benchmarks"))
        from growth import HELD

        parts.append(GROWTH.format(**HELD).rstrip())
    return "\n".join(parts) + "\n"
