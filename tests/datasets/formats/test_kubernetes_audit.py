"""Kubernetes audit logs: events of the layout that the API server's types describe (no cluster was used)."""

from __future__ import annotations

import json

import pytest

from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import ContractError, DataError

CONTRACT = {
    "identity": {"task": "deployments"},
    "observations": [{"name": "code", "column": "responseStatus.code", "type": "integer"}],
    "actions": {"column": "verb", "values": ["create", "patch", "delete"]},
    "data": {
        "format": "kubernetes-audit",
        "trajectory": ["objectRef.namespace"],
        "time": "stageTimestamp",
        "demonstrator": "user.username",
    },
}


def event(i: int, verb: str, stage: str = "ResponseComplete", namespace: str = "shop") -> dict:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"id-{i}",
        "stage": stage,
        "requestURI": f"/apis/apps/v1/namespaces/{namespace}/deployments",
        "verb": verb,
        "user": {"username": "ana@example.org", "groups": ["ops"]},
        "sourceIPs": ["10.9.9.9", "192.0.2.7"],
        "objectRef": {"resource": "deployments", "namespace": namespace, "name": "web"},
        "responseStatus": {"metadata": {}, "code": 200 + i},
        "stageTimestamp": f"2026-03-01T10:00:0{i}.123456Z",
    }


def written(tmp_path, events) -> object:
    path = tmp_path / "audit.log"
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return path


@pytest.fixture
def contract():
    from telic.contract import TaskContract

    return TaskContract.from_mapping(CONTRACT)


def test_each_request_is_one_decision_of_who_asked(tmp_path, contract):
    events = [event(0, "create"), event(1, "patch", "RequestReceived"), event(1, "patch"), event(2, "delete")]
    demos = read_demonstrations(contract, written(tmp_path, events))
    assert [contract.actions.labels[a] for a in demos.actions] == ["create", "patch", "delete"]
    assert demos.observations["code"].tolist() == [200, 201, 202]
    assert demos.trajectory_ids.tolist() == ["shop"]
    assert demos.demonstrator_names[0].startswith("demonstrator-")


def test_only_the_last_source_address_is_given_as_such(tmp_path):
    path = written(tmp_path, [event(0, "create")])
    [record] = event_format("kubernetes-audit").records(source_file(path, "kubernetes-audit"))
    assert record["sourceIP"] == "192.0.2.7"
    assert record["user.groups.0"] == "ops"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apiVersion": "audit.k8s.io/v1beta1"}, r"line 2 has version audit\.k8s\.io/v1beta1"),
        ({"apiVersion": "v1"}, r"line 2 is not an event of audit\.k8s\.io"),
    ],
)
def test_another_version_or_kind_is_refused_by_line(tmp_path, contract, change, message):
    path = written(tmp_path, [event(0, "create"), {**event(1, "patch"), **change}])
    with pytest.raises(DataError, match=message):
        read_demonstrations(contract, path)


def test_a_log_without_a_finished_request_says_so(tmp_path, contract):
    path = written(tmp_path, [event(0, "create", "RequestReceived")])
    with pytest.raises(DataError, match="holds no records of the format kubernetes-audit"):
        read_demonstrations(contract, path)


def test_a_cut_off_line_is_named(tmp_path, contract):
    path = written(tmp_path, [event(0, "create"), event(1, "patch")])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"audit\.log line 2 is not JSON"):
        read_demonstrations(contract, path)


def test_an_unknown_format_offers_the_nearest(tmp_path, contract):
    path = written(tmp_path, [event(0, "create")])
    wrong = contract.model_copy(
        update={"data": contract.data.model_copy(update={"format": "kubernetes_audit"})}
    )
    with pytest.raises(ContractError, match="kubernetes-audit"):
        read_demonstrations(wrong, path)
