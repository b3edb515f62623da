"""A quotation mark that opens and never closes makes one value of all that follows, without any error.

Read as CSV such a file is well formed but for its end, so a reader gives back the few rows before it. It is told
by two counts that cannot both be chance: an odd number of quotation marks, and fewer rows than lines.
"""

from __future__ import annotations

import codecs

from telic.contract import Data
from telic.errors import DataError

from .files import SourceFile, text_stream

__all__ = ["refuse_open_quote"]

CHUNK_BYTES = 1 << 20


def refuse_open_quote(source: SourceFile, n_rows: int, data: Data) -> None:
    """Nothing, where every quotation mark of a CSV file is closed.

    A lone mark inside a value ('5" pipe') swallows no line and is let through.

    Args:
        source: the file.
        n_rows: rows that were read, without the header.
        data: the contract's reading rules; its encoding.

    Raises:
        DataError: a mark was left open; the first line with an odd number of marks is named.
    """
    decoder = codecs.getincrementaldecoder(data.encoding)(errors="replace")
    quotes = lines = blank = line = 0
    first: int | None = None
    rest = ""
    with text_stream(source.path) as stream:
        while raw := stream.read(CHUNK_BYTES):
            text = rest + decoder.decode(raw).replace("\r\n", "\n").replace("\r", "\n")
            whole, _, rest = text.rpartition("\n")
            if not _:
                continue
            marks = whole.count('"')
            quotes += marks
            here = whole.count("\n") + 1
            if first is None and marks:
                odd = (k for k, words in enumerate(whole.split("\n"), 1) if words.count('"') % 2)
                found = next(odd, None)
                first = None if found is None else line + found
            line += here
            stripped = whole.rstrip("\n")
            lines += here
            blank = here if not stripped and blank else len(whole) - len(stripped)
    quotes += rest.count('"')
    lines += bool(rest.strip())
    if first is None and rest.count('"') % 2:
        first = line + 1
    if quotes % 2 and first is not None and lines - (0 if rest.strip() else blank) > n_rows + 1:
        raise DataError(
            f"{source.name} has a quotation mark that is never closed: {n_rows:,} rows were read from {lines:,} lines,"
            f" and line {first:,} is the first with an odd number of marks.",
            hint='Close the mark, or double it ("") where it belongs to the value.',
            line=first,
        )
