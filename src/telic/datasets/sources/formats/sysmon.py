"""Events of Sysmon, exported from the Windows event log: as XML, or as JSON lines of ``evtx_dump`` or Winlogbeat.

One row an event, with the same columns whatever the form: ``EventID``, ``TimeCreated`` (UTC), ``Computer``,
``EventRecordID``, and what Sysmon reports as ``Data.Image``, ``Data.CommandLine``, ``Data.UtcTime`` (UTC, though
it does not say so), ... ``-`` stands for a value that Sysmon could not get and becomes a missing one. All
values of ``Data`` are text in the log and stay so. An event that two overlapping exports repeat (the same number, time
and computer) is given once.

References: Sysmon 15, events; Microsoft, event schema of Windows Event Log (System, EventData).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile, text_stream
from telic.datasets.sources.json_records import flat, json_lines
from telic.datasets.sources.repeats import Repeats
from telic.datasets.sources.xml_records import Element, xml_parts
from telic.errors import DataError

__all__ = ["FORMAT"]

PROVIDER = "Microsoft-Windows-Sysmon"

SYSTEM = ("Level", "Task", "Opcode", "Channel")
"""Further elements of ``System`` that are kept."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for row in _of_json(source) if _is_json(source) else _of_xml(source):
        # With its time: numbers begin again when the log is cleared.
        if not repeats.seen((row["Computer"], row["EventRecordID"], row["TimeCreated"])):
            yield row


def _is_json(source: SourceFile) -> bool:
    with text_stream(source.path) as stream:
        return bool(stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"))


def _of_xml(source: SourceFile) -> Iterator[Record]:
    for kind, element in xml_parts(source, {"Event"}):
        if kind == "open" and element.tag != "Events":
            raise _fault(source, element.line, f"has <{element.tag[:40]}> where an event is expected")
        if kind == "whole":
            system, data = element.child("System"), element.child("EventData")
            if system is None:
                raise _fault(source, element.line, "has an event without <System>")
            values: dict[str, Value] = {}
            for i, item in enumerate(data.children if data else ()):
                name = item.attributes.get("Name", str(i))
                if name in values:
                    raise _fault(source, item.line, f"has the datum {name[:40]!r} of an event twice")
                values[name] = item.text
            yield _row(source, element.line, _system(system), values)


def _system(system: Element) -> dict[str, Any]:
    texts: dict[str, Any] = {child.tag: child.text for child in system.children}
    for tag, attribute in (("Provider", "Name"), ("TimeCreated", "SystemTime"), ("Security", "UserID")):
        element = system.child(tag)
        texts[tag] = element.attributes.get(attribute) if element else None
    return texts


def _of_json(source: SourceFile) -> Iterator[Record]:
    for line, document in json_lines(source):
        event, beat = document.get("Event"), document.get("winlog")
        if isinstance(event, dict) and isinstance(event.get("System"), dict):
            system = dict(event["System"])
            for tag, attribute in (
                ("Provider", "Name"),
                ("TimeCreated", "SystemTime"),
                ("Security", "UserID"),
            ):
                system[tag] = _attribute(system.get(tag), attribute)
            system["EventID"] = _plain(system.get("EventID"))
            yield _row(source, line, system, _object(event.get("EventData")))
        elif isinstance(beat, dict):
            system = {
                "EventID": beat.get("event_id"),
                "Provider": beat.get("provider_name"),
                "Computer": beat.get("computer_name"),
                "EventRecordID": beat.get("record_id"),
                "Channel": beat.get("channel"),
                "TimeCreated": document.get("@timestamp"),
            }
            yield _row(source, line, system, _object(beat.get("event_data")))
        else:
            raise _fault(source, line, "has neither `Event.System` nor `winlog`")


def _object(value: Any) -> dict[str, Value]:
    return flat(value) if isinstance(value, dict) else {}


def _attribute(value: Any, name: str) -> Any:
    inner = value.get("#attributes") if isinstance(value, dict) else None
    return inner.get(name) if isinstance(inner, dict) else None


def _plain(value: Any) -> Any:
    """A number, though it has attributes beside it."""
    return value.get("#text") if isinstance(value, dict) else value


def _row(source: SourceFile, line: int, system: Mapping[str, Any], data: Mapping[str, Value]) -> Record:
    if system.get("Provider") != PROVIDER:
        raise _fault(source, line, "has an event of another provider than Sysmon")
    row: dict[str, Value] = {"EventID": _whole(source, line, "EventID", system.get("EventID"))}
    row["EventRecordID"] = _whole(source, line, "EventRecordID", system.get("EventRecordID"))
    row |= {name: _text(system.get(name)) for name in ("TimeCreated", "Computer")}
    row |= {name: _text(system[name]) for name in SYSTEM if system.get(name) is not None}
    if row["TimeCreated"] is None:
        raise _fault(source, line, "has an event without its time")
    row["Security.UserID"] = _text(system.get("Security"))
    return row | {
        f"Data.{name}": None if value in ("-", "") else _text(value) for name, value in data.items()
    }


def _whole(source: SourceFile, line: int, name: str, value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise _fault(source, line, f"must hold a whole number in `{name}`")
    return int(text)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="Export the channel Microsoft-Windows-Sysmon/Operational as XML (with one root: `wevtutil qe ... "
        "/f:xml /e:Events`), or with evtx_dump -o jsonl.",
        line=line,
    )


FORMAT = EventFormat(
    name="sysmon",
    title="Sysmon events, XML or JSON lines",
    columns={
        "EventID": "kind of event: 1 process created, 3 connection, 11 file created, ...",
        "EventRecordID": "number of the event in the log of its computer",
        "TimeCreated": "time at which it was logged, UTC",
        "Computer": "name of the computer",
        "Security.UserID": "account of the service that logged it (not of who acted)",
    },
    records=_records,
)
