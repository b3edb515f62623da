"""Decisions of served policies, bit for bit, wherever the products of matrices come from.

    python reproductions/served.py            # reduced: 1 seed, 300 observations a policy
    TELIC_FULL=1 python reproductions/served.py        # 5 seeds, 5,000 observations

prints one JSON line. The same decisions are made in processes of their own: as it is; without vector instructions in
numpy; with the kernels of other processors in the BLAS of numpy's wheels; with a BLAS of plain loops (``other_blas.c``)
in its stead, compiled as written and compiled with sums in another order and fused operations; with a library that
``TELIC_OTHER_BLAS`` names (a path; MKL's ``libmkl_rt`` has the names that are asked for); and in every other Python
that ``TELIC_OTHER_PYTHONS`` names (paths, with what telic needs installed). What could not be run is named.

The same digest means: the same bits of every output and action, one by one and in batches. How many of those places
give a plain float32 product other bits says whether the places differ at all.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()

LOOPS = {
    "plain loops": ("-O2", "-ffp-contract=off"),
    "plain loops, in another order and fused": (
        "-O3", "-march=native", "-ffp-contract=fast", "-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math",
    ),
}  # fmt: skip
"""How the other BLAS is compiled. Nothing that flushes small numbers to zero: that is asked of the machine."""

KERNELS = ("Prescott", "Nehalem", "Haswell", "SkylakeX", "Zen")
"""Processors whose kernels OpenBLAS can be told to use."""


def main() -> int:
    if sys.argv[1:2] == ["--bits"]:
        print(json.dumps(bits(int(sys.argv[2]), int(sys.argv[3]))))
        return 0
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(5 if full else 1, 5_000 if full else 300)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(seeds: int, n: int) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        seeds: networks of each form.
        n: observations of each policy.
    """
    with tempfile.TemporaryDirectory() as folder:
        ready, missing = places(Path(folder))
        found = {name: elsewhere(settings, seeds, n, python) for name, (python, settings) in ready.items()}
    here = bits(seeds, n)
    return {
        "seeds": seeds,
        "n_decisions": here["n_decisions"],
        "machine": platform.machine(),
        "n_places": 1 + len(found),
        "n_same": 1 + sum(told["served"] == here["served"] for told in found.values()),
        "n_plain_products": len({here["plain"], *(told["plain"] for told in found.values())}),
        "places": {
            name: {"is_same": told["served"] == here["served"], "answered": told["answered"]}
            for name, told in found.items()
        },
        "not_run": missing,
    }


def places(folder: Path) -> tuple[dict[str, tuple[str, dict[str, str]]], dict[str, str]]:
    """Names of places to run in, each with an interpreter and its environment; and why others are not there."""
    features = np._core._multiarray_umath
    off = " ".join(f for f in features.__cpu_dispatch__ if features.__cpu_features__.get(f))
    python, missing = sys.executable, {}
    ready = {
        "as it is": (python, {}),
        "no vector instructions": (python, {"NPY_DISABLE_CPU_FEATURES": off}),
    }
    for kernel in KERNELS:
        ready[f"kernels of {kernel}"] = (
            python,
            {"OPENBLAS_CORETYPE": kernel, "NPY_DISABLE_CPU_FEATURES": off},
        )
    for name, flags in LOOPS.items():
        built = other_blas(folder / f"{len(ready)}.so", flags)
        if isinstance(built, Path):
            ready[name] = (python, {"LD_PRELOAD": str(built)})
        else:
            missing[name] = built
    named = os.environ.get("TELIC_OTHER_BLAS", "")
    if not named or "plain loops" in missing:
        missing["the BLAS of TELIC_OTHER_BLAS"] = missing.get("plain loops", "none is named")
    else:
        settings = {"LD_PRELOAD": ready["plain loops"][1]["LD_PRELOAD"], "TELIC_BLAS": named}
        settings["LD_LIBRARY_PATH"] = str(Path(named).parent)
        ready[f"the BLAS {Path(named).name}"] = (python, {**settings, "MKL_THREADING_LAYER": "SEQUENTIAL"})
    others = [path for path in os.environ.get("TELIC_OTHER_PYTHONS", "").split(os.pathsep) if path]
    ready |= {f"the Python number {i}": (path, {}) for i, path in enumerate(others, 1)}
    if not others:
        missing["the Pythons of TELIC_OTHER_PYTHONS"] = "none is named"
    return ready, missing


def other_blas(to: Path, flags: tuple[str, ...]) -> Path | str:
    """The compiled library, or why there is none."""
    compiler = shutil.which("cc")
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    if sys.platform != "linux" or compiler is None:
        return "it needs Linux and a C compiler"
    if blas.get("name") != "scipy-openblas" or "USE64BITINT" not in str(blas.get("openblas configuration")):
        return f"this numpy takes its products from {blas.get('name')}, by names that are not known here"
    source = str(HERE.with_name("other_blas.c"))
    subprocess.run(  # noqa: S603
        [compiler, *flags, "-shared", "-fPIC", "-o", str(to), source, "-ldl"], check=True, timeout=60
    )
    return to


