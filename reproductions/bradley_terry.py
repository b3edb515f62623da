"""Rewards from comparisons: how often intervals hold the truth, and how often findings are right.

    python reproductions/bradley_terry.py [PART...]                  # reduced: 40 data sets a part
    TELIC_FULL=1 python reproductions/bradley_terry.py [PART...]     # 1,000

prints one JSON line a part.

- ``certification``: 75 of 100 (CERTIFICATION, T14).
- ``coverage``: 95 % intervals of three weights from 300 comparisons with ties by 8 annotators whose log rationality is
  normal with standard deviation .6; rationality of each and tie strength estimated, ``spread`` 1, geometric mean 1.
  The kinds of error that do not cluster: a rationality for each leaves none by annotator.
- ``tastes``: the same weights, 40 annotators of 15 comparisons who differ in taste (each weight normal about the common
  one, standard deviation .7), annotators fitted as alike: what only errors by annotator hold.
- ``joint``: 60 comparisons of rationality .5 and 15 trajectories of 10 decisions on the same weights, in a world of 6
  states; the rationality of answers is estimated. Trials that end without an answer count as misses.
- ``findings``: clean sets as in ``coverage`` (7 annotators), where no annotator may be named, and the same with one
  annotator whose 40 answers are the opposite, or who always chose the first of 12.
- ``judge``: 150 fresh answers of a right reward: exact interval of accuracy, interval of sharpness, test of
  calibration at level .05.
- ``ranks``: T-REX from 60 trajectories of rationality up to .3 in 20 random worlds (reduced: 3), and D-REX from 40 of
  rationality .5: the share of the way from a random policy to the best that planning with the reward goes.

- ``large``: ``coverage`` with 2,000 comparisons: what is left of its shortfall.

Intervals reach as far as the package says (``critical_value``). Counts have exact (Clopper-Pearson) 95 % intervals,
as if the three weights of a fit were independent, which they are not quite. Keys were fixed before the first run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

FULL = bool(os.environ.get("TELIC_FULL"))
SETS = 1_000 if FULL else 40
"""Data sets a part."""

WORLDS = 20 if FULL else 3
"""Worlds of ``ranks``."""

KEY = 770_000
NAMES = ("speed", "comfort", "cost")
TRUTH = np.array([1.0, -0.5, 0.3])
TIE, N = 0.5, 25


def rate(hits: int, of: int) -> dict[str, Any]:
    """How many, of how many, the share and its exact interval."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def answers(rng: np.random.Generator, z: np.ndarray, tie: float) -> np.ndarray:
    """Davidson's answers to differences z."""
    worth = np.stack([np.exp(z / 2), np.exp(-z / 2), np.full_like(z, tie)], axis=1)
    edge = np.cumsum(worth / worth.sum(axis=1, keepdims=True), axis=1)
    u = rng.random(len(z))
    return np.where(u < edge[:, 0], 1.0, np.where(u < edge[:, 1], 0.0, 0.5))


def asked(
    rng: np.random.Generator,
    who: np.ndarray,
    sharp: np.ndarray,
    weights: np.ndarray,
    tie: float = TIE,
    n: int = N,
) -> Any:
    """Comparisons of n random alternatives; ``weights`` is ``(K,)``, or ``(J, K)`` by annotator."""
    from telic.features import FeatureMap
    from telic.inference.preferences import PreferenceLikelihood
    from telic.trajectories import Comparisons

    F = rng.normal(size=(n, 3))
    first = rng.integers(n, size=len(who))
    second = (first + 1 + rng.integers(n - 1, size=len(who))) % n
    taste = np.broadcast_to(weights, (len(sharp), 3))[who]
    z = sharp[who] * ((F[first] - F[second]) * taste).sum(axis=1)
    comparisons = Comparisons.from_arrays(
        first, second, answers(rng, z, tie), annotators=[f"person {j:02d}" for j in who]
    )
    return PreferenceLikelihood(
        alternatives=F, comparisons=comparisons, features=FeatureMap(values=F, names=NAMES, form="S")
    )


