"""What was believed about reward weights before any decision was seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.typing import FloatArray

__all__ = ["NormalPrior"]

SMALLEST = 1e-100
"""Standard deviations from here to its reciprocal have squares that are numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalPrior:
    """Independent normal beliefs, one a weight; always proper.

    Attributes:
        names: K names of the weights.
        means: ``(K,)`` in units of reward per unit of feature.
        standard_deviations: ``(K,)`` above 0 and finite, same units.
        source: where the beliefs come from, in words that can be printed.
    """

    names: tuple[str, ...]
    means: Float[np.ndarray, "K"]
    standard_deviations: Float[np.ndarray, "K"]
    source: str = "stated by the caller"

    def __post_init__(self) -> None:
        K = len(self.names)
        if self.means.shape != (K,) or self.standard_deviations.shape != (K,):
            raise SettingsError(
                f"A prior over {K} weights needs {K} means and standard deviations, got "
                f"{self.means.size} and {self.standard_deviations.size}.",
                hint="Give one of each for every feature.",
            )
        for k, name in enumerate(self.names):
            mean, sd = float(self.means[k]), float(self.standard_deviations[k])
            if not SMALLEST <= sd <= 1 / SMALLEST:
                raise SettingsError(
                    f"The prior of {name!r} is improper: its standard deviation must lie between {SMALLEST:g} and "
                    f"{1 / SMALLEST:g}, got {sd}.",
                    hint="State a wide one (such as 100 times the weight you would find plausible): it then "
                    "decides nothing that the data can tell, and the share it does decide is printed. To hold a "
                    "weight fixed, use `fixed_weights`.",
                    feature=name,
                )
            if not math.isfinite(mean):
                raise SettingsError(
                    f"The prior mean of {name!r} must be a finite number, got {mean}.",
                    hint="0 says that either sign is as likely.",
                    feature=name,
                )

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        beliefs: Mapping[str, tuple[float, float] | float],
        *,
        source: str = "stated by the caller",
    ) -> NormalPrior:
        """A prior from names: ``{name: standard deviation}`` or ``{name: (mean, standard deviation)}``.

        Raises:
            SettingsError: a name is unknown or missing, or a belief is improper.
        """
        unknown = sorted(set(beliefs) - set(names))
        missing = [n for n in names if n not in beliefs]
        if unknown or missing:
            problem = (
                f"does not know {', '.join(unknown)}" if unknown else f"says nothing of {', '.join(missing)}"
            )
            raise SettingsError(
                f"The prior {problem}; the features are {', '.join(names)}.",
                hint="Give one belief for every feature that is not fixed.",
            )
        pairs = [_pair(name, beliefs[name]) for name in names]
        return cls(
            names=tuple(names),
            means=np.array([float(m) for m, _ in pairs]),
            standard_deviations=np.array([float(s) for _, s in pairs]),
            source=source,
        )

    def log_density(self, weights: Float[np.ndarray, "*n K"]) -> FloatArray | float:
        """Log density in nats, one number for each row of weights."""
        z = (weights - self.means) / self.standard_deviations
        constant = float(np.log(self.standard_deviations).sum()) + 0.5 * len(self.names) * math.log(
            2 * math.pi
        )
        return np.asarray(-0.5 * (z * z).sum(axis=-1) - constant)

    def draw(self, n: int, *, key: int) -> Float[np.ndarray, "n K"]:
        """``n`` independent draws."""
        z = np.random.default_rng(key).normal(size=(n, len(self.names)))
        return np.asarray(self.means + z * self.standard_deviations)

    def to_json(self) -> dict[str, Any]:
        """Name to mean and standard deviation, with the source."""
        return {
            "family": "normal",
            "source": self.source,
            "weights": {
                n: {"mean": float(m), "standard_deviation": float(s)}
                for n, m, s in zip(self.names, self.means, self.standard_deviations, strict=True)
            },
        }


def _pair(name: str, belief: object) -> tuple[float, float]:
    """Mean and standard deviation of a belief as a caller may write it."""
    numbers = belief if isinstance(belief, tuple) else (0.0, belief)
    if len(numbers) != 2 or not all(isinstance(x, int | float | np.number) for x in numbers):
        raise SettingsError(
            f"The belief about {name!r} must be a standard deviation or (mean, standard deviation), got {belief!r}.",
            hint="Such as 2.0, or (1.0, 2.0).",
            feature=name,
        )
    return float(numbers[0]), float(numbers[1])
