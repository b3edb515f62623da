"""Commands that are killed or interrupted at any moment: run again, they give what they would have given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

TELIC = [sys.executable, "-c", "import sys; from telic.cli import main; sys.exit(main())"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def start(*words):
    return subprocess.Popen(
        [*TELIC, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal, also where the tests run in the background of a shell, which ignores the keyboard there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(*words):
    return subprocess.run([*TELIC, *map(str, words)], check=False, capture_output=True, text=True)


def without_times(value):
    """The result without what a clock measured."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if "seconds" not in k}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def leftovers(folder):
    return [p.name for p in folder.rglob("*") if ".partial" in p.name or ".building" in p.name]


@pytest.fixture
def log():
    return keeper_log(400, 40)


def timed(*words):
    began = time.monotonic()
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), time.monotonic() - began


@pytest.mark.slow
def test_ingest_killed_at_any_moment(tmp_path, log):
    undisturbed, seconds = timed("ingest", write_project(tmp_path / "a", CONTRACT, log), "--json")
    folder = write_project(tmp_path / "b", CONTRACT, log)
    g = np.random.default_rng(20)
    killed = 0
    for moment in g.uniform(0.3, 1.0, size=5) * seconds:
        process = start("ingest", folder)
        time.sleep(moment)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed > 0
    again = run("ingest", folder, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["dataset"] == undisturbed["dataset"]
    assert run("check", folder).returncode == 0
    assert not leftovers(folder)


@pytest.mark.slow
def test_infer_killed_at_any_moment(tmp_path, log):
    first, second = (write_project(tmp_path / name, CONTRACT, log) for name in "ab")
    for folder in (first, second):
        assert run("ingest", folder).returncode == 0
    undisturbed, seconds = timed("infer", first, "--json")
    g = np.random.default_rng(21)
    killed = 0
    for moment in g.uniform(0.2, 0.95, size=2) * seconds:
        process = start("infer", second)
        time.sleep(moment)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed > 0
    again = run("infer", second, "--json")
    assert again.returncode == 0, again.stderr
    assert without_times(json.loads(again.stdout)) == without_times(undisturbed)
    assert not leftovers(second)


def test_the_keyboard_interrupts_with_a_way_to_go_on(tmp_path, log):
    folder = write_project(tmp_path / "a", CONTRACT, log)
    assert run("ingest", folder).returncode == 0
    _, seconds = timed("infer", folder, "--json")
    # The signal may come while Python starts or ends, where it is Python's own to answer: then another moment.
    for share in (0.7, 0.6, 0.8, 0.5, 0.9, 0.65, 0.75, 0.55, 0.85, 0.4):
        for place in (folder / "runs").glob("*/infer.json"):
            place.unlink()
        began = time.monotonic()
        process = start("infer", folder)
        time.sleep(share * seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        if process.returncode == 130:
            break
        if process.returncode == 0:  # it was faster than the first run, which other work may have slowed
            seconds = min(seconds, time.monotonic() - began)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "error: Interrupted" in err
    assert "\n\nhint: " in err
    assert "run the same command again" in err
    assert run("infer", folder, "--quick").returncode == 0


def test_nothing_is_done_twice(door, telic):
    first = telic("run", door.folder, "--json")
    assert first.status == 0
    stamps = {p: p.stat().st_mtime_ns for p in Path(door.folder).rglob("*.json") if "runs" in p.parts}
    second = telic("run", door.folder, "--json")
    assert second.status == 0
    assert "nothing was done again" in second.err
    told, again = json.loads(first.out), json.loads(second.out)
    assert all(step["is_reused"] for step in again["steps"])
    assert {k: v for k, v in told.items() if k != "steps"} == {k: v for k, v in again.items() if k != "steps"}
    for path, stamp in stamps.items():
        if path.name not in ("latest.json", "ingest.json"):
            assert path.stat().st_mtime_ns == stamp, path
