"""Erasing: the rows of one person in every version, or whole versions past their time; the proof stays.

A person's rows are sealed under a key of their own. Erasing destroys the key, then writes the proof (who asked, when,
which key, digests of the sealed rows), then publishes what is left of the newest version as a version of its own, so
that results are made anew. Interrupted anywhere, the same command finishes it: a key that is gone without an entry
gets its entry.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.contract import TaskContract
from telic.errors import DataError, PermanentError, SettingsError
from telic.storage import atomic_write, file_digest

from .erasure_record import erased_subjects, note_expired, note_person
from .guard import guard_of
from .private_folder import SecretKey, secret_key
from .rules import text_rule
from .sealing import SubjectKeys, key_id

if TYPE_CHECKING:
    from telic.datasets.store import DatasetStore, DatasetVersion

__all__ = [
    "Erasure",
    "erase_expired",
    "erase_person",
    "erase_version",
    "facts_of_version",
    "listed_observations",
    "subject_keys",
]

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What was erased.

    Attributes:
        what: ``person`` who decided, ``subject`` that others decided about, or ``version``.
        versions: digests of the dataset versions that lost rows.
        n_rows: rows that cannot be read any more, in all of them.
        proof: digest of the (last) entry in the record.
        remaining: digest of the version that holds what is left, or empty.
    """

    what: str
    versions: tuple[str, ...]
    n_rows: int
    proof: str
    remaining: str = ""


def subject_keys(contract: TaskContract, store: DatasetStore) -> SubjectKeys | None:
    """The keys of the people of a store; None where the contract does not ask for encryption.

    Args:
        contract: its ``privacy`` block.
        store: whose id they carry.
    """
    secret = _secret(contract)
    if contract.privacy is None or not contract.privacy.encrypt or secret is None:
        return None
    return SubjectKeys(_store_id(store.folder), contract.identity.task, secret, listed_observations(contract))


def listed_observations(contract: TaskContract) -> frozenset[str]:
    """Observations whose labels the contract lists, so that they say nothing about anybody."""
    return frozenset(o.name for o in contract.observations if o.values is not None)


def erase_person(
    contract: TaskContract, store: DatasetStore, name: str, *, clock: Clock = SYSTEM_CLOCK
) -> Erasure:
    """What was erased, after the key is destroyed and the proof is on the disk.

    Args:
        contract: of the dataset.
        store: with sealed versions.
        name: of the person as the source writes it, or the pseudonym.
        clock: says when.

    Raises:
        SettingsError: the contract does not encrypt rows by person.
        DataError: no version holds rows of that person.
    """
    keys = subject_keys(contract, store)
    if keys is None:
        raise SettingsError(
            "Rows of one person can be erased where `privacy.encrypt` is true; this contract does not encrypt.",
            hint="Set it and ingest again, then remove the old versions: telic erase FOLDER --version DIGEST.",
        )
    subjects = {keys.subject(p) for p in _pseudonyms(contract, name)}
    parts = [(v, p) for v in store.versions() for p in _parts(store, v) if p["subject"] in subjects]
    if not parts:
        raise DataError(
            "No version of this dataset holds rows of that person under this key.",
            hint="Write the name as the source does, or give the pseudonym (`demonstrator-...`).",
        )
    latest = store.latest
    assert latest is not None, "a version was found"
    subject = parts[0][1]["subject"]
    key = keys.found(subject)
    if key is None and subject in erased_subjects(store.folder):
        raise DataError(
            "That person was erased before; the proof is in the record.", hint=f"See {store.folder}."
        )
    if key is not None:
        keys.destroy(subject)
    affected = tuple(dict.fromkeys(v.digest for v, _ in parts))
    proof = note_person(store.folder, subject, key_id(key) if key else "", [_facts(*x) for x in parts], clock)
    store.forget(affected)
    return Erasure(
        what="person",
        versions=affected,
        n_rows=sum(p["rows"] for _, p in parts),
        proof=proof,
        remaining=_republished(contract, store, keys, latest) if latest.digest in affected else latest.digest,
    )


