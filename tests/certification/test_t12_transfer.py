"""T12: what rewards are worth after the dynamics change.

Source: CERTIFICATION, row T12. On the chain C with the two actions swapped, uniform start, soft policy, normalised
occupancy of state 1: state-only reward 0.689855, log-policy used as reward 0.310145 (1e-6; closed form:
``.05 + .9 p`` with ``p = 1 / (1 + exp(-.9))`` and its complement). On 20 random worlds (16 states, 4 actions, reward 1
in one state, rows Dirichlet(.3), discount .9, expert soft-optimal at reward scale 5) under new dynamics, return scaled
uniform 0 and best 1: a state-only reward at least .999, the expert's advantage used as reward below .3 in the mean.

Two state-only rewards are carried: the true one, and one recovered here from the expert's policy alone, by solving
``r(s) + gamma P V - V = log pi`` for r and V in the least-squares sense; the code under test makes neither.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from telic.evaluation import transfer_value
from telic.mdp import TabularMDP
from telic.mdp.library import chain

GAMMA, SCALE = 0.9, 5.0
S, A = 16, 4
KEYS = range(1200, 1220)


def soft_log_policy(P: np.ndarray, r: np.ndarray, gamma: float) -> np.ndarray:
    """Value iteration, written here."""
    V = np.zeros(len(P))
    for _ in range(600):
        V = logsumexp(r + gamma * P @ V, axis=1)
    return r + gamma * P @ V - V[:, None]


def test_the_swapped_chain() -> None:
    home, away = chain().mdp, chain(swapped=True, initial=(0.5, 0.5)).mdp
    state_only = np.array([0.0, 1.0])
    P = home.transition.toarray().reshape(2, 2, 2)
    log_policy = soft_log_policy(P, np.repeat(state_only[:, None], 2, axis=1), 0.9)
    good = transfer_value(state_only, away, state_only, learned_in=home, planner="soft")
    bad = transfer_value(log_policy, away, state_only, learned_in=home, planner="soft")
    assert good.visitation[1] == pytest.approx(0.689855, abs=1e-6)
    assert bad.visitation[1] == pytest.approx(0.310145, abs=1e-6)
    p = 1 / (1 + np.exp(-0.9))
    assert good.visitation[1] == pytest.approx(0.05 + 0.9 * p, abs=1e-9)
    assert not good.findings
    assert [f.code for f in bad.findings] == ["state-action-transfer", "negative-transfer"]


def recovered(P: np.ndarray, log_policy: np.ndarray) -> np.ndarray:
    """The state reward behind a soft policy, up to a constant."""
    rows = []
    for s in range(S):
        for a in range(A):
            of_value = GAMMA * P[s, a] - np.eye(S)[s]
            rows.append(np.concatenate([np.eye(S)[s], of_value]))
    solution = np.linalg.lstsq(np.array(rows), log_policy.ravel(), rcond=None)[0]
    return solution[:S]


def test_twenty_random_worlds() -> None:
    state, found, advantage = [], [], []
    for key in KEYS:
        rng = np.random.default_rng(key)
        old, new = rng.dirichlet(np.full(S, 0.3), size=(2, S, A))
        r = np.eye(S)[rng.integers(S)]
        log_policy = soft_log_policy(old, SCALE * np.repeat(r[:, None], A, axis=1), GAMMA)
        start = np.full(S, 1 / S)
        home = TabularMDP.from_transition(old, discount=GAMMA, initial=start)
        away = TabularMDP.from_transition(new, discount=GAMMA, initial=start)
        state.append(transfer_value(r, away, r, learned_in=home))
        found.append(transfer_value(recovered(old, log_policy), away, r, learned_in=home))
        advantage.append(transfer_value(log_policy, away, r, learned_in=home))
        assert not state[-1].findings
        assert advantage[-1].findings[0].code == "state-action-transfer"
    assert min(t.scaled for t in state) >= 0.999
    assert min(t.scaled for t in found) >= 0.999
    assert np.mean([t.scaled for t in advantage]) < 0.3
