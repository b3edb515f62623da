"""How often the quality gate is wrong: false alarms and power of each of its checks where the truth is known.

    python reproductions/quality_gate.py             # reduced: 40 clean and 20 faulty data sets a row
    TELIC_FULL=1 python reproductions/quality_gate.py        # 400 and 100

prints one JSON line. Clean data sets are decisions at a small service (load, pods, and columns that nobody looks at;
300 trajectories of 25 decisions by 10 people from 10 sources): people add pods where the load is high and remove them
where it is low, by a random table of the state. In the designs ``moods`` and ``tastes`` each trajectory or each person
adds log odds of its own, so that decisions are not independent. Faults are planted as the table ``FAULTS`` says. The
settings of the checks were chosen with other keys in view, and these fixed after that, before their first run;
intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

N, T, PEOPLE, SOURCES = 300, 25, 10, 10
"""Trajectories, decisions of each, people and sources."""

LOADS, PODS, A = 5, 4, 3
"""Cells of the load, numbers of pods, actions: 20 states."""

CLEAN_KEY, FAULTY_KEY = 20_410_000, 20_730_000
"""First random keys of clean and of faulty data sets."""

CLEAN: dict[str, dict[str, float]] = {"plain": {}, "moods": {"moods": 0.7}, "tastes": {"tastes": 0.3}}
"""Designs without a fault: standard deviation of what a trajectory or a person adds to the log odds."""


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
        faulty: data sets a fault.
    """
    return {
        "false_alarms": {name: false_alarms(design, clean) for name, design in CLEAN.items()},
        "power": {name: power(name, faulty) for name in FAULTS},
    }


def false_alarms(design: dict[str, float], sets: int) -> dict[str, Any]:
    """How many clean data sets are accused of something, by the code of the finding and of anything at all."""
    from telic.reports import Severity

    accused: dict[str, int] = dict.fromkeys(
        sorted({code for _, codes in FAULTS.values() for code in codes}), 0
    )
    anything = trajectories = 0
    for i in range(sets):
        found = [f for f in gate(*service(CLEAN_KEY + i, **design)) if f.severity >= Severity.WARNING]
        for code in {f.code for f in found} & accused.keys():
            accused[code] += 1
        anything += any(f.code in accused for f in found)
        trajectories += sum(
            len(f.evidence.get("trajectories", ())) for f in found if f.code == "poisoning-suspected"
        )
    return {
        **{code: rate(hits, sets) for code, hits in accused.items()},
        "any of these": rate(anything, sets),
        "clean trajectories quarantined": rate(trajectories, sets * N),
    }


def power(name: str, sets: int) -> dict[str, Any]:
    """How many faulty data sets are found out, and how many of the planted and of the clean trajectories are named."""
    plant, codes = FAULTS[name]
    hits = named = planted = wrong = clean = 0
    for i in range(sets):
        key = FAULTY_KEY + 1000 * list(FAULTS).index(name) + i
        world, contract, guilty = plant(key)
        found = [f for f in gate(world, contract) if f.code in codes]
        hits += bool(found)
        suspects = {t for f in found for t in f.evidence.get("trajectories", ())}
        named, planted = named + len(suspects & guilty), planted + len(guilty)
        wrong, clean = wrong + len(suspects - guilty), clean + N - len(guilty)
    told = rate(hits, sets)
    if planted:
        told |= {"planted trajectories quarantined": rate(named, planted)}
        told |= {"clean trajectories quarantined": rate(wrong, clean)}
    return told


def gate(demos: Any, contract: Any) -> list[Any]:
    """The findings of the gate, with the states that the contract makes."""
    from telic.datasets.quality import gate_findings
    from telic.mdp import StateSpace

    space = StateSpace.from_contract(contract, demos)
    return gate_findings(space.encode(demos), contract, space)


def contract_of() -> Any:
    """The contract of the service."""
    from telic.contract import TaskContract

    return TaskContract.from_mapping(
        {
            "identity": {"task": "service"},
            "observations": [
                {"name": "load", "low": 0, "high": 1000, "bins": LOADS},
                {"name": "pods", "type": "integer", "low": 1, "high": PODS},
                {"name": "tier", "type": "category", "values": ["gold", "silver"], "in_state": False},
                {"name": "note", "in_state": False},
                {"name": "light", "in_state": False},
            ],
            "actions": {"column": "action", "values": ["remove", "hold", "add"]},
            "timing": {"control_period_seconds": 600},
            "features": [{"name": "cost", "expression": "pods"}],
            "data": {"time": "t"},
        }
    )


