"""Reference problems are what their sources say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from telic.errors import DynamicsError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP
from telic.mdp.library import (
    ReferenceProblem,
    bus_engine,
    chain,
    grid_world,
    random_mdp,
    risky_path,
    road_network,
)


def test_every_problem_makes_features() -> None:
    for problem in (
        chain(switch_cost=0.5),
        risky_path(),
        grid_world(6),
        grid_world(6, horizon=4),
        random_mdp(7, 2, key=0),
        bus_engine((0.4, 0.6)),
        road_network(3, 4, n_goals=2, key=0),
    ):
        features = FeatureMap(
            values=problem.features, names=problem.feature_names, units=problem.units, form=problem.form
        )
        assert features.n_features == len(problem.weights)
        assert problem.reward.shape == (problem.mdp.n_states, problem.mdp.n_actions)
        assert problem.citation


def test_chain_with_swapped_actions() -> None:
    plain, swapped = chain(switch_cost=0.5), chain(switch_cost=0.5, swapped=True)
    np.testing.assert_array_equal(plain.mdp.transition.toarray()[0], swapped.mdp.transition.toarray()[1])
    np.testing.assert_array_equal(plain.reward, swapped.reward[:, ::-1])


def test_bus_replacement_starts_from_bin_0() -> None:
    problem = bus_engine((0.3919, 0.5953, 0.0128))
    P = problem.mdp.transition.toarray().reshape(90, 2, 90)
    np.testing.assert_allclose(P[40, 0, 40:43], [0.3919, 0.5953, 0.0128])
    np.testing.assert_allclose(P[40, 1, :3], [0.3919, 0.5953, 0.0128])
    np.testing.assert_allclose(P[88, 0, 88:], [0.3919, 0.6081])
    assert P[89, 0, 89] == pytest.approx(1.0)
    assert problem.reward[40, 0] == pytest.approx(-0.001 * 2.2930 * 40)
    assert problem.reward[40, 1] == pytest.approx(-10.0750)
    with pytest.raises(SettingsError, match="must be a distribution"):
        bus_engine((0.5, 0.4))


def test_grid_moves_and_walls() -> None:
    problem = grid_world(5, slip=0.2)
    P = problem.mdp.transition.toarray().reshape(25, 5, 25)
    assert P[12, 0, 12] == 1.0
    assert P[12, 1, 7] == pytest.approx(0.85)  # up: on purpose or astray
    assert P[12, 1, 17] == pytest.approx(0.05)
    assert P[0, 1, 0] == pytest.approx(0.9)  # up and left hit the wall
    np.testing.assert_array_equal(problem.features, np.eye(25))
    assert isinstance(grid_world(5, horizon=7).mdp, FiniteHorizonMDP)
    with pytest.raises(SettingsError):
        grid_world(3, tiles=5)


def test_local_worlds_stay_local() -> None:
    problem = random_mdp(100, 2, key=1, n_successors=3, reach=5)
    P = problem.mdp.transition.tocoo()
    distance = (P.col - P.row // 2 + 50) % 100 - 50
    assert np.abs(distance).max() <= 5


def test_road_networks_are_connected_and_planar_in_degree() -> None:
    problem = road_network(12, 15, n_goals=9, key=4)
    assert isinstance(problem.mdp, GoalConditionedMDP)
    assert problem.mdp.is_deterministic
    degree = problem.mdp.availability.sum(axis=1)
    assert degree.min() >= 1
    assert degree.max() <= 4
    assert 2 <= degree.mean() <= 4
    to = problem.mdp.transition.tocoo()
    graph = np.zeros((180, 180))
    graph[to.row // 4, to.col] = 1
    assert connected_components(graph, directed=True, connection="strong")[0] == 1
    assert np.all(problem.reward[problem.mdp.availability] < 0)


def test_shapes_must_fit() -> None:
    problem = chain()
    with pytest.raises(DynamicsError, match="`features` must have shape"):
        ReferenceProblem(mdp=problem.mdp, features=np.zeros((3, 1)), feature_names=("a",), weights=np.ones(1))
