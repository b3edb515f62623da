"""Settings of a fit by likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from telic.errors import SettingsError
from telic.typing import FloatArray

__all__ = ["FitSettings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FitSettings:
    """What a caller may choose about a fit by likelihood.

    The fit maximises ``log-likelihood - l2 * sum_k weight_k^2 - l1 * sum_k |weight_k|``, summed over
    decisions (not averaged), over the weights that are not fixed.

    Attributes:
        l2: strength of the squared penalty, in nats per squared weight; more shrinks all weights.
        l1: strength of the absolute penalty, in nats per weight; more sets more weights to exactly 0.
        rationality: inverse temperature; ``"free"`` estimates it, which needs ``fixed_weights``; None
            leaves that of the likelihood (1 for the methods that make their own).
        fixed_weights: name to value of weights that are not estimated (a unit of reward, when
            ``rationality`` is free).
        initial_weights: ``(K,)`` start; it changes the time, not the answer. None: zeros.
        tolerance: score per decision, each feature in units of its spread over choices, at which the fit
            has converged.
        max_iterations: limit of Newton steps.
        checkpoint_every: Newton steps between two calls of ``checkpoint``.
        max_dense_weights: number of weights up to which the exact Hessian is formed (and standard errors
            stated); above it, conjugate gradients use Hessian-vector products.
        standard_errors: state them; False saves their time where nobody asks.
    """

    l2: float = 0.0
    l1: float = 0.0
    rationality: float | str | None = None
    fixed_weights: Mapping[str, float] = field(default_factory=dict)
    initial_weights: FloatArray | None = None
    tolerance: float = 1e-8
    max_iterations: int = 100
    checkpoint_every: int = 5
    max_dense_weights: int = 1_000
    standard_errors: bool = True

    def __post_init__(self) -> None:
        for name in ("l2", "l1"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise SettingsError(
                    f"`{name}` must be finite and not negative, got {value}.", hint="0 means no penalty."
                )
        if not 0 < self.tolerance < 1e-2:
            raise SettingsError(
                f"`tolerance` must lie in (0, 0.01), got {self.tolerance}.",
                hint="It is the score per decision; 1e-8 is usual.",
            )
        for name in ("max_iterations", "checkpoint_every", "max_dense_weights"):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"`{name}` must be at least 1, got {getattr(self, name)}.",
                    hint="It counts Newton steps or weights.",
                )
        free = self.rationality == "free"
        if isinstance(self.rationality, str) and not free:
            raise SettingsError(
                f"`rationality` must be a number or 'free', got {self.rationality!r}.",
                hint="1 is the convention.",
            )
        if isinstance(self.rationality, int | float) and not (
            math.isfinite(self.rationality) and self.rationality > 0
        ):
            raise SettingsError(
                f"`rationality` must be above 0, got {self.rationality}.",
                hint="It is the inverse temperature.",
            )
        if free and not any(v != 0 for v in self.fixed_weights.values()):
            raise SettingsError(
                "Rationality cannot be free when every weight is: choices depend only on the product of "
                "rationality and weights.",
                hint="Fix the scale of one weight with `fixed_weights={name: value}` (not 0), or fix "
                "`rationality`.",
            )
        if free and (self.l1 or self.l2):
            raise SettingsError(
                "A penalty with free rationality is not defined: it would depend on how reward is scaled.",
                hint="Fix `rationality`, or drop the penalty.",
            )
        bad = {k: v for k, v in self.fixed_weights.items() if not math.isfinite(v)}
        if bad:
            raise SettingsError(f"`fixed_weights` must be finite, got {bad}.", hint="Give a number for each.")

    @property
    def frees_rationality(self) -> bool:
        """True when the inverse temperature is estimated."""
        return self.rationality == "free"

    def to_json(self) -> dict[str, Any]:
        """The settings that decide the answer, as JSON-able values."""
        return {
            "l2": self.l2,
            "l1": self.l1,
            "rationality": self.rationality,
            "fixed_weights": dict(self.fixed_weights),
            "tolerance": self.tolerance,
            "max_iterations": self.max_iterations,
        }
