"""State spaces from a contract: grids, caps, representative values, the absorbing end, auto bins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from telic.errors import DataError
from telic.mdp import StateSpace, estimate_dynamics
from telic.mdp.auto_bins import held_out_choice_score


def test_the_full_grid_numbers_cells_by_the_axes_in_order(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(4, 50)
    space = StateSpace.from_contract(contract(), data)
    assert space.n_states == 10 * 8 * 2
    encoded = space.encode(data)
    load, pods, shift = (data.observations[k] for k in ("load", "pods", "shift"))
    wanted = (np.minimum(load // 100, 9) * 8 + (pods - 1)) * 2 + shift
    assert np.array_equal(encoded.states, wanted.astype(np.int32))
    assert space.labels[0] == "load 0–100 requests/s, pods 1, shift day"
    assert np.array_equal(
        encoded.next_states[:-1][data.step_index[1:] > 0], encoded.states[1:][data.step_index[1:] > 0]
    )


def test_without_recorded_outcomes_the_next_row_is_what_came_after(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = replace(demos(3, 20), next_observations={}, next_known=None)
    encoded = StateSpace.from_contract(contract(), data).encode(data)
    ends = data.offsets[1:] - 1
    assert np.all(encoded.next_states[ends] == -1)
    inner = np.setdiff1d(np.arange(60), ends)
    assert np.array_equal(encoded.next_states[inner], encoded.states[inner + 1])


def test_cells_are_means_exact_for_distinct_values(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos()
    space = StateSpace.from_contract(contract(), data)
    states = space.encode(data).states
    s = int(np.bincount(states).argmax())
    here = states == s
    assert space.cells["latency"][s] == pytest.approx(data.observations["latency"][here].mean())
    in_bin = data.observations["load"] // 100 == space.coordinates[s, 0]
    assert space.cells["load"][s] == pytest.approx(data.observations["load"][in_bin].mean())  # exogenous
    free = StateSpace.from_contract(contract(load={"affected_by_action": None}), data)
    assert free.cells["load"][s] == pytest.approx(data.observations["load"][here].mean())
    assert set(np.unique(space.cells["pods"])) == set(range(1, 9))
    assert set(space.cells["shift"]) == {"day", "night"}
    empty = np.setdiff1d(np.arange(space.n_states), states)
    assert np.all(np.isfinite(space.cells["latency"][empty].astype(float)))


def test_over_the_cap_only_seen_cells_are_states_and_others_go_to_the_nearest(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(5, 40)
    space = StateSpace.from_contract(contract(states={"cap": 100}), data)
    assert space.kept is not None
    assert space.n_states == len(space.kept) < 160
    assert any(f.code == "states-seen-only" for f in space.findings)
    encoded = space.encode(demos(5, 40, key=9))
    assert encoded.states.min() >= 0
    assert [f.code for f in encoded.findings] == ["unseen-cells"]
    # One unseen cell by hand: the nearest kept cell with the same shift.
    grid = StateSpace.from_contract(contract(), data)
    missing = int(np.setdiff1d(np.arange(160), space.kept)[0])
    coordinate = grid.coordinates[missing]
    gaps = np.abs(space.coordinates - coordinate)
    cost = gaps[:, 0] + gaps[:, 1] + 1000 * (gaps[:, 2] > 0)
    assert cost[space._nearest(coordinate)] == cost.min()


def test_ended_tasks_lead_to_one_absorbing_state(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(3, 10)
    data = replace(data, terminated=np.array([True, False, True]), truncated=np.array([False, True, False]))
    space = StateSpace.from_contract(contract(outcomes={"terminated": "done"}), data)
    encoded = space.encode(data)
    assert space.n_states == 161 and space.labels[-1] == "ended"
    assert space.absorbing is not None and space.absorbing.sum() == 1
    assert encoded.next_states[[9, 29]].tolist() == [160, 160] and encoded.next_states[19] != 160
    assert len(space.cells["load"]) == 161


def test_values_after_the_action_outside_the_range_name_their_rows(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(2, 10)
    after = data.next_observations["load"].copy()
    after[7] = 5000.0
    bad = replace(data, next_observations={**data.next_observations, "load": after})
    with pytest.raises(DataError, match="After the action: `load` must be a number from 0 to 1000") as error:
        StateSpace.from_contract(contract(), data).encode(bad)
    assert error.value.data["rows"] == [7]


def test_empty_data_is_refused_and_one_row_has_states_but_no_dynamics(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(2, 10)
    with pytest.raises(DataError, match="States need at least one decision, got none"):
        StateSpace.from_contract(contract(), data.select([]))
    one = replace(demos(1, 1), next_observations={}, next_known=None)
    space = StateSpace.from_contract(contract(load={"bins": "auto"}), one)
    with pytest.raises(DataError, match="No decision has a known next state"):
        estimate_dynamics(space.encode(one), space, discount=0.9)


def test_a_missing_observation_is_named(contract: Callable[..., Any], demos: Callable[..., Any]) -> None:
    data = demos(2, 10)
    space = StateSpace.from_contract(contract(), data)
    fewer = replace(
        data, observations={k: v for k, v in data.observations.items() if k != "pods"}, next_observations={}
    )
    with pytest.raises(
        DataError, match="need the observation `pods`; the demonstrations have load, shift, latency"
    ):
        space.encode(fewer)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_round_trip_encodes_alike(
    scale: float, contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(5, 30)
    space = StateSpace.from_contract(contract(), data, scale=scale)
    again = StateSpace.from_mapping(json.loads(json.dumps(space.to_mapping())))
    assert again.digest == space.digest
    assert np.array_equal(again.encode(data).states, space.encode(data).states)
    assert space.n_states == round(10 * scale) * 16


def test_auto_stays_under_the_cap_and_finds_the_resolution_that_choices_need(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos()
    free = StateSpace.from_contract(contract(load={"bins": "auto"}), data)
    assert 4 <= free.axes[0].n_cells <= 16
    tight = StateSpace.from_contract(contract(load={"bins": "auto"}, states={"cap": 70}), data)
    assert tight.axes[0].n_cells <= 4 and tight.n_grid_cells <= 70
    assert free.findings[0].code == "auto-bins"


def test_held_out_choices_have_no_say_in_auto_bins(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos(20, 60)
    part = data.select(np.arange(10))
    other = data.actions.copy()
    other[600:] = np.random.default_rng(0).permutation(other[600:])
    declared = contract(load={"bins": "auto"})
    first = StateSpace.from_contract(declared, data, choose_by=part)
    second = StateSpace.from_contract(declared, replace(data, actions=other), choose_by=part)
    assert first.axes == second.axes
    assert first.findings[0].evidence == second.findings[0].evidence


def test_auto_takes_the_fewest_cells_where_the_observation_says_nothing(
    contract: Callable[..., Any], demos: Callable[..., Any]
) -> None:
    data = demos()
    noise = np.random.default_rng(3).uniform(0, 1000, data.n_decisions)
    data = replace(
        data, observations={**data.observations, "load": noise}, next_observations={}, next_known=None
    )
    assert StateSpace.from_contract(contract(load={"bins": "auto"}), data).axes[0].n_cells <= 3


def test_the_criterion_is_the_held_out_likelihood_by_brute_force() -> None:
    rng = np.random.default_rng(2)
    cells, actions, folds = rng.integers(0, 3, 40), rng.integers(0, 2, 40), rng.integers(0, 4, 40)
    total = 0.0
    for i in range(40):
        train = folds != folds[i]
        overall = ((train & (actions == actions[i])).sum() + 0.5) / (train.sum() + 1.0)
        here = train & (cells == cells[i])
        total += np.log(((here & (actions == actions[i])).sum() + 1.0 * overall) / (here.sum() + 1.0))
    assert held_out_choice_score(cells, actions, folds, 2) == pytest.approx(total / 40, rel=1e-12)
