"""Page and JSON twin hold the same numbers: what a reader sees is read from the markup and looked up in the twin."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from telic.workflows import Project

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Shown(HTMLParser):
    """Tables by section and title, as rows of texts, and the texts of drawings by section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[tuple[str, str], list[list[str]]] = {}
        self.drawn: dict[str, list[list[str]]] = {}
        self.section, self.unseen, self.into = "", 0, None
        self.rows: list[list[str]] = []
        self.title = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "section":
            self.section = given["id"]
        elif tag == "svg":
            self.drawn.setdefault(self.section, []).append([])
        elif tag == "table":
            self.rows, self.title = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "span" and (self.unseen or given.get("class") == "pad"):
            self.unseen += 1
        if tag in ("td", "th", "text", "caption"):
            self.into = tag

    def handle_endtag(self, tag):
        if tag == "table":
            self.tables[self.section, self.title] = self.rows
        if tag == "span" and self.unseen:
            self.unseen -= 1
        if tag == self.into:
            self.into = None

    def handle_data(self, data):
        if self.unseen:
            return
        if self.into in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.into == "caption":
            self.title += data
        elif self.into == "text":
            self.drawn[self.section][-1].append(data)


@pytest.fixture(scope="module")
def seen(scaling_folder):
    run = Project.open(scaling_folder).find_run("infer")
    twin = json.loads((run.folder / "report.json").read_text())
    return Shown((run.folder / "report.html").read_text()), twin["data"]


def assert_shows(text: str, *values: float | None) -> None:
    """The text has these numbers and no others, each within half of its last digit; a dash where there is none."""
    plain = text.replace("\u2212", "-").replace(",", "") if "[" not in text else text.replace("\u2212", "-")
    found = NUMBER.findall(plain)
    known = [value for value in values if value is not None]
    assert len(found) == len(known), (text, values)
    assert found or text in ("\u2014", "cannot be told"), text
    for number, value in zip(found, known, strict=True):
        decimals = len(number.partition(".")[2])
        assert abs(float(number) - value) <= 0.5001 * 10**-decimals, (text, values)


def test_the_weights_table_has_the_numbers_of_the_twin(seen):
    shown, data = seen
    head, *rows = shown.tables["weights", "Weights and their standard errors"]
    kinds = [column.removeprefix("SE ").replace(" ", "_") for column in head[2:-2]]
    assert kinds == list(data["standard_errors"])
    assert [row[0] for row in rows] == list(data["weights"])
    for name, weight, *errors, of_dynamics, unit in rows:
        told = data["total_errors"][name] is not None
        assert_shows(
            weight, data["weights"][name] if told else None
        )  # a weight that cannot be told has no number
        for kind, error in zip(kinds, errors, strict=True):
            assert_shows(error, data["standard_errors"][kind][name])
        assert_shows(of_dynamics, data["standard_errors_dynamics"][name])
        assert unit == data["units"][name]
    assert [row[1] for row in rows if row[0] == "traffic"] == ["\u2014"]


def test_the_weights_of_each_have_the_numbers_of_the_twin(seen):
    shown, data = seen
    head, *rows = shown.tables[
        "weights", "Weights of each demonstrator, \u00b1 the standard error behind the intervals"
    ]
    assert head[1:] == list(data["people"])
    for name, *cells in rows:
        for who, cell in zip(head[1:], cells, strict=True):
            fit = data["people"][who]
            error = fit["total_errors"][name]
            assert_shows(cell, *((fit["weights"][name], error) if error is not None else ()))


def test_the_held_out_table_has_the_numbers_of_the_twin(seen):
    shown, data = seen
    _, *rows = shown.tables["held-out", "The same for each demonstrator's own reward"]
    assert [row[0] for row in rows] == list(data["people"])
    for who, own, cloning, uniform, gain, n in rows:
        held = data["people"][who]["held_out"]
        over = held["scores"]["reward"]["gain_over"]["behavioural_cloning"]
        assert_shows(own, held["nats_per_decision"])
        assert_shows(cloning, held["baselines"]["behavioural_cloning"])
        assert_shows(uniform, held["baselines"]["uniform"])
        assert_shows(gain, over["nats_per_decision"], *over["interval"])
        assert_shows(n, held["n_decisions"])


def test_the_drawn_numbers_are_those_of_the_twin(seen):
    """Trade-offs and held-out scores stand beside their bars, for a page's column and for a phone."""
    shown, data = seen
    everyone = [*data["people"].values(), data]
    told = [i for i, t in enumerate(data["tradeoffs"]) if t["value"] is not None]
    assert len(shown.drawn["tradeoffs"]) == 2 * len(told)
    for k, texts in enumerate(shown.drawn["tradeoffs"]):
        beside = [text for text in texts if "[" in text]
        for text, fit in zip(beside, everyone, strict=True):
            t = fit["tradeoffs"][told[k // 2]]
            assert_shows(text, t["value"], *t["interval"])
    values = [score["nats_per_decision"] for score in data["held_out"]["scores"].values()]
    for texts in shown.drawn["held-out"]:
        beside = [text for text in texts if re.fullmatch(r"\u2212\d\.\d{4}", text)]
        for text, value in zip(beside, values, strict=True):
            assert_shows(text, value)
