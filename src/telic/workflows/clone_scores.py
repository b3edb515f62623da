"""How well decisions that were not learned from are told, beside those who know less and beside the experts themselves.

Choices: log-probability of what was done and how often the likeliest choice was it; of the policy, of even shares, of
the shares of the decisions learned from (the majority), and of the shares with which the experts themselves chose where
the same was seen among the decisions scored. The last is a ceiling: no policy of what is seen can make those decisions
likelier. Amounts: log-density (mass on a bound) and root mean square distance in half ranges; the baseline is one bell
around the mean, and of the experts the spread of what they did where the same was seen.

Errors are over trajectories (``telic.evaluation.clustered``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.evaluation.clustered import clustered_mean
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import CategoricalHead, GaussianHead
from telic.policies.layers import Dense
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["Score", "amount_scores", "choice_scores", "constant_policy", "gain", "probabilities", "repeats"]

SMOOTHING = 0.5
"""Pseudo-count of an action in the shares of the majority."""

ENOUGH_REPEATED = 0.5
"""Share of decisions before which the same was seen elsewhere too, from which the experts' own score says something."""

POLICY, MAJORITY, EVEN, EXPERTS = "policy", "majority", "even shares", "experts' own"
MEAN = "mean amount"


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well somebody tells the decisions scored.

    Attributes:
        name: who.
        nats: ``(n,)`` log-probability (of amounts: log-density) of each; None where it cannot be told.
        fit: ``(n,)`` 1 where the likeliest choice was made; of amounts the squared distance in half ranges.
        counts: ``(n,)`` which decisions it can be told of; None: all.
    """

    name: str
    nats: FloatArray | None
    fit: FloatArray
    counts: BoolArray | None = None

    def told(self, trajectories: LongArray, weights: FloatArray, *, is_choice: bool) -> dict[str, Any]:
        """Means with their intervals, JSON-able.

        Args:
            trajectories: ``(n,)`` of each decision.
            weights: ``(n,)``.
            is_choice: whether ``fit`` is a share.
        """
        found: dict[str, Any] = {"name": self.name, "nats": None, "nats_interval": None}
        weights = weights if self.counts is None else weights * self.counts
        if self.nats is not None and np.all(np.isfinite(self.nats)):
            mean = clustered_mean(self.nats, trajectories, weights)
            found |= {
                "nats": mean.value,
                "nats_interval": None if mean.interval is None else [*mean.interval],
            }
        mean = clustered_mean(self.fit, trajectories, weights)
        low, high = mean.interval if mean.interval is not None else (np.nan, np.nan)
        if is_choice:
            return found | {
                "agreement": mean.value,
                "agreement_interval": _pair(max(low, 0.0), min(high, 1.0)),
            }
        roots = _pair(np.sqrt(max(low, 0.0)), np.sqrt(max(high, 0.0)))
        return found | {"distance": float(np.sqrt(mean.value)), "distance_interval": roots}


def gain(better: Score, base: Score, trajectories: LongArray, weights: FloatArray) -> dict[str, Any] | None:
    """How many nats a decision one tells more than the other, with its interval; None where it cannot be told."""
    if better.nats is None or base.nats is None or not np.all(np.isfinite(better.nats)):
        return None
    mean = clustered_mean(better.nats - base.nats, trajectories, weights)
    return {
        "over": base.name,
        "nats": mean.value,
        "interval": None if mean.interval is None else [*mean.interval],
    }


def choice_scores(
    table: FloatArray, learned: LongArray, weights: FloatArray, done: LongArray, seen: LongArray
) -> tuple[Score, ...]:
    """Scores of choices, the policy first.

    Args:
        table: ``(n, A)`` probabilities of the policy at the decisions scored.
        learned: actions of the decisions learned from.
        weights: of these.
        done: ``(n,)`` actions scored.
        seen: ``(n,)`` what was seen before each, as a number that is the same where the same was seen.
    """
    n, A = table.shape
    counts = np.bincount(learned, weights=weights, minlength=A) + SMOOTHING
    rows = {
        POLICY: table,
        MAJORITY: np.broadcast_to(counts / counts.sum(), (n, A)),
        EVEN: np.full((n, A), 1.0 / A),
    }
    if _is_repeated(seen):
        own = np.zeros((int(seen.max()) + 1, A))
        np.add.at(own, (seen, done), 1.0)
        rows[EXPERTS] = (own / own.sum(axis=1, keepdims=True))[seen]
    at = np.arange(n)
    with np.errstate(divide="ignore"):
        return tuple(
            Score(name=name, nats=np.log(p[at, done]), fit=_is_likeliest(p, done)) for name, p in rows.items()
        )


def amount_scores(
    policies: Mapping[str, tuple[FloatArray, Any]],
    head: GaussianHead,
    done: Any,
    seen: LongArray,
) -> tuple[Score, ...]:
    """Scores of amounts.

    Args:
        policies: name to ``(n,)`` log-densities and ``(n, K)`` likeliest amounts.
        head: bounds.
        done: ``(n, K)`` what was done.
        seen: as in ``choice_scores``.
    """
    scores = [
        Score(name=name, nats=nats.astype(np.float64), fit=_squares(best, done, head))
        for name, (nats, best) in policies.items()
    ]
    if _is_repeated(seen):
        counts = np.bincount(seen).astype(np.float64)
        means = np.zeros((len(counts), done.shape[1]))
        np.add.at(means, seen, done.astype(np.float64))
        spread = _squares((means / np.maximum(counts, 1.0)[:, None])[seen], done, head)
        # A mean of n that holds the decision itself is too near by (n - 1) / n.
        own = spread * counts[seen] / np.maximum(counts[seen] - 1.0, 1.0)
        scores.append(Score(name=EXPERTS, nats=None, fit=own, counts=counts[seen] > 1))
    return tuple(scores)


def constant_policy(
    actions: Any, weights: FloatArray, head: GaussianHead, n_observations: int
) -> NetworkPolicy:
    """One bell around the mean of the amounts, whatever is seen."""
    u = (actions.astype(np.float64) - head.middle) / head.half
    share = (weights / weights.sum())[:, None]
    mean = np.sum(share * u, axis=0)
    sd = np.sqrt(np.sum(share * (u - mean) ** 2, axis=0))
    plain = GaussianHead(low=head.low, high=head.high)
    outputs = np.concatenate([mean, np.log(np.maximum(sd, 1e-3))]).astype(np.float32)
    nothing = np.zeros((n_observations, len(outputs)), dtype=np.float32)
    return NetworkPolicy(
        layers=(Dense(weight=nothing, bias=outputs),),
        activation="tanh",
        head=plain,
        shift=np.zeros(n_observations, dtype=np.float32),
        scale=np.ones(n_observations, dtype=np.float32),
    )


def probabilities(policy: NetworkPolicy | EnsemblePolicy, observations: Any) -> FloatArray:
    """``(n, A)`` of one choice, in float64; of an ensemble their mean."""
    if isinstance(policy, EnsemblePolicy):
        mixed: FloatArray = np.mean([probabilities(m, observations) for m in policy.members], axis=0)
        return mixed
    assert isinstance(policy.head, CategoricalHead)
    logs = policy.outputs(observations).astype(np.float64)
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return shares


def repeats(observations: Any) -> LongArray:
    """``(n,)`` a number for what was seen, the same where the same was seen."""
    rows: LongArray = np.unique(observations, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return rows


def _is_repeated(seen: LongArray) -> bool:
    return bool(np.mean(np.bincount(seen)[seen] > 1) >= ENOUGH_REPEATED)


def _is_likeliest(table: FloatArray, done: LongArray) -> FloatArray:
    """1 where the choice was the likeliest; shared where several are equally likely."""
    best: BoolArray = table == table.max(axis=1, keepdims=True)
    found: FloatArray = best[np.arange(len(done)), done] / best.sum(axis=1)
    return found


def _squares(best: Any, done: Any, head: GaussianHead) -> FloatArray:
    off = (best.astype(np.float64) - done.astype(np.float64)) / head.half
    mean: FloatArray = np.mean(off**2, axis=1)
    return mean


def _pair(low: float, high: float) -> list[float] | None:
    return [float(low), float(high)] if np.isfinite(low) and np.isfinite(high) else None
