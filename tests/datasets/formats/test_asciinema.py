"""Recordings of shells: a session that asciinema recorded, and what other shells and broken recordings do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "asciinema.cast"

CONTRACT = {
    "identity": {"task": "shell"},
    "observations": [{"name": "how", "type": "category", "missing": "label"}],
    "actions": {"column": "kind", "values": ["command", "output"]},
    "data": {"format": "asciinema", "time": "time", "duplicates": "keep"},
}


def written(tmp_path, *events, header=None):
    path = tmp_path / "session.cast"
    head = {"version": 2, "width": 80, "height": 24, "timestamp": 1772355600} if header is None else header
    path.write_text("".join(json.dumps(e) + "\n" for e in [head, *events]))
    return path


def records(path):
    return list(event_format("asciinema").records(source_file(path, "asciinema")))


def commands(path):
    return [(r["text"], r["how"], r["is_certain"]) for r in records(path) if r["kind"] == "command"]


def test_commands_of_a_recorded_session_as_they_were_run():
    assert commands(WRITTEN) == [
        ("echo hello", "editing", True),
        ("echo fixed", "editing", True),  # typed as "ehco", then corrected
        ("read -s secret", "editing", True),
        ("false", "editing", True),
        ("exit", "editing", True),
    ]
    outputs = [(r["text"], r["n_lines"]) for r in records(WRITTEN) if r["kind"] == "output"]
    assert outputs == [("hello", 1), ("fixed", 1), ("exit", 1)]


def test_a_password_that_was_typed_but_not_shown_is_in_no_row():
    assert '"h"]' in WRITTEN.read_text()  # its keys are in the recording
    assert not [r for r in records(WRITTEN) if "hunter2" in str(r)]


def test_rows_pass_through_the_reader():
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), WRITTEN)
    assert demos.actions.tolist() == [0, 1, 0, 1, 0, 0, 0, 1]
    assert demos.times[0] == pytest.approx(1772355602.339967, abs=1e-6)


def test_marks_of_the_shell_are_certain_and_give_the_exit_status(tmp_path):
    path = written(
        tmp_path,
        [0.1, "o", "\x1b]133;A\x07~ > \x1b]133;B\x07"],
        [1.0, "o", "make"],
        [2.0, "o", "\r\n\x1b]133;C\x07"],
        [3.0, "o", "no rule\r\n\x1b]133;D;2\x1b\\\x1b]133;A\x07~ > \x1b]133;B\x07"],
    )
    command, output = records(path)
    assert (command["text"], command["how"], command["is_certain"], command["seconds"]) == (
        "make",
        "marks",
        True,
        2.0,
    )
    assert (output["text"], output["exit_status"], output["time"]) == ("no rule", 2, 1772355603.0)


def test_a_prompt_alone_is_a_guess_and_printed_text_is_no_prompt(tmp_path):
    path = written(
        tmp_path,
        [0.1, "o", "$ "],
        [1.0, "o", "cat notes.md\r\n# title\r\n$ rm -rf x\r\n"],
        [1.1, "o", "$ "],
        [2.0, "o", "gone^C\r\n$ "],
        [3.0, "o", "\r\n$ "],
    )
    assert commands(path) == [("cat notes.md", "prompt", False)]
    assert [r["text"] for r in records(path) if r["kind"] == "output"] == ["# title\n$ rm -rf x"]


def test_a_line_from_the_history_is_not_certain(tmp_path):
    path = written(
        tmp_path,
        [0.1, "o", "\x1b[?2004h$ "],
        [1.0, "i", "\x1b[A"],
        [1.0, "o", "kubectl get pods"],
        [1.5, "i", "\r"],
        [1.5, "o", "\r\n\x1b[?2004l"],
    )
    assert commands(path) == [("kubectl get pods", "editing", False)]


def test_an_editor_that_paints_the_screen_gives_no_commands(tmp_path):
    path = written(
        tmp_path,
        [0.1, "o", "\x1b[?2004h$ "],
        [1.0, "o", "vim\r\n\x1b[?2004l\x1b[?1049h"],
        [2.0, "o", "$ not a command\r\n$ "],
        [3.0, "o", "\x1b[?1049l\x1b[?2004h$ "],
        [3.5, "m", "done"],
        [4.0, "o", "ls\r\n\x1b[?2004l"],
    )
    assert [c[0] for c in commands(path)] == ["vim", "ls"]
    assert [r["text"] for r in records(path) if r["kind"] == "marker"] == ["done"]


@pytest.mark.parametrize(
    ("events", "header", "message"),
    [
        ([], {"version": 3}, r"line 1 has version 3; 2 is read"),
        ([], {"version": 1, "stdout": []}, r"line 1 has version 1; 2 is read"),
        ([], {"width": 80}, r"line 1 is no header"),
        ([], [0.1, "o", "x"], r"line 1 is no header"),
        ([], {"version": 2, "timestamp": "now"}, r"line 1 must hold a number in `timestamp`"),
        ([[2, "o", "a"], [1, "o", "b"]], None, r"line 3 goes back in time"),
        ([["1", "o", "a"]], None, r"line 2 is no event"),
        ([[float("nan"), "o", "a"]], None, r"line 2 is no event"),
        ([[1, "o"]], None, r"line 2 is no event"),
    ],
)
def test_a_broken_recording_is_named_by_line(tmp_path, events, header, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, *events, header=header))


def test_a_recorder_killed_in_the_middle_of_a_line_is_named(tmp_path):
    path = written(tmp_path, [1, "o", "a\r\n"], [2, "o", "b\r\n"])
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(DataError, match=r"line 3 is not JSON"):
        records(path)
