"""Trade-offs: what one unit of a feature is worth in units of another, with an honest interval.

Problem: weights of a reward have no meaning of their own (multiply all of them, and the rationality divides
it out); their ratios do. The trade-off of ``numerator`` in ``denominator`` is ``theta_n / theta_d``: how many
units of the denominator feature change the reward as much as one unit of the numerator feature. Two costs, or
two benefits, give a positive ratio ("one minute over SLO is worth 3.1 pod-hours"); a cost against a benefit
gives a negative one, and the sentence says so.

Guarantee: with ``method="fieller"`` the interval covers exactly where the estimates are normal (``ratios``).
Where the interval of the denominator's own weight holds zero the answer is *unbounded*, by either method;
where one of the weights moves along a direction that changes no choice it is *not identified* and no number
is given; where the fit did not converge there is no number either.
"""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from telic.errors import FeatureError, SettingsError
from telic.reports import Outcome, Table
from telic.rewards import RewardEstimate

from .critical import CLUSTERED, COUNT_ROUNDING, critical_value
from .ratio_words import RatioWords, why_unbounded
from .ratios import RatioSet, RatioShape, delta_set, fieller_set
from .wording import join_words

__all__ = [
    "COVARIANCE_ORDER",
    "Conclusion",
    "Tradeoff",
    "TradeoffStatus",
    "all_tradeoffs",
    "default_pairs",
    "preferred_kind",
    "tradeoff",
    "tradeoff_table",
]

COVARIANCE_ORDER = ("sandwich_clustered", "sandwich", "hessian", "outer_product")
"""Kinds of standard error from the one that assumes least."""

MAX_DEFAULT_PAIRS = 200
"""Above so many weights (a free reward) no pair is chosen unasked."""

METHODS = {"fieller": fieller_set, "delta": delta_set}


class TradeoffStatus(enum.StrEnum):
    """What can be said about a trade-off."""

    BOUNDED = "bounded"
    """A value with an interval."""
    UNBOUNDED = "unbounded"
    """A value, but the denominator's weight may be zero: no interval holds it."""
    NOT_IDENTIFIED = "not-identified"
    """No value: a weight moves along a direction that changes no choice, or only a penalty keeps it finite."""
    NO_ERRORS = "no-errors"
    """A value without any standard error; ``reason`` says why."""
    ZERO_DENOMINATOR = "zero-denominator"
    """No value: the denominator's weight is exactly zero."""
    NOT_CONVERGED = "not-converged"
    """No value: the fit stopped before its answer."""


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What a trade-off settles at its level; two analyses agree where their conclusions are equal.

    Attributes:
        sign: ``"positive"``, ``"negative"`` or ``"open"``.
        against_one: ``"above"``, ``"below"`` or ``"open"``: does one unit of the numerator weigh (in size)
            more or less than one unit of the denominator?
        bounded: the set of values that fit is an interval.
    """

    sign: str
    against_one: str
    bounded: bool

    def differences(self, other: Conclusion) -> tuple[str, ...]:
        """Which parts differ, in words; empty where the two are equal."""
        found = []
        if self.bounded != other.bounded:
            found.append("whether it is bounded")
        if self.sign != other.sign:
            found.append("its sign")
        if self.against_one != other.against_one:
            found.append("whether it exceeds 1")
        return tuple(found)

    def __str__(self) -> str:
        size = {"above": ", larger than 1", "below": ", smaller than 1", "open": ""}[self.against_one]
        sign = {"positive": "positive", "negative": "negative", "open": "sign open"}[self.sign]
        return f"{sign}{size}{'' if self.bounded else ', unbounded'}"


@dataclass(frozen=True, kw_only=True)
class Tradeoff:
    """One ratio of weights in the user's units.

    Attributes:
        numerator, denominator: names of the features.
        unit: of the value, for example ``"pod-hours per minute over SLO"``.
        value: ``theta_n / theta_d``, or None where there is none to give (see ``status``).
        interval: ``(lower, upper)``, or None where there is none (see ``status``).
        method: ``"fieller"`` or ``"delta"``.
        bounded: True where ``interval`` is the whole answer.
        level: coverage of the interval.
        kind: of standard error; "" where there was none.
        critical: standard errors to either side (``critical_value``); NaN where there were none.
        degrees_of_freedom: of Student's t behind it; None for the normal quantile.
        status: see ``TradeoffStatus``.
        shape: of the confidence set; None where there is none.
        gap: the values that are rejected where the set is everything else (``shape`` complement), else None.
        reason: why there is no value or no interval; "" where there is.
        sentence: the trade-off in words.
        fixed_by_assumption: what was held fixed in the fit (discount, rationality), printed beside the
            number.
    """

    numerator: str
    denominator: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None
    method: str
    bounded: bool
    level: float
    kind: str = ""
    critical: float = math.nan
    degrees_of_freedom: float | None = None
    status: TradeoffStatus = TradeoffStatus.BOUNDED
    shape: RatioShape | None = None
    gap: tuple[float, float] | None = None
    reason: str = ""
    sentence: str = ""
    fixed_by_assumption: dict[str, Any] = field(default_factory=dict)

    @property
    def conclusion(self) -> Conclusion:
        """What is settled at the level; everything is open without an interval."""
        if self.interval is None:
            return Conclusion(sign="open", against_one="open", bounded=False)
        lower, upper = self.interval
        sign = "positive" if lower > 0 else "negative" if upper < 0 else "open"
        inside, outside = max(abs(lower), abs(upper)) < 1.0, lower > 1.0 or upper < -1.0
        against_one = "below" if inside else "above" if outside else "open"
        return Conclusion(sign=sign, against_one=against_one, bounded=self.bounded)

    def to_json(self) -> dict[str, Any]:
        """The trade-off as JSON-able values."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "unit": self.unit,
            "value": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "method": self.method,
            "bounded": self.bounded,
            "level": self.level,
            "kind": self.kind,
            "critical_value": self.critical if math.isfinite(self.critical) else None,
            "degrees_of_freedom": self.degrees_of_freedom,
            "status": str(self.status),
            "shape": None if self.shape is None else str(self.shape),
            "gap": None if self.gap is None else list(self.gap),
            "reason": self.reason,
            "sentence": self.sentence,
            "fixed_by_assumption": dict(self.fixed_by_assumption),
        }


