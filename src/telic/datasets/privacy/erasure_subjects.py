"""Erasing people who decided nothing but stand in the rows: customers, requesters, callers.

Where a rule of the contract gives a column pseudonyms, a person in it can be erased: every trajectory in which the
pseudonym occurs (as a value, a label, a part of the trajectory's name) goes whole, from every version. What is left of
the newest version is published first, then the versions that held such rows are removed from the disk. The record keeps
a digest of the pseudonym, which tells nobody who it was without the secret key, and by which a later ingest leaves the
person's rows out.

Rows of a column without pseudonyms are not erased by name: its values could be anybody's, and a digest of a name in the
record could be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic._core.hashing import digest_bytes
from telic.contract import PrivacyRule, TaskContract
from telic.errors import DataError, PermanentError, SettingsError
from telic.trajectories import Demonstrations
from telic.typing import BoolArray

from .erasure import Erasure, facts_of_version, listed_observations, subject_keys
from .erasure_record import erased_values, note_subject
from .guard import guard_of
from .left_out import labels_that_occur
from .rules import text_rule
from .sealed_rows import unknown_cleared

if TYPE_CHECKING:
    from telic.datasets.store import DatasetStore, DatasetVersion

__all__ = ["erase_subject", "subject_columns", "trajectories_with", "value_digest"]

PSEUDONYM = re.compile(r"\w+-[0-9a-f]{12}")
"""What ``rules`` makes of a value."""


def subject_columns(contract: TaskContract) -> tuple[str, ...]:
    """Columns of the source in which people can be erased beside that of who decided.

    Args:
        contract: with rules.
    """
    rules = contract.privacy.rules if contract.privacy is not None else ()
    return tuple(r.column for r in rules if r.rule == "pseudonym" and r.column != contract.data.demonstrator)


def erase_subject(
    contract: TaskContract, store: DatasetStore, column: str, name: str, *, clock: Clock = SYSTEM_CLOCK
) -> Erasure:
    """What was erased, after the proof is on the disk and every version that held such rows is gone.

    Interrupted anywhere, the same command finishes it.

    Args:
        contract: of the dataset.
        store: with versions.
        column: of the source, which a rule gives pseudonyms.
        name: the value in the source, or its pseudonym.
        clock: says when.

    Raises:
        SettingsError: no rule of the contract gives the column pseudonyms.
        DataError: no version holds rows of that person.
    """
    value = _pseudonym(contract, column, name)
    digest = value_digest(value)
    held = [(v, n, rows) for v in store.versions() for n, rows in [_held(store, v, digest)] if n]
    if not held:
        before = digest in erased_values(store.folder)
        raise DataError(
            "That person was erased before; the proof is in the record."
            if before
            else f"No version of this dataset holds rows with that person in `{column}` under this key.",
            hint=f"See {store.folder}."
            if before
            else "Write the value as the source does, or give the pseudonym.",
        )
    latest = store.latest
    assert latest is not None, "a version was found"
    affected = tuple(v.digest for v, _, _ in held)
    facts = [
        {"version": v.digest, "rows": rows, "trajectories": n, **facts_of_version(store, v)}
        for v, n, rows in held
    ]
    proof = note_subject(store.folder, digest, column, facts, clock)
    remaining = latest.digest
    if latest.digest in affected:
        remaining = _without(contract, store, latest, digest)
    for v, _, _ in held:
        store.remove(v)
    return Erasure(
        what="subject",
        versions=affected,
        n_rows=sum(rows for _, _, rows in held),
        proof=proof,
        remaining=remaining,
    )


def trajectories_with(demos: Demonstrations, digests: Collection[str]) -> BoolArray:
    """``(N,)`` whether one of these pseudonyms occurs in a trajectory, before or after a decision or in its name.

    Args:
        demos: the decisions.
        digests: of pseudonyms (``value_digest``).
    """
    found = np.zeros(demos.n_trajectories, dtype=bool)
    for name, labels in demos.categories.items():
        codes = [i for i, label in enumerate(labels) if _is_one(label, digests)]
        if not codes:
            continue
        rows = np.isin(demos.observations[name], codes)
        if name in demos.next_observations:
            after = np.isin(demos.next_observations[name], codes)
            rows |= after if demos.next_known is None else after & demos.next_known
        found[demos.trajectory_index[rows]] = True
    for texts in (demos.trajectory_ids, *demos.labels.values()):
        # `#` is written as `%23` where it would look like a piece; a pseudonym behind it is found either way.
        found |= _of_texts((str(text).replace("%23", "#") for text in texts), digests)
    return found


def value_digest(pseudonym: str) -> str:
    """What stands for a pseudonym in the record."""
    return digest_bytes(f"subject\0{pseudonym}".encode())


def _of_texts(texts: Iterable[str], digests: Collection[str]) -> BoolArray:
    known: dict[str, bool] = {}
    found = []
    for text in texts:
        if text not in known:
            known[text] = _is_one(text, digests)
        found.append(known[text])
    return np.array(found, dtype=bool)


def _is_one(text: str, digests: Collection[str]) -> bool:
    return any(value_digest(part) in digests for part in PSEUDONYM.findall(text))


def _held(store: DatasetStore, version: DatasetVersion, digest: str) -> tuple[int, int]:
    """Trajectories and rows of a version that hold the person."""
    try:
        demos = store.load(version)
    except PermanentError:
        if "sealed" in store.manifest(version):
            return 0, 0  # everybody in it was erased
        raise
    there = trajectories_with(demos, {digest})
    return int(there.sum()), int(np.diff(demos.offsets)[there].sum())


def _without(contract: TaskContract, store: DatasetStore, version: DatasetVersion, digest: str) -> str:
    """Digest of what is left of a version, published; empty where nothing is."""
    demos = store.load(version)
    keep = ~trajectories_with(demos, {digest})
    if not keep.any():
        return ""
    left = labels_that_occur(unknown_cleared(demos.select(keep)), listed_observations(contract))
    keys = subject_keys(contract, store)
    return store.publish(left, contract_digest=contract.digest, keys=keys).digest


def _pseudonym(contract: TaskContract, column: str, name: str) -> str:
    """What stands in the dataset for a value of the column."""
    guard = guard_of(contract)
    rules = contract.privacy.rules if contract.privacy is not None else ()
    covering = [r for r in rules if column == r.column or column.startswith(f"{r.column}.")]
    rule: PrivacyRule | None = max(covering, key=lambda r: len(r.column), default=None)
    if rule is None or rule.rule != "pseudonym" or guard is None:
        can = ", ".join(f"`{c}`" for c in subject_columns(contract)) or "none"
        raise SettingsError(
            f"People in `{column}` cannot be erased by name: no rule gives it pseudonyms (columns that have them: "
            f"{can}).",
            hint=f"State `privacy.rules: [{{column: {column}, rule: pseudonym}}]`, ingest again, and remove the old "
            "versions: telic erase FOLDER --version DIGEST.",
        )
    if PSEUDONYM.fullmatch(name):
        return name
    return text_rule(rule, guard.task, guard.key, guard.detectors)(name)
