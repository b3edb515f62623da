"""The scripts that people and machines call: they refuse what they should, and keep what they found."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest


def run(command, folder, **variables):
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **variables,
    }
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def git(folder, *arguments) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    done = run(["git", *identity, *arguments], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path, project_root):
    """A committed project with two reproductions and the scripts of this one."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in ("prove.py", "code_digest.py"):
        shutil.copy(project_root / "scripts" / name, scripts / name)
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    (tmp_path / "reproductions").mkdir()
    (tmp_path / "reproductions" / "good.py").write_text(
        "import json, os, sys\nprint('working')\n"
        "print(json.dumps({'answer': 42, 'full': os.environ['TELIC_FULL'], 'arguments': sys.argv[1:]}))\n"
    )
    (tmp_path / "reproductions" / "mute.py").write_text("print('nothing to say')\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a start")
    return tmp_path


def prove(project, *arguments):
    return run([sys.executable, "scripts/prove.py", *arguments], project)


def test_a_proof_keeps_numbers_commit_and_machine(project):
    done = prove(project, "good", "--groups", "4")
    assert done.returncode == 0, done.stderr
    result = json.loads((project / "reproductions" / "results" / "good.json").read_text())
    assert result["results"] == [{"answer": 42, "full": "1", "arguments": ["--groups", "4"]}]
    assert result["commit"] == git(project, "rev-parse", "HEAD")
    assert result["dirty"] is False
    assert list(result["covers"]) == ["reproductions/good.py"]
    assert {"cpu", "cores", "python", "packages"} <= set(result["machine"])
    assert "working" in done.stdout
    again = prove(project, "good")
    assert again.returncode == 0, "a result of the last run is no reason to refuse the next"


def test_a_proof_of_uncommitted_code_is_refused_or_says_so(project):
    (project / "reproductions" / "good.py").write_text("print('{\"answer\": 43}')\n")
    refused = prove(project, "good")
    assert refused.returncode == 2
    assert "expected a committed tree, got 1 changed file (first: reproductions/good.py)" in refused.stderr
    assert "hint: commit first" in refused.stderr
    assert prove(project, "good", "--allow-dirty").returncode == 0
    result = json.loads((project / "reproductions" / "results" / "good.json").read_text())
    assert result["dirty"] is True


def test_an_unknown_or_mute_reproduction_is_named(project):
    unknown = prove(project, "better")
    assert unknown.returncode == 2
    assert "expected a reproduction (good, mute), got 'better'" in unknown.stderr
    mute = prove(project, "mute")
    assert mute.returncode == 2
    assert "expected mute.py to print a JSON line, got none" in mute.stderr
    assert not (project / "reproductions" / "results").exists()


def test_a_proof_by_another_telic_is_refused(project):
    """Its digests would be of files that took no part."""
    (project / "reproductions" / "other.py").write_text("import telic\nprint('{\"answer\": 42}')\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "another")
    refused = prove(project, "other")
    assert refused.returncode == 2
    assert "expected the telic of this project, got that of " in refused.stderr
    assert not (project / "reproductions" / "results").exists()


@pytest.fixture
def environment(project_root):
    place = project_root / "scripts" / "environment.py"
    spec = importlib.util.spec_from_file_location("environment", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_too_old_a_python_is_told_what_to_do(environment):
    with pytest.raises(SystemExit) as caught:
        environment.require_version((3, 9), "/usr/bin/python3")
    assert "needs Python 3.11 or newer, got 3.9 (/usr/bin/python3)" in str(caught.value)
    assert "hint: install a newer Python" in str(caught.value)
    assert environment.require_version((3, 11), "here") == "here"


def test_an_installation_is_repeated_when_what_it_depends_on_changes(environment, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("one")
    first = environment.digest("dev")
    assert environment.digest("dev") == first
    assert environment.digest("") != first
    (tmp_path / "constraints.txt").write_text("two")
    assert environment.digest("dev") != first


@pytest.mark.parametrize(
    ("closing", "status"),
    [
        ("12 passed, 1 skipped in 3.21s", 0),
        ("3 skipped in 0.10s", 1),
        ("no tests ran in 0.01s", 1),
    ],
)
def test_continuous_integration_fails_when_no_test_ran(project_root, tmp_path, closing, status):
    for folder in (".ci", "scripts", "bin"):
        (tmp_path / folder).mkdir()
    shutil.copy(project_root / ".ci" / "run", tmp_path / ".ci" / "run")
    fakes = {
        "scripts/test": f"#!/bin/sh\necho $CI\necho '{closing}'\n",
        "bin/python3": '#!/bin/sh\nmkdir -p "$3/bin"\n',  # stands in for `python3 -m venv FOLDER`
    }
    for name, text in fakes.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    done = run(["bash", ".ci/run"], tmp_path, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["true", closing]
