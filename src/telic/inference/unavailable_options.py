"""Options in the log that the expert could not take: found where the log can show it, and measured where it cannot.

A log lists what there was; the expert chose among what could be taken. Where the two differ, a weight says what was
possible. Old jobs in a queue are mostly those that nobody may take, so the experts seem to avoid what they prefer, with
small errors. No error of a fit tells: it explains what it sees.

**What can show it** is the same option listed again. If the features say all there is to say about an option, having
been passed over before tells nothing about the next decision (no memory, independence of irrelevant alternatives); if
it could not be taken, it will be passed over again. So the belief that an option can be taken (``listed``), made from
the earlier decisions only, is added as a feature, and its weight must be 0. Tested one-sided by the signed root of the
likelihood ratio, for options that stay as they are over a unit (a day, a trajectory) or the whole log, and for those
that change now and then. The p-value is the smallest of these times their number. The chance of a false alarm is
``level`` at most in large logs; ``docs/methods/unavailable_options.md`` has what was measured.

An alarm says that the listed options and the features do not explain who is passed over. Something about an option
that only the expert saw, or a taste that differs between units, looks the same. Either way the weights are no
preference, and the outcome is ``UNAVAILABLE_OPTIONS``.

**What cannot show it**: options listed once, or that were out of reach by a fresh draw at each decision. Then there is
no alarm, and the figure to look at is ``flip_share``.

References: Manski (1977), Theory and Decision 8; Hausman and McFadden (1984), Econometrica 52, for tests of the logit;
Lancaster (1990), The Econometric Analysis of Transition Data, for telling who could not leave from who did not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic.errors import SettingsError
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.trajectories import ChoiceSets
from telic.typing import FloatArray

from .conditional_logit import LogitFit
from .listed import ListedChoices, Spells
from .sign_flips import PATTERNS, flip_share
from .unavailable_findings import options_findings
from .unavailable_result import OptionsCheck, PassedOver
from .uncertainty import covariances

__all__ = ["OptionsSettings", "check_options", "refuse_preference"]

SUPPOSED = 0.2
"""Share of options out of reach from which the belief is made that is tested for."""

CHANGING = 0.1
"""Chance, from one listing to the next, that an option comes into reach or goes out of it, for the second test."""

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Shares out of reach that are tried after an alarm."""

ROUNDS = 20
"""Times, at most, that weights and beliefs are made from each other."""

SETTLED = 1e-4
"""Largest move of a weight, relative to the largest weight, at which these rounds stop."""


