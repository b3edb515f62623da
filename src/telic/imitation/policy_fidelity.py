"""How often one policy does what another does, with an interval, and how far their probabilities are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Num

from telic.errors import DataError
from telic.policies import CategoricalHead, GaussianHead, NetworkPolicy
from telic.typing import FloatArray

__all__ = ["PolicyFidelity", "policy_fidelity"]


@dataclass(frozen=True, kw_only=True)
class PolicyFidelity:
    """Agreement on states.

    Attributes:
        n: states.
        n_agree: of them where both would do the same (amounts: within a hundredth of the range in every dimension).
        low, high: exact 95 % interval (Clopper and Pearson) of the share that agrees, where states are independent;
            those of one trajectory are not, and then it is too narrow.
        largest_mode_difference: amounts only, relative to the range; else 0.
        divergence: mean of ``KL(policy || other)`` in nats, where both choose one of several alternatives; infinite
            where the other never does what the policy does; NaN otherwise.
    """

    n: int
    n_agree: int
    low: float
    high: float
    largest_mode_difference: float
    divergence: float

    @property
    def share(self) -> float:
        """Of the states, those where both would do the same."""
        return self.n_agree / self.n


def policy_fidelity(
    policy: NetworkPolicy, other: Any, observations: Num[np.ndarray, "n D"]
) -> PolicyFidelity:
    """How like a policy another acts.

    Args:
        policy: the original.
        other: has ``mode`` and, for one of several alternatives, ``log_prob`` of observations.
        observations: states that neither was fitted to.

    Raises:
        DataError: there are none.
    """
    from scipy import stats

    n = len(observations)
    if not n:
        raise DataError("Fidelity needs held-out states, got none.", hint="Keep a fifth of the states apart.")
    first, second = policy.mode(observations), other.mode(observations)
    gap = np.abs(np.asarray(first, dtype=np.float64) - second).reshape(n, -1)
    largest = 0.0
    if isinstance(policy.head, GaussianHead):
        gap = gap / (2.0 * policy.head.half.astype(np.float64))
        largest = float(gap.max())
        agree = int(np.sum(np.all(gap <= 0.01, axis=1)))
    else:
        agree = int(np.sum(np.all(gap == 0, axis=1)))
    return PolicyFidelity(
        n=n,
        n_agree=agree,
        low=float(stats.beta.ppf(0.025, agree, n - agree + 1)) if agree else 0.0,
        high=float(stats.beta.ppf(0.975, agree + 1, n - agree)) if agree < n else 1.0,
        largest_mode_difference=largest,
        divergence=_divergence(policy, other, observations),
    )


def _divergence(policy: NetworkPolicy, other: Any, observations: FloatArray) -> float:
    if not isinstance(policy.head, CategoricalHead):
        return float("nan")
    logp = policy.head.log_probs(policy.outputs(observations).astype(np.float64))
    logq = np.stack(
        [
            np.asarray(other.log_prob(observations, np.full(len(observations), a, dtype=np.int32)))
            for a in range(policy.head.n_actions)
        ],
        axis=-1,
    )
    p = np.exp(logp)
    return float(np.sum(np.where(p > 0, p * (logp - logq), 0.0), axis=-1).mean())
