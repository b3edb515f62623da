"""What watching some decisions tells about the weights: the soft policy of each draw, and a nested average over draws.

The rollout ``y = (a_0, s_1, a_1, ...)`` of T decisions tells, by the chain rule of information,

    gain = sum_t E[ KL( pi_i(. | s_t)  |  p(. | s_t, y_<t) ) ],     p(. | s, y) = sum_j omega_j(y) pi_j(. | s),

over draws i, rollouts of i, and with ``omega_j(y)`` the belief after the decisions so far (the luck of the dynamics
tells nothing: it is the same for every draw). For T = 1 this is exact over the draws. For T > 1 it is a nested average:
one rollout a draw, the inner belief from the same n draws. Its bias has a sign. With the draw i that made the rollout
among the inner ones, the average is at most the gain in expectation (and at most log n); without it, at least the gain
(Foster and others 2020). Both are computed from the same rollouts; ``gain`` is the lower one. On a grid the belief is
the points, so that the first has no bias and the second is not needed.

Every candidate uses the same draws and random numbers, which makes differences between them sharper than either.

Reference: Foster, Jankowiak, O'Meara, Teh and Rainforth (2020), A unified stochastic gradient approach to designing
Bayesian-optimal experiments, AISTATS; Rainforth, Cornish, Yang, Warrington and Wood (2018), On nesting Monte Carlo
estimators, ICML.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.reports import Outcome
from telic.rewards import LinearReward
from telic.typing import FloatArray, LongArray

from .belief import WeightBelief

__all__ = ["RolloutGain", "picked_draws", "rollout_gain", "soft_policies"]

BLOCK = 4_000_000
"""Policy entries (rollouts times inner draws times actions) held at once: 32 MB an array."""

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class RolloutGain:
    """What a rollout tells.

    Attributes:
        lower: ``(n,)`` nats that each draw contributes, at most the truth in expectation.
        upper: ``(n,)`` the same, at least the truth in expectation.
        means: ``(n, Q)`` of the quantities asked for, given each rollout, by the draws that did not make it; or None.
        squares: the same of their squares.
    """

    lower: Float[np.ndarray, "n"]
    upper: Float[np.ndarray, "n"]
    means: Float[np.ndarray, "n Q"] | None = None
    squares: Float[np.ndarray, "n Q"] | None = None


def picked_draws(belief: WeightBelief, n_draws: int, key: int) -> FloatArray:
    """``(n_draws, K)`` draws of equal probability, picked systematically; all of them where there are fewer.

    Raises:
        NumericalError: the draws are used up.
        SettingsError: fewer than 2 are asked for.
    """
    weights, p = belief.answer()
    if n_draws < 2:
        raise SettingsError(f"`n_draws` must be at least 2, got {n_draws}.", hint="400 are usual.")
    uniform = bool(np.ptp(belief.log_probabilities) < 1e-12)
    if uniform and belief.n_draws <= n_draws:
        return weights
    u = np.random.default_rng(key).random()
    at = np.searchsorted(np.cumsum(p), (u + np.arange(n_draws)) / n_draws)
    return np.asarray(weights[np.minimum(at, belief.n_draws - 1)])


def soft_policies(
    mdp: TabularMDP, features: FeatureMap, weights: FloatArray, rationality: float | int
) -> tuple[FloatArray, Outcome]:
    """``(n, S, A)`` log policies of each of ``(n, K)`` weights, and the first outcome that is not success.

    Raises:
        FeatureError: the features are not of this world.
    """
    if features.n_features != weights.shape[1]:
        raise FeatureError(
            f"The environment has {features.n_features} features, the belief {weights.shape[1]} weights.",
            hint="Make the features of every environment from one list.",
        )
    out = np.empty((len(weights), mdp.n_states, mdp.n_actions))
    value: FloatArray | None = None
    base = LinearReward(features=features, weights=weights[0])
    for i, theta in enumerate(weights):
        reward = replace(base, weights=theta).expected(mdp)
        solution = solve_soft(mdp, reward, rationality=float(rationality), initial_value=value)
        if not solution.outcome.ok:
            return out, solution.outcome
        out[i] = solution.log_policy
        value = solution.value if value is None else value
    return out, Outcome.SUCCESS


def rollout_gain(
    mdp: TabularMDP,
    log_policies: Float[np.ndarray, "n S A"],
    initial: Float[np.ndarray, "S"],
    steps: int,
    *,
    key: int,
    is_exact: bool = False,
    quantities: Float[np.ndarray, "n Q"] | None = None,
) -> RolloutGain:
    """What ``steps`` decisions from a distribution of first states tell, one rollout a draw.

    Args:
        mdp: the world.
        log_policies: of each draw, of equal probability.
        initial: distribution of the first state, which is seen and tells nothing.
        steps: decisions; fewer where the rollout is absorbed.
        key: of the random numbers.
        is_exact: the draws are the whole belief, so that the lower average has no bias.
        quantities: of each draw, whose means after each rollout are wanted.
    """
    n, _, A = log_policies.shape
    rng = np.random.default_rng(key)
    start = np.searchsorted(np.cumsum(initial), rng.random(n) * initial.sum(), side="right")
    state = np.minimum(start, len(initial) - 1).astype(np.int64)
    luck = rng.random((steps, 2, n))
    step = _Successors.of(mdp)
    lower, upper = np.zeros(n), np.zeros(n)
    means = None if quantities is None else np.zeros(quantities.shape)
    squares = None if quantities is None else np.zeros(quantities.shape)
    size = max(1, BLOCK // (n * A))
    for low in range(0, n, size):
        rows = np.arange(low, min(low + size, n))
        at, running = state[rows], np.ones(len(rows), dtype=bool)
        log_inner = np.zeros((len(rows), n))  # log probability of the decisions so far under each inner draw
        for t in range(steps):
            if mdp.absorbing is not None:
                running &= ~mdp.absorbing[at]
            if not running.any():
                break
            told = log_policies[:, at].transpose(1, 0, 2)  # (rows, n, A)
            chance = np.exp(told)
            own_log, own = log_policies[rows, at], np.exp(log_policies[rows, at])
            lower[rows] += running * _divergence(own, own_log, chance, log_inner)
            if not is_exact:
                others = log_inner.copy()
                others[np.arange(len(rows)), rows] = -np.inf
                upper[rows] += running * _divergence(own, own_log, chance, others)
            action = _picked(own, luck[t, 0, rows])
            log_inner += np.where(running[:, None], told[np.arange(len(rows)), :, action], 0.0)
            at = np.where(running, step.next(at * A + action, luck[t, 1, rows]), at)
        if quantities is not None and means is not None and squares is not None:
            given = log_inner.copy()
            if not is_exact:
                given[np.arange(len(rows)), rows] = -np.inf
            share = np.exp(given - given.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            means[rows], squares[rows] = share @ quantities, share @ quantities**2
    if is_exact:
        upper = lower
    return RolloutGain(lower=lower, upper=upper, means=means, squares=squares)


def _divergence(
    own: FloatArray, own_log: FloatArray, chance: FloatArray, log_inner: FloatArray
) -> FloatArray:
    """``(rows,)`` divergence of each draw's next action from that of the belief after the decisions so far."""
    top = log_inner.max(axis=1, keepdims=True)
    inner = np.exp(log_inner - np.where(np.isfinite(top), top, 0.0))
    inner /= np.maximum(inner.sum(axis=1, keepdims=True), TINY)
    mean = np.einsum("ij,ija->ia", inner, chance)
    some = own > 0
    gap = np.where(some, own_log, 0.0) - np.log(np.where(some, np.maximum(mean, TINY), 1.0))
    return np.asarray((own * gap).sum(axis=1))