def preferred_kind(estimate: RewardEstimate, kind: str | None = None) -> str:
    """The kind of standard error asked for, or the available one that assumes least; "" where there is none.

    Errors clustered by no more (effective) trajectories than there are weights that the data can tell have no error at
    all in some direction; then the next kind is taken, unless they are asked for or there is no other.

    Args:
        estimate: a fit.
        kind: one of ``COVARIANCE_ORDER``, or None.

    Raises:
        SettingsError: the kind has an unknown name.
    """
    if kind is not None:
        if kind not in COVARIANCE_ORDER:
            raise SettingsError(
                f"`kind` must be one of {', '.join(COVARIANCE_ORDER)}, got {kind!r}.",
                hint="`sandwich_clustered` (by trajectory) assumes least.",
            )
        return kind if kind in estimate.covariances else ""
    have = [k for k in COVARIANCE_ORDER if k in estimate.covariances]
    held = estimate.fixed_by_assumption
    fixed = sum(f"weight of {name}" in held for name in estimate.names)
    free = len(estimate.names) - fixed + (fixed > 0 and "rationality" not in held)
    too_few = estimate.effective_trajectories <= free - estimate.nullity + COUNT_ROUNDING
    return next((k for k in have if not (k == CLUSTERED and too_few)), have[0] if have else "")


