"""Decisions of one schema, with policy version and rollout id; read by a contract; charges joined by action id."""

from __future__ import annotations

import json
import math
import re

import pytest

from telic.datasets import parse_contract, read_demonstrations
from telic.datasets.decision_records import (
    KEYS,
    Charge,
    DecisionRecord,
    append_records,
    charged,
    read_records,
)
from telic.errors import DataError
from telic.trajectories import ORIGINS

CONTRACT = """
schema_version: 1
identity: {task: scaler}
observations:
  - {name: load, column: state.load, type: number}
  - {name: pods, column: state.pods, type: integer}
actions: {column: action, values: [hold, add]}
features: [{name: pods, expression: pods}]
data:
  {trajectory: rollout_id, time: time, time_format: seconds, origin: mixed, origin_column: origin,
   labels: [policy_version, dataset_id]}
"""


def decision(i, **changes):
    base = {
        "action_id": f"a{i}",
        "rollout_id": "r0" if i < 3 else "r1",
        "step": i % 3,
        "time": 1_767_225_600.0 + i,
        "origin": "policy" if i < 3 else "human",
        "policy_version": "sha256:p1" if i < 3 else None,
        "dataset_id": "sha256:d1" if i < 3 else None,
        "state": {"load": 100.5 + i, "pods": 3},
        "action": "add" if i % 2 else "hold",
        "reward": -1.0 * i if i else None,
        "context": {"region": "eu", "night": False},
    }
    return DecisionRecord(**(base | changes))


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "decisions.jsonl"
    append_records(place, [decision(i) for i in range(2)])
    append_records(place, [decision(i) for i in range(2, 6)])
    return place


def test_every_line_has_every_key_whoever_decided(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 6
    assert all(tuple(line) == KEYS for line in lines)
    assert {"state", "action", "reward", "context", "policy_version", "rollout_id"} <= set(KEYS)
    assert read_records(path) == tuple(decision(i) for i in range(6))


def test_a_contract_reads_the_file_with_version_and_origin(path):
    demos = read_demonstrations(parse_contract(CONTRACT), path)
    told = {str(n): (ORIGINS[o], str(v)) for n, o, v in
            zip(demos.trajectory_ids, demos.origins, demos.labels["policy_version"], strict=True)}  # fmt: skip
    assert {k.split("=")[-1]: v for k, v in told.items()} == {
        "r0": ("policy", "sha256:p1"),
        "r1": ("human", ""),
    }
    assert demos.observations["load"].tolist() == [100.5 + i for i in range(6)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"policy_version": None}, "a policy's decision must name its `policy_version`"),
        ({"action_id": ""}, "`action_id` must be a text"),
        ({"rollout_id": 3}, "`rollout_id` must be a text"),
        ({"step": -1}, "`step` must be a whole number from 0"),
        ({"time": "late"}, "`time` must be a finite number"),
        ({"reward": "high"}, "`reward` must be a finite number"),
        ({"origin": "robot"}, "`origin` must be one of human, rule"),
        ({"state": {"load": [1, 2]}}, "`state` must map names to texts"),
    ],
)
def test_what_breaks_the_schema_is_named_by_line(path, change, words):
    lines = path.read_text().splitlines()
    broken = json.loads(lines[1]) | change
    path.write_text("\n".join([lines[0], json.dumps(broken), *lines[2:]]) + "\n")
    with pytest.raises(DataError, match=re.escape("decisions.jsonl line 2: of a decision, " + words)):
        read_records(path)


def test_it_is_refused_before_it_is_written():
    with pytest.raises(DataError, match="`time` must be a finite number; a policy's decision must name"):
        decision(0, time=math.inf, policy_version=None)


def test_lines_of_another_schema_and_torn_ones_are_named(path):
    lines = path.read_text().splitlines()
    told = json.loads(lines[3])
    for changed, words in (
        (
            {k: v for k, v in told.items() if k != "rollout_id"},
            "line 4 is not of schema 1: it lacks rollout_id",
        ),
        (told | {"mood": 1}, "it has mood"),
        (told | {"schema_version": 2}, "it has another"),
        (told | {"action_id": "a0"}, "line 4 has the `action_id` of line 1"),
    ):
        path.write_text("\n".join([*lines[:3], json.dumps(changed), *lines[4:]]) + "\n")
        with pytest.raises(DataError, match=words):
            read_records(path)
    path.write_text("\n".join(lines)[:-20])
    with pytest.raises(DataError, match="line 6 is no JSON object"):
        read_records(path)


def test_costs_join_by_action_id_and_nothing_is_spread():
    records = [decision(i) for i in range(3)]
    charges = [
        Charge(action_id="a0", resource="eur", amount=0.1, charge_id="c1"),
        Charge(action_id="a0", resource="eur", amount=0.2, charge_id="c2"),
        Charge(action_id="a0", resource="eur", amount=0.1, charge_id="c1"),  # sent again
        Charge(action_id="a0", resource="pod-hours", amount=4.0),
        Charge(action_id="a1", resource="eur", amount=5.0),
        Charge(action_id="a1", resource="eur", amount=-5.0),  # a refund
        Charge(action_id="lost", resource="eur", amount=7.0),
    ]
    costs, left = charged(records, charges)
    assert costs == {"a0": {"eur": math.fsum([0.1, 0.2]), "pod-hours": 4.0}, "a1": {"eur": 0.0}, "a2": {}}
    assert left == (charges[-1],)
    total = math.fsum(c.get("eur", 0.0) for c in costs.values()) + 7.0
    assert total == pytest.approx(7.3)
    with pytest.raises(DataError, match="'c1' comes with two contents"):
        charged(records, [charges[0], Charge(action_id="a0", resource="eur", amount=9.0, charge_id="c1")])
    with pytest.raises(DataError, match="is nan"):
        charged(records, [Charge(action_id="a0", resource="eur", amount=math.nan)])
