"""A small service: load moves by itself, pods follow the action, latency follows both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.trajectories import Demonstrations


def scaling_contract(**changes: Any) -> TaskContract:
    load = {"name": "load", "type": "number", "unit": "requests/s", "low": 0, "high": 1000, "bins": 10}
    mapping: dict[str, Any] = {
        "identity": {"task": "scaler"},
        "observations": [
            {**load, "affected_by_action": False, **changes.pop("load", {})},
            {"name": "pods", "type": "integer", "low": 1, "high": 8, "affected_by_action": True},
            {"name": "shift", "type": "category", "values": ["day", "night"], "affected_by_action": False},
            {
                "name": "latency",
                "type": "number",
                "unit": "ms",
                "low": 0,
                "high": 10000,
                "in_state": False,
                "bins": 4,
            },
        ],
        "actions": {"column": "action", "values": ["remove", "hold", "add"]},
        "features": [
            {"name": "overload", "expression": "max(0, load - 150 * pods)"},
            {"name": "cost", "expression": "pods"},
            {"name": "change", "expression": 'where(action == "hold", 0, 1)'},
        ],
        **changes,
    }
    return TaskContract.from_mapping(mapping)


def scaling_demos(
    n_trajectories: int = 40, length: int = 100, key: int = 0, *, carry: float = 0.0
) -> Demonstrations:
    """``carry``: by how much adding pods raises the next load (0: load is exogenous)."""
    rng = np.random.default_rng(key)
    N, T = n_trajectories, length
    load, pods = rng.uniform(100, 900, N), rng.integers(2, 7, N)
    columns: dict[str, list[np.ndarray]] = {
        k: [] for k in ("load", "pods", "shift", "latency", "action", "load2", "pods2", "shift2", "latency2")
    }
    for t in range(T):
        shift = np.full(N, (t // 50) % 2)
        wanted = np.clip(np.sign(load / 150 - pods + rng.normal(0, 1.0, N)).round().astype(int), -1, 1)
        latency = np.clip(20 + 5 * np.maximum(0, load - 150 * pods) + rng.normal(0, 3, N), 0, 10000)
        load2 = np.clip(500 + 0.9 * (load - 500) + carry * wanted + rng.normal(0, 60, N), 0, 1000)
        pods2 = np.clip(pods + wanted, 1, 8)
        shift2 = np.full(N, ((t + 1) // 50) % 2)
        latency2 = np.clip(20 + 5 * np.maximum(0, load2 - 150 * pods2), 0, 10000)
        for name, value in (
            ("load", load), ("pods", pods), ("shift", shift), ("latency", latency), ("action", wanted + 1),
            ("load2", load2), ("pods2", pods2), ("shift2", shift2), ("latency2", latency2),
        ):  # fmt: skip
            columns[name].append(value)
        load, pods = load2, pods2
    flat = {k: np.stack(v, axis=1).ravel() for k, v in columns.items()}
    cast = {"load": np.float64, "pods": np.int64, "shift": np.int32, "latency": np.float64}
    return Demonstrations(
        actions=flat["action"].astype(np.int32),
        offsets=np.arange(N + 1, dtype=np.int64) * T,
        action_labels=("remove", "hold", "add"),
        observations={k: flat[k].astype(d) for k, d in cast.items()},
        next_observations={k: flat[k + "2"].astype(d) for k, d in cast.items()},
        next_known=np.ones(N * T, dtype=bool),
        categories={"shift": ("day", "night")},
        trajectory_ids=np.array([f"t{i}" for i in range(N)], dtype=object),
        demonstrators=np.zeros(N, dtype=np.int32),
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )


@pytest.fixture
def contract() -> Callable[..., TaskContract]:
    return scaling_contract


@pytest.fixture
def demos() -> Callable[..., Demonstrations]:
    return scaling_demos
