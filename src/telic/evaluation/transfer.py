"""Whether a reward still serves after the world changes: plan with it anew, and see what the policy earns.

    scaled = (J(policy planned with the reward) - J(uniform policy)) / (J(best policy) - J(uniform policy)),

all three returns counted by the true reward under the new dynamics: 1 is as good as knowing the true reward, 0 is no
better than choosing at random, below 0 the reward does harm.

A reward of state and action inferred under old dynamics may hold effects of those dynamics: the advantage of the
expert explains every choice where it was learned, because it *is* the choices, and after a change it asks for the old
actions whatever they now do. So such a reward always carries a warning into new dynamics, however well it did.

References: Fu, Luo and Levine (2018), ICLR, section 5 (only a reward of the state alone is free of the dynamics);
Cao, Cohen and Szpruch (2021), NeurIPS, theorem 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError, SettingsError
from telic.mdp import TabularMDP
from telic.planning import policy_value, solve_hard, solve_soft, visitation
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.reports.numbers import json_value
from telic.typing import FloatArray

from .canonical import uniform_policy
from .reward_forms import RewardLike, WorldReward, as_reward

__all__ = ["TransferValue", "carried_finding", "transfer_value"]

PLANNERS = ("hard", "soft")
"""``hard``: the best policy; ``soft``: the soft policy at a rationality."""

NOTHING_TO_GAIN = 1e-10
"""Best minus uniform return below this, relative to the size of the returns, is rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TransferValue:
    """What a reward is worth in a world it was not made in.

    Attributes:
        scaled: 0 for the uniform policy, 1 for the best; NaN where there is nothing to gain, or planning failed.
        returns: ``planned``, ``uniform`` and ``best``, in units of the true reward.
        visitation: ``(S,)`` share of decisions of the planned policy in each state; sums to 1.
        policy: the policy planned with the reward; None where planning failed.
        planner: ``hard`` or ``soft``.
        outcome: of the planning; ``TRIVIAL`` where all policies earn the same.
        findings: what a reader should know; a state-action reward in new dynamics warns.
    """

    scaled: float
    returns: dict[str, float]
    visitation: Float[np.ndarray, "S"]
    policy: TabularPolicy | None
    planner: str
    outcome: Outcome
    findings: tuple[Finding, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON-able values; the policy is left out."""
        return {
            "scaled": json_value(self.scaled),
            "returns": json_value(self.returns),
            "visitation": json_value(self.visitation),
            "planner": self.planner,
            "result": self.outcome.label,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The numbers as a report."""
        head = (
            f"Planned with this reward, the policy earns {self.scaled:.3f} of what can be gained over chance."
            if self.outcome.ok
            else f"No transfer value: {self.outcome.value}"
        )
        table = Table(
            title="Return by the true reward, in the new world",
            columns=("policy", "return"),
            rows=tuple(self.returns.items()),
        )
        return Report(
            title="Transfer",
            headline=head,
            sections=(Section(title="Transfer", items=(table, *self.findings)),),
            data=self.to_json(),
        )


def transfer_value(
    reward: RewardLike,
    world: TabularMDP,
    true_reward: RewardLike,
    *,
    learned_in: TabularMDP | None = None,
    planner: str = "hard",
    rationality: float = 1.0,
    initial: Float[np.ndarray, "S"] | None = None,
) -> TransferValue:
    """What a policy planned with ``reward`` in ``world`` earns by ``true_reward``, between chance and the best.

    Args:
        reward: the reward that was inferred or designed; anything that ``as_reward`` reads.
        world: the new world.
        true_reward: what counts there.
        learned_in: the world the reward comes from; None: another one than ``world``.
        planner: ``"hard"`` plans the best policy, ``"soft"`` the soft one at ``rationality``. Chance and best stay
            the uniform and the best policy.
        rationality: inverse temperature of the soft planner.
        initial: distribution of the first state; default the world's own.

    Raises:
        DynamicsError: a reward does not fit the world, or there is no initial distribution.
        SettingsError: there is no such planner.
    """
    if planner not in PLANNERS:
        raise SettingsError(f"`planner` must be 'hard' or 'soft', got {planner!r}.", hint="Use 'hard'.")
    rho0 = world.initial if initial is None else initial
    if rho0 is None:
        raise DynamicsError(
            "A return needs an initial distribution and the world has none.", hint="Pass `initial`."
        )
    given = as_reward(reward, world)
    truth = as_reward(true_reward, world, name="true_reward").expected(world)
    findings = carried_finding(given, learned_in, world)
    plan: Any = solve_hard(world, given.expected(world))
    if planner == "soft":
        plan = solve_soft(world, given.expected(world), rationality=rationality)
    best = solve_hard(world, truth)
    for solution in (plan, best):
        if not solution.outcome.ok:
            return _failed(solution.outcome, planner, world, (*findings, *solution.findings))
    tables = {
        "planned": plan.policy,
        "uniform": TabularPolicy(table=uniform_policy(world)),
        "best": best.policy,
    }
    returns = {
        name: float(rho0 @ policy_value(world, policy.table, truth)) for name, policy in tables.items()
    }
    gain = returns["best"] - returns["uniform"]
    seen = visitation(world, plan.policy.table, rho0).sum(axis=1)
    if gain <= NOTHING_TO_GAIN * max(abs(returns["best"]), abs(returns["uniform"])):
        scaled, outcome = float("nan"), Outcome.TRIVIAL
    else:
        scaled, outcome = (returns["planned"] - returns["uniform"]) / gain, Outcome.SUCCESS
        if scaled < 0:
            findings = (*findings, _harm_finding(scaled))
    return TransferValue(
        scaled=scaled,
        returns=returns,
        visitation=seen,
        policy=plan.policy,
        planner=planner,
        outcome=outcome,
        findings=findings,
    )


def carried_finding(
    reward: WorldReward, old: TabularMDP | None, new: TabularMDP, *, name: str = "The reward"
) -> tuple[Finding, ...]:
    """A warning where a reward that looks at actions, or successors, is carried to other dynamics.

    Args:
        reward: in the form it was given.
        old: the world it comes from; None: another one than ``new``.
        new: the world it is carried to.
        name: what the sentence calls it.
    """
    if reward.form == "S" or (old is not None and same_dynamics(old, new)):
        return ()
    what = "state and action" if reward.form == "SA" else "state, action and next state"
    return (
        Finding(
            code="state-action-transfer",
            severity=Severity.WARNING,
            message=f"{name} is of {what} and is carried to dynamics it was not made in: what it says of an action may "
            "be an effect of the old dynamics, not a taste.",
            hint="Infer a reward of the state alone, or use data from worlds that differ in dynamics.",
            evidence={"form": reward.form},
        ),
    )


def same_dynamics(old: TabularMDP, new: TabularMDP) -> bool:
    """True where transitions, discount, availability and ends are the same."""
    if old.transition.shape != new.transition.shape or old.discount != new.discount:
        return False
    before, after = (
        np.zeros(m.n_states, dtype=bool) if m.absorbing is None else m.absorbing for m in (old, new)
    )
    return bool(
        abs(old.transition - new.transition).max() == 0.0
        and np.array_equal(old.availability, new.availability)
        and np.array_equal(before, after)
    )


def _failed(
    outcome: Outcome, planner: str, world: TabularMDP, findings: tuple[Finding, ...]
) -> TransferValue:
    nothing: FloatArray = np.full(world.n_states, np.nan)
    return TransferValue(
        scaled=float("nan"),
        returns=dict.fromkeys(("planned", "uniform", "best"), float("nan")),
        visitation=nothing,
        policy=None,
        planner=planner,
        outcome=outcome,
        findings=findings,
    )


def _harm_finding(scaled: float) -> Finding:
    return Finding(
        code="negative-transfer",
        severity=Severity.WARNING,
        message=f"Acting on this reward here is worse than choosing at random ({scaled:.3f} on a scale where "
        "random is 0 and best is 1).",
        hint="Do not use it in these dynamics.",
        evidence={"scaled": scaled},
    )
