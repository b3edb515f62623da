"""Constrained worlds: closed forms, every mixture of deterministic policies, prices as slopes, what cannot be kept."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DynamicsError, NumericalError, SettingsError
from telic.mdp import TabularMDP
from telic.planning import occupancy, policy_value, solve_hard
from telic.planning.constrained import solve_constrained
from telic.reports import Outcome


def one_state(gamma=0.9):
    """Work (reward 1, cost 1) or rest (0, 0), for ever."""
    mdp = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=gamma, initial=np.ones(1))
    table = np.array([[1.0, 0.0]])
    return mdp, table, table[None]


@pytest.mark.parametrize("budget", [0.0, 2.5, 9.999])
def test_one_state_in_closed_form_where_the_budget_binds(budget) -> None:
    """Working a share p of the time is worth p / (1 - gamma) and costs the same: value = budget, price 1."""
    mdp, R, C = one_state()
    found = solve_constrained(mdp, R, C, [budget])
    assert found.outcome is Outcome.SUCCESS
    assert found.value == pytest.approx(budget, abs=1e-9)
    assert found.policy.table[0] == pytest.approx([budget / 10, 1 - budget / 10], abs=1e-9)
    assert found.prices == pytest.approx([1.0])
    assert found.gap == pytest.approx(0.0, abs=1e-9)
    assert found.drawn_states == ((0,) if budget else ())


def test_one_state_in_closed_form_where_it_does_not() -> None:
    mdp, R, C = one_state()
    found = solve_constrained(mdp, R, C, [12.0])
    assert found.value == pytest.approx(10.0)
    assert found.costs == pytest.approx([10.0])
    assert found.prices == pytest.approx([0.0])
    assert found.drawn_states == ()


def test_a_walk_with_a_dangerous_short_cut_in_closed_form() -> None:
    """From the start: the short cut arrives (reward 1) after 1 step at risk 1; the long way after 3 steps without.

    With discount g, worth is p g + (1 - p) g^3 with p the probability of the short cut, risk p: a budget of p.
    """
    g, P = 0.8, np.zeros((5, 2, 5))
    P[0, 0, 3] = P[0, 1, 1] = P[1, :, 2] = P[2, :, 3] = P[3, :, 4] = P[4, :, 4] = 1.0
    R, C = np.zeros((5, 2)), np.zeros((1, 5, 2))
    R[3], C[0, 0, 0] = 1.0, 1.0
    mdp = TabularMDP.from_transition(P, discount=g, initial=np.eye(5)[0])
    found = solve_constrained(mdp, R, C, [0.25])
    assert found.value == pytest.approx(0.25 * g + 0.75 * g**3)
    assert found.policy.table[0] == pytest.approx([0.25, 0.75])
    assert found.prices == pytest.approx([g - g**3])
    ends = replace(mdp, discount=1.0, absorbing=np.eye(5, dtype=bool)[4])
    undiscounted = solve_constrained(ends, R - 0.1, C, [0.25])
    assert undiscounted.value == pytest.approx(1.0 - 0.1 * (0.25 * 2 + 0.75 * 4))
    assert undiscounted.policy.table[4].tolist() == [0.0, 0.0]


def random_world(key, S=4, A=2, K=2):
    rng = np.random.default_rng(key)
    P = rng.dirichlet(np.ones(S), (S, A))
    mdp = TabularMDP.from_transition(P, discount=0.9, initial=rng.dirichlet(np.ones(S)))
    return mdp, rng.normal(size=(S, A)), rng.uniform(0, 1, (K, S, A))


def deterministic(mdp, R, C):
    """Value and costs of every deterministic policy."""
    S, A, rho = mdp.n_states, mdp.n_actions, mdp.initial
    rows = []
    for actions in itertools.product(range(A), repeat=S):
        pi = np.eye(A)[list(actions)]
        rows.append([float(rho @ policy_value(mdp, pi, r)) for r in (R, *C)])
    return np.array(rows)


def best_mixture(points, budgets):
    """Best value of a mixture within budgets, over all sets of as many policies as budgets and one more."""
    K, best = len(budgets), -np.inf
    for m in range(1, K + 2):
        for chosen in itertools.combinations(range(len(points)), m):
            part = points[list(chosen)]
            for binding in itertools.combinations(range(K), m - 1):
                rows = np.vstack([np.ones(m), part[:, [1 + k for k in binding]].T])
                if abs(np.linalg.det(rows)) < 1e-12:
                    continue
                w = np.linalg.solve(rows, np.concatenate([[1.0], budgets[list(binding)]]))
                if np.all(w >= -1e-9) and np.all(w @ part[:, 1:] <= budgets + 1e-9):
                    best = max(best, float(w @ part[:, 0]))
    return best


@pytest.mark.parametrize("key", range(4))
@pytest.mark.parametrize("K", [1, 2])
def test_the_best_of_all_mixtures_of_deterministic_policies_is_found(key, K) -> None:
    mdp, R, C = random_world(key, K=K)
    points = deterministic(mdp, R, C)
    free = points[points[:, 0].argmax(), 1:]
    thrifty = points[points[:, 1:].sum(axis=1).argmin(), 1:]
    budgets = thrifty + 0.5 * np.maximum(free - thrifty, 0.0)
    found = solve_constrained(mdp, R, C, budgets)
    wanted = best_mixture(points, budgets)
    assert np.isfinite(wanted)
    assert found.value == pytest.approx(wanted, abs=1e-7)
    assert np.all(found.costs <= budgets + 1e-7)
    assert abs(found.gap) < 1e-7
    assert len(found.drawn_states) <= K
    slack = found.costs < budgets - 1e-6
    assert np.all(found.prices[slack] == 0)
    mu = occupancy(mdp, found.policy.table)
    np.testing.assert_allclose(found.occupancy, mu)
    assert found.value == pytest.approx(float(np.sum(mu * R)))


def test_budgets_are_out_of_reach_exactly_where_no_mixture_keeps_them() -> None:
    said = []
    for key in range(8):
        mdp, R, C = random_world(key)
        points = deterministic(mdp, R, C)
        least = points[:, 1:].min(axis=0)
        budgets = least + 0.05 + 0.1 * key
        found = solve_constrained(mdp, R, C, budgets)
        assert (found.outcome is Outcome.INFEASIBLE) == (best_mixture(points, budgets) == -np.inf)
        said.append(found.outcome.label)
    assert set(said) == {"success", "infeasible"}


def test_prices_are_the_slopes_of_the_value() -> None:
    mdp, R, C = random_world(11, S=8, A=3)
    least = [-float(mdp.initial @ solve_hard(mdp, -c).value) for c in C]
    free = solve_hard(mdp, R).policy.table
    most = [float(mdp.initial @ policy_value(mdp, free, c)) for c in C]
    b = np.array(least) + 0.7 * (np.array(most) - least)
    found = solve_constrained(mdp, R, C, b)
    assert found.prices.max() > 0.01
    for k in range(2):
        step = 1e-4 * np.eye(2)[k]
        slope = (
            solve_constrained(mdp, R, C, b + step).value - solve_constrained(mdp, R, C, b - step).value
        ) / 2e-4
        assert slope == pytest.approx(found.prices[k], abs=1e-5)


def test_loose_budgets_change_nothing_and_states_never_visited_have_the_best_action() -> None:
    mdp, R, C = random_world(3, S=6, A=3)
    mdp = replace(mdp, initial=np.eye(6)[0])
    found = solve_constrained(mdp, R, C, [1e3, 1e3])
    best = solve_hard(mdp, R)
    np.testing.assert_array_equal(found.policy.table, best.policy.table)
    assert found.value == pytest.approx(best.value[0])
    unreached = TabularMDP.from_transition(
        np.stack([np.stack([np.eye(3)[0]] * 2), np.stack([np.eye(3)[0]] * 2), np.eye(3)[[0, 2]]]),
        discount=0.9, initial=np.eye(3)[0],
    )  # fmt: skip
    reward = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    table = solve_constrained(unreached, reward, np.zeros((1, 3, 2)), [1.0]).policy.table
    assert table.argmax(axis=1).tolist() == [1, 0, 0]
    assert table.sum(axis=1).tolist() == [1.0, 1.0, 1.0]


def test_actions_that_cannot_be_taken_are_not() -> None:
    P = np.ones((1, 3, 1))
    P[0, 2] = 0.0
    closed = TabularMDP.from_transition(
        P, discount=0.9, initial=np.ones(1), available=np.array([[True, True, False]])
    )
    rich = np.array([[1.0, 0.0, 50.0]])
    found = solve_constrained(closed, rich, rich[None] * 1.0, [4.0])
    assert found.policy.table[0] == pytest.approx([0.4, 0.6, 0.0])


def test_what_cannot_be_kept_is_said_in_words() -> None:
    mdp, R, C = one_state()
    rest_costs = np.array([[[0.0, 2.0]]])
    alone = solve_constrained(mdp, R, rest_costs + 1.0, [5.0], names=["fuel"])
    assert alone.outcome is Outcome.INFEASIBLE
    assert alone.policy is None
    assert "No policy keeps fuel within 5: the least that any reaches is 10." in alone.findings[0].message
    # Working p of the time costs 10 p of labour and 10 (1 - p) of idleness: 3 and 4 cannot both be kept.
    both = np.concatenate([C, 1.0 - C])
    found = solve_constrained(mdp, R, both, [3.0, 4.0], names=["labour", "idleness"])
    assert found.outcome is Outcome.INFEASIBLE
    assert "no policy keeps labour, idleness together" in found.findings[0].message
    assert sum(found.findings[0].evidence["overrun"]) == pytest.approx(3.0)
    assert "idleness by 3" in found.findings[0].message
    with pytest.raises(NumericalError, match="labour"):
        solve_constrained(mdp, R, both, [3.0, 4.0], names=["labour", "idleness"], throw=True)


def test_an_endless_gain_is_told() -> None:
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, initial=np.eye(2)[0], absorbing=np.array([False, True]))
    gain = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert solve_constrained(mdp, gain, np.zeros((1, 2, 2)), [1.0]).outcome is Outcome.VALUE_DIVERGES
    kept = solve_constrained(mdp, gain, gain[None], [3.0])
    assert kept.value == pytest.approx(3.0)
    assert kept.policy.table[0] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"costs": np.zeros((1, 2, 2))}, DynamicsError, r"\(K, 1, 2\), got \(1, 2, 2\)"),
        ({"costs": np.full((1, 1, 2), np.nan)}, DynamicsError, "finite"),
        ({"budgets": [1.0, 2.0]}, SettingsError, "1 finite numbers, one a cost"),
        ({"budgets": [np.inf]}, SettingsError, "1 finite numbers"),
        ({"names": ["a", "b"]}, SettingsError, "must name 1 costs, got 2"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, said) -> None:
    mdp, R, C = one_state()
    given = {"costs": C, "budgets": [1.0], **change}
    with pytest.raises(error, match=said):
        solve_constrained(mdp, R, given.pop("costs"), given.pop("budgets"), **given)


def test_a_world_without_a_start_is_refused() -> None:
    mdp, R, C = one_state()
    with pytest.raises(DynamicsError, match="need an initial distribution"):
        solve_constrained(replace(mdp, initial=None), R, C, [1.0])
