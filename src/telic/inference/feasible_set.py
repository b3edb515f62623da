"""Every reward that explains the decisions about as well as the best one, and what they all agree on.

    region = { w : LL(w) >= max LL - tolerance }

A combination of weights, ``c'w``, has a smallest and a largest value there. With the default tolerance, half of
the 95 % point of chi-square with one degree of freedom (1.92 nats), these are the ends of the combination's profile
likelihood interval, so that an end is right for one claim in 95 % of data sets, for many independent decisions
(Wilks 1938). The directions that no decision depends on belong to the region whole: a claim that changes along one
is open, unless the size of the weights is limited.

The region is that of independent decisions. Where those of one trajectory hang together it is too small; state a
larger tolerance.

References: Ramachandran and Amir (2007), and Metelli, Lazzati and Restelli (2023), ICML, for feasible sets; Venzon and
Moolgavkar (1988), Applied Statistics 37, for profile likelihood intervals by one equation per end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.reports import Finding, Outcome, Severity
from telic.rewards import describe_direction
from telic.typing import FloatArray

from .claims import Claim, ClaimTable, Statement
from .driver import fit_likelihood
from .feasible_frame import Frame, free_directions, null_part
from .interior_point import PathEnd, follow_path
from .likelihood import ChoiceLikelihood
from .settings import FitSettings

__all__ = ["FeasibleSet", "feasible_set"]

LEVEL = 0.95
"""Coverage for a single claim where no tolerance is stated."""

END = 1e-9
"""Gap of an end relative to its distance from the best reward."""

TOP = 1e-9
"""Nats by which the best reward within limits may be missed."""

INSIDE = 0.9
"""Share of its limit to which a weight is drawn back where the best reward lies beyond."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FeasibleSet:
    """The rewards within ``tolerance`` nats of the best one.

    Attributes:
        likelihood: of the choices.
        best: ``(K,)`` weights with the largest log-likelihood (of least norm, where many have it).
        max_log_likelihood: theirs, nats.
        tolerance: nats.
        null_directions: ``(nullity, K)`` combinations that no decision depends on.
        limits: name to largest size of a weight; empty: none.
        findings: what a reader should know about the region.
    """

    likelihood: ChoiceLikelihood
    best: Float[np.ndarray, "K"]
    max_log_likelihood: float
    tolerance: float
    null_directions: Float[np.ndarray, "nullity K"]
    limits: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    _start: FloatArray = field(repr=False)
    _scale: FloatArray = field(repr=False)

    @property
    def nullity(self) -> int:
        """Number of independent combinations that the decisions cannot tell."""
        return len(self.null_directions)

    def contains(self, weights: Float[np.ndarray, "K"]) -> bool:
        """Whether a reward explains the decisions within the tolerance and keeps the limits."""
        ends = _sizes(self.likelihood.names, self.limits)
        found = self.likelihood.evaluate(np.asarray(weights, dtype=np.float64))
        return bool(
            np.all(np.abs(weights) <= ends) and found.value >= self.max_log_likelihood - self.tolerance
        )

    def decide(self, statements: Sequence[Statement]) -> ClaimTable:
        """Smallest and largest value of each claim over the region.

        Raises:
            FeatureError: a claim is about other features.
        """
        return ClaimTable(
            claims=tuple(self.claim(s) for s in statements),
            tolerance=self.tolerance,
            max_log_likelihood=self.max_log_likelihood,
            n_decisions=self.likelihood.n_decisions,
            nullity=self.nullity,
            limits=dict(self.limits),
            findings=self.findings,
        )

    def claim(self, statement: Statement) -> Claim:
        """Smallest and largest value of one claim over the region.

        Raises:
            FeatureError: the claim is about other features.
        """
        c = np.asarray(statement.coefficients, dtype=np.float64)
        K = self.likelihood.n_weights
        if c.shape != (K,):
            raise FeatureError(
                f"The claim {statement.words!r} has {c.size} coefficients, the reward has {K} weights.",
                hint=f"Give one for each of {', '.join(self.likelihood.names)}.",
            )
        free = free_directions(self.null_directions, self.likelihood.names, self.limits, self._scale)
        row = null_part(c, free)
        if row is not None:
            along = describe_direction(self.likelihood.names, row)
            return Claim(
                words=statement.words,
                coefficients=c,
                lowest=-math.inf,
                highest=math.inf,
                reason=f"No decision depends on {along}, and the claim does.",
            )
        frame = Frame.of(self.likelihood, self._start, self._scale, self.limits, free)
        lowest, below = self._end(frame, -c)
        highest, above = self._end(frame, c)
        failed = next((e for e in (below, above) if not e.outcome.ok), None)
        reasons = []
        if failed is not None:
            reasons.append(
                "An end was not found and counts as infinite: the region may have no edge that way."
            )
        if not (below.is_concave and above.is_concave):
            reasons.append("The log-likelihood is not concave on the way, so the ends found are local ones.")
        return Claim(
            words=statement.words,
            coefficients=c,
            lowest=-lowest,
            highest=highest,
            outcome=Outcome.SUCCESS if failed is None else failed.outcome,
            reason=" ".join(reasons),
            gap=max(e.gap if e.outcome.ok else 0.0 for e in (below, above)),
        )

    def _end(self, frame: Frame, c: FloatArray) -> tuple[float, PathEnd]:
        found = follow_path(
            frame.evaluate,
            np.zeros(frame.basis.shape[1]),
            direction=frame.basis.T @ c,
            floor=self.max_log_likelihood - self.tolerance,
            A=frame.A,
            b=frame.b,
            tolerance=END,
        )
        return (float(c @ frame.weights(found.z)) if found.outcome.ok else math.inf), found


