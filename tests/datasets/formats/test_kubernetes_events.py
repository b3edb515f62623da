"""Kubernetes events of the layout that the API types describe, as lists, lines and watches, and as kubectl prints them.

No cluster was used: kubectl is the real one, and the API that it asks is the test's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "pods"},
    "observations": [
        {"name": "count", "type": "integer"},
        {"name": "type", "type": "category", "values": ["Normal", "Warning"]},
    ],
    "actions": {"column": "reason", "values": ["Scheduled", "BackOff", "Killing"]},
    "data": {
        "format": "kubernetes-events",
        "trajectory": ["object.namespace", "object.name"],
        "time": "time",
    },
}


def core(uid: str, reason: str, minute: int, count: int = 1, version: int = 1, **change) -> dict:
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": f"web.{uid}", "namespace": "shop", "uid": uid, "resourceVersion": str(version)},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
        "reason": reason,
        "message": f"{reason} of web-1",
        "source": {"component": "kubelet", "host": "n1"},
        "firstTimestamp": "2026-03-01T10:00:00Z",
        "lastTimestamp": f"2026-03-01T10:{minute:02}:00Z",
        "count": count,
        "type": "Normal",
        "eventTime": None,
        **change,
    }


def newer(uid: str, reason: str, minute: int, **change) -> dict:
    return {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": {"name": f"web.{uid}", "namespace": "shop", "uid": uid},
        "regarding": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
        "reason": reason,
        "note": f"{reason} of web-1",
        "reportingController": "scheduler",
        "eventTime": f"2026-03-01T11:{minute:02}:00.123456+01:00",
        "type": "Warning",
        **change,
    }


def records(path) -> list[dict]:
    return list(event_format("kubernetes-events").records(source_file(path, "kubernetes-events")))


def written(tmp_path, *values: object, indent: int | None = None):
    path = tmp_path / "events.json"
    path.write_text("".join(json.dumps(v, indent=indent) + "\n" for v in values))
    return path


def test_a_list_of_both_versions_is_one_trajectory_in_order_of_time(tmp_path):
    events = [core("u1", "BackOff", 5, count=4), newer("u2", "Scheduled", 1), core("u3", "Killing", 9)]
    path = written(tmp_path, {"kind": "List", "apiVersion": "v1", "items": events}, indent=2)
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.actions.tolist() == [0, 1, 2]
    assert demos.observations["count"].tolist() == [1, 4, 1]
    assert demos.trajectory_ids.tolist() == ["shop/web-1"]
    # 11:01 at an offset of one hour is 10:01 UTC: 60 s after the first, which was last seen at 10:05.
    assert (demos.times - 1772359200).round(6).tolist() == [60.123456, 300.0, 540.0]


def test_both_versions_have_the_same_columns(tmp_path):
    series = {"count": 7, "lastObservedTime": "2026-03-01T10:30:00Z"}
    old, new = records(
        written(tmp_path, core("u1", "BackOff", 5, count=4), newer("u2", "BackOff", 1, series=series))
    )
    same = ("object.kind", "object.namespace", "object.name", "reason", "note")
    assert (
        [old[c] for c in same]
        == [new[c] for c in same]
        == ["Pod", "shop", "web-1", "BackOff", "BackOff of web-1"]
    )
    assert (old["time"], old["firstTime"], old["count"]) == (
        "2026-03-01T10:05:00Z",
        "2026-03-01T10:00:00Z",
        4,
    )
    assert (new["time"], new["firstTime"], new["count"]) == (
        "2026-03-01T10:30:00Z",
        "2026-03-01T11:01:00.123456+01:00",
        7,
    )
    assert (old["controller"], new["controller"]) == ("kubelet", "scheduler")


def test_the_items_of_the_apis_own_list_do_not_repeat_their_kind(tmp_path):
    item = {k: v for k, v in core("u1", "BackOff", 5).items() if k not in ("kind", "apiVersion")}
    path = written(tmp_path, {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [item]})
    assert records(path)[0]["reason"] == "BackOff"


def test_a_watch_gives_each_state_once_and_no_deletions(tmp_path):
    first, then = core("u1", "BackOff", 5), core("u1", "BackOff", 6, count=2, version=2)
    lines = [
        ("ADDED", first),
        ("MODIFIED", then),
        ("MODIFIED", then),
        ("DELETED", then),
        ("BOOKMARK", {"kind": "Event"}),
    ]
    rows = records(written(tmp_path, *({"type": t, "object": o} for t, o in lines)))
    assert [r["count"] for r in rows] == [1, 2]


def test_events_one_after_the_other_over_many_lines(tmp_path):
    path = written(tmp_path, core("u1", "BackOff", 5), core("u2", "Killing", 6), indent=4)
    assert [r["reason"] for r in records(path)] == ["BackOff", "Killing"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410},
            "line 2 is an error .* Expired, code 410",
        ),
        (
            {"type": "ERROR", "object": {"kind": "Status", "reason": "Expired", "code": 410}},
            "line 2 is an error",
        ),
        (
            newer("u2", "BackOff", 1, apiVersion="events.k8s.io/v1beta1"),
            "line 2 is an event of version events.k8s.io/v1beta1",
        ),
        (core("u2", "BackOff", 1, apiVersion="audit.k8s.io/v1"), "kubernetes-audit"),
        ({"kind": "Pod", "apiVersion": "v1"}, "line 2 is no event, but kind 'Pod'"),
        (
            {"kind": "List", "apiVersion": "v1", "items": [{"reason": "BackOff"}]},
            "line 2 is no event, but kind 'None'",
        ),
        ({"kind": "List", "apiVersion": "v1", "items": {}}, "line 2 has no list of objects for `items`"),
        ([1], "line 2 must be an object, got list"),
        (core("u2", "BackOff", 1, lastTimestamp="soon"), r"'soon' in events\.json row 2"),
    ],
)
def test_what_is_no_event_is_refused_by_line(tmp_path, bad, message):
    path = written(tmp_path, core("u1", "BackOff", 5), bad)
    with pytest.raises(DataError, match=message):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), path)


@pytest.fixture
def api():
    """Address of an API on loopback that knows three events and nothing else."""
    items = [
        {k: v for k, v in core(f"u{i}", "BackOff", i, count=i + 1).items() if k not in ("kind", "apiVersion")}
        for i in range(3)
    ]
    event = {
        "name": "events",
        "singularName": "event",
        "namespaced": True,
        "kind": "Event",
        "verbs": ["list"],
    }
    answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [event]},
        "/api/v1/events": {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": items},
    }

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path.split("?")[0]]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_kubectl_prints(api, tmp_path):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl here: install it to see that what it prints is read")
    command = [
        kubectl,
        f"--server={api}",
        f"--cache-dir={tmp_path / 'cache'}",
        "get",
        "events",
        "-A",
        "-o",
        "json",
    ]
    printed = subprocess.run(
        command, capture_output=True, check=True, timeout=60, env={"HOME": str(tmp_path), "KUBECONFIG": ""}
    ).stdout
    path = tmp_path / "events.json"
    path.write_bytes(printed)
    rows = records(path)
    assert [(r["count"], r["time"], r["object.name"]) for r in rows] == [
        (i + 1, f"2026-03-01T10:0{i}:00Z", "web-1") for i in range(3)
    ]
