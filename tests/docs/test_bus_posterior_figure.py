"""The figure of the bus engines' posterior says in itself what its marks are, and follows the page's theme."""

from __future__ import annotations

import re


def test_every_mark_of_the_figure_is_named_in_it(project_root):
    svg = (project_root / "docs" / "figures" / "bus_posterior.svg").read_text()
    script = (project_root / "reproductions" / "bus_posterior.py").read_text()
    for words in ("draws", "likelihood surface times prior", "published estimate"):
        assert f">{words}</text>" in svg
        assert f'"{words}"' in script
    for words in ("replacement cost", "operating cost", "50 %", "90 %", "99 %"):
        assert f">{words}</text>" in svg


def test_colours_are_those_of_both_themes_and_regions_differ_by_their_dashes(project_root):
    svg = (project_root / "docs" / "figures" / "bus_posterior.svg").read_text()
    head, _, body = svg.partition("</style>")
    assert "prefers-color-scheme: dark" in head
    assert "--accent-2" in head
    assert not re.search(r"#[0-9a-f]{6}", body.replace("xlink:href", ""))
    contours = [style for style in re.findall(r'style="([^"]*)"', body) if "stroke: var(--accent-2)" in style]
    dashes = {part for style in contours for part in style.split("; ") if part.startswith("stroke-dasharray")}
    assert len(dashes) == 2, "a dotted and a dashed contour beside the full one"
