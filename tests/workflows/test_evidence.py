"""Fields over states and shares of choices: plain averages, checked on cases small enough to do by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml
from machines import CONTRACT

from telic.contract import TaskContract
from telic.mdp import StateSpace
from telic.trajectories import Demonstrations
from telic.workflows.evidence import axis_titles, choice_panels, field_over_states
from telic.workflows.robustness import discount_grid

TWO = """
identity: {task: two}
observations:
  - {name: heat, type: integer, unit: degree, low: 0, high: 1, bins: null, affected_by_action: true}
  - {name: lamp, type: category, values: [dark, lit], affected_by_action: true}
  - {name: noise, type: integer, low: 0, high: 1, bins: null, affected_by_action: false}
actions: {column: action, values: [a, b]}
features: [{name: heat, expression: heat}]
"""


@pytest.fixture(scope="module")
def case():
    contract = TaskContract.from_mapping(yaml.safe_load(TWO))
    n = 8
    grid = np.array(np.unravel_index(np.arange(n), (2, 2, 2))).T
    columns = {
        "heat": grid[:, 0].astype(np.int64),
        "lamp": grid[:, 1].astype(np.int32),
        "noise": grid[:, 2].astype(np.int64),
    }
    demos = Demonstrations(
        actions=np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.int32),
        offsets=np.array([0, n]),
        action_labels=("a", "b"),
        observations=columns,
        categories={"lamp": ("dark", "lit")},
        trajectory_ids=np.array(["t"], dtype=object),
        demonstrators=np.zeros(1, dtype=np.int32),
        terminated=np.zeros(1, dtype=bool),
        truncated=np.ones(1, dtype=bool),
    )
    space = StateSpace.from_contract(contract, demos)
    return space, space.encode(demos)


def test_titles_carry_units(case):
    assert axis_titles(case[0]) == ("heat (degree)", "lamp", "noise")


def test_a_field_is_shown_along_what_it_varies_with(case):
    space, demos = case
    heat, lamp, noise = space.coordinates.T
    field = field_over_states(space, {"value": 10.0 * heat + 3.0 * lamp + 0.1 * noise}, demos)
    assert [axis["name"] for axis in field["axes"]] == ["heat", "lamp"]
    assert field["axes"][1]["centres"] == ["dark", "lit"]
    assert field["is_averaged"]
    # The mean over noise, each of whose cells was visited once.
    assert field["fields"]["value"] == [
        [pytest.approx(0.05), pytest.approx(3.05)],
        [pytest.approx(10.05), pytest.approx(13.05)],
    ]
    assert field["visits"] == [[2.0, 2.0], [2.0, 2.0]]


def test_one_axis_gives_a_list():
    contract = TaskContract.from_mapping(yaml.safe_load(CONTRACT))
    demos = Demonstrations.from_arrays([0, 1, 2], [0, 0, 1], action_labels=("run", "repair"))
    demos = Demonstrations(
        **{
            **{f: getattr(demos, f) for f in demos.__dataclass_fields__},
            "observations": {"wear": np.array([0, 1, 2], dtype=np.int64)},
        }
    )
    space = StateSpace.from_contract(contract, demos)
    field = field_over_states(space, {"reward": np.arange(6.0)}, space.encode(demos))
    assert field["fields"]["reward"] == list(range(6))
    assert not field["is_averaged"]


def test_shares_of_choices_are_means_within_cells(case):
    space, demos = case
    predicted = np.tile([0.25, 0.75], (8, 1))
    heat, lamp, noise = choice_panels(space, demos, predicted)
    assert heat["observed"] == [[1.0, 0.0], [0.0, 1.0]]
    assert lamp["observed"] == [[0.5, 0.5], [0.5, 0.5]]
    assert noise["predicted"] == [[0.25, 0.75], [0.25, 0.75]]
    assert heat["decisions"] == [4.0, 4.0]
    assert lamp["cells"] == ["dark", "lit"]


def test_weights_of_decisions_count(case):
    space, demos = case
    heavy = Demonstrations(
        **{
            **{f: getattr(demos, f) for f in demos.__dataclass_fields__},
            "weights": np.array([3.0, 1, 1, 1, 1, 1, 1, 1]),
        }
    )
    lamp = choice_panels(space, heavy, np.tile([0.5, 0.5], (8, 1)))[1]
    assert lamp["observed"][0] == [pytest.approx(4 / 6), pytest.approx(2 / 6)]


@pytest.mark.parametrize("discount", [0.0, 0.3, 0.9, 0.95, 0.9999])
def test_discounts_looked_at_lie_around_the_assumed_one(discount):
    grid = discount_grid(discount)
    assert discount in grid
    assert list(grid) == sorted(set(grid))
    assert all(0.0 <= g <= 0.9999 for g in grid)
    assert len(grid) >= 3


@pytest.mark.parametrize(
    ("name", "unit", "title"),
    [
        ("pods", "pod", "pods"),
        ("pod", "pods", "pod"),
        ("mileage", "mile", "mileage (mile)"),
        ("requests", "requests/s", "requests (requests/s)"),
    ],
)
def test_a_title_does_not_say_its_unit_twice(case, name, unit, title):
    space = case[0]
    renamed = replace(space, axes=(replace(space.axes[0], name=name, unit=unit), *space.axes[1:]))
    assert axis_titles(renamed)[0] == title
