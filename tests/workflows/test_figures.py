"""Figures: the same bytes for the same numbers, colours of the page alone, and words for who cannot see
them.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from telic.reports import Figure, Report, Section
from telic.workflows.figures import (
    Curve,
    Labels,
    Panel,
    Range,
    Row,
    calibration_curve,
    choice_shares,
    claim_ranges,
    coefficients,
    curves,
    forest,
    heat_map,
    pairs,
    profile,
)

WORDS = Labels(title="A title", x="load", y="pods", z="reward", caption="How to read it.")


def draw_all() -> dict[str, Figure]:
    rng = np.random.default_rng(3)
    shares = rng.dirichlet([2, 3, 4], 7)
    gaps = shares.copy()
    gaps[0] = np.nan
    z = -np.add.outer(np.arange(5.0), np.arange(4.0) ** 2)
    z[0, 3] = np.nan
    return {
        "forest": forest(
            [
                Row(label="a", value=3.1, interval=(2.4, 4.0), text="3.1 [2.4, 4.0]"),
                Row(label="b", value=1.0, group=1),
                Row(label="c", value=None, text="cannot be told", group=2),
            ],
            WORDS,
        ),
        "coefficients": coefficients(["stops", "starts"], [0.6, -0.8], WORDS),
        "curves": curves(np.arange(6.0), [("reward", np.arange(6.0)), ("value", np.ones(6))], WORDS),
        "heat_map": heat_map(np.arange(4.0), np.arange(5.0), z, WORDS, visited=z < -1),
        "choice_shares": choice_shares(
            [
                Panel(
                    label="load",
                    cells=tuple("abcdefg"),
                    predicted=gaps,
                    observed=gaps,
                    counts=np.array([0, 30, 40, 50, 60, 70, 80.0]),
                )
            ],
            ["remove", "hold", "add"],
            WORDS,
        ),
        "calibration": calibration_curve(
            [{"predicted": p, "observed": p, "lower": p - 0.1, "upper": p + 0.1, "n": 9} for p in (0.2, 0.6)],
            WORDS,
        ),
        "profile": profile(
            [Curve(label="a", x=[0.8, 0.9], y=[1.0, None], intervals=[(0.5, 1.5), None])], WORDS, assumed=0.9
        ),
        "pairs": pairs(["a", "b"], rng.normal(size=(50, 2)), [2.0, 0.0], WORDS),
        "claim_ranges": claim_ranges(
            [
                Range(label="a > b", lowest=1.0, highest=2.0, kind=0, text="settled"),
                Range(label="a > 0", lowest=-np.inf, highest=2.0, kind=2, text="open"),
            ],
            WORDS,
        ),
        "resolution": profile(
            [
                Curve(label=name, x=[0.5, 1, 2], y=[1, 2, 3], intervals=[(0, 2), (1, 3), (2, 4)])
                for name in "ab"
            ],
            WORDS,
            assumed=1,
            bars=True,
        ),
    }


FIGURES = draw_all()


@pytest.mark.parametrize("name", FIGURES)
def test_only_colours_of_the_page_are_used(name):
    svg = FIGURES[name].svg
    assert "var(--" in svg
    assert not re.findall(r"(?:fill|stroke): #[0-9a-f]{3,6}", svg)
    assert not re.findall(r"(?:fill|stroke)=\"#[0-9a-f]{3,6}", svg)


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_numbers_give_the_same_bytes(name):
    assert draw_all()[name].svg == FIGURES[name].svg


@pytest.mark.parametrize("name", FIGURES)
def test_text_stays_text_and_dates_are_gone(name):
    svg = FIGURES[name].svg
    assert "<text" in svg
    assert "<metadata" not in svg
    assert not re.search(r"20\d\d-\d\d-\d\dT", svg)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_in_words_and_numbers_what_it_shows(name):
    figure = FIGURES[name]
    assert figure.alt.startswith("A title")
    assert len(figure.alt) > 20
    assert figure.data


def test_values_are_written_beside_their_marks():
    assert "3.1 [2.4, 4.0]" in FIGURES["forest"].svg
    assert "cannot be told" in FIGURES["forest"].svg
    assert "3.1 [2.4, 4.0]" in FIGURES["forest"].alt


def test_series_differ_in_more_than_colour():
    strokes = set(re.findall(r"stroke-dasharray: ([\d.,\s]+)", FIGURES["choice_shares"].svg))
    assert len(strokes) >= 2  # two dashed lines beside the solid one


def test_a_map_names_its_best_and_worst_visited_place():
    # z = -(row + column^2), visited where z < -1: best at row 2, column 0 or row 1, column 1; worst 4 + 9.
    assert "lowest, -13, at load 3 and pods 4" in FIGURES["heat_map"].alt
    assert "Highest, -2," in FIGURES["heat_map"].alt


def test_labels_of_close_lines_do_not_cover_each_other():
    figure = profile(
        [
            Curve(label=f"person {i}", x=[0, 1], y=[1.0, 1.0 + 0.001 * i], intervals=[None, None])
            for i in range(4)
        ],
        WORDS,
    )
    heights = [float(y) for y in re.findall(r"translate\([\d.]+ ([\d.]+)\)[^>]*>person", figure.svg)] or [
        float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>person', figure.svg)
    ]
    assert len(heights) == 4
    assert min(np.diff(sorted(heights))) > 8  # points; the text is 10 high


def test_many_figures_share_a_page_without_sharing_identifiers():
    page = Report(
        title="t", headline="h", sections=(Section(title="s", items=tuple(FIGURES.values())),)
    ).to_html()
    found = re.findall(r'\bid="([^"]+)"', page)
    assert len(found) == len(set(found))


def test_a_fine_map_is_averaged_to_what_a_page_can_hold():
    z = np.arange(200.0 * 10).reshape(200, 10)
    figure = heat_map(np.arange(10.0), np.arange(200.0), z, WORDS)
    assert len(figure.data["z"]) <= 60
    assert np.nanmean(np.array(figure.data["z"])) == pytest.approx(z.mean(), rel=1e-9)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_for_a_phone_too(name):
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', FIGURES[name].narrow_svg)[1])
    assert width <= 3.6 * 72 + 0.1
    assert "var(--" in FIGURES[name].narrow_svg


def test_numbers_on_axes_are_written_as_in_the_text():
    drawn = curves(np.array([0.0, 100_000, 200_000]), [("value", np.array([-30.0, -20, -10]))], WORDS).svg
    assert ">100,000</text>" in drawn
    assert ">\u221220</text>" in drawn
    assert not re.search(r">-\d", FIGURES["heat_map"].svg)


def test_where_the_data_never_went_a_line_is_faint():
    x, y = np.arange(6.0), np.arange(6.0)
    half = curves(x, [("reward", y)], WORDS, visited=x < 3)
    assert half.data["visited"] == [True] * 3 + [False] * 3
    assert half.svg != curves(x, [("reward", y)], WORDS).svg


def test_the_assumed_value_is_named_under_its_tick_where_nothing_is_drawn():
    assert ">assumed</text>" in FIGURES["profile"].svg


def test_predictions_near_0_and_1_alone_are_drawn_at_either_end():
    def row(p: float, width: float = 0.01) -> dict[str, float]:
        return {
            "predicted": p,
            "observed": p,
            "lower": max(0, p - width),
            "upper": min(1, p + width),
            "n": 99,
        }

    apart = calibration_curve([row(0.0001), row(0.03), row(0.97), row(0.9999)], WORDS)
    assert "drawn apart" in apart.caption
    assert apart.caption.startswith(WORDS.caption)
    assert {"0", "0.001", "0.01", "0.03", "0.97", "0.99", "0.999", "1"} <= set(
        re.findall(r">([\d.]+)</text>", apart.svg)
    )
    for rows in ([row(0.01), row(0.5), row(0.99)], [row(0.01), row(0.1)], [row(0.01), row(0.99, 0.5)]):
        assert calibration_curve(rows, WORDS).caption == WORDS.caption
