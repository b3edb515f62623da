"""A profile: every trade-off at several values of something that was assumed, and where its conclusion holds.

A *conclusion* is what an interval settles: the sign, whether the size is above or below 1, and whether the
interval is bounded (``Conclusion``). It *flips* where another value of the assumption settles it differently,
which includes leaving it open. Ranges are runs of neighbouring grid values around the held one; between grid
points nothing was looked at, and the sentences name the grid points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.reports import Finding, Outcome, Report, Section, Table

from .tradeoffs import Tradeoff, TradeoffStatus
from .wording import join_words

__all__ = ["PairProfile", "Profile", "ProfilePoint", "pair_profiles"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ProfilePoint:
    """One value of the assumption.

    Attributes:
        value: of the assumption: a number, or a label.
        outcome: of the fit; other than ``SUCCESS`` there are no trade-offs.
        choice_log_likelihood: nats; the data may prefer one value, and NaN where there is no fit.
        tradeoffs: in the order of the pairs; empty without a fit.
        message: why there is no fit; "" where there is.
    """

    value: float | str
    outcome: Outcome
    choice_log_likelihood: float
    tradeoffs: tuple[Tradeoff, ...]
    message: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairProfile:
    """One trade-off over the assumption.

    Attributes:
        numerator, denominator, unit: of the trade-off.
        held: the trade-off at the held value.
        sign_holds: grid values next to each other and to the held one where the sign is settled alike.
        conclusion_holds: the same for the whole conclusion.
        value_holds: the same for the held estimate lying inside the interval.
        flips: (grid value, what differs), for every fit whose conclusion is another one.
        failed: grid values without an answer.
        sentence: all this in words.
    """

    numerator: str
    denominator: str
    unit: str
    held: Tradeoff
    sign_holds: tuple[float | str, ...]
    conclusion_holds: tuple[float | str, ...]
    value_holds: tuple[float | str, ...]
    flips: tuple[tuple[float | str, tuple[str, ...]], ...]
    failed: tuple[float | str, ...]
    sentence: str

    @property
    def is_dependent(self) -> bool:
        """True where some value of the assumption changes the conclusion."""
        return bool(self.flips)


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """Every trade-off over one assumption.

    Attributes:
        assumption: ``"discount"``, ``"rationality"``, ``"resolution"`` or another word.
        held: the value that was assumed in the main fit: it is *fixed by assumption*, no data chose it.
        points: one a grid value, in the order of the grid.
        pairs: one a trade-off.
        is_exact: True where no refit was needed because the answer is known (rationality).
        findings: what a reader should know.
    """

    assumption: str
    held: float | str
    points: tuple[ProfilePoint, ...]
    pairs: tuple[PairProfile, ...]
    is_exact: bool = False
    findings: tuple[Finding, ...] = ()

    def table(self) -> Table:
        """One row a grid value and trade-off."""
        rows = []
        for point in self.points:
            for i, pair in enumerate(self.pairs):
                found = point.tradeoffs[i] if point.tradeoffs else None
                lower, upper = (found and found.interval) or (None, None)
                rows.append(
                    (
                        point.value,
                        f"{pair.numerator} in {pair.denominator}",
                        found.value if found else None,
                        lower,
                        upper,
                        str(found.status) if found else point.outcome.label,
                        None if not np.isfinite(point.choice_log_likelihood) else point.choice_log_likelihood,
                    )
                )
        return Table(
            title=f"Trade-offs over {self.assumption}",
            columns=(self.assumption, "trade-off", "value", "lower", "upper", "status", "log-likelihood"),
            rows=tuple(rows),
            note=f"{self.assumption} {_text(self.held)}: fixed by assumption.",
        )

    def summary(self) -> Report:
        """The profile as a report."""
        dependent = [f"{p.numerator} in {p.denominator}" for p in self.pairs if p.is_dependent]
        if self.is_exact:
            headline = f"No trade-off depends on {self.assumption}: it rescales all weights alike, exactly."
        elif dependent:
            headline = f"Conclusions that depend on the {self.assumption}: {join_words(dependent)}."
        else:
            headline = f"No conclusion depends on the {self.assumption}, over the values looked at."
        items: list[str | Table | Finding] = [*(p.sentence for p in self.pairs), *self.findings, self.table()]
        return Report(
            title=f"Trade-offs over {self.assumption}",
            headline=headline,
            sections=(Section(title="Profile", items=tuple(items)),),
            data=self.to_json(),
        )

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON-able values; ``pairs`` hold the columns that a figure draws."""
        return {
            "assumption": self.assumption,
            "held": self.held,
            "fixed_by_assumption": True,
            "is_exact": self.is_exact,
            "grid": [p.value for p in self.points],
            "results": [p.outcome.label for p in self.points],
            "choice_log_likelihood": [_finite(p.choice_log_likelihood) for p in self.points],
            "pairs": [
                {
                    "numerator": pair.numerator,
                    "denominator": pair.denominator,
                    "unit": pair.unit,
                    "estimates": [p.tradeoffs[i].value if p.tradeoffs else None for p in self.points],
                    "intervals": [
                        list(found) if p.tradeoffs and (found := p.tradeoffs[i].interval) else None
                        for p in self.points
                    ],
                    "sign_holds": list(pair.sign_holds),
                    "conclusion_holds": list(pair.conclusion_holds),
                    "value_holds": list(pair.value_holds),
                    "flips": [{"at": v, "differs": list(what)} for v, what in pair.flips],
                    "failed": list(pair.failed),
                    "is_dependent": pair.is_dependent,
                    "sentence": pair.sentence,
                }
                for i, pair in enumerate(self.pairs)
            ],
            "findings": [f.to_json() for f in self.findings],
        }


