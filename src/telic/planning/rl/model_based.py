"""Offline learning in learned dynamics, held back by what they do not know: SAC or DQN in the penalised world.

Dynamics are learned from the record; a policy is learned by trying in them, in short episodes that begin at recorded
observations, with a reward that is less where the members of the ensemble differ (``telic.neural.learned_world``). The
world of the record is never tried. A policy found this way comes with a promise, what the dynamics without the penalty
say it will collect, and with how far to believe that: how much the members' promises differ, and how many of its
decisions lead beyond what was recorded.

References:
    Yu and others (2020), MOPO: model-based offline policy optimization, algorithm 1. Here all rows that are learned
    from are of the learned world, and the uncertainty is the disagreement between members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.driver import Trained, train
from telic.neural.dynamics import Dynamics
from telic.neural.dynamics_fit import DynamicsSettings, FittedDynamics, fit_dynamics
from telic.neural.learned_world import actions_of, learned_world
from telic.neural.simulators.simulator import Simulator
from telic.neural.transitions import Transitions
from telic.policies import NetworkPolicy
from telic.policies.heads import CategoricalHead
from telic.reports import Finding

from .dqn import Dqn
from .promise import Promise, promise
from .sac import Sac

__all__ = ["ModelBased", "ModelBasedPolicy", "learn_in_dynamics"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ModelBased:
    """The learner; its state is that of the agent inside.

    Attributes:
        agent: soft actor-critic for amounts, deep Q-learning for choices; its simulator only says what actions are.
        dynamics: the ensemble.
        starts: ``(n, D)`` recorded observations, where episodes begin.
        penalty: lambda, what a unit of disagreement costs, in standard deviations of the recorded reward. More stays
            nearer to the record; 0 believes the dynamics everywhere.
        length: decisions of an episode in the dynamics.
    """

    agent: Sac | Dqn
    dynamics: Dynamics
    starts: Any
    penalty: Any
    length: int = field(default=5, metadata={"static": True})

    @classmethod
    def of(
        cls, dynamics: Dynamics, data: Transitions, *, penalty: Any = None, length: int = 5, **settings: Any
    ) -> ModelBased:
        """The learner of a record.

        Args:
            dynamics: learned from it.
            data: the record.
            penalty: lambda; None: 1 / (1 - discount), as if all that comes after an error were lost.
            length: of episodes.
            settings: of ``Sac`` (amounts) or ``Dqn`` (choices); by default 32 streams of 100 decisions a step.

        Raises:
            SettingsError: the record is not of the same space as the dynamics, or a number lies outside its range.
        """
        if data.head != dynamics.head or data.observations.shape[1] != dynamics.n_observations:
            raise SettingsError(
                f"The dynamics are of {dynamics.n_observations} observations and {dynamics.head}, the record of"
                f" {data.observations.shape[1]} and {data.head}.",
                hint="Learn the dynamics from this record, or from one of the same columns and bounds.",
            )
        if length < 1 or (penalty is not None and not np.all(np.asarray(penalty) >= 0)):
            raise SettingsError(
                f"`length` must be at least 1 and `penalty` at least 0, got {length} and {penalty}.",
                hint="0 believes the dynamics everywhere.",
            )
        kind = Dqn if isinstance(data.head, CategoricalHead) else Sac
        space = _space(dynamics)
        agent = kind(**{"simulator": space, "n_envs": 32, "n_steps": 100, "capacity": 32 * 2_000, **settings})
        return cls(
            agent=agent,
            dynamics=dynamics,
            starts=jnp.asarray(data.observations),
            penalty=1.0 / (1.0 - agent.discount) if penalty is None else penalty,
            length=length,
        )

    @property
    def world(self) -> Simulator:
        """The penalised world; observations are scaled."""
        return learned_world(
            self.dynamics, self.starts, horizon=self.length, penalty=self.penalty, is_scaled=True
        )

    @property
    def inner(self) -> Sac | Dqn:
        """The agent in the penalised world, whose numbers are those of this learner, traced ones too."""
        return replace(self.agent, simulator=self.world)

    def init(self, key: Any) -> Any:
        """The state before the first update."""
        return self.inner.init(key)

    def step(self, state: Any) -> tuple[Any, dict[str, Any]]:
        """A step of the agent in the dynamics; ``mean_return`` is of short penalised episodes, not a promise."""
        return self.inner.step(state)

    def policy(self, state: Any) -> NetworkPolicy:
        """The policy of a state, for observations in the units of the record."""
        return replace(
            self.agent.policy(state),
            shift=np.asarray(self.dynamics.shift, np.float32),
            scale=np.asarray(self.dynamics.scale, np.float32),
        )


@dataclass(frozen=True, kw_only=True)
class ModelBasedPolicy:
    """What learning in dynamics came to.

    Attributes:
        policy: to act by.
        promise: what the dynamics say that it collects, and how far to believe it.
        fitted: the dynamics and how good they are.
        trained: the run of the agent.
        findings: what was noticed, by all of these.
    """

    policy: NetworkPolicy
    promise: Promise
    fitted: FittedDynamics
    trained: Trained
    findings: tuple[Finding, ...]


def learn_in_dynamics(
    data: Transitions,
    *,
    starts: Any,
    horizon: int,
    discount: float,
    n_rounds: int = 50,
    penalty: float | None = None,
    length: int = 5,
    ends: Callable[[Any, Any, Any], Any] | None = None,
    dynamics: DynamicsSettings | FittedDynamics | None = None,
    key: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    **settings: Any,
) -> ModelBasedPolicy:
    """A policy from records alone, through learned dynamics, with what it promises.

    Args:
        data: recorded transitions.
        starts: ``(n, D)`` observations where tasks begin; the promise is of these.
        horizon: decisions of a task, for the promise.
        discount: gamma, of learning and of the promise.
        n_rounds: steps of the loop, each of ``n_steps`` decisions of all streams of the agent.
        penalty: lambda; None: 1 / (1 - discount).
        length: decisions of an episode in the dynamics.
        ends: as in ``fit_dynamics``.
        dynamics: how they are learned, or those that were.
        key: random key of the whole run.
        progress: as in ``train``, of the agent.
        settings: of the agent, as in ``ModelBased.of``.

    Raises:
        DataError: there are too few rows, or starts do not fit.
        NumericalError: training became not finite.
        SettingsError: a setting lies outside its range.
    """
    fitted = (
        dynamics
        if isinstance(dynamics, FittedDynamics)
        else fit_dynamics(data, ends=ends, settings=dynamics, key=key)
    )
    learner = ModelBased.of(
        fitted.dynamics, data, penalty=penalty, length=length, discount=discount, **settings
    )
    trained = train(learner, key, n_rounds, progress=progress)
    policy = learner.policy(trained.answer())
    told = promise(fitted.dynamics, policy, data, starts, horizon=horizon, discount=discount, key=key)
    return ModelBasedPolicy(
        policy=policy,
        promise=told,
        fitted=fitted,
        trained=trained,
        findings=(*fitted.findings, *trained.findings, told.finding),
    )


def _space(dynamics: Dynamics) -> Simulator:
    """What observations and actions are like, equal for equal spaces, so that one compiled step serves all dynamics."""
    return Simulator(
        name="learned dynamics",
        n_observations=dynamics.n_observations,
        actions=actions_of(dynamics.head),
        horizon=1,
        reset=_not_here,
        step=_not_here,
    )


def _not_here(*given: Any) -> Any:
    raise AssertionError(
        f"The world of `ModelBased` is its `world`; this one was asked for {len(given)} things."
    )
