"""Sysmon: events as Windows exports them in XML, and the same in the two common JSON forms (no Windows was used)."""

from __future__ import annotations

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "shells"},
    "observations": [{"name": "parent", "column": "Data.ParentImage", "type": "category"}],
    "actions": {"column": "Data.Image", "values": ["C:\\cmd.exe", "C:\\pwsh.exe"]},
    "data": {"format": "sysmon", "trajectory": ["Computer"], "time": "TimeCreated"},
}
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def xml(i: int, image: str, provider: str = "Microsoft-Windows-Sysmon") -> str:
    return (
        f"<Event xmlns='{NAMESPACE}'><System><Provider Name='{provider}' Guid='{{5770385F}}'/>"
        f"<EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode>"
        f"<TimeCreated SystemTime='2026-03-01T10:00:0{i}.1234567Z'/><EventRecordID>{40 + i}</EventRecordID>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc1</Computer>"
        "<Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data>"
        f"<Data Name='UtcTime'>2026-03-01 10:00:0{i}.120</Data><Data Name='Image'>{image}</Data>"
        "<Data Name='CommandLine'>run &lt;a&gt; &amp; b</Data><Data Name='ParentImage'>C:\\explorer.exe</Data>"
        "</EventData></Event>\n"
    )


def events(*inside: str) -> str:
    return f"<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<Events>\n{''.join(inside)}</Events>\n"


def dumped(i: int, image: str) -> dict:
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
        "EventID": 1,
        "Level": 4,
        "TimeCreated": {"#attributes": {"SystemTime": f"2026-03-01T10:00:0{i}.123456Z"}},
        "EventRecordID": 40 + i,
        "Computer": "pc1",
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }
    data = {"RuleName": "-", "Image": image, "ParentImage": "C:\\explorer.exe", "ProcessId": 7}
    return {"Event": {"#attributes": {"xmlns": NAMESPACE}, "System": system, "EventData": data}}


def beat(i: int, image: str) -> dict:
    return {
        "@timestamp": f"2026-03-01T10:00:0{i}.123Z",
        "winlog": {
            "provider_name": "Microsoft-Windows-Sysmon",
            "event_id": "1",
            "record_id": 40 + i,
            "computer_name": "pc1",
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "event_data": {"Image": image, "ParentImage": "C:\\explorer.exe"},
        },
    }


def written(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "sysmon.log"
    path.write_bytes(text.encode(encoding))
    return path


def lines(*documents: dict) -> str:
    return "".join(json.dumps(d) + "\n" for d in documents)


def records(path):
    return list(event_format("sysmon").records(source_file(path, "sysmon")))


@pytest.mark.parametrize(
    "text",
    [
        events(xml(1, "C:\\pwsh.exe"), xml(0, "C:\\cmd.exe")),
        lines(dumped(1, "C:\\pwsh.exe"), dumped(0, "C:\\cmd.exe")),
        lines(beat(1, "C:\\pwsh.exe"), beat(0, "C:\\cmd.exe")),
    ],
    ids=["xml", "evtx_dump", "winlogbeat"],
)
def test_each_form_gives_the_same_decisions(tmp_path, text):
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, text))
    assert demos.actions.tolist() == [0, 1]
    assert demos.trajectory_ids.tolist() == ["pc1"]
    row = records(written(tmp_path, text))[0]
    assert (row["EventID"], row["EventRecordID"], row["Data.ParentImage"]) == (1, 41, "C:\\explorer.exe")


def test_texts_are_unescaped_and_a_dash_is_missing(tmp_path):
    [row] = records(written(tmp_path, events(xml(3, "C:\\cmd.exe"))))
    assert (row["Data.CommandLine"], row["Data.RuleName"]) == ("run <a> & b", None)
    assert (row["Security.UserID"], row["TimeCreated"]) == ("S-1-5-18", "2026-03-01T10:00:03.1234567Z")


def test_utf_16_as_windows_saves_it_is_read(tmp_path):
    text = events(xml(0, "C:\\Users\\jürgen\\cmd.exe")).replace("utf-8", "utf-16")
    [row] = records(written(tmp_path, text, "utf-16"))
    assert row["Data.Image"] == "C:\\Users\\jürgen\\cmd.exe"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (xml(0, "a") + xml(1, "b"), r"line 2 is not well-formed XML: junk after document element"),
        (
            events(xml(0, "a", "Microsoft-Windows-Security-Auditing")),
            r"line 3 has an event of another provider",
        ),
        (events("<Other/>"), r"line 3 has <Other> where an event is expected"),
        (
            events(xml(0, "a").replace("<EventID>1<", "<EventID>one<")),
            r"line 3 must hold a whole number in `EventID`",
        ),
        (events("<Event/>"), r"line 3 has an event without <System>"),
        (events(xml(0, "a"))[:-300], r"sysmon\.log line \d is not well-formed XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><Events/>", r"line 1 has a document type"),
        (lines(dumped(0, "a"), {"Image": "x"}), r"line 2 has neither `Event.System` nor `winlog`"),
        (lines(dumped(0, "a"))[:-30], r"line 1 is not JSON"),
    ],
)
def test_what_is_no_export_of_sysmon_is_named_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))


def test_events_of_overlapping_exports_are_given_once(tmp_path):
    text = events(xml(0, "a"), xml(1, "b"), xml(0, "a"))
    assert [r["EventRecordID"] for r in records(written(tmp_path, text))] == [40, 41]


def test_an_encoding_that_there_is_not_is_refused_by_name(tmp_path):
    path = tmp_path / "events.xml"
    path.write_text('<?xml version="1.0" encoding="utY-8"?><Events></Events>')
    with pytest.raises(
        DataError, match=r"events\.xml declares an encoding that there is not: unknown encoding: utY-8"
    ):
        list(event_format("sysmon").records(source_file(path, "sysmon")))
