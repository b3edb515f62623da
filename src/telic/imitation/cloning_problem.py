"""What cloning by a network is asked: its settings, and decisions cut, scaled and padded as its learner takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.policies.heads import Head
from telic.policies.layers import Activation
from telic.policies.windows import windows

from .action_checks import check_actions
from .cloning_learner import Cloning, Rows
from .examples import Examples

__all__ = ["CloneSettings", "Prepared", "prepared"]


class Prepared(NamedTuple):
    """A run that could begin.

    Attributes:
        learner: with its rows.
        learning: decisions that it learns from.
        held_out: those that it chooses weights by, or None.
        shift: ``(D,)`` mean of what was seen.
        scale: ``(D,)`` standard deviation, 1 where nothing moves.
    """

    learner: Cloning
    learning: Examples
    held_out: Examples | None
    shift: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, kw_only=True)
class CloneSettings:
    """How a network is cloned.

    Attributes:
        hidden: units of the layers between.
        activation: between layers.
        n_updates: gradient steps at most; the rate falls to 0 over them.
        every: gradient steps between looks at what was held out.
        patience: looks without a better one after which training stops.
        batch: decisions of a gradient step.
        held_out: share of trajectories to choose by.
        learning_rate: of Adam. More is faster until it breaks.
        decay: of weights. More is smoother.
        averaging: share of the running mean of weights kept a gradient step.
        evenness: 1: means are fitted as by least squares; 0: by plain likelihood. Amounts only.
        n_members: of the ensemble; 1: a single network.
        n_back: earlier observations and actions that are seen; 0: the present observation.
        clip: largest size of a scaled observation that the network sees.
        is_sharpened: whether sureness is set on what was held out.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "tanh"
    n_updates: int = 10_000
    every: int = 200
    patience: int = 20
    batch: int = 256
    held_out: float = 0.1
    learning_rate: float = 1e-3
    decay: float = 0.0
    averaging: float = 0.99
    evenness: float = 1.0
    n_members: int = 1
    n_back: int = 0
    clip: float = 10.0
    is_sharpened: bool = True

    def __post_init__(self) -> None:
        whole = {
            "n_updates": self.n_updates,
            "every": self.every,
            "patience": self.patience,
            "batch": self.batch,
            "n_members": self.n_members,
        }
        for name, number in whole.items():
            if number < 1:
                raise SettingsError(f"`{name}` must be at least 1, got {number}.", hint="See its default.")
        if self.n_back < 0 or not self.learning_rate > 0 or self.decay < 0:
            raise SettingsError(
                f"`n_back` and `decay` must be at least 0 and `learning_rate` above 0, got {self.n_back},"
                f" {self.decay} and {self.learning_rate}.",
                hint="0.001 is the usual rate.",
            )
        if not (0 <= self.averaging < 1 and 0 <= self.evenness <= 1):
            raise SettingsError(
                f"`averaging` must lie in [0, 1) and `evenness` in [0, 1], got {self.averaging} and {self.evenness}.",
                hint="0.99 and 1 are the defaults.",
            )


def prepared(
    examples: Examples, *, head: Head | None = None, settings: CloneSettings | None = None, key: int = 0
) -> Prepared:
    """The run that ``clone`` makes of the same arguments; what keeps its checkpoints needs its learner.

    Args:
        examples: decisions of the experts.
        head: family of actions; default that of the examples.
        settings: of the cloning.
        key: random key of the run.

    Raises:
        DataError: an action is not of the family, or beyond its bounds.
    """
    settings = CloneSettings() if settings is None else settings
    head = examples.head() if head is None else head
    check_actions(examples, head)
    seen = _with_windows(examples, head, settings.n_back)
    learning, held_out = seen.split(settings.held_out, key)
    shift, scale = _scaling(learning)
    learner = _learner_of(learning, held_out, head, settings, shift, scale)
    return Prepared(learner, learning, held_out, shift, scale)


def _scaling(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of the columns, float32; 1 for a column that never moves."""
    x = examples.observations.astype(np.float64)
    weight = (examples.weights / examples.weights.sum())[:, None].astype(np.float64)
    shift = np.sum(weight * x, axis=0)
    scale = np.sqrt(np.sum(weight * (x - shift) ** 2, axis=0))
    still = scale <= 1e-7 * np.maximum(1.0, np.abs(shift))
    return shift.astype(np.float32), np.where(still, 1.0, scale).astype(np.float32)


def _learner_of(
    learning: Examples,
    held_out: Examples | None,
    head: Head,
    settings: CloneSettings,
    shift: np.ndarray,
    scale: np.ndarray,
) -> Cloning:
    """The learner of scaled rows, padded to a power of two so that more rows need not be compiled anew."""
    return Cloning(
        rows=_padded(learning, shift, scale, settings.clip),
        held_out=_padded(learning if held_out is None else held_out, shift, scale, settings.clip),
        head=head,
        hidden=tuple(settings.hidden),
        activation=settings.activation,
        batch=settings.batch,
        n_gradients=settings.every,
        n_members=settings.n_members,
        n_updates=float(settings.n_updates),
        learning_rate=settings.learning_rate,
        decay=settings.decay,
        averaging=settings.averaging,
        evenness=settings.evenness,
    )


def _padded(examples: Examples, shift: np.ndarray, scale: np.ndarray, clip: float) -> Rows:
    n = examples.n_decisions
    more = (1 << (n - 1).bit_length()) - n
    x = np.clip((examples.observations - shift) / scale, -clip, clip)
    # Rows of the data itself stand in the padding: they have no weight, but they must not be out of bounds.
    action = np.concatenate([examples.actions, np.repeat(examples.actions[:1], more, axis=0)])
    weight = examples.weights / examples.weights.mean()
    return Rows(
        x=jnp.asarray(np.pad(x, ((0, more), (0, 0))), dtype=jnp.float32),
        action=jnp.asarray(action),
        weight=jnp.asarray(np.pad(weight, (0, more)), dtype=jnp.float32),
        n=jnp.asarray(n, dtype=jnp.int32),
    )


def _with_windows(examples: Examples, head: Head, n_back: int) -> Examples:
    if not n_back:
        return examples
    seen = windows(examples.observations, examples.actions, examples.offsets, head, n_back)
    return replace(
        examples, observations=seen.astype(np.float32), names=tuple(str(i) for i in range(seen.shape[1]))
    )
