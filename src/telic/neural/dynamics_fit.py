"""From recorded transitions to dynamics, with what was held out telling how good they are, and how sure they may be.

Rows are cut into blocks of neighbours, for neighbours in a record are alike: most blocks are learned from, a tenth
chooses the weights and sets the width of the bells, a tenth is only told about. Told are the error beside that of two
baselines, "nothing changes" and a linear model by least squares, and how often what happened lay within the central
50 % and 90 % of what was predicted, with exact binomial intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from telic.errors import DataError, SettingsError
from telic.policies.heads import CategoricalHead
from telic.reports import Finding
from telic.typing import LongArray

from .driver import Trained, train
from .dynamics import Dynamics, encoded
from .dynamics_learner import DynamicsLearner, DynamicsRows
from .dynamics_told import LEVELS, HeldOut, held_out, predicted, targets, told_findings
from .transitions import Transitions

__all__ = ["DynamicsSettings", "FittedDynamics", "fit_dynamics", "rows_needed"]

N_BLOCKS = 50
SHARE = 0.1
"""Of the blocks that choose, and of those that are told about."""

FACTORS = (0.05, 20.0)
"""Between which spreads are multiplied."""

BEYOND = 0.5
"""By how much of its recorded range an observation may leave that range in predictions."""


@dataclass(frozen=True, kw_only=True)
class DynamicsSettings:
    """How dynamics are learned; see ``DynamicsLearner`` for what is not told here.

    Attributes:
        hidden: units of the layers between.
        n_members: of the ensemble, at least 2.
        n_updates: gradient steps at most.
        every: gradient steps between looks at what was held out.
        patience: looks without a better one, of any member, after which training stops.
        batch: rows of a gradient step.
        learning_rate: of Adam.
        decay: of weights.
        prior_scale: of the random networks; more makes members differ more where little was recorded.
    """

    hidden: tuple[int, ...] = (64, 64)
    n_members: int = 5
    n_updates: int = 10_000
    every: int = 250
    patience: int = 8
    batch: int = 128
    learning_rate: float = 2e-3
    decay: float = 0.0
    prior_scale: float = 0.3

    def __post_init__(self) -> None:
        if self.n_members < 2:
            raise SettingsError(
                f"`n_members` must be at least 2, got {self.n_members}.",
                hint="One member alone cannot tell how far it may be trusted.",
            )
        for name in ("n_updates", "every", "patience", "batch"):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"`{name}` must be at least 1, got {getattr(self, name)}.", hint="See its default."
                )
        if not self.learning_rate > 0 or self.decay < 0 or self.prior_scale < 0:
            raise SettingsError(
                "`learning_rate` must be above 0, `decay` and `prior_scale` at least 0, got"
                f" {self.learning_rate}, {self.decay} and {self.prior_scale}.",
                hint="0.002, 0 and 0.3 are the defaults.",
            )


@dataclass(frozen=True, kw_only=True)
class FittedDynamics:
    """What learning came to.

    Attributes:
        dynamics: the ensemble, by the weights that explained best what was held out.
        trained: the run.
        told: how good they are.
        findings: what was noticed.
    """

    dynamics: Dynamics
    trained: Trained
    told: HeldOut
    findings: tuple[Finding, ...]


def rows_needed(n_observations: int, n_columns: int) -> int:
    """Rows at least: ten for each number that a linear model of one output would have, and no fewer than 100.

    Args:
        n_observations: D.
        n_columns: of an encoded action: alternatives, or dimensions of amounts.
    """
    return max(100, 10 * (n_observations + n_columns + 1))


def fit_dynamics(
    data: Transitions,
    *,
    ends: Callable[[Any, Any, Any], Any] | None = None,
    settings: DynamicsSettings | None = None,
    key: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    sink: Callable[[int, Mapping[str, float]], None] | None = None,
    checkpoint: Callable[[int, Any], None] | None = None,
    resume: tuple[int, Any] | None = None,
) -> FittedDynamics:
    """The dynamics under which what followed is likeliest.

    Args:
        data: recorded transitions, in the order of the record where there is one.
        ends: known function of one ``(observation, action, after)``, of arrays of the engine, to whether the task
            ended; None: learned from the rows, or never where none ended.
        settings: see there.
        key: random key of the whole run: of what is held out, of the weights and of batches.
        progress: as in ``train``.
        sink: as in ``train``.
        checkpoint: as in ``train``.
        resume: as in ``train``.

    Raises:
        DataError: there are too few rows; the message says how many are needed.
        NumericalError: training became not finite.
    """
    settings = DynamicsSettings() if settings is None else settings
    n, D = data.observations.shape
    K = data.head.n_actions if isinstance(data.head, CategoricalHead) else data.head.n_dimensions
    if n < rows_needed(D, K):
        raise DataError(
            f"Dynamics of {D} observations and {K} columns of actions need at least {rows_needed(D, K)} rows,"
            f" got {n}.",
            hint="Record more, or observe fewer columns.",
            needed=rows_needed(D, K),
        )
    learning, choosing, telling = _split(n, key)
    has_ends = ends is None and bool(data.terminated[learning].any())
    blank = _blank(data, learning, has_ends, ends)
    rows = _scaled(data, blank)
    part = [DynamicsRows(*(column[jnp.asarray(which)] for column in rows)) for which in (learning, choosing)]
    learner = DynamicsLearner(
        rows=part[0],
        held_out=part[1],
        hidden=tuple(settings.hidden),
        n_members=settings.n_members,
        batch=settings.batch,
        n_gradients=settings.every,
        has_ends=has_ends,
        n_updates=float(settings.n_updates),
        learning_rate=settings.learning_rate,
        decay=settings.decay,
        prior_scale=settings.prior_scale,
    )
    trained = train(
        learner,
        key,
        -(-settings.n_updates // settings.every),
        stop=lambda metrics: metrics["n_stale"] >= settings.patience,
        progress=progress,
        sink=sink,
        checkpoint=checkpoint,
        resume=resume,
    )
    state = trained.answer()
    dynamics = replace(blank, params=state.best, prior=state.prior, prior_scale=settings.prior_scale)
    dynamics = replace(dynamics, widening=_widening(dynamics, data, choosing))
    told = held_out(dynamics, data, learning, telling)
    return FittedDynamics(
        dynamics=dynamics,
        trained=trained,
        told=told,
        findings=(*trained.findings, *told_findings(told, has_ends=has_ends or ends is not None)),
    )


def _split(n: int, key: int) -> tuple[LongArray, LongArray, LongArray]:
    """Rows to learn from, to choose by, and to tell about, in blocks of neighbours."""
    block = np.arange(n) * N_BLOCKS // n
    order, few = np.random.default_rng(key).permutation(N_BLOCKS), round(SHARE * N_BLOCKS)
    place = np.argsort(order)[block]
    learning, choosing = place >= 2 * few, place < few
    return np.flatnonzero(learning), np.flatnonzero(choosing), np.flatnonzero(~learning & ~choosing)


def _blank(
    data: Transitions, learning: LongArray, has_ends: bool, ends: Callable[[Any, Any, Any], Any] | None
) -> Dynamics:
    """Dynamics with the scaling of the rows and without weights."""
    shift, scale = data.normaliser
    y, counts = targets(data, learning)
    n = np.maximum(counts.sum(axis=0), 1)
    mean = np.sum(counts * y, axis=0) / n
    sd = np.sqrt(np.sum(counts * (y - mean) ** 2, axis=0) / n)
    seen = np.concatenate([data.observations, data.next_observations[~data.terminated]]).astype(np.float64)
    low, high = seen.min(axis=0), seen.max(axis=0)
    beyond = BEYOND * (high - low)
    return Dynamics(
        params=(),
        prior=(),
        prior_scale=0.0,
        shift=jnp.asarray(shift),
        scale=jnp.asarray(scale),
        target_shift=jnp.asarray(mean, jnp.float32),
        target_scale=jnp.asarray(np.where(sd > 1e-6 * (1.0 + np.abs(mean)), sd, 1.0), jnp.float32),
        widening=jnp.ones(len(mean), jnp.float32),
        low=jnp.asarray(low - beyond, jnp.float32),
        high=jnp.asarray(high + beyond, jnp.float32),
        head=data.head,
        has_ends=has_ends,
        ends=ends,
    )


def _scaled(data: Transitions, blank: Dynamics) -> DynamicsRows:
    every = np.arange(len(data))
    x = (data.observations - np.asarray(blank.shift)) / np.asarray(blank.scale)
    y = (targets(data, every)[0] - np.asarray(blank.target_shift)) / np.asarray(blank.target_scale)
    return DynamicsRows(
        x=jnp.concatenate([jnp.asarray(x), encoded(data.head, jnp.asarray(data.actions))], axis=-1),
        y=jnp.asarray(y, jnp.float32),
        goes_on=jnp.asarray(1.0 - data.terminated, jnp.float32),
    )


def _widening(dynamics: Dynamics, data: Transitions, choosing: LongArray) -> Any:
    """``(D + 1,)`` factor of spreads under which nine tenths of the rows that chose lie within the central 90 %."""
    mean, sd, _ = (np.asarray(p, np.float64) for p in predicted(dynamics, data, choosing))
    y, counts = targets(data, choosing)
    n = np.maximum(counts.sum(axis=0), 1)
    low, high = np.full(y.shape[1], np.log(FACTORS[0])), np.full(y.shape[1], np.log(FACTORS[1]))
    for _ in range(30):
        middle = 0.5 * (low + high)
        below = ndtr((y - mean) / (sd * np.exp(middle))).mean(axis=0)
        is_narrow = np.sum(counts * (np.abs(2.0 * below - 1.0) < LEVELS[-1]), axis=0) / n < LEVELS[-1]
        low, high = np.where(is_narrow, middle, low), np.where(is_narrow, high, middle)
    return jnp.asarray(np.where(counts.any(axis=0), np.exp(high), 1.0), jnp.float32)
