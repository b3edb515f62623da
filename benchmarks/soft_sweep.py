"""One soft Bellman sweep over a million states, five actions, three successors: ours, numpy, scipy, and the
floor.

The floor is the time that moving the bytes of the problem once takes at the copy bandwidth of this machine,
measured in the same run: 47.2 bytes a pair (three int32 indices, three float64 probabilities, reward, value
in and out). The copy is that of STREAM (a read and a write count) between two arrays of 640 MB: more than the
caches hold, so that nothing of the problem stays there either, and enough for the C library to write past the
cache. Copies of 80 to 200 MB read what they overwrite as well and take 1.7 times as long a byte: they would
flatter every candidate. The candidates and the copy take turns, so that a machine that slows down slows all
of them. One JSON line: nanoseconds of CPU a state-action pair (medians), and ratios to the floor (median over
the turns of the ratio within a turn).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from million_states import DISCOUNT, KEY, A, L, ring

from telic.planning.kernels import hard_sweep, soft_sweep, uniform_successors

BYTES_A_PAIR = 47.2

COPIED = 80_000_000
"""Doubles copied for the floor."""


def turns(work: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """CPU seconds of each candidate, one after the other, ``runs`` times over; the first time is not
    counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(runs + 1):
        for name, call in work.items():
            start = time.process_time()
            call()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


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

    n_successors = uniform_successors(P)

    def ours() -> np.ndarray:
        return soft_sweep(P, R, V, DISCOUNT, 1.0, n_successors=n_successors)

    def hard() -> object:
        return hard_sweep(P, R, V, DISCOUNT, n_successors=n_successors)

    gap = float(np.abs(ours() - by_numpy()).max())
    source, target = np.ones(COPIED), np.zeros(COPIED)
    target[:] = 2.0  # pages of zeros are not there before they are written
    work: dict[str, Callable[[], object]] = {
        "copy": lambda: np.copyto(target, source),
        "telic": ours,
        "telic_hard": hard,
        "scipy": by_scipy,
        "numpy": by_numpy,
    }
    seconds = turns(work, options.runs)
    pairs = S * A
    floors = [BYTES_A_PAIR * x / (2 * source.nbytes) for x in seconds.pop("copy")]
    floor = statistics.median(floors)
    line = {
        "copy_gigabytes_a_second": BYTES_A_PAIR / floor / 1e9,
        "floor_nanoseconds": floor * 1e9,
        "largest_gap_to_numpy": gap,
    }
    for name, each in seconds.items():
        line[f"{name}_nanoseconds"] = statistics.median(each) / pairs * 1e9
        line[f"{name}_times_the_floor"] = statistics.median(
            x / pairs / low for x, low in zip(each, floors, strict=True)
        )
    print(json.dumps(line))


if __name__ == "__main__":
    main()
