"""Test results of continuous integration in JUnit's XML: one row a test case, in the order of the file.

``status`` is ``passed``, ``failed`` (an assertion), ``error`` (anything else, or a fixture) or ``skipped``. A case
that was run again until it passed is ``passed`` with ``reruns`` above 0. Suites inside suites are named
``outer/inner``. Only suites have a time (``suite.timestamp``, when the suite began, often without its zone): leave
``data.time`` out and the rows keep their order. Properties become ``property.NAME`` and ``suite.property.NAME``. There
is no version to check; the writers differ in what they add.

References: JUnit 4 ant task; pytest, junit_family xunit2; Maven Surefire 3, surefire-test-report.xsd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.text_fields import number_field
from telic.datasets.sources.xml_records import Element, xml_parts
from telic.errors import DataError

__all__ = ["FORMAT"]

WHOLE = frozenset({"testcase", "properties", "system-out", "system-err"})

ATTEMPTS = frozenset({"rerunFailure", "rerunError", "flakyFailure", "flakyError", "rerun"})
"""Elements of a case for a failure that was tried again."""

THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?", re.ASCII)
"""Seconds as Surefire writes them for a long test."""


def _records(source: SourceFile) -> Iterator[Record]:
    suites: list[Element] = []
    given: list[dict[str, Value]] = []
    order = 0
    for kind, element in xml_parts(source, WHOLE):
        if kind == "open":
            if element.tag not in ("testsuites", "testsuite") or (element.tag == "testsuites" and suites):
                raise _fault(
                    source, element, f"has <{element.tag[:40]}> where a suite or case of tests is expected"
                )
            suites.append(element)
            given.append(dict(given[-1]) if given else {})
        elif kind == "close":
            suites.pop()
            given.pop()
        elif not suites:
            raise _fault(source, element, f"has <{element.tag}> outside a suite")
        elif element.tag == "properties":
            given[-1] |= _properties("suite.property.", element)
        elif element.tag == "testcase":
            order += 1
            yield {**_suite(suites), **given[-1], "order": order, **_case(source, element)}


def _suite(suites: list[Element]) -> dict[str, Value]:
    names = [s.attributes.get("name", "") for s in suites if s.tag == "testsuite"]
    last = suites[-1].attributes
    row: dict[str, Value] = {"suite": "/".join(n for n in names if n) or None}
    row |= {f"suite.{name}": last.get(name) for name in ("timestamp", "hostname")}
    return row


def _case(source: SourceFile, case: Element) -> dict[str, Value]:
    if "name" not in case.attributes:
        raise _fault(source, case, "has a case without a name")
    found = {child.tag: child for child in reversed(case.children)}
    status = next((s for s in ("error", "failure", "skipped") if s in found), "passed")
    why = found.get(status)
    row: dict[str, Value] = {
        name: case.attributes.get(name) for name in ("name", "classname", "file", "line")
    }
    row["seconds"] = _seconds(source, case)
    row["status"] = "failed" if status == "failure" else status
    row["message"] = why.attributes.get("message") if why else None
    row["type"] = why.attributes.get("type") if why else None
    row["reruns"] = sum(child.tag in ATTEMPTS for child in case.children)
    properties = case.child("properties")
    return row | (_properties("property.", properties) if properties else {})


def _seconds(source: SourceFile, case: Element) -> Value:
    text = case.attributes.get("time", "")
    if not text:
        return None
    text = text.replace(",", "") if THOUSANDS.fullmatch(text) else text
    return number_field(source, case.line, "time", text)


def _properties(prefix: str, element: Element) -> dict[str, Value]:
    return {
        f"{prefix}{p.attributes['name']}": p.attributes.get("value", p.text)
        for p in element.children
        if "name" in p.attributes
    }


def _fault(source: SourceFile, element: Element, what: str) -> DataError:
    return DataError(
        f"{source.name} line {element.line} {what}.",
        hint="JUnit's XML has <testsuites>, <testsuite> and <testcase>; other reports (TRX, NUnit, xUnit) have others.",
        line=element.line,
    )


FORMAT = EventFormat(
    name="junit",
    title="test results, JUnit XML",
    columns={
        "suite": "names of the suites around the case, with /",
        "suite.timestamp": "when the suite began, ISO 8601, often without a zone",
        "suite.hostname": "where it ran",
        "order": "place of the case in the file, from 1",
        "classname": "class or module of the case",
        "name": "name of the case",
        "seconds": "how long it ran",
        "status": "passed, failed, error or skipped",
        "message": "why it did not pass",
        "type": "kind of the failure",
        "reruns": "how many failures were tried again",
    },
    records=_records,
)
