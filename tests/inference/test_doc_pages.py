"""The examples in the pages on identifiability and trade-offs print what the pages say."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest


@pytest.mark.parametrize("page", ["identifiability.md", "tradeoffs.md"])
def test_examples_of_a_page(page: str, project_root: Path) -> None:
    found = doctest.testfile(str(project_root / "docs" / page), module_relative=False)
    assert found.attempted > 3
    assert found.failed == 0
