"""Learners within budgets beside the linear program: exact return and costs of what they learned, 3 keys each.

The worlds, settings and thresholds are those of ``reproductions/constrained.py``, fixed before the first run with these
keys: at most .05 of what policies range over below the optimum (and for soft actor-critic what its entropy may cost),
costs at most .05 of their range above the budget.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.neural.driver import train
from telic.planning.constrained import solve_constrained


@pytest.fixture(scope="module")
def study(project_root) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "constrained_study", project_root / "reproductions" / "constrained.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["work or rest", "one budget", "two budgets"])
def test_lagrangian_ppo_comes_to_the_optimum_of_the_program(study, name) -> None:
    problem = study.worlds()[name]
    # In each the best policy must draw, so that no deterministic one would do.
    assert solve_constrained(*problem, throw=True).drawn_states
    learner, n_steps = study.ppo_of(problem)
    for key in study.KEYS[:3]:
        found = study.judged(problem, learner.policy(train(learner, key, n_steps).answer()))
        assert abs(found["gap"]) <= study.GAP
        assert max(found["excess"]) <= study.SLACK


@pytest.mark.slow
def test_lagrangian_sac_comes_to_the_optimum_of_the_program(study) -> None:
    problem = study.worlds_of_two_actions()["two budgets"]
    learner, n_steps = study.sac_of(problem)
    for key in study.KEYS[:3]:
        found = study.judged(problem, learner.policy(train(learner, key, n_steps).answer()))
        assert found["gap"] <= study.GAP + study.entropy_costs(learner) / found["span"]
        assert max(found["excess"]) <= study.SLACK


def test_the_exact_table_of_a_bell_is_its_mean_share(study) -> None:
    """Against 400,000 draws of the served policy, within 5 standard errors."""
    from telic.policies import Dense, NetworkPolicy
    from telic.policies.heads import GaussianHead

    rng = np.random.default_rng(0)
    policy = NetworkPolicy(
        layers=(Dense(weight=rng.normal(size=(2, 2)).astype(np.float32), bias=np.zeros(2, np.float32)),),
        activation="relu",
        head=GaussianHead(low=(-1.0,), high=(1.0,), is_squashed=True),
        shift=np.zeros(2, np.float32),
        scale=np.ones(2, np.float32),
    )
    found = study.table_of(policy, 2)
    for state in range(2):
        drawn = 0.5 * (1 + policy.sample(np.repeat(np.eye(2)[[state]], 400_000, axis=0), key=1)[:, 0])
        assert abs(drawn.mean() - found[state, 1]) < 5 * drawn.std() / np.sqrt(400_000)
