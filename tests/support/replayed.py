"""A small service whose load moves by itself and whose pods answer to the action, and a simulator made from its log."""

from __future__ import annotations

import numpy as np

from telic.contract import TaskContract
from telic.mdp import StateSpace, estimate_dynamics
from telic.mdp.trace_simulator import TraceSimulator
from telic.trajectories import Demonstrations


def contract(*, exogenous=True, responding=True):
    return TaskContract.from_mapping(
        {
            "identity": {"task": "service"},
            "observations": [
                {"name": "load", "type": "integer", "low": 0, "high": 2, "affected_by_action": not exogenous},
                {"name": "pods", "type": "integer", "low": 0, "high": 3, "affected_by_action": responding},
            ],
            "actions": {"column": "action", "values": ["remove", "hold", "add"]},
            "timing": {"discount": 0.9},
            "features": [{"name": "pods", "expression": "pods"}],
        }
    )


def service(key=0, N=40, T=12, noise=0.0):
    """Pods do what the action says (with ``noise``: or stay), load moves by itself."""
    rng = np.random.default_rng(key)
    load, pods = rng.integers(0, 3, (N, T + 1)), np.zeros((N, T + 1), dtype=np.int64)
    pods[:, 0] = rng.integers(0, 4, N)
    actions = rng.integers(0, 3, (N, T))
    for t in range(T):
        stuck = rng.random(N) < noise
        pods[:, t + 1] = np.clip(pods[:, t] + np.where(stuck, 0, actions[:, t] - 1), 0, 3)
    n = N * T
    return Demonstrations(
        actions=actions.ravel().astype(np.int32),
        offsets=np.arange(N + 1) * T,
        action_labels=("remove", "hold", "add"),
        observations={"load": load[:, :-1].ravel(), "pods": pods[:, :-1].ravel()},
        next_observations={"load": load[:, 1:].ravel(), "pods": pods[:, 1:].ravel()},
        next_known=np.ones(n, dtype=bool),
        trajectory_ids=np.array([f"t{i}" for i in range(N)], dtype=object),
        demonstrators=np.zeros(N, dtype=np.int32),
        terminated=np.zeros(N, dtype=bool),
        truncated=np.ones(N, dtype=bool),
    )


def simulator(demos, smoothing=0.0, **kinds):
    space = StateSpace.from_contract(contract(**kinds), demos)
    coded = space.encode(demos)
    world = estimate_dynamics(coded, space, discount=0.9, smoothing=smoothing).mdp
    return TraceSimulator(world=world, space=space), coded
