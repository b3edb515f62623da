"""Checks of demonstrations: each detector on a planted fault and on a clean log, with the message read."""

from dataclasses import replace

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.errors import ContractError, DataError, DynamicsError
from telic.mdp import TabularMDP
from telic.reports import Severity
from telic.trajectories import Demonstrations
from telic.trajectories.checks import check, demonstrator_differences, impossible_transitions, missing_mass
from telic.trajectories.checks.differences import holm

ACTIONS = ("hold", "add", "remove")


def contract(**blocks):
    return TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [
                {"name": "load", "unit": "rps", "low": 0, "high": 100, "bins": 4},
                {"name": "tier", "type": "category"},
            ],
            "actions": {"column": "act", "values": list(ACTIONS)},
            "timing": {"control_period_seconds": 60},
            **blocks,
        }
    )


def log(key=0, n_trajectories=24, length=40, demonstrators=4, odd=0.0):
    """A clean log: one policy for all, except that demonstrator 0 takes `add` with probability `odd` where
    tier is 1."""
    g = np.random.default_rng(key)
    n = n_trajectories * length
    load, tier = g.uniform(1, 99, n), g.integers(0, 2, n).astype(np.int32)
    who = np.arange(n_trajectories) % demonstrators
    policy = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])[tier]
    mine = (np.repeat(who, length) == 0) & (tier == 1)
    policy[mine] = (1 - odd) * policy[mine] + odd * np.array([0, 1, 0])
    actions = (g.random(n)[:, None] > np.cumsum(policy, axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    return Demonstrations(
        actions=actions,
        offsets=np.arange(0, n + 1, length),
        action_labels=ACTIONS,
        observations={"load": load, "tier": tier},
        categories={"tier": ("gold", "tin")},
        times=np.tile(np.arange(length) * 60.0, n_trajectories),
        trajectory_ids=np.array([f"t{i}" for i in range(n_trajectories)], dtype=object),
        demonstrators=who.astype(np.int32),
        demonstrator_names=tuple(f"demonstrator-{i}" for i in range(demonstrators)),
        terminated=np.zeros(n_trajectories, dtype=bool),
        truncated=np.ones(n_trajectories, dtype=bool),
    )


def codes_of(demos, made=None, **options):
    return {f.code: f for f in check(demos, made or contract(), **options)}


def test_a_clean_log_has_no_warning():
    found = codes_of(log())
    assert set(found) == {"coverage", "demonstrators-agree", "counts"}
    assert all(f.severity < Severity.NOTICE for f in found.values())


def test_missing_mass_by_hand():
    """Cells a a | a b | c: b and c are visited by one trajectory each, 2 of 5 decisions."""
    mass = missing_mass(np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 2]))
    assert mass.value == 2 / 5
    assert mass.singletons == 2
    # Without trajectory 0: a and b alone (2 of 3) and c; without 1: a a c all alone; without 2: b of 4.
    left_out = np.array([3 / 3, 3 / 3, 1 / 4])
    spread = np.sqrt(2 / 3 * np.sum((left_out - left_out.mean()) ** 2))
    np.testing.assert_allclose(
        mass.interval, [max(0, 0.4 - 1.959964 * spread), min(1, 0.4 + 1.959964 * spread)], atol=1e-6
    )


def test_missing_mass_of_single_decisions_is_good_turing():
    codes = np.array([0, 0, 1, 2, 3, 3, 3, 4])
    assert missing_mass(codes, np.arange(8)).value == 3 / 8
    nothing_new = missing_mass(np.zeros(50, dtype=int), np.arange(50))
    assert nothing_new.value == 0
    assert nothing_new.interval[1] == pytest.approx(1 - 0.05 ** (1 / 50))
    assert missing_mass(np.zeros(5, dtype=int), np.zeros(5, dtype=int)).interval == (0.0, 1.0)


def test_coverage_is_told_with_its_total():
    demos = Demonstrations.from_arrays(
        [0, 1, 0, 1, 2], [0, 1, 0, 0, 2], offsets=[0, 2, 4, 5], action_labels=ACTIONS
    )
    finding = codes_of(demos, n_situations=10)["coverage"]
    assert (
        "3 of 10 (30%) states were seen, 4 (situation, action) pairs, 1 of the situations only once"
        in finding.message
    )
    assert "probability 0.200" in finding.message
    assert finding.severity is Severity.WARNING


