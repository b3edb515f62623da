"""What a verb hands back: a report, where its page is, what matters most, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telic.reports import Finding, Outcome, Report

__all__ = ["VerbResult", "most_important"]


@dataclass(frozen=True, kw_only=True, eq=False)
class VerbResult:
    """The end of a verb, the same for a person, a program and a script.

    Attributes:
        verb: its name.
        report: what is printed; ``report.data`` is what ``--json`` prints.
        page: the file to open in a browser or an editor, or None where nothing was written.
        finding: the most important thing that was noticed, or None.
        next_command: the next sensible command, or "".
        is_reused: the result was there already; nothing was computed again.
        outcome: why the computation stopped; other than ``SUCCESS`` there is no answer.
        status: ``ok``, or the code of the exit status (``telic.cli.exit_codes``) of a result that says no.
        product: the noun that was made (a ``Fit``, a ``DatasetVersion``, ...), for callers in Python.
    """

    verb: str
    report: Report
    page: Path | None = None
    finding: Finding | None = None
    next_command: str = ""
    is_reused: bool = False
    outcome: Outcome = Outcome.SUCCESS
    status: str = "ok"
    product: Any = field(default=None, repr=False)


def most_important(findings: Iterable[Finding]) -> Finding | None:
    """The first of the worst findings, or None where there are none."""
    return max(findings, key=lambda finding: int(finding.severity), default=None)
