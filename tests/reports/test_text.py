"""A report in a terminal: layout by hand, hostile names shown instead of obeyed, every width kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telic.errors import DataError
from telic.reports import Figure, Finding, Report, Section, Severity, Table
from telic.reports.render_text import display_width, visible, wrap

WEIGHTS = Table(
    title="Weights",
    columns=("feature", "unit", "weight", "interval"),
    rows=(
        ("slo_minutes", "minute over SLO", -1.07492, "[-1.2, -0.9]"),
        ("pods", "pod-hour", -12345.0, "unbounded"),
        ("none", "", None, "—"),
    ),
    note="Scale fixed by rationality 1.",
)
FINDING = Finding(
    code="separation", severity=Severity.WARNING, message="Weight `a` runs off.", hint="Add a prior."
)
FIGURE = Figure(
    title="Rising", svg="<svg/>", alt="It rises.", caption="Read left to right.", data={"x": [1, 2]}
)
REPORT = Report(
    title="my-scaler",
    headline="One minute is worth 3.1 pod-hours [2.4, 4.0].",
    sections=(Section(title="Weights", items=("A paragraph.", WEIGHTS, FINDING, FIGURE)),),
)

EXPECTED = """\
my-scaler
═════════
One minute is worth 3.1 pod-hours [2.4, 4.0].

Weights
───────

A paragraph.

Weights
feature      unit                  weight      interval
───────────  ───────────────  ───────────  ────────────
slo_minutes  minute over SLO       -1.075  [-1.2, -0.9]
pods         pod-hour         -12,345         unbounded
none                                    —             —
Scale fixed by rationality 1.

▲ WARNING  Weight `a` runs off. (separation)
  hint: Add a prior.

[figure] Rising
It rises.
Read left to right.
"""


def test_a_report_as_it_is_read():
    assert REPORT.to_text(width=80) == EXPECTED
    assert str(REPORT) == REPORT.to_text(width=100)


def test_colour_adds_no_meaning():
    plain, painted = REPORT.to_text(width=80), REPORT.to_text(width=80, color=True)
    assert "\x1b[33m▲ WARNING\x1b[0m" in painted
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[33m"):
        painted = painted.replace(code, "")
    assert painted == plain


@pytest.mark.parametrize("width", [200, 80, 60, 50, 40, 24])
def test_no_line_is_wider_than_the_screen(width):
    assert max(display_width(line) for line in REPORT.to_text(width=width).splitlines()) <= width


def test_a_table_too_wide_for_the_screen_is_written_row_by_row():
    table = Table(
        title="", columns=tuple(f"column {i}" for i in range(9)), rows=(tuple(range(10_000, 10_009)),)
    )
    lines = table.to_text(width=40).splitlines()
    assert lines[0] == "column 0: 10,000"
    assert lines[-1] == "column 8: 10,008"


@pytest.mark.parametrize("width", [90, 80, 72, 71, 40])
def test_columns_give_way_between_words_and_never_within_one(width):
    errors = ("SE hessian", "SE outer product", "SE sandwich clustered")
    table = Table(
        title="",
        columns=("feature", "one unit is", "weight", *errors),
        rows=(
            ("replacements", "replacement", -10.76, 1.107, 1.317, 0.8787),
            ("worn_miles", "month at a thousand miles", -0.0004889, 0.0001006, 0.0001155, 0.00009524),
        ),
    )
    text = table.to_text(width=width)
    assert max(map(len, text.splitlines())) <= width
    assert {"feature", "replacements", "replacement", "worn_miles", "thousand", "sandwich", "clustered"} <= {
        word.strip(":") for word in text.split()
    }
    assert ("feature: replacements" in text) == (width < 72)  # then row by row


def test_the_words_of_a_head_stand_on_its_rule():
    table = Table(title="", columns=("SE outer product", "x"), rows=((0.25, 1.5),))
    assert table.to_text(width=14).splitlines()[:4] == [
        "     SE",
        "  outer",
        "product      x",
        "───────  ─────",
    ]


def test_a_table_without_rows_says_so_and_a_ragged_one_is_refused():
    assert Table(title="T", columns=("a", "b"), rows=()).to_text().endswith("(no rows)")
    with pytest.raises(DataError, match="2 columns, but row 1 has 1 cells"):
        Table(title="T", columns=("a", "b"), rows=((1, 2), (3,)))


@pytest.mark.parametrize("digits", [2, 6])
def test_a_table_shows_the_digits_it_is_asked_for(digits):
    table = Table(title="", columns=("x",), rows=((1 / 3,),), digits=digits)
    assert table.to_text().endswith("0." + "3" * digits)


def test_control_characters_and_direction_marks_are_shown_not_obeyed():
    hostile = "a\x1b[31m\x07b\u202ec\nd\u0000"
    assert visible(hostile) == "a\\x1b[31m\\x07b\\u202ec d\\x00"
    table = Table(title=hostile, columns=(hostile,), rows=((hostile,),), note=hostile)
    finding = Finding(code=hostile, severity=Severity.ERROR, message=hostile, hint=hostile)
    report = Report(
        title=hostile, headline=hostile, sections=(Section(title=hostile, items=(hostile, table, finding)),)
    )
    text = report.to_text(width=70)
    assert not set(text) & {"\x1b", "\x07", "\x00", "\u202e"}


def test_wide_letters_and_combining_marks_keep_columns_straight():
    assert display_width("漢字") == 4
    assert display_width("e\u0301") == 1
    table = Table(title="", columns=("name", "n"), rows=(("漢字", 1), ("e\u0301a", 2), ("abcd", 3)))
    ends = {display_width(line) for line in table.to_text().splitlines()}
    assert ends == {7}


@settings(deadline=None)
@given(st.text(max_size=120), st.integers(4, 40), st.integers(0, 3))
def test_wrapping_loses_nothing_and_keeps_the_width(text, width, first):
    lines = wrap(text, width, first=first, indent=" ")
    assert "".join("".join(lines).split()) == "".join(visible(text).split())
    for i, line in enumerate(lines):
        assert display_width(line) <= max(width - (first if i == 0 else 0), 2)
