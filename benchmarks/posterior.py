"""Effective posterior draws a CPU second: the no-U-turn sampler beside random walks, on buses and on a grid.

``--case bus``: 10,000 effective draws of the two weights of Rust's group 4, CPU seconds in all, adaptation included.
``--case grid``: 25 weights on the grid of ``problems.py`` (1,024 states, horizon 50) from 100 simulated trajectories;
the smallest bulk effective sample size a CPU second, adaptation excluded, beside two random walks that are given what
adaptation would have learned: one with the posterior covariance of the sampler's own draws, one spherical in units of
reward, each at a step with acceptance near .234 (Roberts, Gelman and Gilks 1997, Ann. Appl. Probab. 7, 110-120).

One JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from unittest import mock

import numpy as np

from telic.inference.posterior import NutsSettings, PosteriorTarget
from telic.inference.posterior.chains import diagnose, run_chains
from telic.inference.posterior.target import log_posterior
from telic.rewards import NormalPrior
from telic.typing import FloatArray

WANTED = 10_000
BLOCK = 2_500
KEY = 20_260_401


def main() -> None:
    """Sample and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=("bus", "grid"), default="bus")
    parser.add_argument("--draws", type=int, default=400, help="of each of two chains, for the grid")
    parser.add_argument("--steps", type=int, default=20_000, help="of each random walk")
    options = parser.parse_args()
    told = bus() if options.case == "bus" else grid(options.draws, options.steps)
    print(json.dumps({"case": options.case, **told}))


def bus() -> dict[str, Any]:
    """Chains of 2,500 draws until both weights have 10,000 effective ones, in bulk and tails."""
    import bus_engine as benchmark

    reproduction = benchmark.reproduction()
    odometers = reproduction.load_parser()
    rows = odometers.read_odometers(reproduction.data_folder(None), [4])
    with mock.patch("telic.inference.fit_likelihood", lambda likelihood, **_: likelihood):
        likelihood = reproduction.fit(rows, odometers.bin_mileage(rows, 90), bins=90, discount=0.9999)
    target = target_of(likelihood, sd=100.0)
    run_chains(
        density(target), target.mode.psi, target.root, NutsSettings(n_chains=2, n_draws=10), key=1
    )  # imports
    start = time.process_time()
    chains: dict[int, Any] = {}
    enough = False
    while not enough:
        settings = NutsSettings(n_chains=len(chains) + 2, n_draws=BLOCK, target_acceptance=0.8)
        ordered = run_chains(density(target), target.mode.psi, target.root, settings, key=KEY, chains=chains)
        chains = dict(enumerate(ordered))
        z = np.stack([c["z"] for c in ordered])
        d = judge(z, ordered)
        enough = bool(min(d.bulk_ess.min(), d.tail_ess.min()) >= WANTED)
    return {
        "n_weights": 2,
        "cpu_seconds": time.process_time() - start,
        "n_chains": len(chains),
        "n_draws": int(z.shape[0] * z.shape[1]),
        "least_bulk_ess": float(d.bulk_ess.min()),
        "least_tail_ess": float(d.tail_ess.min()),
        "largest_r_hat": float(d.r_hat.max()),
        "n_divergent": d.n_divergent,
        "n_evaluations": d.n_evaluations,
    }


def grid(n_draws: int, n_steps: int) -> dict[str, Any]:
    """The sampler, then the walks, from the same mode."""
    target = target_of(grid_likelihood(), sd=2.0)
    log = density(target)
    tune = 200
    settings = NutsSettings(n_chains=2, n_draws=n_draws, n_tune=tune)
    log(target.mode.psi)
    start = time.process_time()
    ordered = run_chains(log, target.mode.psi, target.root, settings, key=KEY)
    seconds = time.process_time() - start
    z = np.stack([c["z"] for c in ordered])
    d = judge(z, ordered)
    steps = np.stack([c["n_evaluations"] for c in ordered])
    sampling = seconds * float(steps[:, -n_draws:].sum() / steps.sum())
    found: dict[str, Any] = {
        "n_weights": z.shape[-1],
        "nuts_cpu_seconds_without_adaptation": sampling,
        "nuts_cpu_seconds": seconds,
        "nuts_least_bulk_ess": float(d.bulk_ess.min()),
        "nuts_largest_r_hat": float(d.r_hat.max()),
        "nuts_n_evaluations": d.n_evaluations,
        "nuts_ess_a_second": float(d.bulk_ess.min()) / sampling,
    }
    P = z.shape[-1]
    learned = np.linalg.cholesky(np.cov(z.reshape(-1, P).T) + 1e-12 * np.eye(P))
    for name, root in (("adaptive_walk", learned), ("spherical_walk", np.eye(P))):
        told = walk(target, root, n_steps)
        found |= {f"{name}_{key}": value for key, value in told.items()}
        found[f"ratio_to_{name}"] = found["nuts_ess_a_second"] / told["ess_a_second"]
    return found


