"""Settings of a fit to comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from telic.errors import SettingsError
from telic.inference.settings import FitSettings

__all__ = ["BradleyTerrySettings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class BradleyTerrySettings:
    """What a caller may choose.

    Attributes:
        ties: ``"davidson"`` estimates how readily ties are called; ``"half"`` takes a tie as half a win of each side.
        annotators: ``"alike"``: one rationality for all; ``"each"``: one for every annotator.
        reference: annotator whose rationality is 1, with ``"each"``; None: the geometric mean is 1. It changes the
            scale of the weights, not what they say. Not used with decisions, whose rationality is the unit then.
        spread: standard deviation of log rationality between annotators, with ``"each"``; smaller pulls them
            together. None estimates each by itself, which fails for those who never err.
        same_rationality: take comparisons and decisions to be equally rational, instead of estimating how sharp
            answers are relative to decisions.
        fit: penalties, fixed weights, tolerance. A penalty ``l2`` also pulls log rationalities and log tie strength
            to 0.
    """

    ties: str = "davidson"
    annotators: str = "alike"
    reference: str | None = None
    spread: float | None = 1.0
    same_rationality: bool = False
    fit: FitSettings = field(default_factory=FitSettings)

    def __post_init__(self) -> None:
        for name, known in (("ties", ("davidson", "half")), ("annotators", ("alike", "each"))):
            if getattr(self, name) not in known:
                raise SettingsError(
                    f"`{name}` must be {' or '.join(map(repr, known))}, got {getattr(self, name)!r}.",
                    hint="Choose one of them.",
                )
        if self.spread is not None and not (math.isfinite(self.spread) and self.spread > 0):
            raise SettingsError(
                f"`spread` must be a finite number above 0 or None, got {self.spread}.",
                hint="1 says that two annotators in three are within a factor of 2.7 of the middle.",
            )
        if self.annotators == "each" and self.same_rationality:
            raise SettingsError(
                "`same_rationality` holds all annotators at the rationality of the decisions; `annotators='each'` "
                "frees them.",
                hint="Choose one of the two.",
            )
        if self.reference is not None and self.annotators != "each":
            raise SettingsError(
                f"`reference` {self.reference!r} needs `annotators='each'`: all are alike otherwise.",
                hint="Leave it out.",
            )
