"""Undiscounted worlds in which wandering for ever is worth more than arriving: said so, never a number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machines import write_project

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.reports import Outcome
from telic.trajectories import Demonstrations

CONTRACT = """
schema_version: 1
identity: {{task: waiting, domain: operations}}
observations:
  - {{name: queue, type: integer, unit: person, low: 0, high: 3, bins: null, affected_by_action: false}}
actions: {{column: action, type: category, values: [wait, leave]}}
timing: {{discount: 1.0}}
outcomes: {{terminated: gone}}
features:
  - {{name: queueing, expression: "{feature}", unit: person}}
data: {{trajectory: [visitor], time: t, time_format: seconds}}
"""


def waiting(folder, feature):
    """Visitors wait in a queue that moves by chance, until they leave; only leaving ends."""
    g = np.random.default_rng(7)
    rows = ["visitor,t,queue,action,gone"]
    for visitor in range(200):
        queue, gone, t = int(g.integers(0, 4)), False, 0
        while not gone:
            gone = bool(g.random() < [0.1, 0.3, 0.5, 0.7][queue])
            rows.append(f"v{visitor},{t},{queue},{'leave' if gone else 'wait'},{str(gone).lower()}")
            queue, t = int(np.clip(queue + g.integers(-1, 2), 0, 3)), t + 60
    return write_project(folder, CONTRACT.format(feature=feature), "\n".join(rows) + "\n")


def corridor():
    """Three places in a row and an exit: left, right; the exit absorbs."""
    P = np.zeros((4, 2, 4))
    for s in range(3):
        P[s, 0, max(s - 1, 0)] = P[s, 1, s + 1] = 1
    P[3, :, 3] = 1
    return TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, False, True]))


def test_no_weights_can_make_arriving_worth_it(telic, tmp_path):
    # The feature is paid on leaving alone: waiting is free, whatever its weight.
    folder = waiting(tmp_path / "p", "queue * (action == 'leave')")
    assert telic("ingest", folder).status == 0
    told = telic("infer", folder, "--quick")
    assert told.status == 7
    assert "Not an answer (soft-value-diverges)" in told.out
    assert "spectral radius >= 1" in told.out
    result = json.loads(telic("infer", folder, "--quick", "--json").out)
    assert result["result"] == "soft-value-diverges"
    assert result["tradeoffs"] == []
    found = next(f for f in result["findings"] if f["code"] == "no-start")
    assert "arriving is worth more than wandering for ever" in found["message"]
    assert "A step must cost more: add a feature that is paid in every decision" in found["hint"]


def test_a_cost_of_waiting_is_found_from_a_start_that_diverges(telic, tmp_path):
    # At weights of 0 the soft value is infinite; the optimiser starts elsewhere and never returns NaN.
    folder = waiting(tmp_path / "p", "(queue + 1) * (action == 'wait')")
    assert telic("ingest", folder).status == 0
    told = telic("infer", folder, "--quick", "--json")
    assert told.status == 0
    result = json.loads(told.out)
    assert result["result"] == "success"
    assert result["weights"]["queueing"] < 0
    assert "NaN" not in told.out


def test_what_is_paid_once_in_every_life_cannot_be_told(telic, tmp_path):
    # Everybody leaves exactly once, so no choice shows what leaving costs; smoothing must not invent another end.
    folder = waiting(tmp_path / "p", "(queue + 1) * (action == 'wait')")
    contract = folder / "contract.yaml"
    once = "  - {name: leaving, expression: \"action == 'leave'\", unit: departure}\ndata:"
    contract.write_text(contract.read_text().replace("data:", once))
    assert telic("ingest", folder).status == 0
    result = json.loads(telic("infer", folder, "--quick", "--json").out)
    assert result["nullity"] == 1
    assert result["null_directions"] == [{"leaving": pytest.approx(1.0)}]


@pytest.mark.parametrize("reward", [0.0, -0.4, 0.3])
def test_the_planner_says_how_much_more_a_step_must_cost(reward):
    world = corridor()
    R = np.full((4, 2), reward)
    # Inside, without the exit: M = e^r (path with a loop at the wall), whose largest eigenvalue is found here
    # by numpy.
    M = np.exp(reward) * np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    radius = np.abs(np.linalg.eigvals(M)).max()
    assert radius > 1
    solution = solve_soft(world, R)
    assert solution.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert np.isnan(solution.value).all()
    evidence = solution.findings[0].evidence
    assert evidence["spectral_radius"] == pytest.approx(radius, rel=1e-9)
    assert "Make each decision there cost at least" in solution.findings[0].hint
    enough = solve_soft(world, R - np.log(radius) - 1e-3)
    assert enough.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("size", 10.0 ** np.arange(0, 15, 2))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_an_infinite_value_beside_huge_rewards_is_still_infinite(size, sign):
    # Waiting is free, so wandering has gain 0 whatever leaving pays; a tolerance relative to huge values must
    # not hide that the value still drifts by a few units a sweep.
    P = np.zeros((3, 2, 3))
    P[:2, 0, :2] = [[0.6, 0.4], [0.3, 0.7]]
    P[:2, 1, 2] = P[2, :, 2] = 1
    world = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, True]))
    reward = np.array([[0.0, sign * size], [0.0, 2 * sign * size], [0.0, 0.0]])
    solution = solve_soft(world, reward)
    assert solution.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert np.isnan(solution.value).all()


def test_the_fit_backs_off_and_never_returns_nan():
    world = corridor()
    features = FeatureMap(
        values=np.array([[[1.0, 0.0], [1.0, 1.0]]] * 3 + [[[0.0, 0.0]] * 2]),
        names=("steps", "right"),
        units=("", ""),
    )
    g = np.random.default_rng(3)
    states, actions, following, offsets = [], [], [], [0]
    for _ in range(200):
        s = 0
        while s != 3:
            a = int(g.random() < 0.8)
            t = s + 1 if a else max(s - 1, 0)
            states.append(s), actions.append(a), following.append(t)
            s = t
        offsets.append(len(states))
    demos = Demonstrations.from_arrays(
        states,
        actions,
        next_states=following,
        offsets=offsets,
        action_labels=("left", "right"),
        terminated=np.ones(200, dtype=bool),
    )
    fit = max_causal_entropy(demos, world, features)
    assert np.isfinite(fit.weights).all()
    assert fit.outcome is Outcome.SUCCESS
    assert fit.weights[0] < 0  # steps cost
