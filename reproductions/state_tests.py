"""How often the tests of the state are wrong: false alarms and power where the truth is known.

    python reproductions/state_tests.py            # reduced: 40 clean and 20 faulty data sets a design
    TELIC_FULL=1 python reproductions/state_tests.py        # 400 and 100

prints one JSON line. ``markov_test``: choices drawn from a table of the state alone (clean), or from one that also
favours the previous action or answers to the previous state (faulty; strength in log odds). Exogeneity: a service
whose load moves by itself (clean), or is pushed by the action by so many requests/s where its own noise is 60. All
at level .05 for the family; intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from typing import Any

import numpy as np

LEVEL = 0.05
"""Of each family of tests."""

DESIGNS: dict[str, dict[str, int]] = {
    "sparse": {"S": 40, "A": 3, "N": 20, "T": 40},
    "many states": {"S": 300, "A": 4, "N": 60, "T": 50},
    "dense": {"S": 6, "A": 2, "N": 30, "T": 60},
    "one trajectory": {"S": 10, "A": 3, "N": 1, "T": 800},
}
"""States, actions, trajectories, decisions a trajectory."""

FAULTS = (
    ("sparse", "action", (0.5, 1.0, 1.5)),
    ("dense", "action", (0.35, 0.7)),
    ("dense", "state", (0.35, 0.7)),
    ("many states", "action", (0.5, 1.0, 1.5)),
    ("many states", "state", (1.5,)),
    ("one trajectory", "action", (1.0,)),
)
"""Design, what is remembered, and how strongly."""

PUSHES = (5.0, 10.0, 20.0)
"""By how many requests/s the action moves the next load."""


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(clean=400 if full else 40, faulty=100 if full else 20)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(*, clean: int, faulty: int) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        clean: data sets a clean design.
        faulty: data sets a faulty design.
    """
    from telic.evaluation import markov_test

    alarms = {
        name: rate(
            sum(markov_test(random_world(20_000 + k, **d)).p_value < LEVEL for k in range(clean)), clean
        )
        for name, d in DESIGNS.items()
    }
    found = []
    for design, memory, strengths in FAULTS:
        for strength in strengths:
            named: Counter[str] = Counter()
            for k in range(faulty):
                demos = random_world(70_000 + k, memory=memory, strength=strength, **DESIGNS[design])
                culprit = markov_test(demos).culprit("choice")
                named["nothing" if culprit is None else culprit.variable] += 1
            found.append(
                {
                    "design": design,
                    "memory": f"previous {memory}",
                    "strength": strength,
                    **rate(faulty - named["nothing"], faulty),
                    "named": dict(named),
                }
            )
    return {
        "level": LEVEL,
        "markov_test": {"false_alarms": alarms, "power": found},
        "exogeneity": {
            "false_alarms": rate(sum(responds(30_000 + k, 0.0) for k in range(clean)), clean),
            "power": {
                f"{push:g}": rate(sum(responds(40_000 + k, push) for k in range(faulty)), faulty)
                for push in PUSHES
            },
        },
    }


def random_world(key: int, *, S: int, A: int, N: int, T: int, memory: str = "", strength: float = 0.0) -> Any:
    """Decisions in a random world with three successors a pair.

    Args:
        key: random key.
        S: states.
        A: actions.
        N: trajectories.
        T: decisions a trajectory.
        memory: ``action``: favours the action taken before; ``state``: answers to the state before; "": none.
        strength: of the memory, in log odds.
    """
    from telic.trajectories import Demonstrations

    rng = np.random.default_rng(key)
    successors, chances = rng.integers(0, S, (S, A, 3)), rng.dirichlet(np.ones(3), (S, A))
    logits, answer = rng.normal(0, 1, (S, A)), rng.normal(0, 1, (S, A))
    s, before, acted = rng.integers(0, S, N), np.full(N, -1), np.full(N, -1)
    states, actions, nexts = [], [], []
    for _ in range(T):
        z = logits[s].copy()
        if memory == "action":
            z[np.arange(N), np.maximum(acted, 0)] += strength * (acted >= 0)
        if memory == "state":
            z += strength * answer[np.maximum(before, 0)] * (before >= 0)[:, None]
        a = (z + rng.gumbel(size=(N, A))).argmax(axis=1)
        which = (rng.random((N, 1)) > chances[s, a].cumsum(axis=1)).sum(axis=1)
        then = successors[s, a, np.minimum(which, 2)]
        states.append(s)
        actions.append(a)
        nexts.append(then)
        before, acted, s = s, a, then
    flat = [np.stack(x, axis=1).ravel() for x in (states, actions, nexts)]
    return Demonstrations.from_arrays(
        flat[0],
        flat[1],
        next_states=flat[2],
        offsets=np.arange(N + 1) * T,
        action_labels=[str(i) for i in range(A)],
    )


def responds(key: int, push: float) -> bool:
    """Whether the load of a small service (10 trajectories of 60 decisions) is found to respond to the action."""
    from telic.contract import TaskContract
    from telic.mdp import StateSpace, estimate_dynamics
    from telic.trajectories import Demonstrations

    N, T, rng = 10, 60, np.random.default_rng(key)
    load, pods = rng.uniform(100, 900, N), rng.integers(2, 7, N)
    seen: list[tuple[np.ndarray, ...]] = []
    for _ in range(T):
        change = np.clip(np.sign(load / 150 - pods + rng.normal(0, 1, N)).round().astype(np.int32), -1, 1)
        load2 = np.clip(500 + 0.9 * (load - 500) + push * change + rng.normal(0, 60, N), 0, 1000)
        pods2 = np.clip(pods + change, 1, 8)
        seen.append((load, pods, change + 1, load2, pods2))
        load, pods = load2, pods2
    flat = [np.stack(column, axis=1).ravel() for column in zip(*seen, strict=True)]
    demos = Demonstrations(
        actions=flat[2].astype(np.int32),
        offsets=np.arange(N + 1, dtype=np.int64) * T,
        action_labels=("remove", "hold", "add"),
        observations={"load": flat[0], "pods": flat[1].astype(np.int64)},
        next_observations={"load": flat[3], "pods": flat[4].astype(np.int64)},
        next_known=np.ones(N * T, dtype=bool),
        trajectory_ids=np.array([str(i) for i in range(N)], dtype=object),
        demonstrators=np.zeros(N, dtype=np.int32),
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "service"},
            "observations": [
                {"name": "load", "low": 0, "high": 1000, "bins": 10, "affected_by_action": False},
                {"name": "pods", "type": "integer", "low": 1, "high": 8},
            ],
            "actions": {"column": "action", "values": ["remove", "hold", "add"]},
            "features": [{"name": "cost", "expression": "pods"}],
        }
    )
    space = StateSpace.from_contract(contract, demos)
    findings = estimate_dynamics(space.encode(demos), space, discount=0.9, exogeneity_level=LEVEL).findings
    return any(f.code == "exogeneity-rejected" for f in findings)


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, sets, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": int(hits), "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
