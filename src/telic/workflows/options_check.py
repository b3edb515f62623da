"""Whether the actions of a log could be taken, before a fit of it is called a preference.

Each demonstrator's choices are tested by themselves (``telic.inference.check_options`` on ``listed_choices``),
because tastes that differ between people look like options out of reach. The level is shared among those who are
tested, so that a log in which everything could be taken sounds an alarm in at most one of a hundred. After an alarm
the result is not called a preference, from its title on; where that is asked for, the fit of that demonstrator and that
of all together have no answer. What the log cannot show has a figure: the share of the options whose absence would turn
the sign of a weight. Tastes that differ between trajectories or change over time sound it as well, and so does
a feature that is missing: the finding says what to look at. Measured in ``reproductions/infer_availability.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telic.inference import (
    FlipShare,
    OptionsSettings,
    check_options,
    flip_share,
    listed_choices,
    refuse_preference,
)
from telic.inference.unavailable_result import OptionsCheck
from telic.mdp import TabularMDP
from telic.reports import Finding, Severity
from telic.rewards import RewardEstimate
from telic.trajectories import ChoiceSets, Demonstrations

from .choice_sets import n_restricted
from .fit import Fit
from .fitting import fit_reward
from .problem import Problem

__all__ = ["Availability", "turning_shares", "with_availability"]

LEVEL = 0.01
"""Chance, over all who are tested together, of refusing a log in which everything could be taken."""

MOST_TESTED = 20
"""Demonstrators who are tested: those with most decisions."""


@dataclass(frozen=True, kw_only=True)
class Availability:
    """What was found.

    Attributes:
        p_value: smallest of the tests times their number, at most 1; None where nothing was tested.
        n_tested: demonstrators who were tested.
        reason: why nothing was; "" where something was.
        n_restricted: decisions in which the log says that some action was not offered; None where it says nothing.
        is_fitted: the fit knows what was not offered (``telic.workflows.offered_states``).
        flips: how many options would have to be out of reach to turn the sign of each weight, where that was asked.
        findings: for the result of all together; they name nobody.
    """

    p_value: float | None
    n_tested: int
    reason: str
    n_restricted: int | None
    is_fitted: bool = False
    flips: tuple[FlipShare, ...] = ()
    findings: tuple[Finding, ...]

    @property
    def alarm(self) -> bool:
        """Options that were passed over could not all be taken, so that the weights are no preference."""
        return self.p_value is not None and self.p_value < LEVEL

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, without the findings."""
        return {
            "alarm": self.alarm,
            "p_value": self.p_value,
            "n_tested": self.n_tested,
            "reason": self.reason,
            "n_restricted": self.n_restricted,
            "flips": [f.to_json() for f in self.flips],
        }

    @property
    def sentence(self) -> str:
        """What is taken for granted about it, for the page."""
        open_ones = (
            "Every action that the log offers could be taken, and no other; how often which are offered later is known."
            if self.is_fitted
            else "Every action of a state could be taken whenever it was not."
        )
        if self.p_value is None:
            return f"{open_ones} This was not tested: {self.reason}"
        said = "an alarm" if self.alarm else "nothing speaks against it"
        return (
            f"{open_ones} Tested on the choices of"
            f" {'each of ' * (self.n_tested > 1)}{self.n_tested} demonstrator{'s' * (self.n_tested > 1)}: {said}"
            f" (p = {self.p_value:.2g}, over all of them)."
        )


