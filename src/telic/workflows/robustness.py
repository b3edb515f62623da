"""How far the trade-offs hold: fitted again under other discounts and with coarser and finer states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from telic.contract import TaskContract
from telic.errors import TelicError
from telic.inference.tradeoffs import Tradeoff
from telic.inference.wording import join_words
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .fit import Fit
from .problem import Problem, pose, with_discount

__all__ = ["Refit", "discount_grid", "profile_discount", "profile_resolution"]

Refit = Callable[[Problem], Mapping[str, Fit]]
"""From a problem to the fit of each person and of all together."""

FARTHEST_DISCOUNT = 0.9999
"""Largest discount of a profile that was not asked for."""


def discount_grid(discount: float) -> tuple[float, ...]:
    """Discounts to look at around the assumed one: its horizon 1/(1 - discount), from a quarter to threefold.

    Args:
        discount: assumed, in [0, 1).
    """
    horizon = 1.0 / (1.0 - discount) if discount < 1.0 else 1.0 / (1.0 - FARTHEST_DISCOUNT)
    grid = {
        float(f"{1.0 - 1.0 / (horizon * share):.4g}")
        for share in (1 / 4, 1 / 2, 2.0, 3.0)
        if horizon * share > 1.0
    }
    return tuple(sorted({g for g in grid if g <= FARTHEST_DISCOUNT} | {discount}))


def profile_discount(
    problem: Problem, fits: Mapping[str, Fit], refit: Refit, *, done: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Every trade-off under other discounts, with the range in which its sign and interval hold.

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
    return [
        {
            "assumption": "discount",
            "assumed": assumed,
            **_pair(fits, i),
            "curves": [
                _curve(who, "values", grid, [_nth(found[g].get(who), i) for g in grid], assumed, "discount")
                for who in fits
            ],
        }
        for i in _worth_drawing(fits)
    ]


def profile_resolution(
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
            posed = (
                problem
                if scale == 1.0
                else pose(contract, demos, scale=scale, discount=problem.world.discount)
            )
            found[scale] = fits if scale == 1.0 else refit(posed)
            sizes[scale] = posed.space.n_states
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
    profiles = [
        {
            **_pair(fits, i),
            "n_states": [sizes[s] for s in kept],
            "curves": [
                _curve(who, "scales", kept, [_nth(found[s].get(who), i) for s in kept], 1.0, "resolution")
                for who in fits
            ],
        }
        for i in _worth_drawing(fits)
    ]
    for pair in profiles:
        for curve in pair["curves"]:
            if curve["flips"]:
                findings.append(
                    Finding(
                        code="resolution-dependent",
                        severity=Severity.WARNING,
                        message=(
                            f"What {pair['numerator']} is worth in {pair['denominator']} ({curve['who']}) is"
                            f" resolution-dependent: {curve['sentence']}"
                        ),
                        hint="Use finer bins where it changes, or do not rest a decision on it.",
                        evidence={"scales": list(kept), "estimates": curve["estimates"]},
                    )
                )
    if len(kept) < 3:
        findings.append(
            Finding(
                code="few-resolutions",
                severity=Severity.NOTICE,
                message=f"The trade-offs are shown at {len(kept)} resolutions only.",
                hint="Name at least three in `states.resolutions`.",
            )
        )
    return profiles, tuple(findings)


def _worth_drawing(fits: Mapping[str, Fit]) -> list[int]:
    """Trade-offs for which somebody has a value."""
    count = max((len(fit.tradeoffs()) for fit in fits.values()), default=0)
    return [
        i
        for i in range(count)
        if any((t := _nth(fit, i)) is not None and t.value is not None for fit in fits.values())
    ]


def _nth(fit: Fit | None, i: int) -> Tradeoff | None:
    if fit is None or not fit.outcome.ok:
        return None
    found = fit.tradeoffs()
    return found[i] if i < len(found) else None


def _pair(fits: Mapping[str, Fit], i: int) -> dict[str, Any]:
    first = next(t for fit in fits.values() if (t := _nth(fit, i)) is not None)
    return {"numerator": first.numerator, "denominator": first.denominator, "unit": first.unit}


def _curve(
    who: str, axis: str, grid: Sequence[float], found: Sequence[Tradeoff | None], assumed: float, word: str
) -> dict[str, Any]:
    here = found[list(grid).index(assumed)]
    flips: list[tuple[float, tuple[str, ...]]] = []
    agree: list[float] = []
    for x, item in zip(grid, found, strict=True):
        if item is None or here is None:
            flips.append((x, ("no answer",)))
        elif changed := here.conclusion.differences(item.conclusion):
            flips.append((x, changed))
        else:
            agree.append(x)
    overlap = [
        x
        for x, item in zip(grid, found, strict=True)
        if item is not None
        and item.interval
        and here is not None
        and here.value is not None
        and item.interval[0] <= here.value <= item.interval[1]
    ]
    return {
        "who": who,
        axis: list(grid),
        "estimates": [None if t is None else t.value for t in found],
        "intervals": [None if t is None or t.interval is None else list(t.interval) for t in found],
        "conclusions": [None if t is None else str(t.conclusion) for t in found],
        "flips": bool(flips),
        "holds_for": agree,
        "value_inside_for": overlap,
        "sentence": _sentence(here, flips, agree, word),
        "settled": None if here is None else str(here.conclusion),
        "changes_at": [x for x, _ in flips],
    }


def _sentence(
    here: Tradeoff | None,
    flips: Sequence[tuple[float, tuple[str, ...]]],
    agree: Sequence[float],
    word: str,
) -> str:
    if here is None or here.value is None:
        return "nothing to compare, there is no value."
    text = f"what is settled ({here.conclusion}) holds for {word} {_span(agree)}"
    if flips:
        text += "; it changes at " + join_words([f"{x:g} ({join_words(list(why))})" for x, why in flips])
    return text + "."


def _span(values: Sequence[float]) -> str:
    """The values as a range, or one by one where some between them are missing."""
    if not values:
        return "none"
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
