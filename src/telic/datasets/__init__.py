"""From files to demonstrations and back: contracts, ingest, the dataset store and contract drafts.

Names are loaded when first used, so that reading a contract does not load the Parquet reader.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract_file import dump_contract, load_contract, parse_contract, save_contract
    from .draft import Draft, draft_contract
    from .sources.ingestion import ingest, read_demonstrations
    from .store import DatasetStore, DatasetVersion

__all__ = [
    "DatasetStore",
    "DatasetVersion",
    "Draft",
    "draft_contract",
    "dump_contract",
    "ingest",
    "load_contract",
    "parse_contract",
    "read_demonstrations",
    "save_contract",
]

_HOMES = {
    "DatasetStore": ".store",
    "DatasetVersion": ".store",
    "Draft": ".draft",
    "draft_contract": ".draft",
    "dump_contract": ".contract_file",
    "ingest": ".sources.ingestion",
    "load_contract": ".contract_file",
    "parse_contract": ".contract_file",
    "read_demonstrations": ".sources.ingestion",
    "save_contract": ".contract_file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
