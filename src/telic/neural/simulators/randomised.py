"""A world whose numbers are drawn anew for each episode: what holds in all of them does not hang on one.

``make`` gives the world of some numbers, such as ``cartpole`` of the length of its pole; a ``Spread`` says between what
each number is drawn. The numbers of an episode are part of its state, and nothing of them is observed but by what
happens. A curriculum (``telic.neural.curriculum``) moves the spreads.

References:
    Peng, Andrychowicz, Zaremba and Abbeel (2018), Sim-to-real transfer of robotic control with dynamics randomization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.errors import SettingsError

from .simulator import Simulator, Step

__all__ = ["Drawn", "Spread", "randomised", "world_of"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where a number of a world is drawn from: evenly between two ends.

    Attributes:
        low: one end, in the unit of the number.
        high: the other; the same: it is fixed.
        is_log: whether its logarithm is drawn evenly instead; both ends lie above 0 then.
    """

    low: Any
    high: Any
    is_log: bool = field(default=False, metadata={"static": True})

    def draw(self, key: Any) -> Any:
        """A number."""
        if self.is_log:
            return jnp.exp(jax.random.uniform(key, (), jnp.float32, jnp.log(self.low), jnp.log(self.high)))
        return jax.random.uniform(key, (), jnp.float32, self.low, self.high)

    def towards(self, other: Spread, share: Any) -> Spread:
        """The spread whose ends lie that share of the way to those of another."""
        return replace(
            self,
            low=(1.0 - share) * self.low + share * other.low,
            high=(1.0 - share) * self.high + share * other.high,
        )


class Drawn(NamedTuple):
    """The state of an episode.

    Attributes:
        numbers: of its world, by name.
        level: of the curriculum when it began; 0 without one.
        inner: state of the world.
    """

    numbers: dict[str, Any]
    level: Any
    inner: Any


def randomised(make: Callable[..., Simulator], spreads: Mapping[str, Spread]) -> Simulator:
    """The world with numbers that are drawn at the beginning of each episode.

    Args:
        make: from numbers by name to the world; what is observed, what can be done and the horizon must not depend on
            them.
        spreads: of the numbers, by the names that ``make`` takes.

    Raises:
        SettingsError: there is no spread, or one is of no width that can be drawn from.
    """
    check_spreads(spreads)
    return world_of(make, dict(spreads), 0)


def check_spreads(spreads: Mapping[str, Spread]) -> None:
    """Refuse spreads that nothing can be drawn from.

    Raises:
        SettingsError: there is none, or ends are not finite and in order, or not above 0 where they must be.
    """
    if not spreads:
        raise SettingsError(
            "At least one number must be drawn, got none.", hint="Or take the world as it is."
        )
    for name, spread in spreads.items():
        low, high = float(spread.low), float(spread.high)
        if not -float("inf") < low <= high < float("inf") or (spread.is_log and low <= 0):
            raise SettingsError(
                f"`{name}` must be drawn between finite ends in order"
                f"{', above 0' if spread.is_log else ''}, got {low} and {high}.",
                hint="The lower one first.",
            )


def world_of(make: Callable[..., Simulator], spreads: dict[str, Spread], level: Any) -> Simulator:
    """The world whose episodes begin with numbers from these spreads, which may be values of compiled code.

    Args:
        make: from numbers by name to the world.
        spreads: of the numbers.
        level: that is noted in the state.
    """
    like = make(**{name: spread.low for name, spread in spreads.items()})

    def reset(key: Any) -> tuple[Any, Any]:
        key_numbers, key_inner = jax.random.split(key)
        keys = jax.random.split(key_numbers, len(spreads))
        numbers = {name: spreads[name].draw(keys[i]) for i, name in enumerate(sorted(spreads))}
        inner, observation = make(**numbers).reset(key_inner)
        return Drawn(numbers=numbers, level=jnp.asarray(level, jnp.int32), inner=inner), observation

    def step(state: Any, action: Any, key: Any) -> Step:
        made = make(**state.numbers).step(state.inner, action, key)
        return made._replace(state=state._replace(inner=made.state))

    return replace(like, name=f"{like.name}, {', '.join(sorted(spreads))} drawn", reset=reset, step=step)
