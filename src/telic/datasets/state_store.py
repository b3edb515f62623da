"""The store of logs without actions: versions of ``StateOnly`` beside the dataset, with the same guarantees.

``data/states/`` is laid out as ``data/`` is (``telic.datasets.store``): named by content, whole or not there, with
digests, sources, findings, rows sealed by person and a record of erasures. In place of actions each row has one and the
same label, ``NO_ACTION``, which no contract lists: a version is never the same as one of demonstrations, and whoever
opens the files beside this module finds no choice in them to learn from. The verbs that learn look into ``data/`` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from telic.contract import TaskContract
from telic.errors import DataError

from .privacy.erasure import listed_observations, subject_keys
from .privacy.left_out import without_erased
from .state_only import StateOnly, as_states, require_no_actions
from .store import DatasetStore, DatasetVersion

__all__ = ["NO_ACTION", "STATES", "StateStore", "ingest_states"]

STATES = "states"
"""Folder of the store, inside that of the dataset."""

NO_ACTION = "no action recorded"
"""The one label in place of actions."""

COULD = "actions_that_could_be_taken"
"""Setting of a version's provenance: the labels of the contract that it was read by."""


@dataclass(frozen=True)
class StateStore:
    """Versions of one project's log of states.

    Laws: ``store.load(store.publish(s))`` holds what ``s`` does; publishing the same content twice writes once.

    Attributes:
        folder: of the project's dataset; the versions lie in ``states/`` inside.
    """

    folder: Path

    @property
    def files(self) -> DatasetStore:
        """What keeps the files: for erasure, lineage and lists of versions, and never to load from."""
        return DatasetStore(self.folder / STATES)

    def publish(self, seen: StateOnly, contract: TaskContract) -> DatasetVersion:
        """The version of these states, after it is in the store whole; it becomes the latest.

        Args:
            seen: trajectories of states.
            contract: by which they were read; its ``privacy`` block says whether rows are sealed by person.

        Raises:
            TemporaryError: the disk is full, or another writer holds the store; the store is as before.
        """
        keys = subject_keys(contract, self.files)
        labels = list(seen.action_labels)
        provenance = replace(seen.provenance, settings={**seen.provenance.settings, COULD: labels})
        demos = replace(
            seen.without_choices(NO_ACTION), findings=seen.findings, provenance=provenance, times=seen.times
        )
        demos = replace(demos, next_observations=_following(demos), next_known=seen.next_known)
        return self.files.publish(demos, contract_digest=contract.digest, keys=keys)

    def load(self, version: str | DatasetVersion | None = None) -> StateOnly:
        """The states of a version, after every file was compared with its digest.

        Args:
            version: a version, its digest, or the first characters of it; default the latest.

        Raises:
            DataError: the version holds decisions and not states.
            PermanentError: a file is missing or was changed (named), or there is no such version.
        """
        demos = self.files.load(version)
        if demos.action_labels != (NO_ACTION,):
            raise DataError(
                f"This version holds decisions ({', '.join(demos.action_labels[:3])}, ...), not states alone.",
                hint="It does not belong into the store of states; load it as demonstrations.",
            )
        settings = dict(demos.provenance.settings)
        labels = tuple(str(label) for label in settings.pop(COULD))
        return as_states(replace(demos, provenance=replace(demos.provenance, settings=settings)), labels)


def ingest_states(
    contract: TaskContract, paths: str | Path | Sequence[Any], store: StateStore
) -> DatasetVersion:
    """The version of the states that the files hold, after it is in the store whole; it becomes the latest.

    People who were erased from this store before are left out.

    Args:
        contract: with ``actions.column: null``.
        paths: as for ``telic.datasets.ingest``.
        store: where to put it.

    Raises:
        ContractError: the contract names a column of actions.
        DataError: the files break the contract; file, line and column are named.
        TemporaryError: the disk is full, or another writer holds the store; the store is as before.
    """
    from .sources.ingestion import read_rows

    require_no_actions(contract)
    files = store.files
    keys, listed = subject_keys(contract, files), listed_observations(contract)
    demos = without_erased(read_rows(contract, paths), keys, files.folder, listed)
    seen = as_states(demos, demos.action_labels)
    version = store.publish(seen, contract)
    return version if version.is_new else replace(version, findings=seen.findings)


def _following(demos: Any) -> dict[str, Any]:
    """What each row's next one showed, so that the store keeps each value once."""
    return {
        name: np.concatenate([values[1:], np.zeros(1, values.dtype)])
        for name, values in demos.observations.items()
    }
