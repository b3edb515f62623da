"""Enforces ``access.yaml``: who may not is refused, and that is noted; what was made is noted with its digests.

``runs/access.jsonl`` is append-only and chained (``telic.storage.ledger``). Each entry names who, when, the verb, and
the policy and the contract that held; one about something made lists the digests of the files, by which
``telic verify`` finds out whether they were changed since.

What a folder cannot do: whoever may write its files as their owner, or as root, can change data, policy and record
without telic. The record then shows it, unless its last entries were cut off or all of it was written anew: whoever
must rule that out keeps the digest of the last line, which ``verify`` prints, somewhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from telic._core.clock import SYSTEM_CLOCK
from telic._core.hashing import digest_bytes
from telic.errors import PermanentError, SettingsError, world_errors
from telic.storage import file_digest
from telic.storage.ledger import append, entries, login_name

from .access_policy import POLICY, AccessPolicy, group_names
from .project import CONTRACT_NAMES, Project
from .verb_result import VerbResult

__all__ = ["RECORD", "note_made", "permitted", "project_folder_of", "require_permitted"]

RECORD = "access.jsonl"
"""In ``runs/``."""

P = ParamSpec("P")
F = TypeVar("F", str | Path, Project)


def permitted(
    verb: str,
) -> Callable[[Callable[Concatenate[F, P], VerbResult]], Callable[Concatenate[F, P], VerbResult]]:
    """A verb that only those may call whose role names it, and whose results are noted.

    Args:
        verb: its name; the function takes the project, its folder, or a file in it first.
    """

    def wrapped(work: Callable[Concatenate[F, P], VerbResult]) -> Callable[Concatenate[F, P], VerbResult]:
        @wraps(work)
        def guarded(subject: F, *words: P.args, **settings: P.kwargs) -> VerbResult:
            folder = subject.folder if isinstance(subject, Project) else project_folder_of(Path(subject))
            if folder is None or require_permitted(folder, verb) is None:
                return work(subject, *words, **settings)
            result = work(subject, *words, **settings)
            note_made(folder, result)
            return result

        return cast("Callable[Concatenate[F, P], VerbResult]", guarded)

    return wrapped


def project_folder_of(place: Path) -> Path | None:
    """The project that a path belongs to: its folder, its contract, or one of its runs; None where it is of none.

    Args:
        place: as it was typed.
    """
    whole = place.resolve()
    around = [whole.parents[1]] if whole.parent.name == "runs" and len(whole.parents) > 1 else []
    for folder in (place, *([place.parent] if place.is_file() else []), *around):
        if any((folder / name).is_file() for name in CONTRACT_NAMES) or (folder / POLICY).exists():
            return folder
    return None


def require_permitted(folder: Path, verb: str) -> AccessPolicy | None:
    """The policy that lets whoever runs this process do it; None where the project has none.

    Args:
        folder: of the project.
        verb: to be called.

    Raises:
        SettingsError: no role of theirs names the verb; that was noted.
        ContractError: the policy is not valid.
        PermanentError: the policy was removed, or the record was changed.
    """
    policy, record = AccessPolicy.of(folder), folder / "runs" / RECORD
    if policy is None:
        if entries(record):
            raise PermanentError(
                f"{folder / POLICY} is gone, and {record} says that it was there.",
                hint="Put it back. To do without it, move that record to where audits are kept.",
            )
        return None
    entries(record)  # a record that was changed is not gone on with
    login, groups = login_name(), group_names()
    if policy.allows(verb, login, groups):
        return policy
    _append(folder, policy, {"what": "denied", "verb": verb})
    roles = policy.roles_of(login, groups)
    raise SettingsError(
        f"{login} may not {verb} here: {POLICY} gives it to"
        f" {', '.join(f'`{r}`' for r, may in policy.may.items() if verb in may) or 'no role'}, and {login} has"
        f" {', '.join(f'`{r}`' for r in roles) or 'none'}.",
        hint="Ask whoever keeps the policy. The refusal was noted.",
    )


def note_made(folder: Path, result: VerbResult) -> None:
    """Note what a verb made: the files beside its page, and the lists of what is in quarantine.

    Args:
        folder: of the project.
        result: of the verb.

    Raises:
        PermanentError: the record was changed.
    """
    policy = AccessPolicy.of(folder)
    if policy is None:
        return
    runs = (folder / "runs").resolve()
    made: list[Path] = []
    if result.page is not None and result.page.resolve().is_relative_to(runs):
        made += [p for p in result.page.parent.iterdir() if p.is_file() and not p.name.startswith(".")]
    made += (folder / "data" / "quarantine").glob("*.json")
    with world_errors(f"read what {result.verb} made"):
        digests = {p.resolve().relative_to(folder.resolve()).as_posix(): file_digest(p) for p in sorted(made)}
    _append(folder, policy, {"what": "made", "verb": result.verb, "files": digests})


def _append(folder: Path, policy: AccessPolicy, entry: dict[str, Any]) -> None:
    contract = next((folder / n for n in CONTRACT_NAMES if (folder / n).is_file()), None)
    with world_errors(f"write {folder / 'runs' / RECORD}"):
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        held = "" if contract is None else digest_bytes(contract.read_bytes())
    append(
        folder / "runs" / RECORD,
        {
            "schema_version": 1,
            "when": SYSTEM_CLOCK.timestamp(),
            "who": login_name(),
            "policy": policy.digest,
            "contract": held,
            **entry,
        },
    )
