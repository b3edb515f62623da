"""CERTIFICATION T8: apprenticeship on given vertices, and linear programming on the chain.

Feature vertices (1,0), (0,1), (0,0), start (0,0), expert (.6,.4), with the exact optimal vertex as oracle.
Margins of ``apprenticeship_projection`` .721110, .4, .205798, .174517, .153523; of
``apprenticeship_max_margin`` .721110, .4, 0. ``linear_programming`` on the chain, expert goes to 1, R_max 1,
lambda 0: R = (-1, 1), objective 4.0. All to 1e-6, the digits given.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import reward_of_optimal_policy
from telic.inference.apprenticeship import ApprenticeshipSettings, Vertex
from telic.inference.methods.apprenticeship_max_margin import separate_expectation
from telic.inference.methods.apprenticeship_projection import project_expectation
from telic.mdp import TabularMDP

VERTICES = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
EXPERT = np.array([0.6, 0.4])
START = Vertex(expectation=np.zeros(2))


def best_vertex(weights):
    return Vertex(expectation=VERTICES[int(np.argmax(VERTICES @ weights))])


def test_projection_margins():
    mixture = project_expectation(
        EXPERT, best_vertex, start=START, settings=ApprenticeshipSettings(max_iterations=4)
    )
    np.testing.assert_allclose(mixture.margins, [0.721110, 0.4, 0.205798, 0.174517, 0.153523], atol=1e-6)
    assert not mixture.outcome.ok  # 4 vertices do not reach the expert, and it says so


def test_max_margin_margins():
    mixture = separate_expectation(EXPERT, best_vertex, start=START)
    np.testing.assert_allclose(mixture.margins, [0.721110, 0.4, 0.0], atol=1e-6)
    np.testing.assert_allclose(mixture.expectation, EXPERT, atol=1e-6)
    assert mixture.outcome.ok


def test_linear_programming_on_the_chain():
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[1, 0, 1] = P[0, 1, 1] = P[1, 1, 0] = 1.0  # action 0 stays, 1 switches
    world = TabularMDP.from_transition(P, discount=0.9)
    states = FeatureMap(values=np.eye(2), names=("state 0", "state 1"), form="S")
    estimate = reward_of_optimal_policy(np.array([1, 0]), world, states)
    np.testing.assert_allclose(estimate.weights, [-1.0, 1.0], atol=1e-6)
    assert estimate.certificate["objective"] == pytest.approx(4.0, abs=1e-6)
