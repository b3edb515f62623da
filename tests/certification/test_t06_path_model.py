"""CERTIFICATION T6: the path model of 2008 on RiskyPath, the named baseline ``path_entropy``.

Expected: the chance of the risky action at the start, to the 6 digits given (tolerance 1e-6). The maximum
causal entropy values of the same row are in ``test_t06_risky_path.py``.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import path_entropy
from telic.inference.path_model import solve_paths
from telic.mdp import FiniteHorizonMDP
from telic.reports import Severity
from telic.trajectories import Demonstrations


def risky_world(horizon: int) -> FiniteHorizonMDP:
    """Written out from the row: 0 leads to 1, or to 2 or 3; 1 leads to 2 or stays; 2 and 3 absorb."""
    P = np.zeros((4, 2, 4))
    P[0, 0, 1] = 1.0
    P[0, 1, 2] = P[0, 1, 3] = 0.5
    P[1, 0, 2] = P[1, 1, 1] = 1.0
    P[2, :, 2] = P[3, :, 3] = 1.0
    return FiniteHorizonMDP.from_transition(P, horizon=horizon)


@pytest.mark.parametrize(
    ("horizon", "trap", "risky"),
    [(3, -100.0, 0.665241), (5, -100.0, 0.688434), (3, -2.0, 0.665792), (5, -2.0, 0.688435)],
)
def test_the_path_model_takes_the_risk(horizon, trap, risky):
    reward = np.repeat(np.array([0.0, 0.0, 1.0, trap])[:, None], 2, axis=1)
    solution = solve_paths(risky_world(horizon), reward)
    assert np.exp(solution.log_policy[0, 0, 1]) == pytest.approx(risky, abs=1e-6)


def test_a_fit_under_stochastic_dynamics_warns():
    demos = Demonstrations.from_arrays([0, 1, 2, 0, 2, 2], [0, 0, 0, 1, 0, 1], offsets=[0, 3, 6])
    features = FeatureMap(values=np.array([[0.0], [0.0], [1.0], [0.0]]), names=("goal",), form="S")
    estimate = path_entropy(demos, risky_world(3), features)
    warning = next(f for f in estimate.findings if f.code == "stochastic-dynamics")
    assert warning.severity is Severity.WARNING
    assert "1 of 8" in warning.message
