"""How the cost of a fit grows: one of states, actions, decisions and features at a time, the others held.

The worlds are the rings of ``million_states.py``. ``python benchmarks/growth.py --write`` measures (CPU seconds of a
maximum causal entropy fit with all standard errors, median of three, process warm) and writes
``benchmarks/results/growth.json``; ``--plot`` draws ``docs/figures/growth.svg`` from that file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]
RESULT = ROOT / "benchmarks" / "results" / "growth.json"
FIGURE = ROOT / "docs" / "figures" / "growth.svg"

HELD = {"states": 10_000, "actions": 5, "decisions": 100_000, "features": 10}
GRID = {
    "states": (300, 1_000, 3_000, 10_000, 30_000, 100_000),
    "actions": (2, 5, 10, 20),
    "decisions": (1_000, 10_000, 100_000, 1_000_000),
    "features": (2, 5, 10, 25, 50, 100),
}
STEPS = 100
"""Decisions a trajectory."""


def measure(size: dict[str, int], runs: int) -> dict[str, Any]:
    """Median CPU seconds of a fit of this size."""
    from million_states import KEY, ring, waves

    from telic.inference.methods.max_causal_entropy import max_causal_entropy
    from telic.planning import solve_soft
    from telic.planning.simulate import simulate

    S, A, K = size["states"], size["actions"], size["features"]
    world, features = ring(S, A), waves(S, K)
    truth = np.random.default_rng(KEY + 2).normal(scale=0.3, size=K)
    reward = np.repeat((np.asarray(features.values) @ truth)[:, None], A, axis=1)
    count = max(1, size["decisions"] // STEPS)
    starts = np.random.default_rng(KEY + 4).integers(0, S, count).astype(np.int32)
    demos = simulate(world, solve_soft(world, reward).policy, count, STEPS, key=KEY + 3, starts=starts)
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        estimate = max_causal_entropy(demos, world, features)
        seconds.append(time.process_time() - start)
    return size | {"cpu_seconds": statistics.median(seconds), "result": estimate.outcome.label}


def plot() -> None:
    """Four panels, one a size; both axes logarithmic, with a thin dashed line of slope 1 to compare with."""
    from telic.workflows.figures.canvas import ACCENTS, INK, MUTED, canvas, to_svg
    from telic.workflows.figures.standalone import standalone

    rows = json.loads(RESULT.read_text())["rows"]
    with canvas(8.6, 3.0, columns=len(GRID), sharey=True) as (figure, axes):
        for axis, name in zip(axes, GRID, strict=True):
            line = [(row["size"][name], row["size"]["cpu_seconds"]) for row in rows if row["varied"] == name]
            x, y = zip(*line, strict=True)
            (dashed,) = axis.loglog(
                x, [y[-1] * v / x[-1] for v in x], color=MUTED, linewidth=1, linestyle="--"
            )
            (full,) = axis.loglog(x, y, marker="o", color=ACCENTS[0])
            axis.set_xlabel(name)
            axis.minorticks_off()
        axes[0].set_ylabel("CPU seconds of a fit")
        words = ["measured", "growth in proportion, through the last mark"]
        figure.legend([full, dashed], words, loc="outside lower center", ncols=2, labelcolor=INK)
        svg = to_svg(figure)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    FIGURE.write_text(standalone(svg))


def main() -> int:
    """Measure or draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--plot", action="store_true")
    options = parser.parse_args()
    if options.plot:
        plot()
        return 0
    from run import ONE_THREAD

    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):  # before any of them starts
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)  # noqa: S606
    rows = []
    measure(HELD | {"states": 300, "decisions": 1_000}, 1)  # pays for imports and compilation
    for name, values in GRID.items():
        for value in values:
            size = measure(HELD | {name: value}, options.runs)
            rows.append({"varied": name, "size": size})
            print(f"{name} {value}: {size['cpu_seconds']:.2f} s", file=sys.stderr, flush=True)
    if options.write:
        from prove import git, machine

        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(
            json.dumps({"commit": git("rev-parse", "HEAD"), "machine": machine(), "rows": rows}, indent=1)
            + "\n"
        )
    print(json.dumps({"rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
