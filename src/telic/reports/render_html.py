"""A report as one page that needs nothing else: no script, no outside address, fonts of the reader's system.

The page forbids itself to load anything (a content security policy), so that a report of private data can be
opened anywhere. Whatever comes from data is escaped here, at the one place where text becomes markup.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .finding import Finding
from .numbers import SUPERSCRIPTS, decimal_tails, json_value
from .render_text import GLYPHS, cell_text, numeric_columns, visible
from .style import page_css
from .svg import embed_svg

if TYPE_CHECKING:
    from .document import Figure, Report, Section, Table

__all__ = ["report_fragment", "report_page", "table_html"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""The page may use its own styles and inline pictures, and nothing else."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""Set as code: letters of one width, and breakable."""

PSEUDONYM = re.compile(r"\b[a-z]{1,20}-[0-9a-f]{4,8}\b")
"""A word and a short digest: how people are named in a page."""

SENTENCE_END = re.compile(r"(?<=[a-z0-9\])%])\. (?=[A-Z])")
"""Where a headline's first sentence ends."""

MINUS = re.compile(r"(?<![\w\-.*/])-(?=\d)")
"""A hyphen that stands for a minus: before a number, after nothing that makes it part of a word."""

POWER = re.compile(r"(?<![\w.])(?<![^\W\d]-)(\d+(?:\.\d+)?)e([-+]?)0*(\d+)(?![\w.]*\w)")
"""A number as programs write it (``2e-21``)."""

WIDE_FROM = 4
"""Columns from which a table's rows are set one below another on a phone."""

DENSE_FROM = 7
"""Columns from which a table is set smaller, to stay within its page."""

LONGEST_TAIL = 4
"""Letters of unseen padding up to which decimal points are lined up; beyond, numbers would drift apart."""

MOST_ROWS_SHOWN, MOST_LINES_SHOWN = 200, 1000
"""Plotted numbers beyond this are left to the JSON twin: a page of a million rows does not open."""

THEMES = (("auto", "Auto", " checked"), ("light", "Light", ""), ("dark", "Dark", ""))
"""Key, word and state of the choices; the reader's system decides until someone chooses."""


def report_page(report: Report) -> str:
    """The whole page, from ``<!doctype html>`` on."""
    return (
        '<!doctype html>\n<html lang="en" class="telic">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="description" content="{_text(report.headline)}">\n'
        f"<title>{_text(report.title)}</title>\n<style>\n{page_css()}\n</style>\n</head>\n<body>\n"
        f'{_toggle()}\n<div class="page">\n{_body(report)}\n</div>\n</body>\n</html>\n'
    )


def report_fragment(report: Report) -> str:
    """The report for a notebook's cell: the same markup in one element, with styles that reach no further."""
    style = f"<style>\n{page_css()}\n</style>"
    return (
        f'<div class="telic fragment">\n{style}\n<div class="page">\n{_body(report, nav=False)}\n</div></div>'
    )


def table_html(table: Table) -> str:
    """One table; columns of numbers are right-aligned at the decimal point."""
    numeric, wide = numeric_columns(table), len(table.columns) >= WIDE_FROM
    columns = []
    for j in range(len(table.columns)):
        texts = [cell_text(row[j], table.digits, typographic=True) for row in table.rows]
        tails = decimal_tails(texts) if numeric[j] else [""] * len(texts)
        if max(map(len, tails), default=0) > LONGEST_TAIL:
            tails = [""] * len(texts)
        columns.append([_padded(text, tail) for text, tail in zip(texts, tails, strict=True)])
    heads = "".join(
        f'<th scope="col"{_side(n)}>{_inline(name)}</th>'
        for name, n in zip(table.columns, numeric, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            _cell(cell, numeric[j], first=j == 0, label=table.columns[j] if wide else "")
            for j, cell in enumerate(row)
        )
        + "</tr>"
        for row in zip(*columns, strict=True)
    )
    empty = f'<tr><td colspan="{max(len(table.columns), 1)}">No rows.</td></tr>'
    title = f"<caption><h3>{_inline(table.title)}</h3></caption>" if table.title else ""
    note = f'\n<p class="note">{_inline(table.note)}</p>' if table.note else ""
    label = _text(table.title or "table")
    dense = " dense" if len(table.columns) >= DENSE_FROM else ""
    of_lines = f' class="wide{dense}"' if wide and table.rows else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table{of_lines}>{title}"
        f"<thead><tr>{heads}</tr></thead><tbody>\n{rows or empty}\n</tbody></table></div>{note}"
    )


def _finding(finding: Finding) -> str:
    """A card: glyph and word of its severity, what was found, what to do."""
    word = finding.severity.name.lower()
    glyph = f'<span aria-hidden="true">{GLYPHS[finding.severity]}</span>'
    hint = f'<p class="hint">{_inline(finding.hint)}</p>' if finding.hint else ""
    evidence = _details("Evidence", finding.evidence) if finding.evidence else ""
    return (
        f'<div class="finding {word}"><p class="severity">{glyph}'
        f'<span>{word.capitalize()}</span><span class="code">{_text(finding.code)}</span></p>'
        f"<p>{_inline(finding.message)}</p>{hint}{evidence}</div>"
    )


