"""What every case of bad input shares: a project with a good version in it, so that a test can see
that nothing was lost."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from machines import CONTRACT, keeper_log, write_project


def kept(folder: Path) -> dict[str, bytes]:
    """Every file of a project that is somebody's work: data and results, by name."""
    files = [p for part in ("data", "runs") for p in (folder / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if ".lock" not in p.name}


@dataclass(frozen=True)
class Door:
    """A project in which a good log was ingested, and the way to try bad things on it."""

    folder: Path
    telic: object
    before: dict[str, bytes] = field(default_factory=dict)

    def refuses(self, *words: object, status: int, message: str, hint: str) -> str:
        """A command fails as an error should, and the good version is still there, byte for byte."""
        told = self.telic(*words)
        assert told.status == status, (told.out, told.err)
        assert told.out == ""
        assert told.err.startswith("error: ")
        assert "Traceback" not in told.err
        said, blank, rest = told.err.partition("\n\nhint: ")
        assert blank, told.err
        assert re.search(message, said), told.err
        assert re.search(hint, rest), told.err
        assert kept(self.folder) == self.before
        return told.err

    def refuses_log(self, log: str | bytes, *, name: str = "log.csv", message: str, hint: str) -> str:
        """A bad log is refused by ``ingest``; the old version stays the newest and loads."""
        for old in self.folder.glob("log.*"):
            old.unlink()
        (self.folder / name).write_bytes(log if isinstance(log, bytes) else log.encode())
        error = self.refuses("ingest", self.folder, status=4, message=message, hint=hint)
        told = self.telic("check", self.folder, "--json")
        assert told.status == 0
        assert json.loads(told.out)["n_decisions"] == 8 * 12
        return error

    def contract(self, old: str, new: str) -> Path:
        """The project under a changed contract."""
        path = self.folder / "contract.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return self.folder


@pytest.fixture
def door(tmp_path, telic):
    """A project with one good version of 96 decisions."""
    folder = write_project(tmp_path / "machines", CONTRACT, keeper_log(8, 12))
    assert telic("ingest", folder).status == 0
    return Door(folder, telic, kept(folder))


@pytest.fixture
def lines():
    """The lines of the good log: machine, day, wear, action."""
    return keeper_log(8, 12).splitlines()
