"""Problems with a fixed number of decisions, solved exactly by backward induction.

``Q_t = r + gamma P V_{t+1}``, ``V_H = 0``; ``V_t`` is the soft or the hard maximum of ``Q_t``. One product
with P a time step; nothing is iterated, so there is no tolerance. Reference: Ziebart, Bagnell and Dey (2010),
ICML, section 3.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from telic.mdp import FiniteHorizonMDP
from telic.reports import Outcome
from telic.typing import BoolArray, FloatArray

from .bellman import allowed_pairs, check_rationality, check_reward, is_finite_where, soft_maximum
from .solutions import HardFiniteSolution, SoftFiniteSolution, require

__all__ = ["solve_hard_finite", "solve_soft_finite"]


def solve_soft_finite(
    mdp: FiniteHorizonMDP, reward: Float[np.ndarray, "S A"], *, rationality: float = 1.0, throw: bool = False
) -> SoftFiniteSolution:
    """The soft values and the soft policy of every time.

    Args:
        mdp: the world and its horizon H.
        reward: expected reward of each state and action, the same at all times.
        rationality: inverse temperature beta.
        throw: raise ``NumericalError`` on an outcome other than ``SUCCESS``.

    Raises:
        DynamicsError: shapes do not fit.
        SettingsError: ``rationality`` is not positive and finite.
    """
    check_rationality(rationality)
    R, H = check_reward(reward, mdp), mdp.horizon
    S, A = R.shape
    allowed = allowed_pairs(mdp)
    V, Q, log_pi = np.zeros((H + 1, S)), np.empty((H, S, A)), np.empty((H, S, A))
    outcome = Outcome.NON_FINITE
    if is_finite_where(R, allowed):
        with np.errstate(over="ignore", invalid="ignore"):  # judged below
            for t in range(H - 1, -1, -1):
                Q[t] = _backup(mdp, R, V[t + 1], allowed)
                V[t], _ = soft_maximum(Q[t], rationality)
                np.subtract(Q[t], V[t][:, None], out=log_pi[t])
            if rationality != 1.0:
                log_pi *= rationality
        if np.all(np.isfinite(V)):
            outcome = Outcome.SUCCESS
    if not outcome.ok:
        for table in (V, Q, log_pi):
            table[:] = np.nan
    solution = SoftFiniteSolution(
        value=V, action_value=Q, log_policy=log_pi, outcome=outcome, rationality=float(rationality)
    )
    if throw:
        require(outcome)
    return solution


def solve_hard_finite(
    mdp: FiniteHorizonMDP, reward: Float[np.ndarray, "S A"], *, throw: bool = False
) -> HardFiniteSolution:
    """The optimal values and a greedy policy of every time; arguments and errors as ``solve_soft_finite``."""
    R, H = check_reward(reward, mdp), mdp.horizon
    S, A = R.shape
    allowed = allowed_pairs(mdp)
    V, Q, greedy = np.zeros((H + 1, S)), np.empty((H, S, A)), np.full((H, S), -1, dtype=np.int32)
    outcome = Outcome.NON_FINITE
    if is_finite_where(R, allowed):
        with np.errstate(over="ignore", invalid="ignore"):  # judged below
            for t in range(H - 1, -1, -1):
                Q[t] = _backup(mdp, R, V[t + 1], allowed)
                V[t] = Q[t].max(axis=1)
        if np.all(np.isfinite(V)):
            outcome = Outcome.SUCCESS
            tie = 1e-12 * max(1.0, float(np.abs(V).max(initial=0.0)))
            greedy[:] = np.argmax(Q.max(axis=2, keepdims=True) - tie <= Q, axis=2)
    if not outcome.ok:
        V[:], Q[:] = np.nan, np.nan
    solution = HardFiniteSolution(value=V, action_value=Q, greedy=greedy, outcome=outcome)
    if throw:
        require(outcome)
    return solution


def _backup(
    mdp: FiniteHorizonMDP, R: FloatArray, V_next: FloatArray, allowed: BoolArray | None
) -> FloatArray:
    Q = (mdp.transition @ V_next).reshape(R.shape)
    Q *= mdp.discount
    Q += R
    if allowed is not None:
        Q[~allowed] = -np.inf
    return np.asarray(Q)