def _picked(chances: FloatArray, u: FloatArray) -> LongArray:
    """``(rows,)`` one action of each row; any where nothing is decided."""
    cumulative = np.cumsum(chances, axis=1)
    passed = (u[:, None] * cumulative[:, -1:] >= cumulative).sum(axis=1)
    return np.asarray(np.minimum(passed, chances.shape[1] - 1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Successors:
    """Draws next states by inverting the cumulative distribution of each row."""

    cumulative: FloatArray
    before: FloatArray
    total: FloatArray
    last: LongArray
    columns: LongArray

    @classmethod
    def of(cls, mdp: TabularMDP) -> _Successors:
        P = mdp.transition
        cumulative = np.concatenate([[0.0], np.cumsum(P.data)])
        before = cumulative[P.indptr[:-1]]
        return cls(
            cumulative=cumulative[1:],
            before=before,
            total=cumulative[P.indptr[1:]] - before,
            last=np.maximum(P.indptr[1:].astype(np.int64) - 1, 0),
            columns=P.indices.astype(np.int64),
        )

    def next(self, rows: LongArray, u: FloatArray) -> LongArray:
        at = np.searchsorted(self.cumulative, self.before[rows] + u * self.total[rows], side="right")
        return np.asarray(self.columns[np.minimum(at, self.last[rows])])