def held(estimate: Any, truth: np.ndarray, hits: dict[str, int]) -> None:
    """Counts the intervals of each kind that hold the truth, over the weights."""
    from telic.inference.critical import critical_value

    for kind in hits:
        if estimate.outcome.ok:
            reach = critical_value(estimate, kind).value * estimate.standard_errors(kind)
            inside = np.abs(estimate.weights - truth) < reach
            hits[kind] += int(inside.sum())


def certification() -> dict[str, Any]:
    """T14."""
    from telic.inference.preferences import item_abilities
    from telic.trajectories import Comparisons

    rows = Comparisons.from_arrays(np.zeros(100, int), np.ones(100, int), (np.arange(100) < 75).astype(float))
    found = item_abilities(rows, ["better", "worse"], reference="worse").reward
    return {"log_odds": float(found.weights[0]), "error": float(found.standard_errors("hessian")[0])}


def coverage(n_comparisons: int = 300, first_key: int = KEY) -> dict[str, Any]:
    """Weights with everything else estimated."""
    from telic.inference.preferences import BradleyTerrySettings, fit_preferences
    from telic.rewards import KINDS

    kinds = dict.fromkeys(KINDS[:3], 0)
    for i in range(SETS):
        rng = np.random.default_rng(first_key + i)
        logs = rng.normal(0.0, 0.6, 8)
        likelihood = asked(rng, np.arange(n_comparisons) % 8, np.exp(logs - logs.mean()), TRUTH)
        found = fit_preferences(likelihood, settings=BradleyTerrySettings(annotators="each"))
        held(found.reward, TRUTH, kinds)
    return {"sets": SETS, **{kind: rate(hits, 3 * SETS) for kind, hits in kinds.items()}}


def large() -> dict[str, Any]:
    """The same with more answers."""
    return coverage(2_000, KEY + 700_000)


def tastes() -> dict[str, Any]:
    """Annotators who differ; the truth is what the fit converges to, found from 400,000 answers."""
    from telic.inference.preferences import fit_preferences
    from telic.rewards import KINDS

    rng = np.random.default_rng(KEY - 1)
    many = rng.normal(TRUTH, 0.7, size=(20_000, 3))
    truth = _limit(rng, many)
    kinds = dict.fromkeys(KINDS, 0)
    for i in range(SETS):
        rng = np.random.default_rng(KEY + 100_000 + i)
        people = rng.normal(TRUTH, 0.7, size=(40, 3))
        found = fit_preferences(asked(rng, np.arange(600) % 40, np.ones(40), people, n=20_000))
        held(found.reward, truth, kinds)
    return {"sets": SETS, "limit": truth.tolist(), **{k: rate(hits, 3 * SETS) for k, hits in kinds.items()}}


def _limit(rng: np.random.Generator, many: np.ndarray) -> np.ndarray:
    """The weights that the answers of many annotators lead to, with fresh alternatives in every comparison."""
    from telic.features import FeatureMap
    from telic.inference.preferences import PreferenceLikelihood, fit_preferences
    from telic.trajectories import Comparisons

    M = 400_000
    F = rng.normal(size=(2 * M, 3))
    z = ((F[:M] - F[M:]) * many[np.arange(M) % len(many)]).sum(axis=1)
    rows = Comparisons.from_arrays(np.arange(M), np.arange(M, 2 * M), answers(rng, z, TIE))
    features = FeatureMap(values=F, names=NAMES, form="S")
    likelihood = PreferenceLikelihood(alternatives=F, comparisons=rows, features=features)
    return np.asarray(fit_preferences(likelihood).reward.weights)


def _world(key: int, n_states: int) -> tuple[Any, Any]:
    from telic.features import FeatureMap
    from telic.mdp import TabularMDP

    rng = np.random.default_rng(key)
    mdp = TabularMDP.from_transition(
        rng.dirichlet(np.full(n_states, 0.3), size=(n_states, 3)),
        discount=0.9,
        initial=np.full(n_states, 1 / n_states),
    )
    return mdp, FeatureMap(values=rng.normal(size=(n_states, 3, 3)), names=NAMES)


