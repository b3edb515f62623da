"""The likelihood that belongs to a kind of world."""

from __future__ import annotations

from telic.errors import DynamicsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.trajectories import Demonstrations

from .discounted import DiscountedLikelihood
from .finite import FiniteHorizonLikelihood
from .goal import GoalLikelihood
from .protocol import ClusteredLikelihood

__all__ = ["choice_likelihood"]


def choice_likelihood(
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    demos: Demonstrations,
    *,
    rationality: float = 1.0,
) -> ClusteredLikelihood:
    """The exact likelihood of demonstrated choices in this world.

    Args:
        world: its type decides the likelihood.
        features: phi.
        demos: decisions with states.
        rationality: inverse temperature.

    Raises:
        DynamicsError: there is no likelihood for this kind of world.
    """
    if isinstance(world, TabularMDP):
        return DiscountedLikelihood(world, features, demos, rationality)
    if isinstance(world, FiniteHorizonMDP):
        return FiniteHorizonLikelihood(world, features, demos, rationality)
    if isinstance(world, GoalConditionedMDP):
        return GoalLikelihood(world, features, demos, rationality)
    raise DynamicsError(
        f"There is no likelihood for a world of type {type(world).__name__}.",
        hint="Use a TabularMDP, a FiniteHorizonMDP or a GoalConditionedMDP.",
    )
