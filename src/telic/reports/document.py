"""A report is a headline and sections of sentences, tables, figures and findings; it renders itself.

Text for a terminal, HTML for a page without outside hosts (light and dark), JSON for programs: three views of
the same document, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .finding import Finding

__all__ = ["Figure", "Report", "Section", "Table"]

Cell = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns; numbers stay numbers until they are rendered.

    Attributes:
        title: what the table shows.
        columns: column heads, with units.
        rows: one tuple of cells a row, as long as ``columns``.
        note: one sentence below the table; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawn figure.

    Attributes:
        title: what the figure shows, as a sentence where it can be one.
        svg: one ``<svg>`` element whose colours are CSS variables of the page.
        alt: the figure in words, for who cannot see it.
        caption: how to read it.
        data: the plotted numbers, JSON-able (the figure's JSON twin).
    """

    title: str
    svg: str
    alt: str
    caption: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled part of a report; ``items`` are rendered in order (a str is a paragraph)."""

    title: str
    items: tuple[str | Table | Figure | Finding, ...] = ()
    anchor: str = ""


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
