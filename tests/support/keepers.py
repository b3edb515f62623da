"""Logs of several keepers of the machines of ``machines``: two intents that change places over time, and one who acts
against the others.
"""

from __future__ import annotations

import numpy as np
from machines import CONTRACT, keeper_policy, machine_rows

INTENTS = ((-0.25, -3.0), (-1.0, -1.0))
"""Weights of wear and repairs."""

SHARED = (-0.5, -2.0)
"""Weights of those who want the same."""

NAMED = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory")
"""Every row says who decided."""

PEOPLE = "people: {purpose: agreement, legal_basis: consent, informed_on: 2026-01-01, min_group: 2}\n"


def log_of_two_intents(
    n_machines: int = 48, n_days: int = 30, key: int = 3, *, days_apart: int = 1
) -> tuple[str, np.ndarray]:
    """The log, and which intent each machine has: the first becomes commoner from machine to machine, days apart.

    Keepers ana, bo and cy take turns, so that who decides says nothing about the intent.
    """
    rng = np.random.default_rng(key)
    policies = [keeper_policy(*weights) for weights in INTENTS]
    which = (rng.random(n_machines) > (np.arange(n_machines) + 0.5) / n_machines).astype(int)
    lines = ["machine,day,wear,action,keeper"]
    for m in range(n_machines):
        rows = machine_rows(rng, policies[which[m]], f"m{m:03d}", days_apart * m, n_days)
        lines += [f"{row},{('ana', 'bo', 'cy')[m % 3]}" for row in rows]
    return "\n".join(lines) + "\n", which


def log_with_adversaries(n_keepers: int = 6, n_against: int = 1, key: int = 4) -> str:
    """Five machines of 30 days a keeper; the last keepers act by the opposite weights."""
    rng = np.random.default_rng(key)
    policies = [keeper_policy(*SHARED), keeper_policy(*(-w for w in SHARED))]
    lines = ["machine,day,wear,action,keeper"]
    for m in range(5 * n_keepers):
        k = m // 5
        rows = machine_rows(rng, policies[k >= n_keepers - n_against], f"m{m:03d}", 0, 30)
        lines += [f"{row},keeper {k}" for row in rows]
    return "\n".join(lines) + "\n"
