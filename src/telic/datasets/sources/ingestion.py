"""``ingest``: from source files to a dataset version; the same content twice is done once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import telic
from telic._core.hashing import digest_json
from telic.contract import Data, TaskContract
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy.at_the_door import file_name, reading_rules
from telic.datasets.privacy.erasure import listed_observations, subject_keys
from telic.datasets.privacy.guard import Guard, guard_of
from telic.datasets.privacy.left_out import leaves_out, without_erased
from telic.datasets.privacy.shielded import shielded
from telic.datasets.store import DatasetStore, DatasetVersion
from telic.errors import ContractError, DataError, SettingsError
from telic.reports import Provenance
from telic.trajectories import Demonstrations

from .at_once import demonstrations_at_once
from .files import SourceFile, source_file

__all__ = ["Paths", "ingest", "ingest_key", "read_demonstrations"]

Paths: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

Progress: TypeAlias = Callable[..., None]
"""Is told a stage in words, units done, units in all (or None), and a note (``telic.workflows.progress``)."""

READING_VERSION = 4
"""Rises when the same files and contract would be read differently, so that old ingests are done again."""


NO_READING_RULES = ("held_out", "key", "origin", "split_by")
"""Fields of ``data`` that say nothing about how files are read."""

LATER = ("zone", "fold", "origin_column", "origin_values", "labels")
"""Fields of ``data`` that older contracts do not have."""

STREAM_BLOCKS = ("streams", "decisions")
"""Blocks that say how several logs become one."""


def ingest(
    contract: TaskContract,
    paths: Paths,
    store: DatasetStore,
    *,
    ray: int | None = None,
    progress: Progress | None = None,
    sizes: Sizes = Sizes(),  # noqa: B008 - frozen
) -> DatasetVersion:
    """The dataset version that the files hold, after it is in the store whole; it becomes the latest.

    The same files under the same reading rules are not read again. The same rows in another format, or cut
    into other files, give the same version. A log that is larger than ``sizes`` allows is made into a version part by
    part, on the disk of the store; digest, findings and errors are the same (``telic.datasets.partitions``).

    Args:
        contract: what the columns mean.
        paths: one or several CSV, JSON lines or Parquet files, in order; of a contract with ``streams``, the folder
            where the patterns of their files begin.
        store: where to put the version.
        ray: number of workers of a local Ray cluster that share the work by files and parts; None: this process alone.
        progress: told how far the work is: stage, units done, units in all, and a note.
        sizes: how much is held in memory.

    Raises:
        DataError: the files break the contract; the message names file, line and column.
        SettingsError: Ray is not installed, or its workers cannot share this contract.
        TemporaryError: the disk is full or another ingest is running; the store is as before.
    """
    _require_actions(contract)
    guard = guard_of(contract)
    with shielded(guard):
        sources = _sources(contract, paths, guard)
        key = ingest_key(contract, sources, guard)
        known = store.ingested(key)
        if known is not None:
            return store.adopt(known)
    keys, listed = subject_keys(contract, store), listed_observations(contract)
    leaving_out = leaves_out(keys, store.folder)
    withheld = None
    if leaving_out:
        from telic.datasets.partitions.withheld import withheld_from

        withheld = withheld_from(keys, store.folder, listed)
    if ray is not None and (contract.streams or leaving_out):
        raise SettingsError(
            "Ray workers share files and trajectories, but a log with `streams`, with rows encrypted by "
            "person, or without people who were erased before is made by one process.",
            hint="Leave the workers out.",
        )
    with shielded(guard):
        from telic.datasets.partitions.bounded import ingest_bounded

        made = ingest_bounded(
            contract,
            sources,
            guard,
            store,
            ingest_key=key,
            provenance=_provenance(contract, sources),
            ray=ray,
            progress=progress,
            sizes=sizes,
            withheld=withheld,
        )
        if isinstance(made, DatasetVersion):
            return made
        demos = made
        if leaving_out:
            demos = without_erased(demos, keys, store.folder, listed)
    version = store.publish(demos, contract_digest=contract.digest, ingest_key=key, keys=keys)
    if version.is_new:
        return version
    # Other files, the same decisions: what was noticed now is about these files.
    return replace(version, findings=demos.findings, sources=demos.provenance.inputs)


def read_demonstrations(contract: TaskContract, paths: Paths) -> Demonstrations:
    """The demonstrations that the files hold, without a store; arguments and errors as ``ingest``."""
    _require_actions(contract)
    return read_rows(contract, paths)


def read_rows(contract: TaskContract, paths: Paths) -> Demonstrations:
    """The same where the contract names no action: all actions are then 0 and mean nothing.

    For ``telic.datasets.state_only``, which makes of it what nobody can take for demonstrations.
    """
    guard = guard_of(contract)
    with shielded(guard):
        return _read(contract, _sources(contract, paths, guard), guard)


def _require_actions(contract: TaskContract) -> None:
    if contract.actions.column is None:
        raise ContractError(
            "The contract names no column of actions (`actions.column: null`), and demonstrations are made of actions.",
            hint="Read a log of states by `telic.datasets.state_only.read_state_only`.",
        )


def ingest_key(contract: TaskContract, sources: Sequence[SourceFile], guard: Guard | None = None) -> str:
    """Digest of all that decides what an ingest makes: bytes of the files and reading rules of the
    contract, those of its ``privacy`` block among them.
    """
    stated = contract.to_mapping()
    reading = {
        "version": READING_VERSION,
        "task": contract.identity.task,
        "observations": [
            {k: o[k] for k in ("name", "column", "type", "low", "high", "values", "missing")}
            for o in stated["observations"]
        ],
        "actions": {k: v for k, v in stated["actions"].items() if k != "offered" or v is not None},
        "gap": stated["timing"]["max_gap_seconds"],
        "period": stated["timing"]["control_period_seconds"],
        "terminated": stated["outcomes"]["terminated"],
        "data": {k: v for k, v in stated["data"].items() if k not in NO_READING_RULES and k not in LATER},
        "files": [[s.digest, s.format, *filter(None, [s.stream])] for s in sources],
        # What was added later counts where it is used, so that what was ingested before stays known.
        **{
            k: stated["data"][k]
            for k in LATER
            if getattr(contract.data, k) != Data.model_fields[k].get_default()
        },
        **({"succeeded": contract.outcomes.succeeded} if contract.outcomes.succeeded else {}),
        **({k: stated[k] for k in STREAM_BLOCKS} if contract.streams else {}),
        **({"origin": contract.data.origin} if contract.streams else {}),
        **reading_rules(contract, guard),
    }
    return digest_json(reading)


def _sources(contract: TaskContract, paths: Paths, guard: Guard | None) -> list[SourceFile]:
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if contract.streams:
        from telic.datasets.decisions.table import stream_files

        found = stream_files(contract, _folder(listed))
    else:
        found = [source_file(p, contract.data.format) for p in listed]
    return [replace(s, name=file_name(s.name, guard)) for s in found]


def _folder(paths: Sequence[str | os.PathLike[str]]) -> Path:
    if len(paths) == 1 and Path(paths[0]).is_dir():
        return Path(paths[0])
    raise DataError(
        f"A contract with `streams` names its files itself; give the folder that they lie in, got "
        f"{', '.join(str(p) for p in paths[:3]) or 'nothing'}.",
        hint="Patterns in `streams` are relative to that folder.",
    )


def _provenance(contract: TaskContract, sources: Sequence[SourceFile]) -> Provenance:
    named = (
        dict.fromkeys((s.name, s.digest) for s in sources)
        if contract.streams
        else [(s.name, s.digest) for s in sources]
    )
    return Provenance(
        inputs={f"{i}:{name}": digest for i, (name, digest) in enumerate(named)},
        settings={"contract": contract.digest, "reading": READING_VERSION},
        code=telic.__version__,
    )


def _read(contract: TaskContract, sources: Sequence[SourceFile], guard: Guard | None) -> Demonstrations:
    return demonstrations_at_once(contract, sources, guard, _provenance(contract, sources))
