"""Learned dynamics as a world to plan and to learn in: episodes begin at recorded observations and are cut off soon.

The reward is that of the dynamics less ``penalty`` times the disagreement of the members, in standard deviations of the
recorded reward:

    r~(o, a) = r(o, a) - lambda sd(r) u(o, a),      u = root mean square spread of the members' means,

the uncertainty-penalised world of MOPO with the members' disagreement as its estimate of error. Their spreads are left
out of u: chance that is in the world is no reason to stay away, and Lu and others measured the spread between members
to follow the true error better.

References:
    Yu and others (2020), MOPO: model-based offline policy optimization, section 4.2 and algorithm 1.
    Lu, Ball, Parker-Holder, Osborne and Roberts (2022), Revisiting design choices in offline model-based reinforcement
    learning.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from telic.policies.heads import CategoricalHead, GaussianHead

from .dynamics import Dynamics
from .simulators.simulator import Amounts, Choices, Simulator, Step

__all__ = ["actions_of", "learned_world"]


def learned_world(
    dynamics: Dynamics,
    starts: Any,
    *,
    horizon: int,
    penalty: Any = 0.0,
    is_drawn: bool = True,
    is_scaled: bool = False,
) -> Simulator:
    """The simulator; its state is what is observed, in the units of the record.

    Args:
        dynamics: the ensemble.
        starts: ``(n, D)`` observations where episodes begin, each as likely.
        horizon: decisions after which an episode is cut off. Short ones end before errors add up.
        penalty: lambda, what a unit of disagreement costs, in standard deviations of the recorded reward.
        is_drawn: whether outcomes are drawn, from one of the members; else they are means over members.
        is_scaled: whether what is observed is scaled as the dynamics scale it.
    """

    def observe(x: Any) -> Any:
        return (x - dynamics.shift) / dynamics.scale if is_scaled else x

    def reset(key: Any) -> tuple[Any, Any]:
        x = jnp.asarray(starts, jnp.float32)[jax.random.randint(key, (), 0, len(starts))]
        return x, observe(x)

    def step(state: Any, action: Any, key: Any) -> Step:
        x, a = state[None], jnp.asarray(action)[None]
        told = dynamics.predict(x, a)
        made = dynamics.draw(told, x, a, key) if is_drawn else dynamics.expect(told, x, a)
        cost = penalty * dynamics.target_scale[-1] * dynamics.disagreement(told)
        return Step(
            state=made.after[0],
            observation=observe(made.after[0]),
            reward=(made.reward - cost)[0],
            terminated=made.is_over[0],
        )

    return Simulator(
        name="learned dynamics",
        n_observations=dynamics.n_observations,
        actions=actions_of(dynamics.head),
        horizon=horizon,
        reset=reset,
        step=step,
    )


def actions_of(head: CategoricalHead | GaussianHead) -> Choices | Amounts:
    """What can be done, as simulators say it."""
    if isinstance(head, CategoricalHead):
        return Choices(n_actions=head.n_actions)
    return Amounts(low=head.low, high=head.high)
