"""What the numbers at the end of a network mean: choices, several choices at once, or amounts.

Each head is a family of distributions of actions with its parameters in the last axis of ``outputs``. All formulas are
written once, for numpy and for the library that trains. Draws are functions of noise that is handed in (standard
Gumbel or normal), so that nothing here keeps a generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from telic.errors import SettingsError

__all__ = ["CategoricalHead", "GaussianHead", "Head", "MultiCategoricalHead"]

LOG_SD = (-5.0, 2.0)
"""Ends between which the logarithm of a standard deviation (of the range of an action halved) is kept."""

Noise: TypeAlias = Callable[[tuple[int, ...]], Any]
"""From a shape to as many draws."""

LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True, kw_only=True)
class CategoricalHead:
    """One of A alternatives: outputs are their log-odds.

    Attributes:
        n_actions: A.
    """

    n_actions: int

    def __post_init__(self) -> None:
        if self.n_actions < 2:
            raise SettingsError(
                f"A choice needs at least 2 alternatives, got {self.n_actions}.", hint="Merge or add one."
            )

    @property
    def n_outputs(self) -> int:
        """Numbers that a network must give."""
        return self.n_actions

    @property
    def is_discrete(self) -> bool:
        """Whether actions are indices."""
        return True

    def noise(self, shape: tuple[int, ...], gumbel: Noise, normal: Noise, xp: Any = np) -> Any:
        """What draws for a batch of ``shape`` take, made of standard Gumbel numbers."""
        del normal, xp
        return gumbel((*shape, self.n_actions))

    def log_probs(self, outputs: Any, xp: Any = np) -> Any:
        """``(..., A)`` log-probabilities of the alternatives."""
        top = outputs - xp.max(outputs, axis=-1, keepdims=True)
        return top - xp.log(xp.sum(xp.exp(top), axis=-1, keepdims=True))

    def log_prob(self, outputs: Any, actions: Any, xp: Any = np) -> Any:
        """``(...,)`` log-probability of the actions taken."""
        # A product with zeros and ones: compiled gathers of single numbers are many times slower on a processor.
        taken = actions[..., None] == xp.arange(self.n_actions)
        return xp.sum(self.log_probs(outputs, xp) * taken, axis=-1)

    def entropy(self, outputs: Any, xp: Any = np) -> Any:
        """``(...,)`` nats."""
        logp = self.log_probs(outputs, xp)
        return -xp.sum(xp.exp(logp) * logp, axis=-1)

    def mode(self, outputs: Any, xp: Any = np) -> Any:
        """``(...,)`` the most probable alternative, the lowest index where tied."""
        return xp.argmax(outputs, axis=-1)

    def sample(self, outputs: Any, noise: Any, xp: Any = np) -> Any:
        """``(...,)`` a draw, by the Gumbel trick."""
        return xp.argmax(outputs + noise, axis=-1)


@dataclass(frozen=True, kw_only=True)
class MultiCategoricalHead:
    """Several choices at once, independent given the observation.

    Attributes:
        counts: alternatives of each choice.
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 2:
            raise SettingsError(
                f"Each of several choices needs at least 2 alternatives, got {self.counts}.",
                hint="Leave others out.",
            )

    @property
    def n_outputs(self) -> int:
        """Numbers that a network must give."""
        return sum(self.counts)

    @property
    def is_discrete(self) -> bool:
        """Whether actions are indices."""
        return True

    def noise(self, shape: tuple[int, ...], gumbel: Noise, normal: Noise, xp: Any = np) -> Any:
        """What draws for a batch of ``shape`` take, made of standard Gumbel numbers."""
        del normal, xp
        return gumbel((*shape, self.n_outputs))

    def _parts(self, values: Any) -> list[tuple[CategoricalHead, Any]]:
        ends = np.cumsum(self.counts).tolist()
        return [
            (CategoricalHead(n_actions=n), values[..., end - n : end])
            for n, end in zip(self.counts, ends, strict=True)
        ]

    def log_prob(self, outputs: Any, actions: Any, xp: Any = np) -> Any:
        """``(...,)`` log-probability of the actions ``(..., choices)`` taken together."""
        return sum(head.log_prob(o, actions[..., i], xp) for i, (head, o) in enumerate(self._parts(outputs)))

    def entropy(self, outputs: Any, xp: Any = np) -> Any:
        """``(...,)`` nats."""
        return sum(head.entropy(o, xp) for head, o in self._parts(outputs))

    def mode(self, outputs: Any, xp: Any = np) -> Any:
        """``(..., choices)`` the most probable alternatives."""
        return xp.stack([head.mode(o, xp) for head, o in self._parts(outputs)], axis=-1)

    def sample(self, outputs: Any, noise: Any, xp: Any = np) -> Any:
        """``(..., choices)`` a draw of each."""
        parts = zip(self._parts(outputs), self._parts(noise), strict=True)
        return xp.stack([head.sample(o, z, xp) for (head, o), (_, z) in parts], axis=-1)


