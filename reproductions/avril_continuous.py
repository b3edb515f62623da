"""AVRIL where no table is possible: four measurements with noise, beside cloning on the same basis.

    python reproductions/avril_continuous.py                  # reduced: 2 logs
    TELIC_FULL=1 python reproductions/avril_continuous.py     # 20

prints one JSON line, a part of that of ``avril.py``. A mass with two positions and speeds that is pushed (costs are
squares, and polynomials follow the values closely), and a pole on a cart, which ends when it falls (they do not). The
expert is soft optimal, solved on a grid with interpolation. Reported for logs of 10 and of 50 trajectories of at most
20 decisions: return of the greedy policy, divergence of the policy from the expert's choices in nats a decision, of
AVRIL, of cloning on the same basis, and of the best of seven clonings (that one, and polynomials of degree 1 and 2 with
three strengths of penalty), chosen by who knows the truth, so that it flatters cloning; and the weights with their 90 %
intervals. Intervals of counts are exact, 95 %. The default basis was chosen on other logs of these two worlds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy import stats

from telic.features import MeasuredFeatureMap, PolynomialBasis
from telic.inference.posterior import VariationalSettings
from telic.inference.posterior.variational import variational_fit
from telic.inference.posterior.variational_result import VariationalFit
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

LOGS = 20 if os.environ.get("TELIC_FULL") else 2
KEY = 773_000
"""The default basis was chosen on logs of the key before."""
LENGTH = 20
Z = float(stats.norm.ppf(0.95))


@dataclass(frozen=True)
class Continuous:
    """Four measurements, of which the noise moves two; the expert by interpolation on a grid of 13 a measurement."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    truth: np.ndarray
    prior_sd: tuple[float, ...]
    gamma: float
    n_actions: int
    limits: tuple[float, ...]
    starts: tuple[float, ...]
    noise: float
    noisy: tuple[int, int]
    move: Any
    phi: Any
    ended: Any

    def corners(self, x: np.ndarray) -> sp.csr_matrix:
        """Weights of the 16 grid points around every row."""
        u = (np.clip(x / np.array(self.limits), -1, 1 - 1e-9) + 1) * 6
        low = u.astype(int)
        part, n = u - low, len(x)
        columns, values = [], []
        for c in product((0, 1), repeat=4):
            columns.append((low + c) @ [2197, 169, 13, 1])
            values.append(np.where(c, part, 1 - part).prod(axis=1))
        where = (np.tile(np.arange(n), 16), np.concatenate(columns))
        return sp.csr_matrix((np.concatenate(values), where), shape=(n, 13**4))

    def solve(self) -> np.ndarray:
        """``(13^4, A)`` soft action values of the truth; noise by three-point Gauss-Hermite."""
        x = np.stack(np.meshgrid(*[np.linspace(-m, m, 13) for m in self.limits], indexing="ij"), -1).reshape(
            -1, 4
        )
        points = list(zip(np.sqrt(3) * np.array([-1, 0, 1]), (1 / 6, 2 / 3, 1 / 6), strict=True))
        P = []
        for a in range(self.n_actions):
            total: Any = 0
            for (u, p), (v, q) in product(points, points):
                y = self.move(x, a)
                y[:, self.noisy] += self.noise * np.array([u, v])
                total = total + p * q * sp.diags(1.0 - self.ended(y)) @ self.corners(y)
            P.append(sp.csr_matrix(total))
        R, V = self.phi(x) @ self.truth, np.zeros(len(x))
        for _ in range(150):
            Q = R + self.gamma * np.stack([p @ V for p in P], axis=1)
            V = np.logaddexp.reduce(Q, axis=1)
        return np.asarray(Q)

    def simulate(self, policy: Any, n: int, length: int, key: list[int]) -> tuple[np.ndarray, ...]:
        """Rows ``(length, n, ...)`` before, actions, after, whether still going, whether it ended; and returns."""
        rng = np.random.default_rng(key)
        x = rng.uniform(-1, 1, (n, 4)) * self.starts
        going, returns, rows = np.ones(n, dtype=bool), np.zeros(n), []
        for t in range(length):
            a = (rng.random(n)[:, None] > policy(x).cumsum(axis=1)[:, :-1]).sum(axis=1)
            y = self.move(x, a)
            y[:, self.noisy] += self.noise * rng.normal(size=(n, 2))
            over = self.ended(y)
            rows.append((x, a, y, going, over))
            returns += going * self.gamma**t * (self.phi(x)[np.arange(n), a] @ self.truth)
            x, going = y, going & ~over
        return (*(np.array(part) for part in zip(*rows, strict=True)), returns)

    def demos(self, policy: Any, n: int, key: list[int]) -> Demonstrations:
        """``n`` trajectories of at most 20 decisions."""
        x, a, y, going, over, _ = self.simulate(policy, n, LENGTH, key)
        keep, lengths = going.T, going.sum(axis=0)
        before, after = x.transpose(1, 0, 2)[keep], y.transpose(1, 0, 2)[keep]
        ended = over[lengths - 1, np.arange(n)]
        return replace(
            Demonstrations.from_arrays(
                np.zeros(len(before), dtype=int), a.T[keep], offsets=np.concatenate([[0], lengths.cumsum()]),
                terminated=ended, action_labels=[str(i) for i in range(self.n_actions)],
            ),
            states=None, next_states=None, next_known=np.ones(len(before), dtype=bool),
            observations=dict(zip(self.columns, before.T, strict=True)),
            next_observations=dict(zip(self.columns, after.T, strict=True)),
        )  # fmt: skip


