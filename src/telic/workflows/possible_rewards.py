"""What acting on the fitted reward may cost, and where the rewards that are still possible disagree.

Possible rewards are draws of the posterior's normal approximation, under the default prior or one that is stated. Along
a combination of weights that no decision tells, they are as wide as the prior: there it is the prior that speaks, and
its share is given for every weight. Logged trajectories are compared without such combinations, which would rank any
two of them both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.errors import NumericalError, SettingsError
from telic.evaluation import disagreement, task_disagreement
from telic.evaluation.regret import regret_of
from telic.features import feature_expectation, trajectory_features
from telic.inference.likelihood import ChoiceLikelihood
from telic.inference.posterior import laplace_posterior
from telic.mdp import FiniteHorizonMDP
from telic.planning import occupancy, occupancy_finite, solve_hard, solve_hard_finite
from telic.rewards import LinearReward, RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .posterior import stated_prior
from .problem import Problem, World
from .progress import Progress, silent

__all__ = ["AT_RANDOM", "FITTED", "what_is_at_stake"]

FITTED, MEAN, AT_RANDOM = "the fitted reward", "the mean of the possible rewards", "no reward, at random"
"""What one may act on."""

MOST_LOGGED = 300
"""Logged trajectories whose pairs are compared; of more, so many are picked."""

MOST_PAIRS, MOST_STATES = 8, 8

ROUNDING = 1e-9
"""Regret, relative to the largest value, that rounding can make of none."""

TOLD = 3
"""Features by which the two trajectories of a pair are told apart."""


def what_is_at_stake(
    problem: Problem,
    likelihood: ChoiceLikelihood,
    fitted: FloatArray,
    *,
    prior: Mapping[str, float],
    n_draws: int,
    level: float,
    key: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Regret of acting on the fitted reward, and the logged trajectories and states that are most contested.

    Args:
        problem: world, features and decisions.
        likelihood: of the choices.
        fitted: ``(K,)`` weights of the best reward.
        prior: feature to standard deviation; the default prior for the others.
        n_draws: possible rewards; each costs a forward problem.
        level: of intervals and of the value at risk.
        key: of the draws.
        progress: told how far the work is.

    Returns:
        ``draws``, ``trajectories``, ``states`` and ``regret``, as JSON-able values; the last two None where they have
        no answer, all of them where there is no prior: ``notes`` says why. ``n_blind`` combinations of weights are
        left out of the comparison of trajectories.

    Raises:
        SettingsError: the stated prior names something else than a feature.
    """
    told: dict[str, Any] = dict.fromkeys(("draws", "trajectories", "states", "regret"))
    told |= {"n_blind": 0, "notes": []}
    progress("possible rewards", 0, n_draws)
    try:
        belief = stated_prior(likelihood, prior)
        posterior = laplace_posterior(likelihood, belief, n_draws=n_draws, key=key)
    except (NumericalError, SettingsError) as error:
        if isinstance(error, SettingsError) and any(name not in likelihood.names for name in prior):
            raise
        told["notes"].append(f"There are no possible rewards to compare. {error.message} {error.hint}")
        return told
    draws = posterior.answer()
    told["draws"] = {
        "method": posterior.method,
        "n": n_draws,
        "prior": belief.to_json(),
        "prior_shares": dict(zip(likelihood.names, posterior.prior_shares.tolist(), strict=True)),
        "findings": [f.to_json() for f in posterior.findings],
    }
    told["n_blind"] = len(posterior.null_directions)
    told["trajectories"] = contested_pairs(
        problem, _without(draws, posterior.null_directions), level=level, key=key
    )
    try:
        told["states"] = contested_states(problem, posterior, n_draws)
        told["regret"] = predicted_regret(problem, draws, fitted, level=level)
    except NumericalError as error:
        told["notes"].append(f"{error.message} {error.hint}")
    if isinstance(problem.world, FiniteHorizonMDP):
        told["notes"].append("States are ranked only where the horizon is not fixed.")
    progress("possible rewards", n_draws, n_draws)
    return told


def contested_pairs(problem: Problem, draws: FloatArray, *, level: float, key: int) -> dict[str, Any] | None:
    """Pairs of logged trajectories by the regret of having to choose between them now, each trajectory once."""
    demos = problem.train
    if demos.n_trajectories < 2:
        return None
    picked = np.arange(demos.n_trajectories)
    if len(picked) > MOST_LOGGED:
        picked = np.sort(np.random.default_rng(key).choice(picked, MOST_LOGGED, replace=False))
        demos = demos.select(picked)
    f = trajectory_features(problem.features, demos, discount=problem.world.discount)
    numbers = [str(i) for i in range(len(picked))]
    ranked = disagreement(f, draws, names=numbers, most=len(picked) * MOST_PAIRS)
    tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    pairs: list[dict[str, Any]] = []
    used: set[str] = set()
    for pair in ranked.pairs:
        if pair.first in used or pair.second in used or len(pairs) == MOST_PAIRS:
            continue
        used |= {pair.first, pair.second}
        more = f[int(pair.first)] - f[int(pair.second)]
        low, high = np.quantile(draws @ more, tails).tolist()
        pairs.append(
            {
                "first": _name(demos, int(pair.first)),
                "second": _name(demos, int(pair.second)),
                "difference": pair.difference,
                "interval": [low, high],
                "probability": pair.probability,
                "regret": pair.regret,
                "more": _told_apart(problem.features.names, more, draws.std(axis=0)),
            }
        )
    n = ranked.n_candidates
    return {
        "pairs": pairs,
        "n_compared": n,
        "n_logged": problem.train.n_trajectories,
        "n_pairs": n * (n - 1) // 2,
        "n_settled": ranked.n_settled,
    }


