"""Figures in scripts that the fonts here do not have."""

from __future__ import annotations

from telic.workflows.figures import Labels, coefficients


def test_letters_that_no_font_here_has_are_left_to_the_browser_in_silence():
    words = Labels(title="题", x="load", y="pods", z="reward", caption="How to read it.")
    figure = coefficients(["血", "弹药"], [0.6, -0.8], words)  # warnings are errors in tests
    assert "血" in figure.svg
    assert "弹药" in figure.svg
