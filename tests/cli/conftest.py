"""A project to run the command line on."""

from __future__ import annotations

import pytest
from machines import write_project


@pytest.fixture
def project_folder(tmp_path):
    return write_project(tmp_path / "machines")