def _figure(figure: Figure, prefix: str) -> str:
    """Title, drawing, caption, and the plotted numbers to unfold."""
    caption = f"<figcaption>{_inline(figure.caption)}</figcaption>" if figure.caption else ""
    numbers = _details("Plotted numbers", figure.data) if figure.data else ""
    drawing = embed_svg(figure.svg, prefix=prefix, alt=visible(figure.alt))
    if figure.narrow_svg:  # of the two, the width shows one and hides the other from everybody
        narrow = embed_svg(figure.narrow_svg, prefix=f"{prefix}narrow-", alt=visible(figure.alt))
        drawing = f'<div class="column">{drawing}</div>\n<div class="phone">{narrow}</div>'
    return f"<figure><h3>{_inline(figure.title)}</h3>\n{drawing}\n{caption}{numbers}</figure>"


def _body(report: Report, *, nav: bool = True) -> str:
    anchors = _anchors(report.sections)
    sections = [_section(section, anchor) for section, anchor in zip(report.sections, anchors, strict=True)]
    links = "".join(
        f'<li><a href="#{anchor}">{_inline(section.title)}</a></li>'
        for section, anchor in zip(report.sections, anchors, strict=True)
    )
    first, *more = SENTENCE_END.split(report.headline, maxsplit=1)
    first += "." if more else ""
    rest = f'<p class="standfirst">{_inline(more[0])}</p>' if more else ""
    contents = f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n' if nav and len(anchors) > 1 else ""
    return (
        f'<header class="masthead"><p class="kicker">{_inline(report.title)}</p>'
        f"<h1>{_inline(first)}</h1>{rest}</header>\n"
        f"{contents}<main>\n" + "\n".join(sections) + "\n</main>"
    )


def _section(section: Section, anchor: str) -> str:
    from .document import Figure, Table

    parts = []
    for i, item in enumerate(section.items):
        if isinstance(item, Table):
            parts.append(table_html(item))
        elif isinstance(item, Figure):
            parts.append(_figure(item, f"{anchor}-{i}-"))
        elif isinstance(item, Finding):
            parts.append(_finding(item))
        else:
            parts.append(f"<p>{_inline(item)}</p>")
    return f'<section id="{anchor}"><h2>{_inline(section.title)}</h2>\n' + "\n".join(parts) + "\n</section>"


def _anchors(sections: Sequence[Section]) -> list[str]:
    """A unique id for each section, from its anchor or its title."""
    taken: list[str] = []
    for section in sections:
        base = re.sub(r"[^a-z0-9]+", "-", (section.anchor or section.title).lower()).strip("-") or "section"
        anchor, i = base, 2
        while anchor in taken:
            anchor, i = f"{base}-{i}", i + 1
        taken.append(anchor)
    return taken


def _toggle() -> str:
    choices = "".join(
        f'<input type="radio" name="theme" id="theme-{key}" class="{key}"{checked}>'
        f'<label for="theme-{key}">{word}</label>'
        for key, word, checked in THEMES
    )
    return f'<fieldset class="theme"><legend>Theme</legend>{choices}</fieldset>'


def _details(summary: str, data: Mapping[str, Any]) -> str:
    """Numbers to unfold: a table where the data are columns of one length, else JSON."""
    plain = json_value(data)
    lengths = {len(column) if isinstance(column, list) else -1 for column in plain.values()}
    flat = all(
        not isinstance(x, (list, dict))
        for column in plain.values()
        if isinstance(column, list)
        for x in column
    )
    if len(lengths) == 1 and -1 not in lengths and flat:
        inner = _columns_html(plain, lengths.pop())
    else:
        lines = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False).splitlines()
        shown = [visible(line) for line in lines[:MOST_LINES_SHOWN]]
        if len(lines) > len(shown):
            shown.append(f"… {len(lines) - len(shown):,} more lines in the JSON twin")
        inner = f"<pre>{html.escape(chr(10).join(shown))}</pre>"
    return f"<details><summary>{summary}</summary>{inner}</details>"


def _columns_html(columns: Mapping[str, list[Any]], n: int) -> str:
    from .document import Table

    shown = min(n, MOST_ROWS_SHOWN)
    rows = tuple(tuple(column[i] for column in columns.values()) for i in range(shown))
    note = f"{n - shown:,} more rows in the JSON twin." if n > shown else ""
    return table_html(Table(title="", columns=tuple(columns), rows=rows, note=note))


def _cell(content: str, numeric: bool, *, first: bool, label: str) -> str:
    """A cell; ``label`` names its column where a row is set as lines."""
    tag = 'th scope="row"' if first else "td"
    named = f' data-label="{_text(label)}"' if label and not first else ""
    return f"<{tag}{_side(numeric)}{named}>{content}</{tag.split()[0]}>"


def _side(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _padded(text: str, tail: str) -> str:
    shown = f"<code>{text}</code>" if DIGEST.fullmatch(text) else _inline(text)
    return shown + (f'<span class="pad" aria-hidden="true">{tail}</span>' if tail else "")


def _inline(text: str) -> str:
    """Escaped text; words between backticks are set as code, numbers as a person writes them, and a pseudonym
    is not broken at its hyphen.
    """
    parts = re.split(r"`([^`]+)`", _text(text))
    for i, part in enumerate(parts):
        parts[i] = f"<code>{part}</code>" if i % 2 else MINUS.sub("−", POWER.sub(_power, part))
    return PSEUDONYM.sub(r'<span class="whole">\g<0></span>', "".join(parts))


def _power(number: re.Match[str]) -> str:
    mantissa, sign, power = number.groups()
    return f"{mantissa} × 10{(sign.strip('+') + power).translate(SUPERSCRIPTS)}"


def _text(text: str) -> str:
    return html.escape(visible(text))
