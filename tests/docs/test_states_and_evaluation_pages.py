"""The code on the pages about states and evaluation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.mark.parametrize("page", ["states.md", "evaluation.md"])
def test_the_code_on_the_page_runs(project_root: Path, page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (project_root / "docs" / page).read_text("utf-8"), flags=re.S)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
