"""False alarms and power of the Markov test, on worlds where the truth is known.

Clean: 200 data sets a design, choices drawn from a table of the state alone; alarms at level .05 must lie at
or below the central 99.9 % binomial interval of .05 (Holm makes the test conservative, so there is no lower
bound). Faults: 40 data sets a design; the test must reject in at least 36 (below that has probability < 1e-3
where the power is .99) and must name the planted culprit in every rejection but 2. Keys are fixed below.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from telic.evaluation import markov_test
from telic.trajectories import Demonstrations

CLEAN, FAULTS = 200, 40


def simulate(
    key: int, *, S: int, A: int, N: int, T: int, memory: str = "", strength: float = 0.0
) -> Demonstrations:
    """Decisions in a random sparse world; ``memory``: 'action' repeats, 'state' avoids where it came from."""
    rng = np.random.default_rng(key)
    successors = rng.integers(0, S, (S, A, 3))
    chances = rng.dirichlet(np.ones(3), (S, A))
    logits = rng.normal(0, 1, (S, A))
    taste = rng.normal(0, 1, (S, A))  # of the previous state, by action
    s, previous, before = rng.integers(0, S, N), np.full(N, -1), np.full(N, -1)
    states, actions, nexts = [], [], []
    for _ in range(T):
        z = logits[s].copy()
        if memory == "action":
            z[np.arange(N), np.maximum(previous, 0)] += strength * (previous >= 0)
        if memory == "state":
            z += strength * taste[np.maximum(before, 0)] * (before >= 0)[:, None]
        z += rng.gumbel(size=(N, A))
        a = z.argmax(axis=1)
        which = (rng.random((N, 1)) > chances[s, a].cumsum(axis=1)).sum(axis=1)
        then = successors[s, a, np.minimum(which, 2)]
        states.append(s)
        actions.append(a)
        nexts.append(then)
        before, previous, s = s, a, then
    flat = [np.stack(x, axis=1).ravel() for x in (states, actions, nexts)]
    return Demonstrations.from_arrays(
        flat[0],
        flat[1],
        next_states=flat[2],
        offsets=np.arange(N + 1) * T,
        action_labels=[str(i) for i in range(A)],
    )


DESIGNS = {
    "sparse": {"S": 40, "A": 3, "N": 20, "T": 40},
    "many states": {"S": 300, "A": 4, "N": 60, "T": 50},
    "dense": {"S": 6, "A": 2, "N": 30, "T": 60},
    "one trajectory": {"S": 10, "A": 3, "N": 1, "T": 800},
}


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_false_alarms_stay_at_their_level(design: str) -> None:
    alarms = sum(markov_test(simulate(1000 + k, **DESIGNS[design])).p_value < 0.05 for k in range(CLEAN))
    assert alarms <= st.binom.ppf(0.9995, CLEAN, 0.05), (design, alarms)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "memory", "strength", "culprits"),
    [
        ("sparse", "action", 1.5, {"previous action"}),
        ("dense", "action", 0.7, {"previous action"}),
        ("dense", "state", 0.7, {"previous state"}),
        ("many states", "action", 1.5, {"previous action"}),
    ],
)
def test_planted_memories_are_found_and_named(
    design: str, memory: str, strength: float, culprits: set[str]
) -> None:
    results = [
        markov_test(simulate(5000 + k, memory=memory, strength=strength, **DESIGNS[design])).culprit("choice")
        for k in range(FAULTS)
    ]
    found = [r.variable for r in results if r is not None]
    assert len(found) >= 36
    assert sum(name not in culprits for name in found) <= 2, found
