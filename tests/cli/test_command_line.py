"""The command line: streams, statuses, hints, near misses, JSON everywhere, and help that costs nothing."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys

import pytest
from machines import write_project

from telic.cli import VERBS
from telic.cli.exit_codes import EXIT_CODES, exit_code
from telic.cli.json_keys import COMMON_KEYS, JSON_KEYS
from telic.errors import (
    ContractError,
    ImpossibleDemonstrationsError,
    InsufficientCoverageError,
    PermanentError,
    TelicError,
    TemporaryError,
)

HEAVY = ("numpy", "scipy", "numba", "matplotlib", "pyarrow", "pydantic")


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1", **environment},
    )


def test_help_imports_no_numerical_library():
    code = (
        "import sys, telic.cli; telic.cli.main(['--help']); telic.cli.main(['infer', '--help']);"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = python("-c", code)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    for verb in VERBS:
        assert verb.NAME in done.stdout


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("72", 72), ("", 100), ("many", 100), ("7", 30)])
def test_text_keeps_the_columns_that_the_environment_names(
    telic, project_folder, monkeypatch, columns, widest
):
    monkeypatch.setenv("COLUMNS", columns)
    lines = telic("advise", project_folder).out.splitlines()
    assert widest - 12 < max(map(len, lines)) <= widest


def test_the_version_is_printed(telic):
    import telic as package

    assert telic("--version").out.strip() == package.__version__


def test_every_verb_takes_json_and_says_so(telic):
    for verb in VERBS:
        told = telic(verb.NAME, "--help")
        assert told.status == 0
        assert "--json" in told.out


def test_the_whole_way_in_json(telic, project_folder, tmp_path):
    before = project_folder / "contract.yaml"
    for words in (
        ("init", tmp_path / "drafted", "--from", project_folder / "log.csv"),
        ("advise", before),
        ("ingest", project_folder),
        ("check", project_folder),
        ("infer", project_folder, "--quick"),
        ("train", project_folder),
        ("report", project_folder),
    ):
        told = telic(*words, "--json")
        assert told.status == 0, told.err
        found = json.loads(told.out, parse_constant=pytest.fail)
        assert found["verb"] == words[0]
        assert found["schema_version"] == 1
        assert [key for key in {**COMMON_KEYS, **JSON_KEYS[words[0]]} if key not in found] == []
        assert "next: " in told.err or words[0] == "advise"
    found = json.loads(telic("run", project_folder, "--json").out)
    assert [key for key in {**COMMON_KEYS, **JSON_KEYS["run"]} if key not in found] == []


def test_reports_go_to_one_stream_and_the_rest_to_the_other(telic, project_folder):
    told = telic("ingest", project_folder)
    assert "2,400 decisions" in told.out
    for word in ("page:", "next:"):
        assert word in told.err
        assert word not in told.out
    assert f"next: telic check {project_folder}" in told.err


def test_doing_it_again_says_that_nothing_was_done(telic, project_folder):
    telic("ingest", project_folder)
    again = telic("ingest", project_folder)
    assert "nothing was done again" in again.err


def test_no_color_and_no_bars_where_nobody_looks(project_folder):
    done = python("-m", "telic.cli", "ingest", str(project_folder))
    assert done.returncode == 0
    assert "\x1b[" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("infre", "x"), 'Did you mean "infer"'),
        (("infer",), "requires an argument"),
        (("infer", "x", "--levle", "0.9"), "Did you mean --level"),
        (("infer", "x", "--level", "much"), "much"),
        (("infer", "x", "--errors", "some"), "some"),
        (("report", "x", "y"), "y"),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_with_a_hint(telic, words, message):
    told = telic(*words)
    assert told.status == 2
    assert told.out == ""
    assert message in told.err
    assert "\n\nhint: `telic " in told.err


def test_errors_end_with_an_empty_line_and_a_hint(telic, tmp_path):
    told = telic("infer", tmp_path / "nowhere")
    assert told.status == 74
    assert told.err.startswith("error: There is no project folder")
    assert told.err.rstrip().splitlines()[-2:][0] == ""
    assert told.err.rstrip().splitlines()[-1].startswith("hint: ")


def test_settings_out_of_range_are_usage_errors(telic, project_folder):
    told = telic("infer", project_folder, "--level", "1.5")
    assert told.status == 2
    assert "`level` must lie strictly between 0 and 1, got 1.5" in told.err


def test_every_error_has_a_status_and_every_status_a_meaning():
    assert exit_code(ContractError("x")) == 3
    assert exit_code(ImpossibleDemonstrationsError("x")) == 4
    assert exit_code(InsufficientCoverageError("x")) == 8
    assert exit_code(TemporaryError("x")) == 75
    assert exit_code(PermanentError("x")) == 74
    assert exit_code(TelicError("x")) == 1
    kinds = [TelicError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind is not TelicError:
            assert exit_code(kind("x")) not in (0, 1), kind
    assert all(meaning.endswith(".") for _, meaning in EXIT_CODES.values())


def test_a_fit_without_an_answer_has_a_status_of_its_own(telic, tmp_path):
    lines = ["machine,day,wear,action"]
    for machine in range(30):
        for day in range(20):
            wear = (day + machine) % 4
            lines.append(f"m{machine},{86400 * day},{wear},{'repair' if wear == 3 else 'run'}")
    folder = write_project(tmp_path / "p", log="\n".join(lines) + "\n")
    told = telic("run", folder)
    assert told.status == 7
    assert "Not an answer (separation)" in told.out


def test_the_keyboard_stops_with_a_way_to_go_on(telic, project_folder, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("telic.inference.driver.maximise_newton", interrupted)
    telic("ingest", project_folder)
    told = telic("infer", project_folder, "--quick")
    assert told.status == 130
    assert "run the same command again to go on" in told.err


def test_a_reader_that_goes_away_is_no_error(project_folder):
    shell = f"{sys.executable} -m telic.cli advise {project_folder}/contract.yaml | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_advice_about_a_broken_contract_names_the_line(telic, project_folder):
    path = project_folder / "contract.yaml"
    path.write_text(path.read_text().replace("limits:", "limit:"))
    told = telic("advise", path)
    assert told.status == 3
    assert "Did you mean `limits`" in told.err


def test_init_drafts_and_does_not_write_over_what_was_confirmed(telic, project_folder, tmp_path):
    made = tmp_path / "fresh"
    told = telic("init", made, "--from", project_folder / "log.csv")
    assert told.status == 0, told.err
    assert "guesses" in told.out
    text = (made / "contract.yaml").read_text()
    assert "GUESS" in text
    again = telic("init", made, "--from", project_folder / "log.csv")
    assert again.status == 74
    assert "--force" in again.err
    assert telic("init", made, "--from", project_folder / "log.csv", "--force").status == 0


def test_from_a_strangers_file_to_a_tradeoff_in_two_commands(telic, project_folder, tmp_path):
    made = tmp_path / "fresh"
    assert telic("init", made, "--from", project_folder / "log.csv").status == 0
    told = telic("run", made, "--json")
    assert told.status == 0, told.err
    assert json.loads(told.out)["tradeoffs"]


def test_the_reference_is_current(project_root):
    done = python(str(project_root / "scripts" / "generate_docs.py"), "--check")
    assert done.returncode == 0, done.stderr


def test_nobody_is_counted_where_no_column_names_who_decided(telic, project_folder):
    assert "2,400 decisions in 60 trajectories, from 1 file." in telic("ingest", project_folder).out


def test_one_trajectory_is_not_several(telic, project_folder):
    (project_folder / "log.csv").write_text("machine,day,wear,action\nm1,0,0,run\nm1,86400,1,repair\n")
    assert "2 decisions in 1 trajectory, from 1 file." in telic("ingest", project_folder).out


def test_an_error_leaves_standard_output_empty_with_json_too(telic, project_folder, tmp_path):
    for words in (("infer", project_folder), ("run", tmp_path), ("ingest", project_folder, "nowhere.csv")):
        told = telic(*words, "--json")
        assert told.status == 74
        assert told.out == ""
        assert told.err.startswith("error: ")


def test_a_failed_fit_in_json_says_so_and_has_no_number(telic, tmp_path):
    rows = [
        f"m{machine},{86400 * day},{wear},{'repair' if wear == 3 else 'run'}"
        for machine in range(30)
        for day in range(20)
        for wear in [(day + machine) % 4]
    ]
    folder = write_project(tmp_path / "p", log="\n".join(["machine,day,wear,action", *rows]) + "\n")
    assert telic("ingest", folder).status == 0
    told = telic("infer", folder, "--quick", "--json")
    assert told.status == 7
    found = json.loads(told.out, parse_constant=pytest.fail)
    assert found["result"] == "separation"
    assert not [t for t in found["tradeoffs"] if t["value"] is not None]


def on_a_terminal(columns: int, *words: str, **environment: str) -> tuple[int, str]:
    """Status and all output of a command line whose three streams are a terminal of that width."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "telic.cli", *words],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    return process.wait(), b"".join(parts).decode()


def test_a_terminal_has_colour_and_a_narrow_one_is_not_overrun(project_folder):
    status, text = on_a_terminal(44, "check", str(project_folder))
    assert status == 74
    assert python("-m", "telic.cli", "ingest", str(project_folder)).returncode == 0
    status, text = on_a_terminal(44, "check", str(project_folder))
    assert status == 0
    assert "\x1b[" in text
    status, text = on_a_terminal(44, "check", str(project_folder), NO_COLOR="1")
    assert status == 0
    assert "\x1b[" not in text
    assert max(map(len, text.splitlines())) <= 44