def contested_states(
    problem: Problem, rewards: RewardPosterior | FloatArray, n_draws: int
) -> dict[str, Any] | None:
    """States by what acting on the mean of the possible rewards may lose from there on; None with a fixed horizon."""
    world = problem.world
    if isinstance(world, FiniteHorizonMDP):
        return None
    labels = world.state_labels or tuple(f"state {s}" for s in range(world.n_states))
    visits = np.bincount(problem.train.require_states()[0], minlength=world.n_states)
    seen: dict[str, int] = dict.fromkeys(labels, 0)
    for label, n in zip(labels, visits.tolist(), strict=True):
        seen[label] += n
    found = task_disagreement(world, problem.features, rewards, n=n_draws, most=MOST_STATES)
    return {
        "states": [
            {**row.to_json(), "n_decisions": seen[row.task]} for row in found.tasks if row.probability > 0
        ],
        "findings": [f.to_json() for f in found.findings],
    }


def predicted_regret(
    problem: Problem, draws: FloatArray, fitted: FloatArray, *, level: float
) -> dict[str, Any]:
    """Regret, over the possible rewards, of the best policy of the fitted reward, of their mean, and of chance."""
    world = problem.world
    best = [_collected(problem, _best_table(problem, w)) for w in draws]
    kept = np.array([f is not None for f in best])
    if not kept.any():
        raise NumericalError(
            "No possible reward has a best policy of finite value.", hint="Lower the discount."
        )
    rewards = draws[kept]
    tables = {FITTED: _best_table(problem, fitted), MEAN: _best_table(problem, rewards.mean(axis=0))}
    tables[AT_RANDOM] = _uniform(world)
    collected = {name: _collected(problem, table) for name, table in tables.items()}
    plans = {name: f for name, f in collected.items() if f is not None}
    top = np.einsum("nk,nk->n", np.array([f for f in best if f is not None]), rewards)
    regrets = top - np.array(list(plans.values())) @ rewards.T
    regrets[regrets <= ROUNDING * np.abs(top).max()] = 0.0
    found = regret_of(regrets, names=list(plans), level=level, n_independent=len(rewards))
    return {**found.to_json(), "n_without_policy": int((~kept).sum()), "mean_value": float(top.mean())}


def _best_table(problem: Problem, weights: FloatArray) -> FloatArray | None:
    """The best policy of a reward; None where none has a finite value."""
    world = problem.world
    reward = LinearReward(features=problem.features, weights=np.asarray(weights)).expected(world)
    if isinstance(world, FiniteHorizonMDP):
        finite = solve_hard_finite(world, reward)
        return finite.policy.table if finite.outcome.ok else None
    found = solve_hard(world, reward)
    return found.policy.table if found.outcome.ok else None


def _uniform(world: World) -> FloatArray:
    """Every available action alike."""
    S, A = world.n_states, world.n_actions
    allowed = np.ones((S, A)) if world.available is None else np.asarray(world.available, dtype=np.float64)
    table = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1.0)
    if isinstance(world, FiniteHorizonMDP):
        return np.repeat(table[None], world.horizon, axis=0)
    return table if world.absorbing is None else np.where(world.absorbing[:, None], 0.0, table)


def _collected(problem: Problem, table: FloatArray | None) -> FloatArray | None:
    """``(K,)`` expected discounted features of a policy."""
    world = problem.world
    if table is None:
        return None
    if isinstance(world, FiniteHorizonMDP):
        return feature_expectation(problem.features, occupancy_finite(world, table).sum(axis=0))
    return feature_expectation(problem.features, occupancy(world, table))


def _without(draws: FloatArray, directions: FloatArray) -> FloatArray:
    """The draws without their part along some combinations of weights."""
    return draws - draws @ np.linalg.pinv(directions) @ directions if len(directions) else draws


def _name(demos: Demonstrations, i: int) -> str:
    return str(demos.trajectory_ids[i])


def _told_apart(names: tuple[str, ...], more: FloatArray, spreads: FloatArray) -> dict[str, float]:
    """What the first collects beyond the second, of the features that make the most of the disagreement."""
    order = np.argsort(-np.abs(more) * spreads, kind="stable")[:TOLD].tolist()
    return {names[k]: float(more[k]) for k in order if more[k]}
