"""Dynamics in hand that are no dynamics: the pairs are listed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DynamicsError
from telic.mdp import TabularMDP

P = np.full((2, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            np.array([0.5, 0.4]),
            r"must sum to 1; 1 do not \(first: \(state, action\) \[\(1, 0\)\] with sums \[0\.9\]\)",
        ),
        (
            np.array([1.5, -0.5]),
            r"finite and not negative; 1 are not \(first in \(state, action\) \[\(1, 0\)\]\)",
        ),
        (np.array([np.nan, 1.0]), r"finite and not negative"),
    ],
)
def test_rows_are_listed(change, message):
    bad = P.copy()
    bad[1, 0] = change
    with pytest.raises(DynamicsError, match=message) as caught:
        TabularMDP.from_transition(bad, discount=0.9)
    assert caught.value.hint
    with pytest.raises(DynamicsError, match=message):
        TabularMDP.from_transition(sp.csr_array(bad.reshape(4, 2)), n_actions=2, discount=0.9)


def test_shapes_say_the_order_of_their_axes():
    with pytest.raises(DynamicsError, match=r"must have shape \(S, A, S\), got \(2, 2, 1\)") as caught:
        TabularMDP.from_transition(np.ones((2, 2, 1)), discount=0.9)
    assert "state, action, next state" in caught.value.hint
