from __future__ import annotations

import math
import runpy

import numpy as np
import pytest
from scipy.stats import beta, binom

from telic.errors import DataError, SettingsError
from telic.evaluation import (
    ActionRegret,
    AutonomyGate,
    Loss,
    action_regret,
    calibrate_gate,
    gate_thresholds,
    one_per_trajectory,
    proxy_losses,
)
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations

S, A, K = 4, 2, 2
P = np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))
PHI = np.random.default_rng(1).normal(size=(S, A, K))
DRAWS = np.random.default_rng(2).normal(size=(30, K))


def world(**changes) -> TabularMDP:
    return TabularMDP.from_transition(P, **{"discount": 0.8, **changes})


def features() -> FeatureMap:
    return FeatureMap(values=PHI, names=("wait", "cost"))


def visits(states: list[int]) -> Demonstrations:
    n = len(states)
    return Demonstrations.from_arrays(
        np.array(states), np.zeros(n, int), next_states=np.full(n, -1), offsets=np.arange(n + 1)
    )


def test_scores_by_definition() -> None:
    found = action_regret(world(), features(), DRAWS, visits([0, 0, 1, 3, 3]), min_visits=2)
    lost = []
    for w in DRAWS:
        V = np.zeros(S)
        for _ in range(300):
            Q = PHI @ w + 0.8 * P @ V
            V = Q.max(axis=1)
        lost.append(V[:, None] - Q)
    mean = np.mean(lost, axis=0)
    np.testing.assert_array_equal(found.actions, mean.argmin(axis=1))
    np.testing.assert_allclose(found.expected, mean.min(axis=1), atol=1e-8)
    mine = np.array(lost)[:, np.arange(S), found.actions]
    np.testing.assert_allclose(found.regrets, mine, atol=1e-8)
    np.testing.assert_allclose(found.disagreement, (mine > 1e-6).mean(axis=0))
    np.testing.assert_allclose(found.exceedance(0.3), (mine > 0.3).mean(axis=0))
    assert found.covered.tolist() == [True, False, False, True]
    assert np.isinf(found.scores).tolist() == [False, True, True, False]
    assert action_regret(world(), features(), DRAWS).covered.all()
    more = action_regret(
        world(), features(), DRAWS, visits([0, 0, 1, 3, 3]), reviewed=np.array([1, 2]), min_visits=2
    )
    assert more.covered.tolist() == [True, True, False, True]
    np.testing.assert_array_equal(more.expected, found.expected)


def test_nobody_acts_at_the_end() -> None:
    ends = np.array([False, False, False, True])
    found = action_regret(world(absorbing=ends), features(), DRAWS)
    assert found.actions[3] == -1 and math.isinf(found.scores[3]) and found.regrets[:, 3].max() == 0.0


def test_bounds_are_those_of_clopper_and_pearson_and_testing_stops() -> None:
    scores = np.repeat([0.1, 0.2, 0.3, 0.4], 100)
    losses = np.zeros(400)
    losses[[0, 1, 150, 210, 211, 212]] = 5.0
    losses[220:280] = 5.0
    found = calibrate_gate(
        scores, losses, thresholds=np.array([0.3, 0.1, 0.2, 0.4]), bound=1.0, loss=Loss.REGRET
    )
    assert [(t.threshold, t.n_acted, t.n_exceeding) for t in found.tests] == [
        (0.1, 100, 2),
        (0.2, 200, 3),
        (0.3, 300, 66),
    ]
    for t in found.tests:
        assert t.upper == pytest.approx(beta.ppf(0.9, t.n_exceeding + 1, t.n_acted - t.n_exceeding))
        # Its definition: at this chance, so few or fewer have probability delta.
        assert binom.cdf(t.n_exceeding, t.n_acted, t.upper) == pytest.approx(0.1)
    assert [t.passed for t in found.tests] == [True, True, False]
    assert found.threshold == 0.2
    assert (
        "chance that the regret is above 1 is at most 10 %, with confidence 90 % (3 of 200" in found.sentence
    )
    told = found.to_json()
    assert told["loss"] == "regret" and len(told["tests"]) == 3
    assert found.summary().headline == found.sentence


