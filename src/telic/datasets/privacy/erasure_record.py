"""The record of erasures of a store: what went, when, by whom, and the digests that prove what it was.

``erasures.jsonl`` beside the index, append-only and chained (``telic.storage.ledger``). It names nobody: a person is
the subject of the manifests, an HMAC under the secret key. It is also the list of people whose rows a later ingest
must leave out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.storage.ledger import append, entries, login_name

__all__ = [
    "RECORD",
    "erased_subjects",
    "erased_values",
    "erasures",
    "note_expired",
    "note_person",
    "note_subject",
]

RECORD = "erasures.jsonl"


def erasures(store: Path) -> tuple[dict[str, Any], ...]:
    """Every entry in order.

    Args:
        store: folder of the dataset store.

    Raises:
        PermanentError: the record was changed.
    """
    return entries(store / RECORD)


def erased_subjects(store: Path) -> frozenset[str]:
    """The people who were erased.

    Args:
        store: folder of the dataset store.
    """
    return frozenset(e["subject"] for e in erasures(store) if e["what"] == "person")


def erased_values(store: Path) -> frozenset[str]:
    """Digests of the pseudonyms of people who stood in rows that others decided, and were erased.

    Args:
        store: folder of the dataset store.
    """
    return frozenset(e["subject"] for e in erasures(store) if e["what"] == "subject")


def note_subject(
    store: Path, subject: str, column: str, versions: Sequence[Mapping[str, Any]], clock: Clock = SYSTEM_CLOCK
) -> str:
    """Digest of the entry about a person in a column, whose rows are about to be removed.

    Args:
        store: folder of the dataset store.
        subject: digest of the pseudonym.
        column: of the source.
        versions: of each version its digest, rows, trajectories, and digests of its files.
        clock: says when.
    """
    return append(
        store / RECORD,
        {
            "schema_version": 1,
            "what": "subject",
            "when": clock.timestamp(),
            "by": login_name(),
            "subject": subject,
            "column": column,
            "versions": [dict(v) for v in versions],
        },
    )


def note_person(
    store: Path, subject: str, key: str, versions: Sequence[Mapping[str, Any]], clock: Clock = SYSTEM_CLOCK
) -> str:
    """Digest of the entry about a person whose key was destroyed.

    Args:
        store: folder of the dataset store.
        subject: as in the manifests.
        key: id of the key, or empty where it was gone already.
        versions: of each version its digest, rows, trajectories, and file to digest of the sealed rows.
        clock: says when.
    """
    return append(
        store / RECORD,
        {
            "schema_version": 1,
            "what": "person",
            "when": clock.timestamp(),
            "by": login_name(),
            "subject": subject,
            "key": key,
            "versions": [dict(v) for v in versions],
        },
    )


def note_expired(
    store: Path, version: str, facts: Mapping[str, Any], why: str, clock: Clock = SYSTEM_CLOCK
) -> str:
    """Digest of the entry about a version that is about to be removed whole.

    Args:
        store: folder of the dataset store.
        version: its digest.
        facts: rows, published, digests of manifest and files.
        why: ``expired`` or ``asked``.
        clock: says when.
    """
    return append(
        store / RECORD,
        {
            "schema_version": 1,
            "what": "version",
            "when": clock.timestamp(),
            "by": login_name(),
            "why": why,
            "version": version,
            **facts,
        },
    )
