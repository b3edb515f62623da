"""Rewards side by side: forms, relations, what the data left open, held-out answers, other dynamics, bad input."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DataError, DynamicsError, FeatureError, GaugeError, NumericalError, SettingsError
from telic.evaluation import (
    as_reward,
    canonical_by_value,
    canonical_dard,
    compare_rewards,
    dard_distance,
    epic_distance,
    preference_accuracy,
    starc_distance,
    trajectory_returns,
)
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import laplace_posterior
from telic.mdp import TabularMDP
from telic.mdp.library import chain
from telic.reports import Outcome, Severity
from telic.rewards import Gauge, LinearReward, NormalPrior, RewardEstimate, TabularReward
from telic.trajectories import Comparisons, Demonstrations

S, A, GAMMA = 4, 2, 0.9


@pytest.fixture(scope="module")
def world() -> TabularMDP:
    P = np.random.default_rng(4).dirichlet(np.ones(S), size=(S, A))
    return TabularMDP.from_transition(P, discount=GAMMA)


@pytest.fixture(scope="module")
def elsewhere() -> TabularMDP:
    P = np.random.default_rng(5).dirichlet(np.ones(S), size=(S, A))
    return TabularMDP.from_transition(P, discount=GAMMA)


def estimate(values: np.ndarray, null: np.ndarray, *, discount: float = GAMMA) -> RewardEstimate:
    """One weight a pair, made by hand."""
    K = values.size
    names = tuple(f"r{k}" for k in range(K))
    features = FeatureMap(values=np.eye(K).reshape(S, A, K), names=names)
    return RewardEstimate(
        method="by_hand",
        outcome=Outcome.SUCCESS,
        reward=LinearReward(features=features, weights=values.ravel()),
        names=names,
        units=("",) * K,
        weights=values.ravel(),
        covariances={},
        gauge=Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=discount),
        null_directions=null,
        n_decisions=10,
        n_trajectories=1,
        choice_log_likelihood=-1.0,
        transition_log_likelihood=None,
        certificate={},
        fixed_by_assumption={},
        seconds=0.0,
    )


def codes(findings) -> list[str]:
    return [f.code for f in findings]


def test_one_reward_in_seven_makes_is_one_reward(world: TabularMDP) -> None:
    table = np.arange(S, dtype=float) ** 2
    pairs = np.repeat(table[:, None], A, axis=1)
    triples = np.repeat(pairs[:, :, None], S, axis=2)
    makes = {
        "S": table,
        "SA": pairs,
        "SAS": triples,
        "CSR": sp.csr_array(triples.reshape(S * A, S)),
        "function": lambda s, a, nxt: s**2,
        "tabular": TabularReward(values=table),
        "linear": LinearReward(
            features=FeatureMap(values=table[:, None], names=("squared",), form="S"), weights=np.array([1.0])
        ),
    }
    found = compare_rewards(makes, world)
    assert max(np.abs(m).max() for m in found.distances.values()) < 1e-12
    assert {r.relation.name for r in found.relations.values()} == {"IDENTICAL"}
    assert [r.form for r in found.rewards] == ["S", "SA", "S", "SAS", "S", "S", "S"]
    assert found.distance("S", "CSR", "epic") < 1e-12


def test_a_function_is_kept_in_the_smallest_form_that_holds_it(world: TabularMDP) -> None:
    assert as_reward(lambda s, a, nxt: s * 1.0, world).form == "S"
    assert as_reward(lambda s, a, nxt: s - a, world).form == "SA"
    reward = as_reward(lambda s, a, nxt: s * 100 + a * 10 + nxt, world)
    assert reward.form == "SAS"
    assert reward.values.toarray()[1 * A + 1, 2] == 112


def test_a_function_of_a_large_world_is_asked_for_possible_transitions_only(monkeypatch, world) -> None:
    monkeypatch.setattr("telic.evaluation.reward_forms.DENSE_TRIPLES", 4)
    ring = TabularMDP.from_transition(np.eye(S)[[[1, 0], [2, 1], [3, 2], [0, 3]]], discount=GAMMA)
    asked = []

    def reward(s, a, nxt):
        asked.append(np.stack([s, a, nxt], axis=1))
        return nxt.astype(float)

    found = compare_rewards({"a": reward, "b": np.arange(S, dtype=float)}, ring)
    assert all(len(rows) == S * A for rows in asked)
    assert list(found.distances) == ["starc"]
    assert "only-starc" in codes(found.findings)
    with pytest.raises(SettingsError, match="at most 4 are held"):
        epic_distance(reward, reward, ring)


def test_findings_say_how_rewards_are_related(world: TabularMDP) -> None:
    rng = np.random.default_rng(1)
    R, phi = rng.normal(size=(S, A)), rng.normal(size=S)
    triples = R[:, :, None] + GAMMA * phi[None, None, :] - phi[:, None, None]
    P = world.transition.toarray().reshape(S, A, S)
    found = compare_rewards(
        {"R": R, "shaped": triples, "expected": (P * triples).sum(axis=2), "cost": -R, "louder": 2 * R}, world
    )
    said = {f.message: f for f in found.findings}
    assert (
        "R and shaped differ only by shaping (and a positive factor): choices agree in every dynamics."
        in said
    )
    here = said[
        "R and expected order all policies of this world alike, but not as shaping of transitions: in other "
        "dynamics they may disagree."
    ]
    assert here.severity is Severity.NOTICE
    assert said["R and louder differ only by a positive factor."].evidence["scale"] == pytest.approx(2.0)
    assert any("R and cost are opposite" in message for message in said)
    assert found.distance("R", "cost") == pytest.approx(1.0)
    assert "farthest apart are R and cost" in found.summary().headline
    assert json.loads(json.dumps(found.to_json()))["distances"]["starc"][0][3] == pytest.approx(1.0)
    assert "STARC is the one to certify by" in found.summary().to_text()


def test_what_agrees_here_may_differ_elsewhere(world: TabularMDP, elsewhere: TabularMDP) -> None:
    """The advantage used as reward: the same choices where it was learned, others after the change."""
    states = np.array([0.0, 1.0, 0.0, 2.0])
    advantage = canonical_by_value(states, world)
    found = compare_rewards({"states": states, "advantage": advantage}, world, new_world=elsewhere)
    assert found.distance("states", "advantage") == pytest.approx(0.0, abs=1e-9)
    assert found.elsewhere[0, 1] > 0.05
    told = {f.code: f for f in found.findings}
    assert told["agree-here-only"].severity is Severity.WARNING
    assert told["state-action-transfer"].severity is Severity.WARNING
    assert told["state-action-transfer"].message.startswith("advantage is of state and action")
    assert len([f for f in found.findings if f.code == "state-action-transfer"]) == 1
    same = compare_rewards({"states": states, "advantage": advantage}, world, new_world=world)
    assert not {"agree-here-only", "state-action-transfer"} & set(codes(same.findings))


def test_zero_constant_and_shaping_rewards_are_flagged_not_measured(world: TabularMDP) -> None:
    R = np.random.default_rng(2).normal(size=(S, A))
    phi = np.array([1.0, -2.0, 0.5, 3.0])
    shaping = GAMMA * phi[None, None, :] - phi[:, None, None] + np.zeros((S, A, S))
    for nothing in (np.zeros(S), np.full((S, A), 3.0), shaping):
        for distance in (epic_distance, dard_distance):
            found = distance(R, nothing, world)
            assert np.isnan(found.value)
            assert found.outcome is Outcome.TRIVIAL
            assert "second reward prefers no policy" in found.findings[0].message
            assert found.to_json()["value"] is None
            assert found.summary().headline.startswith("No ")
        found = starc_distance(R, nothing, world)
        assert found.value == pytest.approx(0.5)
        assert codes(found.findings) == ["trivial-reward"]
        assert starc_distance(nothing, nothing, world).value == 0.0
    both = compare_rewards({"zero": np.zeros(S), "constant": np.ones(S)}, world)
    assert both.outcome is Outcome.TRIVIAL
    assert "rewards-trivial" in codes(both.findings)
    assert both.summary().headline == Outcome.TRIVIAL.value


def test_epic_needs_more_than_starc_of_a_small_discount(world: TabularMDP) -> None:
    """At discount 0 a reward of the state alone leaves no choice to prefer."""
    myopic = TabularMDP.from_transition(world.transition, n_actions=A, discount=0.0)
    found = compare_rewards({"a": np.arange(4.0), "b": np.arange(4.0) ** 2}, myopic)
    assert found.outcome is Outcome.TRIVIAL


def test_directions_the_data_could_not_tell_are_counted_where_they_matter(world: TabularMDP) -> None:
    rng = np.random.default_rng(3)
    values, other = rng.normal(size=(2, S, A))
    P = world.transition.toarray().reshape(S, A, S)
    phi = rng.normal(size=S)
    shaping = (GAMMA * P @ phi - phi[:, None]).ravel()
    visible = np.eye(S * A)[0]
    null = np.stack([shaping / np.linalg.norm(shaping), visible])
    found = compare_rewards({"fit": estimate(values, null), "other": other}, world)
    fit = found.rewards[0]
    assert (fit.nullity, fit.open_directions) == (2, 1)
    told = next(f for f in found.findings if f.code == "distance-not-determined")
    assert "2 direction(s) of fit; 1 of them move" in told.message
    harmless = compare_rewards({"fit": estimate(values, null[:1]), "other": other}, world)
    assert harmless.rewards[0].open_directions == 0
    assert "distance-not-determined" not in codes(harmless.findings)
    assert found.rewards[1].nullity is None


def test_mixed_gauges_are_refused_or_flagged(world: TabularMDP) -> None:
    values = np.random.default_rng(3).normal(size=(2, S, A))
    none = np.zeros((0, S * A))
    fits = {"a": estimate(values[0], none), "b": estimate(values[1], none, discount=0.5)}
    with pytest.raises(GaugeError, match=r"a and b: .*discount 0.9 against 0.5"):
        compare_rewards(fits, world)
    found = compare_rewards(fits, world, mixed_gauges="flag")
    assert "mixed-gauges" in codes(found.findings)
    failed = {"a": replace(fits["a"], outcome=Outcome.MAX_ITERATIONS), "b": values[1]}
    worst = compare_rewards(failed, world).findings[0]
    assert (worst.code, worst.severity) == ("estimate-not-usable", Severity.ERROR)


def walks() -> Demonstrations:
    return Demonstrations.from_arrays(
        [0, 1, 0, 0, 1, 1], [1, 0, 0, 0, 0, 0], next_states=[1, 1, 0, 0, 1, -1], offsets=[0, 2, 4, 6]
    )


def answers(first, second, preferred, dataset: str = "") -> Comparisons:
    return Comparisons(
        first=np.array(first, dtype=np.int64),
        second=np.array(second, dtype=np.int64),
        preferred=np.array(preferred, dtype=float),
        annotators=np.zeros(len(first), dtype=np.int32),
        dataset=dataset,
    )


def test_returns_by_hand() -> None:
    mdp = chain().mdp
    on = np.array([0.0, 1.0])
    assert trajectory_returns(on, walks(), mdp) == pytest.approx([0.9, 0.0, 1.9])
    arriving = np.zeros((2, 2, 2))
    arriving[:, :, 1] = 1.0
    # The last next state is not known: the expected reward of the pair, 1 here, stands in.
    assert trajectory_returns(arriving, walks(), mdp) == pytest.approx([1.9, 0.0, 1.9])


def test_held_out_answers_are_counted() -> None:
    from scipy.stats import binomtest

    returns = np.array([0.0, 1.0, 2.0, 2.0])
    found = preference_accuracy(returns, answers([0, 1, 2, 2, 0], [1, 2, 0, 3, 2], [0, 0, 0, 1, 0.5]))
    assert (found.n, found.n_ties, found.n_left_out) == (4, 1, 1)
    assert found.value == pytest.approx(2.5 / 4)
    exact = binomtest(2, 4).proportion_ci(0.95, method="exact")
    assert found.interval == pytest.approx((exact.low, exact.high))
    assert codes(found.findings) == ["indifferent-reward"]


def test_rewards_are_judged_by_held_out_answers() -> None:
    mdp, demos = chain().mdp, walks()
    held_out = answers([0, 0, 2] * 20, [1, 2, 1] * 20, [1, 0, 1] * 20, demos.digest)
    found = compare_rewards(
        {
            "on": np.array([0.0, 1.0]),
            "off": np.array([1.0, 0.0]),
            "still": np.array([[1.0, 0.0], [1.0, 0.0]]),
        },
        mdp,
        comparisons=held_out,
        demonstrations=demos,
    )
    on, off, _ = found.rewards
    assert on.accuracy.value == 1.0
    assert off.accuracy.value == 0.0
    assert "worse-than-chance" in codes(found.findings)
    assert "comparisons-share-trajectories" in codes(found.findings)
    few = answers([0], [1], [1])
    told = compare_rewards(
        {"on": np.array([0.0, 1.0]), "off": np.array([1.0, 0.0])}, mdp, comparisons=few, demonstrations=demos
    )
    assert codes(told.findings).count("no-better-than-chance") == 2
    nothing = preference_accuracy(np.arange(4.0), answers([0], [1], [0.5]))
    assert np.isnan(nothing.value)
    assert codes(nothing.findings) == ["no-preferences"]


def test_a_posterior_is_compared_by_its_mean(world: TabularMDP) -> None:
    chosen = Demonstrations.from_arrays([0, 1, 2], [0, 1, 1], offsets=[0, 3])
    phi = np.stack([np.eye(S)[0], np.eye(S)[0] * 2.0, np.ones(S)], axis=1)  # twice the same, and a constant
    features = FeatureMap(values=phi, names=("here", "again", "always"), form="S")
    prior = NormalPrior.of(features.names, dict.fromkeys(features.names, 1.0))
    beliefs = laplace_posterior(DiscountedLikelihood(world, features, chosen), prior, n_draws=100)
    found = compare_rewards({"mean": phi @ beliefs.flat.mean(axis=0), "beliefs": beliefs}, world)
    assert found.distance("mean", "beliefs") < 1e-7
    assert "posterior-mean" in codes(found.findings)
    # A copy changes no reward, a constant no order of policies: two untold directions, neither moves a distance.
    assert (found.rewards[1].nullity, found.rewards[1].open_directions) == (2, 0)
    not_mixed = replace(beliefs, outcome=Outcome.NOT_MIXED)
    with pytest.raises(NumericalError, match="These draws are not an answer"):
        compare_rewards({"a": np.ones((S, A)), "b": not_mixed}, world)


def test_bad_input_is_refused_in_words(world: TabularMDP) -> None:
    R = np.ones((S, A))
    with pytest.raises(SettingsError, match="at least two rewards, got 1"):
        compare_rewards({"a": R}, world)
    with pytest.raises(
        DynamicsError, match=r"`b` has shape \(3,\), which is no reward of a world of 4 states"
    ):
        compare_rewards({"a": R, "b": np.ones(3)}, world)
    with pytest.raises(FeatureError, match="`b` must be finite everywhere; 1 of its values"):
        compare_rewards({"a": R, "b": np.array([0.0, np.inf, 0.0, 0.0])}, world)
    with pytest.raises(FeatureError, match=r"`b` was asked for 32 transitions and answered with shape \(\)"):
        compare_rewards({"a": R, "b": lambda s, a, nxt: 1.0}, world)
    with pytest.raises(SettingsError, match="must be 'refuse' or 'flag'"):
        compare_rewards({"a": R, "b": R}, world, mixed_gauges="ignore")
    with pytest.raises(DataError, match="without the trajectories"):
        compare_rewards({"a": R, "b": R}, world, comparisons=answers([0], [1], [1]))
    with pytest.raises(DataError, match="refer to other demonstrations"):
        compare_rewards(
            {"a": R, "b": R}, world, comparisons=answers([0], [1], [1], "other"), demonstrations=walks()
        )
    with pytest.raises(DataError, match="name alternative 9, but there are returns of 3"):
        preference_accuracy(np.zeros(3), answers([0], [9], [1]))
    with pytest.raises(SettingsError, match="`level` must lie in"):
        preference_accuracy(np.zeros(3), answers([0], [1], [1]), level=1.0)
    with pytest.raises(SettingsError, match="`coverage` must be 'uniform', 'dynamics' or"):
        starc_distance(R, R, world, coverage="visited")
    with pytest.raises(SettingsError, match=r"weights of shape \(4, 2\)"):
        starc_distance(R, R, world, coverage=np.ones(4))
    with pytest.raises(SettingsError, match="`norm` must be one of l2, l1, max"):
        starc_distance(R, R, world, norm="l3")
    with pytest.raises(SettingsError, match="No 'c' here; there are a, b"):
        compare_rewards({"a": R, "b": R}, world).distance("a", "c")
    partial = TabularMDP.from_transition(
        np.array([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]]),
        discount=0.9,
        available=np.array([[True, False], [True, True]]),
    )
    with pytest.raises(SettingsError, match="weight to 1 pairs that cannot be chosen"):
        starc_distance(np.ones(2), np.ones(2), partial, coverage=np.ones((2, 2)))
    with pytest.raises(SettingsError, match="draws actions that are not available"):
        canonical_dard(np.ones(2), partial, action_distribution=np.array([0.5, 0.5]))


def test_a_coverage_with_holes_says_so(world: TabularMDP) -> None:
    R = np.random.default_rng(6).normal(size=(S, A))
    weights = np.ones((S, A))
    weights[0] = 0.0
    found = starc_distance(R, R + 1.0, world, coverage=weights)
    assert found.findings[0].code == "coverage-leaves-out"
    assert "no weight to 2 of 8 pairs" in found.findings[0].message
