"""A report as text for a terminal of a given width; nothing depends on colour.

Names come from data, so control characters and marks that reverse the reading direction are shown as escapes:
a column name cannot move the cursor or colour the screen.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from .finding import Finding, Severity
from .numbers import decimal_tails, format_number, is_numeric_text

if TYPE_CHECKING:
    from .document import Cell, Figure, Report, Section, Table

__all__ = [
    "GLYPHS",
    "cell_text",
    "display_width",
    "numeric_columns",
    "report_text",
    "section_text",
    "table_text",
    "visible",
    "wrap",
]

GLYPHS = {Severity.INFO: "●", Severity.NOTICE: "◆", Severity.WARNING: "▲", Severity.ERROR: "✖"}
"""Four shapes: severity is told by shape and word, never by colour alone."""

COLOURS = {Severity.INFO: "34", Severity.NOTICE: "36", Severity.WARNING: "33", Severity.ERROR: "31"}
"""ANSI foregrounds that follow the terminal's own palette."""

GAP = "  "
NARROWEST_COLUMN = 8
"""Cells below which a column of text is not squeezed, nor below its longest word; rows that do not fit so are
written one below another.
"""


def report_text(report: Report, width: int, color: bool) -> str:
    """The whole report, ending with a line break."""
    parts = [
        _paint("\n".join(wrap(report.title, width)), "1", color),
        "═" * min(width, max(display_width(report.title), 3)),
        *wrap(report.headline, width),
    ]
    body = [section_text(section, width, color) for section in report.sections]
    return "\n\n".join(["\n".join(parts), *body]) + "\n"


def section_text(section: Section, width: int, color: bool) -> str:
    """One section: title, rule, items with a blank line between."""
    title = wrap(section.title, width)
    head = [_paint("\n".join(title), "1", color), "─" * min(width, max(display_width(t) for t in title))]
    return "\n\n".join(["\n".join(head), *(_item(item, width, color) for item in section.items)])


def table_text(table: Table, width: int, color: bool) -> str:
    """A table with a rule under its head; columns of numbers are right-aligned at the decimal point."""
    numeric = numeric_columns(table)
    grid = [[visible(name) for name in table.columns]]
    columns = [[cell_text(row[j], table.digits) for row in table.rows] for j in range(len(table.columns))]
    for j, column in enumerate(columns):
        if numeric[j]:
            column[:] = [
                text + " " * len(tail) for text, tail in zip(column, decimal_tails(column), strict=True)
            ]
    grid += [list(row) for row in zip(*columns, strict=True)]
    widths = _fit(grid, numeric, width)
    lines = [_paint(line, "1", color) for line in wrap(table.title, width)] if table.title else []
    if widths is None:
        lines += _records(grid, width)
    else:
        rule = GAP.join("─" * w for w in widths)
        rows = [_row(row, widths, numeric) for row in grid[1:]]
        lines += [
            *_row(grid[0], widths, numeric, is_head=True),
            rule,
            *(line for row in rows for line in row),
        ]
    if not table.rows:
        lines.append("(no rows)")
    return "\n".join(lines + (wrap(table.note, width) if table.note else []))


def _finding(finding: Finding, width: int, color: bool) -> str:
    """Glyph, word and message; the hint on lines of its own."""
    word = finding.severity.name
    mark = _paint(f"{GLYPHS[finding.severity]} {word}", COLOURS[finding.severity], color)
    indent = " " * 2
    message = wrap(f"{finding.message} ({finding.code})", width, first=len(word) + 4, indent=indent)
    hint = wrap(f"hint: {finding.hint}", width, first=2, indent=indent + " " * 6) if finding.hint else []
    return "\n".join(
        [
            f"{mark}  {message[0]}",
            *message[1:],
            *(indent + line if i == 0 else line for i, line in enumerate(hint)),
        ]
    )


def _figure(figure: Figure, width: int) -> str:
    """A figure in words: title, what it shows, how to read it."""
    words = [f"[figure] {figure.title}", figure.alt, figure.caption]
    return "\n".join(line for text in words if text for line in wrap(text, width))