def test_an_odd_demonstrator_is_found_and_not_named():
    finding = codes_of(log(odd=0.5))["demonstrators-differ"]
    assert finding.severity is Severity.WARNING
    assert "1 of 4 demonstrators acts differently from the rest" in finding.message
    assert "most clearly where load" in finding.message
    assert "tier tin (n = " in finding.message
    assert "demonstrator-" not in str(finding.to_json())
    assert finding.evidence["n_different"] == 1


def test_people_may_be_named_where_the_contract_allows_it():
    people = {"purpose": "training", "legal_basis": "consent", "informed_on": "2024-05-01"}
    found = codes_of(log(odd=0.5), contract(people=people))
    assert "1 of 4 demonstrators (demonstrator-0) acts" in found["demonstrators-differ"].message
    assert "demonstrator-0 240" in found["counts"].message
    assert "demonstrator-" not in codes_of(log())["counts"].message


def test_two_who_differ_are_not_told_apart():
    finding = codes_of(log(demonstrators=2, odd=0.8))["demonstrators-differ"]
    assert "The 2 demonstrators act differently from one another" in finding.message


def test_many_people_are_tested_together():
    finding = codes_of(log(n_trajectories=120, demonstrators=60, odd=1.0), contract())
    assert "demonstrators-agree" not in finding
    assert finding["demonstrators-differ"].message.startswith(
        "The 60 demonstrators act differently from one another"
    )
    alike = codes_of(log(n_trajectories=120, demonstrators=60), contract())
    assert "demonstrators-differ" not in alike


def test_demonstrators_without_shared_situations():
    demos = log(demonstrators=2)
    apart = np.repeat(demos.demonstrators, 40).astype(np.int32)
    demos = replace(demos, states=apart, next_states=apart)
    assert "never decided in the same situation" in codes_of(demos)["demonstrators-not-comparable"].message


def test_small_comparisons_are_exact_permutation_tests():
    """Six decisions in one situation: all 20 pairings by brute force."""
    import itertools

    who, what = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    found = demonstrator_differences(who, what, np.zeros(6, dtype=int))
    extreme = [set(c) in ({0, 1, 2}, {3, 4, 5}) for c in itertools.combinations(range(6), 3)]
    assert found.p_value == pytest.approx(np.mean(extreme), abs=0.03)  # 999 pairings drawn: 3 standard errors


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_mixed_decisions():
    demos = Demonstrations.from_arrays([0, 0, 0, 1, 1, 2], [0, 0, 1, 2, 2, 0], action_labels=ACTIONS)
    finding = codes_of(demos)["mixed-decisions"]
    assert "In 1 of 2 states that occur more than once" in finding.message
    assert "explains 80%" in finding.message


def test_actions_never_or_rarely_taken():
    demos = Demonstrations.from_arrays([0] * 10, [0] * 9 + [1], action_labels=ACTIONS)
    found = codes_of(demos)
    assert "1 of 3 actions never occur in 10 decisions: remove" in found["actions-never-taken"].message
    assert "add" in found["actions-rarely-taken"].message


def test_times():
    demos = log()
    times = demos.times.copy()
    times[5] = times[4]
    times[10] = times[9] - 60
    times[30:40] += 6000
    found = codes_of(replace(demos, times=times))
    assert (
        "Time runs backwards in 1 of 936 steps (first after decision 9)"
        in found["negative-time-steps"].message
    )
    assert found["negative-time-steps"].severity is Severity.ERROR
    assert "1 of 936 steps take no time" in found["equal-times"].message
    assert "longer than 1.5 times the usual 60 s; the longest is 6060 s" in found["gaps"].message


def test_constant_and_frozen_columns():
    demos = log()
    load = demos.observations["load"].copy()
    load[100:112] = load[100]
    found = codes_of(replace(demos, observations={"load": load, "tier": np.zeros(960, dtype=np.int32)}))
    assert "`tier` never changes in 960 decisions" in found["constant-columns"].message
    assert (
        "`load` stands still for 12 decisions in a row (from decision 100)" in found["frozen-column"].message
    )
    assert found["frozen-column"].evidence["p_value"] < 1e-10


def test_a_column_that_rarely_changes_is_not_frozen():
    demos = log()
    g = np.random.default_rng(1)
    steps = np.repeat(g.uniform(1, 99, 96), 10)
    assert "frozen-column" not in codes_of(replace(demos, observations={**demos.observations, "load": steps}))


def test_copies():
    demos = log()
    copied = demos.select(np.r_[np.arange(24), 3, 7, 7])
    ids = np.array([f"u{i}" for i in range(27)], dtype=object)
    finding = codes_of(replace(copied, trajectory_ids=ids))["duplicate-trajectories"]
    assert "3 of 27 trajectories are copies of others in every row (u3, u24; u7, u25, u26)" in finding.message
    assert "duplicate-trajectories" not in codes_of(demos)


