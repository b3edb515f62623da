from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from telic.errors import DynamicsError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.advantage_factor import advantage_factor
from telic.inference.directions import null_words
from telic.inference.identifiability import identifiability
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.mdp.tabular import as_transition
from telic.planning import solve_soft, solve_soft_finite
from telic.reports import Outcome
from telic.trajectories import Demonstrations

S, A = 7, 3


def dynamics(key: int = 0) -> np.ndarray:
    return np.random.default_rng(key).dirichlet(np.full(S, 0.5), size=(S, A))


def world(discount: float = 0.9, key: int = 0, **rest: Any) -> TabularMDP:
    return TabularMDP.from_transition(dynamics(key), discount=discount, **rest)


def named(values: np.ndarray, form: str = "SA", names: str = "abcdefghij") -> FeatureMap:
    return FeatureMap(values=values, names=tuple(names[: values.shape[-1]]), form=form)


def random_features(k: int = 3, key: int = 1) -> np.ndarray:
    return np.random.default_rng(key).normal(size=(S, A, k))


def shaping(mdp: TabularMDP, potential: np.ndarray) -> np.ndarray:
    """phi = V - gamma P V, one column."""
    moved = (mdp.transition @ potential).reshape(S, A)
    return (potential[:, None] - mdp.discount * moved)[..., None]


def policy(mdp: TabularMDP, phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return solve_soft(mdp, phi @ theta).log_policy


def test_all_weights_of_a_plain_world_can_be_told() -> None:
    found = identifiability(world(), named(random_features()))
    assert (found.rank, found.nullity, found.words) == (3, 0, ())
    assert found.outcome is Outcome.SUCCESS
    assert "can tell all 3 weights" in found.summary().headline


def test_a_null_direction_changes_no_soft_policy() -> None:
    mdp = world()
    phi = np.concatenate([random_features(2), shaping(mdp, np.arange(S, dtype=float))], axis=-1)
    phi = np.concatenate([phi, phi[..., :1] - 2.0 * phi[..., 1:2]], axis=-1)
    found = identifiability(mdp, named(phi))
    assert (found.rank, found.nullity) == (2, 2)
    theta = np.array([0.4, -0.7, 0.2, 0.1])
    for v in found.null_directions:
        np.testing.assert_allclose(policy(mdp, phi, theta + 3.0 * v), policy(mdp, phi, theta), atol=1e-9)
    np.testing.assert_allclose(found.null_directions @ found.null_directions.T, np.eye(2), atol=1e-12)
    kept = np.array([0.0, 0.3, 0.0, 0.0])
    assert np.abs(policy(mdp, phi, theta + kept) - policy(mdp, phi, theta)).max() > 1e-3


def test_the_words_say_why() -> None:
    mdp = world()
    constant = np.ones((S, A, 1))
    idle = shaping(mdp, np.random.default_rng(5).normal(size=S))
    found = identifiability(mdp, named(np.concatenate([random_features(1), constant, idle], axis=-1)))
    assert found.words == (
        "b: it is the same whatever is done, so its value cannot be told.",
        "c: what an action changes in it is undone later, so its value cannot be told.",
    )
    P = np.repeat(dynamics()[:, :1], A, axis=1)  # actions change nothing
    weather = np.repeat(np.random.default_rng(2).normal(size=(S, 1, 1)), A, axis=1)
    frozen = TabularMDP.from_transition(P, discount=0.9)
    phi = np.concatenate([random_features(1), weather], axis=-1)
    assert identifiability(frozen, named(phi)).words == (
        "b: no action changes it, so its value cannot be told.",
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([[1, -1, 0]], "a and b only through the sum of their weights."),
        ([[1, 1, 0]], "a and b only through the difference of their weights."),
        ([[1, -1, 0], [0, 1, -1]], "a, b and c only through the sum of their weights."),
        ([[1, 1, 1]], "a, b and c only through differences: the same amount added to each weight"),
        ([[2, 1, 0]], "a and b only through the combination"),
        ([[1, 2, 3]], "a, b and c: adding any amount of"),
        ([[0, 0, 1]], "c: no action changes it"),
    ],
)
def test_words_of_groups(rows: list[list[float]], sentence: str) -> None:
    words = null_words("abc", np.array(rows, dtype=float))
    assert len(words) == 1
    assert words[0].startswith(sentence)


