"""Linear-programming inverse reinforcement learning (Ng and Russell 2000).

Known dynamics, an optimal expert ``pi`` and a reward of the state. The expert is optimal exactly where, with
``V = (I - gamma P_pi)^-1 R``,

    (P_pi - P_a) V >= 0   for every state and action.

Among all such rewards the program takes one that makes the best alternative as costly as it can,

    max  sum_s min_{a != pi(s)} ((P_pi - P_a) V)(s) - lambda sum_s |R(s)|,   |R(s)| <= R_max,

here with ``V`` as variables tied to ``R`` by ``V = R + gamma P_pi V``, so that the program stays as sparse
as the world. Solved by HiGHS to its tolerances (1e-7). With features, ``R = phi w`` (section 4 of the
paper); without distinguishing features use one indicator a state.

What comes out is one vertex of the set of rewards that explain the expert, chosen by the objective, not a
measurement: there are no standard errors. It expects an expert who never errs; demonstrations are reduced to
the most frequent action of each state.

Reference: Ng and Russell (2000), Algorithms for inverse reinforcement learning, ICML, theorem 3 and section
3.2.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int

import telic
from telic._core.hashing import digest_array
from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.identifiability import identifiability
from telic.inference.likelihood.counts import check_possible
from telic.inference.likelihood.design import Design
from telic.inference.worlds import World, stationary_world
from telic.mdp import TabularMDP
from telic.planning.bellman import allowed_pairs, policy_chain
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

__all__ = ["LinearProgrammingSettings", "linear_programming", "reward_of_optimal_policy"]

METHOD = "linear_programming"
"""The registered name."""

ZERO_REWARD = 1e-9
"""Objective, relative to R_max and S, below which no reward but a trivial one explains the expert."""

STATUS: Mapping[int, Outcome] = {
    0: Outcome.SUCCESS,
    1: Outcome.MAX_ITERATIONS,
    2: Outcome.INFEASIBLE,
    3: Outcome.NON_FINITE,
    4: Outcome.SINGULAR,
}
"""What the codes of ``scipy.optimize.linprog`` mean here."""


@dataclass(frozen=True, kw_only=True)
class LinearProgrammingSettings:
    """What one may choose.

    Attributes:
        max_reward: R_max, the largest ``|R(s)|``; it sets the scale of the answer and nothing else.
        sparsity: lambda, the price of a unit of ``|R|``; more gives rewards in fewer states, and 0 reward
            beyond a threshold.
        max_iterations: limit of the solver.
    """

    max_reward: float = 1.0
    sparsity: float = 0.0
    max_iterations: int = 100_000

    def __post_init__(self) -> None:
        if not (math.isfinite(self.max_reward) and self.max_reward > 0):
            raise SettingsError(
                f"`max_reward` must be positive, got {self.max_reward}.", hint="1 is the convention."
            )
        if not (math.isfinite(self.sparsity) and self.sparsity >= 0) or self.max_iterations < 1:
            raise SettingsError(
                f"`sparsity` must be finite and >= 0 and `max_iterations` at least 1, got "
                f"{self.sparsity} and "
                f"{self.max_iterations}.",
                hint="0 and 100000 are the defaults.",
            )


def linear_programming(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: LinearProgrammingSettings | None = None,
) -> RewardEstimate:
    """The reward of the state under which the experts' most frequent actions are optimal by the widest
    margin.

    Args:
        demos: demonstrations with states.
        world: the dynamics.
        features: of the state (form ``S``).
        settings: see there.

    Raises:
        DataError, DynamicsError, FeatureError, ImpossibleDemonstrationsError: the inputs do not fit.
    """
    mdp = stationary_world(world, METHOD)
    _check(mdp, features)
    check_possible(demos, mdp)
    states, _ = demos.require_states()
    S, A = mdp.n_states, mdp.n_actions
    counts = np.bincount(
        states.astype(np.int64) * A + demos.actions, weights=demos.weights, minlength=S * A
    ).reshape(S, A)
    seen = counts.sum(axis=1) > 0
    actions = np.where(seen, counts.argmax(axis=1), -1)
    disagreeing = float(counts.sum() - counts.max(axis=1).sum()) / max(float(counts.sum()), 1e-300)
    findings = []
    if disagreeing > 0:
        findings.append(
            Finding(
                code="not-deterministic",
                severity=Severity.WARNING,
                message=(
                    f"{disagreeing:.1%} of the decisions differ from the most frequent action of their "
                    f"state; this "
                    "method takes that action for optimal and drops the others."
                ),
                hint="Use maximum causal entropy, which expects experts who vary.",
                evidence={"share": disagreeing},
            )
        )
    return _solve(
        actions,
        mdp,
        features,
        LinearProgrammingSettings() if settings is None else settings,
        findings=findings,
        inputs={"demonstrations": demos.digest},
        size=(demos.n_decisions, demos.n_trajectories),
    )


def reward_of_optimal_policy(
    actions: Int[np.ndarray, "S"],
    world: World,
    features: FeatureMap,
    *,
    settings: LinearProgrammingSettings | None = None,
) -> RewardEstimate:
    """The reward of the state under which a deterministic policy is optimal by the widest margin.

    Args:
        actions: the expert's action in every state; -1 where it is not known.
        world: the dynamics.
        features: of the state (form ``S``).
        settings: see there.

    Raises:
        DataError, DynamicsError, FeatureError: the inputs do not fit.
    """
    mdp = stationary_world(world, METHOD)
    _check(mdp, features)
    chosen = np.asarray(actions)
    allowed = _allowed(mdp)
    if (
        chosen.shape != (mdp.n_states,)
        or chosen.min(initial=-1) < -1
        or chosen.max(initial=0) >= mdp.n_actions
    ):
        raise DataError(
            f"`actions` must hold {mdp.n_states} actions in [-1, {mdp.n_actions}), got shape {chosen.shape}.",
            hint="-1 where the expert's action is not known.",
        )
    known = chosen >= 0
    if not np.any(known):
        raise DataError("The expert's action is known in no state.", hint="Give at least one.")
    bad = np.flatnonzero(known & ~allowed[np.arange(len(chosen)), np.maximum(chosen, 0)])
    if len(bad):
        raise DataError(
            f"The expert takes an action that is not available in {len(bad)} states (first: "
            f"{bad[:5].tolist()}).",
            hint="Correct the policy or `available`; give -1 at absorbing states.",
            states=bad[:20].tolist(),
        )
    return _solve(
        chosen,
        mdp,
        features,
        LinearProgrammingSettings() if settings is None else settings,
        findings=[],
        inputs={"policy": digest_array(chosen)},
        size=(0, 0),
    )


def _solve(
    actions: np.ndarray[Any, np.dtype[Any]],
    world: TabularMDP,
    features: FeatureMap,
    settings: LinearProgrammingSettings,
    *,
    findings: list[Finding],
    inputs: Mapping[str, str],
    size: tuple[int, int],
) -> RewardEstimate:
    from scipy.optimize import linprog

    started = time.process_time()
    allowed = _allowed(world)
    program = _program(actions, world, features, allowed, settings)
    answer = linprog(**program, method="highs", options={"maxiter": settings.max_iterations})
    outcome = STATUS.get(int(answer.status), Outcome.NON_FINITE)
    S, K = world.n_states, features.n_features
    weights, objective = np.full(K, np.nan), math.nan
    if outcome.ok and answer.x is not None and answer.fun is not None:
        weights, objective = np.asarray(answer.x[:K]), -float(answer.fun)
    known = actions >= 0
    deciding = allowed.any(axis=1)
    unknown = int(np.count_nonzero(deciding & ~known))
    notes = [*findings, _vertex_finding()]
    if unknown:
        notes.append(
            Finding(
                code="actions-not-known",
                severity=Severity.NOTICE,
                message=(
                    f"In {unknown} of {int(deciding.sum())} states the expert's action is not known; "
                    f"there the expert is "
                    "taken to act uniformly and nothing is required."
                ),
                hint="Collect decisions in these states.",
                evidence={"states": unknown},
            )
        )
    if outcome.ok and objective <= ZERO_REWARD * settings.max_reward * S:
        notes.append(
            Finding(
                code="only-trivial-reward",
                severity=Severity.WARNING,
                message="No reward of these features makes the expert strictly better than the alternatives.",
                hint="Add features, lower `sparsity`, or use a method that expects experts who err.",
            )
        )
    margin = math.nan
    if outcome.ok:
        margin = _worst_margin(actions, world, features, weights, allowed)
    return RewardEstimate(
        method=METHOD,
        outcome=outcome,
        reward=LinearReward(features=features, weights=weights),
        names=features.names,
        units=features.units or ("",) * K,
        weights=weights,
        covariances={},
        gauge=Gauge(
            kind="bounded-reward",
            description=f"One vertex of the rewards with |R| <= {settings.max_reward:g} that make the "
            f"expert optimal.",
            rationality=math.inf,
            discount=float(world.discount),
        ),
        null_directions=identifiability(world, features).null_directions,
        n_decisions=size[0],
        n_trajectories=size[1],
        choice_log_likelihood=math.nan,
        transition_log_likelihood=None,
        certificate={"objective": objective, "worst_margin": margin},
        fixed_by_assumption={
            "discount": float(world.discount),
            "rationality": "the experts are optimal",
            "max_reward": settings.max_reward,
            "sparsity": settings.sparsity,
        },
        seconds=time.process_time() - started,
        findings=tuple(notes),
        provenance=Provenance(
            inputs={**inputs, "world": world.digest, "features": features.digest},
            settings={"method": METHOD, **asdict(settings)},
            code=telic.__version__,
        ),
    )


def _program(
    actions: np.ndarray[Any, np.dtype[Any]],
    world: TabularMDP,
    features: FeatureMap,
    allowed: BoolArray,
    settings: LinearProgrammingSettings,
) -> dict[str, Any]:
    """Variables: weights (K), values V (S), margins t (known states), sizes u of the reward (S)."""
    S, A, K = world.n_states, world.n_actions, features.n_features
    phi = sp.csr_array(features.values)
    # A copy, because the chain shares its indices with the world.
    chain = policy_chain(world.transition, _policy(actions, allowed)).copy()
    chain.sum_duplicates()
    known = np.flatnonzero(actions >= 0)
    M = len(known)
    place = np.full(S, -1)
    place[known] = np.arange(M)
    rival = allowed.copy()
    rival[known, actions[known]] = False
    rival[actions < 0] = False
    states, others = np.nonzero(rival)
    gain = world.transition[states * A + others] - chain[states]
    count = len(states)
    pick = sp.csr_array((np.ones(count), (np.arange(count), place[states])), shape=(count, M))
    contested = np.zeros(M)
    contested[place[states]] = 1.0
    eye = sp.eye_array(S, format="csr")
    stop = np.ones(S) if world.absorbing is None else (~world.absorbing).astype(np.float64)
    values = sp.hstack(
        [-sp.diags_array(stop) @ phi, eye - world.discount * chain, sp.csr_array((S, M + S))], format="csr"
    )
    rows = [
        sp.hstack([sp.csr_array((count, K)), gain, pick, sp.csr_array((count, S))]),  # t <= (P_pi - P_a) V
        sp.hstack([sp.csr_array((count, K)), gain, sp.csr_array((count, M + S))]),  # the expert is optimal
        sp.hstack([phi, sp.csr_array((S, S + M)), -eye]),  # R <= u
        sp.hstack([-phi, sp.csr_array((S, S + M)), -eye]),  # -R <= u
    ]
    cost = np.concatenate([np.zeros(K + S), -contested, np.full(S, settings.sparsity)])
    free, top = (None, None), (0.0, settings.max_reward)
    margins = [(None, None) if c else (0.0, 0.0) for c in contested]
    return {
        "c": cost,
        "A_ub": sp.csr_array(sp.vstack(rows)),
        "b_ub": np.zeros(2 * count + 2 * S),
        "A_eq": values,
        "b_eq": np.zeros(S),
        "bounds": [free] * (K + S) + margins + [top] * S,
    }


def _worst_margin(
    actions: np.ndarray[Any, np.dtype[Any]],
    world: TabularMDP,
    features: FeatureMap,
    weights: FloatArray,
    allowed: BoolArray,
) -> float:
    """Smallest advantage of the expert's action over another, in expected next value; >= 0 when optimal."""
    from telic.planning import policy_value

    reward = LinearReward(features=features, weights=weights).expected(world)
    value = policy_value(world, _policy(actions, allowed), reward)
    after = (world.transition @ value).reshape(allowed.shape)
    known = np.flatnonzero(actions >= 0)
    gap = after[known, actions[known]][:, None] - after[known]
    rival = allowed[known].copy()
    rival[np.arange(len(known)), actions[known]] = False
    return float(gap[rival].min(initial=np.inf))


def _policy(actions: np.ndarray[Any, np.dtype[Any]], allowed: BoolArray) -> FloatArray:
    """The expert's table: certain where known, uniform elsewhere."""
    uniform = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    certain = (actions[:, None] == np.arange(allowed.shape[1])).astype(np.float64)
    return np.asarray(np.where((actions >= 0)[:, None], certain, uniform))


def _allowed(world: TabularMDP) -> BoolArray:
    allowed = allowed_pairs(world)
    return np.ones((world.n_states, world.n_actions), dtype=bool) if allowed is None else allowed


def _check(world: TabularMDP, features: FeatureMap) -> None:
    if features.form != "S":
        raise FeatureError(
            "Linear programming infers a reward of the state; these features depend on the action.",
            hint="Give features of form 'S', or use maximum causal entropy.",
        )
    Design(features=features, n_states=world.n_states, n_actions=world.n_actions)


def _vertex_finding() -> Finding:
    return Finding(
        code="one-of-many",
        severity=Severity.WARNING,
        message=(
            "This is one of infinitely many rewards that explain an optimal expert, chosen by the "
            "widest margin; it has "
            "no standard errors and its scale is the bound that was set."
        ),
        hint="Read signs and order with care; use maximum causal entropy for weights with errors.",
    )
