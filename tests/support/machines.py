"""A small project: machines that wear, and a keeper who repairs them now and then.

Wear rises by one with probability 0.6 a day up to 5; a repair brings it to 0. The keeper is soft-optimal at
discount 0.9 for r = -0.5 wear - 2 repair, so one repair is worth 4 units of wear. Policy and log are made by
plain numpy, without telic.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

WEAR, DISCOUNT = 6, 0.9
WORTH = 4.0
CONTRACT = """
schema_version: 1
identity: {task: machines, owner: workshop, domain: operations}
observations:
  - {name: wear, column: wear, type: integer, unit: step, low: 0, high: 5, bins: null, affected_by_action:
  true}
actions: {column: action, type: category, values: [run, repair]}
timing: {discount: 0.9}
limits:
  - {name: not_worn_out, expression: "wear <= 4", hard: true}
features:
  - {name: wear, expression: "wear", unit: step of wear}
  - {name: repairs, expression: "action == 'repair'", unit: repair}
tradeoffs: [[repairs, wear]]
data: {trajectory: [machine], time: day, time_format: seconds, held_out: 0.2, key: 0}
"""


def keeper_policy(wear: float = -0.5, repair: float = -2.0) -> np.ndarray:
    """``(WEAR, 2)`` choice probabilities of a keeper with these weights."""
    up = np.minimum(np.arange(WEAR) + 1, WEAR - 1)
    R = wear * np.arange(WEAR)[:, None] + repair * np.array([0.0, 1.0])[None, :]
    V = np.zeros(WEAR)
    for _ in range(2000):
        Q = R + DISCOUNT * np.stack([0.6 * V[up] + 0.4 * V, np.full(WEAR, V[0])], axis=1)
        V = np.logaddexp(Q[:, 0], Q[:, 1])
    return np.exp(Q - V[:, None])


def keeper_log(n_machines: int = 60, n_days: int = 40, key: int = 11) -> str:
    """The log as CSV."""
    rng, pi = np.random.default_rng(key), keeper_policy()
    lines = ["machine,day,wear,action"]
    for machine in range(n_machines):
        lines += machine_rows(rng, pi, f"m{machine:03d}", 0, n_days)
    return "\n".join(lines) + "\n"


def machine_rows(rng: np.random.Generator, pi: np.ndarray, name: str, begin: int, n_days: int) -> list[str]:
    """The rows of one machine, from a day on."""
    rows, wear = [], 0
    for day in range(begin, begin + n_days):
        repair = rng.random() < pi[wear, 1]
        rows.append(f"{name},{86400 * day},{wear},{'repair' if repair else 'run'}")
        grows = rng.random() < 0.6
        wear = 0 if repair else min(wear + int(grows), WEAR - 1)
    return rows


def write_project(folder: Path, contract: str = CONTRACT, log: str | None = None) -> Path:
    """A project folder with contract and log."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contract.yaml").write_text(contract)
    (folder / "log.csv").write_text(keeper_log() if log is None else log)
    return folder
