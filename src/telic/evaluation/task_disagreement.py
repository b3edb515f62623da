"""Tasks on which the rewards that are still possible disagree most: start states, goals, changed worlds.

In each task the policy that is best for the mean reward is compared with the best policy of each possible reward ``w``:

    loss_w(s) = V*_w(s) - f(s) w,    f(s) the features that the policy collects from s on.

Its mean over the possible rewards is the expected regret of acting there now; of all policies that one has the least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from telic.errors import NumericalError, SettingsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.planning import policy_system
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardPosterior
from telic.typing import FloatArray

from .acting_regret import best_policy, picked_rewards, unsolved_findings

__all__ = ["TaskDisagreement", "TaskRow", "task_disagreement"]

TIE = 1e-9
"""Loss, relative to the largest value, that rounding can make of none."""


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """A task and what acting on the mean reward may lose there.

    Attributes:
        task: its name.
        regret: expected, in units of reward.
        worst: under the possible reward that is hardest on it.
        probability: share of the possible rewards under which it loses something.
        value: mean value of the best policies.
    """

    task: str
    regret: float
    worst: float
    probability: float
    value: float

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class TaskDisagreement:
    """Tasks, the one where the possible rewards disagree most first.

    Attributes:
        tasks: ranked by expected regret.
        n_draws: possible rewards.
        findings: about the draws.
    """

    tasks: tuple[TaskRow, ...]
    n_draws: int
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``."""
        return Outcome.SUCCESS

    def to_json(self) -> dict[str, Any]:
        """The tasks as JSON-able values."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "n_draws": self.n_draws,
            "tasks": [t.to_json() for t in self.tasks],
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The tasks as a report."""
        table = Table(
            title="Tasks that the possible rewards disagree on most",
            columns=("task", "expected regret", "worst", "probability of a loss", "value"),
            rows=tuple((t.task, t.regret, t.worst, t.probability, t.value) for t in self.tasks),
            note=f"Of acting on the mean reward, over {self.n_draws:,} possible rewards.",
        )
        first = self.tasks[0]
        if first.regret > 0:
            headline = f"Most is at stake in {first.task}: expected regret {first.regret:.3g}."
        else:
            headline = "Nothing is at stake: in every task the possible rewards agree on what to do."
        return Report(
            title="Disagreement by task",
            headline=headline,
            sections=(Section(title="Tasks", items=(table, *self.findings), anchor="tasks"),),
            data=self.to_json(),
        )


def task_disagreement(
    worlds: TabularMDP | Mapping[str, TabularMDP],
    features: FeatureMap,
    rewards: RewardPosterior | FloatArray,
    *,
    n: int = 100,
    key: int = 0,
    most: int = 20,
) -> TaskDisagreement:
    """Tasks ranked by what acting on the mean of the possible rewards is expected to lose.

    Args:
        worlds: one world: each start state is a task; or name to world (goals, changed dynamics): each world with
            its own initial distribution is one.
        features: of the reward.
        rewards: a posterior, or ``(n, K)`` draws of the weights.
        n: possible rewards picked.
        key: of the pick.
        most: tasks returned.

    Raises:
        FeatureError: the draws have another number of features.
        NumericalError: no possible reward, or not their mean, has a best policy of finite value.
        SettingsError: there is no world, a world has no initial distribution, or a number is out of range.
    """
    if most < 1:
        raise SettingsError(f"`most` must be at least 1, got {most}.", hint="20 is usual.")
    draws, _ = picked_rewards(rewards, features, n=n, key=key)
    rows: list[TaskRow] = []
    findings: tuple[Finding, ...] = ()
    named = {"": worlds} if isinstance(worlds, TabularMDP) else dict(worlds)
    if not named:
        raise SettingsError("There is no world to look at.", hint="Name each: {'home': world, ...}.")
    for name, world in named.items():
        best, acted, notes = _values(world, features, draws)
        findings += notes
        lost = np.maximum(best - acted, 0.0)
        if name:
            if world.initial is None:
                raise SettingsError(
                    f"The world {name!r} has no initial distribution.", hint="Give it one: `initial`."
                )
            rows.append(_task(name, lost @ world.initial, best @ world.initial))
        else:
            labels = world.state_labels or tuple(f"state {s}" for s in range(world.n_states))
            ends = np.zeros(world.n_states, bool) if world.absorbing is None else world.absorbing
            rows += [_task(labels[s], lost[:, s], best[:, s]) for s in range(world.n_states) if not ends[s]]
    rows.sort(key=lambda row: -row.regret)
    return TaskDisagreement(tasks=tuple(rows[:most]), n_draws=len(draws), findings=findings)


def _task(name: str, lost: FloatArray, best: FloatArray) -> TaskRow:
    size = TIE * max(float(np.abs(best).max()), 1e-300)
    lost = np.where(lost > size, lost, 0.0)
    return TaskRow(
        task=name,
        regret=float(lost.mean()),
        worst=float(lost.max()),
        probability=float((lost > 0).mean()),
        value=float(best.mean()),
    )


def _values(
    world: TabularMDP, features: FeatureMap, draws: FloatArray
) -> tuple[FloatArray, FloatArray, tuple[Finding, ...]]:
    """``(n, S)`` value of the best policy, and of the policy that is best for the mean, under each reward."""
    solutions = [best_policy(world, features, w) for w in draws]
    notes = unsolved_findings(solutions)
    kept = [i for i, s in enumerate(solutions) if s.outcome.ok]
    mean = best_policy(world, features, draws[kept].mean(axis=0))
    if not mean.outcome.ok:
        raise NumericalError(
            f"The mean of the possible rewards has no best policy of finite value ({mean.outcome.label}).",
            hint=mean.outcome.value,
            outcome=mean.outcome.label,
        )
    amounts = policy_system(world, mean.policy.table).solve(_collected(features, world, mean.policy.table))
    return np.array([solutions[i].value for i in kept]), draws[kept] @ np.asarray(amounts).T, notes


def _collected(features: FeatureMap, world: TabularMDP, policy: FloatArray) -> FloatArray:
    """``(S, K)`` features of one decision in each state."""
    S, A, K = world.n_states, world.n_actions, features.n_features
    if features.form == "S":
        rows: Any = features.values
        here = policy.sum(axis=1)
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return np.asarray(here[:, None] * dense)
    if isinstance(features.values, np.ndarray):
        return np.asarray(np.einsum("sa,sak->sk", policy, features.values.reshape(S, A, K)))
    pick = sp.csr_array((policy.ravel(), np.arange(S * A), np.arange(0, S * A + 1, A)), shape=(S, S * A))
    return np.asarray((pick @ features.values).todense())
