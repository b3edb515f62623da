"""Notifications that a real Alertmanager sent to a receiver of the test, and lines that are none."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "alerts"},
    "observations": [{"name": "severity", "column": "labels.severity", "type": "category"}],
    "actions": {"column": "status", "values": ["firing", "resolved"]},
    "data": {"format": "alertmanager", "trajectory": ["labels.alertname", "labels.pod"], "time": "time"},
}


def alert(status: str, starts: str, ends: str = "0001-01-01T00:00:00Z", pod: str = "web-1", **change) -> dict:
    return {
        "status": status,
        "labels": {"alertname": "HighLoad", "pod": pod, "severity": "page"},
        "annotations": {"summary": "load is high"},
        "startsAt": starts,
        "endsAt": ends,
        "generatorURL": "",
        "fingerprint": f"f-{pod}",
        **change,
    }


def notification(*alerts: dict, **change) -> dict:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HighLoad"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "log",
        "groupLabels": {"alertname": "HighLoad"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": list(alerts),
        **change,
    }


def records(path) -> list[dict]:
    return list(event_format("alertmanager").records(source_file(path, "alertmanager")))


def written(tmp_path, *values: object):
    path = tmp_path / "alerts.jsonl"
    path.write_text("".join(json.dumps(v) + "\n" for v in values))
    return path


FIRING = alert("firing", "2026-03-01T10:00:00Z")
RESOLVED = alert("resolved", "2026-03-01T10:00:00Z", "2026-03-01T12:05:00+01:00")
OTHER = alert("firing", "2026-03-01T10:01:00Z", pod="web-2")


def test_each_state_of_an_alert_is_given_once_however_often_its_group_is_sent(tmp_path):
    path = written(tmp_path, notification(RESOLVED, OTHER), notification(FIRING), notification(FIRING, OTHER))
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.trajectory_ids.tolist() == ["HighLoad/web-1", "HighLoad/web-2"]
    assert demos.actions.tolist() == [0, 1, 0]
    assert (demos.times - 1772359200).tolist() == [0, 3900, 60]  # resolved at 11:05 UTC, 65 minutes later


def test_an_alert_that_fires_again_is_another_state(tmp_path):
    again = alert("firing", "2026-03-01T13:00:00Z")
    rows = records(written(tmp_path, notification(FIRING), notification(RESOLVED), notification(again)))
    assert [r["time"] for r in rows] == [FIRING["startsAt"], RESOLVED["endsAt"], again["startsAt"]]


def test_the_end_that_prometheus_foresees_is_no_end(tmp_path):
    [row] = records(
        written(tmp_path, notification(alert("firing", "2026-03-01T10:00:00Z", "2026-03-01T10:04:00Z")))
    )
    assert row["endsAt"] is None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (notification(FIRING, version="3"), "line 2 is a notification of version '3'"),
        ([FIRING], "line 2 is a list, as the API of Alertmanager answers"),
        ({"status": "error", "errorType": "bad_data", "error": "x"}, "line 2 is no notification"),
        (
            notification(alert("paused", "2026-03-01T10:00:00Z")),
            "line 2 has an alert whose status is 'paused'",
        ),
        (
            notification(alert("resolved", "2026-03-01T10:00:00Z")),
            "line 2 has an alert that is resolved without endsAt",
        ),
        (notification(alert("firing", None)), "line 2 has an alert that is firing without startsAt"),
        (notification(3), "line 2 has no list of objects for `alerts`"),
    ],
)
def test_what_is_no_notification_is_refused_by_line(tmp_path, bad, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, notification(FIRING), bad))


@pytest.fixture
def received(tmp_path):
    """Bodies that a real Alertmanager sends to a receiver on loopback, and its address."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip(
            "no real Alertmanager here: install it (Debian: apt-get install prometheus-alertmanager) to run this test"
        )
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "am.yml").write_text(
        "route: {receiver: log, group_wait: 100ms, group_interval: 1s, group_by: [alertname]}\n"
        f"receivers: [{{name: log, webhook_configs: [{{url: 'http://127.0.0.1:{receiver.server_port}/'}}]}}]\n"
    )
    options = ["--config.file=am.yml", "--storage.path=d", "--cluster.listen-address="]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [program, *options, f"--web.listen-address=127.0.0.1:{port}"],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}/api/v2/alerts", bodies
    finally:
        server.terminate()
        server.wait(30)
        receiver.shutdown()
        receiver.server_close()


def _sent(address: str, alerts: list[dict]) -> None:
    asked = urllib.request.Request(address, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
    for _ in range(100):
        try:
            urllib.request.urlopen(asked, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("Alertmanager does not answer")


def _until(bodies: list[bytes], n: int) -> None:
    for _ in range(200):
        if len(bodies) >= n:
            return
        time.sleep(0.05)
    raise AssertionError(f"{len(bodies)} of {n} notifications came")


def test_what_a_real_alertmanager_sends(received, tmp_path):
    address, bodies = received
    fire = {"labels": {"alertname": "HighLoad", "pod": "web-1", "severity": "page"}}
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    _sent(address, [{**fire, "startsAt": begun}])
    _until(bodies, 1)
    ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    _sent(address, [{**fire, "startsAt": begun, "endsAt": ended}])
    _until(bodies, 2)
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b"\n".join([*bodies, *bodies]))  # each delivered twice
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.actions.tolist() == [0, 1]
    assert [r["time"][:19] + "Z" for r in records(path)] == [begun, ended]