@pytest.mark.parametrize("ratio", [1e-8, 1e8, 1e12])
def test_units_far_apart_hide_no_feature_of_a_null_direction(ratio: float) -> None:
    """a and c are one quantity in two units: neither can be told, whatever the second unit is."""
    phi = random_features(2)
    values = np.concatenate([phi, ratio * phi[..., :1]], axis=-1)
    structure = identifiability(world(), named(values))
    assert structure.nullity == 1
    assert [bool(x) for x in structure.null_directions[0] != 0.0] == [True, False, True]
    assert structure.words[0].startswith("a and c only through the combination")

    states, actions = np.divmod(np.random.default_rng(8).integers(0, S * A, 400), A)
    demos = Demonstrations.from_arrays(
        states, actions, next_states=np.full(400, -1), offsets=np.arange(0, 401, 10)
    )
    fit = max_causal_entropy(demos, world(), named(values))
    assert fit.is_identified.tolist() == [False, True, False]
    errors = fit.standard_errors("hessian")
    assert np.isinf(errors[[0, 2]]).all() and np.isfinite(errors[1])
    found = [f for f in fit.findings if f.code == "collinear-features"]
    assert [sorted(f.evidence["features"]) for f in found] == [["a", "c"]]
    assert set(fit.to_json()["null_directions"][0]) == {"a", "c"}


def test_a_category_as_columns_is_told_through_differences() -> None:
    kinds = np.eye(3)[np.random.default_rng(3).integers(0, 3, (S, A))]
    found = identifiability(world(), named(np.concatenate([kinds, random_features(1)], axis=-1)))
    assert found.nullity == 1
    assert "a, b and c only through differences" in found.words[0]


def test_a_constant_matters_where_the_problem_can_end() -> None:
    absorbing = np.zeros(S, dtype=bool)
    absorbing[-1] = True
    phi = named(np.concatenate([random_features(1), np.ones((S, A, 1))], axis=-1))
    assert identifiability(world(), phi).nullity == 1
    assert identifiability(world(absorbing=absorbing), phi).nullity == 0
    assert identifiability(world(1.0, absorbing=absorbing), phi).nullity == 0


def test_fixed_horizons() -> None:
    mdp = FiniteHorizonMDP.from_transition(dynamics(), horizon=4)
    potential = np.random.default_rng(4).normal(size=S)
    moved = (mdp.transition @ potential).reshape(S, A)
    shaped = (potential[:, None] - moved)[..., None]
    constant = np.ones((S, A, 1))
    phi = np.concatenate([random_features(1), constant, shaped], axis=-1)
    found = identifiability(mdp, named(phi))
    # Without a value after the end, shaping is not neutral: the last decision sees the potential.
    assert found.nullity == 1
    assert found.words[0].startswith("b: it is the same")
    theta = np.array([0.5, 0.0, 0.0])
    base = solve_soft_finite(mdp, phi @ theta).log_policy
    np.testing.assert_allclose(
        solve_soft_finite(mdp, phi @ (theta + found.null_directions[0])).log_policy, base, atol=1e-12
    )
    assert (
        np.abs(solve_soft_finite(mdp, phi @ (theta + np.array([0, 0, 1.0]))).log_policy - base).max() > 1e-3
    )