def numeric_columns(table: Table) -> list[bool]:
    """For each column: does it hold numbers only (and perhaps gaps)?"""

    def numeric(cell: Cell) -> bool:
        return is_numeric_text(cell) if isinstance(cell, str) else not isinstance(cell, bool)

    return [
        any(row[j] is not None for row in table.rows) and all(numeric(row[j]) for row in table.rows)
        for j in range(len(table.columns))
    ]


def cell_text(cell: Cell, digits: int, *, typographic: bool = False) -> str:
    """A cell as text, rounded for people."""
    if isinstance(cell, str):
        text = visible(cell)
        return text.replace("-", "−") if typographic and is_numeric_text(text) else text
    return format_number(cell, digits=digits, typographic=typographic)


def visible(text: str) -> str:
    r"""The text on one line, with control characters and direction marks as escapes (``\x1b``)."""
    return "".join(_visible(c) for c in str(text))


def display_width(text: str) -> int:
    """Terminal cells that the text takes: wide letters count two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def wrap(text: str, width: int, *, first: int = 0, indent: str = "") -> list[str]:
    """Lines of at most ``width`` cells; the first has ``first`` less, the others begin with ``indent``."""
    lines = [""]

    def room() -> int:
        return max(width - (first if len(lines) == 1 else len(indent)), 1)

    for word in visible(text).split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if display_width(joined) <= room():
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        rest = word
        while display_width(rest) > room():
            lines[-1] = _prefix(rest, room())
            rest = rest[len(lines[-1]) :]
            lines.append("")
        lines[-1] = rest
    return [line if i == 0 else indent + line for i, line in enumerate(lines)]


def _item(item: str | Table | Figure | Finding, width: int, color: bool) -> str:
    from .document import Figure, Table

    if isinstance(item, Table):
        return table_text(item, width, color)
    if isinstance(item, Finding):
        return _finding(item, width, color)
    if isinstance(item, Figure):
        return _figure(item, width)
    return "\n".join(wrap(item, width))


def _row(cells: list[str], widths: list[int], numeric: list[bool], *, is_head: bool = False) -> list[str]:
    """The lines of a row; those of a head stand on the rule below it."""
    wrapped = [
        wrap(cell, w) if display_width(cell) > w else [cell] for cell, w in zip(cells, widths, strict=True)
    ]
    lines = []
    height = max(len(part) for part in wrapped)
    for part in wrapped:
        missing = [""] * (height - len(part))
        part[:] = missing + part if is_head else part + missing
    for parts in zip(*wrapped, strict=True):
        padded = [
            " " * (w - display_width(text)) + text if right else text + " " * (w - display_width(text))
            for text, w, right in zip(parts, widths, numeric, strict=True)
        ]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _fit(grid: list[list[str]], numeric: list[bool], width: int) -> list[int] | None:
    """Column widths within ``width``: the widest give way first, down to their longest word, numbers only in
    their head; None if in vain.
    """
    widths, floors = [], []
    for column, is_numeric in zip(zip(*grid, strict=True), numeric, strict=True):
        head, *cells = column
        words = head.split() if is_numeric else [word for cell in column for word in cell.split()]
        whole = cells if is_numeric else []
        longest = max((display_width(text) for text in (*words, *whole)), default=0)
        widths.append(max(display_width(cell) for cell in column))
        floors.append(longest if is_numeric else max(longest, NARROWEST_COLUMN))
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0:
        soft = [j for j in range(len(widths)) if widths[j] > floors[j]]
        if not soft:
            return None
        widths[max(soft, key=lambda j: widths[j])] -= 1
        excess -= 1
    return widths


def _records(grid: list[list[str]], width: int) -> list[str]:
    """Each row as lines ``column: value``, for tables that are wider than the screen."""
    lines: list[str] = []
    for i, row in enumerate(grid[1:]):
        if i:
            lines.append("")
        for name, cell in zip(grid[0], row, strict=True):
            lines += wrap(f"{name}: {cell.strip()}", width, indent=GAP)
    return lines


def _prefix(text: str, cells: int) -> str:
    taken, used = "", 0
    for c in text:
        used += display_width(c)
        if used > cells and taken:
            break
        taken += c
    return taken


def _visible(c: str) -> str:
    if c in "\n\t\r":
        return " "
    category = unicodedata.category(c)
    if category in ("Cc", "Cs") or unicodedata.bidirectional(c) in (
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    ):
        return f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
    return c


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text
