"""Replaying traces: against a deterministic service that can be followed by hand, and against exact laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from replayed import service, simulator

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp.trace_simulator import TraceSimulator


def test_logged_choices_in_a_world_without_chance_give_the_log_again():
    made, demos = simulator(service())
    again = made.replay(demos, made.logged_choice(demos), key=3)
    assert again.require_states()[0].tolist() == demos.require_states()[0].tolist()
    assert again.require_states()[1].tolist() == demos.require_states()[1].tolist()
    assert again.trajectory_ids.tolist() == demos.trajectory_ids.tolist()


def test_whatever_is_chosen_the_exogenous_part_is_that_of_the_log():
    made, demos = simulator(service(noise=0.3), smoothing=1.0)
    policy = np.full((made.world.n_states, 3), 1 / 3)
    again = made.replay(demos, made.policy_choice(policy, key=5), key=5)
    assert again.n_decisions == demos.n_decisions
    cells = made.exogenous_cell
    assert cells[again.require_states()[0]].tolist() == cells[demos.require_states()[0]].tolist()
    assert again.actions.tolist() != demos.actions.tolist()


def test_what_responds_follows_its_law_given_state_and_action():
    """Of one pair of state and action: 20,000 draws beside the share in the log, to five standard errors."""
    made, demos = simulator(service(key=1, N=400, T=30, noise=0.3))
    pods, n = made.space.cells["pods"], 20_000
    state = next(s for s in range(made.world.n_states) if pods[s] == 1)
    luck = np.random.default_rng(0).random(n)
    after = made.step(np.full(n, state), np.full(n, 2), np.full(n, made.exogenous_cell[state]), luck)
    now, then = demos.require_states()
    logged = float((pods[then[(now == state) & (demos.actions == 2)]] == 2).mean())
    assert logged == pytest.approx(0.7, abs=0.1)  # pods stay with probability 0.3
    assert float((pods[after] == 2).mean()) == pytest.approx(logged, abs=5 * np.sqrt(0.25 / n))


def test_the_same_numbers_give_the_same_states():
    made, demos = simulator(service(noise=0.4), smoothing=1.0)
    policy = np.full((made.world.n_states, 3), 1 / 3)
    one, two, other = (
        made.replay(demos, made.policy_choice(policy, key=k), key=k).require_states()[0].tolist()
        for k in (7, 7, 8)
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"exogenous": False}, "No observation of the state is exogenous"),
        ({"responding": False}, "No observation of the state is left for actions to change"),
    ],
)
def test_there_must_be_something_to_replay_and_something_that_answers(kinds, said):
    with pytest.raises(DynamicsError, match=said):
        simulator(service(), **kinds)


def test_choices_and_worlds_that_do_not_fit_are_refused():
    made, demos = simulator(service())
    with pytest.raises(SettingsError, match=r"must have shape \(12, 3\)"):
        made.policy_choice(np.ones((3, 3)) / 3, key=0)
    with pytest.raises(DataError, match="an action below 3, got 3 to 3"):
        made.replay(demos, lambda states, _running, _step: np.full(len(states), 3), key=0)
    smaller = replace(made.space, axes=made.space.axes[:1])
    with pytest.raises(DynamicsError, match="The world has 12 states, the space 3"):
        TraceSimulator(world=made.world, space=smaller)
