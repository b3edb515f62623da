"""From the free numbers of a fit to all weights of the reward, and back for derivatives.

Without a free rationality the free numbers are the weights that are not fixed. With it, choices depend on
``eta = beta theta`` alone; the free numbers are then beta and the etas of the weights that are not fixed,
and a fixed weight ``c`` contributes ``beta c``: still a linear map, so the likelihood stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from telic.errors import SettingsError
from telic.typing import FloatArray

from .settings import FitSettings

__all__ = ["LinearCoordinates", "Parameters"]


@runtime_checkable
class LinearCoordinates(Protocol):
    """A linear map from free numbers to all weights, with its transpose for derivatives."""

    def expand(self, psi: FloatArray) -> FloatArray:
        """``(K,)`` weights as the likelihood sees them."""
        ...

    def direction(self, d: FloatArray) -> FloatArray:
        """``(K,)`` change of the weights for a change of the free numbers."""
        ...

    def pull(self, gradient: FloatArray) -> FloatArray:
        """Derivative by the free numbers, from one by the weights; the last axis is K."""
        ...

    def pull_matrix(self, matrix: FloatArray) -> FloatArray:
        """Second derivative by the free numbers, from one by the weights."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """The linear map ``weights = offset + basis psi``.

    Attributes:
        free: indices of the weights that are estimated.
        offset: ``(K,)`` fixed weights, 0 elsewhere (all 0 where rationality is free).
        ray: ``(K,)`` fixed weights that rationality multiplies, or None where rationality is fixed.
        names: names of the free numbers.
    """

    free: NDArray[np.int64]
    offset: FloatArray
    ray: FloatArray | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, names: tuple[str, ...], settings: FitSettings) -> Parameters:
        """The free numbers of a fit with these settings.

        Raises:
            SettingsError: a fixed weight is not one of the features, or nothing is left to estimate.
        """
        unknown = sorted(set(settings.fixed_weights) - set(names))
        if unknown:
            raise SettingsError(
                f"`fixed_weights` names {', '.join(unknown)}, which are not among the features "
                f"{', '.join(names[:20])}.",
                hint="Use the names of the features.",
            )
        fixed = np.zeros(len(names))
        for name, value in settings.fixed_weights.items():
            fixed[names.index(name)] = value
        free = np.array([k for k, n in enumerate(names) if n not in settings.fixed_weights], dtype=np.int64)
        if settings.frees_rationality:
            return cls(
                free=free,
                offset=np.zeros(len(names)),
                ray=fixed,
                names=("rationality", *(names[k] for k in free)),
            )
        if not len(free):
            raise SettingsError(
                "Every weight is fixed; nothing is left to estimate.",
                hint="Leave one out of `fixed_weights`.",
            )
        return cls(free=free, offset=fixed, ray=None, names=tuple(names[k] for k in free))

    @property
    def count(self) -> int:
        """Number of free numbers."""
        return len(self.free) + (self.ray is not None)

    @property
    def is_identity(self) -> bool:
        """True when the free numbers are all the weights."""
        return self.ray is None and len(self.free) == len(self.offset)

    def expand(self, psi: FloatArray) -> FloatArray:
        """``(K,)`` weights as the likelihood sees them."""
        out = self.offset.copy()
        if self.ray is None:
            out[self.free] += psi
        else:
            out += psi[0] * self.ray
            out[self.free] += psi[1:]
        return out

    @property
    def basis(self) -> FloatArray:
        """``(K, count)`` derivative of ``expand``."""
        return np.stack([self.direction(e) for e in np.eye(self.count)], axis=1)

    def direction(self, d: FloatArray) -> FloatArray:
        """``(K,)`` change of the weights for a change of the free numbers."""
        return self.expand(d) - self.offset

    def pull(self, gradient: FloatArray) -> FloatArray:
        """Derivative by the free numbers, from one by the weights; the last axis is K."""
        if self.is_identity:
            return gradient
        part = gradient[..., self.free]
        if self.ray is None:
            return part
        return np.concatenate([(gradient @ self.ray)[..., None], part], axis=-1)

    def pull_matrix(self, matrix: FloatArray) -> FloatArray:
        """Second derivative by the free numbers, from one by the weights."""
        if self.is_identity:
            return matrix
        return self.pull(self.pull(matrix).T)

    def start(self, weights: FloatArray | None, rationality: float) -> FloatArray:
        """Free numbers of ``(K,)`` starting weights (zeros by default)."""
        given = np.zeros(len(self.offset)) if weights is None else np.asarray(weights, dtype=np.float64)
        if given.shape != self.offset.shape or not np.all(np.isfinite(given)):
            raise SettingsError(
                f"`initial_weights` must be {len(self.offset)} finite numbers, got shape {given.shape}.",
                hint="One per feature.",
            )
        if self.ray is None:
            return given[self.free]
        return np.concatenate([[rationality], rationality * given[self.free]])

    def finish(self, psi: FloatArray) -> tuple[FloatArray, float | None]:
        """``(weights of the reward, estimated rationality or None)``."""
        if self.ray is None:
            return self.expand(psi), None
        beta = float(psi[0])
        weights = self.ray.copy()
        weights[self.free] = psi[1:] / beta
        return weights, beta

    def jacobian(self, psi: FloatArray) -> FloatArray:
        """``(K, count)`` derivative of ``finish``'s weights by the free numbers."""
        J: NDArray[Any] = np.zeros((len(self.offset), self.count))
        if self.ray is None:
            J[self.free, np.arange(len(self.free))] = 1.0
            return J
        beta = psi[0]
        J[self.free, 1 + np.arange(len(self.free))] = 1.0 / beta
        J[self.free, 0] = -psi[1:] / beta**2
        return J
