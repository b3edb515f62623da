"""The inverse problem posed: from a contract and its data to states, dynamics, features and a held-out part.

Choice sets that the log records narrow what the states offer (``offered_states``), so every verb that poses a problem,
at whatever resolution and discount, sees decisions among what could be taken.

Everything here is cheap and deterministic, so it is made again when asked for, at any resolution and
discount, and never stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from telic.contract import TaskContract
from telic.datasets.splits import split
from telic.errors import DataError, DynamicsError
from telic.features import FeatureMap, degenerate_features
from telic.features import from_contract as features_from_contract
from telic.mdp import DynamicsEstimate, FiniteHorizonMDP, StateSpace, TabularMDP, estimate_dynamics
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, LongArray

from .choice_sets import SeenSets
from .environments import Environment, environment_of_trajectories, environments_of
from .offered_states import placed
from .origins import learned_from

__all__ = ["Problem", "World", "pose", "with_discount"]

World: TypeAlias = TabularMDP | FiniteHorizonMDP

EXOGENEITY_LEVEL = 0.05
"""Level of the (Holm-adjusted) tests of what the contract declares exogenous."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What a method of inference needs, and what its answer is judged on.

    Attributes:
        contract: the task.
        space: the states.
        train: decisions that weights are fitted to.
        held_out: decisions kept for judging; may have none.
        dynamics: estimated from ``train``.
        world: the dynamics as the contract's horizon wants them; of several environments, side by side.
        features: candidate terms of the reward on the states.
        findings: what cutting, estimating and evaluating features noticed.
        origins: whose trajectories were asked for; None: the default.
        available: ``(S, A)`` what could be taken by the recorded choice sets; None: everything, or nobody knows.
        sets: the choice sets, where they are an observation of the state; else None.
    """

    contract: TaskContract
    space: StateSpace
    train: Demonstrations
    held_out: Demonstrations
    dynamics: DynamicsEstimate
    world: World
    features: FeatureMap
    findings: tuple[Finding, ...]
    origins: tuple[str, ...] | None = None
    available: BoolArray | None = None
    sets: SeenSets | None = None
    _resampled: dict[tuple[int, int], tuple[TabularMDP, ...]] = field(default_factory=dict, repr=False)

    def resampled_worlds(self, count: int, key: int) -> tuple[World, ...]:
        """The world re-estimated from source trajectories drawn with replacement, in each environment as
        many as there are.

        Args:
            count: number of re-estimates.
            key: random key.
        """
        known = self._resampled.get((count, key))
        if known is None:
            rng, layers = np.random.default_rng(key), self._source_trajectories()
            drawn = (
                self.train.select(
                    np.concatenate(
                        [pieces[i] for pieces in layers for i in rng.integers(0, len(pieces), len(pieces))]
                    )
                )
                for _ in range(count)
            )
            known = tuple(
                _dynamics(self.contract, d, self.space, self.available, with_tests=False).mdp for d in drawn
            )
            self._resampled[count, key] = known
        return tuple(_world(self.contract, mdp, self.world.discount) for mdp in known)

    def encode(self, demos: Demonstrations) -> Demonstrations:
        """Measured decisions with states of this problem, whoever made them.

        Args:
            demos: measurements under the contract, with the choice sets that were recorded.

        Raises:
            DataError: an observation is missing or has values outside its declared range.
        """
        return self.space.encode(self.with_sets(demos))

    def with_sets(self, demos: Demonstrations) -> Demonstrations:
        """Measured decisions with the observation of their choice set, where it is part of the state.

        Args:
            demos: measurements under the contract.
        """
        return demos if self.sets is None else self.sets.on(demos)

    @property
    def has_spread_of_dynamics(self) -> bool:
        """Whether ``resampled_worlds`` differ: some environment has two source trajectories."""
        return any(len(pieces) > 1 for pieces in self._source_trajectories())

    @property
    def findings_of_spread(self) -> tuple[Finding, ...]:
        """Which estimated dynamics come from one source trajectory, so that resamples of it are all the same."""
        layers = self._source_trajectories()
        lone = [layer[0][0] for layer in layers if len(layer) == 1]
        if not lone:
            return ()
        name, (states, _) = self.contract.dynamics.environment, self.train.require_states()
        found = environment_of_trajectories(self.space, name, states, self.train.offsets)
        places = [self.environments[found[i]].label for i in lone] if self.environments else []
        return (
            Finding(
                code="one-trajectory-dynamics",
                severity=Severity.WARNING,
                message=(
                    (f"The dynamics of {', '.join(places)} are" if places else "The dynamics are")
                    + " estimated from one trajectory"
                    + (" each" if len(places) > 1 else "")
                    + ": their error cannot be told and is counted as zero, so the intervals are too narrow."
                ),
                hint="Collect more trajectories there"
                + (", or leave that environment out." if places else ", or cut the log into more of them."),
                evidence={"environments": places, "n_trajectories": [1] * len(lone)},
            ),
        )

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where trajectories happened; empty where the contract names no environment."""
        return environments_of(self.space, self.contract.dynamics.environment)

    def _source_trajectories(self) -> list[list[LongArray]]:
        """For each environment, the trajectories of every source trajectory."""
        source, (states, _) = source_index(self.train), self.train.require_states()
        where = environment_of_trajectories(
            self.space, self.contract.dynamics.environment, states, self.train.offsets
        )
        layers = []
        for e in np.unique(where):
            own = np.flatnonzero(where == e)
            own = own[np.argsort(source[own], kind="stable")]
            layers.append(np.split(own, np.flatnonzero(np.diff(source[own])) + 1))
        return layers


