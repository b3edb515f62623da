"""From an offline policy to one that was tried, for at most so many decisions, and never to a worse one unseen.

Of the budget a part is kept for evaluation: the policy that came in and the one that learning came to are acted by from
the same beginnings, and the new one is handed back only where it collects more with the stated confidence (a test by
changes of signs, ``improvement``); else the one that came in is. So where the two are alike, the chance to hand back
the new one is at most 1 less the confidence; where it is worse, less. Every call is a look of its own: after two calls
at .95, one on the other's answer, that chance is at most .1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from telic.errors import SettingsError
from telic.neural.adam import init_adam
from telic.neural.critics import init_critics
from telic.neural.driver import Trained, train
from telic.neural.networks import Params
from telic.neural.simulators.simulator import Simulator
from telic.neural.transitions import Transitions
from telic.policies import NetworkPolicy
from telic.reports import Finding, Severity

from .acting import played_returns
from .fine_tune_learner import FineTune, actor_like, scaled_world
from .improvement import Improvement, episodes_needed, improvement
from .sac import Learned, Sac

__all__ = ["Budget", "FineTuned", "fine_tune"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Decisions that may be made in a world.

    Attributes:
        n_steps: in all.
        spent: made.
    """

    n_steps: int
    spent: int = 0

    def __post_init__(self) -> None:
        if self.n_steps < 1 or not 0 <= self.spent <= self.n_steps:
            raise SettingsError(
                f"A budget must be above 0 and not be overspent, got {self.spent} of {self.n_steps}.",
                hint="Give the decisions that may be made in all.",
            )

    @property
    def left(self) -> int:
        """Decisions that may still be made."""
        return self.n_steps - self.spent

    def charged(self, n: int, what: str) -> Budget:
        """The budget after n more decisions.

        Raises:
            SettingsError: it does not hold them.
        """
        if n > self.left:
            raise SettingsError(
                f"{what} needs {n:,} decisions, and {self.left:,} of {self.n_steps:,} are left.",
                hint="Ask for fewer episodes, or for a larger budget.",
                needed=n,
                left=self.left,
            )
        return replace(self, spent=self.spent + n)


@dataclass(frozen=True, kw_only=True)
class FineTuned:
    """What fine-tuning came to.

    Attributes:
        policy: the new one where it is better with the confidence, else the one that came in.
        is_new: which.
        comparison: of the two, on the same beginnings.
        candidate: the new one, whichever was handed back.
        budget: what is left.
        trained: the run.
        distance: how far the actor that learning began with is from the policy that came in, in half ranges.
        findings: what was noticed.
    """

    policy: NetworkPolicy
    is_new: bool
    comparison: Improvement
    candidate: NetworkPolicy
    budget: Budget
    trained: Trained
    distance: float
    findings: tuple[Finding, ...]


def fine_tune(
    policy: NetworkPolicy,
    data: Transitions,
    simulator: Simulator,
    *,
    budget: Budget | int,
    critics: tuple[Params, Params] | None = None,
    n_evaluations: int = 10,
    confidence: float = 0.95,
    n_warm: int = 1_000,
    key: int = 0,
    checkpoint: Callable[[int, Any], None] | None = None,
    every: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    sink: Callable[[int, Mapping[str, float]], None] | None = None,
    resume: tuple[int, Any] | None = None,
    **settings: Any,
) -> FineTuned:
    """A policy that was gone on with in a world, where that made it better; else the one that came in.

    Args:
        policy: learned offline; of amounts.
        data: what it was learned from; stays half of every batch.
        simulator: the world.
        budget: decisions that may be made in it, those of evaluation included.
        critics: two that were learned offline, of scaled observations and actions (``params[1]`` of IQL, CQL and
            TD3+BC); None: they are learned from the record first.
        n_evaluations: episodes of each of the two policies.
        confidence: with which a new policy that is like the old one is not handed back for it.
        n_warm: updates of the critics alone before the first decision.
        key: random key of the whole run.
        checkpoint: as in ``train``.
        every: as in ``train``.
        progress: as in ``train``.
        sink: as in ``train``.
        resume: as in ``train``.
        settings: of ``Sac``; ``n_envs`` times ``n_steps`` decisions are made at a time.

    Raises:
        NumericalError: training became not finite.
        SettingsError: spaces differ, the world's episodes have no known end, or the budget does not hold what is asked.
    """
    budget = Budget(n_steps=budget) if isinstance(budget, int) else budget
    _check_spaces(policy, data, simulator)
    if n_evaluations < episodes_needed(confidence):
        raise SettingsError(
            f"A confidence of {confidence} needs `n_evaluations` of at least {episodes_needed(confidence)}, got"
            f" {n_evaluations}.",
            hint="With fewer no new policy could ever be handed back.",
        )
    looking = 2 * n_evaluations * simulator.horizon
    key_actor, key_critics, key_look = jax.random.split(jax.random.fold_in(jax.random.key(key), 1), 3)
    agent = Sac(
        simulator=scaled_world(simulator, tuple(policy.shift.tolist()), tuple(policy.scale.tolist())),
        **{"hidden": (64, 64), "temperature": 0.1, "n_steps": 250, "capacity": 2**17, **settings},
    )
    at_a_time = agent.n_envs * agent.n_steps
    budget.charged(looking + at_a_time, f"Evaluating {2 * n_evaluations} episodes and learning at all")
    n_learning = (budget.left - looking) // at_a_time
    actor, distance = actor_like(policy, data, agent.hidden, key_actor)
    learner = FineTune(
        agent=agent,
        start=_start(agent, actor, critics, key_critics),
        record=_packed(agent, data, policy),
        budget=n_learning * at_a_time,
        n_warm=n_warm,
    )
    trained = train(
        learner,
        key,
        n_learning,
        checkpoint=checkpoint,
        every=every,
        progress=progress,
        sink=sink,
        resume=resume,
    )
    state = trained.answer()
    budget = budget.charged(int(state.n_spent), "Learning")
    candidate = replace(learner.policy(state), shift=policy.shift, scale=policy.scale)
    returns = []
    for each in (policy, candidate):
        collected, n_made = played_returns(simulator, each, key_look, n_evaluations)
        budget = budget.charged(n_made, "Evaluation")
        returns.append(collected)
    told = improvement(*returns, confidence=confidence, key=key)
    return FineTuned(
        policy=candidate if told.is_better else policy,
        is_new=told.is_better,
        comparison=told,
        candidate=candidate,
        budget=budget,
        trained=trained,
        distance=distance,
        findings=(*trained.findings, _said(told, budget)),
    )


