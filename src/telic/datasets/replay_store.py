"""A replay store: a bounded memory of trajectories that a learner draws from, with ages, priorities and a diversity.

::

    DIR/replay.json       which version counts, priority of each trajectory, what was let go and why
    DIR/rows/             one version of a ``telic.datasets.DatasetStore``, and no other

Whatever is added, at most ``capacity`` decisions stay, on disk as in memory. What is older than
``max_age_seconds`` goes first; if there is still too much, those stay that together show most (``replay_pruning``).

Drawing is by priority: trajectory i comes with probability proportional to ``n_i p_i^alpha`` and a decision of it
evenly, and each drawn decision has the weight ``(1 / (n P))^beta``, scaled to at most 1, by which a learner undoes it
(Schaul, Quan, Antonoglou and Silver 2016, Prioritized Experience Replay, section 3.4).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import DataError, PermanentError, SettingsError, world_errors
from telic.storage import FileLock, atomic_write
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .diversity import Diversity, diversity_of, pairs_of
from .joined import joined
from .replay_pruning import kept_trajectories
from .store import DatasetStore

__all__ = ["Pruning", "ReplaySettings", "ReplayStore"]

SCHEMA_VERSION = 1
NOTES = "replay.json"
LOCK_SECONDS = 30.0
"""How long a writer waits for another one."""


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """What stays, and how it is drawn.

    Attributes:
        capacity: most decisions that are kept, at least 1.
        max_age_seconds: age of a trajectory's last decision from which it goes; None: none is too old.
        alpha: 0 draws evenly, 1 in proportion to the priorities.
        beta: 0 leaves the draws as they are, 1 undoes them fully by weights.
        priority: of a trajectory that nobody has judged yet, above 0.

    Raises:
        SettingsError: one is out of range.
    """

    capacity: int
    max_age_seconds: float | None = None
    alpha: float = 0.6
    beta: float = 0.4
    priority: float = 1.0

    def __post_init__(self) -> None:
        age = self.max_age_seconds
        wrong = [
            *(["capacity must be at least 1"] if self.capacity < 1 else []),
            *(["max_age_seconds must be above 0"] if age is not None and not age > 0 else []),
            *([f"{n} must lie in [0, 1]" for n in ("alpha", "beta") if not 0 <= getattr(self, n) <= 1]),
            *([] if math.isfinite(self.priority) and self.priority > 0 else ["priority must be above 0"]),
        ]
        if wrong:
            raise SettingsError(f"Of a replay store, {' and '.join(wrong)}.", hint=f"Got {self}.")


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """What an addition did.

    Attributes:
        n_decisions: that are in the store now.
        too_old, no_room: names of the trajectories that went, those just added among them.
        before: diversity of all that was there to choose from and not too old.
        after: of what stayed.
    """

    n_decisions: int
    too_old: tuple[str, ...]
    no_room: tuple[str, ...]
    before: Diversity
    after: Diversity


@dataclass(frozen=True, kw_only=True)
class ReplayStore:
    """A bounded store in a folder.

    Law: after any addition the store has at most ``capacity`` decisions and none that is too old.

    Attributes:
        folder: made when something is added first.
        settings: what stays.
        situations: ``(n,)`` situation of each decision; default its state (``StateSpace.encode``).
    """

    folder: Path
    settings: ReplaySettings
    situations: Callable[[Demonstrations], LongArray] | None = None

    def add(
        self,
        demos: Demonstrations,
        *,
        priorities: Mapping[str, float] | None = None,
        now: float | None = None,
    ) -> Pruning:
        """What went, after the store is there whole with these trajectories and within its bounds.

        Args:
            demos: with other trajectories than those that are there.
            priorities: trajectory to its priority.
            now: seconds since 1970; needed where ages are limited.

        Raises:
            DataError: a trajectory is there already, has no time where ages are limited, or fits in no way.
            SettingsError: a priority is not above 0.
        """
        with world_errors(f"write to {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS):
            notes = self._notes()
            known = {**notes["priorities"], **{str(n): self.settings.priority for n in demos.trajectory_ids}}
            known |= _positive(priorities or {}, known)
            whole = joined([self._rows.load(notes["version"]), demos]) if notes["version"] else demos
            old = self._too_old(whole, now)
            recent = whole.select(~old)
            pairs = self._pairs(recent)
            kept = kept_trajectories(
                pairs,
                recent.offsets,
                np.array([known[str(n)] for n in recent.trajectory_ids], dtype=np.float64),
                self.settings.capacity,
            )
            stays = recent.select(kept)
            gone = {
                "too_old": [str(n) for n in whole.trajectory_ids[old]],
                "no_room": [str(n) for n in recent.trajectory_ids[~kept]],
            }
            version = self._rows.publish(stays)
            self._write(
                {
                    "version": version.digest,
                    "priorities": {str(n): known[str(n)] for n in stays.trajectory_ids},
                    "let_go": {k: notes["let_go"].get(k, 0) + len(v) for k, v in gone.items()},
                }
            )
            for other in self._rows.versions():
                if other.digest != version.digest:
                    self._rows.remove(other)
        return Pruning(
            n_decisions=stays.n_decisions,
            too_old=tuple(gone["too_old"]),
            no_room=tuple(gone["no_room"]),
            before=diversity_of(pairs),
            after=diversity_of(self._pairs(stays)),
        )

    def load(self) -> Demonstrations:
        """All that is in the store.

        Raises:
            PermanentError: nothing was added yet, or a file was changed.
        """
        version = self._notes()["version"]
        if not version:
            raise PermanentError(f"The replay store {self.folder} is empty.", hint="Add trajectories first.")
        return self._rows.load(version)

    @property
    def priorities(self) -> dict[str, float]:
        """Of each trajectory that is there."""
        return dict(self._notes()["priorities"])

    @property
    def let_go(self) -> dict[str, int]:
        """Trajectories that went since the store was made, by why."""
        return dict(self._notes()["let_go"])

    def judge(self, priorities: Mapping[str, float]) -> None:
        """Other priorities, usually what a learner still gets wrong about a trajectory.

        Args:
            priorities: trajectory to its priority, above 0.

        Raises:
            DataError: one is not in the store.
            SettingsError: one is not above 0.
        """
        with FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS):
            notes = self._notes()
            notes["priorities"] |= _positive(priorities, notes["priorities"])
            self._write(notes)

    def draw(self, n: int, *, key: int) -> tuple[Demonstrations, LongArray, FloatArray]:
        """The store, ``(n,)`` rows of it, and their weights in (0, 1].

        Args:
            n: decisions; the same one may come again.
            key: random key.
        """
        demos = self.load()
        known = self.priorities
        by_trajectory = np.array([known[str(x)] for x in demos.trajectory_ids]) ** self.settings.alpha
        p = by_trajectory[demos.trajectory_index]
        p /= p.sum()
        rows = np.random.default_rng(key).choice(demos.n_decisions, size=n, p=p).astype(np.int64)
        # The least likely decision has the largest weight there can be, 1.
        return demos, rows, np.asarray((p.min() / p[rows]) ** self.settings.beta, dtype=np.float64)

    @property
    def _rows(self) -> DatasetStore:
        return DatasetStore(self.folder / "rows")

    def _pairs(self, demos: Demonstrations) -> LongArray:
        found = demos.require_states()[0] if self.situations is None else self.situations(demos)
        return pairs_of(np.asarray(found, dtype=np.int64), demos.actions.astype(np.int64), demos.n_actions)

    def _too_old(self, demos: Demonstrations, now: float | None) -> np.ndarray:
        most = self.settings.max_age_seconds
        old = np.zeros(len(demos), dtype=bool)
        if most is None:
            return old
        if demos.times is None or now is None:
            raise DataError(
                "Ages are limited, and "
                + ("the decisions have no time." if demos.times is None else "`now` was not given."),
                hint="Name the column of the time in data.time, and say `now`; or leave out max_age_seconds.",
            )
        filled = np.diff(demos.offsets) > 0
        last = demos.times[np.maximum(demos.offsets[1:] - 1, 0)]
        return filled & (now - last > most)

    def _notes(self) -> dict[str, Any]:
        path = self.folder / NOTES
        if not path.is_file():
            return {"version": "", "priorities": {}, "let_go": {}}
        try:
            with world_errors(f"read {path}"):
                found = json.loads(path.read_text(encoding="utf-8"))
            if found["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"layout {found['schema_version']!r}, not {SCHEMA_VERSION}")
            return {k: found[k] for k in ("version", "priorities", "let_go")}
        except (ValueError, KeyError, TypeError) as problem:
            raise PermanentError(
                f"{path} cannot be read: {problem}.", hint="Make the replay store anew from its datasets."
            ) from None

    def _write(self, notes: Mapping[str, Any]) -> None:
        text = json.dumps({"schema_version": SCHEMA_VERSION, **notes}, indent=1, ensure_ascii=False)
        atomic_write(self.folder / NOTES, (text + "\n").encode())


def _positive(priorities: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float]:
    for name, value in priorities.items():
        if name not in known:
            raise DataError(f"No trajectory {name!r} is in the store.", hint="It was let go, or never added.")
        if not (math.isfinite(value) and value > 0):
            raise SettingsError(
                f"The priority of {name!r} must be above 0, got {value}.", hint="Give a small one."
            )
    return {k: float(v) for k, v in priorities.items()}