def test_nothing_passes_and_it_abstains_from_everything() -> None:
    regret = action_regret(world(), features(), DRAWS)
    shown = calibrate_gate(
        np.zeros(20), np.zeros(20), thresholds=np.array([0.0, 1.0]), bound=0.0, loss=Loss.PROXY
    )
    gate = AutonomyGate(regret=regret, calibration=shown)
    assert shown.threshold is None  # 20 decisions without a loss leave 10.9 %
    assert shown.tests[0].upper == pytest.approx(1 - 0.1 ** (1 / 20))
    assert set(gate.decisions) == {"abstain"}
    assert gate.decide(1) == ("abstain", None)
    assert "Nothing could be shown, so it abstains from everything" in gate.summary().headline
    assert "posterior expected regret plus disagreement with a held-out operator above 0" in shown.sentence
    assert gate.to_json()["actions"] == [None] * S and gate.outcome.ok


def gate(threshold: float = 0.2) -> AutonomyGate:
    regret = ActionRegret(
        actions=np.array([1, 0, 1, -1], np.int32),
        expected=np.array([0.1, 0.5, 0.0, 0.0]),
        regrets=np.array([[0.1, 0.5, 0.0, 0.0]]),
        disagreement=np.array([1.0, 1.0, 0.0, 0.0]),
        covered=np.array([True, True, False, True]),
    )
    shown = calibrate_gate(
        np.full(100, threshold), np.zeros(100), thresholds=np.array([threshold]), bound=0.0, loss=Loss.REGRET
    )
    return AutonomyGate(regret=regret, calibration=shown)


def test_act_ask_abstain() -> None:
    """State 2 has no expected regret at all, but nobody was ever seen there."""
    g = gate()
    assert g.decisions == ("act", "ask", "abstain", "abstain")
    assert [g.decide(s) for s in range(3)] == [("act", 1), ("ask", None), ("abstain", None)]
    assert g.shares(np.array([3.0, 1.0, 1.0, 0.0])) == {"act": 0.6, "ask": 0.2, "abstain": 0.2}
    assert g.to_json()["scores"] == [0.1, 0.5, None, None]
    assert "1 states are not covered" in g.summary().to_text()


def test_thresholds_start_where_a_test_has_power() -> None:
    scores = np.linspace(0, 1, 1_001)
    grid = gate_thresholds(scores, n_calibration=500)
    fewest = math.log(0.1) / math.log(0.9)  # 21.9 decisions without a loss just pass
    assert grid[0] == pytest.approx(2 * fewest / 500, abs=2e-3)
    assert grid[-1] == 1.0 and len(grid) == 25
    half = np.where(scores > 0.5, np.inf, scores)
    assert gate_thresholds(half, n_calibration=500)[-1] == pytest.approx(0.5)
    assert gate_thresholds(half, n_calibration=500)[0] == pytest.approx(2 * fewest / 500, abs=2e-3)
    assert gate_thresholds(scores, n_calibration=10).tolist() == [1.0]


def test_the_proxy_is_regret_plus_disagreement() -> None:
    g = gate()
    losses = proxy_losses(g.regret, np.array([0, 0, 1]), np.array([1, 0, 1]), cost=2.0)
    assert losses.tolist() == [0.1, 2.1, 2.5]


def test_one_decision_of_each_trajectory() -> None:
    rows = one_per_trajectory(np.array([0, 0, 0, 2, 2, 5]), key=3)
    assert len(rows) == 3 and rows[2] == 5 and rows[0] in (0, 1, 2) and rows[1] in (3, 4)
    first = [int(one_per_trajectory(np.array([0, 0, 0]), key=k)[0]) for k in range(300)]
    assert np.bincount(first).min() > 60