def with_availability(
    problem: Problem, fits: Mapping[str, Fit], *, everybody: str, is_strict: bool = False
) -> tuple[dict[str, Fit], Availability]:
    """The fits, without an answer where options were out of reach and that is asked for, and what was found.

    Args:
        problem: as posed.
        fits: by demonstrator, and all under ``everybody``.
        everybody: label of the fit of all.
        is_strict: after an alarm there is no answer; else a warning says that the weights are no preference.
    """
    pooled = fits[everybody]
    is_recorded = pooled.demos.offered is not None
    untested = Availability(
        p_value=None,
        n_tested=0,
        reason=_why_not(problem, pooled),
        n_restricted=n_restricted(pooled.demos) if is_recorded else None,
        is_fitted=problem.available is not None,
        findings=(),
    )
    if untested.reason:
        return dict(fits), untested
    checks = _checks(problem, fits)
    tested = {who: c for who, c in checks.items() if c.p_value is not None}
    if not tested:
        why = "no action is known to be open twice to anybody whose choices can be fitted."
        return dict(fits), replace(untested, reason=why)
    found = dict(fits)
    for who, check in tested.items():
        if check.alarm and who in found and is_strict:
            found[who] = replace(found[who], estimate=refuse_preference(found[who].estimate, check))
    worst = min(tested.values(), key=lambda c: 1.0 if c.p_value is None else c.p_value)
    assert worst.p_value is not None
    notes: tuple[Finding, ...] = ()
    if worst.alarm and not is_strict:
        notes = tuple(_as_warning(f) for f in worst.findings if f.code == "unavailable-options")
    elif worst.alarm:
        found[everybody] = replace(pooled, estimate=refuse_preference(pooled.estimate, worst))
    return found, replace(
        untested,
        p_value=min(1.0, len(tested) * worst.p_value),
        n_tested=len(tested),
        findings=notes,
    )


def turning_shares(problem: Problem, pooled: Fit) -> tuple[FlipShare, ...]:
    """For each weight that choices tell, the fewest options whose absence would turn its sign (pattern ``worst``).

    Args:
        problem: as posed.
        pooled: the fit of all together.

    Returns:
        One a weight; none where the options of a decision cannot be listed (``Availability.reason``).
    """
    if _why_not(problem, pooled) or not pooled.estimate.is_identified.any():
        return ()
    sets = _told_choices(problem, pooled.demos, pooled.estimate)
    return tuple(flip_share(sets, name, pattern="worst") for name in sets.names)


def _as_warning(finding: Finding) -> Finding:
    """The alarm beside an answer, with what else sounds it."""
    return replace(
        finding,
        severity=Severity.WARNING,
        hint="Record which options could be taken (`actions.offered`); look whether tastes differ or change (`telic"
        " infer --intents`, `--over-time`) and whether a feature is missing. `--strict-options` gives no answer until"
        " then.",
    )


def _why_not(problem: Problem, pooled: Fit) -> str:
    """Why nothing can be tested, in a sentence; "" where it can."""
    if not isinstance(problem.world, TabularMDP):
        return "it is tested only where the horizon is not fixed."
    if not pooled.outcome.ok:
        return "there is no fit to go by."
    if pooled.estimate.method != "max_causal_entropy" or pooled.estimate.penalties:
        return "it is tested around a fit by max_causal_entropy without a penalty."
    if pooled.demos.weights is not None:
        return "the decisions have weights."
    return ""


def _checks(problem: Problem, fits: Mapping[str, Fit]) -> dict[str, OptionsCheck]:
    """The check of each demonstrator's choices."""
    demos = problem.train
    sizes = np.bincount(demos.demonstrators[demos.trajectory_index], minlength=len(demos.demonstrator_names))
    largest = [i for i in np.argsort(-sizes, kind="stable").tolist() if sizes[i]][:MOST_TESTED]
    settings = OptionsSettings(level=LEVEL / len(largest), redraws=0, flips=())
    found = {}
    for i in sorted(largest):
        who = demos.demonstrator_names[i]
        mine = demos.of(who)
        known = fits.get(who)
        estimate = fit_reward(problem, mine) if known is None else known.estimate
        if estimate.outcome.ok and estimate.is_identified.any():
            found[who] = _check(problem, mine, estimate, settings)
    return found


def _check(
    problem: Problem, demos: Demonstrations, estimate: RewardEstimate, settings: OptionsSettings
) -> OptionsCheck:
    return check_options(_told_choices(problem, demos, estimate), settings=settings)


def _told_choices(problem: Problem, demos: Demonstrations, estimate: RewardEstimate) -> ChoiceSets:
    """The choices with the features whose weights they tell: the others have no effect on any of them."""
    assert isinstance(problem.world, TabularMDP)
    sets = listed_choices(demos, problem.world, problem.features, estimate)
    told = np.flatnonzero(estimate.is_identified)
    return replace(sets, features=sets.features[:, told], names=tuple(sets.names[k] for k in told))
