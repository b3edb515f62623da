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


def test_lists_in_words() -> None:
    assert join_words(["a"]) == "a"
    assert join_words(["a", "b", "c"]) == "a, b and c"


def test_numbers_and_intervals() -> None:
    assert format_number(3.14159) == "3.1"
    assert format_interval(3.1, 2.41, 4.0) == ("3.1", "2.4", "4.0")
    assert format_interval(12345.0, 12000.0, 13000.0) == ("12,345", "12,000", "13,000")
