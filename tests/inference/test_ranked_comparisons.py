"""Comparisons made from ranks (T-REX) and from noise (D-REX), and the rewards that go with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.evaluation import preference_test
from telic.features import FeatureMap, trajectory_features
from telic.inference import FitSettings
from telic.inference.preferences import (
    BradleyTerrySettings,
    RankedSegments,
    fit_preferences,
    noise_comparisons,
    ranked_comparisons,
)
from telic.mdp import TabularMDP
from telic.planning import policy_value, simulate, solve_soft
from telic.trajectories import Demonstrations

S, A, K = 12, 3, 3
TRUTH = np.array([1.0, -0.7, 0.4])
PENALISED = BradleyTerrySettings(fit=FitSettings(l2=0.1))


def world(discount: float = 0.9) -> tuple[TabularMDP, FeatureMap]:
    rng = np.random.default_rng(21)
    mdp = TabularMDP.from_transition(
        rng.dirichlet(np.full(S, 0.2), size=(S, A)), discount=discount, initial=np.full(S, 1 / S)
    )
    return mdp, FeatureMap(values=rng.normal(size=(S, A, K)), names=("a", "b", "c"))


def clumsy(
    mdp: TabularMDP, phi: FeatureMap, n: int, *, beta: float, key: int, length: int = 25
) -> Demonstrations:
    """Trajectories of a soft expert of rationality ``beta``: the smaller, the worse."""
    solved = solve_soft(mdp, phi.values @ TRUTH, rationality=beta)
    return simulate(mdp, solved.policy, n, length, key=key)


def mixed(n: int, key: int) -> tuple[Demonstrations, np.ndarray]:
    """Poor demonstrations of three levels, joined, with their true returns."""
    mdp, phi = world()
    parts = [clumsy(mdp, phi, n, beta=b, key=key + i) for i, b in enumerate((0.01, 0.1, 0.3))]
    demos = Demonstrations.from_arrays(
        np.concatenate([p.states for p in parts]),
        np.concatenate([p.actions for p in parts]),
        next_states=np.concatenate([p.next_states for p in parts]),
        offsets=np.arange(3 * n + 1) * 25,
    )
    return demos, trajectory_features(phi, demos) @ TRUTH


def codes(found) -> list[str]:
    return [f.code for f in found]


def gain(weights: np.ndarray) -> float:
    """Share of the way from a random policy to the best one that planning with these weights goes."""
    from telic.planning import solve_hard

    mdp, phi = world()
    truth = phi.values @ TRUTH
    worth = [
        policy_value(mdp, policy, truth).mean()
        for policy in (
            np.full((S, A), 1 / A),
            solve_hard(mdp, phi.values @ weights).policy.table,
            solve_hard(mdp, truth).policy.table,
        )
    ]
    return float((worth[1] - worth[0]) / (worth[2] - worth[0]))


def test_parts_have_one_length_and_the_ranks_of_their_trajectories():
    demos, returns = mixed(10, key=1)
    made = ranked_comparisons(demos, returns, n_pairs=400, key=3, length=(4, 9), least_gap=1.0)
    c, segments = made.comparisons, made.segments
    sizes = np.diff(segments.offsets)
    assert np.array_equal(sizes[c.first], sizes[c.second])
    assert set(np.unique(sizes).tolist()) == set(range(4, 10))
    gap = returns[made.sources[c.first]] - returns[made.sources[c.second]]
    assert (np.abs(gap) > 1.0).all()
    assert np.array_equal(gap > 0, c.preferred == 1.0)
    assert 150 < c.preferred.sum() < 250  # sides are shuffled
    assert c.dataset == segments.digest
    again = ranked_comparisons(demos, returns, n_pairs=400, key=3, length=(4, 9), least_gap=1.0)
    assert again.comparisons.digest == c.digest
    assert again.segments.digest == segments.digest


def test_every_pair_of_different_ranks_is_as_likely_as_another():
    demos, _ = mixed(2, key=1)
    ranks = np.array([0.0, 0.0, 1.0, 2.0, 2.0, 5.0])
    made = ranked_comparisons(demos, ranks, n_pairs=26_000, key=4)
    better = np.where(made.comparisons.preferred == 1, made.comparisons.first, made.comparisons.second)
    worse = np.where(made.comparisons.preferred == 1, made.comparisons.second, made.comparisons.first)
    counts = np.zeros((6, 6))
    np.add.at(counts, (better, worse), 1)
    allowed = ranks[:, None] > ranks[None, :]
    assert counts[~allowed].sum() == 0
    assert allowed.sum() == 13
    assert np.abs(counts[allowed] - 2_000).max() < 5 * np.sqrt(2_000)


def test_the_preferred_part_can_start_later():
    demos, returns = mixed(10, key=1)
    made = ranked_comparisons(demos, returns, n_pairs=300, key=3, length=(5, 5), starts_later=True)
    first_step = np.array(
        [int(str(name).split("[")[1].split(":")[0]) for name in made.segments.trajectory_ids]
    )
    c = made.comparisons
    is_first = c.preferred == 1.0
    better, worse = np.where(is_first, c.first, c.second), np.where(is_first, c.second, c.first)
    assert (first_step[better] >= first_step[worse]).all()


def test_ranks_of_poor_demonstrations_give_a_reward_that_beats_them():
    """90 trajectories of which the best have rationality .3; the reward is judged on fresh ones by their returns."""
    demos, returns = mixed(30, key=10)
    made = ranked_comparisons(demos, returns, n_pairs=3_000, key=5, length=(5, 20))
    assert isinstance(made, RankedSegments)
    found = fit_preferences(made.likelihood(world()[1]), settings=PENALISED)
    assert found.outcome.ok
    cosine = found.reward.weights @ TRUTH / np.linalg.norm(found.reward.weights) / np.linalg.norm(TRUTH)
    assert cosine > 0.95
    assert gain(found.reward.weights) > 0.9
    fresh, their_returns = mixed(30, key=900)
    judged = ranked_comparisons(fresh, their_returns, n_pairs=500, key=6)
    mine = trajectory_features(world()[1], fresh) @ found.reward.weights
    assert preference_test(mine, judged.comparisons)["reward"].accuracy.interval[0] > 0.8


def test_drawn_comparisons_state_no_errors():
    demos, returns = mixed(10, key=1)
    made = ranked_comparisons(demos, returns, n_pairs=400, key=3, length=(4, 9))
    found = fit_preferences(made.likelihood(world()[1]), settings=PENALISED)
    assert found.reward.covariances == {}
    messages = " ".join(f.message for f in found.findings)
    assert "The 400 comparisons come from the ranks of 30 trajectories. Their number is a choice" in messages
    assert "No standard errors: how many comparisons there are was a choice." in messages


def test_short_trajectories_are_left_out_and_told():
    demos, _ = mixed(3, key=1)
    cut = replace(
        demos,
        offsets=np.array([0, 2, 25, 50, 75, 100, 125, 150, 200, 225]),
    )
    made = ranked_comparisons(cut, np.arange(9.0), n_pairs=50, key=1, length=(5, 10))
    assert "too-short" in codes(made.findings)
    assert 0 not in made.sources


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"ranks": np.zeros(9)},
            DataError,
            "No two of the 9 usable trajectories differ in rank by more than 0",
        ),
        ({"ranks": np.arange(8.0)}, DataError, "`ranks` must hold 9 finite numbers"),
        ({"ranks": np.full(9, np.nan)}, DataError, "`ranks` must hold 9 finite numbers"),
        ({"length": (30, 40)}, DataError, "No two of the 0 usable trajectories"),
        ({"length": (5, 4)}, SettingsError, r"`length` must be \(least, most\)"),
        ({"n_pairs": 0}, SettingsError, "`n_pairs` must be at least 1"),
        ({"least_gap": -1.0}, SettingsError, "`least_gap` must be finite and not negative"),
    ],
)
def test_ranks_that_give_no_comparisons_are_refused(change, error, words):
    demos, _ = mixed(3, key=1)
    given = {"ranks": np.arange(9.0), "n_pairs": 10, "key": 1, **change}
    with pytest.raises(error, match=words):
        ranked_comparisons(demos, given.pop("ranks"), **given)


def test_noise_ranks_its_own_imitations():
    mdp, phi = world()
    demos = clumsy(mdp, phi, 60, beta=1.0, key=7)
    made = noise_comparisons(demos, mdp, n_pairs=3_000, key=8, n_trajectories=30, length=(10, 25))
    assert made.trajectories.n_trajectories == 150
    assert set(np.unique(made.ranks).tolist()) == {0.0, -0.25, -0.5, -0.75, -1.0}
    assert str(made.trajectories.trajectory_ids[0]).startswith("noise 0, ")
    assert codes(made.findings)[0] == "noise-is-worse"
    levels = [
        (trajectory_features(phi, made.trajectories) @ TRUTH)[made.ranks == r].mean()
        for r in np.unique(made.ranks)
    ]
    assert levels[0] < levels[2] < levels[4]  # the assumption holds here
    found = fit_preferences(made.likelihood(phi), settings=PENALISED)
    assert found.outcome.ok
    assert gain(found.reward.weights) > 0.8
    again = noise_comparisons(demos, mdp, n_pairs=3_000, key=8, n_trajectories=30, length=(10, 25))
    assert again.comparisons.digest == made.comparisons.digest


def test_noise_on_nothing_is_told():
    mdp, phi = world()
    random = simulate(mdp, np.full((S, A), 1 / A), 400, 25, key=1)
    made = noise_comparisons(random, mdp, n_pairs=50, key=8, n_trajectories=2)
    assert "cloning-is-noise" in codes(made.findings)
    first = replace(mdp, initial=None)
    started = noise_comparisons(
        clumsy(mdp, phi, 5, beta=1.0, key=2), first, n_pairs=5, key=1, n_trajectories=3
    )
    assert started.trajectories.n_trajectories == 15


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise_levels": (0.5, 0.5)}, "`noise_levels` must hold two or more different chances"),
        ({"noise_levels": (0.0, 1.5)}, "`noise_levels` must hold two or more different chances"),
        ({"n_trajectories": 0}, "`n_trajectories` must be at least 1"),
    ],
)
def test_noise_settings_are_checked(change, words):
    mdp, phi = world()
    demos = clumsy(mdp, phi, 3, beta=1.0, key=7)
    with pytest.raises(SettingsError, match=words):
        noise_comparisons(demos, mdp, n_pairs=5, key=1, **change)
