"""How far the trade-offs hold: fitted again under other discounts and with coarser and finer states.

Everyone's fits at one setting share its world, so they are made together; what then holds where is judged by
``telic.inference.profiles``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from telic.contract import TaskContract
from telic.errors import TelicError
from telic.inference.profile_result import Profile
from telic.inference.profiles import profile, profile_rationality, resolution_profile
from telic.reports import Finding, Severity
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

from .fit import Fit
from .problem import Problem, pose, with_discount

__all__ = ["Refit", "discount_grid", "over_discounts", "over_rationality", "over_resolutions"]

Refit = Callable[[Problem], Mapping[str, Fit]]
"""From a problem to the fit of each person and of all together."""

FARTHEST_DISCOUNT = 0.9999
"""Largest discount of a profile that was not asked for."""

RATIONALITIES = (0.5, 1.0, 2.0)
"""Factors on the assumed rationality; the answer is exact, so three say it."""


def discount_grid(discount: float) -> tuple[float, ...]:
    """Discounts to look at around the assumed one: its horizon 1/(1 - discount), from a quarter to threefold.

    Args:
        discount: assumed, in [0, 1].
    """
    horizon = 1.0 / (1.0 - min(discount, FARTHEST_DISCOUNT))
    shares = (1 / 4, 1 / 2, 2.0, 3.0)
    around = {float(f"{1.0 - 1.0 / (horizon * share):.4g}") for share in shares if horizon * share > 1.0}
    return tuple(sorted({g for g in around if g <= FARTHEST_DISCOUNT} | {discount}))


def over_discounts(
    problem: Problem, fits: Mapping[str, Fit], refit: Refit, *, done: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Every trade-off under other discounts: one entry a pair of features, one curve a person.

    Args:
        problem: as fitted.
        fits: by person, at the assumed discount.
        refit: fits a problem again.
        done: told how many of how many discounts are done.
    """
    assumed = problem.world.discount
    grid = discount_grid(assumed)
    found: dict[float, Mapping[str, Fit]] = {}
    for i, gamma in enumerate(grid):
        found[gamma] = fits if gamma == assumed else refit(with_discount(problem, gamma))
        done(i + 1, len(grid))
    profiles = {}
    for who, fit in fits.items():
        if fit.outcome.ok:

            def again(gamma: float, _near: RewardEstimate | None, who: str = who) -> RewardEstimate:
                return found[gamma][who].with_all_errors

            profiles[who] = profile(
                again,
                grid,
                held=assumed,
                assumption="discount",
                estimate=fit.with_all_errors,
                pairs=_pairs(fit),
                level=fit.level,
                kind=fit.kind,
            )
    return _by_pair(profiles, {"assumption": "discount", "assumed": assumed})


def over_rationality(fit: Fit) -> dict[str, Any] | None:
    """Every trade-off at other rationalities, which is exact: none changes; None where a penalty ties the
    scale.

    Args:
        fit: of all together.
    """
    held = fit.estimate.gauge.rationality
    if (
        not fit.outcome.ok
        or not fit.error_kind
        or any(k in fit.estimate.fixed_by_assumption for k in ("l1", "l2"))
    ):
        return None
    grid = [held * factor for factor in RATIONALITIES]
    made = profile_rationality(fit.with_all_errors, grid, pairs=_pairs(fit), level=fit.level, kind=fit.kind)
    return {**made.to_json(), "sentence": made.summary().headline}


def over_resolutions(
    contract: TaskContract,
    demos: Demonstrations,
    problem: Problem,
    fits: Mapping[str, Fit],
    refit: Refit,
    *,
    done: Callable[[int, int], None],
) -> tuple[list[dict[str, Any]], tuple[Finding, ...]]:
    """Every trade-off at each resolution of the contract; conclusions that flip are findings.

    Args:
        contract: its ``states.resolutions``.
        demos: all measurements.
        problem: as fitted, at factor 1.
        fits: by person, at factor 1.
        refit: fits a problem again.
        done: told how many of how many resolutions are done.
    """
    scales = tuple(sorted({float(s) for s in contract.states.resolutions} | {1.0}))
    found: dict[float, Mapping[str, Fit]] = {}
    sizes: dict[float, int] = {}
    findings: list[Finding] = []
    for i, scale in enumerate(scales):
        try:
            other = (
                problem
                if scale == 1.0
                else pose(
                    contract, demos, scale=scale, discount=problem.world.discount, origins=problem.origins
                )
            )
            found[scale] = fits if scale == 1.0 else refit(other)
            sizes[scale] = other.space.n_states
        except TelicError as error:
            # One resolution that cannot be had must not cost the others; it is said.
            findings.append(
                Finding(
                    code="resolution-failed",
                    severity=Severity.NOTICE,
                    message=f"With {scale:g} times the bins there is no answer: {error.message}",
                    hint=error.hint,
                )
            )
        done(i + 1, len(scales))
    kept = [s for s in scales if s in found]
    profiles = {}
    for who, fit in fits.items():
        if fit.outcome.ok:
            labelled = [(f"{s:g}", found[s][who].with_all_errors) for s in kept]
            made = resolution_profile(labelled, held="1", pairs=_pairs(fit), level=fit.level, kind=fit.kind)
            profiles[who] = made
            findings += [_named(f, who, alone=len(fits) == 1) for f in made.findings]
    facts = {"assumption": "resolution", "assumed": 1.0, "n_states": [sizes[s] for s in kept]}
    return _by_pair(profiles, facts), tuple(findings)


def _pairs(fit: Fit) -> list[tuple[str, str]]:
    """The pairs whose trade-offs the fit reports."""
    return [(t.numerator, t.denominator) for t in fit.tradeoffs()]


def _named(finding: Finding, who: str, *, alone: bool) -> Finding:
    return finding if alone else replace(finding, message=f"{finding.message[:-1]} ({who}).")


def _number(value: float | str) -> float:
    """A grid value; resolutions are labelled by their factor."""
    return float(value)


def _by_pair(profiles: Mapping[str, Profile], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """From one profile a person to one entry a pair of features that somebody has a value for."""
    found: list[dict[str, Any]] = []
    told = {who: made.to_json() for who, made in profiles.items()}
    first: Sequence[Mapping[str, Any]] = next(iter(told.values()))["pairs"] if told else ()
    for i, pair in enumerate(first):
        curves = [
            {
                "who": who,
                "grid": [_number(x) for x in made["grid"]],
                "settled": str(profiles[who].pairs[i].held.conclusion),
                **{k: made["pairs"][i][k] for k in ("estimates", "intervals", "is_dependent", "sentence")},
                **{
                    k: [_number(x) for x in made["pairs"][i][k]]
                    for k in ("sign_holds", "conclusion_holds", "value_holds", "failed")
                },
                "flips": [{**flip, "at": _number(flip["at"])} for flip in made["pairs"][i]["flips"]],
            }
            for who, made in told.items()
            if i < len(made["pairs"])
        ]
        if any(value is not None for curve in curves for value in curve["estimates"]):
            found.append(
                {**facts, **{k: pair[k] for k in ("numerator", "denominator", "unit")}, "curves": curves}
            )
    return found
