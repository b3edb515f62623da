"""Projects for the verbs to work on; the log itself is made in ``tests/support/machines.py``."""

from __future__ import annotations

import pytest
from machines import write_project


@pytest.fixture
def project_folder(tmp_path):
    """A project that nothing was done with yet."""
    return write_project(tmp_path / "machines")


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory):
    """A project on which ``run`` has been called; tests only read it."""
    from telic.workflows import run

    folder = write_project(tmp_path_factory.mktemp("finished") / "machines")
    run(folder)
    return folder


@pytest.fixture(scope="session")
def scaling_folder(project_root, tmp_path_factory):
    """The example of three operators with its page, without profiles; tests only read it."""
    import shutil

    from telic.workflows import InferSettings, infer, ingest, report

    folder = tmp_path_factory.mktemp("scaling") / "scaling"
    shutil.copytree(project_root / "examples" / "scaling", folder)
    ingest(folder)
    infer(folder, settings=InferSettings(with_profiles=False))
    report(folder)
    return folder
