from __future__ import annotations

import pytest

from telic.inference.wording import format_interval, format_number, join_words, plural, singular


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("minute over SLO", "minutes over SLO"),
        ("pod-hour", "pod-hours"),
        ("bus", "buses"),
        ("penalty", "penalties"),
        ("day", "days"),
        ("box", "boxes"),
        ("EUR", "EUR"),
        ("kWh", "kWh"),
        ("requests/s", "requests/s"),
        ("%", "%"),
        ("ms", "ms"),
        ("SLO minute", "SLO minutes"),
        ("", ""),
    ],
)
def test_plural_and_back(one: str, many: str) -> None:
    assert plural(one) == many
    if one != "bus":
        assert singular(many) == one


def test_a_plural_unit_stays_plural() -> None:
    assert plural("miles") == "miles"
    assert singular("miles driven") == "miles driven"  # the head noun stands last
    assert singular("minutes over SLO") == "minute over SLO"


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.14159, "3.1"), (0.0, "0"), (12345.6, "12,000"), (-0.00321, "-0.0032"), (2.5e9, "2.5e+09")],
)
def test_numbers(value: float, text: str) -> None:
    assert format_number(value) == text


def test_an_interval_sets_the_digits() -> None:
    assert format_interval(3.1415, 2.402, 3.998) == ("3.14", "2.40", "4.00")
    assert format_interval(3.1, 3.1, 3.1) == ("3.10", "3.10", "3.10")
    assert format_interval(1234.5, 800.0, 1700.0) == ("1,230", "800", "1,700")


def test_lists_in_words() -> None:
    assert join_words(["a"]) == "a"
    assert join_words(["a", "b", "c"]) == "a, b and c"