def pushed() -> Continuous:
    """Place and speed in two directions; a push in one of four, or none."""
    push = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1.0]])

    def phi(x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(x), 5, 4))
        out[:, :, :2] = x[:, None, :2] ** 2
        out[:, :, 2] = (x[:, 2:] ** 2).sum(axis=1)[:, None]
        out[:, 1:, 3] = 1.0
        return out

    return Continuous(
        ("x", "y", "vx", "vy"), ("x2", "y2", "speed2", "push"), np.array([-1.5, -0.5, -0.5, -0.3]), (2.0,) * 4, 0.9, 5,
        (3.0, 3.0, 2.0, 2.0), (2.0, 2.0, 0.5, 0.5), 0.15, (2, 3),
        lambda x, a: np.concatenate([x[:, :2] + 0.3 * x[:, 2:], 0.9 * x[:, 2:] + 0.4 * push[a]], axis=1), phi,
        lambda x: np.zeros(len(x), dtype=bool),
    )  # fmt: skip


def balanced() -> Continuous:
    """A pole on a cart, by the equations of Barto, Sutton and Anderson (1983), .04 s a decision; it ends at a fall."""

    def move(x: np.ndarray, a: Any) -> np.ndarray:
        p, v, angle, turn = x.T
        c, s = np.cos(angle), np.sin(angle)
        push = (np.array([-10.0, 0.0, 10.0])[a] + 0.05 * turn**2 * s) / 1.1
        faster = (9.8 * s - c * push) / (0.5 * (4 / 3 - 0.1 * c**2 / 1.1))
        return np.stack([p, v, angle, turn], axis=1) + 0.04 * np.stack(
            [v, push - 0.05 * faster * c / 1.1, turn, faster], axis=1
        )

    def phi(x: np.ndarray) -> np.ndarray:
        out = np.ones((len(x), 3, 4))
        out[:, :, 1], out[:, :, 2] = (x[:, 0] ** 2)[:, None], (x[:, 2] ** 2)[:, None]
        out[:, :, 3] = [1.0, 0.0, 1.0]
        return out

    return Continuous(
        ("place", "speed", "angle", "turn"), ("upright", "place2", "angle2", "force"),
        np.array([2.0, -1.0, -40.0, -1.0]), (5.0, 5.0, 100.0, 5.0), 0.95, 3,
        (2.4, 3.0, 0.21, 3.0), (1.0, 0.5, 0.1, 0.5),
        0.1, (1, 3), move, phi, lambda x: (np.abs(x[:, 0]) > 2.4) | (np.abs(x[:, 2]) > 0.21),
    )  # fmt: skip


def softmax(Q: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(Q - np.logaddexp.reduce(Q, axis=1)[:, None]))


