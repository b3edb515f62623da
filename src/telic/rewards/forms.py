"""Rewards keep the form they were given: of the state, of state and action, or of both and what follows.

``reward.expected(mdp)`` is the one projection, to ``(S, A)``: solvers call it and nothing stores it. Distance
and transfer take the original form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from telic.errors import DynamicsError, FeatureError
from telic.features import FeatureMap
from telic.reports import Provenance
from telic.typing import FloatArray

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["LinearReward", "SupportsTransition", "TabularReward"]


@runtime_checkable
class SupportsTransition(Protocol):
    """Any of the tabular worlds."""

    @property
    def transition(self) -> sp.csr_array:
        """CSR ``(S * A, S)``."""
        ...

    @property
    def n_actions(self) -> int:
        """A."""
        ...

    @property
    def n_states(self) -> int:
        """S."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class TabularReward:
    """A number for every state, state-action pair, or transition.

    Attributes:
        values: ``(S,)``, ``(S, A)``, or CSR ``(S * A, S)`` of rewards of transitions (form S A S).
        unit: unit of the reward; "" where it is only known up to scale.
    """

    values: FloatArray | sp.csr_array
    unit: str = ""
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if isinstance(self.values, np.ndarray) and self.values.ndim not in (1, 2):
            raise DynamicsError(
                f"A dense reward must have shape (S,) or (S, A), got {self.values.shape}.",
                hint="Give a reward of transitions as CSR of shape (S * A, S).",
            )

    @property
    def form(self) -> str:
        """``"S"``, ``"SA"`` or ``"SAS"``."""
        if not isinstance(self.values, np.ndarray):
            return "SAS"
        return "S" if self.values.ndim == 1 else "SA"

    def expected(self, mdp: SupportsTransition) -> FloatArray:
        """``(S, A)``: the expected reward of each pair under the dynamics of ``mdp``."""
        S, A = mdp.n_states, mdp.n_actions
        if isinstance(self.values, np.ndarray):
            wanted = (S,) if self.form == "S" else (S, A)
            if self.values.shape != wanted:
                raise DynamicsError(
                    f"A reward of shape {self.values.shape} does not fit a world of "
                    f"{S} states and {A} actions.",
                    hint="Use the world it was made for.",
                )
            return np.repeat(self.values[:, None], A, axis=1) if self.form == "S" else self.values
        if self.values.shape != (S * A, S):
            raise DynamicsError(
                f"A reward of transitions of shape {self.values.shape} does not fit a world of "
                f"{S} states and {A} actions.",
                hint="Use the world it was made for.",
            )
        return np.asarray(mdp.transition.multiply(self.values).sum(axis=1)).reshape(S, A)


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearReward:
    """Readable weights on named features: ``r = phi @ theta``.

    Attributes:
        features: phi.
        weights: ``(K,)`` theta, in units of reward per unit of feature.
    """

    features: FeatureMap
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
        """``"S"`` or ``"SA"``, as the features."""
        return self.features.form

    def expected(self, mdp: SupportsTransition) -> FloatArray:
        """``(S, A)``: the reward of each pair."""
        S, A = mdp.n_states, mdp.n_actions
        flat = self.features.values @ self.weights
        if self.form == "S":
            if flat.shape != (S,):
                raise DynamicsError(
                    f"Features of {flat.shape[0]} states do not fit a world of {S} states.",
                    hint="Use the world they were made for.",
                )
            return np.repeat(np.asarray(flat)[:, None], A, axis=1)
        values = np.asarray(flat).reshape(-1)
        if values.size != S * A:
            raise DynamicsError(
                f"Features of {values.size} pairs do not fit a world of {S} states and {A} actions.",
                hint="Use the world they were made for.",
            )
        return values.reshape(S, A)
