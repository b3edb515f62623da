"""How many tastes there are, by the likelihood of units that the mixture has not seen.

Units are dealt into folds with a fixed key. For each number of components the mixture is fitted to all folds but one
and gives the log-likelihood of each unit of that one (choices are marked by the whole mixture: nobody says which taste
a new unit has). The answer is the smallest number that no larger one beats: whose gain, paired by unit, has a lower end
of its interval above zero. Where more components never help, that is one. A mixture with more components than there are
tastes has a flat top and is no answer by itself; it foretells units all the same, and is compared.

References:
    Smyth (2000), Model selection for probabilistic clustering using cross-validated likelihood, Statistics and
    Computing 10, 63-72.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .likelihood import choice_likelihood
from .mixture import MixtureSettings, check_enough, intents, mixture_of
from .mixture_result import IntentMixture
from .units import Units
from .wording import plural

__all__ = ["ComponentChoice", "choose_components"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ComponentChoice:
    """The number of tastes, and the mixture with it.

    Attributes:
        n_components: the smallest number that no larger one beats.
        mixture: of that many, fitted to all units.
        tried: numbers of components.
        held_out: ``(len(tried), U)`` log-likelihood of each unit by mixtures that did not see it, nats; NaN where a
            mixture could not be fitted.
        level: of the intervals.
        n_folds, key: how units were dealt.
        unit_sizes: ``(U,)`` decisions of each.
        findings: what was noticed.
    """

    n_components: int
    mixture: IntentMixture
    tried: tuple[int, ...]
    held_out: Float[np.ndarray, "M U"]
    level: float
    n_folds: int
    key: int
    unit_sizes: Float[np.ndarray, "U"]
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """That of the mixture."""
        return self.mixture.outcome

    def gain(self, more: int, fewer: int) -> tuple[float, float, float]:
        """Nats of all held-out units that ``more`` components win over ``fewer``, with its interval."""
        a, b = (self.held_out[self.tried.index(n)] for n in (more, fewer))
        return paired_gain(a - b, self.level)

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON-able values."""
        return {
            "schema_version": 1,
            "n_components": self.n_components,
            "folds": self.n_folds,
            "key": self.key,
            "level": self.level,
            "tried": [
                {"n_components": n, "held_out": _number(total), "gain_over_one": _triple(self.gain(n, 1))}
                for n, total in zip(self.tried, self.held_out.sum(axis=1).tolist(), strict=True)
            ],
            "mixture": self.mixture.to_json(),
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The choice as a report, with that of the mixture."""
        n, total = self.n_components, float(self.unit_sizes.sum())
        rows: list[tuple[int | float | None, ...]] = []
        for i, m in enumerate(self.tried):
            gain = self.gain(m, self.tried[i - 1]) if i else (math.nan,) * 3
            rows.append((m, _number(float(self.held_out[i].sum()) / total), *map(_number, gain)))
        table = Table(
            title="Held-out likelihood by number of tastes",
            columns=("tastes", "nats a decision", "nats won over one fewer", "from", "to"),
            rows=tuple(rows),
            note=f"{self.n_folds} folds of units, key {self.key}; intervals of {self.level:.0%}, paired by unit.",
        )
        inner = self.mixture.summary()
        number = Section(title="How many", items=(table, *self.findings), anchor="how-many")
        larger = [m for i, m in enumerate(self.tried) if m > n and np.all(np.isfinite(self.held_out[i]))]
        if larger:
            because = f"no larger number foretells unseen {plural(self.mixture.unit)} surely better"
        else:
            because = "the largest number that could be compared"
        return Report(
            title="Number of intents",
            headline=f"{n} taste{'s' * (n > 1)}: {because}.",
            sections=(number, *inner.sections),
            data=self.to_json(),
        )


def choose_components(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    most: int = 4,
    unit: str = "trajectory",
    n_folds: int = 5,
    key: int = 0,
    level: float | int = 0.95,
    rationality: float = 1.0,
    settings: MixtureSettings | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ComponentChoice:
    """The number of tastes that held-out likelihood supports, and the mixture with it.

    Args:
        demos: decisions with states.
        world: the dynamics.
        features: what the rewards may depend on.
        most: largest number of components tried.
        unit: ``"trajectory"`` or ``"demonstrator"``.
        n_folds: parts into which the units are dealt; at most their number.
        key: of the dealing.
        level: of the intervals of gains.
        rationality: inverse temperature of all.
        settings: of every fit.
        progress: called with the mixtures fitted so far and of all.

    Raises:
        DataError: there are fewer than two units, or the largest number exceeds those of a training part.
        SettingsError: a number is out of range.

    References:
        Smyth (2000).
    """
    chosen = settings or MixtureSettings()
    units = Units.of(demos, unit)
    check_enough(units, most)
    if units.n_units < 2:
        raise DataError(
            f"The number of tastes cannot be told from one {unit}.",
            hint="At least two units are needed, and about five for each component.",
        )
    if n_folds < 2 or not 0 < level < 1:
        raise SettingsError(
            f"`n_folds` must be at least 2 and `level` in (0, 1), got {n_folds} and {level}.",
            hint="5 folds and 0.95 are usual.",
        )
    n_folds = min(n_folds, units.n_units)
    fold = units.folds(n_folds, key)
    largest = int(np.bincount(fold).max())
    if units.n_units - largest < most:
        raise DataError(
            f"With {units.n_units} {plural(unit)} in {n_folds} folds a training part has {units.n_units - largest}, "
            f"fewer than the {most} components to be tried.",
            hint="Lower `most`, or raise `n_folds`.",
        )
    tried = tuple(range(1, most + 1))
    held_out = np.full((most, units.n_units), np.nan)
    for f in range(n_folds):
        train = Units.of(units.select(fold != f), "trajectory")
        test = Units.of(units.select(fold == f), "trajectory")
        seen, unseen = (
            choice_likelihood(world, features, u.demos, rationality=rationality) for u in (train, test)
        )
        for i, n in enumerate(tried):
            progress(f * most + i, n_folds * most + 1)
            m = mixture_of(seen, train, n, chosen, time.process_time())
            if np.all(np.isfinite(m.weights)):
                model = intents(unseen, m.pooled, n, 0.0)
                held_out[i, fold == f] = unit_log_likelihoods(model.at(m.weights, m.shares).each, m.shares)
    usable = [n for n in tried if np.all(np.isfinite(held_out[n - 1]))]
    best = usable[0] if usable else 1
    for n in usable:
        if all(paired_gain(held_out[m - 1] - held_out[n - 1], level)[1] <= 0 for m in usable if m > n):
            best = n
            break
    progress(n_folds * most, n_folds * most + 1)
    likelihood = choice_likelihood(world, features, units.demos, rationality=rationality)
    return ComponentChoice(
        n_components=best,
        mixture=mixture_of(likelihood, units, best, chosen, time.process_time()),
        tried=tried,
        held_out=held_out,
        level=float(level),
        n_folds=n_folds,
        key=key,
        unit_sizes=units.sizes,
        findings=_findings(tried, usable),
    )


def unit_log_likelihoods(each: FloatArray, shares: FloatArray) -> FloatArray:
    """``(U,)`` log of the mixture density of each unit, from ``(U, C)`` log-likelihoods by class."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp.reduce(each + np.log(shares), axis=1))


def paired_gain(differences: FloatArray, level: float) -> tuple[float, float, float]:
    """The sum of ``(U,)`` differences with its Student interval over units; NaN where one is missing."""
    from scipy.special import stdtrit

    U = len(differences)
    total = float(differences.sum())
    reach = float(stdtrit(U - 1, 0.5 + level / 2.0)) * float(differences.std(ddof=1)) * math.sqrt(U)
    return total, total - reach, total + reach


def _findings(tried: tuple[int, ...], usable: list[int]) -> tuple[Finding, ...]:
    left = [n for n in tried if n not in usable]
    if not left:
        return ()
    return (
        Finding(
            code="number-not-tried",
            severity=Severity.WARNING,
            message=f"Mixtures of {', '.join(map(str, left))} components could not be fitted in every fold; they were "
            "not compared.",
            hint="Collect more units, lower `most`, or give `l2`.",
            evidence={"n_components": left},
        ),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _triple(values: tuple[float, float, float]) -> list[float | None]:
    return [_number(v) for v in values]