def continuous(name: str, world: Continuous, index: int) -> list[dict[str, Any]]:
    """Logs of 10 and of 50 trajectories."""
    values = world.solve()

    def expert(x: np.ndarray) -> np.ndarray:
        return softmax(world.corners(x) @ values)

    def features(columns: Any, actions: np.ndarray) -> np.ndarray:
        x = np.stack([columns[c] for c in world.columns], axis=1)
        return np.asarray(world.phi(x)[np.arange(len(actions)), actions])

    def earned(policy: Any) -> float:
        greedy = np.eye(world.n_actions)
        return float(world.simulate(lambda x: greedy[policy(x).argmax(axis=1)], 200, 60, [KEY, 9])[-1].mean())

    def policy_of(fit: VariationalFit) -> Any:
        return lambda x: fit.choice_probabilities(dict(zip(world.columns, x.T, strict=True)))

    def nats(policy: Any) -> float:
        return float((p * np.log(p / policy(rows))).sum(axis=1).mean())

    measured = MeasuredFeatureMap(names=world.names, function=features, n_actions=world.n_actions)
    prior = NormalPrior.of(world.names, dict(zip(world.names, world.prior_sd, strict=True)))
    seen = world.simulate(expert, 100, LENGTH, [KEY, 8])
    rows = seen[0][seen[3]]
    p = expert(rows)
    even = np.full((1, world.n_actions), 1 / world.n_actions)
    ends = {"expert": earned(expert), "uniform": float(world.simulate(
        lambda x: np.repeat(even, len(x), axis=0), 200, 60, [KEY, 9])[-1].mean())}  # fmt: skip
    answers = []
    for n in (10, 50):
        told: dict[str, list[Any]] = {"avril": [], "cloning": [], "best_cloning": []}
        found, held, seconds = [], np.zeros(4), []
        for i in range(LOGS):
            demos = world.demos(expert, n, [KEY, 10 + index, n, i])
            fit = variational_fit(demos, measured, prior, discount=world.gamma)
            judged = {"avril": policy_of(fit), "cloning": policy_of(fit.cloned())}
            others = [judged["cloning"]]
            for degree, spread in product((1, 2), (0.5, 1.0, 2.0)):
                basis = PolynomialBasis.fit(demos.observations, degree=degree)
                brief = VariationalSettings(action_spread=spread, max_rounds=1, tolerance=1e6)
                other = variational_fit(
                    demos, measured, prior, discount=world.gamma, basis=basis, settings=brief
                )
                others.append(policy_of(other.cloned()))
            judged["best_cloning"] = min(others, key=nats)
            for who, policy in judged.items():
                told[who].append((earned(policy), nats(policy)))
            found.append(fit.optimum.mean)
            held += np.abs(found[-1] - world.truth) <= Z * np.sqrt(np.diag(fit.linear_response_covariance))
            seconds.append(fit.posterior.seconds)
        nearer = {
            who: rate(sum(a[1] < c[1] for a, c in zip(told["avril"], told[who], strict=True)), LOGS)
            for who in ("cloning", "best_cloning")
        }
        answers.append({
            "world": name, "trajectories": n, "logs": LOGS, "return": ends | {
                who: float(np.median([x[0] for x in pairs])) for who, pairs in told.items()},
            "nats_from_expert": {who: float(np.median([x[1] for x in pairs])) for who, pairs in told.items()},
            "avril_nearer_than": nearer,
            "truth": world.truth.tolist(), "median_of_means": np.median(found, axis=0).tolist(),
            "coverage": [rate(int(h), LOGS) for h in held], "seconds_median": float(np.median(seconds)),
        })  # fmt: skip
    return answers


def rate(hits: int, n: int) -> dict[str, Any]:
    """A count with its exact interval."""
    ends = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    return {"share": hits / n, "interval": [float(ends.low), float(ends.high)]}


def both() -> list[dict[str, Any]]:
    """Both worlds."""
    worlds = {"pushed": pushed, "balanced": balanced}
    return [one for i, (name, make) in enumerate(worlds.items()) for one in continuous(name, make(), i)]


def main() -> int:
    start = time.process_time()
    print(json.dumps({"continuous": both(), "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