@dataclass(frozen=True, kw_only=True)
class GaussianHead:
    """Amounts between bounds: a mixture of normal distributions of ``u``, with independent dimensions in each.

    Actions are ``middle + half * tanh(u)`` where ``is_squashed`` (no mass lies on a bound), else ``middle + half * u``,
    clipped to the bounds when acting; densities are of the action in its own unit, before clipping. Outputs: M log-odds
    of the components (none where M = 1), M x D means and M x D logarithms of standard deviations.

    Attributes:
        low: lower bound of each dimension.
        high: upper bound of each dimension.
        n_components: M.
        is_squashed: whether bounds are kept by ``tanh``.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    n_components: int = 1
    is_squashed: bool = False

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not self.low:
            raise SettingsError(
                f"Bounds must be of the same dimensions, got {len(self.low)} and {len(self.high)}.",
                hint="One lower and one upper bound a dimension.",
            )
        for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise SettingsError(
                    f"Dimension {i} of the action must lie between finite bounds, got {low} and {high}.",
                    hint="Give the range of the actuator.",
                )
        if self.n_components < 1:
            raise SettingsError(
                f"`n_components` must be at least 1, got {self.n_components}.", hint="1: one bell."
            )

    @property
    def n_dimensions(self) -> int:
        """D."""
        return len(self.low)

    @property
    def n_outputs(self) -> int:
        """Numbers that a network must give."""
        M, D = self.n_components, self.n_dimensions
        return 2 * M * D + (M if M > 1 else 0)

    @property
    def is_discrete(self) -> bool:
        """Whether actions are indices."""
        return False

    @property
    def middle(self) -> np.ndarray:
        """``(D,)`` middle of each range."""
        return 0.5 * (np.array(self.high, dtype=np.float32) + np.array(self.low, dtype=np.float32))

    @property
    def half(self) -> np.ndarray:
        """``(D,)`` half of each range."""
        return 0.5 * (np.array(self.high, dtype=np.float32) - np.array(self.low, dtype=np.float32))

    def noise(self, shape: tuple[int, ...], gumbel: Noise, normal: Noise, xp: Any = np) -> Any:
        """What draws for a batch of ``shape`` take: M Gumbel numbers, then D normal ones."""
        return xp.concatenate(
            [gumbel((*shape, self.n_components)), normal((*shape, self.n_dimensions))], axis=-1
        )

    def parameters(self, outputs: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Log-probabilities ``(..., M)`` of components, means and log standard deviations ``(..., M, D)`` of ``u``."""
        M, D = self.n_components, self.n_dimensions
        shape = (*outputs.shape[:-1], M, D)
        if M > 1:
            log_share = CategoricalHead(n_actions=M).log_probs(outputs[..., :M], xp)
            outputs = outputs[..., M:]
        else:
            log_share = xp.zeros((*outputs.shape[:-1], 1), outputs.dtype)
        mean = xp.reshape(outputs[..., : M * D], shape)
        log_sd = xp.clip(xp.reshape(outputs[..., M * D :], shape), *LOG_SD)
        return log_share, mean, log_sd

    def log_prob(self, outputs: Any, actions: Any, xp: Any = np) -> Any:
        """``(...,)`` log-density of the actions ``(..., D)``, per unit of each."""
        log_share, mean, log_sd = self.parameters(outputs, xp)
        scaled = (actions - self.middle) / self.half
        if self.is_squashed:
            edge = 1.0 - 1e-6
            scaled = xp.clip(scaled, -edge, edge)
            u = xp.arctanh(scaled)
            stretch = xp.log(1.0 - scaled**2) + np.log(self.half)
        else:
            u, stretch = scaled, xp.zeros_like(scaled) + np.log(self.half)
        z = (u[..., None, :] - mean) * xp.exp(-log_sd)
        each = -0.5 * (z**2 + LOG_TWO_PI) - log_sd
        total = log_share + xp.sum(each, axis=-1)
        top = xp.max(total, axis=-1, keepdims=True)
        mixed = top[..., 0] + xp.log(xp.sum(xp.exp(total - top), axis=-1))
        return mixed - xp.sum(stretch, axis=-1)

    def mode(self, outputs: Any, xp: Any = np) -> Any:
        """``(..., D)`` mean of the most probable component, within the bounds."""
        log_share, mean, _ = self.parameters(outputs, xp)
        best = xp.argmax(log_share, axis=-1)
        return self._act(xp.take_along_axis(mean, best[..., None, None], axis=-2)[..., 0, :], xp)

    def sample(self, outputs: Any, noise: Any, xp: Any = np) -> Any:
        """``(..., D)`` a draw, within the bounds."""
        return self._act(self.draw_u(outputs, noise, xp), xp)

    def draw_u(self, outputs: Any, noise: Any, xp: Any = np) -> Any:
        """``(..., D)`` a draw of ``u``, differentiable in the outputs of the component that is drawn."""
        log_share, mean, log_sd = self.parameters(outputs, xp)
        M = self.n_components
        which = xp.argmax(log_share + noise[..., :M], axis=-1)[..., None, None]
        mean = xp.take_along_axis(mean, which, axis=-2)[..., 0, :]
        log_sd = xp.take_along_axis(log_sd, which, axis=-2)[..., 0, :]
        return mean + xp.exp(log_sd) * noise[..., M:]

    def _act(self, u: Any, xp: Any) -> Any:
        kept = xp.tanh(u) if self.is_squashed else xp.clip(u, -1.0, 1.0)
        return self.middle + self.half * kept


Head: TypeAlias = CategoricalHead | MultiCategoricalHead | GaussianHead
