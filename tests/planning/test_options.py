"""Options against the world itself, against their own equations written out, and as they are followed."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp import TabularMDP
from telic.mdp.library import four_rooms, random_mdp
from telic.planning import solve_hard
from telic.planning.bellman import BellmanOperator
from telic.planning.option_models import option_models
from telic.planning.options import primitive_options, solve_options
from telic.policies import CategoricalHead, Dense, NetworkPolicy, Option, OptionsPolicy, TabularPolicy

MADE = runpy.run_path(str(Path(__file__).resolve().parents[2] / "reproductions" / "options_mixtures.py"))
hallway_options = MADE["hallway_options"]


@pytest.fixture(scope="module")
def world():
    return four_rooms(goal=(7, 9))


@pytest.fixture(scope="module")
def hallways(world):
    return hallway_options(world)


def iterated(mdp, R, options, n_sweeps=2_000):
    """``(S, O)`` values of options by their equations within options, swept until nothing moves; dense and plain."""
    S, A = R.shape
    P = mdp.transition.toarray().reshape(S, A, S)
    ends = np.zeros(S, bool) if mdp.absorbing is None else mdp.absorbing
    begins = np.stack([~ends if o.begins is None else o.begins & ~ends for o in options], axis=1)
    stops = np.stack([np.where(ends, 1.0, np.broadcast_to(o.stops, S)) for o in options], axis=1)
    pi = np.stack([o.policy.table for o in options], axis=1) * ~ends[:, None, None]
    Q = np.zeros((S, len(options)))
    for _ in range(n_sweeps):
        best = np.where(ends, 0.0, np.where(begins, Q, -np.inf).max(axis=1, initial=-np.inf))
        U = (1.0 - stops) * Q + stops * best[:, None]
        new = np.einsum("soa,sa->so", pi, R) + mdp.discount * np.einsum("soa,sax,xo->so", pi, P, U)
        if np.max(np.abs(new - Q)) < 1e-14:
            break
        Q = new
    return np.where(begins, Q, -np.inf)


def test_four_rooms_are_those_of_the_paper(world) -> None:
    assert world.mdp.n_states == 104
    assert np.bincount(world.room + 1).tolist() == [4, 25, 30, 20, 25]
    P = world.mdp.transition.toarray().reshape(104, 4, 104)
    corner = int(np.flatnonzero((world.cells == (1, 1)).all(axis=1))[0])
    right = int(np.flatnonzero((world.cells == (1, 2)).all(axis=1))[0])
    # Up and left are walls: what goes there stays.
    assert P[corner, 3, right] == pytest.approx(2 / 3)
    assert P[corner, 3, corner] == pytest.approx(2 / 9)
    with pytest.raises(SettingsError, match="is a wall"):
        four_rooms(goal=(0, 3))


@pytest.mark.parametrize("goal", [(7, 9), (9, 9)])
def test_with_all_actions_among_them_options_reach_the_optimum_of_the_world(goal) -> None:
    world = four_rooms(goal=goal)
    flat = solve_hard(world.mdp, world.reward)
    options = (*primitive_options(world.mdp), *hallway_options(world))
    found = solve_options(world.mdp, world.reward, options)
    assert found.solution.outcome.ok
    np.testing.assert_allclose(found.solution.value, flat.value, atol=1e-9)


def test_options_alone_are_worth_what_their_equations_say_and_less_than_the_optimum(world, hallways) -> None:
    found = solve_options(world.mdp, world.reward, hallways)
    expected = iterated(world.mdp, world.reward, hallways)
    np.testing.assert_allclose(
        found.solution.action_value[~world.mdp.absorbing], expected[~world.mdp.absorbing], atol=1e-9
    )
    flat = solve_hard(world.mdp, world.reward).value
    assert np.all(found.solution.value <= flat + 1e-9)
    # The goal is a hallway, so they lose little; one inside a room they never stop at.
    assert np.max(flat - found.solution.value) > 1e-4


def test_what_is_known_travels_rooms_not_cells(world, hallways) -> None:
    """Figure 4 of the paper: two sweeps over hallway options tell all states, over actions those two cells away."""
    models = option_models(world.mdp, world.reward, hallways)
    P = models.transition.copy()
    P.data = P.data / world.mdp.discount
    over_options = BellmanOperator(
        transition=P, reward=models.reward, discount=world.mdp.discount, rationality=1.0,
        allowed=models.allowed, absorbing=world.mdp.absorbing,
    )  # fmt: skip
    over_actions = BellmanOperator.of(world.mdp, world.reward)
    known = []
    for operator in (over_options, over_actions):
        V = np.zeros(104)
        for _ in range(2):
            V, _ = operator.hard(V)
        known.append(int(np.sum(V > 0)))
    row, column = world.cells[world.goal]
    away = np.abs(world.cells - (row, column)).sum(axis=1)
    assert known[0] == 103
    assert known[1] == np.sum((away > 0) & (away <= 2))


@pytest.mark.parametrize("key", range(4))
def test_any_options_satisfy_their_equations(key) -> None:
    """Random worlds, random policies, random probabilities to stop."""
    rng = np.random.default_rng(key)
    problem = random_mdp(9, 3, key=key, n_successors=4, discount=0.85)
    S, A = 9, 3
    R = rng.normal(size=(S, A))
    options = tuple(
        Option(name=str(o), policy=TabularPolicy(table=rng.dirichlet(np.ones(A), S)), stops=rng.random(S))
        for o in range(3)
    )
    found = solve_options(problem.mdp, R, options)
    np.testing.assert_allclose(found.solution.action_value, iterated(problem.mdp, R, options), atol=1e-8)
    # A number that holds everywhere; the sums of where it stops are E[gamma^k] of a geometric count.
    even = replace(options[0], stops=0.25)
    models = option_models(problem.mdp, R, (even,))
    expected = 0.25 * 0.85 / (1 - 0.75 * 0.85)
    np.testing.assert_allclose(np.asarray(models.transition.sum(axis=1)).ravel(), expected, rtol=1e-12)


def test_a_limit_of_decisions_is_that_of_a_world_that_counts_them() -> None:
    """The same option in a world whose states hold the count, where it stops by the state alone."""
    rng = np.random.default_rng(5)
    problem, S, A, n = random_mdp(6, 2, key=1, n_successors=3, discount=0.9), 6, 2, 3
    R, table, stops = rng.normal(size=(S, A)), rng.dirichlet(np.ones(A), S), 0.3 * rng.random(S)
    found = option_models(
        problem.mdp, R, (Option(name="", policy=TabularPolicy(table=table), stops=stops, longest=n),)
    )
    P = problem.mdp.transition.toarray().reshape(S, A, S)
    counted = np.zeros((S * (n + 1), A, S * (n + 1)))
    for k in range(n + 1):
        later = min(k + 1, n)
        counted[k * S : (k + 1) * S, :, later * S : (later + 1) * S] = P
    wide = TabularMDP.from_transition(counted, discount=0.9)
    option = Option(
        name="", policy=TabularPolicy(table=np.tile(table, (n + 1, 1))),
        stops=np.concatenate([np.tile(stops, n), np.ones(S)]),
    )  # fmt: skip
    expected = option_models(wide, np.tile(R, (n + 1, 1)), (option,))
    np.testing.assert_allclose(found.reward[:, 0], expected.reward[:S, 0], atol=1e-12)
    where = expected.transition.toarray()[:S].reshape(S, n + 1, S).sum(axis=1)
    np.testing.assert_allclose(found.transition.toarray(), where, atol=1e-12)


def test_following_the_policy_collects_what_was_planned(world, hallways) -> None:
    """4,000 episodes of 120 decisions (.9^120 is 3e-6), mean within 4 standard errors."""
    found = solve_options(world.mdp, world.reward, hallways)
    policy, rng, n = found.policy, np.random.default_rng(0), 4_000
    S, A = world.reward.shape
    cumulative = np.cumsum(world.mdp.transition.toarray().reshape(S, A, S), axis=2)
    start = 0
    state = np.full(n, start, dtype=np.int32)
    memory, collected, on = policy.begin(state), np.zeros(n), np.arange(n)
    for t in range(120):
        actions, after = policy.act(memory, state, key=t)
        stayed = after.n_steps > 1
        np.testing.assert_array_equal(after.option[stayed], memory.option[stayed])
        u = rng.random(len(on))[:, None]
        state = np.minimum((u >= cumulative[state, actions]).sum(axis=1), S - 1).astype(np.int32)
        arrived = state == world.goal
        collected[on[arrived]] = 0.9**t
        memory = type(after)(*(leaf[~arrived] for leaf in after))
        on, state = on[~arrived], state[~arrived]
    away = abs(collected.mean() - found.solution.value[start])
    assert away < 4 * collected.std() / np.sqrt(n)


def constant(probabilities):
    """The same choice everywhere, as a network of two observations."""
    head = CategoricalHead(n_actions=len(probabilities))
    bias = np.log(np.array(probabilities, np.float32))
    layer = Dense(weight=np.zeros((2, len(probabilities)), np.float32), bias=bias)
    zeros, ones = np.zeros(2, np.float32), np.ones(2, np.float32)
    return NetworkPolicy(layers=(layer,), activation="tanh", head=head, shift=zeros, scale=ones)


def test_subpolicies_may_be_networks_and_their_probabilities_are_exact() -> None:
    policy = OptionsPolicy(
        chooser=constant([0.6, 0.4]),
        options=(
            Option(name="a", policy=constant([0.9, 0.1]), stops=constant([0.75, 0.25])),
            Option(name="b", policy=constant([0.2, 0.8]), stops=0.5, longest=2),
        ),
    )
    x, n = np.zeros((3, 2)), 3
    memory = policy.begin(x)
    np.testing.assert_allclose(
        np.exp(policy.log_prob(memory, x, np.zeros(n, int))), 0.6 * 0.9 + 0.4 * 0.2, rtol=1e-6
    )
    runs = memory._replace(option=np.array([0, 1, 1]), n_steps=np.array([7, 1, 2]))
    fresh = 0.6 * 0.9 + 0.4 * 0.2
    expected = [0.75 * 0.9 + 0.25 * fresh, 0.5 * 0.2 + 0.5 * fresh, fresh]
    np.testing.assert_allclose(np.exp(policy.log_prob(runs, x, np.zeros(n, int))), expected, rtol=1e-6)
    many = 40_000
    wide = runs._replace(option=np.zeros(many, int), n_steps=np.full(many, 3))
    drawn, after = policy.act(wide, np.zeros((many, 2)), key=1)
    for share, exact in ((np.mean(drawn == 0), expected[0]), (np.mean(after.option == 1), 0.25 * 0.4)):
        assert abs(share - exact) < 4 * np.sqrt(exact * (1 - exact) / many)
    again, _ = policy.act(wide, np.zeros((many, 2)), key=1)
    np.testing.assert_array_equal(drawn, again)
    sure, after = policy.act(runs, x)
    assert (sure.tolist(), after.option.tolist(), after.n_steps.tolist()) == ([0, 0, 0], [0, 0, 0], [8, 1, 1])
    assert policy.digest != replace(policy, options=policy.options[::-1]).digest


def test_bad_options_are_refused_by_name(world, hallways) -> None:
    mdp, R = world.mdp, world.reward
    with pytest.raises(SettingsError, match="at least one option"):
        option_models(mdp, R, ())
    with pytest.raises(DynamicsError, match="no option may begin"):
        solve_options(mdp, R, hallways[:2])
    endless = replace(hallways[0], name="walks out", stops=np.zeros(104))
    with pytest.raises(DynamicsError, match="'walks out' says nothing that can be done in"):
        option_models(mdp, R, (endless,))
    with pytest.raises(DynamicsError, match="one probability to stop a state"):
        option_models(mdp, R, (replace(hallways[0], stops=np.ones(3)),))
    with pytest.raises(DynamicsError, match="table of shape"):
        option_models(mdp, R, (replace(hallways[0], policy=constant([0.5, 0.5])),))
    with pytest.raises(DataError, match="probabilities in"):
        Option(name="x", policy=hallways[0].policy, stops=1.2)
    with pytest.raises(SettingsError, match="at least 1 decision"):
        Option(name="x", policy=hallways[0].policy, stops=1.0, longest=0)
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[1, 0, 0] = P[:2, 1, 2] = P[2, :, 2] = 1.0  # action 0 goes round for ever, action 1 ends it
    undiscounted = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, True]))
    round_, ends = primitive_options(undiscounted)
    with pytest.raises(DynamicsError, match="never stops from 2 states"):
        option_models(undiscounted, np.ones((3, 2)), (replace(round_, stops=0.0),))
    models = option_models(undiscounted, np.ones((3, 2)), (replace(round_, stops=0.25), ends))
    np.testing.assert_allclose(models.reward[:2], [[4.0, 1.0], [4.0, 1.0]], rtol=1e-12)
    with pytest.raises(DynamicsError, match="discount in"):
        solve_options(undiscounted, np.ones((3, 2)), (round_, ends))
    policy = OptionsPolicy(
        chooser=TabularPolicy(table=np.repeat(np.eye(8)[:1], 104, axis=0)), options=hallways
    )
    last = np.array([103], dtype=np.int32)
    with pytest.raises(DataError, match="where it may not begin"):
        policy.act(policy.begin(last), last)