def test_the_promise_holds_at_the_edge() -> None:
    """Scores that tell nothing, chance of a loss .1 + .01: acting anywhere breaks the promise, so the gate must act at
    all in at most delta of the sets. Of 2,000, at .9999 of the binomial at most 252; the key was fixed before the
    first run.
    """
    rng = np.random.default_rng(404)
    grid = np.linspace(0.2, 1.0, 15)
    broken = 0
    for _ in range(2_000):
        scores, losses = rng.random(300), (rng.random(300) < 0.11).astype(float)
        found = calibrate_gate(scores, losses, thresholds=grid, bound=0.5, loss=Loss.REGRET)
        broken += found.threshold is not None
    assert broken <= binom.ppf(0.9999, 2_000, 0.1)


def test_reduced_simulation(project_root) -> None:
    """10 repetitions of one world at alpha .1 alone, 40 draws each (the reproduction: 500 of three worlds, 100)."""
    made = runpy.run_path(str(project_root / "reproductions" / "autonomy_gate.py"))
    case = made["cases"](("queue",))[0]
    runs = [made["one"](case, (9, 2, r), alphas=(0.1,), n_draws=40) for r in range(10)]
    found = made["summarise"](case, runs)
    assert found["violations"]["expected_regret"]["count"] <= binom.ppf(0.999, 10, 0.1)
    assert found["all"]["of_same_score_oracle"] >= 0.8
    assert found["all"]["of_perfect_oracle"]["expected_regret"] >= 0.7
    assert found["all"]["share_acted"]["expected_regret"] > found["all"]["share_acted"]["entropy"]


def test_bad_input_has_messages() -> None:
    x = np.zeros(30)
    grid = np.array([1.0])
    for name in ("alpha", "delta"):
        with pytest.raises(SettingsError, match=rf"`{name}` must lie in \(0, 1\)"):
            calibrate_gate(x, x, thresholds=grid, bound=0.0, loss=Loss.REGRET, **{name: 1.0})
    with pytest.raises(SettingsError, match="`bound` must be finite"):
        calibrate_gate(x, x, thresholds=grid, bound=-1.0, loss=Loss.REGRET)
    for losses in (np.full(30, np.nan), np.full(30, np.inf)):
        with pytest.raises(DataError, match="one finite loss for each decision"):
            calibrate_gate(x, losses, thresholds=grid, bound=0.0, loss=Loss.REGRET)
    with pytest.raises(SettingsError, match="`thresholds` must be finite"):
        calibrate_gate(x, x, thresholds=np.array([np.inf]), bound=0.0, loss=Loss.REGRET)
    with pytest.raises(DataError, match="No decision has a finite score"):
        gate_thresholds(np.full(3, np.inf), n_calibration=100)
    with pytest.raises(SettingsError, match="must be at least 1, got 25 and 0"):
        gate_thresholds(x, n_calibration=0)
    with pytest.raises(SettingsError, match="`min_visits` must be at least 1"):
        action_regret(world(), features(), DRAWS, min_visits=0)
    with pytest.raises(DataError, match="The demonstrations reach from state 7 to 7 of a world of 4"):
        action_regret(world(), features(), DRAWS, visits([7]))
    with pytest.raises(DataError, match="The reviewed decisions reach from state -1 to 2 of a world of 4"):
        action_regret(world(), features(), DRAWS, visits([0]), reviewed=np.array([2, -1]))
    with pytest.raises(DataError, match="State 9 is none of the 4 states"):
        gate().decide(9)
    with pytest.raises(DataError, match="`visitation` must be"):
        gate().shares(np.zeros(4))
    with pytest.raises(SettingsError, match="`cost` must be finite and above 0"):
        proxy_losses(gate().regret, np.array([0]), np.array([0]), cost=0.0)
    with pytest.raises(DataError, match="one state \\(of 4\\) and one action each"):
        proxy_losses(gate().regret, np.array([4]), np.array([0]), cost=1.0)
