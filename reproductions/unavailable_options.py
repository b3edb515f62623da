"""Options in the log that the expert could not take: is a wrong sign found out, and how much would turn it?

    python reproductions/unavailable_options.py                  # reduced: 10 data sets of each design
    TELIC_FULL=1 python reproductions/unavailable_options.py     # 200

prints one JSON line. Every design has a clean twin, in which everything that is listed could be taken. Experts choose
by a conditional logit in the listed features among what they can take; the log lists the rest too.

- ``queue``: jobs wait and are taken by age (+), priority and size; a hidden third of them is not eligible, so old jobs
  are mostly those that nobody may take. 10 shifts of 50 decisions.
- ``permission``: a world of 6 states and 3 actions; the operator likes ``restart`` (+) but may use it on 2 days of 5
  only. 40 days of 25 decisions.
- ``sensor``: a robot docks (+), drives or waits; docking needs a sensor that fails for stretches of about 30 steps and
  is out half of the time. 20 runs of 60 decisions.
- ``stock``: buyers dislike the price (-); cheap products sell out during the day. 40 days of 30 customers, 6 products.
- ``faint``: the queue with a tenth of the jobs not eligible, and 3 shifts: less to see, and less harm.
- ``silent``: 2,000 pairs, never listed again; in half of them one option has a flag (+) and is out of reach, at random,
  6 times of 10. A smaller weight gives the same choices, so no log can show it: only the sensitivity figure is left.

Counted are data sets in which the alarm sounds (at level .01), in which the naive weight has the wrong sign and a 95 %
interval away from 0, and what the sensitivity figure says. Intervals of counts are exact (Clopper-Pearson, 95 %).
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

DATA_SETS = 200 if os.environ.get("TELIC_FULL") else 10
"""Of each design and of each clean twin."""

KEY = 31_200_000
"""First key; chosen before the first run."""

TRUTH = {"queue": 0.5, "permission": 0.5, "sensor": 0.4, "stock": -0.3, "faint": 0.5, "silent": 0.5}
"""Designs, and the weight that is looked at in each: the first."""

SILENT_SHARE = 0.15
"""Of the listed options of ``silent`` that were out of reach: 6 of 10 in every fourth row."""


def draw(design: str, key: int, *, clean: bool = False) -> Any:
    """The choice sets of one data set; for ``permission`` ``(demonstrations, world, features)``."""
    made = {
        "queue": queue,
        "permission": permission,
        "sensor": sensor,
        "stock": stock,
        "faint": faint,
        "silent": silent,
    }
    return made[design](np.random.default_rng(key), clean)


def queue(rng: np.random.Generator, clean: bool, *, hidden: float = 1 / 3, shifts: int = 10) -> Any:
    """A queue of 12 jobs, filled up again when jobs are taken or (one in five at each decision) withdrawn."""
    weights = np.array([0.5, 1.0, -0.5])
    rows = _Rows()
    number = 0
    for shift in range(shifts):
        jobs: list[tuple[int, float, float, bool, int]] = []  # number, priority, size, eligible, came at
        for t in range(50):
            jobs = [job for job in jobs if rng.random() > 0.2]
            while len(jobs) < 12 or not any(job[3] for job in jobs):
                eligible = clean or rng.random() > hidden
                jobs.append((number, rng.normal(), rng.normal(), bool(eligible), t))
                number += 1
            phi = np.array([[(t - j[4]) / 3, j[1], j[2]] for j in jobs])
            i = _pick(rng, phi @ weights, np.array([j[3] for j in jobs]))
            rows.add(phi, i, [j[0] for j in jobs], shift)
            jobs.pop(i)
    return rows.sets(["age", "priority", "size"])


def faint(rng: np.random.Generator, clean: bool) -> Any:
    """The queue with a tenth of the jobs not eligible, and a log of three shifts."""
    return queue(rng, clean, hidden=0.1, shifts=3)


def permission(rng: np.random.Generator, clean: bool) -> Any:
    """Days with and without the permission to restart."""
    from telic.features import FeatureMap
    from telic.mdp.library import random_mdp
    from telic.planning import solve_soft
    from telic.trajectories import Demonstrations

    problem = random_mdp(6, 3, key=11, n_successors=3, discount=0.8, n_features=2)
    values = np.zeros((6, 3, 3))
    values[:, 2, 0] = 1.0
    values[:, :, 1:] = problem.features
    features = FeatureMap(values=values, names=("restart", "load", "risk"))
    policy = np.exp(solve_soft(problem.mdp, values @ np.array([0.5, 1.0, -1.0])).log_policy)
    dense = np.asarray(problem.mdp.transition.todense()).reshape(6, 3, 6)
    days, steps = 40, 25
    states, actions, after = (np.zeros(days * steps, dtype=np.int64) for _ in range(3))
    for day in range(days):
        may = clean or rng.random() < 0.4
        s = int(rng.integers(6))
        for t in range(steps):
            p = policy[s] * np.array([1.0, 1.0, float(may)])
            a = int(rng.choice(3, p=p / p.sum()))
            follow = int(rng.choice(6, p=dense[s, a]))
            i = day * steps + t
            states[i], actions[i], after[i], s = s, a, follow, follow
    demos = Demonstrations.from_arrays(
        states,
        actions,
        next_states=after,
        offsets=np.arange(days + 1) * steps,
        action_labels=("wait", "move", "restart"),
    )
    return demos, problem.mdp, features


def sensor(rng: np.random.Generator, clean: bool) -> Any:
    """Dock, drive or wait, with a sensor that docking needs."""
    weights = np.array([0.4, -0.8, 0.5])
    rows = _Rows()
    for run in range(20):
        works = rng.random() < 0.5
        for _ in range(60):
            works = (not works) if rng.random() < 1 / 30 else works
            distance, battery = rng.normal(size=2)
            phi = np.array([[1.0, distance, 0.0], [0.0, 0.0, battery], [0.0, 0.0, 0.0]])
            i = _pick(rng, phi @ weights, np.array([clean or works, True, True]))
            rows.add(phi, i, [0, 1, 2], run)
    return rows.sets(["dock", "distance when docking", "battery when driving"])


def stock(rng: np.random.Generator, clean: bool) -> Any:
    """Six products; each cheap one sells out at a time of the day that nobody wrote down."""
    weights = np.array([-0.3, 0.8])
    rows = _Rows()
    for day in range(40):
        price, quality = rng.normal(size=6), rng.normal(size=6)
        gone = np.where((price < 0) & (rng.random(6) < 0.85) & (not clean), rng.integers(0, 15, size=6), 31)
        gone[int(price.argmax())] = 31
        phi = np.stack([price, quality], axis=1)
        for t in range(30):
            i = _pick(rng, phi @ weights, t < gone)
            rows.add(phi, i, list(range(6)), day)
    return rows.sets(["price", "quality"])


def silent(rng: np.random.Generator, clean: bool) -> Any:
    """Pairs: a flagged option against another, which is missing at random, or a gain of 1 against none."""
    rows = _Rows()
    for n in range(2000):
        flagged = n % 2 == 0
        phi = np.array([[1.0, 0.0] if flagged else [0.0, 1.0], [0.0, 0.0]])
        may = np.array([clean or not flagged or rng.random() > 0.6, True])
        rows.add(phi, _pick(rng, phi @ np.array([0.5, 1.0]), may), None, n)
    return rows.sets(["flag", "gain"])


class _Rows:
    """Decisions on the way to choice sets."""

    def __init__(self) -> None:
        self.features: list[np.ndarray] = []
        self.chosen: list[int] = []
        self.options: list[int] = []
        self.units: list[int] = []

    def add(self, phi: np.ndarray, chosen: int, options: list[int] | None, unit: int) -> None:
        self.features.append(phi)
        self.chosen.append(chosen)
        self.options += options or []
        self.units.append(unit)

    def sets(self, names: list[str]) -> Any:
        from telic.trajectories import ChoiceSets

        return ChoiceSets.from_arrays(
            np.concatenate(self.features),
            [len(phi) for phi in self.features],
            self.chosen,
            names=names,
            options=self.options or None,
            units=self.units,
        )


def _pick(rng: np.random.Generator, value: np.ndarray, may: np.ndarray) -> int:
    weight = np.where(may, np.exp(value - value.max()), 0.0)
    return int(rng.choice(len(value), p=weight / weight.sum()))


def check(design: str, drawn: Any, **settings: Any) -> Any:
    """The check of one data set."""
    from telic.inference import OptionsSettings, check_options, listed_choices, max_causal_entropy

    sets = drawn
    if design == "permission":
        sets = listed_choices(*drawn, max_causal_entropy(*drawn))
    return check_options(sets, settings=OptionsSettings(**settings))


def rate(held: list[bool]) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = sum(held), len(held)
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def measure(design: str, data_sets: int) -> dict[str, Any]:
    """Alarms and wrong signs over the data sets of one design and of its clean twin."""
    answer: dict[str, Any] = {}
    sign = np.sign(TRUTH[design])
    for twin in ("planted", "clean"):
        alarms, wrong, right, holds, allowed = [], [], [], [], []
        for i in range(data_sets):
            drawn = draw(design, KEY + i, clean=twin == "clean")
            found = check(design, drawn, redraws=0, flips=(), allowing=i < max(data_sets // 10, 5))
            error = found.standard_errors("hessian")[0]
            alarms.append(found.alarm)
            wrong.append(bool(sign * found.weights[0] < -1.96 * error))
            right.append(bool(sign * found.weights[0] > 1.96 * error))
            holds.append(bool(abs(found.weights[0] - TRUTH[design]) <= 1.96 * error))
            if found.weights_allowing is not None:
                allowed.append(bool(sign * found.weights_allowing[0] > 0))
        answer[twin] = {
            "alarm": rate(alarms),
            "wrong_sign_with_tight_errors": rate(wrong),
            "right_sign_with_tight_errors": rate(right),
            "interval_holds_truth": rate(holds),
        }
        if allowed:
            answer[twin]["right_sign_when_allowed_for"] = rate(allowed)
    return answer


def figures(data_sets: int) -> dict[str, Any]:
    """Where the log cannot show it: the shares that turn the sign, beside the share that was planted."""
    from telic.inference import flip_share

    shares: dict[str, list[float]] = {"random": [], "worst": []}
    for i in range(data_sets):
        sets = draw("silent", KEY + i)
        for pattern, each in shares.items():
            found = flip_share(sets, "flag", pattern=pattern).share
            each.append(np.nan if found is None else found)
    return {
        "planted_share": SILENT_SHARE,
        **{
            pattern: {
                "median": float(np.median(each)),
                "at_most_planted": rate([x <= SILENT_SHARE for x in each]),
            }
            for pattern, each in shares.items()
        },
    }


def main() -> int:
    start = time.process_time()
    answer = {design: measure(design, DATA_SETS) for design in TRUTH}
    answer["silent"]["figures"] = figures(max(DATA_SETS // 10, 5))
    print(json.dumps({"data_sets": DATA_SETS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
