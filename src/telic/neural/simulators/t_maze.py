"""A corridor with a sign at its beginning and a turn at its end: what was seen once decides what is right much later.

Bakker (2001): the sign says which way to turn, and is seen in the first place alone. Going on costs nothing; turning in
the corridor, or going on at its end, moves nothing and costs .1; the right turn gives 4 and the wrong one costs .1, and
both end the episode. Three numbers are observed: the sign (-1 or 1; 0 beyond the first place), whether this is the
corridor, whether this is its end.

The best return is 4. The end looks alike after both signs, so whoever does not remember turns right half of the time
at best: (4 - .1) / 2 = 1.95.

References:
    Bakker (2001), Reinforcement learning with long short-term memory, Advances in Neural Information Processing
    Systems 14, section 4.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from telic.errors import SettingsError

from .simulator import Choices, Simulator, Step

__all__ = ["BEST_RETURN", "FORGETFUL_RETURN", "t_maze"]

GOAL, MISTAKE = 4.0, -0.1

BEST_RETURN, FORGETFUL_RETURN = GOAL, (GOAL + MISTAKE) / 2.0
"""Of whoever remembers the sign, and at most of whoever does not."""

ON, LEFT, RIGHT = 0, 1, 2


def t_maze(length: int) -> Simulator:
    """The simulator; its state is ``(2,)``: place in the corridor, and the sign.

    Args:
        length: decisions to go on from the sign to the turn; an episode is cut off after 4 times as many and 4.

    Raises:
        SettingsError: it is below 1.
    """
    if length < 1:
        raise SettingsError(f"`length` must be at least 1, got {length}.", hint="10 is a beginning.")

    def seen(place: Any, sign: Any) -> Any:
        is_end = place == length
        return jnp.stack([jnp.where(place == 0, sign, 0), ~is_end, is_end]).astype(jnp.float32)

    def reset(key: Any) -> tuple[Any, Any]:
        sign = jnp.where(jax.random.bernoulli(key), 1, -1)
        state = jnp.stack([jnp.zeros_like(sign), sign])
        return state, seen(state[0], sign)

    def step(state: Any, action: Any, key: Any) -> Step:
        del key
        place, sign = state[0], state[1]
        goes, is_end = action == ON, place == length
        is_right = is_end & (action == jnp.where(sign > 0, RIGHT, LEFT))
        reward = jnp.where(is_right, GOAL, jnp.where(goes & ~is_end, 0.0, MISTAKE))
        after = jnp.where(goes & ~is_end, place + 1, place)
        return Step(
            state=jnp.stack([after, sign]),
            observation=seen(after, sign),
            reward=reward.astype(jnp.float32),
            terminated=is_end & ~goes,
        )

    return Simulator(
        name=f"T-maze {length}",
        n_observations=3,
        actions=Choices(n_actions=3),
        horizon=4 * length + 4,
        reset=reset,
        step=step,
    )