@pytest.mark.parametrize("stochastic", [False, True])
def test_destinations(stochastic: bool) -> None:
    n = 6
    ring = np.zeros((n, 2, n))
    for s in range(n):
        ring[s, 0, (s + 1) % n] = 1.0
        ring[s, 1, (s - 1) % n] = 1.0
    if stochastic:
        ring = 0.9 * ring + 0.1 * np.eye(n)[:, None, :]
    matrix, count = as_transition(ring, None)
    mdp = GoalConditionedMDP(transition=matrix, n_actions=count, goals=np.array([0, 3], dtype=np.int32))
    steps = np.ones((n, 2, 1))
    height = np.random.default_rng(1).normal(size=n)
    climb = (height[:, None] - (mdp.transition @ height).reshape(n, 2))[..., None]
    rough = np.random.default_rng(2).random((n, 2, 1))
    found = identifiability(mdp, named(np.concatenate([steps, climb, rough], axis=-1)))
    # Climbing adds up to the difference of heights on every way to a destination.
    assert found.nullity == 1
    np.testing.assert_allclose(np.abs(found.null_directions[0]), [0, 1, 0], atol=1e-9)


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_units_do_not_matter(scale: float) -> None:
    phi = np.concatenate([random_features(2), np.ones((S, A, 1))], axis=-1)
    phi = np.concatenate([phi, phi[..., :1] + phi[..., 1:2]], axis=-1)
    found = identifiability(world(0.9999), named(phi * np.array([1.0, scale, 1.0 / scale, 1.0])))
    assert found.nullity == 2
    assert identifiability(world(0.9999), named(phi)).nullity == 2


def test_a_faint_difference_on_a_large_constant_still_counts() -> None:
    phi = random_features(2)
    phi[..., 1] = 1.0 + 1e-5 * phi[..., 1]
    assert identifiability(world(0.9999), named(phi)).nullity == 0


def test_discounts_and_worlds_lower_the_nullity_step_by_step() -> None:
    first = world(0.9)
    phi = np.concatenate(
        [random_features(1), shaping(first, np.arange(float(S))), np.ones((S, A, 1))], axis=-1
    )
    found = identifiability(first, named(phi), discounts=[0.9, 0.8, 0.5])
    assert [(s.rank_alone, s.rank, s.nullity, s.removed) for s in found.steps] == [
        (1, 1, 2, 1),
        (2, 2, 1, 1),
        (2, 2, 1, 0),
    ]
    assert found.words == ("c: it is the same whatever is done, so its value cannot be told.",)
    assert any(f.code == "world-adds-nothing" for f in found.findings)
    two = identifiability([first, world(0.9, key=9)], [named(phi), named(phi)], labels=["north", "south"])
    assert [s.label for s in two.steps] == ["north", "south"]
    assert two.nullity == 1
    assert found.table().rows[1][4] == 1


def test_the_data_may_tell_less_than_the_world() -> None:
    mdp = world()
    phi = random_features(3)
    only_here = np.zeros((S, A))
    only_here[5, 0] = 1.0
    features = named(np.concatenate([phi[..., :2], only_here[..., None]], axis=-1))
    rng = np.random.default_rng(0)
    everywhere = Demonstrations.from_arrays(
        rng.integers(0, S, 400),
        rng.integers(0, A, 400),
        next_states=np.full(400, -1),
        action_labels=["0", "1", "2"],
    )
    told = identifiability(mdp, features, demos=everywhere).local
    assert told is not None and told.nullity == 0 and told.n_states_visited == S
    few = Demonstrations.from_arrays(
        np.full(50, 2), rng.integers(0, A, 50), next_states=np.full(50, -1), action_labels=["0", "1", "2"]
    )
    structure = identifiability(mdp, features, demos=few)
    assert structure.nullity == 0
    assert structure.local is not None
    assert structure.local.rank == 2  # one state with three actions shows two differences
    assert structure.local.nullity == 1
    assert structure.to_json()["local"]["nullity"] == 1


