"""Whether a policy is as sure as it may be: log-loss, calibration of choices, coverage of intervals of amounts.

Choices: in ten bins of the probability of the action that it holds most likely, the share of times that it was taken;
their weighted mean distance is the expected calibration error. Amounts: the share of actions inside the central 50 %
and 90 % of their marginal distributions, where mass beyond a bound lies on it (its rank there is drawn at random).

One number sets sureness afterwards: log-odds are divided by a temperature, or spreads multiplied by a factor, whichever
makes the held-out decisions likeliest (Guo and others 2017). It is folded into the last layer, so nothing else changes.

References:
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import GaussianHead
from telic.policies.layers import Dense
from telic.typing import FloatArray

from .examples import Examples
from .losses import negative_log_likelihood

__all__ = ["Calibration", "calibration", "log_likelihood", "ranks", "sharpened", "sureness"]

LEVELS = (0.5, 0.9)
"""Central shares of which coverage is told."""

BINS = 10
"""Of the probability of the likeliest action."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How sure a policy was, against what was done.

    Attributes:
        n_decisions: that were looked at.
        log_loss: nats a decision; of densities for amounts, which may be negative.
        accuracy: share of choices that were the likeliest; None for amounts.
        error: expected calibration error of choices; None for amounts.
        distance: root mean square distance of amounts from the likeliest, in half ranges; None for choices.
        coverage: level to the share of amounts within it; empty for choices.
    """

    n_decisions: int
    log_loss: float
    accuracy: float | None = None
    error: float | None = None
    distance: float | None = None
    coverage: Mapping[str, float]


def calibration(policy: NetworkPolicy | EnsemblePolicy, examples: Examples) -> Calibration:
    """How sure the policy was of what was done in the examples."""
    x, a, n = examples.observations, examples.actions, examples.n_decisions
    weight = examples.weights.astype(np.float64) / float(examples.weights.sum())
    log_loss = float(-np.sum(weight * log_likelihood(policy, examples)))
    head, best = policy.head, policy.mode(x)
    if isinstance(head, GaussianHead):
        off = (best - a) / head.half
        u = ranks(policy, examples, key=0)
        inside = {f"{q:g}": float(np.sum(weight * np.mean(np.abs(2 * u - 1) < q, axis=1))) for q in LEVELS}
        distance = float(np.sqrt(np.sum(weight * np.mean(off.astype(np.float64) ** 2, axis=1))))
        return Calibration(n_decisions=n, log_loss=log_loss, distance=distance, coverage=inside)
    right = (best == a).reshape(n, -1).all(axis=1)
    sure = np.exp(policy.log_prob(x, best))
    bin_of = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bin_of, weights=weight * (right - sure), minlength=BINS)
    return Calibration(
        n_decisions=n,
        log_loss=log_loss,
        accuracy=float(np.sum(weight * right)),
        error=float(np.abs(gaps).sum()),
        coverage={},
    )


def log_likelihood(policy: NetworkPolicy | EnsemblePolicy, examples: Examples) -> FloatArray:
    """``(n,)`` nats; mass, not density, where an amount lies on its bound."""
    members = policy.members if isinstance(policy, EnsemblePolicy) else (policy,)
    each = np.stack(
        [
            -negative_log_likelihood(m.head, m.outputs(examples.observations), examples.actions, xp=np)
            for m in members
        ]
    ).astype(np.float64)
    top = each.max(axis=0)
    mixed: FloatArray = top + np.log(np.mean(np.exp(each - top), axis=0))
    return mixed


def ranks(policy: NetworkPolicy | EnsemblePolicy, examples: Examples, key: int) -> FloatArray:
    """``(n, dimensions)`` share of the policy's amounts below what was done; uniform where it is calibrated."""
    head = policy.head
    assert isinstance(head, GaussianHead)
    members = policy.members if isinstance(policy, EnsemblePolicy) else (policy,)
    u = ((examples.actions - head.middle) / head.half).astype(np.float64)
    below = np.zeros_like(u)
    for member in members:
        log_share, mean, log_sd = head.parameters(member.outputs(examples.observations).astype(np.float64))
        at = np.arctanh(np.clip(u, -1 + 1e-6, 1 - 1e-6)) if head.is_squashed else u
        z = (at[:, None, :] - mean) * np.exp(-log_sd)
        below += np.sum(np.exp(log_share)[..., None] * ndtr(z), axis=1) / len(members)
    drawn = np.random.default_rng(key).random(u.shape)
    if not head.is_squashed:
        below = np.where(u >= 1 - 1e-6, below + drawn * (1 - below), below)
        below = np.where(u <= -1 + 1e-6, drawn * below, below)
    ranked: FloatArray = below
    return ranked


def sureness(policy: NetworkPolicy | EnsemblePolicy, examples: Examples) -> float:
    """The temperature, or the factor of spreads, under which what was done is likeliest; between 1/20 and 20."""
    weight = examples.weights.astype(np.float64)

    def loss(log_factor: float) -> float:
        changed = sharpened(policy, float(np.exp(log_factor)))
        return float(-np.sum(weight * log_likelihood(changed, examples)))

    end = float(np.log(20.0))
    found = minimize_scalar(loss, bounds=(-end, end), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def sharpened(policy: NetworkPolicy | EnsemblePolicy, factor: float) -> NetworkPolicy | EnsemblePolicy:
    """The policy with log-odds divided, or spreads multiplied, by the factor."""
    if isinstance(policy, EnsemblePolicy):
        return replace(policy, members=tuple(_sharpened(m, factor) for m in policy.members))
    return _sharpened(policy, factor)


def _sharpened(policy: NetworkPolicy, factor: float) -> NetworkPolicy:
    last, head = policy.layers[-1], policy.head
    if isinstance(head, GaussianHead):
        bias = last.bias.copy()
        bias[-head.n_components * head.n_dimensions :] += np.float32(np.log(factor))
        changed = Dense(weight=last.weight, bias=bias)
    else:
        divisor = np.float32(factor)
        changed = Dense(weight=last.weight / divisor, bias=last.bias / divisor)
    return replace(policy, layers=(*policy.layers[:-1], changed))
