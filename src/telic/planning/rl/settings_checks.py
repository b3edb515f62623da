"""What settings of proximal policy optimisation must be, before anything is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telic.errors import SettingsError

if TYPE_CHECKING:
    from .ppo import Ppo

__all__ = ["check_curriculum", "check_settings", "require_plain"]


def check_settings(learner: Ppo) -> None:
    """Refuse sizes outside their ranges, and a leash that does not fit the world.

    Raises:
        SettingsError: named by what differs.
    """
    sizes = {name: getattr(learner, name) for name in ("n_envs", "n_steps", "n_epochs", "n_minibatches")}
    low = [name for name, size in sizes.items() if size < 1]
    if low:
        raise SettingsError(
            f"`{low[0]}` must be at least 1, got {sizes[low[0]]}.", hint="Sizes are whole numbers."
        )
    if learner.n_envs % learner.n_minibatches:
        raise SettingsError(
            f"`n_minibatches` must divide `n_envs`, got {learner.n_minibatches} and {learner.n_envs}.",
            hint="A part of a pass is whole streams.",
        )
    if learner.memory < 0:
        raise SettingsError(
            f"`memory` must be at least 0, got {learner.memory}.", hint="32 remembers some numbers."
        )
    if learner.leash is not None:
        _check_leash(learner)


def require_plain(learner: Ppo, where: str) -> None:
    """Refuse what a learner that is made of this one does not do.

    Args:
        learner: settings.
        where: what the other does.

    Raises:
        SettingsError: a memory, a leash or a curriculum is set.
    """
    for name, off in (("memory", 0), ("leash", None), ("curriculum", None)):
        value = getattr(learner, name)
        if value != off:
            told = value if name == "memory" else "one"
            raise SettingsError(f"{where} takes no `{name}`, got {told}.", hint="Leave it out.")


def _check_leash(learner: Ppo) -> None:
    leash, world = learner.leash, learner.simulator
    assert leash is not None
    if learner.memory or learner.scales_observations:
        raise SettingsError(
            "A policy that is held to another has no memory of its own and keeps the scaling of that, got"
            f" `memory` {learner.memory} and `scales_observations` {learner.scales_observations}.",
            hint="Leave both out.",
        )
    if leash.head != learner.head:
        raise SettingsError(
            f"The policy to stay near has actions {leash.head}, the world {learner.head}.",
            hint="Clone it with the head of the world, `simulator.actions.head()`.",
        )
    if leash.n_observations != world.n_observations:
        raise SettingsError(
            f"The policy to stay near observes {leash.n_observations} numbers, the world {world.n_observations}.",
            hint="Clone it from what is observed in this world.",
        )


def check_curriculum(learner: Ppo) -> None:
    """Refuse a curriculum of other worlds than the one that is to be learned.

    Raises:
        SettingsError: named by what differs.
    """
    if learner.curriculum is None:
        return
    wanted = learner.curriculum.at(0)
    names = ("n_observations", "actions", "horizon")
    other = [name for name in names if getattr(wanted, name) != getattr(learner.simulator, name)]
    if other:
        raise SettingsError(
            f"`simulator` must be the last level of the curriculum; `{other[0]}` is"
            f" {getattr(learner.simulator, other[0])}, that of the curriculum {getattr(wanted, other[0])}.",
            hint="Give `simulator=curriculum.simulator()`.",
        )
