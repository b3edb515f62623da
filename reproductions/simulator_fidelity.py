"""Does the check of a simulator made from a log pass what imitates it, and see what does not?

    python reproductions/simulator_fidelity.py                  # reduced: 10 clean and 5 faulty logs a design
    TELIC_FULL=1 python reproductions/simulator_fidelity.py     # 200 and 100

prints one JSON line. A service: load of four levels that moves by itself, 1 to 5 servers of which one may be removed,
held or added, a backlog of up to 8 that grows with the load and shrinks with the servers; 200 trajectories of 40
decisions, a third held out. The simulator is made from the others, the policy is cloned from them. Faults, of which
the log says nothing: ``regime``, servers of the held-out part do 60 % of the work; ``delay``, servers work three
decisions after they were added; ``hidden``, jobs of a neighbour that come and go over some 20 decisions; ``pushed``,
a load that is declared exogenous and falls by a level with probability .3 where the backlog is above 4. Margin .25
standard deviations, intervals of 95 % for all together. Counts have exact intervals, 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from typing import Any

import numpy as np

FULL = bool(os.environ.get("TELIC_FULL"))
CLEAN, FAULTY = (200, 100) if FULL else (10, 5)

KEY = 43_000_000
"""First key; chosen before the first run."""

FAULTS = ("regime", "delay", "hidden", "pushed")
N, STEPS, HELD_OUT = 200, 40, 67

CONTRACT = {
    "identity": {"task": "service"},
    "observations": [
        {"name": "load", "type": "integer", "low": 0, "high": 3, "affected_by_action": False},
        {"name": "servers", "type": "integer", "low": 1, "high": 5, "affected_by_action": True},
        {"name": "backlog", "type": "integer", "low": 0, "high": 8, "affected_by_action": True},
    ],
    "actions": {"column": "action", "values": ["remove", "hold", "add"]},
    "timing": {"discount": 0.95},
    "features": [{"name": "backlog", "expression": "backlog"}],
}


def log_of(fault: str, key: int) -> dict[str, np.ndarray]:
    """``(N, STEPS + 1)`` measurements and ``(N, STEPS)`` actions; the last third is held out."""
    rng = np.random.default_rng(key)
    load, servers = rng.integers(0, 4, N), rng.integers(2, 5, N)
    backlog, neighbour = rng.integers(0, 4, N), np.zeros(N, dtype=np.int64)
    waiting = [servers.copy() for _ in range(3)]
    seen: dict[str, list[np.ndarray]] = {"load": [], "servers": [], "backlog": [], "action": []}
    held = np.arange(N) >= N - HELD_OUT
    for step in range(STEPS + 1):
        for name, values in (("load", load), ("servers", servers), ("backlog", backlog)):
            seen[name].append(values.copy())
        if step == STEPS:
            break
        wish = 0.8 * (backlog - 2) + 0.6 * (load + 1 - servers)
        logits = np.stack([-wish, np.ones(N), wish], axis=1)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        action = (rng.random(N)[:, None] >= np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
        seen["action"].append(action)
        moved = np.clip(servers + action - 1, 1, 5)
        working = waiting[0] if fault == "delay" else moved
        waiting = [*waiting[1:], moved]
        power = np.where(held, 0.6, 1.0) * working if fault == "regime" else 1.0 * working
        neighbour = np.where(rng.random(N) < 0.05, 2 - neighbour, neighbour)
        jobs = rng.poisson(0.8 * load + 0.8) + (neighbour if fault == "hidden" else 0)
        pushed = (fault == "pushed") & (backlog > 4) & (rng.random(N) < 0.3)
        backlog = np.clip(backlog + jobs - rng.binomial(4, power / 5.0), 0, 8)
        stays = rng.random(N) < 0.8
        load = np.clip(np.where(stays, load, load + rng.choice([-1, 1], N)) - pushed, 0, 3)
        servers = moved
    return {name: np.stack(values, axis=1) for name, values in seen.items()}


def verdict(fault: str, key: int) -> tuple[str, str]:
    """The verdict on the simulator of one log, and what it found worst."""
    from telic.contract import TaskContract
    from telic.evaluation.fidelity import fidelity
    from telic.mdp import StateSpace, estimate_dynamics
    from telic.mdp.trace_simulator import TraceSimulator
    from telic.trajectories import Demonstrations

    log = log_of(fault, key)
    n = N * STEPS
    names = ("load", "servers", "backlog")
    demos = Demonstrations(
        actions=log["action"].ravel().astype(np.int32),
        offsets=np.arange(N + 1) * STEPS,
        action_labels=("remove", "hold", "add"),
        observations={k: log[k][:, :-1].ravel().astype(np.int64) for k in names},
        next_observations={k: log[k][:, 1:].ravel().astype(np.int64) for k in names},
        next_known=np.ones(n, dtype=bool),
        trajectory_ids=np.array([f"t{i}" for i in range(N)], dtype=object),
        demonstrators=np.zeros(N, dtype=np.int32),
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )
    contract = TaskContract.from_mapping(CONTRACT)
    space = StateSpace.from_contract(contract, demos)
    coded = space.encode(demos)
    train, held_out = coded.select(np.arange(N - HELD_OUT)), coded.select(np.arange(N - HELD_OUT, N))
    world = estimate_dynamics(train, space, discount=0.95).mdp
    counts = np.zeros((space.n_states, 3))
    np.add.at(counts, (train.require_states()[0], train.actions), 1.0)
    policy = (counts + counts.sum(axis=0) / counts.sum()) / (counts.sum(axis=1, keepdims=True) + 1.0)
    found = fidelity(
        TraceSimulator(world=world, space=space),
        train,
        held_out,
        policy,
        {name: np.asarray(space.cells[name], dtype=np.float64) for name in ("servers", "backlog")},
        key=key,
    )
    worst = max(found.differences, key=lambda d: abs(d.difference.value))
    return found.verdict, f"{worst.part} of {worst.quantity}"


def rate(hits: int, of: int) -> dict[str, Any]:
    """A count with its exact interval."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def measure(fault: str, logs: int) -> dict[str, Any]:
    """How often each verdict is given."""
    found = [verdict(fault, KEY + i) for i in range(logs)]
    counted = Counter(v for v, _ in found)
    return {
        **{v: rate(counted[v], logs) for v in ("faithful", "open", "unfaithful")},
        "worst": dict(Counter(w for _, w in found).most_common(3)),
    }


def main() -> int:
    start = time.process_time()
    answer = {"clean": measure("", CLEAN), **{fault: measure(fault, FAULTY) for fault in FAULTS}}
    print(json.dumps({**answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
