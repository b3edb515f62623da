"""The order in which findings are told."""

from __future__ import annotations

from telic.reports import Finding, Severity
from telic.workflows.findings import worst_first


def finding(code, severity):
    return Finding(code=code, severity=severity, message=code, hint="")


def test_what_speaks_against_the_answer_comes_before_what_speaks_about_the_data():
    found = worst_first(
        [
            finding("counts", Severity.INFO),
            finding("labelled-missing", Severity.WARNING),
            finding("reward-explains-nothing", Severity.WARNING),
            finding("gaps", Severity.WARNING),
            finding("separation", Severity.ERROR),
        ]
    )
    assert [f.code for f in found] == [
        "separation",
        "reward-explains-nothing",
        "labelled-missing",
        "gaps",
        "counts",
    ]
