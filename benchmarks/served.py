"""One decision of a 2x64 network: served arithmetic beside plain numpy and ONNX Runtime, in one run.

Microseconds of wall time a decision (from an observation to an action), p50 and p99 of 20,000 decisions of each, in
turns of 1,000 so that a machine that slows down slows all. Imports and the making of each are apart. Served twice: with
weights of the size that training begins with, and of three times that, which need a rest. One JSON line.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from telic.policies import CategoricalHead, Dense, NetworkPolicy, serve

TURNS, EACH = 20, 1_000
N_OBSERVATIONS, HIDDEN, N_ACTIONS = 4, 64, 2


def main() -> None:
    """Time and print."""
    rng = np.random.default_rng(0)
    sizes = (N_OBSERVATIONS, HIDDEN, HIDDEN, N_ACTIONS)
    layers = tuple(
        Dense(
            weight=(rng.normal(size=(a, b)) * math.sqrt(2 / max(a, b))).astype(np.float32),
            bias=np.zeros(b, np.float32),
        )
        for a, b in itertools.pairwise(sizes)
    )
    policy = NetworkPolicy(
        layers=layers,
        activation="tanh",
        head=CategoricalHead(n_actions=N_ACTIONS),
        shift=np.zeros(N_OBSERVATIONS, np.float32),
        scale=np.ones(N_OBSERVATIONS, np.float32),
    )
    began = time.perf_counter()
    served = serve(policy)
    served.mode(np.zeros(N_OBSERVATIONS, np.float32))
    made = {"served_ready_ms": 1e3 * (time.perf_counter() - began)}
    wide = tuple(replace(d, weight=3 * d.weight) for d in layers)
    fine = serve(replace(policy, layers=wide))
    assert served.layers[1].rest is None
    assert fine.layers[1].rest is not None
    sides: dict[str, Callable[[Any], Any]] = {
        "served": served.mode,
        "served_with_rest": fine.mode,
        "numpy": policy.mode,
        "numpy_by_hand": by_hand(policy),
    }
    began = time.perf_counter()
    sides["onnx_runtime"] = runtime(policy)
    made["onnx_runtime_ready_ms"] = 1e3 * (time.perf_counter() - began)
    observations = rng.normal(size=(EACH, N_OBSERVATIONS)).astype(np.float32)
    taken: dict[str, list[int]] = {name: [] for name in sides}
    for _ in range(TURNS):
        for name, act in sides.items():
            for x in observations:
                start = time.perf_counter_ns()
                act(x)
                taken[name].append(time.perf_counter_ns() - start)
    told = {
        f"{name}_p{q}_us": float(np.percentile(times, q)) / 1e3
        for name, times in taken.items()
        for q in (50, 99)
    }
    print(json.dumps({"case": "served", "n_decisions": TURNS * EACH, **made, **told}))


def by_hand(policy: NetworkPolicy) -> Callable[[Any], Any]:
    """The least that numpy must do: three products, two hyperbolic tangents; no check, no scaling."""
    (w0, b0), (w1, b1), (w2, b2) = ((d.weight, d.bias) for d in policy.layers)

    def act(x: Any) -> Any:
        return np.argmax(np.tanh(np.tanh(x @ w0 + b0) @ w1 + b1) @ w2 + b2)

    return act


def runtime(policy: NetworkPolicy) -> Callable[[Any], Any]:
    """The exported policy in ONNX Runtime, one thread."""
    import onnxruntime

    from telic.neural.onnx_export import to_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(policy), options, providers=["CPUExecutionProvider"])

    def act(x: Any) -> Any:
        return session.run(["action"], {"observations": x[None]})[0]

    return act


if __name__ == "__main__":
    main()
