"""What learned dynamics promise of a policy, and how far to believe it.

The policy acts by its mode in each member of the ensemble alone, from the observations where tasks begin, without any
penalty. Told are the mean over all, the least and the most of the members' means, and the share of its decisions at
which the members differ more than at 99 % of what was recorded. Where that share is not small, the promise is about
places of which nothing is known: a learner that maximises what a model says goes where the model errs in its favour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import DataError
from telic.neural.dynamics import Dynamics
from telic.neural.dynamics_told import predicted
from telic.neural.transitions import Transitions
from telic.policies import NetworkPolicy
from telic.policies.heads import Head
from telic.reports import Finding, Severity

from .acting import Acting, acting, likeliest

__all__ = ["Promise", "promise"]

KNOWN = 0.99
"""Share of the recorded decisions at which members differ less than the threshold."""

LEAST = 0.05
"""Disagreement that is of no matter, in standard deviations of the record."""

N_EPISODES = 256
"""Of each member."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the dynamics say.

    Attributes:
        mean: discounted return, over starts and members.
        least: of the members' means.
        most: of them.
        error: standard error of the mean over episodes, were the dynamics true.
        beyond: share of the policy's decisions in the dynamics at which members differ more than at 99 % of the
            record, and by more than a twentieth of its standard deviations.
        true: what the policy was measured to collect, where that is known; None: it was never tried.
    """

    mean: float
    least: float
    most: float
    error: float
    beyond: float
    true: float | None = None

    @property
    def finding(self) -> Finding:
        """The promise in a sentence."""
        is_beyond = self.beyond > 5.0 * (1.0 - KNOWN)
        known = (
            "it was never tried, so its true return is not known"
            if self.true is None
            else f"its true return is {self.true:.4g}"
        )
        return Finding(
            code="promise-of-dynamics",
            severity=Severity.WARNING if is_beyond else Severity.INFO,
            message=f"The dynamics promise {self.mean:.4g} (members: {self.least:.4g} to {self.most:.4g});"
            f" {known}. {self.beyond:.0%} of its decisions lead beyond the record.",
            hint="Distrust the promise there: raise `penalty`, or record what such decisions lead to."
            if is_beyond
            else "Beyond the record the dynamics are a guess; try the policy before it is trusted.",
            evidence={"mean": self.mean, "least": self.least, "most": self.most, "beyond": self.beyond},
        )


def promise(
    dynamics: Dynamics,
    policy: NetworkPolicy,
    data: Transitions,
    starts: Any,
    *,
    horizon: int,
    discount: float,
    key: int = 0,
) -> Promise:
    """What dynamics promise of a policy that acts by its mode.

    Args:
        dynamics: the ensemble.
        policy: of the same observations and actions.
        data: the record that the dynamics were learned from.
        starts: ``(n, D)`` observations where tasks begin.
        horizon: decisions of a task.
        discount: gamma.
        key: random key.

    Raises:
        DataError: starts do not fit the record or are not finite.
    """
    begin = np.asarray(starts, np.float32)
    if begin.ndim != 2 or begin.shape[1] != dynamics.n_observations or not len(begin):
        raise DataError(
            f"`starts` must have shape (n, {dynamics.n_observations}), got {begin.shape}.",
            hint="Give the observations where tasks begin.",
        )
    if not np.isfinite(begin).all():
        raise DataError("`starts` must be finite.", hint="Leave out what was not measured.")
    every = np.arange(len(data))
    differ = np.asarray(dynamics.disagreement(predicted(dynamics, data, every)))
    threshold = max(LEAST, float(np.quantile(differ, KNOWN)))
    numbers, keys = acting(policy), jax.random.split(jax.random.key(key), dynamics.n_members)
    returns, beyond, lived = jax.device_get(
        _played(dynamics, numbers, begin, threshold, discount, keys, policy.head, policy.activation, horizon)
    )
    each = returns.mean(axis=1)
    return Promise(
        mean=float(each.mean()),
        least=float(each.min()),
        most=float(each.max()),
        error=float(returns.std() / np.sqrt(returns.size)),
        beyond=float(beyond.sum() / lived.sum()),
    )


@partial(jax.jit, static_argnums=(6, 7, 8))
def _played(
    dynamics: Dynamics,
    numbers: Acting,
    begin: Any,
    threshold: Any,
    discount: Any,
    keys: Any,
    head: Head,
    activation: str,
    horizon: int,
) -> tuple[Any, Any, Any]:
    """Of each member: returns ``(M, n)``, decisions beyond the threshold, and decisions."""

    def of_member(given: Any) -> tuple[Any, Any, Any]:
        member, key = given
        key_start, key_steps = jax.random.split(key)
        first = begin[jax.random.randint(key_start, (N_EPISODES,), 0, len(begin))]

        def one(carry: Any, key: Any) -> tuple[Any, Any]:
            x, left, is_on = carry
            action = likeliest(numbers, head, activation, x)
            told = dynamics.predict(x, action)
            own = jax.tree.map(lambda p: p[member][None], told)
            made = dynamics.draw(own, x, action, key)
            is_beyond = dynamics.disagreement(told) > threshold
            return (made.after, left * discount, is_on & ~made.is_over), (
                left * is_on * made.reward, is_on & is_beyond, is_on,
            )  # fmt: skip

        begun = (first, jnp.ones(()), jnp.ones(N_EPISODES, bool))
        gained, beyond, lived = jax.lax.scan(one, begun, jax.random.split(key_steps, horizon))[1]
        return gained.sum(axis=0), beyond.sum(), lived.sum()

    told: tuple[Any, Any, Any] = jax.lax.map(of_member, (jnp.arange(dynamics.n_members), keys))
    return told
