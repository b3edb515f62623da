"""What a policy is worth, exactly: expected return and expected number of decisions, by one linear solve.

    V = R_pi + gamma P_pi V,        return = rho_0' V,
    L = 1 + P_pi L,                 decisions until the end (undiscounted, absorbing worlds only).

The reward is taken as it is, without entropy, so that a soft policy is judged by what it earns and not by how
undecided it is. Policies of one world are comparable; the numbers carry no sampling error, but they inherit
every error of the world they are computed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError
from telic.mdp import TabularMDP
from telic.planning import policy_value
from telic.policies import TabularPolicy
from telic.typing import FloatArray

__all__ = ["PolicyReturn", "policy_return"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyReturn:
    """The exact value of a policy.

    Attributes:
        expected_return: from the initial distribution, in units of the reward (discounted as the world is).
        expected_length: decisions until the end; None where the world is discounted or never ends.
        value: ``(S,)`` expected return from each state.
    """

    expected_return: float
    expected_length: float | None
    value: FloatArray


def policy_return(
    mdp: TabularMDP,
    policy: TabularPolicy,
    reward: Float[np.ndarray, "S A"],
    *,
    initial: Float[np.ndarray, "S"] | None = None,
) -> PolicyReturn:
    """The expected return and length of ``policy`` in ``mdp``.

    Args:
        mdp: the world.
        policy: stationary; rows without support are allowed only in absorbing states.
        reward: expected reward of each pair (``reward.expected(mdp)``).
        initial: distribution of the first state; default the world's own.

    Raises:
        DataError: the policy does not fit the world.
        DynamicsError: there is no initial distribution.
        NumericalError: an undiscounted policy that never ends.
    """
    rho0 = mdp.initial if initial is None else initial
    if rho0 is None:
        raise DynamicsError(
            "An expected return needs an initial distribution and the world has none.",
            hint="Pass `initial`, a distribution over states.",
        )
    V = policy_value(mdp, policy.table, np.asarray(reward, dtype=np.float64))
    length = None
    if mdp.discount == 1.0 and mdp.absorbing is not None:
        ones = np.where(mdp.absorbing[:, None], 0.0, np.ones((mdp.n_states, mdp.n_actions)))
        length = float(rho0 @ policy_value(mdp, policy.table, ones))
    return PolicyReturn(expected_return=float(rho0 @ V), expected_length=length, value=V)
