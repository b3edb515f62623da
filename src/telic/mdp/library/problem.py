"""A reference problem: a world, candidate features, the weights that rule it, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError
from telic.mdp.tabular import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP

__all__ = ["ReferenceProblem"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferenceProblem:
    """A problem whose answer is known or can be had another way.

    The features are plain arrays, because the world knows no features: make the noun by
    ``FeatureMap(values=p.features, names=p.feature_names, units=p.units, form=p.form)``.

    Attributes:
        mdp: the world.
        features: ``(S, K)`` or ``(S, A, K)``.
        feature_names: K names.
        weights: ``(K,)`` in units of reward per unit of feature.
        units: K units of the features, or empty.
        citation: where the problem comes from.
        coordinates: ``(S, 2)`` position of each state, for drawing, or None.
    """

    mdp: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
    features: Float[np.ndarray, "..."]
    feature_names: tuple[str, ...]
    weights: Float[np.ndarray, "K"]
    units: tuple[str, ...] = ()
    citation: str = ""
    coordinates: Float[np.ndarray, "S 2"] | None = None

    def __post_init__(self) -> None:
        S, A, K = self.mdp.n_states, self.mdp.n_actions, len(self.feature_names)
        if self.features.shape not in ((S, K), (S, A, K)) or self.weights.shape != (K,):
            raise DynamicsError(
                f"`features` must have shape ({S}, {K}) or ({S}, {A}, {K}) and `weights` ({K},), "
                f"got {self.features.shape} and {self.weights.shape}.",
                hint="One column and one weight per feature name.",
            )

    @property
    def form(self) -> str:
        """``"S"`` or ``"SA"``."""
        return "S" if self.features.ndim == 2 else "SA"

    @cached_property
    def reward(self) -> Float[np.ndarray, "S A"]:
        """Reward of each state and action under ``weights``."""
        r = self.features @ self.weights
        return np.repeat(r[:, None], self.mdp.n_actions, axis=1) if self.form == "S" else r
