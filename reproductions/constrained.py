"""Learners within budgets beside the linear program, what is certified of them, and a pendulum with a motor to spare.

    python reproductions/constrained.py               # reduced: 1 key, a third of the policies
    TELIC_FULL=1 python reproductions/constrained.py  # 5 keys, 2,000 policies

prints one JSON line.

- **Tables**: Lagrangian PPO in three worlds (one where the best policy works 30 % of the time and must draw; one with
  one budget; one with two), Lagrangian SAC in two of two actions whose amount is the share of the second. Return and
  costs of each learned policy are solved for exactly and held against the linear program: `gap` is the optimum less the
  return, `excess` the cost less its budget, both in shares of what policies range over. Passed: gap at most .05 (SAC:
  and what its entropy may cost), excess at most .05, for every key. The same without damping, for comparison.
- **Certificates**: how often a budget just below the exact cost is called satisfied, of random policies in a table,
  with the exact 95 % interval; and how often one above it by a margin is.
- **Pendulum**: mean squared torque at most half of what an unconstrained policy uses; trained with budgets 10 % below,
  the policy kept of the last candidates and its certificate from fresh episodes.

Middle means over keys leave out the best and worst quarter, with 95 % bootstrap intervals of 2,000 samples of keys.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any

import numpy as np

KEYS = (101, 102, 103, 104, 105)
GAP = SLACK = 0.05
"""Keys and thresholds were fixed before the first run with these keys."""

DISCOUNT = 0.9
ALPHA = 0.1
TORQUE = {"n_envs": 16, "n_steps": 200, "n_epochs": 10, "discount": 0.9, "gae": 0.95, "learning_rate": 1e-3,
          "log_sd": -0.7, "scales_observations": True, "scales_rewards": True}  # fmt: skip


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    keys = KEYS if full else KEYS[:1]
    told = {
        "keys": list(keys),
        "tables": tables(keys),
        "certificates": certificates(2_000 if full else 600),
        "pendulum": pendulum_task(keys, n_updates=150 if full else 40),
        "seconds": time.perf_counter() - started,
    }
    print(json.dumps(told))
    return 0


def work_or_rest() -> Any:
    """One state: work (reward 1, cost 1) or rest (neither); the best within 3 of 10 works 30 % of the time."""
    from telic.mdp import TabularMDP

    mdp = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=DISCOUNT, initial=np.ones(1))
    table = np.array([[1.0, 0.0]])
    return mdp, table, table[None], np.array([3.0])


def random_world(key: int, n_states: int, n_actions: int, n_costs: int, share: float) -> Any:
    """Random tables; each budget lies at ``share`` of the way from the least cost to that of the best free policy."""
    from telic.mdp import TabularMDP
    from telic.planning import occupancy, solve_hard

    rng = np.random.default_rng(key)
    P = rng.dirichlet(np.full(n_states, 0.5), (n_states, n_actions))
    mdp = TabularMDP.from_transition(P, discount=DISCOUNT, initial=rng.dirichlet(np.ones(n_states)))
    R = rng.uniform(0, 1, (n_states, n_actions))
    C = rng.uniform(0, 1, (n_costs, n_states, n_actions))
    mu = occupancy(mdp, solve_hard(mdp, R).policy.table)
    least = np.array([-float(mdp.initial @ solve_hard(mdp, -c).value) for c in C])
    free = np.array([float(np.sum(mu * c)) for c in C])
    return mdp, R, C, least + share * (free - least)


def worlds() -> dict[str, Any]:
    """Those of Lagrangian PPO."""
    return {
        "work or rest": work_or_rest(),
        "one budget": random_world(1, 5, 3, 1, 0.4),
        "two budgets": random_world(2, 6, 3, 2, 0.5),
    }


def worlds_of_two_actions() -> dict[str, Any]:
    """Those of Lagrangian SAC."""
    return {"work or rest": work_or_rest(), "two budgets": random_world(9, 4, 2, 2, 0.6)}


def ppo_of(problem: Any, *, damping: float = 4.0) -> Any:
    """Lagrangian PPO in a world, and the steps of its loop."""
    from telic.neural.simulators import table_cost, tabular, with_costs
    from telic.planning.rl.lagrangian_ppo import LagrangianPpo
    from telic.planning.rl.multipliers import DualAscent
    from telic.planning.rl.ppo import Ppo

    mdp, R, C, budgets = problem
    world = with_costs(tabular(mdp, R, horizon=100), {f"c{k}": table_cost(c) for k, c in enumerate(C)})
    ppo = Ppo(
        simulator=world, n_envs=16, n_steps=32, hidden=(32,), learning_rate=2e-3, entropy=0.1, discount=DISCOUNT,
        gae=0.9, n_updates=400.0,
    )  # fmt: skip
    return LagrangianPpo(
        ppo=ppo,
        budgets=tuple(map(float, budgets)),
        budget_discount=DISCOUNT,
        ascent=DualAscent(damping=damping),
    ), 400


def sac_of(problem: Any, *, damping: float = 1.0) -> Any:
    """Lagrangian SAC in a world of shares, and the steps of its loop."""
    from telic.planning.rl.lagrangian_sac import LagrangianSac
    from telic.planning.rl.multipliers import DualAscent
    from telic.planning.rl.sac import Sac

    mdp, R, C, budgets = problem
    sac = Sac(
        simulator=shares(mdp, R, C), n_envs=16, n_steps=500, batch=64, capacity=64_000, hidden=(32,),
        learning_rate=1e-3, temperature=0.01, temperature_rate=0.0, share=0.02, discount=DISCOUNT,
    )  # fmt: skip
    return LagrangianSac(
        sac=sac,
        budgets=tuple(map(float, budgets)),
        budget_discount=DISCOUNT,
        ascent=DualAscent(rate=0.2, damping=damping),
    ), 40


def shares(mdp: Any, R: np.ndarray, C: np.ndarray) -> Any:
    """A table of two actions as a world of amounts: a in [-1, 1] takes the second with chance (1 + a) / 2.

    Reward and costs are their means over that draw, so that a policy is worth exactly what its mean shares are.
    """
    import jax
    import jax.numpy as jnp

    from telic.neural.simulators.simulator import Amounts, Simulator, Step

    S = mdp.n_states
    P = jnp.asarray(np.asarray(mdp.transition.todense()).reshape(S, 2, S), jnp.float32)
    tables = jnp.asarray(np.concatenate([R[None], C]), jnp.float32)
    first, eye = jnp.asarray(mdp.initial, jnp.float32), jnp.eye(S, dtype=jnp.float32)

    def reset(key: Any) -> tuple[Any, Any]:
        state = jax.random.choice(key, S, p=first)
        return state, eye[state]

    def step(state: Any, action: Any, key: Any) -> Step:
        p = 0.5 * (1.0 + jnp.clip(action[0], -1.0, 1.0))
        chance = jnp.stack([1.0 - p, p])
        after = jax.random.choice(key, S, p=chance @ P[state])
        told = tables[:, state] @ chance
        return Step(
            state=after, observation=eye[after], reward=told[0], terminated=jnp.bool_(False), costs=told[1:]
        )

    return Simulator(
        name="shares", n_observations=S, actions=Amounts(low=(-1.0,), high=(1.0,)), horizon=60, reset=reset, step=step,
        costs=tuple(f"c{k}" for k in range(len(C))),
    )  # fmt: skip


def table_of(policy: Any, n_states: int) -> np.ndarray:
    """``(S, A)`` probabilities: of choices, or mean shares of a bell squashed by ``tanh`` (Gauss-Hermite, 64)."""
    outputs = policy.outputs(np.eye(n_states))
    if policy.head.is_discrete:
        found = np.exp(policy.head.log_probs(outputs).astype(np.float64))
        return found / found.sum(axis=1, keepdims=True)
    _, mean, log_sd = policy.head.parameters(outputs.astype(np.float64))
    at, weight = np.polynomial.hermite_e.hermegauss(64)
    u = mean[:, 0, :1] + np.exp(log_sd[:, 0, :1]) * at
    second = 0.5 * (1.0 + np.tanh(u)) @ weight / weight.sum()
    return np.stack([1.0 - second, second], axis=1)


def judged(problem: Any, policy: Any) -> dict[str, Any]:
    """Exact return and costs of a policy beside the linear program."""
    from telic.planning import occupancy, solve_hard
    from telic.planning.constrained import solve_constrained

    mdp, R, C, budgets = problem
    best = solve_constrained(mdp, R, C, budgets, throw=True)

    def span(table: np.ndarray) -> float:
        return float(mdp.initial @ (solve_hard(mdp, table).value + solve_hard(mdp, -table).value))

    mu = occupancy(mdp, table_of(policy, mdp.n_states))
    costs = np.array([float(np.sum(mu * c)) for c in C])
    return {
        "gap": (best.value - float(np.sum(mu * R))) / span(R),
        "excess": [(costs[k] - budgets[k]) / span(C[k]) for k in range(len(C))],
        "span": span(R),
    }


def entropy_costs(learner: Any) -> float:
    """What a temperature can cost at most in return: alpha log 2 a decision, one dimension in [-1, 1]."""
    return float(learner.sac.temperature) * math.log(2.0) / (1.0 - DISCOUNT)


def tables(keys: tuple[int, ...]) -> dict[str, Any]:
    """All learners in all tables."""
    from telic.neural.driver import train

    cases = [("ppo", name, world, ppo_of) for name, world in worlds().items()]
    cases += [("sac", name, world, sac_of) for name, world in worlds_of_two_actions().items()]
    found: dict[str, Any] = {}
    for kind, name, problem, make in cases:
        for damping in (None, 0.0):
            learner, n_steps = make(problem) if damping is None else make(problem, damping=damping)
            runs = [train(learner, key, n_steps) for key in keys]
            rows = [judged(problem, learner.policy(run.state)) for run in runs]
            allowed = GAP + (entropy_costs(learner) / rows[0]["span"] if kind == "sac" else 0.0)
            gaps, excess = np.array([r["gap"] for r in rows]), np.array([r["excess"] for r in rows])
            found[f"{kind}, {name}" + ("" if damping is None else ", no damping")] = {
                "gaps": gaps.tolist(),
                "excess": excess.tolist(),
                "gap": middle(gaps),
                "worst_excess": middle(excess.max(axis=1)),
                "allowed_gap": allowed,
                "passed": bool((gaps <= allowed).all() and (excess <= SLACK).all()),
                "cpu_seconds": float(np.median([run.seconds for run in runs])),
            }
    return found


def certificates(n_policies: int, *, n_episodes: int = 200, horizon: int = 20) -> dict[str, Any]:
    """How often a budget is called satisfied, by exact costs of random policies of 5 states and 3 actions."""
    from scipy.stats import binomtest

    from telic.evaluation.budget_certificate import certify_budgets

    rng = np.random.default_rng(KEYS[0])
    P, c = rng.dirichlet(np.full(5, 0.5), (5, 3)), rng.uniform(0.0, 1.0 / horizon, (5, 3))
    pi = rng.dirichlet(np.full(3, 0.5), (n_policies, 5))
    exact, d = np.zeros(n_policies), np.tile(np.full(5, 0.2), (n_policies, 1))
    for _ in range(horizon):
        exact += np.einsum("ps,psa,sa->p", d, pi, c)
        d = np.einsum("ps,psa,sat->pt", d, pi, P)
    state = rng.integers(0, 5, (n_policies, n_episodes))
    cost, i = np.zeros((n_policies, n_episodes)), np.arange(n_policies)[:, None]
    for _ in range(horizon):
        action = (rng.random(state.shape)[..., None] > np.cumsum(pi[i, state], axis=-1)).sum(-1).clip(max=2)
        cost += c[state, action]
        state = (
            (rng.random(state.shape)[..., None] > np.cumsum(P[state, action], axis=-1)).sum(-1).clip(max=4)
        )

    def called(margin: float) -> dict[str, Any]:
        k = sum(
            certify_budgets(
                cost[p, :, None], [exact[p] + margin], ranges=[(0.0, 1.0)], alpha=ALPHA
            ).is_satisfied
            for p in range(n_policies)
        )
        interval = binomtest(k, n_policies).proportion_ci(0.95, method="exact")
        return {"margin": margin, "rate": k / n_policies, "interval": [interval.low, interval.high]}

    return {
        "alpha": ALPHA,
        "n_policies": n_policies,
        "n_episodes": n_episodes,
        "deviation_of_an_episode": float(np.median(cost.std(axis=1))),
        "violating": called(-1e-6),
        "satisfying": [called(margin) for margin in (0.01, 0.02, 0.05)],
    }


def pendulum_task(keys: tuple[int, ...], *, n_updates: int) -> dict[str, Any]:
    """Pendulum-v1 with half of the squared torque that a free policy of the same training uses."""
    from telic.evaluation.budget_choice import choose_within_budgets
    from telic.neural.driver import train
    from telic.neural.episodes import fresh_episodes
    from telic.neural.simulators import pendulum, with_costs
    from telic.planning.rl.lagrangian_ppo import LagrangianPpo
    from telic.planning.rl.multipliers import DualAscent
    from telic.planning.rl.ppo import Ppo

    world = with_costs(pendulum(), {"torque": squared_torque})
    free = Ppo(simulator=world, n_updates=float(n_updates), **TORQUE)
    run = train(free, KEYS[0], n_updates)
    unbound = fresh_episodes(world, free.policy(run.answer()), 1, 400)
    budget = 0.5 * float(unbound.costs.mean())
    learner = LagrangianPpo(ppo=free, budgets=(0.9 * budget,), ascent=DualAscent(damping=1.0))
    rows = []
    for key in keys:
        kept: list[Any] = []
        run = train(
            learner, key, n_updates, checkpoint=lambda _, state, kept=kept: kept.append(state), every=5
        )
        policies = [learner.policy(state) for state in kept[-5:]]

        def draw(i: int, stage: int, n: int, policies: list[Any] = policies, key: int = key) -> Any:
            return fresh_episodes(world, policies[i], 1_000 * key + 10 * i + stage, n)

        choice = choose_within_budgets(
            draw, len(policies), [budget], n_choose=200, n_certify=400, ranges=[(0.0, 200 * 4.0)], names=["torque"]
        )  # fmt: skip
        check = choice.certificate.checks[0]
        rows.append(
            {
                "outcome": run.outcome.label,
                "return": choice.mean_return,
                "torque": check.estimate,
                "upper": check.upper,
                "is_satisfied": choice.certificate.is_satisfied,
                "n_more": choice.certificate.n_more,
            }
        )
    return {
        "budget": budget,
        "free_return": float(unbound.returns.mean()),
        "free_torque": float(unbound.costs.mean()),
        "runs": rows,
        "return": middle(np.array([row["return"] for row in rows])),
        "n_satisfied": sum(row["is_satisfied"] for row in rows),
    }


def squared_torque(state: Any, action: Any, made: Any) -> Any:
    del state, made
    return action[0] ** 2


def middle(values: np.ndarray) -> dict[str, Any]:
    """Mean of what is left without the lowest and highest quarter (rounded down), and its interval over keys."""
    from scipy.stats import trim_mean

    rng = np.random.default_rng(0)
    again = trim_mean(rng.choice(values, (2_000, len(values))), 0.25, axis=1)
    low, high = np.quantile(again, [0.025, 0.975])
    return {"interquartile_mean": float(trim_mean(values, 0.25)), "interval": [float(low), float(high)]}


if __name__ == "__main__":
    sys.exit(main())
