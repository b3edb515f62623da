"""Who read about single people, when and what: noted each time, and refused to those whom the contract does not name.

Where the contract has a ``people`` block, results may tell single people apart, by pseudonym. Every verb that hands
such a result out notes it in ``runs/readings.jsonl`` (append-only, chained, ``telic.storage.ledger``) before anybody
sees it, and takes the pages and JSON files that name a pseudonym away from group and world (mode 0600). With
``people.readers`` only those logins get any of it; a refusal is noted too.

What a folder cannot do: whoever may read the files as their owner, or as root, can open a page without telic, and no
note is made of it. For that, the files belong on a server that checks who asks.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.errors import PermanentError, SettingsError, world_errors
from telic.storage.ledger import append, entries, login_name

from .project import Project
from .verb_result import VerbResult

__all__ = ["READINGS", "audited", "note_person", "readings"]

READINGS = "readings.jsonl"
"""In ``runs/``."""

PSEUDONYM = re.compile(r"(?<![\w-])demonstrator-(?:[0-9a-f]{6,}|unknown)(?![\w-])")
"""A person, as results name one."""

STATED_READER = "TELIC_READER"
"""Variable in which somebody who uses a shared login says who they are; noted as stated, not checked."""

P = ParamSpec("P")
F = TypeVar("F", str | Path, Project)


def audited(
    verb: str,
) -> Callable[[Callable[Concatenate[F, P], VerbResult]], Callable[Concatenate[F, P], VerbResult]]:
    """A verb whose results about single people are noted and kept from others.

    Args:
        verb: its name; the function takes the project, or its folder, first.
    """

    def wrapped(work: Callable[Concatenate[F, P], VerbResult]) -> Callable[Concatenate[F, P], VerbResult]:
        @wraps(work)
        def noting(folder: F, *words: P.args, **settings: P.kwargs) -> VerbResult:
            project = folder if isinstance(folder, Project) else Project.open(folder)
            is_for_all = project.contract.people is None or bool(settings.get("group"))
            if not is_for_all:
                _require_reader(project, verb)
            result = work(folder, *words, **settings)
            if not is_for_all:
                _note(project, result)
            return result

        return cast("Callable[Concatenate[F, P], VerbResult]", noting)  # which also takes the folder by name

    return wrapped


def note_person(project: Project, run: str, pseudonym: str) -> None:
    """Note that the reward of one person is taken out of an inference (to compare, plan or export it).

    Args:
        project: of the inference.
        run: its digest.
        pseudonym: whose reward.

    Raises:
        SettingsError: this login may not read about single people.
    """
    _require_reader(project, "infer")
    _append(project, {"what": "read", "verb": "infer", "run": run, "people": [pseudonym], "files": []})


def readings(project: Project) -> tuple[dict[str, Any], ...]:
    """Every reading and refusal, in order.

    Args:
        project: whose readings.

    Raises:
        PermanentError: the file was changed.
    """
    return entries(project.folder / "runs" / READINGS)


def _require_reader(project: Project, verb: str) -> None:
    people = project.contract.people
    who = login_name()
    if people is None or not people.readers or who in people.readers:
        return
    _append(project, {"what": "refused", "verb": verb})
    raise SettingsError(
        f"Results about single people are for {len(people.readers)} logins (people.readers); {who} is not among them.",
        hint="`telic report FOLDER --group` is for everybody. The refusal was noted.",
    )


def _note(project: Project, result: VerbResult) -> None:
    """Note what names a person, after its files are for their owner alone."""
    told = set(PSEUDONYM.findall(json.dumps(result.report.to_json(), ensure_ascii=False)))
    files = []
    for path in _files(result):
        with world_errors(f"read {path}"):
            found = set(PSEUDONYM.findall(path.read_text(encoding="utf-8", errors="replace")))
        if found:
            told |= found
            files.append(path)
            with world_errors(f"keep {path} from others"):
                path.chmod(0o600)
    if told:
        _append(
            project,
            {
                "what": "read",
                "verb": result.verb,
                "run": result.report.data.get("digest", result.report.data.get("run", "")),
                "people": sorted(told),
                "files": [p.name for p in files],
            },
        )


def _files(result: VerbResult) -> list[Path]:
    """Pages and JSON files of the run, but for those that are made to be handed on."""
    if result.page is None or not result.page.is_file():
        return []
    beside = result.page.parent
    return sorted(p for p in beside.iterdir() if p.suffix in (".html", ".json") and p.stem != "group")


def _append(project: Project, entry: dict[str, Any], clock: Clock = SYSTEM_CLOCK) -> None:
    path = project.folder / "runs" / READINGS
    stated = os.environ.get(STATED_READER, "")
    try:
        append(
            path,
            {"schema_version": 1, "when": clock.timestamp(), "who": login_name(), "stated": stated, **entry},
        )
    except PermanentError as error:
        raise PermanentError(
            f"This reading cannot be noted, so nothing is shown: {error.message}", hint=error.hint
        ) from error
