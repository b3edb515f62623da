"""The page: whole, self-contained, escaped, and readable without script, colour or sight of the figures."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from telic.errors import DataError
from telic.reports import Figure, Finding, Report, Section, Severity, Table
from telic.reports.style import page_css

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;`<b>`\x1b]0;x\x07\u202e</style></title>"
)
VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails on a tag that is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(word: str = "plain", **data) -> Report:
    table = Table(
        title=word, columns=(word, "value"), rows=((word, -1.5), ("b", 12.25), ("c", None)), note=word
    )
    figure = Figure(
        title=word,
        svg='<svg viewBox="0 0 1 1"><path id="p" d="M0 0"/></svg>',
        alt=word,
        caption=word,
        data={word: [1.0, 2.5], "y": [3, None]},
    )
    findings = [
        Finding(code=word, severity=s, message=word, hint=word, evidence={word: {word: [1]}})
        for s in Severity
    ]
    items = (word, table, figure, *findings)
    sections = (Section(title=word, items=items), Section(title=word, items=items, anchor=word))
    return Report(title=word, headline=word, sections=sections, data=data)


def test_the_page_is_whole_and_names_no_host():
    page = report().to_html()
    parsed = Page(page)
    tags = [tag for tag, _ in parsed.tags]
    assert page.startswith("<!doctype html>")
    assert tags.count("h1") == 1
    assert "script" not in tags
    assert "link" not in tags
    for _, attributes in parsed.tags:
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"https?:|//[a-z]", page)
    policy = [a["content"] for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0].startswith("default-src 'none'")


def test_hostile_names_are_shown_and_add_no_markup():
    harmless, hostile = Page(report("`b`").to_html()), Page(report(HOSTILE).to_html())
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    allowed = {name for _, attributes in harmless.tags for name in attributes}
    assert {name for _, attributes in hostile.tags for name in attributes} == allowed
    assert "<script>alert(1)</script>" in hostile.text
    raw = report(HOSTILE).to_html()
    assert not {"\x1b", "\x07", "\u202e"} & set(raw)
    assert "<script" not in raw
    assert "<img" not in raw


def test_every_severity_is_a_glyph_and_a_word():
    text = Page(report().to_html()).text
    for glyph, word in (("●", "Info"), ("◆", "Notice"), ("▲", "Warning"), ("✖", "Error")):
        assert f"{glyph} {word}" in text


def test_sections_have_unique_anchors_and_the_contents_lead_there():
    page = Page(report().to_html())
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    assert links == ["#plain", "#plain-2"]
    assert {link[1:] for link in links} <= set(ids)


def test_numbers_are_right_aligned_at_the_decimal_point():
    html = report().sections[0].items[1].to_html()
    assert '<td class="number">−1.500</td>' in html
    assert '<td class="number">12.25<span class="pad" aria-hidden="true">0</span></td>' in html
    assert '<td class="number">—</td>' in html
    assert '<th scope="row">plain</th>' in html
    assert '<th scope="col" class="number">value</th>' in html


def test_a_pseudonym_is_not_broken_and_a_minus_is_a_minus():
    table = Table(title="", columns=("who", "weight"), rows=(("demonstrator-6f5c1d", "-3.56 ± 0.41"),))
    html = table.to_html()
    assert '<span class="whole">demonstrator-6f5c1d</span>' in html
    assert '<td class="number">−3.56 ± 0.41</td>' in html
    assert "a-b-12" in Table(title="", columns=("x",), rows=(("a-b-12",),)).to_html()


def test_figures_have_words_and_their_numbers():
    html = report().to_html()
    assert '<title id="plain-2-alt">plain</title>' in html
    assert 'role="img" aria-labelledby="plain-2-alt"' in html
    assert 'id="plain-2-p"' in html
    assert html.count("<summary>Plotted numbers</summary>") == 2


def test_plotted_numbers_that_are_many_are_left_to_the_json_twin():
    figure = Figure(title="t", svg="<svg/>", alt="a", data={"x": list(range(5000))})
    html = Report(title="t", headline="h", sections=(Section(title="s", items=(figure,)),)).to_html()
    assert "4,800 more rows in the JSON twin." in html
    assert html.count("<tr>") == 201
    tree = Figure(title="t", svg="<svg/>", alt="a", data={"x": {"y": list(range(5000))}})
    html = Report(title="t", headline="h", sections=(Section(title="s", items=(tree,)),)).to_html()
    assert "more lines in the JSON twin" in html


def test_a_figure_that_reaches_out_is_refused_when_it_is_made():
    with pytest.raises(DataError, match="keeps to itself"):
        Figure(title="t", svg='<svg onload="x()"/>', alt="a")


def test_the_json_twin_holds_everything_and_is_strict():
    twin = report(x=float("nan")).to_json()
    again = json.loads(json.dumps(twin, allow_nan=False))
    assert again["schema_version"] == 1
    assert again["data"] == {"x": None}
    kinds = [item["kind"] for item in again["sections"][0]["items"]]
    assert kinds == ["paragraph", "table", "figure", *["finding"] * 4]
    assert again["sections"][0]["items"][1]["rows"] == [["plain", -1.5], ["b", 12.25], ["c", None]]
    assert "svg" not in again["sections"][0]["items"][2]


def test_a_notebook_gets_one_element_whose_styles_reach_no_further():
    fragment = report()._repr_html_()
    parsed = Page(fragment)
    assert parsed.tags[0] == ("div", {"class": "telic fragment"})
    assert not {"html", "body", "head"} & {tag for tag, _ in parsed.tags}
    css = fragment[fragment.index("<style>") + 7 : fragment.index("</style>")]
    selectors = re.findall(r"(?:^|\})\s*([^{}@]+)\{", re.sub(r"@media[^{]*\{", "}", css))
    assert selectors
    assert all(part.strip().startswith(".telic") for group in selectors for part in group.split(","))


def test_the_first_sentence_is_the_heading_and_the_rest_stands_under_it():
    html = Report(
        title="t", headline="One a is worth 3.1 b [2.4, 4.0] to x-6f5c1d. C cannot be told."
    ).to_html()
    assert '<h1>One a is worth 3.1 b [2.4, 4.0] to <span class="whole">x-6f5c1d</span>.</h1>' in html
    assert '<p class="standfirst">C cannot be told.</p>' in html
    assert "<h1>h</h1></header>" in Report(title="t", headline="h").to_html()


def test_numbers_in_sentences_are_set_as_those_of_tables():
    sentence = "a gain of -0.5 [-0.8, +0.1] with p = 2e-21, not `-1` nor 2026-03-30 nor part-2 nor ab1e-05 nor x-3e4611"
    html = Report(title="t", headline="h", sections=(Section(title="s", items=(sentence,)),)).to_html()
    assert "a gain of −0.5 [−0.8, +0.1] with p = 2 × 10⁻²¹" in html
    assert "not <code>-1</code> nor 2026-03-30 nor part-2 nor ab1e-05 nor " in html
    assert "x-3e4611" in html  # a pseudonym, no power of ten


def test_a_wide_table_names_its_columns_in_every_row_for_a_narrow_page():
    row = ("w", 1.0, 2.0, 3.0)
    html = Table(title="All", columns=("feature", "weight", "SE", "z"), rows=(row,)).to_html()
    assert "<caption><h3>All</h3></caption>" in html
    assert '<table class="wide">' in html
    assert '<td class="number" data-label="SE">2</td>' in html
    assert "data-label" not in Table(title="", columns=("a", "b"), rows=(("w", 1.0),)).to_html()


def test_decimal_points_are_not_lined_up_at_the_price_of_a_gap():
    html = Table(title="", columns=("a", "b"), rows=(("x", -10.76), ("y", -0.0004889))).to_html()
    assert 'class="pad"' not in html


def test_a_phone_gets_a_drawing_of_its_own_and_a_reader_hears_one():
    svg = '<svg viewBox="0 0 1 1"><path id="p" d="M0 0"/></svg>'
    figure = Figure(title="t", svg=svg, alt="a", narrow_svg=svg)
    html = Report(title="t", headline="h", sections=(Section(title="s", items=(figure,)),)).to_html()
    Page(html)
    assert re.search(r'<div class="column"><svg [^>]*aria-labelledby="s-0-alt"', html)
    assert re.search(r'<div class="phone"><svg [^>]*aria-labelledby="s-0-narrow-alt"', html)
    assert ".telic .phone { display: none; }" in html
    with pytest.raises(DataError, match="keeps to itself"):
        Figure(title="t", svg=svg, alt="a", narrow_svg='<svg onload="x()"/>')


def test_on_a_phone_heads_are_as_close_as_the_cells_below_them():
    """A head's own rule is of more weight than one for every ``th``: the phone's rule names it."""
    css = page_css()
    assert ".telic thead th { border-top" in css
    phone = css[css.index("(max-width: 36rem)") :]
    assert ".telic td, .telic thead th, .telic tbody th { padding-right: .8rem; }" in phone
