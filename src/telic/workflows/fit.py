"""A fit: the inferred reward together with the data and the world that it came from.

An estimate alone answers what the weights are; with its world it can be asked what the policy would be, with
its data how well that is borne out, with both what the data cannot tell and what would change under a change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.inference.counterfactual import counterfactual
from telic.inference.counterfactual_result import Counterfactual
from telic.inference.dynamics_errors import DynamicsErrors
from telic.inference.identifiability import Identifiability, identifiability
from telic.inference.time_varying_result import TimeVaryingWeights
from telic.inference.tradeoffs import (
    Tradeoff,
    all_tradeoffs,
    default_pairs,
    preferred_kind,
    tradeoff_table,
)
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.planning import solve_soft, solve_soft_finite
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Report, Section
from telic.rewards import LinearReward, MeasuredReward, RewardEstimate, RewardPosterior, TabularReward
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .covariance_result import covariance_json
from .intents import FoundIntents
from .intents_result import intents_json
from .posterior_result import posterior_json
from .suspects import FoundSuspects, suspects_json
from .weights_over_time import over_time_json

__all__ = ["Fit"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A reward, its data and its world.

    Attributes:
        estimate: weights, errors, gauge, nullity.
        world: the dynamics that were used.
        features: candidate terms of the reward.
        demos: the decisions that were fitted, with states.
        held_out: decisions that no fit has seen, or None.
        pairs: trade-offs that were asked for; empty: every feature against the best-determined one.
        dynamics_errors: what estimated dynamics add to the errors, or None where they are known or it was not
            asked.
        level: coverage of intervals.
        kind: of standard error behind them; None: the one that assumes least.
        posterior: of the weights, conditional on ``world``; None where it was not asked for.
        posterior_file: name of the file with its draws; "" where none was written.
        intents: a mixture of intents among the decisions; None where none was sought.
        suspects: the fit that weighs demonstrators by the evidence about them; None where it was not asked for.
        over_time: weights by block of time; None where they were not asked for.
    """

    estimate: RewardEstimate
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
    features: FeatureMap
    demos: Demonstrations
    held_out: Demonstrations | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    dynamics_errors: DynamicsErrors | None = None
    level: float = 0.95
    kind: str | None = None
    posterior: RewardPosterior | None = None
    posterior_file: str = ""
    intents: FoundIntents | None = None
    suspects: FoundSuspects | None = None
    over_time: TimeVaryingWeights | None = None

    @property
    def reward(self) -> LinearReward | TabularReward | MeasuredReward:
        """The point estimate in its own form."""
        return self.estimate.reward

    @property
    def outcome(self) -> Outcome:
        """Why the fit stopped; only ``SUCCESS`` may be used."""
        return self.estimate.outcome

    @cached_property
    def with_all_errors(self) -> RewardEstimate:
        """The estimate whose covariances include what estimated dynamics add."""
        return self.estimate if self.dynamics_errors is None else self.dynamics_errors.added_to(self.estimate)

    @cached_property
    def error_kind(self) -> str:
        """The kind of standard error behind the intervals; "" where there is none."""
        return preferred_kind(self.estimate, self.kind)

    def tradeoffs(
        self, *, level: float | None = None, kind: str | None = None, method: str = "fieller"
    ) -> tuple[Tradeoff, ...]:
        """What one unit of a feature is worth in units of another.

        Args:
            level: coverage, instead of that of the fit.
            kind: of standard error, instead of that of the fit.
            method: ``"fieller"`` or ``"delta"``.
        """
        # Without pairs of the contract they are chosen once, so that another kind of error shows the same ones.
        return all_tradeoffs(
            self.with_all_errors,
            self.pairs or default_pairs(self.with_all_errors, kind=self.kind),
            level=self.level if level is None else level,
            kind=self.kind if kind is None else kind,
            method=method,
        )

    def identifiability(self) -> Identifiability:
        """Which directions of the weights no data from this world, and which these data, can tell."""
        return identifiability(
            self.world,
            self.features,
            demos=self.demos,
            weights=self.estimate.weights if self.outcome.ok else None,
            rationality=self.estimate.gauge.rationality,
        )

    def counterfactual(self, **change: Any) -> Counterfactual:
        """What the same people would do if a weight, the world or the features changed, with errors.

        Args:
            **change: as ``telic.inference.counterfactual``: ``scale={"pod_hours": 2.0}`` doubles a price.
        """
        if isinstance(self.world, GoalConditionedMDP):
            raise SettingsError(
                "Choose a destination first.",
                hint="telic.inference.counterfactual.world_of_goal(world, goal)",
            )
        return counterfactual(self.with_all_errors, self.world, level=self.level, kind=self.kind, **change)

    @cached_property
    def policy(self) -> TabularPolicy:
        """The policy that the fit predicts: soft-optimal for its reward."""
        return soft_policy(self.world, self.reward, self.estimate.gauge.rationality)[0]

    @cached_property
    def value(self) -> FloatArray:
        """``(S,)`` soft value of each state (with all decisions left, where their number is finite)."""
        return soft_policy(self.world, self.reward, self.estimate.gauge.rationality)[1]

    @cached_property
    def table(self) -> FloatArray:
        """``(S, A)`` expected reward of each state and action.

        Raises:
            SettingsError: the reward is one of measurements.
        """
        return _on_table(self.reward, self.world)

    @cached_property
    def scores(self) -> Any:
        """Held-out likelihood beside uniform choice and cloning (``telic.evaluation.HeldOut``), or None."""
        from telic.evaluation import held_out

        if self.held_out is None or not self.held_out.n_decisions or not self.outcome.ok:
            return None
        return held_out(
            {"reward": self.policy},
            self.held_out,
            train=self.demos,
            n_states=self.world.n_states,
            n_actions=self.world.n_actions,
            available=self.world.available,
            level=self.level,
        )

    def of(self, demonstrator: str, estimate: RewardEstimate, errors: DynamicsErrors | None) -> Fit:
        """The fit of one demonstrator in the same world.

        Args:
            demonstrator: pseudonym.
            estimate: fitted to that demonstrator's decisions.
            errors: what estimated dynamics add to its errors.
        """
        return replace(
            self,
            estimate=estimate,
            demos=self.demos.of(demonstrator),
            held_out=None if self.held_out is None else self.held_out.of(demonstrator),
            dynamics_errors=errors,
            posterior=None,
            posterior_file="",
            intents=None,
            suspects=None,
            over_time=None,
        )

    def summary(self) -> Report:
        """Trade-offs first, then weights with their errors, gauge and nullity, and held-out likelihood."""
        inner = self.estimate.summary()
        found = self.tradeoffs() if self.outcome.ok else ()
        sections: list[Section] = []
        headline = inner.headline
        if found:
            headline = " ".join(t.sentence for t in found[:1])
            items: list[Any] = [t.sentence for t in found[1:]]
            sections.append(
                Section(title="Trade-offs", items=(*items, tradeoff_table(found)), anchor="tradeoffs")
            )
        sections += inner.sections
        if self.scores is not None:
            items = [self.scores.table, *self.scores.findings]
            sections.append(Section(title="Held-out decisions", items=tuple(items), anchor="held-out"))
        return Report(title=inner.title, headline=headline, sections=tuple(sections), data=self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The numbers of the fit (the keys of ``telic infer --json``)."""
        scores = self.scores
        return {
            **self.estimate.to_json(),
            "tradeoffs": [t.to_json() for t in self.tradeoffs()] if self.outcome.ok else [],
            "standard_errors_dynamics": None if self.dynamics_errors is None else self._dynamics_json(),
            "covariance": covariance_json(self),
            "held_out": None if scores is None else scores.to_json(),
            "posterior": None if self.posterior is None else posterior_json(self),
            "intents": intents_json(self),
            "suspects": suspects_json(self),
            "over_time": over_time_json(self),
        }

    def findings(self) -> tuple[Finding, ...]:
        """What the fit, its scores and the parts that were asked for noticed, about nobody by name."""
        return (
            *self.estimate.findings,
            *(() if self.scores is None else self.scores.findings),
            *(() if self.posterior is None else self.posterior.findings),
            *(() if self.intents is None else self.intents.findings),
            *(() if self.suspects is None else self.suspects.unnamed_findings),
            *(() if self.over_time is None else self.over_time.findings),
        )

    def _dynamics_json(self) -> dict[str, float | None]:
        assert self.dynamics_errors is not None
        known = self.estimate.is_identified
        errors = self.dynamics_errors.standard_errors.tolist()
        return {
            n: float(e) if ok else None for n, e, ok in zip(self.estimate.names, errors, known, strict=True)
        }


def soft_policy(
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    reward: LinearReward | TabularReward | MeasuredReward,
    rationality: float,
) -> tuple[TabularPolicy, FloatArray]:
    """The soft-optimal policy and the value of each state.

    Args:
        world: tabular, discounted or of finite horizon.
        reward: on its states.
        rationality: inverse temperature.

    Raises:
        SettingsError: the world has a destination a trajectory; ask ``solve_soft_goals`` then.
        NumericalError: the forward problem has no solution.
    """
    if isinstance(world, GoalConditionedMDP):
        raise SettingsError(
            "A world with a destination a trajectory has one policy for each destination.",
            hint="Use telic.planning.solve_soft_goals.",
        )
    table = _on_table(reward, world)
    if isinstance(world, FiniteHorizonMDP):
        finite = solve_soft_finite(world, table, rationality=rationality)
        return TabularPolicy(table=np.exp(finite.log_policy)), finite.value[0]
    solution = solve_soft(world, table, rationality=rationality, throw=True)
    return TabularPolicy(table=np.exp(solution.log_policy)), solution.value


def _on_table(
    reward: LinearReward | TabularReward | MeasuredReward,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
) -> FloatArray:
    if isinstance(reward, MeasuredReward):
        raise SettingsError(
            "A reward of measurements has no table to plan with.",
            hint="Evaluate its features on the states of a world first.",
        )
    return reward.expected(world)
