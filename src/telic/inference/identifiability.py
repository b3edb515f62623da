"""What choices can and cannot tell about reward weights, before and after looking at data.

Three questions, each answered exactly up to rounding:

- *Structure*: which directions of the weights change no soft policy in these worlds, however much data there
  were? The null space of the advantage features (``advantage_factor``).
- *Several worlds or discounts*: a direction is null jointly where it is null in each; every further world can
  only lower the nullity, and the report shows by how much.
- *Data*: which directions change no choice probability of a state that was visited? The null space of the
  expected information of the demonstrations, and the directions that are nearly null with the standard error
  along them.

Free rewards (a number for every state and action) have their own page, ``free_rewards``.
References: Ng, Harada and Russell (1999); Cao, Cohen and Szpruch (2021), NeurIPS; Kim et al. (2021), ICML;
Rothenberg (1971), Econometrica 39, 577-591, for information and local identification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap
from telic.mdp import GoalConditionedMDP
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .advantage_factor import AdvantageFactor, World, advantage_factor
from .directions import null_rows, null_words
from .local_identifiability import LocalIdentifiability, local_identifiability

__all__ = ["Identifiability", "IdentifiabilityStep", "identifiability"]


@dataclass(frozen=True, kw_only=True)
class IdentifiabilityStep:
    """What one more world (or discount) adds.

    Attributes:
        label: the world in words.
        rank_alone: identified directions in this world alone.
        rank: identified directions in this and all earlier worlds together.
        nullity: directions that are left.
        removed: directions that this world told which the earlier ones could not.
        words: what this world alone cannot tell, in the words of the features.
    """

    label: str
    rank_alone: int
    rank: int
    nullity: int
    removed: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Identifiability:
    """Which directions of the weights choices can tell.

    Attributes:
        names: K names of the weights.
        outcome: ``SUCCESS``, or why a linear system had no solution; then there are no directions to trust.
        rank: directions that choices in these worlds can tell.
        null_directions: unit-norm, orthogonal rows that change no choice in any of the worlds.
        words: the same in the words of the features.
        singular_values: of the scaled advantage features, falling; those of null directions are about 0.
        steps: what each world added, in the order given.
        local: what the demonstrations can tell, or None without any.
        findings: what a reader should know.
    """

    names: tuple[str, ...]
    outcome: Outcome
    rank: int
    null_directions: Float[np.ndarray, "nullity K"]
    words: tuple[str, ...]
    singular_values: Float[np.ndarray, "K"]
    steps: tuple[IdentifiabilityStep, ...]
    local: LocalIdentifiability | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def nullity(self) -> int:
        """Directions that no amount of data from these worlds could tell."""
        return len(self.null_directions)

    def table(self) -> Table:
        """How each world lowers the nullity."""
        return Table(
            title="What each world or discount adds",
            columns=("world", "told alone", "told together", "left", "newly told"),
            rows=tuple((s.label, s.rank_alone, s.rank, s.nullity, s.removed) for s in self.steps),
            note="Counts of independent directions of the weights.",
        )

    def summary(self) -> Report:
        """The answer as a report."""
        K = len(self.names)
        if not self.outcome.ok:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        elif not self.nullity:
            headline = f"Choices in these worlds can tell all {K} weights."
        else:
            headline = f"Choices can tell {self.rank} of {K} directions of the weights. " + " ".join(
                self.words
            )
        items: list[str | Table | Finding] = [self.table(), *self.findings]
        sections = [Section(title="What no data could tell", items=tuple(items), anchor="structure")]
        if self.local is not None:
            told: list[str | Table | Finding] = [*self.local.words, self.local.table()]
            if not self.local.outcome.ok:
                told = [f"Not known ({self.local.outcome.label}). {self.local.outcome.value}"]
            sections.append(Section(title="What these data tell", items=tuple(told), anchor="data"))
        return Report(
            title="Identifiability", headline=headline, sections=tuple(sections), data=self.to_json()
        )

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON-able values."""
        return {
            "result": self.outcome.label,
            "rank": self.rank,
            "nullity": self.nullity,
            "null_directions": [_named(self.names, row) for row in self.null_directions],
            "words": list(self.words),
            "singular_values": [float(x) for x in self.singular_values],
            "steps": [vars(s) for s in self.steps],
            "local": None if self.local is None else self.local.to_json(),
            "findings": [f.to_json() for f in self.findings],
        }