def tradeoff(
    estimate: RewardEstimate,
    numerator: str,
    denominator: str,
    *,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
) -> Tradeoff:
    """What one unit of ``numerator`` is worth in units of ``denominator``.

    Args:
        estimate: a fit.
        numerator: name of a feature.
        denominator: name of another feature.
        level: coverage of the interval, in (0, 1).
        kind: of standard error; None: the available one that assumes least (``COVARIANCE_ORDER``).
        method: ``"fieller"`` (exact for normal estimates) or ``"delta"`` (symmetric; too short for an
            uncertain denominator).

    Raises:
        FeatureError: a name is not a weight of the estimate, or both are the same.
        SettingsError: level, kind or method.

    References:
        Fieller (1954); see ``ratios``.
    """
    if method not in METHODS:
        raise SettingsError(f"`method` must be 'fieller' or 'delta', got {method!r}.", hint="Use 'fieller'.")
    i, j = (_index(estimate, name) for name in (numerator, denominator))
    if i == j:
        raise FeatureError(
            f"A trade-off needs two features, got {numerator!r} twice.", hint="Name another denominator."
        )
    words = RatioWords.of(estimate.names, estimate.units, i, j)
    used = preferred_kind(estimate, kind)
    reach = critical_value(estimate, used, level=level)
    theta = np.asarray(estimate.weights, dtype=np.float64)
    blank = Tradeoff(
        numerator=numerator,
        denominator=denominator,
        unit=words.unit,
        value=None,
        interval=None,
        method=method,
        bounded=False,
        level=level,
        kind=used,
        critical=reach.value if used else math.nan,
        degrees_of_freedom=reach.degrees_of_freedom,
        fixed_by_assumption=dict(estimate.fixed_by_assumption),
    )

    def empty(status: TradeoffStatus, reason: str, value: float | None = None) -> Tradeoff:
        said = f"{words.against}: {reason}"
        return replace(blank, value=value, status=status, reason=reason, sentence=said)

    if estimate.outcome not in (Outcome.SUCCESS, Outcome.COLLINEAR) or not np.all(np.isfinite(theta[[i, j]])):
        return empty(
            TradeoffStatus.NOT_CONVERGED, f"no answer, the fit stopped early. {estimate.outcome.value}"
        )
    blurred = [name for name, k in ((numerator, i), (denominator, j)) if not estimate.is_identified[k]]
    kept = [name for name in blurred if name in estimate.held_by_penalty]
    if kept:
        return empty(
            TradeoffStatus.NOT_IDENTIFIED,
            f"cannot be told, only the penalty keeps {join_words(kept)} finite.",
        )
    if blurred:
        verb = "moves" if len(blurred) == 1 else "move"
        return empty(
            TradeoffStatus.NOT_IDENTIFIED,
            f"cannot be told, the weight of {join_words(blurred)} {verb} along a direction that changes no "
            "choice.",
        )
    if not used:
        value = float(theta[i] / theta[j]) if theta[j] != 0.0 else None
        missing = f"of kind {kind}" if kind else "of any kind"
        return empty(
            TradeoffStatus.NO_ERRORS, f"the fit has no standard errors {missing}, so no interval.", value
        )
    if not math.isfinite(reach.value):
        return empty(
            TradeoffStatus.NO_ERRORS,
            "one trajectory gives no error between trajectories, so no interval.",
            float(theta[i] / theta[j]) if theta[j] != 0.0 else None,
        )
    block = np.asarray(estimate.choice_covariance(used), dtype=np.float64)[np.ix_([i, j], [i, j])]
    dropped = [
        n for n, k in ((numerator, i), (denominator, j)) if "l1" in estimate.penalties and theta[k] == 0
    ]
    if dropped:
        return empty(
            TradeoffStatus.NO_ERRORS if theta[j] != 0.0 else TradeoffStatus.ZERO_DENOMINATOR,
            f"not told by this fit, its absolute penalty (l1 = {estimate.penalties['l1']:g}) set the weight of "
            f"{join_words(dropped)} to zero.",
        )
    if theta[j] == 0.0 and not 0.0 < block[1, 1] < np.inf:
        return empty(
            TradeoffStatus.ZERO_DENOMINATOR, f"no ratio, the weight of {denominator} is exactly zero."
        )
    if not np.all(np.isfinite(block)):
        value = float(theta[i] / theta[j])
        return empty(
            TradeoffStatus.NO_ERRORS, f"the {used} standard errors are not finite, so no interval.", value
        )
    found: RatioSet = METHODS[method](
        float(theta[i]), float(theta[j]), block, level=level, critical=reach.value
    )
    reason = "" if found.bounded else why_unbounded(found, denominator)
    return replace(
        blank,
        value=found.value,
        interval=found.interval,
        bounded=found.bounded,
        status=TradeoffStatus.BOUNDED if found.bounded else TradeoffStatus.UNBOUNDED,
        shape=found.shape,
        gap=found.gap,
        reason=reason,
        sentence=words.sentence(found, is_benefit=float(theta[i]) > 0, reason=reason)
        + _penalty_words(estimate),
    )


