"""Estimated dynamics: smoothing by hand, factorised laws, findings, recovery of a known world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp import StateSpace, estimate_dynamics
from telic.mdp.exogeneity import exogeneity_p_values
from telic.mdp.laws import own_law
from telic.trajectories import Demonstrations


def test_tables_of_integers_by_hand() -> None:
    demos = Demonstrations.from_arrays([0, 0, 0, 1], [0, 0, 1, 0], next_states=[1, 0, 1, -1], offsets=[0, 4])
    got = estimate_dynamics(demos, 3, discount=0.9, smoothing=1.0)
    P = got.mdp.transition.toarray()
    pooled = np.array([1 / 3, 2 / 3, 0])
    assert P[0] == pytest.approx((np.array([1, 1, 0]) + pooled) / 3)
    assert P[1] == pytest.approx((np.array([0, 1, 0]) + pooled) / 2)
    assert P[2:].tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]  # never left: it stays
    assert got.transition_log_likelihood == pytest.approx(np.log(P[0, 1]) + np.log(P[0, 0]) + np.log(P[1, 1]))
    assert got.mdp.initial is not None and got.mdp.initial.tolist() == [1, 0, 0]
    assert got.n_transitions == 3 and got.pair_counts.tolist() == [[2, 1], [0, 0], [0, 0]]
    assert "4 of 6 pairs" in got.findings[0].message


def test_without_smoothing_rows_are_frequencies_and_weights_count() -> None:
    demos = Demonstrations.from_arrays(
        [0, 0, 1], [0, 0, 0], next_states=[1, 0, 0], weights=[3.0, 1.0, 1.0], offsets=[0, 3]
    )
    P = estimate_dynamics(demos, 2, discount=0.9, smoothing=0.0).mdp.transition.toarray()
    assert P.tolist() == [[0.25, 0.75], [1, 0]]


def test_an_ordered_law_moves_unseen_cells_as_the_others_do() -> None:
    now, after = np.array([0, 1, 1, 2]), np.array([1, 2, 2, 2])
    law = own_law(
        now,
        np.zeros(4, dtype=np.int64),
        after,
        np.ones(4),
        n_cells=5,
        n_groups=1,
        is_ordered=True,
        smoothing=1.0,
    )[0]
    assert law[3].tolist() == [0, 0, 0, 0.25, 0.75]  # displacements: +1 three times of four
    assert law[4].tolist() == [0, 0, 0, 0, 1.0]  # stopped at the end
    assert law[1] == pytest.approx(np.array([0, 0.25, 2.75, 0, 0]) / 3)


def test_an_unordered_law_keeps_or_changes_the_label() -> None:
    now, after = np.array([0, 0, 1, 2]), np.array([0, 1, 2, 1])
    law = own_law(
        now,
        np.zeros(4, dtype=np.int64),
        after,
        np.ones(4),
        n_cells=4,
        n_groups=1,
        is_ordered=False,
        smoothing=1.0,
    )[0]
    # Never seen: stays with 1/4, else goes where changes went: label 1 twice, label 2 once.
    assert law[3] == pytest.approx([0, 0.75 * 2 / 3, 0.75 / 3, 0.25])
    assert law.sum(axis=1) == pytest.approx(np.ones(4))


def test_a_group_never_seen_moves_as_the_others_on_average() -> None:
    now, after = np.array([0, 1]), np.array([1, 2])
    law = own_law(
        now,
        np.zeros(2, dtype=np.int64),
        after,
        np.ones(2),
        n_cells=3,
        n_groups=2,
        is_ordered=True,
        smoothing=1.0,
    )
    assert law[1, 0].tolist() == [0, 1, 0]


def test_rows_are_products_of_the_exogenous_and_the_responding_part(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos()
    space = StateSpace.from_contract(contract(), data)
    encoded = space.encode(data)
    got = estimate_dynamics(encoded, space, discount=0.95, threshold=0.0)
    rows = got.mdp.transition.toarray().reshape(-1, 10, 8, 2)
    assert rows.sum(axis=(1, 2, 3)) == pytest.approx(np.ones(480))
    # Exogenous margins do not depend on pods or action; the responding margin of an often seen pair is its
    # frequency.
    exogenous = rows.sum(axis=2).reshape(10, 8, 2, 3, 10, 2)
    assert np.abs(exogenous - exogenous[:, :1, :, :1]).max() < 1e-12
    assert np.abs(rows - rows.sum(axis=2)[:, :, None] * rows.sum(axis=(1, 3))[:, None, :, None]).max() < 1e-12
    pair = int(np.asarray(got.counts.sum(axis=1)).ravel().argmax())
    pods, action = (pair // 3) // 2 % 8, pair % 3
    assert rows[pair].sum(axis=(0, 2))[np.clip(pods + action - 1, 0, 7)] > 0.99


@pytest.mark.parametrize(("moved", "times", "most"), [(True, "3 actions x ", "5,773"), (False, "", "10,000")])
def test_a_law_too_large_to_hold_is_refused_before_it_is_made(
    contract: Callable[..., Any], demos: Callable[..., Any], moved: bool, times: str, most: str
) -> None:
    data = demos(4, 20)
    made = contract(load={"bins": 10_000, "affected_by_action": moved})
    space = StateSpace.from_contract(made, data, scale=2)
    with pytest.raises(DynamicsError) as caught:
        estimate_dynamics(space.encode(data), space, discount=0.95, exogeneity_level=None)
    assert f"`load` has 20,000 cells: how it moves would be a table of {times}20,000 x 20,000" in str(
        caught.value
    )
    assert f"at most {most} cells" in caught.value.hint


def test_the_known_world_is_approached(contract: Callable[..., Any], demos: Callable[..., Any]) -> None:
    """Total variation to the law estimated from 40 times the data falls with the number of trajectories."""
    big = demos(1600, 100, key=1)
    space = StateSpace.from_contract(contract(), big)
    reference = estimate_dynamics(space.encode(big), space, discount=0.95, exogeneity_level=None)
    weight = reference.pair_counts.ravel() / reference.pair_counts.sum()
    gaps = []
    for n in (5, 20, 80):
        small = estimate_dynamics(space.encode(demos(n, 100, key=2)), space, discount=0.95)
        gap = abs(small.mdp.transition - reference.mdp.transition).sum(axis=1)
        gaps.append(float(weight @ np.asarray(gap).ravel()) / 2)
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.15


def test_smoothing_helps_to_predict_held_out_transitions(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    train, test = demos(10, 100, key=1), demos(50, 100, key=2)
    space = StateSpace.from_contract(contract(), test)
    test = space.encode(test)
    pairs = test.states.astype(np.int64) * 3 + test.actions

    def score(c: float) -> float:
        P = estimate_dynamics(space.encode(train), space, discount=0.9, smoothing=c).mdp.transition
        return float(np.log(np.maximum(np.asarray(P[pairs, test.next_states]).ravel(), 1e-12)).mean())

    assert score(1.0) > score(1e-3) + 0.1


def test_seen_cells_only_rows_still_sum_to_one(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(5, 60)
    space = StateSpace.from_contract(contract(states={"cap": 90}), data)
    got = estimate_dynamics(space.encode(data), space, discount=0.95)
    assert np.asarray(got.mdp.transition.sum(axis=1)).ravel() == pytest.approx(np.ones(space.n_states * 3))
    assert any(f.code == "mass-outside-states" for f in got.findings)
    assert np.isfinite(got.transition_log_likelihood)


def test_ended_tasks_are_a_part_of_the_law(contract: Callable[..., Any], demos: Callable[..., Any]) -> None:
    data = demos(10, 20)
    data = replace(data, terminated=np.ones(10, dtype=bool), truncated=np.zeros(10, dtype=bool))
    space = StateSpace.from_contract(contract(outcomes={"terminated": "done"}), data)
    encoded = space.encode(data)
    got = estimate_dynamics(encoded, space, discount=1.0)
    assert got.mdp.absorbing is not None and got.mdp.absorbing[-1]
    last = encoded.states[19] * 3 + encoded.actions[19]
    n, ended = got.counts[[last]].sum(), got.counts[last, 160]
    by_action = (encoded.next_states == 160) & (encoded.actions == encoded.actions[19])
    n_action = (encoded.actions == encoded.actions[19]).sum()
    prior = (by_action.sum() + 10 / 200) / (n_action + 1)
    assert got.mdp.transition[last, 160] == pytest.approx((ended + prior) / (n + 1))
    assert np.isfinite(got.transition_log_likelihood)


def test_a_false_declaration_of_exogeneity_is_found(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(carry=20.0)
    space = StateSpace.from_contract(contract(), data)
    codes = [f.code for f in estimate_dynamics(space.encode(data), space, discount=0.9).findings]
    assert "exogeneity-rejected" in codes


def test_exogeneity_false_alarms(contract: Callable[..., Any], demos: Callable[..., Any]) -> None:
    """40 clean sets at level .05: at most 8 alarms (above it has probability 2e-4 under .05)."""
    alarms = 0
    for key in range(40):
        data = demos(10, 60, key=100 + key)
        space = StateSpace.from_contract(contract(), data)
        alarms += min(exogeneity_p_values(space.encode(data), space).values()) < 0.05
    assert alarms <= 8


def test_a_drawn_world_has_the_same_support_and_the_posterior_mean() -> None:
    demos = Demonstrations.from_arrays([0] * 6, [0] * 6, next_states=[0, 1, 1, 1, 1, 0], offsets=[0, 6])
    got = estimate_dynamics(demos, 2, discount=0.9, smoothing=2.0)
    draws = np.array([got.draw(k).transition.toarray()[0, 1] for k in range(4000)])
    a, b = 6 * 4 / 6 + 2 * 4 / 6, 6 * 2 / 6 + 2 * 2 / 6
    assert draws.mean() == pytest.approx(a / (a + b), abs=4 * draws.std() / np.sqrt(4000))
    assert draws.var() == pytest.approx(a * b / ((a + b) ** 2 * (a + b + 1)), rel=0.1)


def test_refusals() -> None:
    one = Demonstrations.from_arrays([0], [0])
    with pytest.raises(DataError, match="No decision has a known next state"):
        estimate_dynamics(one, 2, discount=0.9)
    with pytest.raises(DataError, match=r"States must lie in \[0, 2\)"):
        estimate_dynamics(Demonstrations.from_arrays([0, 5], [0, 0]), 2, discount=0.9)
    with pytest.raises(SettingsError, match="`smoothing` must be >= 0"):
        estimate_dynamics(Demonstrations.from_arrays([0, 0], [0, 0]), 2, discount=0.9, smoothing=-1.0)


def test_environments_have_rows_from_their_own_trajectories_alone(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    def at_two_shifts(key_of_nights: int) -> Demonstrations:
        days, nights = demos(key=0), demos(key=key_of_nights)
        night = days.trajectory_index >= 20

        def mixed(name: str) -> dict[str, Any]:
            pairs = ((k, v, getattr(nights, name)[k]) for k, v in getattr(days, name).items())
            return {k: night.astype(v.dtype) if k == "shift" else np.where(night, w, v) for k, v, w in pairs}

        return replace(
            days,
            actions=np.where(night, nights.actions, days.actions),
            observations=mixed("observations"),
            next_observations=mixed("next_observations"),
        )

    both, others = at_two_shifts(0), at_two_shifts(7)
    space = StateSpace.from_contract(contract(), both)
    laws = [
        estimate_dynamics(space.encode(d), space, discount=0.9, environment="shift").mdp.transition
        for d in (both, others)
    ]
    rows = np.repeat(space.cell_along("shift"), 3)
    gap = np.asarray(abs(laws[0] - laws[1]).sum(axis=1)).ravel()
    assert gap[rows == 0].max() == 0  # what happened at night plays no part by day
    assert gap[rows == 1].max() > 0.1
    for law in laws:
        assert np.asarray(law.sum(axis=1)).ravel() == pytest.approx(np.ones(len(rows)))
        assert np.all(space.cell_along("shift")[law.indices] == np.repeat(rows, np.diff(law.indptr)))


def test_an_environment_must_stay_what_it_is(contract: Callable[..., Any], demos: Callable[..., Any]) -> None:
    data = demos()
    space = StateSpace.from_contract(contract(), data)
    with pytest.raises(DataError, match="same within a trajectory"):
        estimate_dynamics(space.encode(data), space, discount=0.9, environment="shift")
    with pytest.raises(SettingsError, match="integers"):
        estimate_dynamics(space.encode(data), space.n_states, discount=0.9, environment="shift")


def test_a_transition_without_weight_adds_nothing_to_the_likelihood() -> None:
    # Without weight the first transition is impossible in the estimate: log 0 must not meet its count of 0.
    demos = Demonstrations.from_arrays(
        [0, 0, 0], [0, 0, 0], next_states=[1, 0, 0], offsets=[0, 3], weights=[0.0, 1.0, 1.0]
    )
    got = estimate_dynamics(demos, 2, discount=0.9, smoothing=0.0)
    assert got.transition_log_likelihood == 0.0
    assert got.mdp.transition.toarray()[0].tolist() == [1.0, 0.0]