def joint() -> dict[str, Any]:
    """Decisions and answers together."""
    from telic.features import trajectory_features
    from telic.inference import fit_likelihood
    from telic.inference.likelihood import DiscountedLikelihood
    from telic.inference.preferences import bradley_terry
    from telic.planning import simulate, solve_soft
    from telic.trajectories import Comparisons

    kinds, narrower, alone_ok = {"hessian": 0, "sandwich": 0}, [], 0
    for i in range(SETS):
        mdp, phi = _world(KEY + 200_000 + i, 6)
        rng = np.random.default_rng(KEY + 300_000 + i)
        expert = solve_soft(mdp, phi.values @ TRUTH).policy
        demos = simulate(mdp, expert, 15, 10, key=KEY + i)
        shown = simulate(mdp, np.full((6, 3), 1 / 3), 60, 10, key=KEY + 1_000 + i)
        worth = trajectory_features(phi, shown) @ TRUTH
        first, second = rng.integers(30, size=60), 30 + rng.integers(30, size=60)
        y = answers(rng, 0.5 * (worth[first] - worth[second]), 0.0)
        choices = DiscountedLikelihood(mdp, phi, demos)
        rows = Comparisons.from_arrays(first, second, y)
        found = bradley_terry(rows, shown, phi, decisions=choices, cluster_by="comparison").reward
        held(found, TRUTH, kinds)
        alone = fit_likelihood(choices)
        if found.outcome.ok and alone.outcome.ok:
            alone_ok += 1
            narrower.append(np.median(found.standard_errors("hessian") / alone.standard_errors("hessian")))
    return {
        "sets": SETS,
        **{kind: rate(hits, 3 * SETS) for kind, hits in kinds.items()},
        "error_over_that_of_decisions_alone": float(np.median(narrower)),
        "both_converged": alone_ok,
    }


def findings() -> dict[str, Any]:
    """False alarms and power."""
    from dataclasses import replace

    from telic.inference.preferences import BradleyTerrySettings, fit_preferences

    told = {"clean: against": 0, "clean: one answer": 0, "opposite named": 0, "side named": 0}
    wrong = 0
    for i in range(SETS):
        rng = np.random.default_rng(KEY + 400_000 + i)
        who = np.repeat(np.arange(7), 40)
        likelihood = asked(rng, who, np.exp(rng.normal(0.0, 0.6, 7)), TRUTH)
        settings = BradleyTerrySettings(annotators="each")
        clean = {f.code for f in fit_preferences(likelihood, settings=settings).findings}
        told["clean: against"] += "against-the-others" in clean
        told["clean: one answer"] += "one-answer" in clean
        c = likelihood.comparisons
        flipped = replace(c, preferred=np.where(who == 6, 1.0 - c.preferred, c.preferred))
        planted = fit_preferences(replace(likelihood, comparisons=flipped), settings=settings)
        named = {f.evidence["annotator"] for f in planted.findings if f.code == "against-the-others"}
        told["opposite named"] += "person 06" in named
        wrong += bool(named - {"person 06"})
        kept = np.flatnonzero((who != 6) | (np.arange(len(who)) % 40 < 12))
        sided = replace(c, preferred=np.where(who == 6, 1.0, c.preferred)).select(kept)
        planted = fit_preferences(replace(likelihood, comparisons=sided), settings=settings)
        told["side named"] += "person 06" in {
            f.evidence["annotator"] for f in planted.findings if f.code == "one-answer"
        }
    return {
        "sets": SETS,
        **{what: rate(hits, SETS) for what, hits in told.items()},
        "others named beside": rate(wrong, SETS),
    }


