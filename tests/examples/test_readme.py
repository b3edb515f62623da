"""What README shows is what happens: its example prints what stands below it, its first line is that of the
demo.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def readme(project_root):
    return (project_root / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language (``""``: of none)."""
    return [
        body for kind, body in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL) if kind == language
    ]


def test_the_example_prints_what_stands_below_it(readme, project_root):
    (code,) = blocks(readme, "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout in blocks(readme, "")


def test_the_first_line_of_the_demo_is_the_one_shown(readme, project_root, tmp_path):
    import shutil

    from telic.workflows import infer, ingest
    from telic.workflows.infer import InferSettings

    folder = tmp_path / "scaling"
    shutil.copytree(
        project_root / "examples" / "scaling", folder, ignore=shutil.ignore_patterns("data", "runs")
    )
    ingest(folder)
    told = infer(folder, settings=InferSettings(with_profiles=False)).report.headline
    shown = next(
        block for block in blocks(readme, "") if block.startswith("One minute over the SLO is worth 3.1")
    )
    assert " ".join(shown.split()) == told


def test_the_tastes_are_left_to_the_test_of_the_example(readme):
    assert "5.5 pod-hours" not in readme


def test_every_page_that_is_linked_exists(readme, project_root):
    for page in ("README.md", "VISION.md"):
        text = (project_root / page).read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (project_root / target).exists(), f"{page} links {target}"
