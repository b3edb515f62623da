"""Simulation-based calibration of the posterior (Talts and others 2018; Modrak and others 2023).

Weights are drawn from the prior, an expert with these weights acts, and the posterior of its choices is sampled. Over
many experts the rank of each true weight among thinned draws is uniform, and central 90 % intervals hold it in 90 of
100. Three worlds: chain C (1 weight), a random discounted world (2 weights) and a random one of fixed horizon
(3 weights). Beside it, on the same choices: the normal approximation at the mode, and the four standard errors of the
fit without a prior, which fail where the choices separate; and how often the check of prior against decisions speaks,
with the prior as it is (false alarms) and with its mean five standard deviations away in the first weight (power).

Gates, each of m weight-world pairs at level .001/m: the 90 % coverage inside the central binomial interval, and a
chi-square test of 20 rank bins. The key was fixed before the first run. ``TELIC_FULL=1`` takes 1,000 experts a world;
otherwise 40, and the chi-square test takes 5 bins.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy import stats

from telic.features import FeatureMap
from telic.inference import fit_likelihood
from telic.inference.likelihood import ChoiceLikelihood, DiscountedLikelihood, FiniteHorizonLikelihood
from telic.inference.posterior import NutsSettings, laplace_posterior, nuts_posterior
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.planning import solve_soft, solve_soft_finite
from telic.rewards import KINDS, NormalPrior, RewardPosterior
from telic.trajectories import Demonstrations

KEY = 20_260_501
LEVEL = 0.9
N_RANKS = 100
N_DECISIONS = 60
BLOCK = 20
LATER = 1_000_000
"""Added to the key of a second attempt, so that it does not depend on how the first went."""
AWAY = 5.0
HORIZON = 6
SETTINGS = NutsSettings(n_chains=2, n_draws=400, n_tune=150, target_acceptance=0.8)


def main() -> None:
    """Simulate and print one JSON line."""
    full = os.environ.get("TELIC_FULL") == "1"
    n_experts, n_bins = (1_000, 20) if full else (40, 5)
    if len(sys.argv) > 1:
        n_experts = int(sys.argv[1])
    tasks = [
        (name, range(i, min(i + BLOCK, n_experts))) for i in range(0, n_experts, BLOCK) for name in MAKERS
    ]
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in MAKERS}
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), get_context("fork")) as pool:
        for done, ((name, _), block) in enumerate(zip(tasks, pool.map(some, tasks), strict=True)):
            told[name] += block
            print(f"{done + 1} of {len(tasks)} blocks of experts", file=sys.stderr)
    worlds = [summary(name, rows, n_bins) for name, rows in told.items()]
    m = sum(len(w["weights"]) for w in worlds)
    for w in worlds:
        for weight in w["weights"]:
            low, high = stats.binom.interval(1 - 0.001 / m, weight["n"], LEVEL)
            weight["covered_interval"] = [int(low), int(high)]
            weight["passes"] = bool(low <= weight["covered"] <= high and weight["chi_square_p"] > 0.001 / m)
    print(
        json.dumps(
            {
                "n_experts": n_experts,
                "level": LEVEL,
                "m": m,
                "passes": all(
                    w["not_mixed"] == 0 and all(weight["passes"] for weight in w["weights"]) for w in worlds
                ),
                "worlds": worlds,
            }
        )
    )


def some(task: tuple[str, range]) -> list[dict[str, Any]]:
    """Experts of one world."""
    name, numbers = task
    index = list(MAKERS).index(name)
    return [one(MAKERS[name], index, i) for i in numbers]


def one(make: Any, index: int, i: int) -> dict[str, Any]:
    """Ranks of the true weights of one expert, and which intervals hold them."""
    rng = np.random.default_rng([KEY, index, i])
    likelihood, prior, truth = make(rng)
    found = nuts_posterior(likelihood, prior, settings=SETTINGS, key=i)
    mixed = found.outcome.ok
    if not mixed:  # counted, and sampled four times as long
        longer = replace(SETTINGS, n_draws=4 * SETTINGS.n_draws, n_tune=4 * SETTINGS.n_tune)
        found = nuts_posterior(likelihood, prior, settings=longer, key=LATER + i)
    effective = float(np.minimum(found.diagnostics.bulk_ess, found.diagnostics.tail_ess).min())
    stride = max(1, int(np.ceil(len(found.flat) / max(effective, N_RANKS))))
    thinned = found.flat[::stride]
    thinned = thinned[rng.choice(len(thinned), size=N_RANKS - 1, replace=False)]
    low, high = np.quantile(found.flat, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    z = stats.norm.ppf((1 + LEVEL) / 2)
    normal = laplace_posterior(likelihood, prior, n_draws=10, n_checked=1)
    half = z * np.sqrt(np.diag(normal.mode_covariance))
    away = NormalPrior(
        names=prior.names,
        means=prior.means + AWAY * np.eye(len(truth))[0] * prior.standard_deviations,
        standard_deviations=prior.standard_deviations,
    )
    fit = fit_likelihood(likelihood)
    return {
        "names": likelihood.names,
        "n_decisions": int(likelihood.n_decisions),
        "mixed_at_first": mixed,
        "mixed": found.outcome.ok,
        "ranks": (thinned < truth).sum(axis=0).tolist(),
        "posterior": ((low <= truth) & (truth <= high)).tolist(),
        "laplace": (np.abs(normal.mode - truth) <= half).tolist(),
        "separated": not fit.outcome.ok,
        "errors": {
            kind: (np.abs(fit.weights - truth) <= z * fit.standard_errors(kind)).tolist()
            for kind in KINDS
            if fit.outcome.ok and kind in fit.covariances
        },
        "conflict": contradicts(normal),
        "conflict_planted": contradicts(laplace_posterior(likelihood, away, n_draws=10, n_checked=1)),
    }


def contradicts(posterior: RewardPosterior) -> bool:
    """Whether the decisions were found to contradict the prior."""
    return any(f.code == "prior-conflict" for f in posterior.findings)


def summary(name: str, rows: list[dict[str, Any]], n_bins: int) -> dict[str, Any]:
    """Counts over the experts of a world."""
    weights = []
    for k, weight in enumerate(rows[0]["names"]):
        counts = np.bincount([row["ranks"][k] * n_bins // N_RANKS for row in rows], minlength=n_bins)
        held = {kind: [row["errors"][kind][k] for row in rows if kind in row["errors"]] for kind in KINDS}
        weights.append(
            {
                "name": weight,
                "n": len(rows),
                "covered": sum(row["posterior"][k] for row in rows),
                "covered_by_laplace": sum(row["laplace"][k] for row in rows),
                "covered_without_prior": {kind: [sum(h), len(h)] for kind, h in held.items()},
                "rank_bins": counts.tolist(),
                "chi_square_p": float(stats.chisquare(counts).pvalue),
            }
        )
    return {
        "world": name,
        "n_decisions": rows[0]["n_decisions"],
        "not_mixed_at_first": sum(not row["mixed_at_first"] for row in rows),
        "not_mixed": sum(not row["mixed"] for row in rows),
        "no_fit_without_prior": sum(row["separated"] for row in rows),
        "prior_conflict": {
            said: {"n": len(rows), "found": found, "interval": exact(found, len(rows))}
            for said, found in (
                ("false_alarms", sum(row["conflict"] for row in rows)),
                ("power", sum(row["conflict_planted"] for row in rows)),
            )
        },
        "weights": weights,
    }


def exact(found: int, n: int) -> list[float]:
    """Clopper and Pearson's 95 % interval of a share."""
    interval = stats.binomtest(found, n).proportion_ci(0.95, method="exact")
    return [float(interval.low), float(interval.high)]


