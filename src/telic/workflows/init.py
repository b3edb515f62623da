"""``init``: a project folder from a file that nobody has described, every guess marked."""

from __future__ import annotations

import json
from pathlib import Path

from telic.datasets import draft_contract
from telic.datasets.sources.formats import is_folder_format
from telic.errors import PermanentError
from telic.reports import Finding, Report, Section, Severity, Table
from telic.storage import atomic_write

from .access import permitted
from .project import CONTRACT_NAMES, SOURCES_FILE, require_files
from .verb_result import VerbResult

__all__ = ["init"]


@permitted("init")
def init(
    folder: str | Path,
    *,
    source: str | Path,
    format: str | None = None,  # noqa: A002 - as the contract
    overwrite: bool = False,
) -> VerbResult:
    """A drafted ``contract.yaml`` in a project folder; the source itself stays where it is.

    Args:
        folder: project folder; made where it is missing.
        source: CSV, JSON lines or Parquet file of decisions, or a foreign log (of some formats a folder).
        format: ``data.format`` of a foreign log; None: the file's own columns.
        overwrite: replace a contract that is there already.

    Returns:
        ``product`` is the ``Draft``.

    Raises:
        ContractError: there is no such format.
        DataError: the file has no rows, or no column that could be an action.
        PermanentError: there is no such file, or the folder is a file or has a contract already.
    """
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise PermanentError(
            f"{place} is a file, so it cannot be the project folder.", hint="Choose another folder."
        )
    existing = next((name for name in CONTRACT_NAMES if (place / name).exists()), None)
    if existing is not None and not overwrite:
        raise PermanentError(
            f"{place / existing} is there already and may hold what somebody confirmed.",
            hint="Choose another folder, or write over it with --force.",
        )
    require_files([Path(source)], folders=is_folder_format(format))
    draft = draft_contract(source, task=place.resolve().name, format=format)
    path = atomic_write(place / (existing or CONTRACT_NAMES[0]), draft.contract_text.encode())
    listed = {"files": [str(Path(source).resolve())]}
    atomic_write(place / "runs" / SOURCES_FILE, (json.dumps(listed, indent=1) + "\n").encode())
    contract = draft.contract
    to_confirm = [guess for guess in draft.guesses if guess.confirm]
    headline = (
        f"{path} drafted from {draft.rows:,} rows: actions from `{contract.actions.column}`,"
        f" {len(contract.observations)} observations, {len(contract.features)} candidate features;"
        f" {len(draft.guesses)} guesses, {len(to_confirm)} of them to confirm."
    )
    guesses = Table(
        title="Guesses",
        columns=("field", "guess", "confirm"),
        rows=tuple((g.path, g.message, g.confirm) for g in draft.guesses),
        note="Each is marked in the file; change what is wrong.",
    )
    finding = Finding(
        code="guesses",
        severity=Severity.NOTICE,
        message=f"{len(to_confirm)} guesses should be confirmed by somebody who knows the log.",
        hint=f"They are marked CONFIRM in {path}.",
    )
    return VerbResult(
        verb="init",
        report=Report(
            title=f"Draft of {contract.identity.task}",
            headline=headline,
            sections=(Section(title="What was guessed", items=(guesses,), anchor="guesses"),),
            data={
                "schema_version": 1,
                "verb": "init",
                "task": contract.identity.task,
                "headline": headline,
                "contract": str(path),
                "rows": draft.rows,
                "guesses": [vars(g) for g in draft.guesses],
            },
        ),
        page=path,
        finding=finding if to_confirm else None,
        next_command=f"telic run {place}",
        product=draft,
    )
