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
    column: str | None = None,
    expired: Annotated[bool, Parameter(negative=())] = False,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Erase the rows of one person, or versions past their time; the proof stays.

    Args:
        folder: project folder.
        person: name as the source writes it, or the pseudonym. Needs `privacy.encrypt` in the contract, or --column.
        column: column of the source in which the person stands, such as a customer; it must have pseudonyms by
            `privacy.rules`. Default: that of who decided.
        expired: remove every version older than `privacy.retention_days`.
        version: digest (or its beginning) of one version to remove whole.
        json: print the result as one JSON document.
    """
    from telic.workflows.erase import erase

    return show(erase(folder, person=person, column=column, expired=expired, version=version), as_json=json)
