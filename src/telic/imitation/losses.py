"""How badly a network explains what was done: the negative log-likelihood of each family of actions.

Amounts are cut at their bounds when acting (``GaussianHead``), so an action on a bound says only that the expert wanted
at least that much: its likelihood is the mass beyond the bound, not the density on it (Tobin 1958),

    -log p(a) = -log Phi((mu - 1) / sigma) at the upper bound,  -log phi(z) + log sigma + log half between,

in units of half the range, mixed over components by their shares.

The gradient of that likelihood with respect to a mean is ``(mu - u) / sigma^2``: where the network is already sure it
pulls thousands of times harder than where it is not, and a controller that acts without noise makes it sure somewhere
early, so that the rest is never learned. Each bell's gradients are therefore multiplied by ``sigma^(2 eta)`` (Seitzer
and others 2022, their beta): with ``eta = 1`` means are fitted as by least squares, and spreads still by likelihood.
The value of the loss, its optimum where a network can reach it, and gradients of shares stay as they are.

References:
    Seitzer, Tavakoli, Antic and Martius (2022), On the pitfalls of heteroscedastic uncertainty estimation with
    probabilistic neural networks, equation 5.
    Tobin (1958), Estimation of relationships for limited dependent variables, Econometrica 26.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from telic.policies.heads import LOG_TWO_PI, GaussianHead, Head

__all__ = ["negative_log_likelihood"]

EDGE = 1e-6
"""Distance from a bound, in half ranges, at which an amount lies on it."""


def negative_log_likelihood(
    head: Head, outputs: Any, actions: Any, evenness: Any = 0.0, xp: Any = jnp
) -> Any:
    """``(...,)`` nats; mixed density and mass where amounts lie on their bounds.

    Args:
        head: family of actions.
        outputs: ``(..., n_outputs)`` of the network.
        actions: what was done, as the family has it.
        evenness: eta in [0, 1] for amounts; the value does not depend on it, the gradient does.
        xp: the array library; numpy where nothing is to be compiled.
    """
    if not isinstance(head, GaussianHead) or head.is_squashed:
        return -head.log_prob(outputs, actions, xp)
    log_share, mean, log_sd = head.parameters(outputs, xp)
    special = scipy.special if xp is np else jax.scipy.special
    u = ((actions - head.middle) / head.half)[..., None, :]
    if xp is jnp:
        share = jax.lax.stop_gradient(jnp.exp(2.0 * evenness * log_sd))
        mean, log_sd = _slowed(mean, share), _slowed(log_sd, share)
    inverse = xp.exp(-log_sd)
    between = -0.5 * (((u - mean) * inverse) ** 2 + LOG_TWO_PI) - log_sd - np.log(head.half)
    is_high, is_low = u >= 1.0 - EDGE, u <= -1.0 + EDGE
    sign = xp.where(is_high, 1.0, -1.0)
    beyond = special.log_ndtr((sign * mean - 1.0) * inverse)
    each = xp.sum(xp.where(is_high | is_low, beyond, between), axis=-1)
    if head.n_components == 1:
        return -each[..., 0]
    return -special.logsumexp(log_share + each, axis=-1)


def _slowed(value: Any, share: Any) -> Any:
    """The same value with ``share`` of its gradient."""
    still = jax.lax.stop_gradient(value)
    return still + share * (value - still)