def feasible_set(
    likelihood: ChoiceLikelihood,
    *,
    tolerance: float | int | None = None,
    tolerance_per_decision: float | int | None = None,
    level: float = LEVEL,
    limits: Mapping[str, float] | float | int | None = None,
    settings: FitSettings | None = None,
) -> FeasibleSet:
    """The region of rewards that explain the decisions.

    Args:
        likelihood: of the choices.
        tolerance: nats, over all decisions, that a reward may fall short of the best one. None: from ``level``.
        tolerance_per_decision: the same for each decision; instead of ``tolerance``.
        level: coverage for a single claim, in (0, 1), where no tolerance is stated.
        limits: largest size of each weight (one number for all, or by name), for directions that the decisions
            do not bound. None: none.
        settings: of the fit; penalties and fixed weights are refused.

    Raises:
        SettingsError: a number is out of range, two tolerances are given, or the fit is penalised.
        FeatureError: a limit names no feature.
        NumericalError: there is no best reward (a weight runs away) and not every weight is limited, or no start
            with a finite value lies within the limits.
    """
    names = likelihood.names
    nats = _tolerance(likelihood, tolerance, tolerance_per_decision, level)
    bounds = _limits(names, limits)
    chosen = settings or FitSettings(standard_errors=False)
    if chosen.l1 or chosen.l2 or chosen.fixed_weights or chosen.frees_rationality:
        raise SettingsError(
            "A feasible set is that of the likelihood alone; penalties, fixed weights and free rationality are none "
            "of it.",
            hint="Leave them out; limit the size of the weights with `limits` instead.",
        )
    fit = fit_likelihood(likelihood, chosen)
    if not fit.outcome.ok and len(bounds) < len(names):
        raise NumericalError(
            f"There is no best reward to compare with ({fit.outcome.label}). {fit.outcome.value}",
            hint="State the largest size of every weight: `limits`.",
            outcome=fit.outcome.label,
        )
    at = likelihood.evaluate(fit.weights, order=2)
    spread = np.ones(len(names)) if at.information is None else np.diag(at.information)
    ends = _sizes(names, bounds)
    scale = np.minimum(ends, 1.0 / np.sqrt(np.where(spread > 0, spread, np.inf)))
    scale = np.where((scale > 0) & np.isfinite(scale), scale, np.where(np.isfinite(ends), ends, 1.0))
    found = FeasibleSet(
        likelihood=likelihood,
        best=fit.weights,
        max_log_likelihood=fit.choice_log_likelihood,
        tolerance=nats,
        null_directions=fit.null_directions,
        limits=bounds,
        findings=likelihood.findings,
        _start=fit.weights,
        _scale=scale,
    )
    if fit.outcome.ok and np.all(np.abs(fit.weights) < INSIDE * ends):
        return found
    return _within(found, ends, fit.outcome)


