"""The column that says who decided may be used once more; the names in it stand nowhere all the same."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest, read_demonstrations

NAMES = ("Ada Lovelace", "Grace Hopper")


def contract(**more) -> TaskContract:
    told = {
        "identity": {"task": "desk"},
        "observations": [
            {"name": "load", "low": 0, "high": 10},
            {"name": "on_duty", "column": "who", "type": "category"},
        ],
        "actions": {"column": "act", "values": ["wait", "go"]},
        "data": {"trajectory": ["who", "day"], "demonstrator": "who", "labels": ["who"]},
    }
    for block, values in more.items():
        told[block] = {**told.get(block, {}), **values}
    return TaskContract.from_mapping(told)


@pytest.fixture
def log(tmp_path):
    rows = [f"{NAMES[i % 2]},{i // 8},{i % 7},{('wait', 'go')[i % 3 == 0]}" for i in range(40)]
    path = tmp_path / "log.csv"
    path.write_text("who,day,load,act\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("privacy", [{}, {"privacy": {"key": "desk"}}])
def test_no_name_is_in_anything_that_is_stored(tmp_path, log, privacy, monkeypatch) -> None:
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    store = DatasetStore(tmp_path / "store")
    ingest(contract(**privacy), log, store)
    demos = store.load()
    said = " ".join(
        [*map(str, demos.trajectory_ids), *demos.categories["on_duty"], *map(str, demos.labels["who"])]
    )
    assert said.count("demonstrator-") == 2 * demos.n_trajectories + 2
    written = b"".join(p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())
    assert not any(name.encode() in written or name in said for name in NAMES)


def test_what_stands_for_a_name_begins_as_the_pseudonym_of_that_person(log) -> None:
    demos = read_demonstrations(contract(), log)
    for i, name in enumerate(demos.trajectory_ids.tolist()):
        person = demos.demonstrator_names[demos.demonstrators[i]]
        assert name.startswith(person)
    digest = hmac.new(b"desk", b"Ada Lovelace", hashlib.sha256).hexdigest()
    assert f"demonstrator-{digest[:12]}" in demos.categories["on_duty"]


def test_a_column_that_also_says_what_kind_of_decider_it_was_is_read_as_it_is(log) -> None:
    origins = {"origin_column": "who", "origin_values": {NAMES[0]: "human", NAMES[1]: "rule"}}
    demos = read_demonstrations(contract(data=origins), log)
    assert set(demos.origins.tolist()) == {0, 1}


def test_another_column_of_the_same_name_in_a_trajectory_is_left_alone(log) -> None:
    told = contract(data={"trajectory": ["day"], "labels": []})
    names = read_demonstrations(told, log).trajectory_ids.tolist()
    assert {name.partition("#")[0] for name in names} == {"0", "1", "2", "3", "4"}
