"""Laws of reward distances on random worlds, rewards of every form, and random coverages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telic.evaluation import (
    canonical_by_value,
    canonical_dard,
    canonical_epic,
    dard_distance,
    epic_distance,
    reward_relation,
    starc_distance,
)
from telic.mdp import TabularMDP
from telic.testing.strategies import FAST, absorbing_mdps, discounted_mdps, keys, policies

FORMS = ("S", "SA", "SAS")


def drawn_reward(draw, mdp: TabularMDP, form: str | None = None) -> np.ndarray:
    S, A = mdp.n_states, mdp.n_actions
    shape = {"S": (S,), "SA": (S, A), "SAS": (S, A, S)}[form or draw(st.sampled_from(FORMS))]
    return np.random.default_rng(draw(keys)).normal(size=shape)


def triples(reward: np.ndarray, mdp: TabularMDP) -> np.ndarray:
    S, A = mdp.n_states, mdp.n_actions
    return np.broadcast_to(reward.reshape(reward.shape + (1,) * (3 - reward.ndim)), (S, A, S))


def potential(draw, mdp: TabularMDP) -> np.ndarray:
    phi = np.random.default_rng(draw(keys)).normal(size=mdp.n_states)
    return phi if mdp.absorbing is None else np.where(mdp.absorbing, 0.0, phi)


@FAST
@given(st.data())
def test_shaping_and_scale_change_nothing_whatever_the_form_coverage_and_policy(data) -> None:
    mdp = data.draw(discounted_mdps() | absorbing_mdps())
    R, other = triples(drawn_reward(data.draw, mdp), mdp), drawn_reward(data.draw, mdp)
    phi, scale = potential(data.draw, mdp), data.draw(st.floats(0.01, 100.0))
    shaped = scale * (R + mdp.discount * phi[None, None, :] - phi[:, None, None])
    pi = data.draw(policies(mdp))
    if mdp.absorbing is not None:
        pi = np.where(mdp.absorbing[:, None], 0.0, pi)
    weights = np.where(pi > 0, pi, 0.0)
    calls = [
        lambda a, b: starc_distance(a, b, mdp, coverage=weights, policy=pi),
        lambda a, b: starc_distance(a, b, mdp, norm="max"),
        lambda a, b: epic_distance(a, b, mdp),
        lambda a, b: epic_distance(a, b, mdp, coverage="dynamics"),
        lambda a, b: dard_distance(a, b, mdp),
    ]
    for call in calls:
        there = call(R, other)
        if min(there.sizes) < 1e-6 * np.abs(R).max():
            continue  # (nearly) trivial: its direction is rounding
        assert call(R.copy(), shaped).value == pytest.approx(0.0, abs=1e-6)
        assert call(shaped, other).value == pytest.approx(there.value, abs=1e-6)
        assert 0.0 <= there.value <= 1.0
        assert call(other, R.copy()).value == pytest.approx(there.value, abs=1e-12)


@FAST
@given(st.data())
def test_a_shift_changes_nothing_where_the_problem_never_ends(data) -> None:
    mdp = data.draw(discounted_mdps())
    R, shift = drawn_reward(data.draw, mdp), data.draw(st.floats(-5.0, 5.0))
    for distance in (starc_distance, epic_distance, dard_distance):
        if min(distance(R, R, mdp).sizes) > 1e-6:
            assert distance(R, R + shift, mdp).value == pytest.approx(0.0, abs=1e-6)


@FAST
@given(st.data())
def test_a_shift_is_something_where_the_problem_ends(data) -> None:
    """Pay for every step is a reason to linger: STARC sees it, EPIC cannot."""
    mdp = data.draw(absorbing_mdps())
    lengths = canonical_by_value(np.ones((mdp.n_states, mdp.n_actions)), mdp)
    assume(np.abs(lengths).max() > 0.05)
    R = drawn_reward(data.draw, mdp, "SA")
    assume(min(starc_distance(R, lengths, mdp).value, starc_distance(R, -lengths, mdp).value) > 0.05)
    assert starc_distance(R, R + 2.0, mdp).value > 1e-3
    assert epic_distance(R, R + 2.0, mdp).value == pytest.approx(0.0, abs=1e-6)


@FAST
@given(st.data())
def test_redistribution_changes_starc_never_and_epic_where_it_can(data) -> None:
    mdp = data.draw(discounted_mdps(partial=False))
    S, A = mdp.n_states, mdp.n_actions
    P = mdp.transition.toarray().reshape(S, A, S)
    assume((P > 0.05).sum(axis=2).min() >= 2)
    R = drawn_reward(data.draw, mdp, "SAS")
    moved = np.random.default_rng(data.draw(keys)).normal(size=(S, A, S))
    moved -= (P * moved).sum(axis=2, keepdims=True)
    assume(min(starc_distance(R, R, mdp).sizes) > 1e-6)
    assert starc_distance(R, R + moved, mdp).value == pytest.approx(0.0, abs=1e-6)
    assert epic_distance(R, R + moved, mdp).value > 1e-4


@FAST
@given(st.data())
def test_distances_are_pseudometrics(data) -> None:
    mdp = data.draw(discounted_mdps(partial=False))
    one, two, three = (drawn_reward(data.draw, mdp) for _ in range(3))
    for distance in (starc_distance, epic_distance, dard_distance):
        near, far, direct = (distance(a, b, mdp) for a, b in ((one, two), (two, three), (one, three)))
        if all(d.outcome.ok for d in (near, far, direct)):
            assert direct.value <= near.value + far.value + 1e-9
        if near.sizes[0] > 1e-6:
            assert distance(one, -one, mdp).value == pytest.approx(1.0, abs=1e-6)


@FAST
@given(st.data())
def test_canonical_forms_are_linear_and_canonical_twice_is_canonical_once(data) -> None:
    mdp = data.draw(discounted_mdps(partial=False))
    one, two = drawn_reward(data.draw, mdp, "SAS"), drawn_reward(data.draw, mdp, "SAS")
    for form in (canonical_epic, canonical_dard, canonical_by_value):
        both = form(one + 2.0 * two, mdp)
        assert both == pytest.approx(form(one, mdp) + 2.0 * form(two, mdp), abs=1e-9)
    advantage = canonical_by_value(one, mdp)
    assert canonical_by_value(advantage, mdp) == pytest.approx(advantage, abs=1e-9)
    twice = canonical_epic(canonical_epic(one, mdp), mdp)
    assert twice == pytest.approx(canonical_epic(one, mdp), abs=1e-9)


@FAST
@given(st.data())
def test_what_sets_two_rewards_apart_is_found_again(data) -> None:
    mdp = data.draw(discounted_mdps(max_discount=0.9, partial=False))
    R = drawn_reward(data.draw, mdp, "SA")
    assume(starc_distance(R, R, mdp).sizes[0] > 1e-3)
    phi = np.random.default_rng(data.draw(keys)).normal(size=mdp.n_states)
    scale = data.draw(st.floats(0.1, 10.0))
    shaped = scale * triples(R, mdp) + mdp.discount * phi[None, None, :] - phi[:, None, None]
    found = reward_relation(R, shaped, mdp)
    assert found.relation.name == "SHAPING"
    assert found.scale == pytest.approx(scale, rel=1e-6)
    assert found.potential == pytest.approx(phi, abs=1e-5 * (1 + np.abs(phi).max() * scale))
    assert reward_relation(R, R, mdp).relation.name == "IDENTICAL"
    assert reward_relation(R, scale * R + 7.0, mdp).relation.name == "SHIFT"
    assert reward_relation(R, -scale * R, mdp).relation.name == "OPPOSITE"
