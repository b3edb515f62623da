"""XES: a log that pm4py wrote, and documents that break the rules of XML or of IEEE 1849."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "pm4py.xes"

CONTRACT = {
    "identity": {"task": "claims"},
    "observations": [
        {"name": "cost", "type": "integer"},
        {"name": "amount", "column": "case:amount"},
        {"name": "urgent", "type": "boolean"},
    ],
    "actions": {"column": "concept:name", "values": ["register", "check", "decide"]},
    "data": {
        "format": "xes",
        "trajectory": ["case:concept:name"],
        "time": "time:timestamp",
    },
}


def records(path):
    return list(event_format("xes").records(source_file(path, "xes")))


def log(tmp_path, inside: str, head: str = '<log xes.version="1849-2016">') -> Path:
    path = tmp_path / "log.xes"
    path.write_text(f'<?xml version="1.0"?>\n{head}\n{inside}\n</log>\n')
    return path


def test_a_log_of_pm4py_becomes_its_cases():
    contract = TaskContract.from_mapping(CONTRACT)
    demos = read_demonstrations(contract, WRITTEN)
    assert demos.trajectory_ids.tolist() == ["case 0", "case 1", "case 2"]
    assert demos.actions.tolist() == [0, 1, 2] * 3
    assert demos.observations["cost"].tolist() == [0, 10, 20, 1, 11, 21, 2, 12, 22]
    assert demos.observations["amount"].tolist() == [100.5] * 3 + [101.5] * 3 + [102.5] * 3
    assert demos.observations["urgent"].tolist() == [False, True, False] * 3
    # 2026-03-01T10:00:00.123+01:00 is 09:00 UTC, 1,772,355,600 seconds after 1970.
    assert demos.times[0] == pytest.approx(1772355600.123, abs=1e-6)


def test_nested_attributes_and_lists_get_dots(tmp_path):
    path = log(
        tmp_path,
        '<trace><string key="concept:name" value="1"/><event><string key="who" value="a"><int key="age" value="3"/>'
        '</string><list key="tags"><values><string key="t" value="x"/><string key="t" value="y"/></values></list>'
        "</event></trace>",
    )
    assert records(path) == [
        {"case:concept:name": "1", "who": "a", "who.age": 3, "tags.0": "x", "tags.1": "y"}
    ]


def test_a_declared_default_fills_no_gap_and_prefixes_are_only_prefixes(tmp_path):
    inside = (
        '<x:global scope="event"><x:string key="concept:name" value="EXAMPLE"/></x:global>'
        '<x:trace><x:event><x:int key="n" value="7"/></x:event></x:trace>'
    )
    path = tmp_path / "log.xes"
    path.write_text(f'<x:log xmlns:x="http://www.xes-standard.org/">{inside}</x:log>')
    assert records(path) == [{"n": 7}]


def test_compressed_logs_are_read(tmp_path):
    path = tmp_path / "log.xes.gz"
    path.write_bytes(gzip.compress(WRITTEN.read_bytes()))
    assert len(records(path)) == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE log [<!ENTITY a "b">]><log>&a;</log>', r"line 1 has a document type"),
        ('<!DOCTYPE log SYSTEM "file:///etc/hostname"><log/>', r"line 1 has a document type"),
        ("<log>\n<trace>&unknown;</trace></log>", r"line 2 is not well-formed XML: undefined entity"),
        ("<log><trace><trace/></trace></log>", r"has <trace> where it cannot be"),
        ("<log><trace><event>" + "<list key='a'>" * 70, r"more than 64 levels"),
        ("<Events/>", r"has <Events> where it cannot be: an XES file begins with <log>"),
        ('<log xes.version="3.0"/>', r"line 1 has xes.version '3.0'"),
        ("<log><trace><event/>", r"not well-formed XML: no element found"),
        ("", r"empty \(0 bytes\)"),
        (
            '<log><trace>\n<event><int key="n" value="many"/></event></trace></log>',
            r"line 2 has an attribute <int> whose value is none",
        ),
        (
            '<log><trace><event><int key="n" value="1"/>\n<int key="n" value="2"/></event></trace></log>',
            r"line 2 has the attribute 'n' of an event a second time",
        ),
        (
            '<log><trace><event/>\n<string key="late" value="1"/></trace></log>',
            r"line 2 .* the attributes of a trace come before its events",
        ),
    ],
)
def test_what_is_no_xes_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / "bad.xes"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        records(path)


def test_invalid_bytes_are_refused_by_line(tmp_path):
    path = tmp_path / "bad.xes"
    path.write_bytes(b'<log>\n<string key="a" value="\xff\xfe"/></log>')
    with pytest.raises(DataError, match=r"line 2 is not well-formed XML"):
        records(path)


def test_a_gigantic_element_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr("telic.datasets.sources.xml_records.LONGEST_LINE", 1 << 20)
    path = tmp_path / "bomb.xes.gz"
    path.write_bytes(gzip.compress(b'<log><string key="a" value="' + b"x" * (8 << 20) + b'"/></log>'))
    with pytest.raises(DataError, match="element or attribute of more than"):
        records(path)


def test_an_event_of_countless_elements_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("telic.datasets.sources.xml_records.MOST_ELEMENTS", 1000)
    inside = "<trace><event>" + '<int key="a"/>' * 1000 + "</event></trace>"
    with pytest.raises(DataError, match="more than 1,000 elements in one <event>"):
        records(log(tmp_path, inside))


def test_a_cut_off_log_stores_nothing(tmp_path):
    path = tmp_path / "cut.xes"
    path.write_bytes(WRITTEN.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"cut\.xes line \d+ is not well-formed XML"):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