@dataclass(frozen=True, kw_only=True)
class OptionsSettings:
    """What a caller may choose.

    Attributes:
        level: chance of a false alarm.
        redraws: choices drawn anew, with ``planted`` of the options out of reach, to say what the log could have shown;
            0: not asked. Only without an alarm.
        planted: share of options out of reach in these.
        allowing: after an alarm, look for the share out of reach, the same for every option, that explains the choices
            best; weights move the right way but not always far enough.
        flips: weights whose ``flip_share`` is wanted; None: all.
        key: of the redraws.
    """

    level: float = 0.01
    redraws: int = 20
    planted: float = 1 / 3
    allowing: bool = True
    flips: Sequence[str] | None = None
    key: int = 0

    def __post_init__(self) -> None:
        for name in ("level", "planted"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise SettingsError(
                    f"`{name}` must lie in (0, 1), got {value}.", hint="The defaults are 0.01 and 1/3."
                )
        if self.redraws < 0:
            raise SettingsError(
                f"`redraws` must not be negative, got {self.redraws}.", hint="0 asks for none."
            )


def check_options(sets: ChoiceSets, *, settings: OptionsSettings | None = None) -> OptionsCheck:
    """The weights of a logit among the listed options, and whether these could be taken.

    Args:
        sets: choices among listed options; with ``options``, or nothing can be shown.
        settings: level, redraws, and the weights whose sign is asked about.

    Raises:
        SettingsError: a setting is out of range.
        FeatureError: ``flips`` names a weight that there is not.
    """
    began = time.process_time()
    chosen = settings or OptionsSettings()
    listed = ListedChoices(sets)
    fit = listed.logit().fit()
    spells = _spells(sets)
    tests: tuple[PassedOver, ...] = ()
    allowing: _Allowing | None = None
    power: float | None = None
    if fit.outcome.ok:
        tests = _tests(listed, fit, spells)
    p_value = min([1.0, *(len(tests) * t.p_value for t in tests)]) if tests else None
    alarm = p_value is not None and p_value < chosen.level
    if alarm and chosen.allowing:
        strongest = min(tests, key=lambda t: t.p_value)
        allowing = _allowing(listed, fit, spells[strongest.over], strongest.switching)
    if tests and not alarm and chosen.redraws:
        power = _power(listed, fit, spells, chosen)
    flips = tuple(
        flip_share(sets, name, pattern=pattern)
        for name in (sets.names if chosen.flips is None else chosen.flips)
        for pattern in PATTERNS
        if fit.outcome.ok
    )
    outcome = Outcome.UNAVAILABLE_OPTIONS if alarm else fit.outcome
    made = OptionsCheck(
        outcome=outcome,
        names=sets.names,
        weights=fit.weights if fit.outcome.ok else np.full(len(sets.names), np.nan),
        covariances=_errors(listed, fit) if fit.outcome.ok else {},
        null_directions=fit.null_directions,
        log_likelihood=fit.value,
        n_decisions=sets.n_decisions,
        n_listed=sets.n_listed,
        tests=tests,
        p_value=p_value,
        level=chosen.level,
        power=power,
        planted=chosen.planted,
        share=None if allowing is None else allowing.share,
        weights_allowing=None if allowing is None else allowing.weights,
        flips=flips,
        seconds=time.process_time() - began,
    )
    return replace(
        made,
        findings=options_findings(made, is_listed_again=bool(spells)),
        seconds=time.process_time() - began,
    )


def refuse_preference(estimate: RewardEstimate, check: OptionsCheck) -> RewardEstimate:
    """The estimate with the findings of the check, and no answer where it sounded the alarm.

    Args:
        estimate: fitted to the same decisions.
        check: of its choices (``listed_choices``).
    """
    outcome = check.outcome if check.alarm and estimate.outcome.ok else estimate.outcome
    return replace(estimate, outcome=outcome, findings=(*check.findings, *estimate.findings))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Allowing:
    """Weights that allow for options out of reach.

    Attributes:
        share: of the options of the spells that could not be taken.
        weights: ``(K,)``.
    """

    share: float
    weights: FloatArray


def _spells(sets: ChoiceSets) -> dict[str, Spells]:
    """Spells within a unit and over the whole log, where an option is listed again in them."""
    if sets.options is None:
        return {}
    d = sets.decision_of
    pairs = np.stack([sets.units[d], sets.options], axis=1)
    within = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    over = np.unique(sets.options, return_inverse=True)[1].ravel()
    found = {"unit": Spells(within, d)}
    if int(over.max()) != int(
        within.max()
    ):  # one is finer than the other, so equal numbers are the same spells
        found["log"] = Spells(over, d)
    return {name: spells for name, spells in found.items() if spells.n_repeated}


def _tests(
    listed: ListedChoices, fit: LogitFit, spells: dict[str, Spells], taken: FloatArray | None = None
) -> tuple[PassedOver, ...]:
    """The weight of the belief and its signed root, for every kind of spell."""
    from scipy.special import ndtr

    sets = listed.sets
    rows = sets.taken if taken is None else taken[listed.places] > 0
    p = np.exp(listed.logit().log_probabilities(fit.weights))[listed.places]
    out = []
    for over, spell in spells.items():
        for switching in (0.0, CHANGING):
            belief = np.log(spell.beliefs(p, rows, SUPPOSED, switching))
            wider = listed.logit(features=np.column_stack([sets.features, belief]), taken=taken)
            more = wider.fit(initial=np.append(fit.weights, 0.0))
            weight = float(more.weights[-1])
            gain = max(more.value - fit.value, 0.0)
            root = float(np.copysign(np.sqrt(2.0 * gain), weight)) if more.outcome.ok or weight > 0 else 0.0
            out.append(
                PassedOver(
                    over=over, switching=switching, weight=weight, root=root, p_value=float(ndtr(-root))
                )
            )
    return tuple(out)


def _allowing(listed: ListedChoices, fit: LogitFit, spells: Spells, switching: float) -> _Allowing:
    """The share and the weights at which beliefs and weights, made from each other, explain the choices best."""
    best, most = _Allowing(share=0.0, weights=fit.weights), fit.value
    weights, belief = fit.weights, np.zeros(listed.sets.n_listed)
    for share in SHARES:
        value = -np.inf
        for _ in range(ROUNDS):
            # What an option could be taken with, if it can be, among others that are believed in so far.
            p = np.exp(listed.logit(more_value=belief).log_probabilities(weights))[listed.places]
            p = p / (p + np.exp(belief) * (1.0 - p))
            belief = np.log(spells.beliefs(p, listed.sets.taken, share, switching))
            again = listed.logit(more_value=belief).fit(initial=weights)
            if not again.outcome.ok:
                break
            moved = float(np.abs(again.weights - weights).max(initial=0.0))
            weights, value = again.weights, again.value
            if moved <= SETTLED * float(np.abs(weights).max(initial=0.0)):
                break
        if value > most:
            best, most = _Allowing(share=share, weights=weights), value
    return best


def _power(
    listed: ListedChoices, fit: LogitFit, spells: dict[str, Spells], settings: OptionsSettings
) -> float:
    """Share of redraws with options out of reach that sound the alarm; what is listed stays as it was."""
    rng = np.random.default_rng(settings.key)
    finest = next(iter(spells.values()))
    log_p = listed.logit().log_probabilities(fit.weights)
    alarms = 0
    for _ in range(settings.redraws):
        gone = rng.random(int(finest.of_row.max()) + 1) < settings.planted
        reach = ~listed.padded(gone[finest.of_row].astype(np.float64)).astype(bool)
        reach |= ~(reach & listed.allowed).any(axis=1, keepdims=True)  # something could be taken
        clocks = np.where(reach & listed.allowed, log_p + rng.gumbel(size=log_p.shape), -np.inf)
        taken = np.zeros_like(log_p)
        taken[np.arange(len(taken)), clocks.argmax(axis=1)] = 1.0
        naive = listed.logit(taken=taken).fit()
        if naive.outcome.ok:
            tests = _tests(listed, naive, spells, taken)
            alarms += min(t.p_value for t in tests) * len(tests) < settings.level
    return alarms / settings.redraws


def _errors(listed: ListedChoices, fit: LogitFit) -> dict[str, FloatArray]:
    logit = listed.logit()
    scores = listed.cluster_scores(logit, fit.weights)
    sums = {"outer_product": logit.outer_product(fit.weights)}
    if len(scores) > 1:
        sums["sandwich_clustered"] = scores.T @ scores
    return covariances(logit.information(fit.weights), sums, 0.0, fit.null_directions)[0]
