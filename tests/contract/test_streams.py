"""The blocks ``streams`` and ``decisions``: round trips, digests, and what is wrong with them, all at once."""

from __future__ import annotations

import json

import pytest
from stream_projects import contract, streams

from telic.contract import TaskContract
from telic.errors import ContractError


def problems(**changes):
    with pytest.raises(ContractError) as caught:
        contract(**changes)
    return {p["path"]: p["message"] for p in caught.value.data["problems"]}


def test_round_trip_digest_and_hash():
    made = contract(data={"trajectory": "service", "origin_values": {"hpa": "rule"}})
    again = TaskContract.from_mapping(json.loads(json.dumps(made.to_mapping())))
    assert again == made
    assert again.digest == made.digest
    assert hash(again) == hash(made)
    assert made.to_mapping()["streams"][0]["where"] == {"verb": ["patch", "delete"]}
    assert made.to_mapping()["data"]["origin_values"] == {"hpa": "rule"}
    assert contract(streams=streams(metrics={"max_age_seconds": 60})).digest != contract().digest


def test_values_of_where_are_texts():
    made = contract(streams=streams(audit={"where": {"code": 200, "dry": False, "verb": "patch"}}))
    assert made.streams[0].where == (("code", ("200",)), ("dry", ("false",)), ("verb", ("patch",)))


def test_decisions_need_streams():
    found = problems(streams=[], decisions={"proposed": "x"}, data={})
    assert list(found) == ["decisions"]


def test_each_stream_says_its_own_time_and_format():
    found = problems(data={"time": "ts", "format": "csv"})
    assert set(found) == {"data.time", "data.format"}


def test_everything_is_listed_at_once():
    found = problems(
        streams=[
            *streams(audit={"role": "state"}),
            {"name": "metrics", "files": "x.csv", "role": "outcomes", "time": "t", "origin": "human"},
        ],
        decisions={
            "no_action": {"label": "nothing", "every_seconds": 60},
            "outcomes": [{"stream": "metrics", "key": ["a", "b"], "key_there": "a"}, {"stream": "metric"}],
        },
    )
    assert {
        "streams",
        "streams[2].name",
        "streams[2].origin",
        "decisions.no_action.label",
        "decisions.outcomes[0].key_there",
        "decisions.outcomes[1].stream",
        "decisions.outcomes[1].within_seconds",
    } <= set(found)


def test_what_no_join_makes_is_refused(tmp_path):
    from stream_projects import event, write_audit, write_metrics

    from telic.datasets import read_demonstrations

    write_audit(tmp_path, [event(0, 100), event(1, 200)])
    write_metrics(tmp_path, [(0, "web", 1)])
    odd = [{"name": "x", "column": "decision.tim", "type": "integer"}]
    with pytest.raises(ContractError, match=r"`decision\.tim`, which no join makes.*`decision\.time`"):
        read_demonstrations(contract(observations=odd), tmp_path)
