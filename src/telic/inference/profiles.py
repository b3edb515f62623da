"""How far the trade-offs hold: fitted again over a grid of what was assumed.

Choices seldom tell the discount, and never the rationality apart from the scale of the reward: both are
assumptions. So every trade-off is looked at over a grid of them. For the discount each grid value is a new
fit, started from its neighbour's weights, from the held value outwards. For the rationality no fit is needed:
``Q`` is linear in the weights at fixed ``beta * theta``, so the fitted weights at rationality b are those at
beta times ``beta / b``, all standard errors scale alike, and no ratio or interval changes: that is said
exactly instead of being shown by refits. Resolutions (how finely states are cut) are profiled from fits that
the caller made; a conclusion that flips between them is called *resolution-dependent*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from telic.errors import DynamicsError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

from .driver import fit_likelihood
from .likelihood import choice_likelihood
from .profile_result import Profile, ProfilePoint, pair_profiles
from .settings import FitSettings
from .tradeoffs import Tradeoff, all_tradeoffs, default_pairs
from .wording import join_words

__all__ = ["Refit", "profile", "profile_discount", "profile_rationality", "resolution_profile"]

Refit = Callable[[float, RewardEstimate | None], RewardEstimate]
"""From a value of the assumption, and a fit at a neighbouring value to start from, to the fit at that
value."""

Pairs = Iterable[Sequence[str]]

FEWEST_RESOLUTIONS = 3
"""With fewer, a reader cannot see whether a conclusion settles as states get finer."""


def profile(
    refit: Refit,
    grid: Iterable[float],
    *,
    held: float,
    assumption: str,
    estimate: RewardEstimate | None = None,
    pairs: Pairs | None = None,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
    progress: Callable[[int, int], bool | None] | None = None,
) -> Profile:
    """Every trade-off over a grid of one assumption.

    Args:
        refit: makes the fit at one value; the second argument is a fit at a neighbouring value, or None.
        grid: values to look at; ``held`` is added where it is missing.
        held: the value of the main fit.
        assumption: its name, for the words of the result.
        estimate: the main fit, where it is there already.
        pairs: (numerator, denominator); None: those of ``default_pairs`` of the main fit.
        level: coverage of the intervals.
        kind: of standard error.
        method: of the interval.
        progress: told how many of how many fits are done; returning False stops, and the rest has no answer.

    Returns:
        The profile; a grid value without a fit keeps its outcome and has no trade-offs.

    Raises:
        NumericalError: the fit at the held value did not converge.
        SettingsError: the grid holds a number that is not finite.
    """
    values = sorted({float(v) for v in grid} | {float(held)})
    if not all(math.isfinite(v) for v in values):
        raise SettingsError(f"The grid must hold finite numbers, got {values}.", hint="Drop the others.")
    i_held = values.index(float(held))
    fits: dict[int, RewardEstimate] = {}
    messages: dict[int, str] = {}
    stopped = False
    # Outwards from the held value, so that each fit starts from a neighbour's weights.
    order = [i_held, *range(i_held + 1, len(values)), *range(i_held - 1, -1, -1)]
    for done, i in enumerate(order):
        near = next((fits[j] for j in _towards(i, i_held) if j in fits and fits[j].outcome.ok), None)
        if i == i_held and estimate is not None:
            fits[i] = estimate
        elif stopped:
            messages[i] = Outcome.INTERRUPTED.value
        else:
            try:
                fits[i] = refit(values[i], near)
            except (DynamicsError, NumericalError) as error:
                messages[i] = error.message
        if progress is not None and progress(done + 1, len(order)) is False:
            stopped = True
        if i == i_held:
            _require(fits.get(i), assumption, held, messages.get(i, ""))
    main = fits[i_held]
    chosen = [tuple(p) for p in pairs or ()] or list(default_pairs(main, kind=kind))
    points = []
    for i, value in enumerate(values):
        fit = fits.get(i)
        usable = fit is not None and fit.outcome.ok
        points.append(
            ProfilePoint(
                value=value,
                outcome=_outcome(fit, messages.get(i, "")),
                choice_log_likelihood=fit.choice_log_likelihood if fit is not None and usable else math.nan,
                tradeoffs=_tradeoffs(fit, chosen, level, kind, method) if fit is not None and usable else (),
                message=messages.get(i, "") or ("" if fit is None or usable else fit.outcome.value),
            )
        )
    made = Profile(
        assumption=assumption,
        held=float(held),
        points=tuple(points),
        pairs=pair_profiles(points, i_held, assumption),
    )
    return replace(made, findings=_findings(made, "assumption-dependent", Severity.NOTICE))


def profile_discount(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP,
    features: FeatureMap,
    discounts: Iterable[float],
    *,
    settings: FitSettings | None = None,
    rationality: float = 1.0,
    estimate: RewardEstimate | None = None,
    pairs: Pairs | None = None,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
    progress: Callable[[int, int], bool | None] | None = None,
) -> Profile:
    """Every trade-off under other discounts, by maximum causal entropy.

    Args:
        demos: decisions with states.
        world: with the discount that was assumed.
        features: of the reward.
        discounts: grid, per decision; in [0, 1), or 1 where the world ends.
        settings: of every fit.
        rationality: inverse temperature of every fit.
        estimate: the fit at the assumed discount, where it is there already.
        pairs: as ``profile``.
        level: as ``profile``.
        kind: as ``profile``.
        method: as ``profile``.
        progress: as ``profile``.

    Raises:
        NumericalError, SettingsError: as ``profile``.
        ImpossibleDemonstrationsError, FeatureError, DataError: the inputs do not fit each other.
    """
    chosen = settings or FitSettings()

    def refit(discount: float, near: RewardEstimate | None) -> RewardEstimate:
        start = chosen if near is None else replace(chosen, initial_weights=near.weights)
        likelihood = choice_likelihood(
            replace(world, discount=discount), features, demos, rationality=rationality
        )
        return fit_likelihood(likelihood, start)

    return profile(
        refit,
        discounts,
        held=float(world.discount),
        assumption="discount",
        estimate=estimate,
        pairs=pairs,
        level=level,
        kind=kind,
        method=method,
        progress=progress,
    )


def profile_rationality(
    estimate: RewardEstimate,
    grid: Iterable[float],
    *,
    pairs: Pairs | None = None,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
) -> Profile:
    """Every trade-off at other rationalities, exactly and without a fit: none of them changes.

    Args:
        estimate: a fit with fixed rationality, without penalty and without fixed weights.
        grid: inverse temperatures above 0.
        pairs: as ``profile``.
        level: as ``profile``.
        kind: as ``profile``.
        method: as ``profile``.

    Raises:
        SettingsError: rationality was estimated, or penalties or fixed weights tie the scale of the weights
            down, so that a refit is needed (``profile``); or a grid value is not above 0.
    """
    fixed = dict(estimate.fixed_by_assumption)
    tied = [k for k in fixed if k in ("l1", "l2") or k.startswith("weight of ")]
    if "rationality" not in fixed or tied:
        why = f"{join_words(tied)} tie the scale of the weights" if tied else "it was estimated"
        raise SettingsError(
            f"Rationality does not simply rescale this fit: {why}.",
            hint="Refit at each value: `profile(refit, grid, assumption='rationality', ...)`.",
        )
    beta = float(estimate.gauge.rationality)
    values = sorted({float(v) for v in grid} | {beta})
    if not all(math.isfinite(v) and v > 0 for v in values):
        raise SettingsError(f"Rationalities must be above 0, got {values}.", hint="1 is the convention.")
    _require(estimate, "rationality", beta, "")
    chosen = [tuple(p) for p in pairs or ()] or list(default_pairs(estimate, kind=kind))
    points = tuple(
        ProfilePoint(
            value=b,
            outcome=estimate.outcome,
            choice_log_likelihood=estimate.choice_log_likelihood,
            tradeoffs=_tradeoffs(_at_rationality(estimate, b), chosen, level, kind, method),
        )
        for b in values
    )
    return Profile(
        assumption="rationality",
        held=beta,
        points=points,
        pairs=pair_profiles(points, values.index(beta), "rationality"),
        is_exact=True,
        findings=(
            Finding(
                code="rationality-rescales",
                severity=Severity.INFO,
                message="Choices depend on the product of rationality and weights alone: another rationality "
                "divides every weight and its error by one number, so no trade-off, no interval and no "
                "likelihood changes.",
            ),
        ),
    )


def resolution_profile(
    fits: Sequence[tuple[str, RewardEstimate]],
    *,
    held: str | None = None,
    pairs: Pairs | None = None,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
) -> Profile:
    """Every trade-off over fits at several resolutions of the states; conclusions that flip are named.

    Args:
        fits: (label, fit), from coarse to fine.
        held: label of the main fit; None: the first.
        pairs: as ``profile``.
        level: as ``profile``.
        kind: as ``profile``.
        method: as ``profile``.

    Raises:
        NumericalError: the main fit did not converge.
        SettingsError: no fit was given, labels repeat, or ``held`` is none of them.
    """
    labels = [label for label, _ in fits]
    main = labels[0] if held is None and labels else held
    if main not in labels or len(set(labels)) != len(labels):
        raise SettingsError(
            f"A resolution profile needs fits with distinct labels and `held` among them, got {labels} "
            f"and {held!r}.",
            hint="Label each fit once, for example by its number of states.",
        )
    i_held = labels.index(main)
    _require(fits[i_held][1], "resolution", main, "")
    chosen = [tuple(p) for p in pairs or ()] or list(default_pairs(fits[i_held][1], kind=kind))
    points = tuple(
        ProfilePoint(
            value=label,
            outcome=fit.outcome,
            choice_log_likelihood=fit.choice_log_likelihood if fit.outcome.ok else math.nan,
            tradeoffs=_tradeoffs(fit, chosen, level, kind, method) if fit.outcome.ok else (),
            message="" if fit.outcome.ok else fit.outcome.value,
        )
        for label, fit in fits
    )
    made = Profile(
        assumption="resolution", held=main, points=points, pairs=pair_profiles(points, i_held, "resolution")
    )
    findings = _findings(made, "resolution-dependent", Severity.WARNING)
    answered = sum(bool(p.tradeoffs) for p in points)
    if answered < FEWEST_RESOLUTIONS:
        findings = (
            *findings,
            Finding(
                code="few-resolutions",
                severity=Severity.NOTICE,
                message=f"The trade-offs are known at {answered} resolutions only.",
                hint=f"Fit at {FEWEST_RESOLUTIONS} or more.",
            ),
        )
    return replace(made, findings=findings)


def _towards(i: int, i_held: int) -> range:
    """Indices between a grid point and the held one, nearest first, the held one included."""
    return range(i - 1, i_held - 1, -1) if i > i_held else range(i + 1, i_held + 1)


def _require(fit: RewardEstimate | None, assumption: str, held: float | str, message: str) -> None:
    if fit is None or not fit.outcome.ok:
        why = message or (fit.outcome.label if fit is not None else "no fit")
        raise NumericalError(
            f"The main fit ({assumption} {held}) has no answer: {why}.",
            hint=fit.outcome.value if fit is not None else "Choose another value to hold.",
        )


def _outcome(fit: RewardEstimate | None, message: str) -> Outcome:
    if fit is not None:
        return fit.outcome
    return Outcome.INTERRUPTED if message == Outcome.INTERRUPTED.value else Outcome.INFEASIBLE


def _tradeoffs(
    fit: RewardEstimate, pairs: Sequence[Sequence[str]], level: float, kind: str | None, method: str
) -> tuple[Tradeoff, ...]:
    return all_tradeoffs(fit, pairs, level=level, kind=kind, method=method) if pairs else ()


def _at_rationality(estimate: RewardEstimate, rationality: float) -> RewardEstimate:
    c = float(estimate.gauge.rationality) / rationality
    return replace(
        estimate,
        weights=estimate.weights * c,
        covariances={kind: np.asarray(C) * c**2 for kind, C in estimate.covariances.items()},
        gauge=replace(estimate.gauge, rationality=rationality),
        fixed_by_assumption={**estimate.fixed_by_assumption, "rationality": rationality},
    )


def _findings(made: Profile, code: str, severity: Severity) -> tuple[Finding, ...]:
    hint = "Do not rest a decision on it before the assumption is settled."
    if made.assumption == "resolution":
        hint = "Use finer states where it changes, or do not rest a decision on it."
    out = [
        Finding(
            code=code,
            severity=severity,
            message=f"{made.assumption}-dependent: {p.sentence}",
            hint=hint,
            evidence={
                "numerator": p.numerator,
                "denominator": p.denominator,
                "flips": [{"at": at, "differs": list(what)} for at, what in p.flips],
            },
        )
        for p in made.pairs
        if p.is_dependent
    ]
    lost = [p for p in made.points if not p.outcome.ok]
    if lost:
        out.append(
            Finding(
                code="profile-incomplete",
                severity=Severity.NOTICE,
                message=f"No answer at {made.assumption} "
                f"{join_words([f'{p.value} ({p.outcome.label})' for p in lost])}.",
                hint=lost[0].message,
            )
        )
    return tuple(out)
