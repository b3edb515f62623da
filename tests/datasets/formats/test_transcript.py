"""Transcripts: chats in the layouts that exports share, with what they quote, and texts that are none."""

from __future__ import annotations

import time

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CHAT = """# 2026-03-01
10:05 ana: the pool is full, @bo-2 can you look? see `web-1`
10:06:30 <bo-2> on it
$ kubectl get pods -n shop
three of them pending

10:07 PagerDuty opened the incident
[2026-03-01T10:08:00+01:00] ana: I ran this:
```
$ kubectl scale deploy/web --replicas=6
10:09 bo: this is a line of output
```
done
"""

CONTRACT = {
    "identity": {"task": "chat"},
    "observations": [{"name": "commands", "column": "n_commands", "type": "integer"}],
    "actions": {"column": "speaker", "values": ["ana", "bo"]},
    "data": {"format": "transcript", "time": "time"},
}


def written(tmp_path, text: str):
    path = tmp_path / "chat.txt"
    path.write_text(text)
    return path


def records(path):
    return list(event_format("transcript").records(source_file(path, "transcript")))


def test_messages_with_their_structure(tmp_path):
    ana, bo, event, ran = records(written(tmp_path, CHAT))
    assert (ana["time"], ana["speaker"], ana["line"]) == ("2026-03-01T10:05", "ana", 2)
    assert (ana["mention.0"], ana["quoted.0"], ana["n_commands"]) == ("bo-2", "web-1", 0)
    assert ana["prose"] == "the pool is full, @bo-2 can you look? see"
    assert (bo["time"], bo["speaker"], bo["command.0"]) == (
        "2026-03-01T10:06:30",
        "bo-2",
        "kubectl get pods -n shop",
    )
    assert bo["text"] == "on it\n$ kubectl get pods -n shop\nthree of them pending"
    assert bo["prose"] == "on it\nthree of them pending"
    assert (event["kind"], event["speaker"], event["text"]) == (
        "event",
        None,
        "PagerDuty opened the incident",
    )
    assert (ran["time"], ran["command.0"]) == (
        "2026-03-01T10:08:00+01:00",
        "kubectl scale deploy/web --replicas=6",
    )
    assert ran["block.0"].endswith("10:09 bo: this is a line of output")
    assert ran["prose"] == "I ran this:\ndone"


@pytest.mark.parametrize(
    ("head", "moment", "speaker"),
    [
        ("[2026-03-01T10:05:00Z] ana: x", "2026-03-01T10:05:00Z", "ana"),
        ("2026-03-01 10:05:00.25 UTC <@ana> x", "2026-03-01T10:05:00.25Z", "ana"),
        ("2026-03-01, 10:05 - Ana B: x", "2026-03-01T10:05", "Ana B"),
        ("[2026-03-01 10:05:00,5 +0100] ana: x", "2026-03-01T10:05:00.5+01:00", "ana"),
        ("2026-03-01T10:05 http://example.org is down", "2026-03-01T10:05", None),
    ],
)
def test_ways_of_beginning_a_message(tmp_path, head, moment, speaker):
    [row] = records(written(tmp_path, head + "\n"))
    assert (row["time"], row["speaker"]) == (moment, speaker)


def test_messages_in_mixed_zones_stand_in_order(tmp_path):
    text = "[2026-03-01T12:00:00+02:00] ana: late\n[2026-03-01T09:30:00Z] bo: early\n"
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, text))
    assert demos.actions.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Summary\n10:05 ana: x\n", r"line 1 is no message"),
        ("10:05 ana: x\n", r"line 1 has a clock without a day"),
        ("2026-03-01\n23:59 ana: x\n00:01 bo: y\n", r"line 3 has an earlier clock .* no new day"),
        ("2026-03-01\n10:05 CET ana: x\n", r"line 2 names its zone by letters"),
        (
            "2026-03-01\n10:05 ana: x\n```\nls\n10:06 bo: y\n",
            r"line 3 opens a block of code that is never closed",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))


def test_a_new_day_lets_the_clock_begin_again(tmp_path):
    text = "2026-03-01\n23:59 ana: x\n--- 2026-03-02 ---\n00:01 bo: y\n"
    assert [r["time"] for r in records(written(tmp_path, text))] == ["2026-03-01T23:59", "2026-03-02T00:01"]


def test_lines_made_to_be_slow_are_not(tmp_path):
    text = (
        "2026-03-01\n10:05 "
        + "a" * 200_000
        + "\n10:06 ana: "
        + "`" * 200_000
        + "@" * 200_000
        + "- " * 100_000
        + "\n"
    )
    begun = time.process_time()
    assert len(records(written(tmp_path, text))) == 2
    assert time.process_time() - begun < 10  # backtracking over such lines takes hours