def test_a_weak_direction_has_its_standard_error() -> None:
    mdp = world()
    phi = random_features(2)
    phi[..., 1] = phi[..., 0] + 1e-3 * phi[..., 1]
    rng = np.random.default_rng(0)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, 900), rng.integers(0, A, 900), next_states=np.full(900, -1)
    )
    local = identifiability(mdp, named(phi), demos=demos).local
    assert local is not None and local.nullity == 0
    (weak,) = local.weak
    assert weak.eigenvalue < 1e-5
    np.testing.assert_allclose(np.abs(weak.coefficients), np.sqrt(0.5), atol=1e-2)
    # by hand: information at theta = 0 is the covariance of the advantages under the uniform policy
    P = mdp.transition.toarray().reshape(S, A, S)
    mean = phi.mean(axis=1)
    V = np.linalg.solve(np.eye(S) - 0.9 * P.mean(axis=1), mean)
    D = phi + 0.9 * P @ V - V[:, None]
    counts = np.bincount(demos.states, minlength=S)
    F = np.einsum("s,sak,sal->kl", counts / A, D, D)
    expected = np.sqrt(weak.coefficients @ np.linalg.inv(F) @ weak.coefficients)
    assert weak.standard_error == pytest.approx(expected, rel=1e-5)
    assert local.table().rows[0][1] == weak.standard_error


def test_a_world_that_never_ends_undiscounted_says_so() -> None:
    P = np.zeros((3, 1, 3))
    P[0, 0, 0] = P[1, 0, 2] = P[2, 0, 2] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, True]))
    found = identifiability(mdp, named(np.ones((3, 1, 1))))
    assert found.outcome is not Outcome.SUCCESS
    assert found.summary().headline.startswith("Not an answer")


def test_information_that_cannot_be_had_says_so() -> None:
    """At weights of 0 an undiscounted walk has no finite soft value."""
    matrix, count = as_transition(np.eye(3)[[[1, 0], [2, 0], [0, 1]]], None)
    roads = GoalConditionedMDP(transition=matrix, n_actions=count, goals=np.array([2], dtype=np.int32))
    demos = Demonstrations.from_arrays(
        [0, 1], [0, 0], next_states=[1, 2], goals=[2], action_labels=["0", "1"]
    )
    steps = named(np.ones((3, 2, 1)))
    found = identifiability(roads, steps, demos=demos)
    assert found.nullity == 0
    assert found.local is not None
    assert found.local.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert "Not known (soft-value-diverges)" in str(found.summary().sections[1].items[0])
    informed = identifiability(roads, steps, demos=demos, weights=np.array([-2.0])).local
    assert informed is not None and informed.rank == 1


def test_unavailable_actions_do_not_count() -> None:
    available = np.ones((S, A), dtype=bool)
    available[:, 2] = False
    phi = random_features(1)
    phi[..., 0] = 0.0
    phi[:, 2, 0] = 5.0  # only the impossible action differs
    assert identifiability(world(available=available), named(phi)).nullity == 1
    assert identifiability(world(), named(phi)).nullity == 0


def test_blocks_of_rows_give_the_factor_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    phi = named(random_features(3))
    whole = advantage_factor(world(), phi)
    monkeypatch.setattr("telic.inference.likelihood.stationary.BLOCK_BYTES", 8 * A * 3)
    pieces = advantage_factor(world(), phi)
    np.testing.assert_allclose(whole.factor.T @ whole.factor, pieces.factor.T @ pieces.factor, rtol=1e-12)


def test_mistakes_at_the_door() -> None:
    phi = named(random_features())
    with pytest.raises(SettingsError, match="Each world needs its own"):
        identifiability([world(), world()], [phi])
    with pytest.raises(FeatureError, match="same names"):
        identifiability([world(), world()], [phi, named(random_features(), names="xyz")])
    with pytest.raises(FeatureError, match="do not fit"):
        identifiability(world(), named(np.zeros((4, 2, 1))))
    demos = Demonstrations.from_arrays([0, 1], [0, 1], action_labels=["0", "1", "2"])
    with pytest.raises(SettingsError, match="several"):
        identifiability(world(), phi, demos=demos, discounts=[0.9, 0.5])
    with pytest.raises(SettingsError, match="at most"):
        identifiability(
            world(), FeatureMap(values=np.zeros((S, 2001)), names=tuple(map(str, range(2001))), form="S")
        )
    with pytest.raises(DynamicsError):
        identifiability(world(), phi, discounts=[1.0])
