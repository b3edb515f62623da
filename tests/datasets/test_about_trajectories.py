"""What a log says beside its rows: who decided, how it ended, what could be done, labels (the plain path)."""

from __future__ import annotations

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest, read_demonstrations
from telic.errors import ContractError, DataError
from telic.trajectories import ORIGINS

ROWS = """incident,time,load,action,by,ok,can,calm,session
a,1,10,add,ana,,add|hold,false,s1
a,2,20,hold,ana,,hold,true,s1
a,3,30,add,bot,false,add|hold|remove,true,s1
b,1,40,hold,hpa,true,,true,s2
b,2,50,remove,hpa,,remove|hold,true,s3
c,1,60,hold,ana,,hold,true,
"""


def contract(**changes):
    mapping = {
        "identity": {"task": "scaler"},
        "observations": [{"name": "load", "bins": 4, "low": 0, "high": 100}],
        "actions": {"column": "action", "values": ["remove", "hold", "add"]},
        "outcomes": {"succeeded": "ok"},
        "data": {
            "trajectory": "incident",
            "time": "time",
            "origin_column": "by",
            "origin_values": {"ana": "human", "bot": "policy", "hpa": "rule"},
            "labels": "session",
        },
    }
    return TaskContract.from_mapping(mapping | changes)


def read(tmp_path, text=ROWS, **changes):
    path = tmp_path / "log.csv"
    path.write_text(text)
    return read_demonstrations(contract(**changes), path)


def test_trajectories_are_cut_where_the_kind_of_maker_changes(tmp_path):
    demos = read(tmp_path)
    assert demos.trajectory_ids.tolist() == ["a", "a#2", "b", "c"]
    assert [ORIGINS[o] for o in demos.origins] == ["human", "policy", "rule", "human"]
    assert demos.next_known.tolist() == [True, True, False, True, False, False]
    assert any(f.code == "split-at-origin" and f.evidence["count"] == 1 for f in demos.findings)


def test_failures_are_kept_and_counted(tmp_path):
    demos = read(tmp_path)
    assert demos.succeeded.tolist() == [-1, 0, 1, -1]
    [told] = [f for f in demos.findings if f.code == "outcomes"]
    assert told.evidence == {"succeeded": 1, "failed": 1, "unknown": 2}
    assert demos.n_decisions == 6


def test_labels_name_every_text_of_their_trajectory(tmp_path):
    assert read(tmp_path).labels["session"].tolist() == ["s1", "s1", "s2 | s3", ""]


def test_choice_sets_from_one_text(tmp_path):
    demos = read(tmp_path, actions={"column": "action", "values": ["remove", "hold", "add"],
                                    "offered": {"column": "can"}})  # fmt: skip
    assert demos.offered.astype(int).tolist() == [
        [0, 1, 1], [0, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0], [0, 1, 0],
    ]  # fmt: skip
    [gap] = [f for f in demos.findings if f.code == "choice-sets-missing"]
    assert gap.evidence == {"count": 1}


def test_choice_sets_from_truth_values_are_overruled_by_what_was_done(tmp_path):
    offered = {"columns": {"add": "calm"}, "evidence": "rule"}
    actions = {"column": "action", "values": ["remove", "hold", "add"], "offered": offered}
    demos = read(tmp_path, actions=actions)
    assert demos.offered[:, 2].tolist() == [True, True, True, True, True, True]
    [told] = [f for f in demos.findings if f.code == "taken-not-offered"]
    assert told.evidence["rows"] == [0]
    assert "log.csv line 2" in told.message


def test_a_choice_that_is_no_action_is_named_with_its_line(tmp_path):
    actions = {"column": "action", "values": ["remove", "hold", "add"], "offered": {"column": "can"}}
    with pytest.raises(DataError, match=r"holds `hodl`, which is not an action.*`hold`.*line 3"):
        read(tmp_path, ROWS.replace("ana,,hold,true,s1", "ana,,hodl,true,s1"), actions=actions)


def test_an_unknown_origin_is_an_error_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"others: `eve`.*log\.csv line 7"):
        read(tmp_path, ROWS.replace("c,1,60,hold,ana", "c,1,60,hold,eve"))


def test_a_contract_without_them_reads_and_digests_as_before(tmp_path):
    plain = {"data": {"trajectory": "incident", "time": "time"}, "outcomes": {}}
    demos = read(tmp_path, **plain)
    assert demos.origins is None
    assert demos.succeeded is None
    assert demos.offered is None
    assert demos.labels == {}
    assert contract(**plain).digest == contract(**plain, streams=[], decisions={}).digest


def test_they_survive_the_store(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(ROWS)
    store = DatasetStore(tmp_path / "data")
    version = ingest(contract(), path, store)
    again = store.load()
    assert again.digest == version.digest == read(tmp_path).digest
    np.testing.assert_array_equal(again.origins, read(tmp_path).origins)


def test_the_contract_lists_what_is_wrong_with_choice_sets():
    actions = {"column": "action", "values": ["remove", "hold"], "offered": {"columns": {"hodl": "x"}}}
    with pytest.raises(ContractError, match=r"actions\.offered\.columns: `hodl` is not one.*`hold`"):
        contract(actions=actions)