def identifiability(
    worlds: World | Sequence[World],
    features: FeatureMap | Sequence[FeatureMap],
    *,
    demos: Demonstrations | Sequence[Demonstrations] | None = None,
    discounts: Sequence[float] | None = None,
    weights: Float[np.ndarray, "K"] | None = None,
    rationality: float = 1.0,
    labels: Sequence[str] | None = None,
) -> Identifiability:
    """Which directions of the weights choices in these worlds can tell, and which these demonstrations tell.

    Args:
        worlds: one world, or several whose experts share the weights.
        features: of the world, or one for each world; names must agree.
        demos: decisions in the world, or one set for each world, for the question about data.
        discounts: look at every world under each of these instead of its own discount.
        weights: where to measure the information of the data; None: at 0. Structure does not depend on it.
        rationality: inverse temperature behind the information of the data.
        labels: a name for each world.

    Returns:
        The answer; ``outcome`` other than ``SUCCESS`` when a linear system of a world has no solution.

    Raises:
        FeatureError: features do not fit their world, or their names differ.
        SettingsError: the sequences differ in length, or a discount was given for a world without one.

    Example:
        >>> from telic.mdp import TabularMDP
        >>> stay_or_switch = np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
        >>> world = TabularMDP.from_transition(stay_or_switch, discount=0.9)
        >>> phi = FeatureMap(values=np.array([[0.0, 1.0], [1.0, 1.0]]), names=("on", "always"), form="S")
        >>> identifiability(world, phi).words
        ('always: it is the same whatever is done, so its value cannot be told.',)
    """
    base = [worlds] if isinstance(worlds, World) else list(worlds)
    phis = [features] * len(base) if isinstance(features, FeatureMap) else list(features)
    data: list[Demonstrations] | None = None
    if demos is not None:
        data = [demos] * len(base) if isinstance(demos, Demonstrations) else list(demos)
    _check_lengths(base, phis, data, labels, demos)
    if discounts is not None and data is not None:
        raise SettingsError(
            "`demos` were made under one discount; they cannot be read under several.",
            hint="Leave `discounts` out, or pass one world for each discount with its own demonstrations.",
        )
    named = [_label(w, i, labels, len(base)) for i, w in enumerate(base)]
    cases = [(w, f, name) for w, f, name in zip(base, phis, named, strict=True)]
    if discounts is not None:
        cases = [
            (_with_discount(w, g), f, f"{name.split(', discount')[0]}, discount {g:g}")
            for w, f, name in cases
            for g in discounts
        ]
    factors = [advantage_factor(w, f) for w, f, _ in cases]
    failed = next((f.outcome for f in factors if not f.outcome.ok), Outcome.SUCCESS)
    names = phis[0].names
    K = len(names)
    if not failed.ok:
        return _no_answer(names, failed)
    steps: list[IdentifiabilityStep] = []
    directions, spectrum = np.eye(K), np.zeros(K)
    for i, (_, _, label) in enumerate(cases):
        alone, _ = _joint(factors[i : i + 1])
        before = len(directions)
        directions, spectrum = _joint(factors[: i + 1])
        steps.append(
            IdentifiabilityStep(
                label=label,
                rank_alone=K - len(alone),
                rank=K - len(directions),
                nullity=len(directions),
                removed=before - len(directions),
                words=null_words(
                    names,
                    alone,
                    is_constant=factors[i].is_constant,
                    differs_by_action=factors[i].differs_by_action,
                ),
            )
        )
    words = null_words(
        names,
        directions,
        is_constant=np.all([f.is_constant for f in factors], axis=0),
        differs_by_action=np.any([f.differs_by_action for f in factors], axis=0),
    )
    local = None
    if data is not None:
        magnitude = np.max([f.magnitude for f in factors], axis=0)
        local = local_identifiability(
            base, phis, data, weights=weights, rationality=rationality, magnitude=magnitude
        )
    return Identifiability(
        names=names,
        outcome=Outcome.SUCCESS,
        rank=K - len(directions),
        null_directions=directions,
        words=words,
        singular_values=spectrum,
        steps=tuple(steps),
        local=local,
        findings=_findings(steps, words, directions),
    )


