"""XES, the event logs of process mining (IEEE 1849): one row an event, with the attributes of its case beside it.

An event's attributes keep their keys (``concept:name``, ``time:timestamp``); those of its trace get ``case:`` before
them, as is the custom in process mining. Attributes inside attributes become ``key.inner``, the values of a list
``key.0``, ``key.1``. The ``global`` declarations say which attributes every event should have; their example values
fill no gap. ``lifecycle:transition`` is kept: a log that tells starts from completions has two rows an activity.

References: IEEE 1849-2016 and 1849-2023, sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.xml_records import Element, xml_parts
from telic.errors import DataError

__all__ = ["FORMAT"]

VERSIONS = ("1.0", "2.0", "1849.2016", "1849-2016", "1849.2023", "1849-2023")
"""Values of ``xes.version`` whose events are laid out alike; very old files have none."""

TYPED = frozenset({"string", "date", "int", "float", "boolean", "id"})
"""Elements that hold one value."""

NESTED = frozenset({"list", "container"})
"""Elements that hold further attributes."""

DECLARED = frozenset({"extension", "classifier", "global"})
"""What a log says about itself; none of it belongs to an event."""


def _records(source: SourceFile) -> Iterator[Record]:
    case: dict[str, Value] | None = None
    is_log = has_events = False
    for kind, element in xml_parts(source, {"event"} | TYPED | NESTED | DECLARED):
        if kind == "open" and element.tag == "log" and not is_log:
            is_log = True
            _require_version(source, element)
        elif not is_log:
            raise _misplaced(source, element, "an XES file begins with <log>")
        elif element.tag == "trace" and kind == "open" and case is None:
            case, has_events = {}, False
        elif element.tag == "trace" and kind == "close":
            case = None
        elif element.tag == "event":
            has_events = True
            row = dict(case or {})
            for part in element.children:
                _put(source, row, "", part)
            yield row
        elif element.tag in TYPED | NESTED and case is not None:
            if has_events:
                raise _misplaced(source, element, "the attributes of a trace come before its events")
            _put(source, case, "case:", element)
        elif kind == "open":
            raise _misplaced(source, element, "a log holds traces, and these hold events")


def _require_version(source: SourceFile, log: Element) -> None:
    version = log.attributes.get("xes.version")
    if version is not None and version not in VERSIONS:
        raise DataError(
            f"{source.name} line {log.line} has xes.version {version[:40]!r}; read are {', '.join(VERSIONS)}.",
            hint="Write the log again as XES 1849-2016.",
            line=log.line,
        )


def _put(source: SourceFile, row: dict[str, Value], prefix: str, element: Element) -> None:
    """The attribute, and those inside it, into the row."""
    key = element.attributes.get("key")
    if key is None or element.tag not in TYPED | NESTED:
        raise _misplaced(source, element, "an attribute is one of string, date, int, ... with a `key`")
    name = f"{prefix}{key}"
    if name in row:
        raise DataError(
            f"{source.name} line {element.line} has the attribute {name[:80]!r} of an event a second time.",
            hint="Which one is meant cannot be guessed: rename or remove one of them.",
            line=element.line,
        )
    if element.tag in TYPED:
        row[name] = _value(source, element)
    for inner in element.children:
        if inner.tag == "values":
            for i, value in enumerate(inner.children):
                row[f"{name}.{i}"] = _value(source, value)
        else:
            _put(source, row, f"{name}.", inner)


def _value(source: SourceFile, element: Element) -> Value:
    text = element.attributes.get("value")
    if text is None:
        return None
    try:
        match element.tag:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "boolean":
                return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
            case _:
                return text
    except (ValueError, KeyError):
        raise DataError(
            f"{source.name} line {element.line} has an attribute <{element.tag}> whose value is none.",
            hint="Write it as <string>, or correct the value.",
            line=element.line,
        ) from None


def _misplaced(source: SourceFile, element: Element, rule: str) -> DataError:
    return DataError(
        f"{source.name} line {element.line} has <{element.tag[:40]}> where it cannot be: {rule}.",
        hint="Is it an XES log? Was it changed by hand?",
        line=element.line,
    )


FORMAT = EventFormat(
    name="xes",
    title="XES event log of process mining, IEEE 1849",
    columns={
        "case:concept:name": "name of the case (trace)",
        "concept:name": "activity",
        "time:timestamp": "time of the event, ISO 8601",
        "org:resource": "who or what did it",
        "lifecycle:transition": "start, complete, ... of the activity",
    },
    records=_records,
)
