"""Access logs: lines that nginx wrote, and lines as Apache's documentation shows them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "nginx.log"

COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326'

CONTRACT = {
    "identity": {"task": "requests"},
    "observations": [{"name": "status", "type": "integer"}],
    "actions": {"column": "method", "values": ["GET", "POST"]},
    "data": {"format": "access-log", "trajectory": ["client"], "time": "time"},
}


def written(tmp_path, *lines: str):
    path = tmp_path / "access.log"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def records(path):
    return list(event_format("access-log").records(source_file(path, "access-log")))


def test_lines_of_nginx_are_read_and_unescaped():
    first, second, third, binary, hello = records(WRITTEN)
    assert (first["method"], first["path"], first["status"], first["bytes"]) == ("GET", "/", 200, 3)
    assert (first["referer"], first["agent"], first["user"]) == (None, "check/1.0", None)
    assert second["path"] == '/missing?q="x%20y'
    assert (second["referer"], second["agent"]) == ('http://a/"b\\c', 'Mozilla/5.0 ("odd")')
    assert (third["user"], third["protocol"], third["status"]) == ("ana", "HTTP/1.0", 302)
    assert (binary["method"], binary["request"], binary["status"]) == (
        None,
        "\x16\x03\x01\x02\x00\x01\x00",
        400,
    )
    assert (hello["method"], hello["request"]) == (None, "hello")


def test_the_example_of_apache_with_its_zone(tmp_path):
    [row] = records(written(tmp_path, COMMON))
    assert (row["client"], row["user"], row["time"]) == ("127.0.0.1", "frank", "2000-10-10T13:55:36-07:00")
    assert (row["path"], row["bytes"], row["referer"]) == ("/apache_pb.gif", 2326, None)


def test_requests_in_mixed_zones_stand_in_order(tmp_path):
    later = COMMON.replace("13:55:36 -0700", "20:55:37 +0000").replace("GET", "POST")
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, later, COMMON))
    assert demos.actions.tolist() == [0, 1]
    assert demos.times.tolist() == [971211336.0, 971211337.0]


def test_users_with_blanks_escapes_and_further_fields(tmp_path):
    line = COMMON.replace("frank", "ana b") + r' "-" "a\"b\\c\t\xc3\xa9" "10.0.0.1" 0.25'
    [row] = records(written(tmp_path, line))
    assert (row["user"], row["agent"]) == ("ana b", 'a"b\\c\té')
    assert (row["extra.0"], row["extra.1"]) == ("10.0.0.1", "0.25")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (COMMON[:60], r"line 2 is not of the Common"),
        (COMMON.replace("Oct", "Okt"), r"line 2 is not of the Common"),
        (COMMON.replace("GET /", 'GET "/'), r"line 2 is not of the Common"),
        (COMMON + ' "-" "cut of', r"line 2 has a quotation mark that is never closed"),
        ("shop:80 " + COMMON.replace("frank", "-"), r"line 2 has a field before the client"),
        ("{}", r"line 2 is not of the Common"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, COMMON, line))


def test_a_day_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match="times that exist"):
        read_demonstrations(
            TaskContract.from_mapping(CONTRACT), written(tmp_path, COMMON, COMMON.replace("10/Oct", "31/Feb"))
        )


def test_a_line_made_to_be_slow_is_not(tmp_path):
    path = written(
        tmp_path,
        COMMON.replace("frank", "a " * 50_000),
        '- - - [10/Oct/2000:13:55:36 -0700] "' + "\\a" * 50_000,
    )
    begun = time.process_time()
    with pytest.raises(DataError, match="line 2"):
        records(path)
    assert time.process_time() - begun < 10  # backtracking over such a line takes hours
