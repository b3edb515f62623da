"""Words of a page: a glossary of what it uses and nothing else, captions at length once, the group's page too."""

from __future__ import annotations

import re

import pytest

from telic.reports import Figure, Table
from telic.workflows import Project
from telic.workflows.group_page import about_the_group
from telic.workflows.page import build_page
from telic.workflows.page_words import ERRORS, words_of


@pytest.fixture(scope="module")
def data(scaling_folder):
    return Project.open(scaling_folder).find_run("infer").read()


def glossary(data) -> dict[str, str]:
    (table,) = words_of(data)
    return dict(table.rows)


def items_of(report, anchor):
    return next(section.items for section in report.sections if section.anchor == anchor)


def test_the_glossary_explains_what_the_page_uses_and_nothing_else(data):
    page = build_page(data)
    assert page.sections[-1].anchor == "words"
    rest = " ".join(section.to_text(width=10_000) for section in page.sections[:-1]).lower()
    for word, meaning in glossary(data).items():
        assert meaning, word
        stem = {"held out": "held out", "Fieller interval": "fieller", "calibration": "when it says"}.get(
            word, word
        )
        assert stem.lower() in rest, word
    assert {f"SE {kind.replace('_', ' ')}" for kind in ERRORS} <= glossary(data).keys()


def test_the_glossary_leaves_out_what_a_result_lacks(data):
    bare = {
        **data,
        "held_out": None,
        "calibration": None,
        "standard_errors": {},
        "standard_errors_dynamics": None,
        "interval_words": "no standard errors, so no intervals",
    }
    left = set(glossary(data)) - set(glossary(bare))
    assert {
        "held out",
        "nat",
        "cloning",
        "uniform choice",
        "calibration",
        "SE of dynamics",
        "Fieller interval",
    } <= left
    assert {"trade-off", "weight", "discount", "rationality", "gauge"} <= glossary(bare).keys()


def test_captions_say_once_what_an_interval_is(data):
    figures = [item for item in items_of(build_page(data), "tradeoffs") if isinstance(item, Figure)]
    assert len(figures) == 2
    assert "made to hold the true value in 95 of 100 such logs" in figures[0].caption
    assert figures[1].caption == "Marks are estimates, bars their 95 % intervals, as above."
    weights = items_of(build_page(data), "weights")[0]
    assert "Hollow marks have no interval: the data cannot tell them." in weights.caption
    without = build_page({**data, "critical_value": None})
    assert "there are no intervals" in items_of(without, "tradeoffs")[0].caption


def test_a_weight_without_an_error_still_has_its_number(data):
    """No kind of standard error could be had: that is not the same as a weight that no choice tells."""
    nothing = dict.fromkeys(data["weights"])
    page = build_page({**data, "critical_value": None, "standard_errors": {}, "total_errors": nothing})
    figure, table = items_of(page, "weights")[:2]
    assert isinstance(figure, Figure) and isinstance(table, Table)
    assert figure.svg.count("cannot be told") == 1  # traffic alone
    weights = dict(row[:2] for row in table.rows)
    assert weights["traffic"] is None
    assert weights["slo_minutes"] == data["weights"]["slo_minutes"]


def test_the_page_about_the_group_explains_its_words_and_speaks_of_all(scaling_folder, data):
    contract = Project.open(scaling_folder).contract
    contract = contract.model_copy(update={"people": contract.people.model_copy(update={"min_group": 3})})
    page = build_page(about_the_group(contract, data))
    text = page.to_text(width=10_000)
    assert not re.search(r"demonstrator-[0-9a-f]{6}", text)
    assert "These figures are about 3 people together; nothing here is about one of them." in text
    assert page.sections[-1].anchor == "words"
    assert not any(
        "each demonstrator" in item.title
        for s in page.sections
        for item in s.items
        if isinstance(item, Table)
    )
    assert page.headline.startswith(data["tradeoffs"][0]["sentence"])