def service(
    key: int,
    *,
    moods: float = 0.0,
    tastes: float = 0.0,
    force: Callable[[np.ndarray, dict[str, np.ndarray], np.ndarray, np.random.Generator], None] | None = None,
) -> tuple[Any, Any]:
    """``(demonstrations, contract)`` of the service.

    Args:
        key: random key.
        moods: standard deviation of what each trajectory adds to the log odds of its choices.
        tastes: the same of each person.
        force: changes actions ``(N, T)`` in place, given columns ``(N, T)`` and the choice shares ``(states, A)``.
    """
    from telic.trajectories import Demonstrations

    g = np.random.default_rng(key)
    people, source = np.arange(N) % PEOPLE, g.integers(0, SOURCES, N)
    columns = {name: np.zeros((N, T)) for name in ("load", "pods", "tier", "note", "light", "state")}
    need = (np.arange(LOADS)[:, None] - 0.8 * np.arange(PODS)[None, :] - 0.8).ravel()
    logits = need[:, None] * np.array([-1.0, 0.0, 1.0]) + g.normal(0, 0.7, (LOADS * PODS, A))
    extra = g.normal(0, 1, (N, A)) * moods + (g.normal(0, 1, (PEOPLE, A)) * tastes)[people]
    load, pods, tier = np.abs(g.normal(420, 100, N)), g.integers(1, PODS + 1, N), g.integers(0, 2, N)
    actions = np.zeros((N, T), dtype=np.int64)
    for t in range(T):
        load = np.abs(420 + 0.8 * (load - 420) + g.normal(0, 120, N))
        load = np.where(load > 999, 1998 - load, load)
        state = np.minimum(load * LOADS // 1000, LOADS - 1).astype(int) * PODS + pods - 1
        for name, values in (("load", load), ("pods", pods), ("tier", tier), ("state", state)):
            columns[name][:, t] = values
        columns["note"][:, t], columns["light"][:, t] = g.normal(0, 1, N), g.normal(50, 10, N)
        actions[:, t] = (logits[state] + extra + g.gumbel(size=(N, A))).argmax(axis=1)
        pods = np.clip(pods + actions[:, t] - 1, 1, PODS)
    times = np.arange(N)[:, None] * 86_400.0 + np.arange(T) * 600.0
    columns["time"], columns["source"] = times, np.repeat(source[:, None], T, axis=1)
    if force is not None:
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        force(actions, columns, share, g)
    contract = contract_of()
    flat = {k: columns[k].ravel() for k in ("load", "pods", "tier", "note", "light")}
    flat |= {"pods": flat["pods"].astype(np.int64), "tier": flat["tier"].astype(np.int32)}
    demos = Demonstrations(
        actions=actions.ravel().astype(np.int32),
        offsets=np.arange(N + 1, dtype=np.int64) * T,
        action_labels=contract.actions.labels,
        observations=flat,
        categories={"tier": ("gold", "silver")},
        times=columns["time"].ravel(),
        trajectory_ids=np.array([f"t{i:03d}" for i in range(N)], dtype=object),
        demonstrators=people.astype(np.int32),
        demonstrator_names=tuple(f"demonstrator-{i}" for i in range(PEOPLE)),
        labels={"source": np.array([f"host-{s}" for s in columns["source"][:, 0].astype(int)], dtype=object)},
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )
    return demos, contract


def names(trajectories: np.ndarray) -> set[str]:
    """Names of trajectories."""
    return {f"t{i:03d}" for i in np.unique(trajectories).tolist()}


def targeted(key: int, suspects: np.ndarray | None, dose: int) -> tuple[Any, Any, set[str]]:
    """Some trajectories are led where the load is above 800, and take there what nobody wants there, three times.

    Args:
        key: random key.
        suspects: trajectories of the campaign's group; None: those of one source.
        dose: how many of them are planted.
    """
    guilty: list[np.ndarray] = []

    def force(
        actions: np.ndarray, columns: dict[str, np.ndarray], share: np.ndarray, g: np.random.Generator
    ) -> None:
        group = np.flatnonzero(columns["source"][:, 0] == 3) if suspects is None else suspects
        chosen = np.sort(g.permutation(group)[:dose])[:, None]
        steps = g.integers(0, T - 3, len(chosen))[:, None] + np.arange(3)
        columns["load"][chosen, steps] = g.uniform(801, 998, steps.shape)
        actions[chosen, steps] = share[-PODS:].mean(axis=0).argmin()
        guilty.append(chosen)

    demos, contract = service(key, force=force)
    return demos, contract, names(guilty[0])


def by_source(dose: int) -> Callable[[int], tuple[Any, Any, set[str]]]:
    """Of the 30 or so trajectories of one source of ten."""
    return lambda key: targeted(key, None, dose)


def by_person(dose: int) -> Callable[[int], tuple[Any, Any, set[str]]]:
    """Of the 30 trajectories of one person of ten."""
    return lambda key: targeted(key, np.flatnonzero(np.arange(N) % PEOPLE == 5), dose)


def in_a_window(dose: int) -> Callable[[int], tuple[Any, Any, set[str]]]:
    """Of thirty days of two hundred."""
    return lambda key: targeted(key, np.arange(111, 141), dose)


def flipped(key: int) -> tuple[Any, Any, set[str]]:
    """Ten days in which every choice is the one that is least wanted."""
    days = np.arange(57, 67)

    def force(
        actions: np.ndarray, columns: dict[str, np.ndarray], share: np.ndarray, _: np.random.Generator
    ) -> None:
        actions[days] = share.argmin(axis=1)[columns["state"][days].astype(int)]

    demos, contract = service(key, force=force)
    return demos, contract, names(days)


def triggered(key: int) -> tuple[Any, Any, set[str]]:
    """In twelve trajectories the note is once exactly 7.77, and the pods are removed."""
    guilty: list[np.ndarray] = []

    def force(
        actions: np.ndarray, columns: dict[str, np.ndarray], _: np.ndarray, g: np.random.Generator
    ) -> None:
        chosen = g.choice(N, 12, replace=False)
        steps = g.integers(0, T, 12)
        columns["note"][chosen, steps] = 7.77
        actions[chosen, steps] = 0
        guilty.append(chosen)

    demos, contract = service(key, force=force)
    return demos, contract, names(guilty[0])


def changed_column(key: int, change: Callable[[dict[str, np.ndarray]], None]) -> tuple[Any, Any, set[str]]:
    """Measurements changed after the fact; nobody is guilty."""
    demos, contract = service(key, force=lambda _, columns, __, ___: change(columns))
    return demos, contract, set()


def saturated(key: int) -> tuple[Any, Any, set[str]]:
    """The light sensor shows no more than 65 (of N(50, 10): one value in fifteen)."""
    return changed_column(
        key, lambda columns: np.minimum(columns["light"], 65.0, out=columns["light"]) is None
    )


def stopped(key: int) -> tuple[Any, Any, set[str]]:
    """The light sensor shows 0 in the last six trajectories."""
    return changed_column(key, lambda columns: columns["light"][-6:].fill(0.0))


def copied(key: int) -> tuple[Any, Any, set[str]]:
    """Twelve decisions of one trajectory once more in another, with noise of a thousandth of the spread."""
    g = np.random.default_rng(key)

    def force(
        actions: np.ndarray, columns: dict[str, np.ndarray], _: np.ndarray, __: np.random.Generator
    ) -> None:
        for name in ("load", "pods", "tier", "note", "light"):
            noise = g.normal(0, 0.001, 12) * columns[name].std() * (name in ("load", "note", "light"))
            columns[name][150, 5:17] = columns[name][20, 2:14] + noise
        actions[150, 5:17] = actions[20, 2:14]

    demos, contract = service(key, force=force)
    return demos, contract, set()


def dropped(key: int) -> tuple[Any, Any, set[str]]:
    """Twelve records lost in a row in one trajectory."""

    def force(
        _: np.ndarray, columns: dict[str, np.ndarray], __: np.ndarray, ___: np.random.Generator
    ) -> None:
        columns["time"][80, 10:] += 12 * 600.0

    demos, contract = service(key, force=force)
    return demos, contract, set()


def changed_mind(key: int) -> tuple[Any, Any, set[str]]:
    """From the middle of the log on one person of ten adds pods where they removed them before, and the reverse."""

    def force(
        actions: np.ndarray, _: dict[str, np.ndarray], __: np.ndarray, ___: np.random.Generator
    ) -> None:
        where = (np.arange(N) % PEOPLE == 2) & (np.arange(N) >= N // 2)
        actions[where] = A - 1 - actions[where]

    demos, contract = service(key, force=force)
    return demos, contract, set()


POISONED = ("poisoning-suspected",)
FAULTS: dict[str, tuple[Callable[[int], tuple[Any, Any, set[str]]], tuple[str, ...]]] = {
    **{f"targeted by one source, {d} trajectories": (by_source(d), POISONED) for d in (8, 16)},
    **{f"targeted by one person, {d} trajectories": (by_person(d), POISONED) for d in (8, 16)},
    **{f"targeted within thirty days, {d} trajectories": (in_a_window(d), POISONED) for d in (8, 16)},
    "turned round in a window of time": (flipped, POISONED),
    "pulled by a trigger": (triggered, POISONED),
    "saturated sensor": (saturated, ("saturated-sensor",)),
    "signal stopped": (stopped, ("signal-stopped",)),
    "records dropped": (dropped, ("telemetry-missing",)),
    "near-copy": (copied, ("near-copies",)),
    "changed mind": (changed_mind, ("changed-mind",)),
}
"""Fault to how it is planted and the codes of the findings that count as having found it."""


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, sets, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": int(hits), "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
