"""A folder to hand on: ``data/decisions.parquet``, ``README.md`` (Hugging Face) and ``croissant.json``.

The folder is built beside its place and appears by one rename, so that it is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.contract import TaskContract
from telic.datasets.store import DatasetVersion
from telic.errors import PermanentError, SettingsError, world_errors
from telic.reports import Finding
from telic.storage import file_digest
from telic.trajectories import Demonstrations

from .croissant import croissant
from .hugging_face import hugging_face_card
from .readable import columns_of, readable_table

__all__ = ["Card", "write_card"]

TABLE = "data/decisions.parquet"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What was written.

    Attributes:
        folder: where it is.
        table_digest: of the bytes of the table.
        n_rows: decisions in it.
    """

    folder: Path
    table_digest: str
    n_rows: int


def write_card(
    folder: Path,
    demos: Demonstrations,
    version: DatasetVersion,
    contract: TaskContract,
    findings: Sequence[Finding],
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Card:
    """The card, after the folder is there whole.

    Args:
        folder: a new folder.
        demos: of the version, less what is not to be handed on.
        version: that they are of.
        contract: what they mean.
        findings: that a reader must know.
        clock: tells the day of publication.

    Raises:
        SettingsError: the rows must stay erasable (``privacy.encrypt``), so no clear copy may leave.
        PermanentError: the folder is there already.
        TemporaryError: the disk is full; nothing is left behind.
    """
    if contract.privacy is not None and contract.privacy.encrypt:
        raise SettingsError(
            "These rows are encrypted so that a person's can be erased (`privacy.encrypt`); clear copies could not be.",
            hint="Hand on a version that was ingested without people's rows, under a contract of its own.",
        )
    if folder.exists():
        raise PermanentError(f"{folder} is there already.", hint="Name a folder that is not there yet.")
    building = folder.parent / f".{folder.name}.{os.getpid()}.partial"
    with world_errors(f"write {folder}"):
        try:
            (building / "data").mkdir(parents=True)
            pq.write_table(readable_table(demos, contract), building / TABLE, compression="zstd")
            digest, columns = file_digest(building / TABLE), columns_of(demos, contract)
            day = datetime.fromtimestamp(clock.now(), UTC).date().isoformat()
            about = croissant(
                version,
                contract,
                columns,
                table=TABLE,
                digest=digest,
                size=(building / TABLE).stat().st_size,
                published=day,
            )
            (building / "croissant.json").write_text(
                json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8"
            )
            text = hugging_face_card(
                version, contract, columns, findings, n_rows=demos.n_decisions, table=TABLE
            )
            (building / "README.md").write_text(text, "utf-8")
            building.rename(folder)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
    return Card(folder=folder, table_digest=digest, n_rows=demos.n_decisions)
