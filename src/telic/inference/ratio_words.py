"""A ratio of two weights as a sentence in the user's units.

Two costs or two benefits are "worth" each other; a cost "costs what ... bring", a benefit "brings what ...
cost". The feature's name is added where its unit alone would not tell it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .ratios import RatioSet, RatioShape
from .wording import format_interval, format_number, plural, quantity, singular

__all__ = ["RatioWords", "why_unbounded"]


@dataclass(frozen=True)
class RatioWords:
    """The two units of a trade-off, told apart by the feature's name where needed."""

    numerator: str
    denominator: str
    numerator_name: str
    denominator_name: str

    @classmethod
    def of(cls, names: Sequence[str], units_given: Sequence[str], i: int, j: int) -> RatioWords:
        """The units of weight i in weight j; ``units_given`` may be empty."""
        units = tuple(units_given) or ("",) * len(names)
        shared = {u for u in units if u and units.count(u) > 1}

        def word(k: int) -> tuple[str, str]:
            if not units[k]:
                return "unit", f" of {names[k]}"
            return units[k], f" ({names[k]})" if units[k] in shared else ""

        (n, n_tag), (d, d_tag) = word(i), word(j)
        return cls(n, d, n_tag, d_tag)

    @property
    def unit(self) -> str:
        """Of the ratio: ``pod-hours per minute over SLO``."""
        top = f"{plural(self.denominator)}{self.denominator_name}"
        return f"{top} per {singular(self.numerator)}{self.numerator_name}"

    @property
    def one(self) -> str:
        """``One minute over SLO``."""
        return quantity("One", self.numerator, is_one=True) + self.numerator_name

    @property
    def against(self) -> str:
        """``One minute over SLO in pod-hours``."""
        return f"{self.one} in {plural(self.denominator)}{self.denominator_name}"

    def of_denominator(self, text: str) -> str:
        """``3.1 pod-hours``."""
        return quantity(text, self.denominator, is_one=text == "1") + self.denominator_name

    def sentence(self, found: RatioSet, *, is_benefit: bool, reason: str) -> str:
        """The ratio in words.

        Args:
            found: the confidence set.
            is_benefit: the weight of the numerator is positive.
            reason: why the set is unbounded; "" where it is an interval.
        """
        if found.interval is None or found.value is None:
            about = "" if found.value is None else f"about {format_number(found.value, digits=3)} but "
            return f"{self.against}: {about}{reason}"
        lower, upper = found.interval
        opposite = upper < 0.0
        flip = -1.0 if opposite else 1.0
        ends = sorted((flip * lower, flip * upper))
        value, low, high = format_interval(flip * found.value, ends[0], ends[1])
        if opposite:
            does, undoes = ("brings", "cost") if is_benefit else ("costs", "bring")
            if value == "1":
                undoes = undoes + "s"
            return f"{self.one} {does} what {self.of_denominator(value)} {undoes} [{low}, {high}]."
        open_sign = "; the sign is open" if lower <= 0.0 else ""
        return f"{self.one} is worth {self.of_denominator(value)} [{low}, {high}]{open_sign}."


def why_unbounded(found: RatioSet, denominator: str) -> str:
    """Why the ratio has no bounded interval, and which values fit."""
    at = f"at the {100 * found.level:g} % level"
    why = f"unbounded, because the weight of {denominator} may be zero {at}"
    if found.shape is RatioShape.COMPLEMENT:
        below, above = (format_number(x, digits=3) for x in (found.lower, found.upper))
        return f"{why}; every value up to {below} and from {above} on fits."
    if found.shape is RatioShape.HALF_LINE:
        from_here = bool(np.isfinite(found.lower))
        end = format_number(found.lower if from_here else found.upper, digits=3)
        return f"{why}; every value {'from' if from_here else 'up to'} {end} fits."
    return f"{why}; no value can be excluded." if found.method == "fieller" else f"{why}."
