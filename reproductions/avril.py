"""AVRIL beside the exact posterior's mode and beside cloning: what holds, what does not.

    python reproductions/avril.py                  # reduced: 12 experts a table, 2 logs a continuous world
    TELIC_FULL=1 python reproductions/avril.py     # 200 and 20

prints one JSON line. *Tables* (states can be counted, so there is an exact answer): experts with standard normal
weights act 1,000 times; 5 random states, and a slippery grid of 16. Counted: 90 % intervals that hold each weight, by
linear response (the default) and of q, and of q with sampled residuals, beside Laplace with the transitions known
and with them counted from the same log; errors of the mean; the rank correlation of rewards; what greedy policies lose,
as a share of what uniform choice loses: AVRIL's own and cloning's in this world, and in a world whose transitions have
changed, where a reward is planned with and cloning carries on.
*Continuous*: two worlds of four measurements, see ``avril_continuous.py``. Intervals of counts are exact, 95 %. The key
was fixed before the first full run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from telic.features import FeatureMap
from telic.imitation import behavioural_cloning
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import VariationalSettings, laplace_posterior
from telic.inference.posterior.variational import variational_fit
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

sys.path.insert(0, str(Path(__file__).parent))
import avril_continuous

FULL = bool(os.environ.get("TELIC_FULL"))
EXPERTS = 200 if FULL else 12
KEY = 771_000
LEVEL, LENGTH, DECISIONS = 0.9, 20, 1_000
Z = float(stats.norm.ppf((1 + LEVEL) / 2))
SAMPLED = VariationalSettings(residual="sampled", covariance="variational")


def tables() -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """``(transitions, features (S, A, K), discount)``."""
    rng = np.random.default_rng(KEY)
    out = {"random": (rng.dirichlet(np.full(5, 0.5), size=(5, 3)), rng.normal(size=(5, 3, 2)), 0.8)}
    P = np.zeros((16, 4, 16))
    for s, a in product(range(16), range(4)):
        for b in range(4):
            row, column = divmod(s, 4)
            row += (b == 0) * (row > 0) * -1 + (b == 1) * (row < 3)
            column += (b == 2) * (column > 0) * -1 + (b == 3) * (column < 3)
            P[s, a, row * 4 + column] += 0.7 if a == b else 0.1
    place = rng.normal(size=(16, 1, 3))
    return {**out, "grid": (P, np.broadcast_to(place, (16, 4, 3)).copy(), 0.9)}


def act(rng: np.random.Generator, P: np.ndarray, pi: np.ndarray) -> Demonstrations:
    """Trajectories from uniform starts."""
    n = DECISIONS // LENGTH
    s, a = np.empty((n, LENGTH + 1), dtype=int), np.empty((n, LENGTH), dtype=int)
    s[:, 0] = rng.integers(0, len(P), n)
    for t in range(LENGTH):
        a[:, t] = (rng.random(n)[:, None] > pi[s[:, t]].cumsum(axis=1)[:, :-1]).sum(axis=1)
        s[:, t + 1] = (rng.random(n)[:, None] > P[s[:, t], a[:, t]].cumsum(axis=1)[:, :-1]).sum(axis=1)
    return Demonstrations.from_arrays(
        s[:, :-1].ravel(), a.ravel(), next_states=s[:, 1:].ravel(), offsets=np.arange(0, n * LENGTH + 1, LENGTH),
        action_labels=[str(i) for i in range(P.shape[1])],
    )  # fmt: skip


def greedy_of(P: np.ndarray, R: np.ndarray, gamma: float) -> np.ndarray:
    """The best action of every state, by value iteration."""
    V = np.zeros(len(P))
    for _ in range(400):
        Q = R + gamma * P @ V
        V = Q.max(axis=1)
    return np.asarray(Q.argmax(axis=1))


def loss(P: np.ndarray, R: np.ndarray, gamma: float, actions: np.ndarray) -> float:
    """What these actions lose against the best, over what uniform choice loses; uniform starts."""

    def value(pi: np.ndarray) -> float:
        M = np.eye(len(P)) - gamma * np.einsum("sa,sat->st", pi, P)
        return float(np.linalg.solve(M, (pi * R).sum(axis=1)).mean())

    one = np.eye(P.shape[1])
    best, even = value(one[greedy_of(P, R, gamma)]), value(np.full(R.shape, 1 / R.shape[1]))
    return (best - value(one[actions])) / (best - even)


def rate(hits: int, n: int) -> dict[str, Any]:
    """A count with its exact interval."""
    ends = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    return {"share": hits / n, "interval": [float(ends.low), float(ends.high)]}


def table(name: str, P: np.ndarray, phi: np.ndarray, gamma: float, index: int) -> dict[str, Any]:
    """All experts of one table."""
    S, _, K = phi.shape
    names = tuple("abc"[:K])
    world = TabularMDP.from_transition(P, discount=gamma)
    prior = NormalPrior.of(names, dict.fromkeys(names, 1.0))
    changed = np.random.default_rng(KEY + 1).dirichlet(np.full(S, 0.3), size=phi.shape[:2])
    held: dict[str, np.ndarray] = {}
    errors: dict[str, list[np.ndarray]] = {}
    ranks: dict[str, list[float]] = {}
    lost: dict[str, list[float]] = {}
    failed = 0
    for i in range(EXPERTS):
        rng = np.random.default_rng([KEY, index, i])
        truth = rng.normal(size=K)
        R = phi @ truth
        demos = act(rng, P, np.exp(solve_soft(world, R).log_policy))
        exact = laplace_posterior(
            DiscountedLikelihood(world, FeatureMap(values=phi, names=names), demos),
            prior,
            n_draws=2,
            n_checked=1,
        )
        eye, (states, after) = np.eye(S), demos.require_states()
        seen = np.full((S, phi.shape[1], S), 1e-3)
        np.add.at(seen, (states, demos.actions, after), 1.0)
        counted = laplace_posterior(
            DiscountedLikelihood(
                TabularMDP.from_transition(seen / seen.sum(axis=2, keepdims=True), discount=gamma),
                FeatureMap(values=phi, names=names),
                demos,
            ),
            prior,
            n_draws=2,
            n_checked=1,
        )
        one_hot = (eye[states], eye[after])
        fits = {
            told: variational_fit(demos, phi[states], prior, discount=gamma, basis=one_hot, settings=settings)
            for told, settings in (("avril", VariationalSettings()), ("sampled", SAMPLED))
        }
        failed += sum(not f.posterior.outcome.ok for f in fits.values())
        found = {
            "linear_response": (fits["avril"].optimum.mean, fits["avril"].linear_response_covariance),
            "of_q": (fits["avril"].optimum.mean, fits["avril"].variational_covariance),
            "sampled": (fits["sampled"].optimum.mean, fits["sampled"].variational_covariance),
            "laplace": (exact.mode, exact.mode_covariance),
            "laplace_counted": (counted.mode, counted.mode_covariance),
        }
        for told, (mean, covariance) in found.items():
            inside = np.abs(mean - truth) <= Z * np.sqrt(np.diag(covariance))
            held[told] = held.get(told, np.zeros(K)) + inside
            errors.setdefault(told, []).append(mean - truth)
            # Features of the grid are those of places, so one action stands for all.
            pairs = (phi @ mean).ravel(), R.ravel()
            ranks.setdefault(told, []).append(float(stats.spearmanr(*pairs).statistic))
        cloned = behavioural_cloning(demos, *phi.shape[:2]).table.argmax(axis=1)
        policies = {"avril": fits["avril"].action_values(eye).argmax(axis=1), "cloning": cloned}
        for told in ("linear_response", "sampled", "laplace", "laplace_counted"):
            policies[f"{told}, planned"] = greedy_of(P, phi @ found[told][0], gamma)
        for told, actions in policies.items():
            lost.setdefault(told, []).append(loss(P, R, gamma, actions))
        for told in ("linear_response", "laplace"):
            actions = greedy_of(changed, phi @ found[told][0], gamma)
            lost.setdefault(f"changed, {told}", []).append(loss(changed, R, gamma, actions))
        lost.setdefault("changed, cloning", []).append(loss(changed, R, gamma, cloned))
    return {
        "world": name,
        "experts": EXPERTS,
        "failed": failed,
        "coverage": {told: [rate(int(h), EXPERTS) for h in hits] for told, hits in held.items()},
        "root_mean_square_error": {t: np.sqrt(np.mean(np.square(e), axis=0)).tolist() for t, e in errors.items()},
        "rank_correlation": {told: float(np.mean(r)) for told, r in ranks.items()},
        "lost": {told: float(np.mean(x)) for told, x in lost.items()},
    }  # fmt: skip


def main() -> int:
    start = time.process_time()
    answer = {
        "level": LEVEL,
        "tables": [table(name, *parts, i) for i, (name, parts) in enumerate(tables().items())],
        "continuous": avril_continuous.both(),
    }
    print(json.dumps({**answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
