"""``erase``: the rows of one person, versions past their time, or one version; the proof stays, and what was built
from them is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.contract import TaskContract
from telic.datasets.lineage import Descendant, descendants_of
from telic.datasets.privacy.erasure import Erasure, erase_expired, erase_person, erase_version
from telic.datasets.privacy.erasure_record import RECORD
from telic.datasets.privacy.erasure_subjects import erase_subject, subject_columns
from telic.datasets.store import DatasetStore, DatasetVersion
from telic.errors import DataError, SettingsError
from telic.reports import Finding, Report, Section, Severity, Table

from .access import permitted
from .project import Project
from .verb_result import VerbResult

__all__ = ["erase"]


@permitted("erase")
def erase(
    folder: str | Path,
    *,
    person: str | None = None,
    column: str | None = None,
    expired: bool = False,
    version: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> VerbResult:
    """What was erased and what goes back to it, after keys are destroyed and the proof is on the disk.

    Args:
        folder: project folder.
        person: name as the source writes it, or the pseudonym; every version loses the rows.
        column: of the source in which the person stands; None: that of who decided.
        expired: versions past ``privacy.retention_days``.
        version: digest (or its beginning) of one version to remove whole.
        clock: says when.

    Returns:
        ``product`` is the tuple of ``Erasure``.

    Raises:
        SettingsError: not exactly one of the three was asked for, or the contract does not provide for it.
        DataError: there are no rows of that person.
        PermanentError: there is no such project or version, or the record was changed.
    """
    asked = [person is not None, expired, version is not None]
    if sum(asked) != 1:
        raise SettingsError(
            f"Say one thing to erase, got {sum(asked)}.",
            hint="One of --person NAME, --expired, --version DIGEST.",
        )
    if column is not None and person is None:
        raise SettingsError(
            "A column says where a person stands; nobody was named.", hint="Add --person NAME."
        )
    project = Project.open(folder)
    contract = project.contract
    # A log without actions has a store of its own, and a contract may have changed between the two.
    stores = [store for store in project.version_stores if store.versions()] or [project.store]
    # Looked up first: a version that was removed cannot be asked what was made from it.
    made = {v.digest: descendants_of(v, project.folder / "runs") for s in stores for v in s.versions()}
    with project.lock():
        if person is not None:
            done: Sequence[Erasure] = _person(contract, stores, person, column, clock)
        elif version is not None:
            start = version.removeprefix("sha256:")
            inside = [(store, found) for store in stores if (found := _version_in(store, start)) is not None]
            known = project.states if contract.actions.column is None else project.dataset
            store, found = inside[0] if inside else (project.store, known(version))
            done = (erase_version(store, found, clock=clock),)
        else:
            done = [e for store in stores for e in erase_expired(contract, store, clock=clock)]
    built = {f"{d.verb} {d.folder}": d for e in done for digest in e.versions for d in made[digest]}
    return VerbResult(
        verb="erase",
        report=_report(project, done, tuple(built.values())),
        next_command=f"telic infer {project.folder}" if done and done[-1].remaining else "",
        product=tuple(done),
    )


def _person(
    contract: TaskContract, stores: Sequence[DatasetStore], name: str, column: str | None, clock: Clock
) -> list[Erasure]:
    """What was erased of a person in each store that holds rows of theirs."""
    done, missed = [], []
    for store in stores:
        try:
            if column in (None, contract.data.demonstrator):
                done.append(erase_person(contract, store, name, clock=clock))
            else:
                done.append(erase_subject(contract, store, str(column), name, clock=clock))
        except DataError as error:
            missed.append(error)
    if not done:
        raise missed[0]
    return done


def _version_in(store: DatasetStore, start: str) -> DatasetVersion | None:
    """The version of a store whose digest begins so, if there is just one."""
    found = [v for v in store.versions() if v.digest.removeprefix("sha256:").startswith(start)]
    return found[0] if len(found) == 1 else None


def _report(project: Project, done: Sequence[Erasure], built: Sequence[Descendant]) -> Report:
    versions = [digest for erasure in done for digest in erasure.versions]
    rows = sum(erasure.n_rows for erasure in done)
    whose = "of one person " if any(e.what != "version" for e in done) else ""
    headline = (
        f"{rows:,} rows {whose}in {len(versions)} version{'s' if len(versions) != 1 else ''} are gone; the proof is in"
        f" {RECORD}."
        if done
        else "No version is past its time; nothing was erased."
    )
    findings = [_still_counted(built)] if built else []
    if whose:
        findings.append(_not_reached(project.contract, done))
    tables = [
        Table(
            title="Versions that lost rows",
            columns=("version", "proof"),
            rows=tuple((digest, erasure.proof) for erasure in done for digest in erasure.versions),
            note=f"The proof is the digest of the entry in {project.store.folder / RECORD}.",
        ),
        Table(
            title="Built from them",
            columns=("verb", "folder in runs/", "through"),
            rows=tuple((b.verb, b.folder, b.through) for b in built),
        ),
    ]
    return Report(
        title=f"Erasure in {project.contract.identity.task}",
        headline=headline,
        sections=tuple(
            s
            for s in (
                Section(title="What was noticed", items=tuple(findings), anchor="findings"),
                Section(title="What went", items=tuple(t for t in tables if t.rows), anchor="erased"),
            )
            if s.items
        ),
        data={
            "schema_version": 1,
            "verb": "erase",
            "task": project.contract.identity.task,
            "headline": headline,
            "n_rows": rows,
            "versions": versions,
            "proofs": [erasure.proof for erasure in done],
            "remaining": done[-1].remaining if done else "",
            "built_from": [vars(b) for b in built],
            "findings": [f.to_json() for f in findings],
        },
    )


def _still_counted(built: Sequence[Descendant]) -> Finding:
    return Finding(
        code="built-from-erased",
        severity=Severity.WARNING,
        message=f"{len(built)} results were made from rows that are gone; they hold figures about groups, and those of"
        " single people where the contract permits it.",
        hint="Remove them where they are about the person, and make them again from what is left.",
        evidence={"results": [f"{b.verb} {b.folder}" for b in built]},
    )


def _not_reached(contract: TaskContract, done: Sequence[Erasure]) -> Finding:
    """Where else the person may stand, which this command did not look at."""
    decided = contract.data.demonstrator or ""
    others = [*subject_columns(contract), *([decided] if any(e.what == "subject" for e in done) else [])]
    ruled = {r.column for r in contract.privacy.rules} if contract.privacy is not None else set()
    texts = [o.column for o in contract.observations if o.type == "category" and o.values is None]
    texts += [*contract.data.trajectory, *contract.data.labels]
    plain = [c for c in dict.fromkeys(texts) if c not in ruled and c != decided]
    also = (
        f" Rows in which the person stands in {', '.join(f'`{c}`' for c in others)} need a run each."
        if others
        else ""
    )
    clear = (
        f" Kept as the source has them, and not searched: {', '.join(f'`{c}`' for c in plain)}."
        if plain
        else ""
    )
    return Finding(
        code="not-reached",
        severity=Severity.NOTICE,
        message=f"The source files, copies and backups still hold the person.{also}{clear}",
        hint="Erase there too: `telic erase FOLDER --person NAME --column COLUMN`; give a column that may name people "
        "`rule: pseudonym` or `remove`.",
        evidence={"columns_with_pseudonyms": others, "columns_in_the_clear": plain},
    )