def pair_profiles(points: Sequence[ProfilePoint], i_held: int, assumption: str) -> tuple[PairProfile, ...]:
    """What holds where, for every trade-off of the held point."""
    return tuple(_pair(points, i_held, assumption, i) for i in range(len(points[i_held].tradeoffs)))


def _pair(points: Sequence[ProfilePoint], i_held: int, assumption: str, i: int) -> PairProfile:
    held = points[i_held].tradeoffs[i]
    usable = [p.tradeoffs[i] if p.tradeoffs else None for p in points]
    value = held.value

    def run(holds: Callable[[Tradeoff], bool]) -> tuple[float | str, ...]:
        kept = [found is not None and holds(found) for found in usable]
        if not kept[i_held]:
            return ()
        first = last = i_held
        while first > 0 and kept[first - 1]:
            first -= 1
        while last + 1 < len(points) and kept[last + 1]:
            last += 1
        return tuple(p.value for p in points[first : last + 1])

    def inside(found: Tradeoff) -> bool:
        return (
            value is not None
            and found.interval is not None
            and found.interval[0] <= value <= found.interval[1]
        )

    flips = []
    for point, found in zip(points, usable, strict=True):
        if found is None:
            continue
        changed = held.conclusion.differences(found.conclusion)
        one_sided = (held.status is TradeoffStatus.NOT_IDENTIFIED) != (
            found.status is TradeoffStatus.NOT_IDENTIFIED
        )
        if one_sided:
            changed = ("whether it can be told", *changed)
        if changed:
            flips.append((point.value, changed))
    failed = tuple(p.value for p, found in zip(points, usable, strict=True) if found is None)
    sign = run(lambda t: t.conclusion.sign == held.conclusion.sign)
    whole = run(lambda t: t.conclusion == held.conclusion and t.status == held.status)
    same_value = run(inside)
    return PairProfile(
        numerator=held.numerator,
        denominator=held.denominator,
        unit=held.unit,
        held=held,
        sign_holds=sign,
        conclusion_holds=whole,
        value_holds=same_value,
        flips=tuple(flips),
        failed=failed,
        sentence=_sentence(held, assumption, points[i_held].value, sign, whole, same_value, flips, failed),
    )


def _sentence(
    held: Tradeoff,
    assumption: str,
    at: float | str,
    sign: Sequence[float | str],
    whole: Sequence[float | str],
    same_value: Sequence[float | str],
    flips: Sequence[tuple[float | str, tuple[str, ...]]],
    failed: Sequence[float | str],
) -> str:
    name = f"{held.numerator} in {held.denominator} ({assumption} {_text(at)} fixed by assumption)"
    if held.value is None:
        text = f"{name}: no value at the held {assumption}"
    else:
        parts = [f"{name}: what it settles ({held.conclusion}) holds {_span(assumption, whole)}"]
        if held.conclusion.sign != "open" and tuple(sign) != tuple(whole):
            parts.append(f"its sign {_span(assumption, sign)}")
        if held.interval is not None:
            parts.append(f"the estimate stays inside the interval {_span(assumption, same_value)}")
        text = "; ".join(parts)
    if flips:
        text += "; it changes at " + join_words([f"{_text(v)} ({join_words(what)})" for v, what in flips])
    if failed:
        text += f"; no answer at {join_words([_text(v) for v in failed])}"
    return text + "."


def _span(assumption: str, values: Sequence[float | str]) -> str:
    if not values:
        return "nowhere"
    if len(values) == 1:
        return f"at {assumption} {_text(values[0])} alone"
    return f"from {assumption} {_text(values[0])} to {_text(values[-1])}"


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