def default_pairs(estimate: RewardEstimate, *, kind: str | None = None) -> tuple[tuple[str, str], ...]:
    """Every feature against the best-determined one, the largest ``|weight| / error``.

    Empty where no weight has a standard error, or where there are more than ``MAX_DEFAULT_PAIRS`` weights.
    """
    used = preferred_kind(estimate, kind)
    K = len(estimate.names)
    if not used or K > MAX_DEFAULT_PAIRS:
        return ()
    variance = np.diag(np.asarray(estimate.choice_covariance(used), dtype=np.float64))
    theta = np.asarray(estimate.weights, dtype=np.float64)
    usable = estimate.is_identified & np.isfinite(variance) & (variance > 0) & np.isfinite(theta)
    if not usable.any():
        return ()
    strength = np.where(usable, np.abs(theta) / np.sqrt(np.where(usable, variance, 1.0)), -1.0)
    best = int(np.argmax(strength))
    return tuple((name, estimate.names[best]) for k, name in enumerate(estimate.names) if k != best)


def all_tradeoffs(
    estimate: RewardEstimate,
    pairs: Iterable[Sequence[str]] | None = None,
    *,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
) -> tuple[Tradeoff, ...]:
    """The trade-offs of the pairs, in their order.

    Args:
        estimate: a fit.
        pairs: (numerator, denominator); None or empty: ``default_pairs``.
        level: coverage of each interval; they are not adjusted for being many.
        kind: as ``tradeoff``.
        method: as ``tradeoff``.

    Raises:
        FeatureError: a name is not a weight of the estimate.
        SettingsError: as ``tradeoff``.
    """
    chosen = [tuple(pair) for pair in pairs] if pairs is not None else []
    return tuple(
        tradeoff(estimate, n, d, level=level, kind=kind, method=method)
        for n, d in (chosen or default_pairs(estimate, kind=kind))
    )


def tradeoff_table(tradeoffs: Sequence[Tradeoff], *, title: str = "Trade-offs") -> Table:
    """The trade-offs as one table, with what was fixed by assumption in its note."""
    rows = []
    for item in tradeoffs:
        lower, upper = item.interval or (None, None)
        rows.append((item.numerator, item.denominator, item.value, lower, upper, item.unit, str(item.status)))
    levels = sorted({item.level for item in tradeoffs})
    kinds = sorted({item.kind for item in tradeoffs if item.kind})
    held = tradeoffs[0].fixed_by_assumption if tradeoffs else {}
    parts = [
        f"{join_words([f'{100 * v:g} %' for v in levels])} intervals, each for itself"
        + (f"; errors: {join_words([kind.replace('_', ' ') for kind in kinds])}." if kinds else "."),
        f"Fixed by assumption: {join_words([f'{k} {v}' for k, v in held.items()])}." if held else "",
        "The penalty shrinks the weights, and intervals leave out that bias."
        if held.get("l2") or held.get("l1")
        else "",
    ]
    return Table(
        title=title,
        columns=("one unit of", "in units of", "value", "lower", "upper", "unit", "status"),
        rows=tuple(rows),
        note=" ".join(p for p in parts if p) if tradeoffs else "",
    )


def _penalty_words(estimate: RewardEstimate) -> str:
    """What a reader must know of a ratio of weights that were pulled towards zero."""
    if not estimate.penalties:
        return ""
    shown = join_words([f"{name} = {value:g}" for name, value in estimate.penalties.items()])
    given = ", and is conditional on which weights it set to zero" if "l1" in estimate.penalties else ""
    return f" Weights are shrunk by a penalty ({shown}); the interval leaves out that bias{given}."


def _index(estimate: RewardEstimate, name: str) -> int:
    if name not in estimate.names:
        near = difflib.get_close_matches(name, estimate.names, n=3)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(estimate.names[:12])}."
        )
        raise FeatureError(f"No weight is called {name!r}.", hint=hint, name=name, near=near)
    return estimate.names.index(name)
