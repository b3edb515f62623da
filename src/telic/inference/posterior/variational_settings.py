"""What one may choose of AVRIL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from telic.errors import SettingsError

__all__ = ["VariationalSettings"]


@dataclass(frozen=True, kw_only=True)
class VariationalSettings:
    """What one may choose.

    Attributes:
        rationality: inverse temperature beta of the experts.
        residual_weight: lambda. 1: a residual counts as one observation with its measured noise. More ties action
            values to the reward more firmly; near 0 they fit the choices alone and the weights stay at the prior.
        residual: ``"projected"`` averages out the chance in transitions; ``"sampled"`` takes every transition as it
            came, as published: values of next states are then pulled together, by as much as transitions are random.
        noise: standard deviation of a residual, in units of reward; None: measured.
        correct_noise: undo, for projected residuals, the pull towards 0 that chance in averages over few transitions
            causes.
        covariance: ``"linear-response"`` lets the action values move along with the weights; ``"variational"``
            takes them as known: the covariance of q.
        action_spread: a priori standard deviation, in log-odds, of differences between action values at a typical
            row; less pulls rarely taken actions to the average.
        n_functions: random waves of the basis where none is given; None: 100, and fewer where that would leave less
            than 10 decisions a number. More follow a value more closely and bend more towards chance.
        n_draws: draws of the weights.
        tolerance: nats that a Newton step may still add to the bound.
        max_rounds: rounds of L-BFGS.
        key: of the basis where none is given, and of the draws.
    """

    rationality: float = 1.0
    residual_weight: float = 1.0
    residual: Literal["projected", "sampled"] = "projected"
    noise: float | None = None
    correct_noise: bool = True
    covariance: Literal["linear-response", "variational"] = "linear-response"
    action_spread: float = 5.0
    n_functions: int | None = None
    n_draws: int = 1_000
    tolerance: float = 1e-6
    max_rounds: int = 50
    key: int = 0

    def __post_init__(self) -> None:
        for name in ("rationality", "residual_weight", "action_spread", "tolerance", "noise"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingsError(
                    f"`{name}` must be finite and above 0, got {value}.", hint="Leave it out for the default."
                )
        if min(1 if self.n_functions is None else self.n_functions, self.n_draws - 1, self.max_rounds) < 1:
            raise SettingsError(
                "`n_functions` and `max_rounds` must be at least 1 and `n_draws` at least 2, got "
                f"{self.n_functions}, {self.max_rounds} and {self.n_draws}.",
                hint="Leave them out for the defaults.",
            )
        choices = {
            "residual": ("projected", "sampled"),
            "covariance": ("linear-response", "variational"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise SettingsError(
                    f"`{name}` is {' or '.join(map(repr, known))}, got {getattr(self, name)!r}.",
                    hint="The first is the default.",
                )
