"""The estimate of the entries of a factorisation, against factorisations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from telic.mdp.graph import estimated_entries
from telic.mdp.library import ReferenceProblem, grid_world, random_mdp, road_network
from telic.planning.bellman import policy_chain
from telic.planning.linear import LU_OPTIONS, choose_method, system_matrix


@pytest.mark.parametrize(
    "problem",
    [
        random_mdp(4_000, 3, key=0, n_successors=3, reach=6),
        random_mdp(1_500, 3, key=0, n_successors=3, reach=60),
        random_mdp(600, 5, key=0, n_successors=3),
        grid_world(50),
        road_network(40, 50, n_goals=1, key=0),
    ],
    ids=["ring", "wide ring", "random", "grid", "roads"],
)
def test_the_estimate_is_near_the_truth_and_seldom_below(problem: ReferenceProblem) -> None:
    mdp = problem.mdp
    S, A = mdp.n_states, mdp.n_actions
    chain = policy_chain(mdp.transition, np.full((S, A), 1 / A))
    truth = splu(system_matrix(chain, 0.99), **LU_OPTIONS).nnz
    assert 0.8 * truth <= estimated_entries(mdp.transition, A) <= 2.5 * truth


def test_methods_follow_size_and_pattern() -> None:
    assert choose_method(random_mdp(90, 2, key=0, n_successors=2).mdp.transition, lambda: 1e99) == "dense"
    assert choose_method(random_mdp(900, 2, key=0, n_successors=2).mdp.transition, lambda: 1e99) == "lu"
    ring = random_mdp(3_000, 2, key=0, n_successors=2, reach=3).mdp
    spread = random_mdp(6_000, 3, key=0, n_successors=3).mdp
    assert choose_method(ring.transition, lambda: ring.factor_entries) == "lu"
    assert choose_method(spread.transition, lambda: spread.factor_entries) == "krylov"


def test_edges_that_many_actions_share_are_not_lost() -> None:
    # 256 actions that all lead to one place: a count of one byte would wrap round to 0.
    S, A = 600, 256
    place = np.random.default_rng(0).permutation(S)
    once = sp.csr_array((np.ones(S), (np.arange(S), place)), shape=(S, S))
    often = sp.csr_array((np.ones(S * A), (np.arange(S * A), np.repeat(place, A))), shape=(S * A, S))
    assert estimated_entries(often, A) == estimated_entries(once, 1)