def pose(
    contract: TaskContract,
    demos: Demonstrations,
    *,
    scale: float = 1.0,
    discount: float | None = None,
    held_out: float | None = None,
    origins: Sequence[str] | None = None,
) -> Problem:
    """The inverse problem of a contract and its data.

    Args:
        contract: the task.
        demos: measurements; all of them place the states, only the training part makes dynamics and weights.
        scale: factor on the numbers of bins.
        discount: instead of that of the contract.
        held_out: share of trajectories kept out of fitting, instead of that of the contract.
        origins: whose trajectories are learned from; None: people's and rules' (``telic.workflows.origins``).

    Raises:
        ContractError: the contract does not fit the data.
        DataError: values are missing or out of range, or nothing is left to fit.
        SettingsError: the decisions are a policy's, and ``origins`` does not name it.
        DynamicsError: nothing is discounted, and no trajectory ends.
        FeatureError: features are constant or collinear at the resolution of the contract.
    """
    demos = learned_from(demos, contract, origins)
    share = contract.data.held_out if held_out is None else held_out
    found = placed(contract, demos, scale=scale, held_out=share)
    space, encoded = found.space, found.demos
    train, kept = split(encoded, contract.data, held_out=share)
    if not train.n_decisions:
        raise DataError(
            f"No decision is left to fit: {demos.n_trajectories} trajectories, {share:.0%} of them held out.",
            hint="Set `data.held_out: 0`, or cut the log into more trajectories.",
        )
    gamma = contract.timing.discount if discount is None else discount
    _require_end(contract, train, gamma)
    dynamics = _dynamics(contract, train, space, found.available, with_tests=scale == 1.0)
    # At other resolutions features may become collinear that are not so in themselves.
    features = features_from_contract(contract, space.cells, strict=scale == 1.0)
    degenerate = () if scale == 1.0 else degenerate_features(features)
    return Problem(
        contract=contract,
        space=space,
        train=train,
        held_out=kept,
        dynamics=dynamics,
        world=_world(contract, dynamics.mdp, gamma),
        features=features,
        findings=(*found.findings, *encoded.findings, *space.findings, *dynamics.findings, *degenerate),
        origins=None if origins is None else tuple(origins),
        available=found.available,
        sets=found.sets,
    )


def with_discount(problem: Problem, discount: float) -> Problem:
    """The same problem under another discount; dynamics and features stay."""
    return replace(problem, world=replace(problem.world, discount=discount))


def _require_end(contract: TaskContract, demos: Demonstrations, discount: float) -> None:
    """Undiscounted, a task must end: in a column that says so, or after a fixed number of steps."""
    if discount < 1.0 or contract.timing.horizon is not None or demos.terminated.any():
        return
    column = contract.outcomes.terminated
    raise DynamicsError(
        "Discount 1 counts every later decision in full, so the task has to end; "
        + (
            f"`{column}` (outcomes.terminated) is true in none of {demos.n_trajectories:,} trajectories."
            if column is not None
            else "the contract names no column that says where it did."
        ),
        hint=(
            "Use a discount below 1 (`timing.discount` or --discount), name the column of ended tasks in"
            " `outcomes.terminated`, or give the number of decisions in `timing.horizon`."
        ),
        discount=discount,
    )


def _dynamics(
    contract: TaskContract,
    demos: Demonstrations,
    space: StateSpace,
    available: BoolArray | None,
    *,
    with_tests: bool,
) -> DynamicsEstimate:
    """The estimated dynamics; ``_world`` gives them the discount that is asked for."""
    return estimate_dynamics(
        demos,
        space,
        discount=0.0,
        n_actions=len(contract.actions.values),
        smoothing=contract.dynamics.smoothing,
        available=available,
        exogeneity_level=EXOGENEITY_LEVEL if with_tests else None,
        environment=contract.dynamics.environment,
    )


def _world(contract: TaskContract, mdp: TabularMDP, discount: float) -> World:
    horizon = contract.timing.horizon
    if horizon is None:
        return replace(mdp, discount=discount)
    return FiniteHorizonMDP(
        transition=mdp.transition,
        n_actions=mdp.n_actions,
        horizon=horizon,
        discount=discount,
        initial=mdp.initial,
        available=mdp.available,
        state_labels=mdp.state_labels,
        action_labels=mdp.action_labels,
        provenance=mdp.provenance,
    )
