"""Laws of planning on random worlds: fixed points, symmetries, policies left alone, balance of flow."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.planning import (
    occupancy,
    occupancy_finite,
    policy_system,
    policy_value,
    simulate,
    solve_hard,
    solve_hard_finite,
    solve_soft,
    solve_soft_finite,
    solve_soft_goals,
)
from telic.testing.strategies import (
    FAST,
    absorbing_mdps,
    demonstrations,
    discounted_mdps,
    finite_horizon_mdps,
    goal_conditioned_mdps,
    keys,
    policies,
    rewards,
)

BETA = st.floats(0.1, 5.0)


def dense(mdp: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP) -> np.ndarray:
    return np.asarray(mdp.transition.toarray().reshape(mdp.n_states, mdp.n_actions, mdp.n_states))


def soft_operator(mdp: TabularMDP, R: np.ndarray, beta: float, V: np.ndarray) -> np.ndarray:
    Q = np.where(mdp.availability, R + mdp.discount * dense(mdp) @ V, -np.inf)
    top = Q.max(axis=1)
    out = top + np.log(np.exp(beta * (Q - top[:, None])).sum(axis=1)) / beta
    return np.where(mdp.absorbing, 0.0, out) if mdp.absorbing is not None else out


@FAST
@given(st.data())
def test_soft_values_are_fixed_points_whatever_the_method(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps() | absorbing_mdps())
    R, beta = data.draw(rewards(mdp)), data.draw(BETA)
    solution = solve_soft(mdp, R, rationality=beta, throw=True)
    scale = max(1.0, np.abs(solution.value).max())
    np.testing.assert_allclose(
        soft_operator(mdp, R, beta, solution.value), solution.value, atol=2e-10 * scale
    )
    methods = ["newton-lu", "newton-krylov"] + (["sweeps"] if mdp.discount < 1 else [])
    for method in methods:
        other = solve_soft(mdp, R, rationality=beta, method=method, tolerance=1e-13)
        assert other.outcome.ok
        np.testing.assert_allclose(other.value, solution.value, atol=1e-7 * scale)
    start = data.draw(rewards(mdp, scale=30.0))[:, 0]
    again = solve_soft(mdp, R, rationality=beta, initial_value=start, throw=True)
    np.testing.assert_allclose(again.value, solution.value, atol=1e-7 * scale)


@FAST
@given(st.data())
def test_hard_values_are_fixed_points_and_below_soft_ones(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps())
    R = data.draw(rewards(mdp))
    hard, soft = solve_hard(mdp, R, throw=True), solve_soft(mdp, R, rationality=3.0, throw=True)
    Q = np.where(mdp.availability, R + mdp.discount * dense(mdp) @ hard.value, -np.inf)
    np.testing.assert_allclose(Q.max(axis=1), hard.value, atol=1e-9)
    # 0 <= soft - hard <= log(A) / (beta (1 - gamma))
    gap = soft.value - hard.value
    assert np.all(gap >= -1e-8)
    assert np.all(gap <= np.log(mdp.n_actions) / (3.0 * (1 - mdp.discount)) + 1e-8)


@FAST
@given(st.data())
def test_permuting_states_and_actions_permutes_the_answer(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps())
    R = data.draw(rewards(mdp))
    rng = np.random.default_rng(data.draw(keys))
    s, a = rng.permutation(mdp.n_states), rng.permutation(mdp.n_actions)
    moved = TabularMDP.from_transition(
        dense(mdp)[s][:, a][:, :, s], discount=mdp.discount, available=mdp.availability[s][:, a]
    )
    plain = solve_soft(mdp, R, throw=True)
    permuted = solve_soft(moved, R[s][:, a], throw=True)
    np.testing.assert_allclose(permuted.value, plain.value[s], atol=1e-8)
    np.testing.assert_allclose(permuted.policy.table, plain.policy.table[s][:, a], atol=1e-8)


@FAST
@given(st.data(), st.floats(-3.0, 3.0))
def test_a_shift_leaves_the_policy_alone_when_the_end_does_not_move(
    data: st.DataObject, shift: float
) -> None:
    mdp = data.draw(discounted_mdps())
    R = data.draw(rewards(mdp))
    one, two = solve_soft(mdp, R, throw=True), solve_soft(mdp, R + shift, throw=True)
    np.testing.assert_allclose(two.value - one.value, shift / (1 - mdp.discount), atol=1e-6)
    np.testing.assert_allclose(two.policy.table, one.policy.table, atol=1e-7)
    timed = data.draw(finite_horizon_mdps())
    R = data.draw(rewards(timed))
    np.testing.assert_allclose(
        solve_soft_finite(timed, R + shift).policy.table, solve_soft_finite(timed, R).policy.table, atol=1e-10
    )


@FAST
@given(st.floats(0.5, 3.0), st.floats(0.1, 0.4))
def test_a_shift_changes_the_policy_when_the_end_can_be_put_off(cost: float, shift: float) -> None:
    # Stay and pay, or leave: cheaper steps make staying likelier. pi(stay) = exp(-cost) in closed form.
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, True]))
    R = np.array([[-cost, -0.2], [0.0, 0.0]])
    before = solve_soft(mdp, R, throw=True).policy.table[0, 0]
    after = solve_soft(mdp, R + shift, throw=True).policy.table[0, 0]
    np.testing.assert_allclose([before, after], [np.exp(-cost), np.exp(-cost + shift)], atol=1e-8)
    assert after > before + 1e-3


@FAST
@given(st.data())
def test_shaping_leaves_the_policy_alone(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps() | absorbing_mdps())
    R = data.draw(rewards(mdp))
    h = data.draw(rewards(mdp))[:, 0]
    if mdp.absorbing is not None:
        h[mdp.absorbing] = 0.0  # potential 0 at the end
    shaped = R + mdp.discount * dense(mdp) @ h - h[:, None]
    one, two = solve_soft(mdp, R, throw=True), solve_soft(mdp, shaped, throw=True)
    np.testing.assert_allclose(two.value, one.value - h, atol=1e-6)
    np.testing.assert_allclose(two.policy.table, one.policy.table, atol=1e-6)


@FAST
@given(st.data())
def test_occupancy_is_in_balance_and_prices_every_reward(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps() | absorbing_mdps())
    pi, R = data.draw(policies(mdp)), data.draw(rewards(mdp))
    mu = occupancy(mdp, pi)
    inflow = mdp.initial + mdp.discount * np.einsum("sa,sax->x", mu, dense(mdp))
    alive = np.ones(mdp.n_states, dtype=bool) if mdp.absorbing is None else ~mdp.absorbing
    np.testing.assert_allclose(mu.sum(axis=1)[alive], inflow[alive], atol=1e-9 * max(1.0, mu.sum()))
    if mdp.absorbing is None:
        np.testing.assert_allclose(mu.sum(), 1 / (1 - mdp.discount), rtol=1e-9)
    else:
        assert np.all(mu[~alive] == 0.0)
    value = policy_value(mdp, pi, R)
    np.testing.assert_allclose((mu * R).sum(), mdp.initial @ value, atol=1e-8 * max(1.0, mu.sum()))


@FAST
@given(st.data())
def test_finite_horizon_flow(data: st.DataObject) -> None:
    mdp = data.draw(finite_horizon_mdps())
    R = data.draw(rewards(mdp))
    solution = solve_soft_finite(mdp, R)
    mu = occupancy_finite(mdp, solution.policy.table)
    np.testing.assert_allclose(mu.sum(axis=(1, 2)), 1.0, atol=1e-12)
    flow = np.einsum("tsa,sax->tx", mu, dense(mdp))
    np.testing.assert_allclose(mu[1:].sum(axis=2), flow[:-1], atol=1e-12)
    # The soft value is the reward of the policy plus its entropy.
    log_pi = np.where(mdp.availability, solution.log_policy, 0.0)
    np.testing.assert_allclose((mu * (R - log_pi)).sum(), mdp.initial @ solution.value[0], atol=1e-9)
    assert np.all(solve_hard_finite(mdp, R).value <= solution.value + 1e-12)


@FAST
@given(st.data())
def test_derivatives_of_the_value_are_policy_solves(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps(max_discount=0.9))
    R, phi, beta = data.draw(rewards(mdp)), data.draw(rewards(mdp)), data.draw(BETA)
    pi = solve_soft(mdp, R, rationality=beta, throw=True).policy.table
    derivative = policy_system(mdp, pi).solve((pi * phi).sum(axis=1))
    high = solve_soft(mdp, R + 1e-5 * phi, rationality=beta, tolerance=1e-14, throw=True).value
    low = solve_soft(mdp, R - 1e-5 * phi, rationality=beta, tolerance=1e-14, throw=True).value
    np.testing.assert_allclose(
        derivative, (high - low) / 2e-5, atol=1e-6 * max(1.0, np.abs(derivative).max())
    )


@FAST
@given(st.data(), BETA)
def test_goals_are_worlds_of_their_own(data: st.DataObject, beta: float) -> None:
    mdp = data.draw(goal_conditioned_mdps())
    R = data.draw(rewards(mdp, scale=0.5, shift=-3.0 / beta))
    solution = solve_soft_goals(mdp, R, rationality=beta)
    assume(solution.outcome.ok)
    for i, goal in enumerate(mdp.goals.tolist()):
        V = solution.value[i]
        far = np.isneginf(V)
        Q = R + np.where(dense(mdp) @ far > 0, -np.inf, dense(mdp) @ np.where(far, 0.0, V))
        arrives = ~far & (np.arange(mdp.n_states) != goal)
        top = Q[arrives].max(axis=1)
        soft = top + np.log(np.exp(beta * (Q[arrives] - top[:, None])).sum(axis=1)) / beta
        np.testing.assert_allclose(soft, V[arrives], atol=1e-8)
        np.testing.assert_allclose(np.exp(solution.log_policy(i))[arrives].sum(axis=1), 1.0, atol=1e-8)
        assert V[goal] == 0.0


@FAST
@given(st.data())
def test_drawn_demonstrations_are_possible(data: st.DataObject) -> None:
    mdp = data.draw(discounted_mdps() | absorbing_mdps() | finite_horizon_mdps())
    drawn = data.draw(demonstrations(mdp))
    pi = data.draw(policies(mdp))
    simulated = simulate(mdp, pi, 5, 4, key=data.draw(keys))
    for demos in (drawn, simulated):
        s, nxt = demos.require_states()
        assert np.all(mdp.availability[s, demos.actions])
        assert np.all(dense(mdp)[s, demos.actions, nxt] > 0)
