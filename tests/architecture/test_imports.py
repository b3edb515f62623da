"""The walls of the house: import contracts hold, every package stands in them, and importing costs little."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys

import pytest

HEAVY = ("jax", "matplotlib", "numba", "pyarrow", "scipy")
"""Slow to import (a large part of a second each); a command that does not use one does not wait for it."""


@pytest.fixture(scope="module")
def contracts(project_root):
    parser = configparser.ConfigParser()
    parser.read(project_root / ".importlinter")
    return parser


def packages(root) -> set[str]:
    """Names directly under telic."""
    source = root / "src" / "telic"
    folders = {path.parent.name for path in source.glob("*/*.py")}
    return (folders | {path.stem for path in source.glob("*.py")}) - {"__init__", "__main__", "__pycache__"}


def test_the_import_contracts_hold(project_root):
    program = "from importlinter.cli import lint_imports as lint; raise SystemExit(lint(no_cache=True))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=project_root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_stands_in_a_layer(project_root, contracts):
    layers = contracts["importlinter:contract:layers"]["layers"]
    named = set(re.findall(r"[a-z_]+", layers))
    assert packages(project_root) <= named


def test_every_package_is_held_by_a_contract_beyond_its_layer(project_root, contracts):
    """Layers alone do not stop a noun from opening a socket."""
    beyond = " ".join(
        contracts[name].get("source_modules", "") + contracts[name].get("modules", "")
        for name in contracts.sections()
        if name not in ("importlinter", "importlinter:contract:layers", "importlinter:contract:unpickled")
    )
    edges = {"storage", "datasets", "workflows", "testing", "scenarios"}  # effects and composition live here
    base = {"errors", "typing", "_core"}
    missing = {name for name in packages(project_root) - edges - base if f"telic.{name}" not in beyond}
    assert not missing, f"in no contract of .importlinter: {sorted(missing)}"


@pytest.mark.parametrize(
    "statement",
    [
        "import telic",
        "import telic.cli",
        "import telic.errors, telic.reports, telic.trajectories, telic.contract",
    ],
)
def test_importing_costs_no_heavy_library(statement):
    program = f"import sys; {statement}; print(' '.join(sorted(set(sys.modules) & set({HEAVY!r}))))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_help_imports_no_heavy_library():
    program = (
        "import sys\nfrom telic.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', *sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
