"""Power and false alarms of the statistical checks, on planted faults and 200 clean controls each.

Eight comparisons, each gated at level .001 / 8 by an exact binomial tail; keys fixed before the first run. That
run: false alarms 1/200 (demonstrators, level .01), 0/200 (frozen column), 0/200 (copies), both at level .001;
found 99/100 (odd demonstrator of four: .6 of the decisions in half of the situations moved, 960 decisions),
100/100 (frozen for 8 of 2,000 decisions), 100/100 (one copied trajectory of 8 rows among 60); missing-mass
intervals of 95 % held the truth 290/300 and 291/300 times.
"""

import numpy as np
import pytest
from scipy.stats import binom

from telic.contract import TaskContract
from telic.trajectories import Demonstrations
from telic.trajectories.checks import demonstrator_differences, missing_mass
from telic.trajectories.checks.regularity import column_findings, copy_findings

COMPARISONS = 8
LEVEL = 0.001 / COMPARISONS
CONTROLS = 200
PLANTED = 100


def at_most(count, trials, rate):
    """The count is not so large that the rate must be higher."""
    assert binom.sf(count - 1, trials, rate) > LEVEL, f"{count} of {trials} where {rate:.1%} were promised"


def at_least(count, trials, rate):
    """The count is not so small that the rate must be lower."""
    assert binom.cdf(count, trials, rate) > LEVEL, f"{count} of {trials} where {rate:.1%} were promised"


def decisions(key, odd):
    g = np.random.default_rng(key)
    who = np.repeat(np.arange(24) % 4, 40)
    where = g.integers(0, 8, 960)
    policy = g.dirichlet(np.ones(3), size=8)[where]
    mine = (who == 0) & (where % 2 == 0)
    policy[mine] = (1 - odd) * policy[mine] + odd * np.array([0, 1, 0])
    what = (g.random(960)[:, None] > np.cumsum(policy, axis=1)).sum(axis=1).clip(0, 2)
    return who, what, where


def test_odd_demonstrators():
    alarms = sum(demonstrator_differences(*decisions(k, 0.0), key=k).p_value < 0.01 for k in range(CONTROLS))
    at_most(alarms, CONTROLS, 0.01)
    found = sum(
        demonstrator_differences(*decisions(k, 0.6), key=k).odd == (0,) for k in range(1000, 1000 + PLANTED)
    )
    at_least(found, PLANTED, 0.9)


CONTRACT = TaskContract.from_mapping(
    {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "a", "values": ["0", "1"]},
    }
)


def numbers(key, frozen):
    g = np.random.default_rng(key)
    x = np.round(g.normal(size=2000), 1)
    if frozen:
        x[700 : 700 + frozen] = x[700]
    made = Demonstrations.from_arrays(
        np.zeros(2000), np.zeros(2000), offsets=np.arange(0, 2001, 100), action_labels=["0", "1"]
    )
    return Demonstrations(**{**vars(made), "observations": {"x": x}})


def test_frozen_columns():
    alarms = sum(bool(column_findings(numbers(k, 0), CONTRACT)) for k in range(CONTROLS))
    at_most(alarms, CONTROLS, 0.001)
    found = sum(bool(column_findings(numbers(k, 8), CONTRACT)) for k in range(2000, 2000 + PLANTED))
    at_least(found, PLANTED, 0.9)


def chain(key, copied):
    """60 trajectories of 8 rows over 12 sticky states and 2 actions; the last one perhaps a copy of the first."""
    g = np.random.default_rng(key)
    fresh = g.integers(0, 12, (60, 8))
    keep = g.random((60, 8)) < 0.3
    keep[:, 0] = False
    states = np.take_along_axis(fresh, np.maximum.accumulate(np.where(keep, 0, np.arange(8)), axis=1), axis=1)
    actions = g.integers(0, 2, (60, 8))
    if copied:
        states[-1], actions[-1] = states[0], actions[0]
    return Demonstrations.from_arrays(
        states.ravel(), actions.ravel(), offsets=np.arange(0, 481, 8), action_labels=["0", "1"]
    )


def test_copied_trajectories():
    alarms = sum(bool(copy_findings(chain(k, False))) for k in range(CONTROLS))
    at_most(alarms, CONTROLS, 0.001)
    found = sum(bool(copy_findings(chain(k, True))) for k in range(3000, 3000 + PLANTED))
    at_least(found, PLANTED, 0.9)


@pytest.mark.parametrize(("n_trajectories", "length", "stickiness"), [(300, 1, 0.0), (60, 20, 0.7)])
def test_missing_mass_intervals_hold_the_truth(n_trajectories, length, stickiness):
    """States of a sticky walk with a long-tailed law; the truth is the law's mass outside the states seen."""
    law = 1 / np.arange(1, 301)
    law /= law.sum()
    held = 0
    for key in range(5000, 5300):
        g = np.random.default_rng(key)
        fresh = g.choice(300, size=(n_trajectories, length), p=law)
        move = g.random((n_trajectories, length)) >= stickiness
        move[:, 0] = True
        steps = np.maximum.accumulate(np.where(move, np.arange(length), 0), axis=1)
        states = np.take_along_axis(fresh, steps, axis=1)
        low, high = missing_mass(states.ravel(), np.repeat(np.arange(n_trajectories), length)).interval
        held += low <= law[np.setdiff1d(np.arange(300), states)].sum() <= high
    at_least(held, 300, 0.95)