def _joint(factors: Sequence[AdvantageFactor]) -> tuple[FloatArray, FloatArray]:
    return null_rows(
        np.concatenate([f.factor for f in factors]),
        np.max([f.magnitude for f in factors], axis=0),
        n_rows=sum(f.n_rows for f in factors),
        noise=max(f.noise for f in factors),
    )


def _findings(
    steps: Sequence[IdentifiabilityStep], words: tuple[str, ...], directions: FloatArray
) -> tuple[Finding, ...]:
    out = []
    if len(directions):
        out.append(
            Finding(
                code="not-identified",
                severity=Severity.NOTICE,
                message=f"{len(directions)} direction(s) of the weights change no choice: {' '.join(words)}",
                hint="Add decisions from another world or another discount, or drop a feature.",
                evidence={"nullity": len(directions)},
            )
        )
    idle = [s.label for s in steps[1:] if not s.removed and s.nullity]
    if idle:
        out.append(
            Finding(
                code="world-adds-nothing",
                severity=Severity.INFO,
                message=f"These tell no direction that the earlier ones do not: {', '.join(idle)}.",
            )
        )
    return tuple(out)


def _no_answer(names: tuple[str, ...], outcome: Outcome) -> Identifiability:
    K = len(names)
    return Identifiability(
        names=names,
        outcome=outcome,
        rank=0,
        null_directions=np.zeros((0, K)),
        words=(),
        singular_values=np.full(K, np.nan),
        steps=(),
    )


def _named(names: Sequence[str], row: FloatArray) -> dict[str, float]:
    return {n: float(c) for n, c in zip(names, row.tolist(), strict=True) if c}


def _with_discount(world: World, discount: float) -> World:
    if isinstance(world, GoalConditionedMDP):
        raise SettingsError(
            "A goal-conditioned world is undiscounted; `discounts` do not apply to it.",
            hint="Leave them out.",
        )
    return replace(world, discount=float(discount))


def _label(world: World, i: int, labels: Sequence[str] | None, count: int) -> str:
    if labels is not None:
        return labels[i]
    name = f"world {i + 1}" if count > 1 else "the world"
    if isinstance(world, GoalConditionedMDP):
        return f"{name}, {len(world.goals)} destinations"
    return f"{name}, discount {world.discount:g}"


def _check_lengths(
    base: Sequence[World],
    phis: Sequence[FeatureMap],
    data: Sequence[Demonstrations] | None,
    labels: Sequence[str] | None,
    demos: Demonstrations | Sequence[Demonstrations] | None,
) -> None:
    counts = {
        "worlds": len(base),
        "features": len(phis),
        "demos": len(base) if data is None else len(data),
        "labels": len(base) if labels is None else len(labels),
    }
    one_for_many = isinstance(demos, Demonstrations) and len(base) > 1
    if not base or len(set(counts.values())) > 1 or one_for_many:
        given = ", ".join(f"{v} {k}" for k, v in counts.items())
        raise SettingsError(
            f"Each world needs its own features, demonstrations and label; got {given}.",
            hint="Give sequences of one length, or one world.",
        )
    for phi in phis[1:]:
        if phi.names != phis[0].names:
            raise FeatureError(
                f"The features of all worlds must have the same names, got {phis[0].names} and {phi.names}.",
                hint="The weights are shared, so their names and order must be.",
            )
