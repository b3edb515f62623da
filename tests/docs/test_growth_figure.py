"""The figure of how the cost grows says in itself what its lines are."""

from __future__ import annotations


def test_every_line_of_the_growth_figure_is_named_in_it(project_root):
    svg = (project_root / "docs" / "figures" / "growth.svg").read_text()
    script = (project_root / "benchmarks" / "growth.py").read_text()
    for words in ("measured", "growth in proportion, through the last mark"):
        assert f">{words}</text>" in svg
        assert f'"{words}"' in script
