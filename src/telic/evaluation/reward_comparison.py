"""Rewards side by side: what ``compare_rewards`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.reports.numbers import json_value
from telic.typing import FloatArray

from .preference_accuracy import PreferenceAccuracy
from .reward_relation import RewardRelation

__all__ = ["RewardComparison", "RewardFacts"]

SCHEMA_VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardFacts:
    """What can be said of one reward by itself.

    Attributes:
        name: as the caller calls it.
        form: ``S``, ``SA`` or ``SAS``.
        is_trivial: it prefers no policy to any other.
        size: root mean square of its canonical form over the pairs that can be chosen, in its own unit.
        nullity: directions that its data could not tell; None for a reward that was not inferred.
        open_directions: how many of them move the canonical form, and so every distance; None likewise.
        accuracy: agreement with held-out comparisons; None where there are none.
    """

    name: str
    form: str
    is_trivial: bool
    size: float
    nullity: int | None = None
    open_directions: int | None = None
    accuracy: PreferenceAccuracy | None = None

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON-able values."""
        return {
            "name": self.name,
            "form": self.form,
            "is_trivial": self.is_trivial,
            "size": json_value(self.size),
            "nullity": self.nullity,
            "open_directions": self.open_directions,
            "accuracy": None if self.accuracy is None else self.accuracy.to_json(),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardComparison:
    """Rewards side by side.

    Attributes:
        rewards: what each is by itself.
        distances: kind to ``(N, N)`` symmetric matrix, 0 on the diagonal; NaN where not defined.
        relations: ``(i, j)`` with i < j to how the two are related in this world.
        elsewhere: ``(N, N)`` STARC distances in the new world; None where none was given.
        outcome: ``SUCCESS``; ``TRIVIAL`` where no two of the rewards can be compared.
        findings: worst first.
    """

    rewards: tuple[RewardFacts, ...]
    distances: Mapping[str, FloatArray]
    relations: Mapping[tuple[int, int], RewardRelation]
    elsewhere: Float[np.ndarray, "N N"] | None
    outcome: Outcome
    findings: tuple[Finding, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rewards, in order."""
        return tuple(facts.name for facts in self.rewards)

    def distance(self, first: str, second: str, kind: str = "starc") -> float:
        """The distance of two of the rewards, by name.

        Raises:
            SettingsError: there is no such reward or kind.
        """
        for name, known in ((first, self.names), (second, self.names), (kind, tuple(self.distances))):
            if name not in known:
                raise SettingsError(
                    f"No {name!r} here; there are {', '.join(known)}.", hint="Use one of these."
                )
        return float(self.distances[kind][self.names.index(first), self.names.index(second)])

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON-able values; NaN becomes null."""
        return {
            "schema_version": SCHEMA_VERSION,
            "result": self.outcome.label,
            "rewards": [facts.to_json() for facts in self.rewards],
            "distances": {kind: json_value(matrix) for kind, matrix in self.distances.items()},
            "relations": [
                {"first": self.names[i], "second": self.names[j], **relation.to_json()}
                for (i, j), relation in self.relations.items()
            ],
            "starc_elsewhere": json_value(self.elsewhere),
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The comparison as a report."""
        pairs = Table(
            title="Distances, from 0 (all policies ordered alike) to 1 (opposite)",
            columns=("rewards", *(kind.upper() for kind in self.distances), "relation")
            if self.elsewhere is None
            else ("rewards", *(kind.upper() for kind in self.distances), "STARC elsewhere", "relation"),
            rows=tuple(self._row(i, j) for i, j in self.relations),
            note="STARC is the one to certify by; EPIC and DARD are shown for comparison.",
        )
        alone = Table(
            title="Each by itself",
            columns=("reward", "form", "size", "nullity", "open directions", "agrees with held-out answers"),
            rows=tuple(
                (
                    r.name,
                    r.form,
                    r.size,
                    r.nullity,
                    r.open_directions,
                    None if r.accuracy is None else r.accuracy.value,
                )
                for r in self.rewards
            ),
            note="Size: root mean square of what is left without shaping. Open directions: what the data could not "
            "tell and the distances depend on.",
        )
        return Report(
            title="Rewards compared",
            headline=self._headline(),
            sections=(
                Section(title="Between them", items=(pairs,)),
                Section(title="Each by itself", items=(alone,)),
                Section(title="What to know", items=self.findings),
            ),
            data=self.to_json(),
        )

    def _row(self, i: int, j: int) -> tuple[str | float | None, ...]:
        words = f"{self.names[i]} and {self.names[j]}"
        cells: list[str | float | None] = [words, *(float(m[i, j]) for m in self.distances.values())]
        if self.elsewhere is not None:
            cells.append(float(self.elsewhere[i, j]))
        return (*cells, self.relations[i, j].relation.value)

    def _headline(self) -> str:
        if not self.outcome.ok:
            return self.outcome.value
        (i, j), relation = max(self.relations.items(), key=lambda item: item[1].distance.value)
        first, second = self.names[i], self.names[j]
        if len(self.rewards) == 2:
            return f"{first} and {second} {relation.relation.value} (STARC {relation.distance.value:.4f})."
        return (
            f"{len(self.rewards)} rewards; farthest apart are {first} and {second} "
            f"(STARC {relation.distance.value:.4f})."
        )
