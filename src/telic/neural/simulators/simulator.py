"""A world as two pure functions: how an episode begins, and what a decision leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from telic.policies.heads import CategoricalHead, GaussianHead, MultiCategoricalHead

__all__ = ["Amounts", "Choices", "SeveralChoices", "Simulator", "Step", "functions_of"]


class Step(NamedTuple):
    """What a decision led to.

    Attributes:
        state: of the world.
        observation: ``(D,)`` of it.
        reward: for the decision.
        terminated: whether the task ended by itself; a cut by ``horizon`` is no end.
        costs: ``(K,)`` for the decision, beside the reward; None where the world tells none.
        discount: of what comes after the decision, where decisions last differently long; None: the learner's own.
    """

    state: Any
    observation: Any
    reward: Any
    terminated: Any
    costs: Any = None
    discount: Any = None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Actions that are one of ``n_actions`` alternatives."""

    n_actions: int

    def head(self) -> CategoricalHead:
        """The family of distributions of such actions."""
        return CategoricalHead(n_actions=self.n_actions)


@dataclass(frozen=True, kw_only=True)
class SeveralChoices:
    """Actions that are several choices at once, of so many alternatives each."""

    counts: tuple[int, ...]

    def head(self) -> MultiCategoricalHead:
        """The family of distributions of such actions."""
        return MultiCategoricalHead(counts=self.counts)


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Actions that are amounts between bounds, one pair a dimension."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def head(self, *, is_squashed: bool = False, n_components: int = 1) -> GaussianHead:
        """The family of distributions of such actions."""
        return GaussianHead(low=self.low, high=self.high, is_squashed=is_squashed, n_components=n_components)


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A world of one stream; batches are made by ``vmap``.

    Attributes:
        name: what it stands for, such as ``CartPole-v1``.
        n_observations: D.
        actions: what can be done.
        horizon: decisions after which an episode is cut off; 0: not known.
        reset: from a key to ``(state, observation)``.
        step: from ``(state, action, key)`` to a ``Step``.
        costs: names of the costs that a step tells, in their order; ``with_costs`` adds them to any world.
    """

    name: str
    n_observations: int
    actions: Choices | SeveralChoices | Amounts
    horizon: int
    reset: Callable[[Any], tuple[Any, Any]]
    step: Callable[[Any, Any, Any], Step]
    costs: tuple[str, ...] = ()


def functions_of(make: Callable[..., tuple[Any, Any]], *numbers: Any) -> tuple[Any, Any]:
    """``reset`` and ``step`` of a world with these numbers; the same functions each time where they are plain.

    What is the same function is compiled once. Numbers that are drawn inside compiled code are not plain.

    Args:
        make: from the numbers to the functions.
        numbers: of the world.
    """
    is_plain = all(isinstance(number, int | float) for number in numbers)
    return _once(make, *map(float, numbers)) if is_plain else make(*numbers)


@cache
def _once(make: Callable[..., tuple[Any, Any]], *numbers: float) -> tuple[Any, Any]:
    return make(*numbers)
