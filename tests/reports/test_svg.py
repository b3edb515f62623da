"""A drawing keeps to itself, or it is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from telic.errors import DataError
from telic.reports.svg import check_svg, embed_svg

GOOD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
    '<defs>\n  <style type="text/css">*{stroke-linejoin: round}</style>\n </defs>'
    '<clipPath id="c"><rect width="9" height="9"/></clipPath><path id="p" d="M0 0" clip-path="url(#c)"/>'
    '<use xlink:href="#p" style="fill: var(--accent-1)"/><text>a &lt; b</text></svg>'
)


@pytest.mark.parametrize(
    ("svg", "words"),
    [
        ("<p>hello</p>", "an element <p> around it"),
        ("<svg><script>1</script></svg>", "an element <script>"),
        ("<svg><SCRIPT>1</SCRIPT></svg>", "an element <script>"),
        ('<svg onload="x()"/>', "a handler `onload`"),
        ("<svg><foreignObject/></svg>", "an element <foreignobject>"),
        ('<svg><image href="https://example.org/x.png"/></svg>', "an address `https://example.org/x.png`"),
        ('<svg xmlns:xlink="http://www.w3.org/1999/xlink"><use xlink:href="x.svg#a"/></svg>', "an address"),
        ('<svg><a href="#x"/></svg>', "an element <a>"),
        ('<svg><rect style="fill: url(https://example.org/x)"/></svg>', "an outside reference"),
        ("<svg><style>@import 'x.css';</style></svg>", "an outside reference"),
        ("<svg><style>rect{fill:url(x)}</style></svg>", "an outside reference"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "a document type"),
        ("<svg>", "does not parse"),
        ("<svg/><svg/>", "does not parse"),
        ("", "does not parse"),
    ],
)
def test_a_drawing_that_reaches_out_is_refused(svg, words):
    with pytest.raises(DataError) as caught:
        check_svg(svg)
    assert words in str(caught.value)


def test_plain_shapes_references_within_and_inline_pictures_are_fine():
    check_svg(GOOD)
    check_svg('<svg><image href="data:image/png;base64,AAAA"/></svg>')


def test_an_embedded_drawing_is_named_and_its_ids_are_its_own():
    drawing = embed_svg(GOOD, prefix="f1-", alt='share < 1 & "rising"')
    root = ET.fromstring(drawing)
    space = "{http://www.w3.org/2000/svg}"
    assert root.attrib["role"] == "img"
    title = root[0]
    assert title.tag == f"{space}title"
    assert title.text == 'share < 1 & "rising"'
    assert root.attrib["aria-labelledby"] == title.attrib["id"] == "f1-alt"
    assert [node.attrib["id"] for node in root.iter() if "id" in node.attrib] == ["f1-alt", "f1-c", "f1-p"]
    assert root.find(f"{space}path").attrib["clip-path"] == "url(#f1-c)"
    assert root.find(f"{space}use").attrib["{http://www.w3.org/1999/xlink}href"] == "#f1-p"
    assert "<style" not in drawing, "a style of every element would style the page"


def test_an_empty_drawing_gets_its_name_too():
    root = ET.fromstring(embed_svg('<svg role="x" width="3"/>', prefix="a", alt="nothing"))
    assert root[0].text == "nothing"
    assert root.attrib["role"] == "img"
    assert root.attrib["width"] == "3"
