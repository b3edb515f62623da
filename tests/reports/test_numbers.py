"""Numbers as a person would write them; expected texts are written by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telic.reports import Finding, Outcome, Severity
from telic.reports.numbers import (
    decimal_tails,
    format_interval,
    format_number,
    is_numeric_text,
    json_value,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (math.nan, "n/a"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (0.0, "0"),
        (-0.0, "0"),
        (True, "yes"),
        (False, "no"),
        (1987, "1987"),
        (12_345, "12,345"),
        (-1_000_000, "-1,000,000"),
        (2.0, "2"),
        (10.0749, "10.07"),
        (0.077512861, "0.07751"),
        (-3304.155, "-3304"),
        (12345.678, "12,346"),
        (9.99996, "10.00"),
        (0.00001234, "0.00001234"),
        (0.0000001234, "1.234 × 10⁻⁷"),
        (1e-40, "1.000 × 10⁻⁴⁰"),
        (1.5e18, "1.500 × 10¹⁸"),
    ],
)
def test_a_number_alone(value, text):
    assert format_number(value) == text


def test_digits_and_the_typographic_minus():
    assert format_number(-3.14159, digits=2) == "-3.1"
    assert format_number(-3.14159, digits=2, typographic=True) == "−3.1"
    assert format_number(np.float64(0.5)) == "0.5000"


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (3.1234, 2.3956, 4.0271, "3.1 [2.4, 4.0]"),
        (2.0, 1.237690, 3.488534, "2.0 [1.2, 3.5]"),
        (10.0749, 9.912, 10.2381, "10.07 [9.91, 10.24]"),
        (-3.1, -4.04, -2.41, "-3.1 [-4.0, -2.4]"),
        (123456.0, 100123.0, 150321.0, "123,456 [100,123, 150,321]"),
        (0.02, -0.0004, 0.05, "0.020 [0.000, 0.050]"),
        (1.25, None, None, "1.250 (unbounded)"),
        (1.25, -math.inf, math.inf, "1.250 (unbounded)"),
        (1.25, 0.25, math.inf, "1.2 [0.2, ∞)"),
        (1.25, -math.inf, 3.0, "1.2 (-∞, 3.0]"),
        (1.0, 1.0, 1.0, "1 [1, 1]"),
        (math.nan, 0.0, 1.0, "n/a"),
        (None, 0.0, 1.0, "n/a"),
    ],
)
def test_an_interval_shows_two_digits_of_its_width(value, low, high, text):
    assert format_interval(value, low, high) == text


def test_an_interval_on_a_page_has_real_minus_signs():
    assert format_interval(-3.1, -4.04, -2.41, typographic=True) == "−3.1 [−4.0, −2.4]"
    assert format_interval(-3.1, -math.inf, -2.41, typographic=True) == "−3.10 (−∞, −2.41]"


@given(st.floats(-1e300, 1e300), st.integers(2, 8))
def test_a_written_number_is_within_half_a_unit_of_its_last_digit(value, digits):
    text = format_number(value, digits=digits)
    mantissa, _, power = text.replace(",", "").partition(" × 10")
    exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    assert float(f"{mantissa}e{exponent}") == pytest.approx(
        value, rel=0.5000001 * 10.0 ** (1 - digits), abs=0
    )
    assert is_numeric_text(text) or "×" in text


def test_decimal_points_line_up():
    texts = ["-1.075", "12,346", "0.34412", "∞", "—", "7"]
    tails = decimal_tails(texts)
    assert tails == ["00", ".00000", "", "", "", ".00000"]
    places = {len((text + tail).partition(".")[2]) for text, tail in zip(texts, tails, strict=True) if tail}
    assert places == {5}
    assert decimal_tails(["1", "2"]) == ["", ""]
    assert decimal_tails([]) == []


@pytest.mark.parametrize(
    "text", ["3.1", "-3", "−3", "12,346", "3.1 [2.4, 4.0]", "[2.4, ∞)", "95 %", "—", "n/a", "-3 ± 0.4"]
)
def test_numeric_texts(text):
    assert is_numeric_text(text)


@pytest.mark.parametrize("text", ["", "a", "3 pods", "3.1 [a, b]", "v1.2", "<b>", "(see below)"])
def test_texts_that_are_no_numbers(text):
    assert not is_numeric_text(text)


def test_json_is_strict_and_keeps_every_digit():
    value = {
        1: np.float64(0.1),
        "list": (1, None, "x", True),
        "array": np.array([[1.0, np.nan], [np.inf, -np.inf]]),
        "set": {3, 1, 2},
        "outcome": Outcome.MAX_ITERATIONS,
        "severity": Severity.WARNING,
        "finding": Finding(code="c", severity=Severity.INFO, message="m", evidence={"x": np.int64(2)}),
    }
    text = json.dumps(json_value(value), allow_nan=False)
    assert json.loads(text) == {
        "1": 0.1,
        "list": [1, None, "x", True],
        "array": [[1.0, None], ["Infinity", "-Infinity"]],
        "set": [1, 2, 3],
        "outcome": "max-iterations",
        "severity": "warning",
        "finding": {"code": "c", "severity": "info", "message": "m", "hint": "", "evidence": {"x": 2}},
    }
