"""Random worlds (Garnet problems): a given number of successors for every state and action.

Successors are drawn anywhere, or within ``reach`` of the state on a ring, which makes worlds of any size that
are as sparse and as local as real ones; probabilities are normalised exponential draws, that is, uniform on
the simplex.

Reference: Archibald, McKinnon and Thomas (1995), On the generation of Markov decision processes, J. Oper.
Res. Soc. 46, 354-361.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.errors import SettingsError
from telic.mdp.tabular import TabularMDP

from .problem import ReferenceProblem

__all__ = ["random_mdp"]


def random_mdp(
    n_states: int,
    n_actions: int,
    *,
    key: int,
    n_successors: int | None = None,
    reach: int | None = None,
    discount: float = 0.95,
    n_features: int = 3,
    n_absorbing: int = 0,
) -> ReferenceProblem:
    """A random world with random features and weights, started uniformly.

    Args:
        n_states: S.
        n_actions: A.
        key: random key; the same key gives the same world.
        n_successors: of each state and action (draws that coincide are merged); None: all states.
        reach: largest distance on the ring of states to a successor; None: any state.
        discount: per decision; 1 needs ``n_absorbing`` of at least 1.
        n_features: number of standard normal features of each state and action.
        n_absorbing: the last so many states are absorbing.

    Raises:
        SettingsError: a number is out of range.
    """
    n_next = n_states if n_successors is None else n_successors
    if min(n_states, n_actions, n_next, n_features) < 1 or not 0 <= n_absorbing <= n_states:
        raise SettingsError(
            f"Sizes must be positive, got {n_states} states, {n_actions} actions, {n_next} successors, "
            f"{n_features} features, {n_absorbing} absorbing.",
            hint="Only `n_absorbing` may be 0.",
        )
    rng = np.random.default_rng(key)
    SA = n_states * n_actions
    chances = rng.standard_exponential((SA, n_next))
    chances /= chances.sum(axis=1, keepdims=True)
    if n_successors is None:
        columns = np.broadcast_to(np.arange(n_states, dtype=np.int32), (SA, n_next))
    elif reach is None:
        columns = rng.integers(0, n_states, (SA, n_next), dtype=np.int32)
    else:
        columns = rng.integers(-reach, reach + 1, (SA, n_next), dtype=np.int32)
        columns += np.repeat(np.arange(n_states, dtype=np.int32), n_actions)[:, None]
        columns %= n_states
    P = sp.csr_array(
        (chances.ravel(), columns.ravel(), np.arange(0, SA * n_next + 1, n_next, dtype=np.int32)),
        shape=(SA, n_states),
    )
    P.sort_indices()
    absorbing = None
    if n_absorbing:
        absorbing = np.zeros(n_states, dtype=bool)
        absorbing[-n_absorbing:] = True
    return ReferenceProblem(
        mdp=TabularMDP.from_transition(
            P,
            n_actions=n_actions,
            discount=discount,
            initial=np.full(n_states, 1.0 / n_states),
            absorbing=absorbing,
        ),
        features=rng.normal(size=(n_states, n_actions, n_features)),
        feature_names=tuple(f"feature_{k}" for k in range(n_features)),
        weights=rng.normal(size=n_features),
        citation="Archibald, McKinnon and Thomas (1995).",
    )
