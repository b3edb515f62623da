"""From easy to hard: the spreads of a world's numbers move on when enough episodes succeed.

Level l of L lies a share ``l / (L - 1)`` of the way from the easy spreads to the hard ones. Episodes that began at the
present level are judged when they are over; when there are ``n_judged`` of them and at least ``share`` of the last so
many reached the return ``enough``, the level rises by one and judging begins anew. It never falls. All of it is a part
of the state of a learner, inside compiled code.

References:
    Florensa, Held, Wulfmeier, Zhang and Abbeel (2017), Reverse curriculum generation for reinforcement learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.errors import SettingsError

from .returns import Returns
from .simulators.randomised import Spread, check_spreads, world_of
from .simulators.simulator import Simulator

__all__ = ["Curriculum", "Progress"]


class Progress(NamedTuple):
    """How far a run is.

    Attributes:
        level: of episodes that begin now, from 0.
        judged: 1 for each of the last episodes of the level that succeeded, else 0.
    """

    level: Any
    judged: Returns


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """What moves on.

    Attributes:
        make: from numbers by name to the world.
        easy: spreads of the numbers at the first level.
        hard: at the last; of the same names.
        enough: return from which an episode counts as a success.
        n_levels: at least 2.
        n_judged: episodes that are looked at.
        share: of them that must succeed. More is slower and safer.

    Raises:
        SettingsError: names differ, a spread is none, or a size lies outside its range.
    """

    make: Callable[..., Simulator] = field(metadata={"static": True})
    easy: dict[str, Spread]
    hard: dict[str, Spread]
    enough: Any
    n_levels: int = field(default=5, metadata={"static": True})
    n_judged: int = field(default=50, metadata={"static": True})
    share: Any = 0.8

    def __post_init__(self) -> None:
        if self.easy.keys() != self.hard.keys():
            raise SettingsError(
                f"`easy` and `hard` must draw the same numbers, got {sorted(self.easy)} and {sorted(self.hard)}.",
                hint="A number that does not change has the same spread in both.",
            )
        if self.n_levels < 2 or self.n_judged < 1:
            raise SettingsError(
                f"`n_levels` must be at least 2 and `n_judged` at least 1, got {self.n_levels} and {self.n_judged}.",
                hint="5 levels, judged by 50 episodes, are a beginning.",
            )

    def simulator(self) -> Simulator:
        """The world at the last level, which is what is to be learned.

        Raises:
            SettingsError: nothing can be drawn from a spread.
        """
        check_spreads(self.easy)
        check_spreads(self.hard)
        return world_of(self.make, self.hard, self.n_levels - 1)

    def at(self, level: Any) -> Simulator:
        """The world at a level."""
        share = jnp.asarray(level, jnp.float32) / (self.n_levels - 1)
        spreads = {name: self.easy[name].towards(self.hard[name], share) for name in self.easy}
        return world_of(self.make, spreads, level)

    def init(self) -> Progress:
        """At the beginning of a run."""
        return Progress(level=jnp.zeros((), jnp.int32), judged=Returns.none(self.n_judged))

    def after(self, progress: Progress, over: Any, returned: Any, level: Any) -> Progress:
        """How far a run is after decisions.

        Args:
            progress: before them.
            over: ``(T, E)`` where an episode was over.
            returned: ``(T, E)`` its return there.
            level: ``(T, E)`` at which it began.
        """
        succeeded = (returned >= self.enough).astype(jnp.float32)
        judged = progress.judged.added(over & (level == progress.level), succeeded)
        rises = (
            (judged.n_episodes >= self.n_judged)
            & (judged.mean >= self.share)
            & (progress.level < self.n_levels - 1)
        )
        none = Returns.none(self.n_judged)
        return Progress(
            level=progress.level + rises,
            judged=jax.tree.map(lambda a, b: jnp.where(rises, a, b), none, judged),
        )