def _check_spaces(policy: NetworkPolicy, data: Transitions, simulator: Simulator) -> None:
    if simulator.horizon < 1:
        raise SettingsError(
            f"The world {simulator.name} does not say how long an episode may be.",
            hint="Give it a `horizon`: without one, evaluation has no cost that is known.",
        )
    head = simulator.actions.head()
    bounds = [(getattr(h, "low", None), getattr(h, "high", None)) for h in (policy.head, data.head, head)]
    if any(b != bounds[0] for b in bounds) or type(head) is not type(policy.head):
        raise SettingsError(
            f"Actions must be the same of the policy, the record and the world, got {policy.head}, {data.head} and"
            f" {head}.",
            hint="Check the bounds: amounts of another range mean another torque.",
        )
    sizes = (policy.n_observations, data.observations.shape[1], simulator.n_observations)
    if len(set(sizes)) > 1:
        raise SettingsError(
            f"Policy, record and world must be of as many observations, got {sizes}.",
            hint="Observe the same, in the same order.",
        )


def _start(agent: Sac, actor: Params, critics: tuple[Params, Params] | None, key: Any) -> Learned:
    sizes = (agent.simulator.n_observations + agent.head.n_dimensions, *agent.hidden, 1)
    both = init_critics(key, sizes) if critics is None else jax.tree.map(lambda *w: jnp.stack(w), *critics)
    if both[0].weight.shape[1] != sizes[0] or both[-1].weight.shape[-1] != 1:
        raise SettingsError(
            f"Critics must take {sizes[0]} numbers and give 1, got {both[0].weight.shape[1]} and"
            f" {both[-1].weight.shape[-1]}.",
            hint="Give `params[1]` of a learner from the same record.",
        )
    log_temperature = jnp.log(jnp.asarray(agent.temperature, jnp.float32))
    return Learned(
        actor=actor,
        critics=both,
        targets=both,
        log_temperature=log_temperature,
        optimisers=(init_adam(actor), init_adam(both), init_adam(log_temperature)),
    )


def _packed(agent: Sac, data: Transitions, policy: NetworkPolicy) -> Any:
    return agent.fields.pack(
        observation=(data.observations - policy.shift) / policy.scale,
        action=(data.actions - agent.head.middle) / agent.head.half,
        reward=data.rewards,
        after=(data.next_observations - policy.shift) / policy.scale,
        terminated=data.terminated,
    )


def _said(told: Improvement, budget: Budget) -> Finding:
    kept = "the new policy is handed back" if told.is_better else "the policy that came in is handed back"
    return Finding(
        code="fine-tuning-compared",
        severity=Severity.INFO,
        message=f"On {told.n} beginnings {told.old:.4g} before and {told.new:.4g} after; the difference is above"
        f" {told.low:.4g} with confidence {told.confidence:g}: {kept}. {budget.left:,} decisions are left.",
        hint="More episodes of evaluation find smaller differences; more decisions make larger ones.",
        evidence={"old": told.old, "new": told.new, "p_value": told.p_value, "left": budget.left},
    )
