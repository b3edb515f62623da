"""Range queries: answers of a real Prometheus over planted samples, and files that are no such answer."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

START = 1_772_359_200
"""2026-03-01T10:00:00Z, seconds since 1970."""

PLANTED = f"""# TYPE load gauge
load{{pod="a"}} 1.5 {START}
load{{pod="a"}} 0.1 {START + 60}
load{{pod="a"}} NaN {START + 120}
load{{pod="a"}} +Inf {START + 180}
load{{pod="b"}} 7 {START}
# EOF
"""
"""In the text format of OpenMetrics; pod b says nothing after the first minute."""


def series(*values, **labels) -> dict:
    return {"metric": labels, "values": [list(v) for v in values]}


def answer(*result: dict, **change) -> dict:
    return {"status": "success", "data": {"resultType": "matrix", "result": list(result)}, **change}


def records(path) -> list[dict]:
    return list(event_format("prometheus-range").records(source_file(path, "prometheus-range")))


def written(tmp_path, *answers, name="range.json"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(a) + "\n" for a in answers))
    return path


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Address of a Prometheus on loopback that holds what ``PLANTED`` says."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip(
            "no real Prometheus here: install it (Debian: apt-get install prometheus) to run this test"
        )
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "planted.txt").write_text(PLANTED)
    (folder / "prom.yml").write_text("global: {}\n")
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "planted.txt", "data"]
    subprocess.run(create, cwd=folder, check=True, capture_output=True, timeout=60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--config.file=prom.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=100y"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/-/ready")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{address} does not answer")


def asked(prometheus: str, query: str, minutes: int, step: str = "60") -> bytes:
    words = {"query": query, "start": START, "end": START + 60 * minutes, "step": step}
    try:
        with urllib.request.urlopen(
            f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(words)}", timeout=30
        ) as got:
            return got.read()
    except urllib.error.HTTPError as refused:
        return refused.read()


def test_a_real_prometheus_gives_every_value_and_repeats_the_last_one_for_its_look_back_time(
    prometheus, tmp_path
):
    path = tmp_path / "range.json"
    path.write_bytes(asked(prometheus, "load", 12))
    rows = records(path)
    a = [r for r in rows if r["labels.pod"] == "a"]
    assert [r["value"] for r in a[:2]] == [1.5, 0.1]
    assert math.isnan(a[2]["value"])
    assert [r["valueKind"] for r in a[:4]] == ["number", "number", "not-a-number", "plus-infinity"]
    assert {r["metric"] for r in rows} == {"load"}
    b = [(r["time"] - START) / 60 for r in rows if r["labels.pod"] == "b"]
    assert b == [0, 1, 2, 3, 4, 5]  # said once, repeated for five minutes, then silent


def test_an_error_of_a_real_prometheus_is_no_data(prometheus, tmp_path):
    path = tmp_path / "range.json"
    path.write_bytes(asked(prometheus, "load", 12, step="0"))
    with pytest.raises(DataError, match=r"range\.json line 1 is an error in place of data: bad_data: "):
        records(path)


def test_series_become_trajectories(tmp_path):
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "pods"},
            "observations": [{"name": "load", "column": "value", "missing": "carry"}],
            "actions": {"column": "labels.mode", "values": ["fast", "slow"]},
            "data": {"format": "prometheus-range", "trajectory": ["labels.pod"], "time": "time"},
        }
    )
    fast = series((START, "1"), (START + 0.5, "NaN"), (START + 1, "3"), pod="a", mode="fast")
    demos = read_demonstrations(contract, written(tmp_path, answer(fast)))
    assert demos.times.tolist() == [START, START + 0.5, START + 1]
    assert demos.observations["load"].tolist() == [1, 1, 3]  # NaN is a missing value: the last one is carried


def test_infinity_is_refused_by_row_where_a_number_is_asked_for(tmp_path):
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "pods"},
            "observations": [{"name": "load", "column": "value"}],
            "actions": {"column": "metric", "values": ["up", "down"]},
            "data": {"format": "prometheus-range", "time": "time"},
        }
    )
    path = written(tmp_path, answer(series((START, "1"), (START + 1, "-Inf"), __name__="up")))
    with pytest.raises(DataError, match=r"range\.json row 2"):
        read_demonstrations(contract, path)


def test_the_sample_that_two_answers_share_is_given_once(tmp_path):
    first = answer(series((START, "1"), (START + 60, "2"), pod="a"))
    second = answer(
        series((START + 60, "2"), (START + 120, "2"), pod="a"), series((START + 60, "2"), pod="b")
    )
    rows = records(written(tmp_path, first, second))
    assert [(r["labels.pod"], r["time"] - START) for r in rows] == [
        ("a", 0),
        ("a", 60),
        ("a", 120),
        ("b", 60),
    ]


def test_native_histograms_give_their_count_and_sum(tmp_path):
    told = {
        "metric": {},
        "histograms": [[START, {"count": "3", "sum": "4.5", "buckets": [[0, "1", "2", "3"]]}]],
    }
    [row] = records(written(tmp_path, answer(told)))
    assert (row["valueKind"], row["histogram.count"], row["histogram.sum"]) == ("histogram", 3.0, 4.5)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"status": "error", "errorType": "timeout", "error": "slow"},
            "line 2 is an error in place of data: timeout",
        ),
        ({"data": {}}, "line 2 is no answer of Prometheus"),
        ([], "line 2 is no answer of Prometheus"),
        (
            {"status": "success", "data": {"resultType": "vector", "result": []}},
            "line 2 holds a vector, not a matrix",
        ),
        (answer(series(("soon", "1"))), "line 2 has 'soon' for the time of a sample"),
        (answer(series((1_772_359_200_000, "1"))), "line 2 has '1772359200000' for the time"),
        (answer(series((START, 1.5))), "line 2 has float for the value of a sample"),
        (answer(series((START, "1_0"))), "line 2 has '1_0' for a value"),
        (answer(series((START,))), "line 2 has a sample in `values` that is no pair"),
        (answer({"metric": {"pod": 3}}), "line 2 has a label whose value is no text"),
        (answer({"metric": {}, "values": {}}), "line 2 has no list for `values`"),
    ],
)
def test_what_is_no_answer_is_refused_by_line(tmp_path, bad, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, answer(series((START, "1"))), bad))
