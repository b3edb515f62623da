"""Committed results of reproductions are not older than the code that made them."""

from __future__ import annotations

import importlib.util
import json

import pytest


@pytest.fixture(scope="module")
def code_digest(project_root):
    place = project_root / "scripts" / "code_digest.py"
    spec = importlib.util.spec_from_file_location("code_digest", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.code_digest


def test_the_digest_of_code_ignores_words_and_layout_only(code_digest):
    base = 'def f(x):\n    """One."""\n    return x + 1  # why\n'
    same = [
        "def f(x):\n    return x + 1\n",
        'def f(x):\n    """Two,\n\n    in more lines.\n    """\n\n    # because\n    return x + 1\n',
        '"""A module."""\n\ndef f(x): return x + 1\n',
    ]
    assert {code_digest(text) for text in same} == {code_digest(base)}
    different = [
        "def f(x):\n    return x + 2\n",
        'def f(x):\n    return "x + 1"\n',
        "def f(x):\n    return '#x'\n",
    ]
    assert len({code_digest(text) for text in [base, *different]}) == 4


def test_no_committed_result_is_older_than_its_code(project_root, code_digest):
    stale, known = {}, {}

    def digest_of(name):
        if name not in known:
            file = project_root / name
            known[name] = code_digest(file.read_text()) if file.exists() else None
        return known[name]

    for path in sorted((project_root / "reproductions" / "results").glob("*.json")):
        covers = json.loads(path.read_text())["covers"]
        changed = [name for name, digest in covers.items() if digest_of(name) != digest]
        if changed:
            stale[path.name] = changed
    assert not stale, f"run scripts/prove again for: {stale}"


def test_no_committed_result_comes_from_uncommitted_code(project_root):
    for path in (project_root / "reproductions" / "results").glob("*.json"):
        assert json.loads(path.read_text())["dirty"] is False, path.name
