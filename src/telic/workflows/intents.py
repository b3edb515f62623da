"""Several intents among the decisions of a fit: how many, what each values, and how common each is over time.

The mixture is fitted to the decisions of all together, with the world taken as known (``telic.inference.fit_mixture``,
``choose_components``). Shares over time are those of ``intent_shares``: units are ordered by when they began, or as
they stand in the log where no times tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from telic.errors import DataError, SettingsError
from telic.inference.mixture import MixtureSettings, fit_mixture
from telic.inference.mixture_choice import ComponentChoice, choose_components
from telic.inference.mixture_result import IntentMixture
from telic.inference.units import UNITS, Units
from telic.inference.wording import plural
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .intent_shares import PeriodShares, change_of_shares, likelihoods_of, periods_of, shares_by_period
from .moments import moment_labels
from .progress import Progress, silent

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["FoundIntents", "IntentSettings", "OverTime", "check_intents", "find_intents"]

FOLDS = 5
"""Parts of the units behind the choice of a number."""

FEWEST_OVER_TIME = 4
"""Units below which there is nothing to compare over time."""


@dataclass(frozen=True, kw_only=True)
class IntentSettings:
    """What may be chosen about intents.

    Attributes:
        n_intents: how many; None: the number that held-out likelihood supports.
        most: largest number tried, where it is not given; fewer where there are too few units.
        unit: ``"trajectory"`` or ``"demonstrator"``: what keeps one intent.
        starts: of every fit; more finds the highest likelihood more surely.
    """

    n_intents: int | None = None
    most: int = 4
    unit: str = "trajectory"
    starts: int = 8

    def __post_init__(self) -> None:
        for name, value in (("n_intents", self.n_intents), ("most", self.most)):
            if value is not None and value < 1:
                raise SettingsError(
                    f"The number of intents (`{name}`) must be at least 1, got {value}.",
                    hint="`--intents auto` finds the number that held-out likelihood supports.",
                )
        if self.unit not in UNITS:
            raise SettingsError(
                f"`unit` of intents must be one of {', '.join(UNITS)}, got {self.unit!r}.",
                hint="It is what keeps one intent: each trajectory, or each demonstrator.",
            )
        MixtureSettings(starts=self.starts)


@dataclass(frozen=True, kw_only=True, eq=False)
class OverTime:
    """How common each intent is from period to period.

    Attributes:
        edges: ``(B + 1,)`` begin of each period and of the last unit: seconds, or places in the log.
        labels: the same in words.
        is_timed: the edges are times.
        reason: why they are not; "" where they are.
        n_units, n_people: ``(B,)`` units and demonstrators of each period.
        shares: of each intent; intervals are NaN where units are demonstrators, each with trajectories in many periods.
        p_value: of shares that do not change; NaN where it is not tested.
    """

    edges: FloatArray
    labels: tuple[str, ...]
    is_timed: bool
    reason: str
    n_units: LongArray
    n_people: LongArray
    shares: PeriodShares
    p_value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundIntents:
    """A mixture with how its number was found and how its shares move.

    Attributes:
        settings: as chosen.
        mixture: the intents.
        choice: held-out likelihood by number; None where the number was given.
        over_time: shares by period; None where there is one intent or ``not_over_time`` says why.
        not_over_time: why there are no shares over time; "" where there are, or where there is one intent.
        who: ``(U,)`` place of the demonstrator of each unit among ``people``.
        people: pseudonyms.
    """

    settings: IntentSettings
    mixture: IntentMixture
    choice: ComponentChoice | None
    over_time: OverTime | None
    not_over_time: str
    who: LongArray
    people: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """That there are several, and those of the choice of a number and of the mixture; they name nobody."""
        if self.choice is None:
            return self.mixture.findings
        return (*_several(self.choice), *self.choice.findings, *self.mixture.findings)


def check_intents(demos: Demonstrations, settings: IntentSettings) -> None:
    """Refuse, before anything is fitted, what no mixture can be made of.

    Args:
        demos: the decisions to be fitted.
        settings: of the intents.

    Raises:
        DataError: there are fewer units than intents, or a number is to be found from one unit.
    """
    units = Units.of(demos, settings.unit)
    kind, U = plural(settings.unit), units.n_units
    if settings.n_intents is not None and settings.n_intents > U:
        raise DataError(
            f"{settings.n_intents} intents need at least as many {kind}; {U} {'is' if U == 1 else 'are'} fitted.",
            hint="Ask for fewer, or `--intents auto`."
            + (" Trajectories may be more: `--intents-by trajectory`." if settings.unit != UNITS[0] else ""),
            n_intents=settings.n_intents,
            n_units=U,
        )
    if settings.n_intents is None and U < 2:
        raise DataError(
            f"The number of intents cannot be found from one {settings.unit}.",
            hint="Leave `--intents` out, or cut the log where one task ends and the next begins."
            + (" Trajectories may be more: `--intents-by trajectory`." if settings.unit != UNITS[0] else ""),
            n_units=U,
        )


def find_intents(
    fit: Fit, settings: IntentSettings, *, l2: float = 0.0, key: int = 0, progress: Progress = silent
) -> FoundIntents:
    """The intents among the decisions of a fit.

    Args:
        fit: of all together, with an answer.
        settings: of the intents.
        l2: penalty on the squared norm of the weights of each intent, in nats.
        key: of starts, folds and dealings.
        progress: told how far the work is.

    Raises:
        DataError: see ``check_intents``.
    """
    check_intents(fit.demos, settings)
    units = Units.of(fit.demos, settings.unit)
    rationality = fit.estimate.gauge.rationality
    inner = MixtureSettings(starts=settings.starts, key=key, l2=l2)
    choice = None
    if settings.n_intents is None:
        n_folds = min(FOLDS, units.n_units)
        in_training = units.n_units - -(-units.n_units // n_folds)
        choice = choose_components(
            fit.demos,
            fit.world,
            fit.features,
            most=max(1, min(settings.most, in_training)),
            unit=settings.unit,
            n_folds=n_folds,
            key=key,
            level=fit.level,
            rationality=rationality,
            settings=inner,
            progress=lambda done, total: progress("intents", done, total, "mixtures"),
        )
        mixture = choice.mixture
    else:
        progress("intents", 0, 1)
        mixture = fit_mixture(
            fit.demos,
            fit.world,
            fit.features,
            n_components=settings.n_intents,
            unit=settings.unit,
            rationality=rationality,
            settings=inner,
        )
    progress("intents", 1, 1, mixture.outcome.label)
    over_time, why_not = None, ""
    if mixture.outcome.ok and mixture.n_components > 1:
        if units.demos.n_trajectories < FEWEST_OVER_TIME:
            why_not = (
                f"{units.demos.n_trajectories} trajectories are too few to look at over time; {FEWEST_OVER_TIME} are"
                " the fewest."
            )
        else:
            over_time = _over_time(units, mixture, fit.level, key)
            if len(over_time.n_units) < 2:
                over_time, why_not = (
                    None,
                    "Nearly all trajectories begin at the same time: there are no periods to compare.",
                )
    firsts = np.unique(units.index, return_index=True)[1]
    return FoundIntents(
        settings=settings,
        mixture=mixture,
        choice=choice,
        over_time=over_time,
        not_over_time=why_not,
        who=np.asarray(units.demos.demonstrators[firsts], dtype=np.int64),
        people=units.demos.demonstrator_names,
    )


def _several(choice: ComponentChoice) -> tuple[Finding, ...]:
    """The finding that one reward for all is an average."""
    J = choice.n_components
    if J < 2 or not choice.outcome.ok:
        return ()
    gain, low, high = choice.gain(J, 1)
    return (
        Finding(
            code="several-intents",
            severity=Severity.WARNING,
            message=(
                f"{J} intents explain {plural(choice.mixture.unit)} that were not fitted {gain:.1f} nats"
                f" [{low:.1f}, {high:.1f}] better than one: the reward of all together is an average that nobody need"
                " hold."
            ),
            hint="Read the weights of each intent, and what sets their decisions apart (time, place, who decided).",
            evidence={"n_intents": J, "gain": gain, "interval": [low, high]},
        ),
    )


def _over_time(units: Units, mixture: IntentMixture, level: float, key: int) -> OverTime:
    """Shares by period of the beginnings of units; of trajectories, where units are demonstrators."""
    demos, is_by_person = units.demos, units.kind == "demonstrator"
    starts = demos.offsets[:-1]
    of_trajectory = np.arange(demos.n_trajectories, dtype=np.float64)
    reason = ""
    if demos.times is None:
        reason = "The log has no times"
    elif len(np.unique(demos.times[starts])) < 2:
        reason = "All trajectories begin at the same time"
    else:
        of_trajectory = demos.times[starts]
    if is_by_person:
        begins, rows = of_trajectory, mixture.responsibilities[units.index]
        people = demos.demonstrators
    else:
        begins = np.full(units.n_units, np.inf)
        np.minimum.at(begins, units.index, of_trajectory)
        rows = mixture.responsibilities
        people = demos.demonstrators[np.unique(units.index, return_index=True)[1]]
    period, edges = periods_of(begins)
    B = int(period.max()) + 1
    shares, p_value = _shares(rows, period, mixture.shares, level, key, with_intervals=not is_by_person)
    return OverTime(
        edges=edges,
        labels=tuple(f"no. {x + 1:,.0f}" for x in edges) if reason else tuple(moment_labels(edges)),
        is_timed=not reason,
        reason=reason,
        n_units=np.bincount(period, minlength=B),
        n_people=np.array([len(np.unique(people[period == b])) for b in range(B)], dtype=np.int64),
        shares=shares,
        p_value=p_value,
    )


def _shares(
    rows: FloatArray, period: LongArray, overall: FloatArray, level: float, key: int, *, with_intervals: bool
) -> tuple[PeriodShares, float]:
    if with_intervals:
        found = shares_by_period(likelihoods_of(rows, overall), period, level=level)
        return found, change_of_shares(rows, period, key=key)
    means = np.stack([rows[period == b].mean(axis=0) for b in range(int(period.max()) + 1)])
    blank = np.full_like(means, np.nan)
    return PeriodShares(shares=means, lower=blank, upper=blank), np.nan