def walk(target: PosteriorTarget, root: FloatArray, n_steps: int) -> dict[str, float]:
    """Random-walk Metropolis with the step tuned before the clock starts; values only, no gradients."""
    rng = np.random.default_rng(KEY)
    P = len(target.mode.psi)
    scale = 2.38 / np.sqrt(P) * (1.0 if root is not None and not np.allclose(root, np.eye(P)) else 0.02)
    at, value = target.mode.psi, target.objective.at(target.mode.psi, order=0).value

    def step(at: FloatArray, value: float, scale: float) -> tuple[FloatArray, float, bool]:
        to = at + scale * (root @ rng.normal(size=P))
        there = target.objective.at(to, order=0).value
        if np.log(rng.random()) < there - value:
            return to, there, True
        return at, value, False

    for i in range(1, 1_001):  # tuning: Robbins and Monro (1951)
        at, value, accepted = step(at, value, scale)
        scale *= float(np.exp((accepted - 0.234) / i**0.6))
    kept, n_accepted = np.empty((n_steps, P)), 0
    start = time.process_time()
    for i in range(n_steps):
        at, value, accepted = step(at, value, scale)
        kept[i], n_accepted = at, n_accepted + accepted
    seconds = time.process_time() - start
    d = diagnose(kept[None], free=range(P), n_divergent=0, n_evaluations=n_steps)
    return {
        "cpu_seconds": seconds,
        "least_bulk_ess": float(d.bulk_ess.min()),
        "acceptance": n_accepted / n_steps,
        "ess_a_second": float(d.bulk_ess.min()) / seconds,
    }


def grid_likelihood() -> Any:
    """100 simulated trajectories of the expert of ``problems.grid(32)``."""
    import causal_entropy_grid as benchmark
    import problems

    from telic.features import FeatureMap
    from telic.inference.likelihood import FiniteHorizonLikelihood
    from telic.trajectories import Demonstrations

    problem = problems.grid(32)
    _, policies = problems.expert_occupancy(problem)
    rng = np.random.default_rng(KEY)
    n, T = 100, problems.HORIZON
    states, actions = np.empty((n, T), dtype=int), np.empty((n, T), dtype=int)
    at = rng.integers(0, problem.n_states, n)
    for t in range(T):
        states[:, t] = at
        p = policies[t][at].cumsum(axis=1)
        actions[:, t] = (rng.random(n)[:, None] > p[:, :-1]).sum(axis=1)
        q = problem.probabilities[at, actions[:, t]].cumsum(axis=1)
        came = (rng.random(n)[:, None] > q[:, :-1]).sum(axis=1)
        at = problem.successors[at, actions[:, t], came]
    following = np.concatenate([states[:, 1:], at[:, None]], axis=1)
    demos = Demonstrations.from_arrays(
        states.ravel(), actions.ravel(), next_states=following.ravel(), offsets=np.arange(0, n * T + 1, T)
    )
    K = problem.features.shape[1]
    features = FeatureMap(values=problem.features, names=tuple(f"tile_{k}" for k in range(K)), form="S")
    return FiniteHorizonLikelihood(benchmark.world_of(problem), features, demos)


def target_of(likelihood: Any, *, sd: float) -> PosteriorTarget:
    """The posterior with one prior for every weight."""
    prior = NormalPrior.of(likelihood.names, dict.fromkeys(likelihood.names, sd))
    return PosteriorTarget(likelihood=likelihood, prior=prior, fixed_weights={})


def density(target: PosteriorTarget) -> Any:
    """Log density with gradient."""
    return lambda z: log_posterior(target, z)


def judge(z: FloatArray, chains: list[Any]) -> Any:
    """Diagnostics of the sampler's chains."""
    return diagnose(
        z,
        free=range(z.shape[-1]),
        n_divergent=int(sum(c["diverging"].sum() for c in chains)),
        n_evaluations=int(sum(c["n_evaluations"].sum() for c in chains)),
    )


if __name__ == "__main__":
    main()
