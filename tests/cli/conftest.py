"""Running the command line in this process, with its two streams apart."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from machines import write_project


@dataclass(frozen=True)
class Told:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def telic(capsys):
    """Call a command line; returns status, standard output and standard error."""
    from telic.cli import main

    def call(*words: object) -> Told:
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Told(status, captured.out, captured.err)

    return call


@pytest.fixture
def project_folder(tmp_path):
    return write_project(tmp_path / "machines")