def prior_of(features: FeatureMap) -> NormalPrior:
    """Standard normal."""
    return NormalPrior.of(features.names, dict.fromkeys(features.names, 1.0))


def chain(rng: np.random.Generator) -> tuple[ChoiceLikelihood, NormalPrior, np.ndarray]:
    """Chain C of the certification tests."""
    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    features = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")
    return discounted(rng, world, features)


def random_world(rng: np.random.Generator) -> tuple[ChoiceLikelihood, NormalPrior, np.ndarray]:
    """Five states, three actions, two features; the same for every expert."""
    fixed = np.random.default_rng(KEY)
    world = TabularMDP.from_transition(fixed.dirichlet(np.full(5, 0.5), size=(5, 3)), discount=0.8)
    return discounted(rng, world, FeatureMap(values=fixed.normal(size=(5, 3, 2)), names=("a", "b")))


def discounted(
    rng: np.random.Generator, world: TabularMDP, features: FeatureMap
) -> tuple[ChoiceLikelihood, NormalPrior, np.ndarray]:
    """Decisions in trajectories of six, each from a uniform start."""
    prior = prior_of(features)
    truth = prior.means + rng.normal(size=features.n_features)
    reward = (features.values @ truth).reshape(world.n_states, -1)
    reward = np.broadcast_to(reward, (world.n_states, world.n_actions))
    pi = np.exp(solve_soft(world, np.ascontiguousarray(reward)).log_policy)
    demos = act(rng, world.transition.toarray(), lambda _: pi, world.n_states, world.n_actions)
    return DiscountedLikelihood(world, features, demos), prior, truth


def fixed_horizon(rng: np.random.Generator) -> tuple[ChoiceLikelihood, NormalPrior, np.ndarray]:
    """Four states, two actions, six decisions, three features."""
    fixed = np.random.default_rng(KEY + 1)
    world = FiniteHorizonMDP.from_transition(fixed.dirichlet(np.full(4, 0.5), size=(4, 2)), horizon=HORIZON)
    features = FeatureMap(values=fixed.normal(size=(4, 2, 3)), names=("a", "b", "c"))
    prior = prior_of(features)
    truth = prior.means + rng.normal(size=3)
    pi = np.exp(solve_soft_finite(world, features.values @ truth).log_policy)
    demos = act(rng, world.transition.toarray(), lambda t: pi[t], 4, 2)
    return FiniteHorizonLikelihood(world, features, demos), prior, truth


def act(rng: np.random.Generator, P: np.ndarray, policy: Any, S: int, A: int) -> Demonstrations:
    """Trajectories of ``HORIZON`` decisions."""
    n = N_DECISIONS // HORIZON
    states, actions = np.empty((n, HORIZON + 1), dtype=int), np.empty((n, HORIZON), dtype=int)
    states[:, 0] = rng.integers(0, S, n)
    for t in range(HORIZON):
        s = states[:, t]
        actions[:, t] = (rng.random(n)[:, None] > policy(t)[s].cumsum(axis=1)[:, :-1]).sum(axis=1)
        q = P[s * A + actions[:, t]].cumsum(axis=1)
        states[:, t + 1] = (rng.random(n)[:, None] > q[:, :-1]).sum(axis=1)
    return Demonstrations.from_arrays(
        states[:, :-1].ravel(),
        actions.ravel(),
        next_states=states[:, 1:].ravel(),
        offsets=np.arange(0, n * HORIZON + 1, HORIZON),
    )


MAKERS = {"chain": chain, "discounted": random_world, "fixed horizon": fixed_horizon}

if __name__ == "__main__":
    main()
