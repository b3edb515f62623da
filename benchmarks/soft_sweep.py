"""One soft Bellman sweep over a million states, five actions, three successors: ours, numpy, scipy, and the floor.

The floor is the time that moving the bytes of the problem once takes at the copy bandwidth of this machine, measured
in the same run: 47.2 bytes a pair (three int32 indices, three float64 probabilities, reward, value in and out). One
JSON line: nanoseconds of CPU a state-action pair (medians), and ratios to the floor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from million_states import DISCOUNT, KEY, A, L, ring

from telic.planning.kernels import soft_sweep

BYTES_A_PAIR = 47.2


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Median CPU seconds of a call, after one that is not counted."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    S = options.states
    P = ring(S).transition
    rng = np.random.default_rng(KEY)
    R, V = rng.normal(size=(S, A)), rng.normal(size=S)
    successors, chances = P.indices.reshape(S, A, L), P.data.reshape(S, A, L)

    def by_numpy() -> np.ndarray:
        Q = R + DISCOUNT * (chances * V[successors]).sum(axis=2)
        top = Q.max(axis=1)
        return top + np.log(np.exp(Q - top[:, None]).sum(axis=1))

    def by_scipy() -> np.ndarray:
        Q = R + DISCOUNT * (P @ V).reshape(S, A)
        top = Q[:, 0].copy()
        for a in range(1, A):
            np.maximum(top, Q[:, a], out=top)
        total = np.zeros(S)
        for a in range(A):
            total += np.exp(Q[:, a] - top)
        return top + np.log(total)

    def ours() -> np.ndarray:
        return soft_sweep(P, R, V, DISCOUNT, 1.0)

    gap = float(np.abs(ours() - by_numpy()).max())
    source = rng.normal(size=20_000_000)
    target = np.empty_like(source)
    bandwidth = 2 * source.nbytes / median_seconds(lambda: np.copyto(target, source), options.runs)
    floor = BYTES_A_PAIR / bandwidth
    pairs = S * A
    line = {
        "copy_gigabytes_a_second": bandwidth / 1e9,
        "floor_nanoseconds": floor * 1e9,
        "largest_gap_to_numpy": gap,
    }
    for name, work in {"telic": ours, "scipy": by_scipy, "numpy": by_numpy}.items():
        seconds = median_seconds(work, options.runs) / pairs
        line |= {f"{name}_nanoseconds": seconds * 1e9, f"{name}_times_the_floor": seconds / floor}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
