"""House rules that a machine can see: sizes, docstrings, words, the five places of a method, the README."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

MOST_LINES = 500
README_LINES = 100
NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "util.py"}


@pytest.fixture(scope="module")
def sources(project_root) -> dict[Path, str]:
    return {path: path.read_text() for path in sorted((project_root / "src").rglob("*.py"))}


@pytest.fixture(scope="module")
def methods() -> tuple[str, ...]:
    inference = importlib.import_module("telic.inference")
    return tuple(inference.METHODS)


def test_no_module_is_longer_than_a_reader_holds_in_mind(sources):
    long = {str(path): text.count("\n") for path, text in sources.items() if text.count("\n") > MOST_LINES}
    assert not long


def test_every_module_begins_with_a_docstring(sources):
    assert not [str(path) for path, text in sources.items() if not ast.get_docstring(ast.parse(text))]


def test_every_file_is_named_for_what_is_in_it(sources):
    assert not [str(path) for path in sources if path.name in NAMELESS]


def test_nothing_is_unpickled_and_no_error_is_swallowed(sources):
    forbidden = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"}
    for path, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path
            elif isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                raises = any(isinstance(part, ast.Raise) for part in ast.walk(node))
                wide = re.search(r"\b(everything|Exception|BaseException)\b", caught)
                assert not wide or raises, f"{path}:{node.lineno} swallows {caught}"
            assert not names & forbidden, path


def test_nothing_is_printed_below_the_command_line(sources):
    for path, text in sources.items():
        if "cli" in path.parts:
            continue
        calls = [
            n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        ]
        assert not [n.lineno for n in calls if n.func.id == "print"], path


def test_a_method_has_its_five_places(project_root, methods):
    assert methods
    missing = []
    certification = "\n".join(
        p.read_text() for p in (project_root / "tests" / "certification").glob("test_*.py")
    )
    for name in methods:
        places = [
            f"src/telic/inference/methods/{name}.py",
            f"tests/inference/test_{name}.py",
            f"docs/methods/{name}.md",
            f"reproductions/{name}.py",
        ]
        missing += [place for place in places if not (project_root / place).exists()]
        if name not in certification:
            missing.append(f"tests/certification/: a case for {name}")
    assert not missing, missing


def test_a_method_page_keeps_the_order(project_root, methods):
    wanted = ["problem", "assumption", "equation", "setting", "metric", "failure", "reproduc", "reference"]
    for name in methods:
        page = project_root / "docs" / "methods" / f"{name}.md"
        heads = [line.lower() for line in page.read_text().splitlines() if line.startswith("## ")]
        places = [next((i for i, head in enumerate(heads) if word in head), -1) for word in wanted]
        assert -1 not in places, f"{page}: sections {heads}"
        assert places == sorted(places), f"{page}: sections {heads}"


def test_every_module_of_methods_is_registered(project_root, methods):
    folder = project_root / "src" / "telic" / "inference" / "methods"
    files = {path.stem for path in folder.glob("*.py") if not path.name.startswith("_")}
    assert files == set(methods)


def test_the_readme_is_short_and_its_commands_exist(project_root):
    text = (project_root / "README.md").read_text()
    assert text.count("\n") <= README_LINES
    for command in ("scripts/demo", "scripts/test"):
        assert command in text
        assert (project_root / command).stat().st_mode & 0o111


def test_scripts_are_the_same_names_everywhere(project_root):
    for name in ("check", "test", "demo", "prove"):
        text = (project_root / "scripts" / name).read_text()
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "set -euo pipefail" in text
        assert len(text.splitlines()) <= 30


def test_every_dependency_has_a_tested_version(project_root):
    project = tomllib.loads((project_root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    tested = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (project_root / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {re.split(r"[^A-Za-z0-9_.-]", need)[0].lower().replace("_", "-") for need in wanted}
    assert names <= tested
    assert "http" not in (project_root / "constraints.txt").read_text()


def test_the_licence_is_there_in_full(project_root):
    text = (project_root / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_changes_are_told_in_fragments(project_root):
    fragments = list((project_root / "changelog.d").glob("*.md"))
    assert fragments
    assert all(path.read_text().strip() for path in fragments)


def test_decisions_are_numbered_once_and_complete(project_root):
    pages = sorted((project_root / "docs" / "decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    # Leading digits group pages by theme; gaps are room, and a number is never used twice.
    assert all(number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        heads = [line[3:].strip() for line in page.read_text().splitlines() if line.startswith("## ")]
        assert heads == ["Context", "Choice", "Alternatives", "Consequences"], page


def test_committed_files_name_no_machine_and_no_registry(project_root):
    if not (project_root / ".git").exists():
        pytest.skip("not a checkout: there is no list of committed files")
    registries = ["py" + "pi.org", "python" + "hosted", "registry.npm" + "js"]
    patterns = [part for word in registries for part in ("-e", word)]
    found = subprocess.run(
        ["git", "grep", "-n", "-I", "-i", "-F", *patterns, "--", "."],
        cwd=project_root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1, found.stdout
