"""Side by side: our script and the peer's in turn, on the same problem, in one run; medians and ratios.

``python benchmarks/run.py CASE [--runs 3] [--write]``. Each side is a script that prints one JSON line; the
two alternate, so that a machine that slows down slows both. Peers live in environments of their own, made on
first use under ``.bench-venv/`` from ``benchmarks/peers/*.txt`` (``TELIC_PEERS`` names another folder). With
``--write`` the figures go to ``benchmarks/results/CASE.json`` with commit and machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "scripts"))
PEERS = Path(os.environ.get("TELIC_PEERS", ROOT / ".bench-venv"))
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a script with its arguments, and the environment it runs in ('' is ours)."""

    name: str
    command: tuple[str, ...]
    environment: str = ""


CASES: dict[str, tuple[Side, ...]] = {
    "grid_1024": (
        Side("telic", ("causal_entropy_grid.py", "--n", "32")),
        Side("imitation", ("peers/imitation_grid.py", "--n", "32"), "imitation"),
    ),
    "grid_10000": (Side("telic", ("causal_entropy_grid.py", "--n", "100")),),
    "million_states": (Side("telic", ("million_states.py",)),),
    "soft_sweep": (Side("telic", ("soft_sweep.py",)),),
    "bus_engine": (
        Side("telic", ("bus_engine.py",)),
        Side("telic, whole command", ("../reproductions/bus_engine.py", "--groups", "4")),
        Side("econirl", ("peers/econirl_bus.py",), "econirl"),
    ),
    "road_network": (Side("telic", ("road_network.py",)),),
    "served": (Side("telic", ("served.py",)),),
    "posterior_bus": (Side("telic", ("posterior.py", "--case", "bus")),),
    "offline": (
        Side("telic", ("offline.py",)),
        Side("d3rlpy", ("peers/d3rlpy_offline.py",), "d3rlpy"),
    ),
    "sac_steps": (
        Side("telic", ("sac.py",)),
        Side("Stable-Baselines3", ("peers/sac_pendulum.py", "--learner", "sb3"), "stable_baselines"),
        Side("sbx", ("peers/sac_pendulum.py", "--learner", "sbx"), "stable_baselines"),
    ),
    "sac_return": (
        Side("telic", ("sac.py", "--case", "return", "--rate", "1e-3")),
        Side(
            "Stable-Baselines3",
            ("peers/sac_pendulum.py", "--learner", "sb3", "--case", "return", "--rate", "1e-3"),
            "stable_baselines",
        ),
    ),
    "posterior_grid": (Side("telic", ("posterior.py", "--case", "grid")),),
    "cloning": (
        Side("telic", ("cloning.py",)),
        Side("d3rlpy", ("peers/d3rlpy_cloning.py",), "d3rlpy"),
    ),
    "ppo": (
        Side("telic, compiled world", ("ppo.py",)),
        Side("telic, compiled world, code kept in a folder", ("ppo.py", "--case", "warm")),
        Side("telic, Gymnasium", ("ppo.py", "--case", "gymnasium")),
        Side("Stable-Baselines3, Gymnasium", ("peers/stable_baselines_ppo.py", "sb3"), "stable_baselines"),
        Side("sbx, Gymnasium", ("peers/stable_baselines_ppo.py", "sbx"), "stable_baselines"),
    ),
}


def main() -> int:
    """Run one case and print (or write) its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines: dict[str, list[dict[str, Any]]] = {side.name: [] for side in CASES[options.case]}
    for i in range(options.runs):
        for side in CASES[options.case]:
            print(f"[{options.case}] run {i + 1} of {options.runs}: {side.name}", file=sys.stderr, flush=True)
            lines[side.name].append(once(side))
    result = {"case": options.case, "runs": options.runs, "medians": medians(lines), "lines": lines}
    if options.write:
        from prove import git, machine

        result |= {"commit": git("rev-parse", "HEAD"), "machine": machine()}
        target = HERE / "results" / f"{options.case}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    print(json.dumps({key: result[key] for key in ("case", "runs", "medians")}))
    return 0


def once(side: Side) -> dict[str, Any]:
    """The JSON line of one run, with the CPU seconds of the whole command beside it."""
    python = environment(side.environment) if side.environment else Path(sys.executable)
    before = os.times()
    done = subprocess.run(
        [str(python), str(HERE / side.command[0]), *side.command[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
    )
    after = os.times()
    line: dict[str, Any] = json.loads([x for x in done.stdout.splitlines() if x.startswith("{")][-1])
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return line | {"whole_command_cpu_seconds": used}


def environment(name: str) -> Path:
    """Python of a peer's environment, made on first use."""
    folder = PEERS / name
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"[peers] making {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        wanted = HERE / "peers" / f"{name}.txt"
        # One after the other: torch must be there, in its CPU build, before anything asks for "torch".
        for requirement in wanted.read_text().split():
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", requirement], check=True)
    return python


def medians(lines: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Median of every number that a side prints."""
    return {
        name: {
            key: statistics.median(row[key] for row in rows)
            for key, value in rows[0].items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for name, rows in lines.items()
    }


if __name__ == "__main__":
    sys.exit(main())
