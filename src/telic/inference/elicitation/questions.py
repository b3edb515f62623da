"""Questions that can be asked, each with words for a person and what its answer would tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.reports.numbers import format_number
from telic.typing import FloatArray

__all__ = ["ComparisonQuestion", "DemonstrationQuestion", "EnvironmentQuestion", "Question", "plan_words"]

MOST_SHOWN = 6
"""Features of a plan that a question tells; a person compares no more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonQuestion:
    """Which of two plans is preferred.

    Attributes:
        words: the question.
        gain: nats that the answer is expected to tell about the weights.
        standard_error: of the gain, by the number of draws; 0 on a grid.
        first, second: index of the plans.
        difference: ``(K,)`` features of the first less those of the second.
        rationality: at which the answer is thought to be given.
        probability_first: that the first is preferred.
        volume_removed: share of the draws that either answer removes at least (Sadigh and others 2017).
    """

    words: str
    gain: float
    standard_error: float
    first: int
    second: int
    difference: Float[np.ndarray, "K"]
    rationality: float
    probability_first: float
    volume_removed: float

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, ``kind`` "comparison"."""
        return {"kind": "comparison", **vars(self), "difference": self.difference.tolist()}


@dataclass(frozen=True, kw_only=True)
class DemonstrationQuestion:
    """What would be done from a given state.

    Attributes:
        words: the request.
        gain: nats that the decisions are expected to tell; a lower bound in expectation.
        standard_error: of the gain.
        highest_gain: an upper bound in expectation; equal to ``gain`` on a grid.
        state: where to start.
        steps: decisions.
        settles: open claim to the chance that the decisions settle it, where claims were given.
        narrows: trade-off to the share of its standard deviation that the decisions take off.
        tells: open claim to the nats that the decisions tell about its truth.
    """

    words: str
    gain: float
    standard_error: float
    highest_gain: float
    state: int
    steps: int
    settles: Mapping[str, float] = field(default_factory=dict)
    narrows: Mapping[str, float] = field(default_factory=dict)
    tells: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, ``kind`` "demonstration"."""
        return {"kind": "demonstration", **vars(self)}


@dataclass(frozen=True, kw_only=True)
class EnvironmentQuestion:
    """What would be done in another environment.

    Attributes:
        words: the request.
        gain, standard_error, highest_gain, steps, settles, narrows, tells: as in ``DemonstrationQuestion``.
        environment: its name.
    """

    words: str
    gain: float
    standard_error: float
    highest_gain: float
    environment: str
    steps: int
    settles: Mapping[str, float] = field(default_factory=dict)
    narrows: Mapping[str, float] = field(default_factory=dict)
    tells: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, ``kind`` "environment"."""
        return {"kind": "environment", **vars(self)}


Question = ComparisonQuestion | DemonstrationQuestion | EnvironmentQuestion


def plan_words(
    amounts: FloatArray, names: Sequence[str], units: Sequence[str], shown: Sequence[int] | None = None
) -> str:
    """What a plan collects, as ``12 min, 3 euro``; a feature is named where its unit does not tell which it is."""
    told = units or ("",) * len(names)
    often = Counter(told)
    which = list(range(len(names))) if shown is None else list(shown)
    parts = []
    for k in which[:MOST_SHOWN]:
        amount = format_number(float(amounts[k]), digits=3)
        if told[k] and often[told[k]] == 1:
            parts.append(f"{amount} {told[k]}")
        else:
            parts.append(f"{names[k]} {amount}{' ' + told[k] if told[k] else ''}")
    return ", ".join(parts)
