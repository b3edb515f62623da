r"""Access logs of web servers in the Common or the Combined format: one row a request.

A line is written when the answer is done, so lines of slow requests stand late: the rows are out of order by
``time``, which is when the server says it began (Apache) or ended (nginx). ``client`` is whoever connected, often a
proxy; ``user`` is what the client claimed, proved only where the server asked for a password. ``-`` is a missing
value. Escapes (``\x22``, ``\"``) are undone. What was sent as a request but is none has no ``method``. Fields behind
the Combined ones become ``extra.0``, ``extra.1``, ...

References: Apache 2.4, mod_log_config; nginx, ngx_http_log_module (``combined``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.errors import DataError

__all__ = ["FORMAT"]

MONTHS = {
    name: i
    for i, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
"""English in every locale."""

QUOTED = r'"((?:[^"\\]|\\.)*)"'

LINE = re.compile(
    r"(?P<client>\S+) (?P<ident>\S+) (?P<user>[^\[]*?) "
    r"\[(?P<day>\d{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<clock>\d{2}:\d{2}:\d{2}) "
    r"(?P<zone>[+-]\d{4})\] " + QUOTED + r" (?P<status>\d{3}|-) (?P<bytes>\d{1,18}|-)(?P<rest>(?: .*)?)",
    re.ASCII,
)

FIELD = re.compile(r" (?:" + QUOTED + r"|([^\s\"]+))", re.ASCII)

REQUEST = re.compile(
    r"(?P<method>[A-Z][A-Z_-]{0,30}) (?P<path>\S.*?)(?: (?P<protocol>HTTP/[0-9.]{1,5}))?", re.ASCII
)

ESCAPE = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+|\\.")

LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "v": "\v", "f": "\f"}


def _records(source: SourceFile) -> Iterator[Record]:
    for line, text in text_lines(source):
        found = LINE.fullmatch(text)
        if found is None or found["month"] not in MONTHS:
            raise _fault(source, line, "is not of the Common or the Combined log format")
        if found["user"].startswith("- "):
            raise _fault(source, line, "has a field before the client, as of a log of several virtual hosts")
        request = _unescaped(found[9])
        parts = REQUEST.fullmatch(request)
        row: dict[str, Value] = {name: _known(found[name]) for name in ("client", "ident", "user")}
        zone = found["zone"]
        row["time"] = (
            f"{found['year']}-{MONTHS[found['month']]:02}-{found['day']}T{found['clock']}{zone[:3]}:{zone[3:]}"
        )
        row["request"] = _known(request)
        row |= {name: parts[name] if parts else None for name in ("method", "path", "protocol")}
        row["status"] = None if found["status"] == "-" else int(found["status"])
        row["bytes"] = None if found["bytes"] == "-" else int(found["bytes"])
        yield row | _rest(source, line, found["rest"].rstrip())


def _rest(source: SourceFile, line: int, text: str) -> dict[str, Value]:
    """Referer and agent of the Combined format, and what stands behind them."""
    row: dict[str, Value] = {"referer": None, "agent": None}
    at, i = 0, 0
    while at < len(text):
        found = FIELD.match(text, at)
        if found is None:
            raise _fault(source, line, "has a quotation mark that is never closed")
        value = _known(_unescaped(found[1])) if found[1] is not None else _known(found[2])
        row[("referer", "agent")[i] if i < 2 else f"extra.{i - 2}"] = value
        at, i = found.end(), i + 1
    return row


def _known(text: str) -> str | None:
    return None if text in ("-", "") else text


def _unescaped(text: str) -> str:
    return ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(escape: re.Match[str]) -> str:
    text = escape[0]
    if len(text) > 2:
        return bytes.fromhex(text.replace("\\x", "")).decode(errors="backslashreplace")
    return LETTERS.get(text[1], text[1])


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint='Expected: client ident user [day/Mon/year:h:m:s zone] "request" status bytes "referer" "agent". Was the '
        "line cut off, or does the server write another format?",
        line=line,
    )


FORMAT = EventFormat(
    name="access-log",
    title="web server access log, Common or Combined format",
    columns={
        "client": "address or name of whoever connected",
        "ident": "RFC 1413 identity, nearly always missing",
        "user": "name that the client gave",
        "time": "time of the request, ISO 8601 with its zone, whole seconds",
        "request": "first line of the request",
        "method": "GET, POST, ...; missing where the request is none",
        "path": "path and query that were asked for",
        "protocol": "HTTP/1.1, ...",
        "status": "HTTP status of the answer",
        "bytes": "size of the answer's body; missing where none was sent",
        "referer": "page the client came from, as it says",
        "agent": "program of the client, as it says",
    },
    records=_records,
)
