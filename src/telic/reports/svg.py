"""Drawn figures inside a page: what an SVG may hold, and how it is embedded beside others.

A figure shows names that come from data, so its drawing is checked like any input: no script, no handler,
no address outside the page. Its colours are CSS variables of the page; its ids get a prefix, because clip
paths of two figures may share a name.
"""

from __future__ import annotations

import html
import re
from xml.parsers import expat

from telic.errors import DataError

__all__ = ["check_svg", "embed_svg"]

FORBIDDEN_ELEMENTS = frozenset(
    {"a", "audio", "embed", "foreignobject", "handler", "iframe", "object", "script", "video"}
)

UNIVERSAL_STYLE = re.compile(
    r"<defs>\s*<style[^>]*>\s*\*\s*\{[^}]*\}\s*</style>\s*</defs>|<style[^>]*>\s*\*\s*\{[^}]*\}\s*</style>"
)
"""A style of every element, as matplotlib writes it: inside a page it would style the whole page."""

OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|@import|expression\(|javascript:", re.IGNORECASE)
"""What fetches or runs something: a ``url`` that is not an id of the same drawing, an import, a script."""


def check_svg(svg: str) -> None:
    """Refuses a drawing that is not one well-formed ``<svg>`` element that keeps to itself.

    Raises:
        DataError: it is malformed, or holds a script, a handler, a document type or an outside address.
    """
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        local = name.rpartition(":")[2].lower()
        if depth == 0 and local != "svg":
            raise _refused(f"an element <{local}> around it")
        if local in FORBIDDEN_ELEMENTS:
            raise _refused(f"an element <{local}>")
        for key, value in attributes.items():
            plain = key.rpartition(":")[2].lower()
            if plain.startswith("on"):
                raise _refused(f"a handler `{key}`")
            if plain in ("href", "src") and not value.strip().startswith(("#", "data:image/")):
                raise _refused(f"an address `{value[:60]}`")
            if not key.startswith("xmlns") and OUTSIDE.search(value):
                raise _refused(f"an outside reference `{value[:60]}`")
        depth += 1

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def text(data: str) -> None:
        if "@import" in data or re.search(r"url\(\s*['\"]?(?!#)", data):
            raise _refused(f"an outside reference `{data.strip()[:60]}`")

    def doctype(*_: object) -> None:
        raise _refused("a document type")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(svg.encode(), True)
    except expat.ExpatError as error:
        raise DataError(
            f"A figure must be one well-formed <svg> element, got a drawing that does not parse: {error}.",
            hint="Give the text from '<svg' to '</svg>' alone.",
        ) from error


def embed_svg(svg: str, *, prefix: str, alt: str) -> str:
    """The drawing for a page: named for who cannot see it, its ids apart from those of other figures.

    Args:
        svg: a drawing that ``check_svg`` accepts.
        prefix: put before every id, unique in the page.
        alt: the figure in words; becomes its ``<title>``.
    """
    body = UNIVERSAL_STYLE.sub("", svg)
    body = re.sub(r'\bid="([^"]*)"', rf'id="{prefix}\1"', body)
    body = re.sub(r'(href=")#', rf"\1#{prefix}", body)
    body = re.sub(r"(url\(\s*['\"]?)#", rf"\1#{prefix}", body)
    label = f"{prefix}alt"
    head, bracket, rest = body.partition(">")
    closed = head.endswith("/")
    head = re.sub(r'\s(role|aria-[a-z]+)="[^"]*"', "", head.rstrip("/"))
    title = f'<title id="{label}">{html.escape(alt)}</title>'
    opened = f'{head} role="img" aria-labelledby="{label}"{bracket}{title}'
    return f"{opened}</svg>" if closed else opened + rest


def _refused(what: str) -> DataError:
    return DataError(
        f"A figure must be one <svg> element that keeps to itself, got {what}.",
        hint="Draw with plain shapes and text; give data as `Figure.data`.",
    )
