"""A small service whose loads are uniform and whose operators add more often where the load is high."""

from __future__ import annotations

import numpy as np

from telic.contract import TaskContract
from telic.trajectories import Demonstrations

N, T = 50, 20


def contract(**blocks):
    return TaskContract.from_mapping(
        {
            "identity": {"task": "service"},
            "observations": [
                {"name": "load", "low": 0, "high": 100, "bins": 4},
                {"name": "tier", "type": "category", "in_state": False},
            ],
            "actions": {"column": "action", "values": ["hold", "add"]},
            "timing": {"control_period_seconds": 60},
            "features": [{"name": "busy", "expression": "load"}],
            "data": {"time": "t"},
            **blocks,
        }
    )


def service(key=1, **changes):
    g = np.random.default_rng(key)
    load, n = g.uniform(0, 100, N * T), N * T
    values = {
        "actions": (g.random(n) < 0.2 + load / 200).astype(np.int32),
        "offsets": np.arange(N + 1, dtype=np.int64) * T,
        "action_labels": ("hold", "add"),
        "observations": {"load": load, "tier": g.integers(0, 2, n).astype(np.int32)},
        "categories": {"tier": ("gold", "silver")},
        "times": (np.arange(N)[:, None] * 10_000.0 + np.arange(T) * 60.0).ravel(),
        "trajectory_ids": np.array([f"t{i}" for i in range(N)], dtype=object),
        "demonstrators": (np.arange(N) % 2).astype(np.int32),
        "demonstrator_names": ("demonstrator-1", "demonstrator-2"),
        "terminated": np.zeros(N, dtype=bool),
        "truncated": np.ones(N, dtype=bool),
    }
    return Demonstrations(**{**values, **changes})
