"""Public names are the ones in ``__all__``, and they change on purpose only."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


exported = load("exported")


@pytest.fixture(scope="module")
def modules():
    return exported.modules()


def test_every_all_is_sorted_without_repeats_and_every_name_in_it_exists(modules):
    for module in modules:
        names = list(getattr(module, "__all__", []))
        assert names == exported.in_order(set(names)), module.__name__
        missing = [name for name in names if not hasattr(module, name)]
        assert not missing, f"{module.__name__} promises {missing}"


def test_a_package_shows_what_it_offers_and_nothing_else(modules):
    problems = {}
    for module in modules:
        # The command line's package holds its entry point, which uses its siblings without offering them.
        if exported.is_package(module) and module.__name__ != "telic.cli":
            hidden = exported.public_names(module) - set(getattr(module, "__all__", []))
            if hidden:
                problems[module.__name__] = sorted(hidden)
    assert not problems, problems


def test_a_package_file_offers_names_and_computes_nothing(project_root):
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.If)
    problems = {}
    for path in sorted((project_root / "src" / "telic").rglob("__init__.py")):
        if path.parent.name == "cli":  # holds its entry point
            continue
        for node in ast.parse(path.read_text()).body:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_hook = isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__")
            if not (is_text or is_hook or isinstance(node, allowed)):
                problems[str(path.relative_to(project_root))] = node.lineno
    assert not problems


def test_the_pinned_list_of_exports_is_current():
    pinned = exported.PINNED.read_text().split()
    now = exported.exports()
    extra, gone = sorted(set(now) - set(pinned)), sorted(set(pinned) - set(now))
    hint = "On purpose? Run `python tests/architecture/exported.py` and tell it in changelog.d"
    assert now == pinned, f"new: {extra}; gone: {gone}. {hint}"


def test_every_lazy_name_is_loaded_from_its_home_and_listed():
    telic = importlib.import_module("telic")
    assert exported.in_order(set(telic.HOMES)) == telic.__all__
    for name, home in telic.HOMES.items():
        value = getattr(importlib.import_module(home), name)
        assert getattr(telic, name) is value or callable(value), name
    assert dir(telic) == sorted([*telic.__all__, "__version__"])
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = telic.no_such_name


def test_the_lazy_names_for_type_checkers_are_the_same(project_root):
    source = (project_root / "src" / "telic" / "__init__.py").read_text()
    telic = importlib.import_module("telic")
    block = source[source.index("if TYPE_CHECKING:") : source.index("__all__")]
    lines = [line.split() for line in block.splitlines() if line.strip().startswith("from")]
    assert {words[3]: words[1] for words in lines} == dict(telic.HOMES)


def test_each_lazy_name_works_in_a_fresh_process():
    program = "import telic\nfor name in telic.__all__: getattr(telic, name)\nprint(len(telic.__all__))"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