def judge() -> dict[str, Any]:
    """The held-out test of a right reward."""
    from telic.evaluation import preference_test
    from telic.trajectories import Comparisons

    sets = 2 * SETS
    right, sharp, rejected = 0, 0, 0
    for i in range(sets):
        rng = np.random.default_rng(KEY + 500_000 + i)
        returns = rng.normal(size=40)
        first = rng.integers(40, size=150)
        second = (first + 1 + rng.integers(39, size=150)) % 40
        gap = returns[first] - returns[second]
        found = preference_test(returns, Comparisons.from_arrays(first, second, answers(rng, gap, 0.0)))[
            "reward"
        ]
        low, high = found.accuracy.interval
        right += low < (1 / (1 + np.exp(-np.abs(gap)))).mean() < high
        low, high = found.sharpness_interval or (0.0, np.inf)
        sharp += low < 1 < high
        rejected += found.calibration_p_value < 0.05
    return {
        "sets": sets,
        "accuracy": rate(int(right), sets),
        "sharpness": rate(int(sharp), sets),
        "calibration rejected": rate(int(rejected), sets),
    }


def ranks() -> dict[str, Any]:
    """T-REX and D-REX."""
    from telic.features import trajectory_features
    from telic.inference import FitSettings
    from telic.inference.preferences import (
        BradleyTerrySettings,
        fit_preferences,
        noise_comparisons,
        ranked_comparisons,
    )
    from telic.planning import policy_value, simulate, solve_hard, solve_soft
    from telic.trajectories import Demonstrations

    settings = BradleyTerrySettings(fit=FitSettings(l2=0.1))
    gains: dict[str, list[float]] = {
        "ranked": [],
        "noise": [],
        "best demonstrator": [],
        "imitated demonstrator": [],
    }
    for i in range(WORLDS):
        mdp, phi = _world(KEY + 600_000 + i, 12)
        truth = phi.values @ TRUTH
        low = policy_value(mdp, np.full((12, 3), 1 / 3), truth).mean()
        top = policy_value(mdp, solve_hard(mdp, truth).policy.table, truth).mean()

        def share(
            policy: np.ndarray, mdp: Any = mdp, truth: Any = truth, low: Any = low, top: Any = top
        ) -> float:
            return float((policy_value(mdp, policy, truth).mean() - low) / (top - low))

        def planned(made: Any, mdp: Any = mdp, phi: Any = phi, share: Callable[..., float] = share) -> float:
            found = fit_preferences(made.likelihood(phi), settings=settings).reward
            return share(solve_hard(mdp, phi.values @ found.weights).policy.table)

        experts = [solve_soft(mdp, truth, rationality=b).policy for b in (0.01, 0.1, 0.3, 0.5)]
        parts = [simulate(mdp, e, 20, 25, key=KEY + 10 * i + j) for j, e in enumerate(experts[:3])]
        demos = Demonstrations.from_arrays(
            np.concatenate([p.states for p in parts]),
            np.concatenate([p.actions for p in parts]),
            next_states=np.concatenate([p.next_states for p in parts]),
            offsets=np.arange(61) * 25,
        )
        returns = trajectory_features(phi, demos) @ TRUTH
        gains["ranked"].append(
            planned(ranked_comparisons(demos, returns, n_pairs=2_000, key=i, length=(5, 20)))
        )
        gains["best demonstrator"].append(share(experts[2].table))
        poor = simulate(mdp, experts[3], 40, 25, key=KEY + 10 * i + 9)
        gains["noise"].append(planned(noise_comparisons(poor, mdp, n_pairs=2_000, key=i, length=(10, 25))))
        gains["imitated demonstrator"].append(share(experts[3].table))
    return {
        "worlds": WORLDS,
        **{name: {"median": float(np.median(g)), "worst": float(min(g))} for name, g in gains.items()},
    }


PARTS = (certification, coverage, large, tastes, joint, findings, judge, ranks)


def main(names: list[str]) -> int:
    for part in PARTS:
        if not names or part.__name__ in names:
            start = time.process_time()
            print(
                json.dumps({"part": part.__name__, **part(), "seconds": time.process_time() - start}),
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