def _within(region: FeasibleSet, ends: FloatArray, outcome: Outcome) -> FeasibleSet:
    """The region around the best reward that keeps the limits."""
    likelihood, names = region.likelihood, region.likelihood.names
    for share in (INSIDE, 0.5, 0.1, 0.01):
        inside = np.clip(region.best, -share * ends, share * ends)
        if likelihood.evaluate(inside).outcome.ok:
            break
    else:
        raise NumericalError(
            "No reward within the limits was found that has a finite value.",
            hint="Widen `limits`: each step must be allowed to cost enough.",
        )
    free = free_directions(region.null_directions, names, region.limits, region._scale)
    frame = Frame.of(likelihood, inside, region._scale, region.limits, free)
    steps: dict[str, FloatArray] = {}
    for label, nats in (("near", 0.25 * region.tolerance), ("top", TOP)):
        found = follow_path(
            frame.evaluate,
            np.zeros(frame.basis.shape[1]),
            direction=None,
            floor=-math.inf,
            A=frame.A,
            b=frame.b,
            tolerance=nats,
        )
        if not found.outcome.ok:
            raise NumericalError(
                f"The best reward within the limits was not found ({found.outcome.label}).",
                hint="Try other limits.",
                outcome=found.outcome.label,
            )
        steps[label] = frame.weights(found.z)
    top = likelihood.evaluate(steps["top"]).value
    hit = [n for n, w, e in zip(names, steps["top"], ends, strict=True) if abs(w) > (1 - 1e-3) * e]
    findings = region.findings
    if hit:
        cost = "" if not outcome.ok else f" The limits cost {region.max_log_likelihood - top:.3g} nats."
        findings += (
            Finding(
                code="limits-bind",
                severity=Severity.NOTICE,
                message=f"The best reward within the limits has {', '.join(hit)} at the limit.{cost} "
                "The claims hold for rewards within the limits.",
                hint="Defend the limits, or widen them.",
                evidence={"weights": hit},
            ),
        )
    return replace(region, _start=steps["near"], best=steps["top"], max_log_likelihood=top, findings=findings)


def _sizes(names: Sequence[str], limits: Mapping[str, float]) -> FloatArray:
    return np.array([limits.get(n, math.inf) for n in names])


def _tolerance(
    likelihood: ChoiceLikelihood, tolerance: float | None, per_decision: float | None, level: float
) -> float:
    if tolerance is not None and per_decision is not None:
        raise SettingsError(
            "`tolerance` and `tolerance_per_decision` were both given.", hint="State one of them."
        )
    for name, value in (("tolerance", tolerance), ("tolerance_per_decision", per_decision)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise SettingsError(
                f"`{name}` must be above 0 nats, got {value}.", hint="1.92 is usual for one claim."
            )
    if tolerance is not None:
        return float(tolerance)
    if per_decision is not None:
        return float(per_decision) * likelihood.total_weight
    if not 0 < level < 1:
        raise SettingsError(f"`level` must lie in (0, 1), got {level}.", hint="0.95 is usual.")
    if not likelihood.is_sampled:
        raise SettingsError(
            "No number of decisions stands behind these choice probabilities, so no tolerance follows from a level.",
            hint="State `tolerance_per_decision`, or the number of decisions of the table.",
        )
    from scipy.special import ndtri

    return float(ndtri(0.5 * (1.0 + level)) ** 2 / 2.0)


def _limits(names: Sequence[str], limits: Mapping[str, float] | float | None) -> dict[str, float]:
    if limits is None:
        return {}
    given = dict(limits) if isinstance(limits, Mapping) else dict.fromkeys(names, float(limits))
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise FeatureError(
            f"`limits` names {', '.join(unknown)}, not among the features.",
            hint=f"They are {', '.join(names)}.",
        )
    bad = {n: v for n, v in given.items() if not (math.isfinite(v) and v > 0)}
    if bad:
        raise SettingsError(
            f"`limits` must be finite and above 0, got {bad}.", hint="A limit bounds |weight|."
        )
    return {n: float(v) for n, v in given.items()}
