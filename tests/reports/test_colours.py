"""Contrast and colour vision, computed from the style sheet that is served.

Contrast: WCAG 2.2, relative luminance and contrast ratio. Colour vision: matrices of Machado, Oliveira and
Fernandes (2009), severity 1, on linear RGB; distance CIEDE2000 (Sharma, Wu and Dalal 2005).
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from telic.reports.style import page_css

TEXT = ("--ink", "--ink-soft", "--info", "--notice", "--warning", "--error", "--accent-1")
ACCENTS = tuple(f"--accent-{i}" for i in range(1, 7))
BACKGROUNDS = ("--paper", "--panel")
VISION = {
    "trichromacy": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
CLEARLY_APART = 8.0
"""CIEDE2000 units; about 1 is just noticeable side by side, 5 at a glance."""


def themes() -> dict[str, dict[str, str]]:
    """The colours of each theme, from the rules in which they are served."""
    css = page_css()
    found = {}
    for scheme in ("light", "dark"):
        blocks = re.findall(rf"\{{([^{{}}]*color-scheme: {scheme};)", css)
        assert len(blocks) == 2, "once for the system's choice, once for the reader's"
        assert blocks[0].strip() == blocks[1].strip()
        found[scheme] = dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{6});", blocks[0]))
    return found


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((float(linear(first) @ weights), float(linear(second) @ weights)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.072175],
            [0.0193339, 0.119192, 0.9503041],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: np.ndarray, two: np.ndarray) -> float:
    (L1, a1, b1), (L2, a2, b2) = one, two
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean_c7 / (mean_c7 + 25.0**7)))
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, (1 + g) * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    dh = (h2 - h1 + 180) % 360 - 180
    h = (h1 + dh / 2) % 360
    dH = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    L, c = (L1 + L2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.2 * np.cos(np.radians(4 * h - 63))
    sl = 1 + 0.015 * (L - 50) ** 2 / np.sqrt(20 + (L - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rotation = (
        -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    )
    parts = ((L2 - L1) / sl, (c2 - c1) / sc, dH / sh)
    return float(np.sqrt(sum(x * x for x in parts) + rotation * parts[1] * parts[2]))


def test_the_formulas_here_give_their_published_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    # Sharma, Wu and Dalal (2005), table 1, pairs 1 and 17.
    assert ciede2000(np.array([50, 2.6772, -79.7751]), np.array([50, 0, -82.7485])) == pytest.approx(
        2.0425, abs=1e-4
    )
    assert ciede2000(np.array([50, 2.5, 0]), np.array([73, 25, -18])) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_a_contrast_of_at_least_four_and_a_half_and_marks_of_three(scheme):
    theme = themes()[scheme]
    for background in BACKGROUNDS:
        for name in TEXT:
            assert contrast(theme[name], theme[background]) >= 4.5, (name, background)
        for name in ACCENTS:
            assert contrast(theme[name], theme[background]) >= 3.0, (name, background)
        assert contrast(theme["--ink"], theme[background]) >= 7.0


@pytest.mark.parametrize("vision", sorted(VISION))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_two_accents_are_apart_for_every_reader(scheme, vision):
    theme = themes()[scheme]
    seen = {name: lab(np.asarray(VISION[vision]) @ linear(theme[name])) for name in ACCENTS}
    closest = min((ciede2000(seen[a], seen[b]), a, b) for a, b in itertools.combinations(ACCENTS, 2))
    assert closest[0] >= CLEARLY_APART, closest


def test_both_themes_name_the_same_colours_and_every_used_variable_is_defined():
    both = themes()
    assert set(both["light"]) == set(both["dark"])
    css = page_css()
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", css))
    assert used <= set(re.findall(r"(--[a-z0-9-]+):", css))
    assert "prefers-color-scheme: dark" in css
