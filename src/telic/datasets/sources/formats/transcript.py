"""Transcripts of incidents and chats as text: one row a message, with its time, its speaker and what it quotes.

A message begins with its time and its speaker, in one of these ways, and goes on to the next that does::

    [2026-03-01T10:05:00Z] ana: is the pool full?        2026-03-01 10:05 <ana> is the pool full?
    # 2026-03-01                                         2026-03-01, 10:05 - ana: is the pool full?
    10:05 ana: is the pool full?                         [10:06] PagerDuty resolved the incident

A clock alone stands under a line with the day and must not go back: after midnight another day has to be
written, and is never guessed. Without a speaker (no ``name:``, no ``<name>``) a line is of kind ``event``. A text that
begins with ``word:`` cannot be told from a speaker of that name.

``text`` is the message as it stands, its lines kept and empty ones dropped. Beside it: ``command.0``, ... are lines
that begin with ``$ `` (a prompt as people quote it); ``quoted.0``, ... what stands between backticks, commands or not;
``block.0``, ... fenced blocks (three backticks), inside which nothing begins a message; ``mention.0``, ... names after
``@``; ``prose`` is what is left of the text. Whether a quoted command was run, where, and by whom is not in a
transcript. Who is named in a text stands there in plain: name these columns under ``privacy``, or leave them out.

There is no standard for transcripts: these are the layouts that chat exports and incident tools share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.errors import DataError

__all__ = ["FORMAT"]

DAY = r"(?P<day>\d{4}-\d{2}-\d{2})"

DAY_LINE = re.compile(rf"[#=*\s-]*{DAY}[#=*\s-]*", re.ASCII)

HEAD = re.compile(
    rf"(?P<open>\[)?(?:{DAY}(?:[T ]|, ?))?(?P<clock>\d{{2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?)"
    r"(?: ?(?P<zone>Z|[+-]\d{2}:?\d{2}|[A-Z]{2,5}(?=[\]\s])))?(?(open)\]|)(?:[ \t]+-)?[ \t]+(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)

SPEAKER = re.compile(
    r"<[ @+~&%]?(?P<angled>[^<>]{1,64})>(?:[ \t]+|$)|(?P<plain>[^\s:<>`][^:<>`]{0,63}?):(?:[ \t]+|$)"
)

FENCE = "```"

COMMAND = re.compile(r"[ \t>]*\$ +(?P<command>\S.*)")

QUOTED = re.compile(r"`([^`\n]{1,2000})`")

MENTION = re.compile(r"(?:(?<=\s)|^)@([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})")

UTC = ("Z", "UTC", "GMT")

MOST_LINES = 10_000
"""Lines of one message; more means that its end was not found."""


@dataclass
class _Message:
    """A message that may go on."""

    line: int
    time: str
    speaker: str | None
    lines: list[str] = field(default_factory=list)
    fence: int = 0  # line on which a block was opened that is not closed yet


def _records(source: SourceFile) -> Iterator[Record]:
    day, last, message = "", "", None
    for line, text in text_lines(source):
        if message is None or not message.fence:
            new_day, head = DAY_LINE.fullmatch(text), HEAD.fullmatch(text)
            if new_day is not None:
                day, last = new_day["day"], ""
                continue
            if head is not None:
                if message is not None:
                    yield _row(message)
                if head["day"] is None:
                    _require_day(source, line, day, last, head["clock"])
                    last = head["clock"]
                message = _begun(source, line, head, day)
                text = message.lines.pop()
        if message is None:
            raise _fault(source, line, "is no message: it begins with no time")
        _take(source, message, line, text)
    if message is not None:
        if message.fence:
            raise _fault(source, message.fence, "opens a block of code that is never closed")
        yield _row(message)


def _require_day(source: SourceFile, line: int, day: str, last: str, clock: str) -> None:
    if not day:
        raise _fault(source, line, "has a clock without a day")
    if clock[: len(last)] < last[: len(clock)]:
        raise _fault(
            source, line, "has an earlier clock than the message before, and no new day between them"
        )


def _begun(source: SourceFile, line: int, head: re.Match[str], day: str) -> _Message:
    zone = head["zone"] or ""
    if zone.isalpha() and zone not in UTC:
        raise _fault(source, line, "names its zone by letters, which mean several zones")
    zone = "Z" if zone in UTC else zone if ":" in zone or not zone else f"{zone[:3]}:{zone[3:]}"
    clock = head["clock"].replace(",", ".")
    rest = head["rest"]
    speaker = SPEAKER.match(rest)
    name = (speaker["angled"] or speaker["plain"]).strip() if speaker else None
    text = rest[speaker.end() :] if speaker else rest
    return _Message(line=line, time=f"{head['day'] or day}T{clock}{zone}", speaker=name, lines=[text])


def _take(source: SourceFile, message: _Message, line: int, text: str) -> None:
    """One more line of the message; a line that begins with a fence opens or closes a block."""
    if text.lstrip().startswith(FENCE):
        inline = text.lstrip().count(FENCE) > 1
        message.fence = message.fence if inline else 0 if message.fence else line
    message.lines.append(text)
    if len(message.lines) > MOST_LINES:
        raise _fault(source, message.line, f"begins a message of more than {MOST_LINES:,} lines")


def _row(message: _Message) -> Record:
    blocks: list[list[str]] = []
    commands: list[str] = []
    prose: list[str] = []
    is_block = False
    for text in message.lines:
        if text.lstrip().startswith(FENCE) and text.lstrip().count(FENCE) == 1:
            is_block = not is_block
            blocks += [[]] if is_block else []
            continue
        command = COMMAND.fullmatch(text)
        if command is not None:
            commands.append(command["command"].rstrip())
        if is_block:
            blocks[-1].append(text)
        elif command is None:
            prose.append(text)
    plain = "\n".join(prose)
    row: dict[str, Value] = {
        "line": message.line,
        "time": message.time,
        "speaker": message.speaker,
        "kind": "event" if message.speaker is None else "message",
        "text": "\n".join(message.lines),
        "prose": QUOTED.sub("", plain).strip() or None,
        "n_commands": len(commands),
    }
    parts = {"command": commands, "quoted": QUOTED.findall(plain), "mention": MENTION.findall(plain)}
    parts["block"] = ["\n".join(block) for block in blocks]
    return row | {f"{name}.{i}": value for name, values in parts.items() for i, value in enumerate(values)}


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="A message begins as `[2026-03-01T10:05:00Z] name: text`, or as `10:05 <name> text` under a line with the "
        "day; zones are Z or +01:00.",
        line=line,
    )


FORMAT = EventFormat(
    name="transcript",
    title="transcript of an incident or chat, text",
    columns={
        "line": "line on which the message begins",
        "time": "when, ISO 8601; without a zone where none is written",
        "speaker": "who spoke; missing for an event",
        "kind": "message, or event where nobody speaks",
        "text": "the message as it stands",
        "prose": "the message without commands, quotations and blocks",
        "n_commands": "number of quoted commands",
        "command.0": "the first quoted command",
        "quoted.0": "the first quotation",
        "block.0": "the first block of code",
        "mention.0": "the first name after @",
    },
    records=_records,
)
