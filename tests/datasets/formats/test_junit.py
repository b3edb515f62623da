"""JUnit XML: results that pytest wrote, and what Maven Surefire and broken writers do otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "pytest.xml"

CONTRACT = {
    "identity": {"task": "ci"},
    "observations": [{"name": "seconds", "unit": "s", "missing": "drop"}],
    "actions": {"column": "status", "values": ["passed", "failed", "error", "skipped"]},
    "data": {"format": "junit", "trajectory": ["suite"]},
}


def records(path):
    return list(event_format("junit").records(source_file(path, "junit")))


def written(tmp_path, text: str):
    path = tmp_path / "report.xml"
    path.write_text(text)
    return path


def test_the_results_of_pytest_are_told_apart():
    passes, fails, skipped, broken = records(WRITTEN)
    assert [r["status"] for r in (passes, fails, skipped, broken)] == ["passed", "failed", "skipped", "error"]
    assert (passes["property.ticket"], passes["message"], passes["order"]) == ("T-7", None, 1)
    assert fails["message"] == "AssertionError: two <and> two & more\nassert (1 + 1) == 3"
    assert (skipped["type"], skipped["message"]) == ("pytest.skip", "not today")
    assert broken["message"] == 'failed on setup with "RuntimeError: no database"'
    assert {r["suite"] for r in (passes, fails, skipped, broken)} == {"pytest"}
    assert {r["suite.hostname"] for r in (passes, fails, skipped, broken)} == {"ci"}


def test_results_become_decisions_in_the_order_of_the_file():
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), WRITTEN)
    assert demos.actions.tolist() == [0, 1, 3, 2]


def test_surefire_reruns_thousands_and_nested_suites(tmp_path):
    text = (
        '<testsuites><testsuite name="outer"><properties><property name="java" value="21"/></properties>'
        '<testsuite name="inner"><testcase name="slow" classname="A" time="1,234.5"><flakyFailure message="m"/>'
        '<flakyError/></testcase></testsuite><testcase name="plain"/></testsuite><testsuite name="other">'
        '<testcase name="c" time=""/></testsuite></testsuites>'
    )
    slow, plain, other = records(written(tmp_path, text))
    assert (slow["suite"], slow["seconds"], slow["status"], slow["reruns"]) == (
        "outer/inner",
        1234.5,
        "passed",
        2,
    )
    assert (plain["suite"], plain["seconds"], plain["suite.property.java"]) == ("outer", None, "21")
    assert (other["suite"], other["order"], "suite.property.java" in other) == ("other", 3, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<TestRun/>", r"line 1 has <TestRun> where a suite"),
        ("<testsuite>\n<test-case/></testsuite>", r"line 2 has <test-case> where a suite"),
        ('<testcase name="a"/>', r"line 1 has <testcase> outside a suite"),
        ("<testsuite>\n<testcase/></testsuite>", r"line 2 has a case without a name"),
        ('<testsuite><testcase name="a" time="1,5"/></testsuite>', r"line 1 must hold a number in `time`"),
        ('<testsuite><testcase name="a"/>', r"not well-formed XML: no element found"),
        ('<!DOCTYPE a SYSTEM "b"><testsuite/>', r"line 1 has a document type"),
    ],
)
def test_what_is_no_report_of_junit_is_named_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, text))


def test_a_report_without_cases_says_so(tmp_path):
    with pytest.raises(DataError, match="holds no records of the format junit"):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, "<testsuites/>"))


def test_a_tag_that_never_closes_is_refused_before_it_costs_minutes(tmp_path, monkeypatch):
    # Tests of long lines lower this bound; where the module is first imported by one of them, it stays low.
    monkeypatch.setattr("telic.datasets.sources.xml_records.LONGEST_LINE", 64 << 20)
    path = tmp_path / "report.xml"
    path.write_text('<testsuite name="' + "x" * (5 << 20))
    with pytest.raises(DataError, match="a tag of more than 4 MiB"):
        list(event_format("junit").records(source_file(path, "junit")))