def erase_expired(
    contract: TaskContract, store: DatasetStore, *, clock: Clock = SYSTEM_CLOCK
) -> tuple[Erasure, ...]:
    """One entry for each version that was published longer ago than ``privacy.retention_days`` and is gone now.

    Args:
        contract: with the number of days.
        store: with versions.
        clock: says when it is.

    Raises:
        SettingsError: the contract states no retention.
    """
    days = None if contract.privacy is None else contract.privacy.retention_days
    if days is None:
        raise SettingsError(
            "The contract does not say how long data is kept.", hint="State `privacy.retention_days`."
        )
    late = [v for v in store.versions() if clock.now() - _published(v) > days * DAY_SECONDS]
    return tuple(_removed(store, v, "expired", clock) for v in late)


def erase_version(store: DatasetStore, version: DatasetVersion, *, clock: Clock = SYSTEM_CLOCK) -> Erasure:
    """What was erased: one version, whole.

    Args:
        store: with the version.
        version: which one.
        clock: says when.
    """
    return _removed(store, version, "asked", clock)


def _removed(store: DatasetStore, version: DatasetVersion, why: str, clock: Clock) -> Erasure:
    facts = {
        "rows": version.n_decisions,
        "trajectories": version.n_trajectories,
        **facts_of_version(store, version),
    }
    proof = note_expired(store.folder, version.digest, facts, why, clock)
    store.remove(version)
    return Erasure(what="version", versions=(version.digest,), n_rows=version.n_decisions, proof=proof)


def _republished(
    contract: TaskContract, store: DatasetStore, keys: SubjectKeys, version: DatasetVersion
) -> str:
    """Digest of what is left of a version, published; empty where nothing is."""
    try:
        left = store.load(version)
    except PermanentError:
        if any(keys.found(p["subject"]) for p in _parts(store, version)):
            raise
        return ""
    return store.publish(left, contract_digest=contract.digest, keys=keys).digest


def _facts(version: DatasetVersion, part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": version.digest,
        "rows": part["rows"],
        "trajectories": part["trajectories"],
        "sealed": dict(part["digests"]),
    }


def _parts(store: DatasetStore, version: DatasetVersion) -> list[dict[str, Any]]:
    """The sealed parts of a version, each with the digests of its files."""
    manifest = store.manifest(version)
    files = manifest["files"]
    return [
        {**part, "digests": {name: files[name]["digest"] for name in part["files"]}}
        for part in manifest.get("sealed", {}).get("parts", [])
    ]


def facts_of_version(store: DatasetStore, version: DatasetVersion) -> dict[str, Any]:
    """When a version was published, and the digests of its files.

    Args:
        store: with the version.
        version: which one.
    """
    files = store.manifest(version)["files"]
    return {
        "published": datetime.fromtimestamp(_published(version), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "manifest": file_digest(version.folder / "manifest.json"),
        "files": {name: facts["digest"] for name, facts in files.items()},
    }


def _published(version: DatasetVersion) -> float:
    """Seconds since 1970 at which a version was published: the time of its manifest, which never changes."""
    return (version.folder / "manifest.json").stat().st_mtime


def _store_id(folder: Path) -> str:
    """The id of a store, by which the keys of its people are found; copies of the store share it."""
    path = folder / "store-id"
    if not path.is_file():
        atomic_write(path, f"{secrets.token_hex(8)}\n".encode())
    return path.read_text(encoding="ascii").strip()


def _pseudonyms(contract: TaskContract, name: str) -> Sequence[str]:
    """What a name may have become: by itself, or after the rule of its column."""
    from telic.datasets.sources.pseudonyms import pseudonyms_of

    if name.startswith("demonstrator-"):
        return [name]
    guard = guard_of(contract)
    names = [name]
    column = contract.data.demonstrator or ""
    for rule in contract.privacy.rules if contract.privacy is not None else ():
        if guard is not None and (column == rule.column or column.startswith(f"{rule.column}.")):
            names.append(text_rule(rule, guard.task, guard.key, guard.detectors)(name))
    return [pseudonyms_of([n], contract)[0] for n in names]


def _secret(contract: TaskContract) -> SecretKey | None:
    stated = contract.privacy
    return None if stated is None or stated.key is None else secret_key(stated.key)
