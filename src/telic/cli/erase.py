"""``telic erase``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "erase"


def command(
    folder: Path,
    *,
    person: str | None = None,
    expired: Annotated[bool, Parameter(negative=())] = False,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Erase the rows of one person, or versions past their time; the proof stays.

    Args:
        folder: project folder.
        person: name as the source writes it, or the pseudonym. Needs `privacy.encrypt` in the contract.
        expired: remove every version older than `privacy.retention_days`.
        version: digest (or its beginning) of one version to remove whole.
        json: print the result as one JSON document.
    """
    from telic.workflows.erase import erase

    return show(erase(folder, person=person, expired=expired, version=version), as_json=json)
