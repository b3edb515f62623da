"""Games: equilibria and best answers against closed forms and enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from telic.errors import DynamicsError
from telic.mdp import TabularMDP
from telic.mdp.game import TabularGame
from telic.planning import solve_hard
from telic.planning.games import exploitability, game_values, team_optimum

PENNIES = np.array([[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]])


def table(p, n_states=2):
    return np.tile([p, 1 - p], (n_states, 1))


def random_game(key, S=3, counts=(2, 3), discount=0.8):
    rng = np.random.default_rng(key)
    J = int(np.prod(counts))
    joint = TabularMDP.from_transition(
        rng.dirichlet(np.ones(S), (S, J)), discount=discount, initial=np.full(S, 1 / S)
    )
    return TabularGame(joint=joint, n_actions=counts, payoff=rng.normal(size=(len(counts), S, J)))


def test_pennies_are_exploited_by_as_much_as_they_are_uneven() -> None:
    """Who shows heads with p against q wins (2p - 1)(2q - 1); the best answer wins |2q - 1| or |2p - 1|."""
    game = TabularGame.matrix(PENNIES)
    for p, q in ((0.5, 0.5), (0.9, 0.2), (0.0, 1.0), (0.3, 0.5)):
        found = exploitability(game, (table(p), table(q)))
        np.testing.assert_allclose(
            found.value, [(2 * p - 1) * (2 * q - 1), -(2 * p - 1) * (2 * q - 1)], atol=1e-12
        )
        np.testing.assert_allclose(found.best, [abs(2 * q - 1), abs(2 * p - 1)], atol=1e-12)
        np.testing.assert_allclose(found.total, abs(2 * q - 1) + abs(2 * p - 1), atol=1e-12)


@pytest.mark.parametrize("key", range(3))
def test_a_best_answer_is_the_best_of_all(key) -> None:
    game = random_game(key)
    rng = np.random.default_rng(key + 10)
    tables = (rng.dirichlet(np.ones(2), 3), rng.dirichlet(np.ones(3), 3))
    found = exploitability(game, tables)
    rho = game.joint.initial
    for agent, count in enumerate(game.n_actions):
        every = [
            rho @ game_values(game, [*tables[:agent], np.eye(count)[list(own)], *tables[agent + 1 :]])[agent]
            for own in itertools.product(range(count), repeat=3)
        ]
        np.testing.assert_allclose(found.best[agent], max(every), atol=1e-10)
    assert np.all(found.gain >= -1e-10)
    # Values are those of the joint chain, row by row of the joint table.
    joint = np.stack([np.outer(a, b).ravel() for a, b in zip(*tables, strict=True)])
    np.testing.assert_allclose(game.joint_policy(tables), joint, atol=1e-15)


def test_a_team_reaches_what_one_who_chooses_for_all_would() -> None:
    game = random_game(7)
    best = team_optimum(game)
    choices = game.choices[best.greedy]
    tables = tuple(np.eye(count)[choices[:, i]] for i, count in enumerate(game.n_actions))
    np.testing.assert_allclose(game_values(game, tables).sum(axis=0), best.value, atol=1e-9)
    np.testing.assert_allclose(best.value, solve_hard(game.joint, game.payoff.sum(axis=0)).value)


def test_bad_games_are_refused() -> None:
    game = random_game(0)
    with pytest.raises(DynamicsError, match="product of"):
        TabularGame(joint=game.joint, n_actions=(2, 2), payoff=game.payoff)
    with pytest.raises(DynamicsError, match="finite numbers of shape"):
        TabularGame(joint=game.joint, n_actions=(2, 3), payoff=game.payoff[:1])
    with pytest.raises(DynamicsError, match="different names"):
        TabularGame(joint=game.joint, n_actions=(2, 3), payoff=game.payoff, agents=("a", "a"))
    with pytest.raises(DynamicsError, match="Tables must have shapes"):
        game_values(game, (table(0.5, 3), table(0.5, 3)))
    with pytest.raises(DynamicsError, match="of 'agent_1' must be probabilities"):
        game_values(game, (table(0.5, 3), np.full((3, 3), 0.4)))
    # Rows of single precision are no mistake.
    rough = (np.full((3, 2), 0.5), np.full((3, 3), np.float32(1 / 3)).astype(float))
    assert exploitability(game, rough).total > 0
