"""The log of examples/scaling and the tastes that only the tests know.

Three operators scale one service in rotating eight-hour shifts for 30 days. Every ten minutes the one on duty
removes a pod, holds, or adds one. Traffic comes in waves: its level is a mean-reverting Markov chain that
nobody controls. Each operator follows the soft-optimal policy (rationality 1, discount 0.95 a decision) of

    r = -price * (minutes_worth * minutes over the SLO + pod-hours + change_worth * 1[action is not hold])

so that ``minutes_worth`` is what one minute over the SLO is worth in pod-hours, and ``change_worth`` one
change.
Nothing here imports telic: the policy is computed by plain value iteration on dense arrays.

Run ``python tests/examples/scaling_generator.py examples/scaling/decisions.csv`` to write the log again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KEY = 20_260_301
"""Fixed before the first log was drawn."""
DAYS, DECISIONS_A_SHIFT = 30, 48
LEVELS, PODS = 10, 12
LEVEL_WIDTH = 100.0
"""Requests a second between two levels of traffic."""
REQUESTS_A_POD, COMFORT = 120.0, 0.75
"""What one pod holds, and the share of it above which latency suffers."""
DISCOUNT = 0.95
ACTIONS = ("remove", "hold", "add")
SHIFTS = ("night", "day", "evening")
HEADER = "ts,service,shift,operator,requests,pods,minutes_over_slo,action"


@dataclass(frozen=True)
class Taste:
    """Worth in pod-hours of one minute over the SLO and of one change, and the price of a pod-hour in
    reward.
    """

    minutes_worth: float
    change_worth: float
    price: float = 1.2

    @property
    def weights(self) -> np.ndarray:
        """Weights of (minutes over the SLO, pod-hours, changes)."""
        return -self.price * np.array([self.minutes_worth, 1.0, self.change_worth])


TASTES = {"amber": Taste(1.6, 0.8), "birch": Taste(3.1, 0.5), "cedar": Taste(5.5, 1.0)}


def traffic_chain() -> np.ndarray:
    """``(LEVELS, LEVELS)`` one step up or down, pulled towards the middle."""
    P = np.zeros((LEVELS, LEVELS))
    for k in range(LEVELS):
        up = 0.30 - 0.035 * (k - (LEVELS - 1) / 2) if k < LEVELS - 1 else 0.0
        down = 0.30 + 0.035 * (k - (LEVELS - 1) / 2) if k > 0 else 0.0
        P[k, min(k + 1, LEVELS - 1)] += up
        P[k, max(k - 1, 0)] += down
        P[k, k] += 1.0 - up - down
    return P


def minutes_over_slo(requests: np.ndarray | float, pods: np.ndarray | float) -> np.ndarray:
    """Minutes of the next ten in which latency is over the SLO."""
    return 10.0 * np.clip(requests / (REQUESTS_A_POD * pods) - COMFORT, 0.0, 1.0)


def features() -> np.ndarray:
    """``(LEVELS, PODS, 3, 3)``: minutes over the SLO, pod-hours, change; at the centre of each level."""
    requests = (np.arange(LEVELS) + 0.5) * LEVEL_WIDTH
    pods = np.arange(PODS) + 1.0
    phi = np.zeros((LEVELS, PODS, 3, 3))
    phi[..., 0] = minutes_over_slo(requests[:, None], pods[None, :])[:, :, None]
    phi[..., 1] = (pods / 6.0)[None, :, None]
    phi[..., 2] = np.array([1.0, 0.0, 1.0])
    return phi


def policy(taste: Taste) -> np.ndarray:
    """``(LEVELS, PODS, 3)`` choice probabilities of one operator."""
    R, P = features() @ taste.weights, traffic_chain()
    after = np.clip(np.arange(PODS)[:, None] + np.array([-1, 0, 1]), 0, PODS - 1)
    V = np.zeros((LEVELS, PODS))
    for _ in range(5_000):
        Q = R + DISCOUNT * (P @ V)[:, after]
        top = Q.max(axis=-1)
        V_next = top + np.log(np.exp(Q - top[..., None]).sum(axis=-1))
        if np.abs(V_next - V).max() < 1e-13:
            break
        V = V_next
    return np.exp(Q - V_next[..., None])


def rows(key: int = KEY, tastes: dict[str, Taste] = TASTES) -> list[str]:
    """The lines of the log, without the header."""
    rng = np.random.default_rng(key)
    steps = np.cumsum(traffic_chain(), axis=1)
    choices = {name: np.cumsum(policy(taste), axis=-1) for name, taste in tastes.items()}
    names, start = list(tastes), np.datetime64("2026-03-01T00:00:00")
    level, pods, lines = 4, 5, []
    for i_shift in range(DAYS * len(SHIFTS)):
        day, slot = divmod(i_shift, len(SHIFTS))
        operator = names[(slot + day // 5) % len(names)]
        shift = f"{start + np.timedelta64(day, 'D')}"[:10] + f"-{SHIFTS[slot]}"
        for i_step in range(DECISIONS_A_SHIFT):
            when = start + np.timedelta64(10 * (i_shift * DECISIONS_A_SHIFT + i_step), "m")
            u_choice, u_level, u_requests = rng.random(3)
            requests = level * LEVEL_WIDTH + 5 + int(90 * u_requests)
            minutes = float(minutes_over_slo(requests, pods))
            action = min(int(np.searchsorted(choices[operator][level, pods - 1], u_choice, side="right")), 2)
            lines.append(
                f"{when}Z,web,{shift},{operator},{requests:.0f},{pods},{minutes:.1f},{ACTIONS[action]}"
            )
            pods = min(max(pods + action - 1, 1), PODS)
            level = min(int(np.searchsorted(steps[level], u_level, side="right")), LEVELS - 1)
    return lines


def csv_bytes(key: int = KEY, tastes: dict[str, Taste] = TASTES) -> bytes:
    """The whole file."""
    return ("\n".join([HEADER, *rows(key, tastes)]) + "\n").encode()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(csv_bytes())
