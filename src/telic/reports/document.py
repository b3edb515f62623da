"""A report is a headline and sections of sentences, tables, figures and findings; it renders itself.

Text for a terminal, HTML for a page without outside hosts (light and dark), JSON for programs: three views of
the same document, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from telic.errors import DataError

from .finding import Finding
from .numbers import json_value
from .svg import check_svg

__all__ = ["Figure", "Report", "Section", "Table"]

SCHEMA_VERSION = 1
"""Of the JSON form of a report; a reader refuses a larger one."""

DEFAULT_WIDTH = 100
"""Characters a line where nobody says how wide the terminal is."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns; numbers stay numbers until they are rendered.

    Attributes:
        title: what the table shows.
        columns: column heads, with units.
        rows: one tuple of cells a row, as long as ``columns``.
        note: one sentence below the table; may be empty.
        digits: significant digits shown of a number that is not whole; JSON has them all.

    Raises:
        DataError: a row has more or fewer cells than there are columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    digits: int = 4

    def __post_init__(self) -> None:
        n = len(self.columns)
        for i, row in enumerate(self.rows):
            if len(row) != n:
                raise DataError(
                    f"Table {self.title!r} has {n} columns, but row {i} has {len(row)} cells.",
                    hint="Use None for an empty cell.",
                )

    def to_text(self, *, width: int = DEFAULT_WIDTH, color: bool = False) -> str:
        """The table for a terminal; names are escaped."""
        from .render_text import table_text

        return table_text(self, width, color)

    def to_html(self) -> str:
        """The table as an HTML fragment, without styles."""
        from .render_html import table_html

        return table_html(self)

    def to_json(self) -> dict[str, Any]:
        """Title, columns, rows (unrounded) and note as JSON-able values."""
        return {
            "kind": "table",
            "title": self.title,
            "columns": list(self.columns),
            "rows": json_value(self.rows),
            "note": self.note,
        }

    def __str__(self) -> str:
        return self.to_text()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawn figure.

    Attributes:
        title: what the figure shows, as a sentence where it can be one.
        svg: one ``<svg>`` element whose colours are CSS variables of the page (``telic.reports.style``).
        alt: the figure in words, for who cannot see it.
        caption: how to read it.
        data: the plotted numbers, JSON-able (the figure's JSON twin).
        narrow_svg: the same drawn for the width of a phone; empty: ``svg`` is shrunk.

    Raises:
        DataError: the drawing is malformed, or holds a script or an outside address.
    """

    title: str
    svg: str
    alt: str
    caption: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    narrow_svg: str = ""

    def __post_init__(self) -> None:
        check_svg(self.svg)
        if self.narrow_svg:
            check_svg(self.narrow_svg)

    def to_json(self) -> dict[str, Any]:
        """Words and plotted numbers as JSON-able values; the drawing is left out."""
        return {
            "kind": "figure",
            "title": self.title,
            "alt": self.alt,
            "caption": self.caption,
            "data": json_value(self.data),
        }


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled part of a report; ``items`` are rendered in order (a str is a paragraph)."""

    title: str
    items: tuple[str | Table | Figure | Finding, ...] = ()
    anchor: str = ""

    def to_text(self, *, width: int = DEFAULT_WIDTH, color: bool = False) -> str:
        """The section for a terminal."""
        from .render_text import section_text

        return section_text(self, width, color)

    def to_json(self) -> dict[str, Any]:
        """Title, anchor and items as JSON-able values."""
        items = [_item_json(item) for item in self.items]
        return {"title": self.title, "anchor": self.anchor, "items": items}


@dataclass(frozen=True, kw_only=True)
class Report:
    """A document in three views.

    Attributes:
        title: the name of the thing reported on.
        headline: the one sentence for a reader who stops after the first sentence.
        sections: the rest, most important first.
        data: the numbers as one JSON-able mapping (what ``--json`` prints).
    """

    title: str
    headline: str
    sections: tuple[Section, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_text(self, *, width: int = DEFAULT_WIDTH, color: bool = False) -> str:
        """The report for a terminal.

        Args:
            width: characters a line.
            color: paint severities and titles (ANSI); no meaning depends on it.
        """
        from .render_text import report_text

        return report_text(self, width, color)

    def to_html(self) -> str:
        """The report as one self-contained page: no script, no outside host, light and dark."""
        from .render_html import report_page

        return report_page(self)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-able values, numbers unrounded, with ``schema_version``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "headline": self.headline,
            "sections": [section.to_json() for section in self.sections],
            "data": json_value(self.data),
        }

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .render_html import report_fragment

        return report_fragment(self)


def _item_json(item: str | Table | Figure | Finding) -> dict[str, Any]:
    if isinstance(item, str):
        return {"kind": "paragraph", "text": item}
    if isinstance(item, Finding):
        return {"kind": "finding", **item.to_json()}
    return item.to_json()
