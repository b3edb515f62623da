"""What a reading under a ``privacy`` block adds: masked file names, masked findings, and findings about privacy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from telic.contract import TaskContract
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations

from .detectors import KINDS, Look, detectors_of, mask_text, quick_look
from .detectors.span import Detector
from .guard import Guard
from .sensitive import sensitive_columns
from .shielded import shielded_finding

__all__ = [
    "after_reading",
    "detectors_at",
    "file_name",
    "findings_after_reading",
    "provenance_after_reading",
    "reading_rules",
]


def file_name(name: str, guard: Guard | None) -> str:
    """The name of a source file as it may be stored.

    Args:
        name: of the file, without its folder.
        guard: of the reading, or None.
    """
    return name if guard is None else mask_text(name, guard.detectors)


def reading_rules(contract: TaskContract, guard: Guard | None) -> dict[str, Any]:
    """What of the block decides how files are read, JSON-able and without secrets; empty without the block.

    Args:
        contract: with the block.
        guard: of the reading.
    """
    if contract.privacy is None or guard is None:
        return {}
    stated = contract.privacy.model_dump(mode="json", include={"rules", "detect", "encrypt"})
    key = "" if guard.key is None else guard.key.id
    return {"privacy": {**stated, "key": key, "names": guard.names_digest}}


def after_reading(demos: Demonstrations, contract: TaskContract, guard: Guard | None) -> Demonstrations:
    """The demonstrations with what privacy has to say about them, worst first.

    Args:
        demos: as they were read.
        contract: by which.
        guard: of the reading, or None.
    """
    sensitive = sensitive_columns(demos, *detectors_at(guard))
    return replace(
        demos,
        findings=findings_after_reading(demos.findings, sensitive, contract, guard),
        provenance=provenance_after_reading(demos.provenance, guard),
    )


def detectors_at(guard: Guard | None) -> tuple[Sequence[Detector], Look]:
    """What is looked for in what is kept, and which texts it could be in."""
    return (detectors_of(), quick_look(KINDS)) if guard is None else (guard.detectors, guard.look)


def findings_after_reading(
    found: Sequence[Finding], sensitive: Sequence[Finding], contract: TaskContract, guard: Guard | None
) -> tuple[Finding, ...]:
    """The findings with what privacy has to say, worst first.

    Args:
        found: by the reading.
        sensitive: about columns that are kept.
        contract: by which.
        guard: of the reading, or None.
    """
    told = found if guard is None else [shielded_finding(f, guard.detectors) for f in found]
    every = [*told, *sensitive, *_about_keys(contract, guard)]
    return tuple(sorted(every, key=lambda f: -f.severity))


def provenance_after_reading(provenance: Provenance, guard: Guard | None) -> Provenance:
    """The provenance with the key of the pseudonyms.

    Args:
        provenance: of the files.
        guard: of the reading, or None.
    """
    if guard is None or guard.key is None:
        return provenance
    return replace(provenance, settings={**provenance.settings, "privacy_key": guard.key.id})


def _about_keys(contract: TaskContract, guard: Guard | None) -> list[Finding]:
    if guard is not None and guard.key is not None:
        if not guard.key.is_new:
            return []
        return [
            Finding(
                code="privacy-key-made",
                severity=Severity.NOTICE,
                message=f"A new secret key `{guard.privacy.key}` was made in the private folder; pseudonyms of other "
                "machines and of earlier versions are other ones.",
                hint="Keep a copy of it where secrets are kept; without it nobody can be found again by name.",
            )
        ]
    if contract.data.demonstrator is None:
        return []
    return [
        Finding(
            code="weak-pseudonyms",
            severity=Severity.INFO,
            message="Pseudonyms of demonstrators are keyed with the task's name only: whoever has a list of likely "
            "names can compute them.",
            hint="Name a secret: `privacy: {key: NAME}` in the contract, then ingest again.",
        )
    ]
