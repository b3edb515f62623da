"""A linear reward of measurements: no table of states behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from telic.errors import FeatureError
from telic.features import MeasuredFeatureMap
from telic.reports import Provenance
from telic.typing import FloatArray, IntArray

__all__ = ["MeasuredReward"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredReward:
    """Readable weights on features of measurements: ``r = phi(observations, action) @ theta``.

    Attributes:
        features: phi.
        weights: ``(K,)`` theta, in units of reward per unit of feature.
    """

    features: MeasuredFeatureMap
    weights: FloatArray
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if self.weights.shape != (self.features.n_features,):
            raise FeatureError(
                f"`weights` must have shape ({self.features.n_features},), got {self.weights.shape}.",
                hint="One weight per feature.",
            )

    @property
    def form(self) -> str:
        """``"SA"``: of state (as measured) and action."""
        return "SA"

    def evaluate(self, columns: Mapping[str, NDArray[Any]], actions: IntArray) -> FloatArray:
        """``(n,)`` rewards of rows and the actions taken in them."""
        return self.features.evaluate(columns, actions) @ self.weights
