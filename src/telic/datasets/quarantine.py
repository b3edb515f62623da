"""Quarantine: a file beside a version that lists the trajectories under suspicion, each with its reason.

The version itself stays as it is. Whether the trajectories are left out is the contract's word
(``quality.quarantine``) or the caller's; the file says what would be left out, and is replaced by each check.

::

    data/quarantine/<hex>.json    {"schema_version", "dataset", "trajectories": [{"trajectory", "reasons"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telic._core.hashing import digest_json
from telic.errors import PermanentError, world_errors
from telic.reports import Finding
from telic.storage import atomic_write
from telic.trajectories import Demonstrations

__all__ = ["Quarantine"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Trajectories of one version that are under suspicion.

    Law: ``Quarantine.read(path) == q`` after ``q.write(path)``.

    Attributes:
        dataset: digest of the version.
        reasons: trajectory to why it is here.
    """

    dataset: str
    reasons: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, dataset: str, findings: Iterable[Finding]) -> Quarantine:
        """The quarantine that the findings of a check ask for.

        Args:
            dataset: digest of the version that was checked.
            findings: of the gate; those of poisoning name trajectories.
        """
        reasons: dict[str, tuple[str, ...]] = {}
        for finding in findings:
            if finding.code == "poisoning-suspected":
                for name in finding.evidence["trajectories"]:
                    reasons[name] = (*reasons.get(name, ()), finding.message)
        return cls(dataset=dataset, reasons=dict(sorted(reasons.items())))

    @classmethod
    def read(cls, path: Path) -> Quarantine:
        """The quarantine in a file.

        Raises:
            PermanentError: the file is damaged or of another layout.
        """
        try:
            with world_errors(f"read {path}"):
                found = json.loads(path.read_text(encoding="utf-8"))
            if found["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"layout {found['schema_version']!r}, not {SCHEMA_VERSION}")
            reasons = {str(t["trajectory"]): tuple(map(str, t["reasons"])) for t in found["trajectories"]}
            return cls(dataset=str(found["dataset"]), reasons=reasons)
        except (ValueError, KeyError, TypeError) as problem:
            raise PermanentError(
                f"The quarantine {path} cannot be read: {problem}.",
                hint="Run `telic check` again; it writes it anew.",
            ) from None

    def write(self, path: Path) -> Path:
        """The path, after the file is there whole."""
        listed = [{"trajectory": name, "reasons": list(why)} for name, why in self.reasons.items()]
        content = {"schema_version": SCHEMA_VERSION, "dataset": self.dataset, "trajectories": listed}
        return atomic_write(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    @property
    def digest(self) -> str:
        """Digest of the trajectories that would be left out; reasons do not count."""
        return digest_json({"dataset": self.dataset, "trajectories": sorted(self.reasons)})

    def left_out_of(self, demos: Demonstrations) -> Demonstrations:
        """The demonstrations without the trajectories in quarantine.

        Args:
            demos: of this version.
        """
        suspects = np.array([str(name) in self.reasons for name in demos.trajectory_ids], dtype=bool)
        return demos.select(~suspects) if suspects.any() else demos