def test_likely_coincidences_are_not_copies():
    """Two states and one busy action: short equal trajectories are what chance makes."""
    g = np.random.default_rng(0)
    demos = Demonstrations.from_arrays(
        g.integers(0, 2, 600),
        (g.random(600) < 0.05).astype(int),
        offsets=np.arange(0, 601, 3),
        action_labels=ACTIONS,
    )
    assert "duplicate-trajectories" not in codes_of(demos)


def test_duplicate_rows():
    demos = log()
    rows = np.r_[np.arange(5), 4, np.arange(5, 39)]
    fixed = {k: np.r_[v[rows], v[40:]] for k, v in demos.observations.items()}
    doubled = replace(
        demos,
        observations=fixed,
        actions=np.r_[demos.actions[rows], demos.actions[40:]],
        times=np.r_[demos.times[rows], demos.times[40:]],
    )
    assert "1 decisions repeat the one before them" in codes_of(doubled)["duplicate-rows"].message


def test_bounds_and_saturation():
    demos = log()
    load = demos.observations["load"].copy()
    load[7] = 120
    load[200:260] = 100
    found = codes_of(replace(demos, observations={**demos.observations, "load": load}))
    assert (
        "`load` must lie in [0, 100]; 1 of 960 values do not (first: decision 7, 120)"
        in found["out-of-bounds"].message
    )
    assert "6% of the values of `load` are exactly its bound `high` (100)" in found["saturated"].message


def test_one_demonstrator_dominates():
    demos = log()
    finding = codes_of(
        replace(demos, demonstrators=np.r_[np.zeros(21, np.int32), [1, 2, 3]].astype(np.int32))
    )["counts"]
    assert "the busiest 88% of them, the least busy 40" in finding.message
    assert finding.severity is Severity.NOTICE


WORLD = TabularMDP.from_transition(
    np.array([[[0.5, 0.5, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 0, 1]]]), discount=0.9
)


def test_impossible_transitions_by_hand():
    demos = Demonstrations.from_arrays(
        [0, 0, 1, 1, 2], [0, 1, 0, 1, 1], next_states=[1, 0, 1, 2, -1], action_labels=["stay", "go"]
    )
    np.testing.assert_array_equal(impossible_transitions(demos, WORLD), [1])
    from telic.trajectories.checks.transitions import transition_findings

    (finding,) = transition_findings(demos, WORLD)
    assert finding.severity is Severity.ERROR
    assert "probability 0 to 1 of 5 decisions (row 1: 0 --go--> 0)" in finding.message


def test_impossible_transitions_against_brute_force():
    g = np.random.default_rng(5)
    dense = g.dirichlet(np.ones(6), size=(6, 3)) * (g.random((6, 3, 6)) < 0.4)
    dense[:, :, 0] += 1e-3
    dense /= dense.sum(axis=2, keepdims=True)
    available = g.random((6, 3)) < 0.8
    available[:, 0] = True
    world = TabularMDP.from_transition(dense * available[:, :, None], discount=0.9, available=available)
    s, a, t = g.integers(0, 6, 500), g.integers(0, 3, 500), g.integers(-1, 6, 500)
    demos = Demonstrations.from_arrays(s, a, next_states=t, action_labels=["a", "b", "c"])
    expected = [
        i for i in range(500) if not available[s[i], a[i]] or (t[i] >= 0 and dense[s[i], a[i], t[i]] == 0)
    ]
    np.testing.assert_array_equal(impossible_transitions(demos, world), expected)


def test_impossible_transitions_refuses_another_world():
    demos = Demonstrations.from_arrays([0, 5], [0, 1])
    with pytest.raises(
        DynamicsError, match="The world has 3 states and 2 actions; the demonstrations go up to state 5"
    ):
        impossible_transitions(demos, WORLD)
    with pytest.raises(DataError, match="no states yet"):
        impossible_transitions(log(), WORLD)


def test_what_cannot_be_checked():
    demos = log()
    with pytest.raises(DataError, match="There are no decisions"):
        check(demos.select([]), contract())
    with pytest.raises(ContractError, match="have the actions hold, add, remove, the contract hold, add"):
        check(demos, contract(actions={"column": "act", "values": ["hold", "add"]}))
    with pytest.raises(DataError, match="no observation `tier`"):
        check(replace(demos, observations={"load": demos.observations["load"]}), contract())
