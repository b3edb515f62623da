"""``verify``: whether data, records and results are still what was written.

Compared are: every file of every dataset version with its manifest, and each manifest with the index; the chain of each
record; and, where the project has an access policy, every result with the digest that was noted when it was made.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from telic._core.hashing import digest_bytes
from telic.datasets.privacy.erasure_record import RECORD as ERASURES
from telic.datasets.state_store import STATES
from telic.errors import PermanentError
from telic.reports import Finding, Report, Section, Severity, Table
from telic.storage import file_digest
from telic.storage.ledger import entries

from .access import RECORD as ACCESS
from .access_policy import AccessPolicy
from .project import Project
from .readings import READINGS
from .review import REVIEWS
from .verb_result import VerbResult, most_important

__all__ = ["verify"]

RECORDS = (
    ("runs", ACCESS),
    ("runs", READINGS),
    ("runs", REVIEWS),
    ("data", ERASURES),
    (f"data/{STATES}", ERASURES),
)
"""Folder and name of each."""


def verify(folder: str | Path) -> VerbResult:
    """Everything that was changed since it was written; nothing is repaired.

    Args:
        folder: project folder.

    Returns:
        ``product`` is the tuple of findings; ``status`` is ``permanent`` where something was changed.

    Raises:
        PermanentError: there is no such project.
    """
    project = Project.open(folder)
    findings, n_files = _dataset(project)
    tips: dict[str, dict[str, Any]] = {}
    noted: tuple[dict[str, Any], ...] = ()
    for place, name in RECORDS:
        path = project.folder / place / name
        try:
            listed = entries(path)
        except PermanentError as error:
            findings.append(_changed("record-changed", f"{place}/{name}", error.message))
            continue
        if listed:
            last = path.read_bytes().splitlines(keepends=True)[-1]
            tips[f"{place}/{name}"] = {"entries": len(listed), "last": digest_bytes(last)}
        if name == ACCESS:
            noted = listed
    results, n_results = _results(project, noted)
    findings += [*results, *_policy(project, noted)]
    broken = [f for f in findings if f.severity >= Severity.ERROR]
    headline = (
        f"{len(broken)} thing{'s' if len(broken) != 1 else ''} changed since they were written: {broken[0].message}"
        if broken
        else f"{n_files:,} files of the dataset, {len(tips)} records and {n_results:,} results are as they were"
        " written."
    )
    data = {
        "schema_version": 1,
        "verb": "verify",
        "task": project.contract.identity.task,
        "headline": headline,
        "is_whole": not broken,
        "n_files": n_files,
        "n_results": n_results,
        "records": tips,
        "findings": [f.to_json() for f in findings],
    }
    table = Table(
        title="Records",
        columns=("record", "entries", "digest of the last line"),
        rows=tuple((name, t["entries"], t["last"]) for name, t in tips.items()),
        note="A record whose last entries were cut off looks whole: keep these digests elsewhere to rule that out.",
    )
    sections = (
        Section(title="What was noticed", items=tuple(findings), anchor="findings"),
        Section(title="Records", items=(table,) if tips else (), anchor="records"),
    )
    report = Report(
        title=f"Verification of {project.contract.identity.task}",
        headline=headline,
        sections=tuple(s for s in sections if s.items),
        data=data,
    )
    return VerbResult(
        verb="verify",
        report=report,
        finding=most_important(findings),
        status="permanent" if broken else "ok",
        product=tuple(findings),
    )


def _dataset(project: Project) -> tuple[list[Finding], int]:
    """What is wrong with the stores, and how many files were compared."""
    findings, n = [], 0
    for store in project.version_stores:
        inside = store.folder.relative_to(project.folder).as_posix()
        try:
            versions = store.versions()
        except PermanentError as error:
            findings.append(_changed("dataset-changed", inside, error.message))
            continue
        for version in versions:
            for name, facts in store.manifest(version)["files"].items():
                path, n = version.folder / name, n + 1
                where = f"{inside}/versions/{version.folder.name}/{name}"
                if not path.is_file():
                    findings.append(_changed("dataset-changed", where, "The file is missing."))
                elif file_digest(path) != facts["digest"]:
                    why = "Its bytes are not those that were published."
                    findings.append(_changed("dataset-changed", where, why))
    return findings, n


def _results(project: Project, noted: tuple[dict[str, Any], ...]) -> tuple[list[Finding], int]:
    """What is wrong with results, by the last digest that was noted of each file."""
    known: dict[str, tuple[str, dict[str, Any]]] = {}
    for entry in noted:
        for name, digest in entry.get("files", {}).items():
            known[name] = (digest, entry)
    findings = []
    for name, (digest, entry) in known.items():
        path = project.folder / name
        if not path.is_file():
            findings.append(
                Finding(
                    code="result-missing",
                    severity=Severity.NOTICE,
                    message=f"{name}, which {entry['who']} made on {entry['when']}, is not there any more.",
                    hint="Run the verb again, if it was not removed on purpose.",
                    evidence={"file": name},
                )
            )
        elif file_digest(path) != digest:
            why = f"Its bytes are not those that {entry['who']} made by `{entry['verb']}` on {entry['when']}."
            findings.append(_changed("result-changed", name, why))
    return findings, len(known)


def _policy(project: Project, noted: tuple[dict[str, Any], ...]) -> list[Finding]:
    """Changes of the policy, as far as the record shows them."""
    policy = AccessPolicy.of(project.folder)
    held = [(e["policy"], e) for e in noted]
    if policy is not None and held and policy.digest != held[-1][0]:
        held.append((policy.digest, {"who": "nobody yet", "when": "now"}))
    return [
        Finding(
            code="policy-changed",
            severity=Severity.WARNING,
            message=f"The access policy was changed after {old[1]['when']}; {new[1]['who']} was the first under the "
            f"new one ({new[1]['when']}).",
            hint="Ask whoever keeps it whether that was meant.",
            evidence={"before": old[0], "after": new[0]},
        )
        for old, new in pairwise(held)
        if old[0] != new[0]
    ]


def _changed(code: str, what: str, why: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=f"{what}: {why}",
        hint="Restore it from a copy kept elsewhere, or make it again from the source files.",
        evidence={"what": what},
    )
