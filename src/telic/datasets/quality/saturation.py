"""Saturation without a stated bound: values that pile up at the largest or smallest one that the sensor gave.

A sensor that cannot show more gives its largest value again and again. Where the density of a measurement does not rise
towards its end, the end value is no more frequent than each of the next values, so that among the decisions at the end
and at the next ``NEIGHBOURS`` values the end has at most one part in ``NEIGHBOURS + 1``: an exact binomial test.
A zero at the low end is a natural value (no errors, no queue) and is not called saturation. Bounds that the contract
states are looked at by ``telic.trajectories.checks``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .places import places

__all__ = ["saturation_findings"]

LEVEL = 0.001
"""Level over all columns and both ends."""

NEIGHBOURS = 10
"""Values beside the end with which it is compared."""

FEWEST_VALUES = 30
"""Distinct values below which a column is a scale of few steps, whose end may well be its commonest value."""

TIMES = 3.0
"""How much more frequent than the commonest neighbour the end must be, whatever the p-value."""


def saturation_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """A warning for each end of a measured number at which values pile up.

    Args:
        demos: the decisions.
        contract: says which observations are numbers, and the bounds that are known.
    """
    numbers = [o for o in contract.observations if o.type == "number" and o.name in demos.observations]
    findings = []
    for o in numbers:
        values = demos.observations[o.name]
        for end, bound in (("largest", o.high), ("smallest", o.low)):
            found = _piled(values, end == "largest")
            if found is None:
                continue
            edge, count, p = found
            p = min(1.0, p * 2 * len(numbers))
            if p >= LEVEL or edge == bound:
                continue
            rows = np.flatnonzero(values == edge)
            findings.append(
                Finding(
                    code="saturated-sensor",
                    severity=Severity.WARNING,
                    message=f"`{o.name}` is exactly {edge:g}{f' {o.unit}' if o.unit else ''}, its {end} value, in "
                    f"{count:,} of {len(values):,} decisions, far more often than at the values beside it (p = "
                    f"{p:.1g}).",
                    hint="If the sensor cannot show more, what lies beyond is unknown: treat these values as a case of "
                    f"their own, or state the bound (`{'high' if end == 'largest' else 'low'}`) in the contract.",
                    evidence={
                        "observation": o.name,
                        "end": end,
                        "value": edge,
                        "count": count,
                        "p_value": p,
                        "level": LEVEL,
                        "places": places(demos, rows),
                    },
                )
            )
    return findings


def _piled(values: NDArray[Any], at_top: bool) -> tuple[float, int, float] | None:
    """``(end value, decisions there, p-value)`` where the end is worth testing."""
    from scipy.special import betainc

    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < FEWEST_VALUES:
        return None
    if at_top:
        distinct, counts = distinct[::-1], counts[::-1]
    edge, count, beside = float(distinct[0]), int(counts[0]), counts[1 : NEIGHBOURS + 1]
    if (not at_top and edge == 0.0) or count < TIMES * beside.max():
        return None
    total = count + int(beside.sum())
    # P(X >= count) of a binomial, as a regularised incomplete beta function.
    return edge, count, float(betainc(count, total - count + 1, 1.0 / (NEIGHBOURS + 1)))
