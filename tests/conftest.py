"""What every test shares: one computing thread a process, real data where there is any, the command line."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy is imported: tests run beside one another

# Secret keys of tests, never those of a person; gone with the process, and not before: children may still use them.
os.environ["TELIC_PRIVATE"] = tempfile.mkdtemp(prefix="telic-private-")
atexit.register(shutil.rmtree, os.environ["TELIC_PRIVATE"], ignore_errors=True)

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
"""The project folder."""


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The project folder."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real data: TELIC_DATA, or ``../shared/data`` beside the project; skips where there is none."""
    named = os.environ.get("TELIC_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        where = "the folder that TELIC_DATA names" if named else "../shared/data beside the project"
        pytest.skip(f"no real data: {where} is missing; set TELIC_DATA to run this test")
    return folder


@dataclass(frozen=True)
class Told:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def telic(capsys):
    """Call a command line in this process; returns status, standard output and standard error."""
    from telic.cli import main

    def call(*words: object) -> Told:
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Told(status, captured.out, captured.err)

    return call