def elsewhere(settings: dict[str, str], seeds: int, n: int, python: str = sys.executable) -> dict[str, Any]:
    """``bits`` in another process; ``answered`` counts the products that another BLAS gave."""
    clean = {
        k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
    }
    command = [python, "-W", "ignore", str(HERE), "--bits", str(seeds), str(n)]
    done = subprocess.run(  # noqa: S603
        command, env={**clean, **settings}, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{settings}: {done.stderr[-2_000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    said = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("other_blas answered")]
    return {**told, "answered": int(said[-1]) if said else 0}


def bits(seeds: int, n: int) -> dict[str, Any]:
    """Digests of what is decided here by served policies, and of the outputs of their float originals."""
    from telic.policies import EnsemblePolicy, WindowPolicy, serve

    served, plain = hashlib.sha256(), hashlib.sha256()
    count = 0

    def hear(policy: Any, x: Any) -> None:
        nonlocal count
        for size in (1, 5, n):
            served.update(np.ascontiguousarray(policy.outputs(x[:size])).tobytes())
            served.update(np.ascontiguousarray(policy.mode(x[:size])).tobytes())
            count += size

    for seed in range(seeds):
        x = np.random.default_rng([2, seed]).normal(size=(n, 9)) * 2
        for head in heads():
            made = [network(a, head, grow, seed) for a, grow in (("tanh", 1.0), ("tanh", 4.0), ("relu", 3.0))]
            for policy in made:
                hear(serve(policy), x)
                plain.update(policy.outputs(x).tobytes())
            hear(serve(EnsemblePolicy(members=tuple(made))), x)
        # 3 observations now and before, 2 columns of the action, and whether there was one: 9.
        window = serve(WindowPolicy(inner=network("tanh", heads()[2], 1.0, seed), n_back=1))
        memory = window.begin(x[:, :3])
        for step in range(3):
            actions, memory = window.act(memory, x[:, 3 * step : 3 * step + 3])
            served.update(np.ascontiguousarray(actions).tobytes())
            count += n
        served.update(looked_up(seed, n, x))
        count += 3 * n
    return {"served": served.hexdigest(), "plain": plain.hexdigest(), "n_decisions": count}


def heads() -> tuple[Any, ...]:
    """Families of actions."""
    from telic.policies import CategoricalHead, GaussianHead, MultiCategoricalHead

    return (
        CategoricalHead(n_actions=3),
        MultiCategoricalHead(counts=(2, 4)),
        GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0)),
        GaussianHead(low=(-2.0, -1.0), high=(2.0, 3.0), n_components=3, is_squashed=True),
    )


def network(activation: Any, head: Any, grow: float, seed: int) -> Any:
    """Weights of the size that training begins with, times ``grow``."""
    from telic.policies import Dense, NetworkPolicy

    rng = np.random.default_rng([seed, round(grow)])
    layers = tuple(
        Dense(
            weight=(rng.normal(size=(a, b)) * grow * math.sqrt(2 / max(a, b))).astype(np.float32),
            bias=(0.1 * rng.normal(size=b)).astype(np.float32),
        )
        for a, b in itertools.pairwise((9, 64, 64, head.n_outputs))
    )
    shift, scale = rng.normal(size=9).astype(np.float32), rng.uniform(0.5, 2.0, 9).astype(np.float32)
    return NetworkPolicy(layers=layers, activation=activation, head=head, shift=shift, scale=scale, clip=10.0)


def looked_up(seed: int, n: int, x: Any) -> bytes:
    """What a table, a history and a tree decide; their numbers are eighths, so that they are the same themselves."""
    from telic.policies import HistoryPolicy, TabularPolicy, TreePolicy, serve

    rng = np.random.default_rng([4, seed])
    rows = rng.permuted(np.tile([0.5, 0.25, 0.125, 0.125, 0.0], (40, 1)), axis=1)
    pairs = np.arange(-1, 39, dtype=np.int32)
    states, before = rng.integers(0, 40, n, dtype=np.int32), rng.integers(-1, 40, n, dtype=np.int32)
    tree = TreePolicy(
        n_observations=9,
        feature=np.array([2, -1, -1], dtype=np.int32),
        threshold=np.array([0.1, 0.0, 0.0]),
        children=np.array([[1, 2], [0, 0], [0, 0]], dtype=np.int32),
        probabilities=np.array([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]),
        counts=np.array([2, 1, 1]),
    )
    history = HistoryPolicy(previous=pairs, current=pairs + 1, table=rows, unseen=rows[::-1].copy())
    decided = (
        serve(TabularPolicy(table=rows)).mode(states),
        serve(history).probabilities(before, states),
        serve(tree).mode(x),
    )
    return b"".join(np.ascontiguousarray(answer).tobytes() for answer in decided)


if __name__ == "__main__":
    raise SystemExit(main())
