"""What learners from recorded transitions share: drawing rows, values of actions, and descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.networks import Params, init_network, to_layers
from telic.neural.transitions import Rows
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy
from telic.policies.heads import CategoricalHead, GaussianHead, Head
from telic.policies.layers import Activation

__all__ = [
    "ACTIVATION",
    "AbstractOffline",
    "OfflineState",
    "action_values",
    "drawn",
    "init_critic",
    "learn",
    "policy_of",
    "require_amounts",
    "unit_head",
]

ACTIVATION: Activation = "relu"
"""Between layers, as in what was published of each of these methods."""


@dataclass(frozen=True, kw_only=True)
class AbstractOffline:
    """The settings that all of them have.

    Attributes:
        rows: recorded transitions (``Transitions.rows``).
        head: of the transitions: what actions are, and the bounds of amounts.
        hidden: units of the layers between; none: a table, where actions are choices and observations zeros and ones.
        batch: rows of a gradient step.
        n_inner: gradient steps of a step of the loop.
        learning_rate: of Adam.
        n_updates: gradient steps over which it falls to 0; infinite: it stays.
        discount: gamma.
        target_rate: share by which the slow copies follow. What comes later is known after about ``1 / target_rate``
            gradient steps for each decision of the way, so that less needs more steps.
    """

    rows: Rows
    head: Head = field(metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(256, 256), metadata={"static": True})
    batch: int = field(default=256, metadata={"static": True})
    n_inner: int = field(default=100, metadata={"static": True})
    learning_rate: Any = 1e-3
    n_updates: Any = math.inf
    discount: Any = 0.99
    target_rate: Any = 0.05

    def rate(self, n_done: Any) -> Any:
        """Of Adam after so many gradient steps."""
        return self.learning_rate * jnp.maximum(0.0, 1.0 - n_done / self.n_updates)


class OfflineState(NamedTuple):
    """Everything that a run goes on from.

    Attributes:
        params: weights that are learned; each learner says in which order.
        target: slow copies of some of them.
        optimiser: of Adam.
        key: random key of what follows.
        n_done: gradient steps done.
    """

    params: Any
    target: Any
    optimiser: Any
    key: Any
    n_done: Any


def drawn(rows: Rows, places: Any) -> Rows:
    """The rows at the given places."""
    return rows._replace(
        observation=rows.observation[places],
        action=rows.action[places],
        reward=rows.reward[places],
        after=rows.after[places],
        goes_on=rows.goes_on[places],
    )


def learn(
    state: OfflineState,
    rows: Rows,
    n_batches: int,
    size: int,
    update: Callable[[OfflineState, Rows, Any], tuple[OfflineState, dict[str, Any]]],
) -> tuple[OfflineState, dict[str, Any]]:
    """The state after ``n_batches`` updates on rows drawn with replacement, and the means of their metrics.

    Args:
        state: before.
        rows: all of them.
        n_batches: updates.
        size: rows of each.
        update: from the state, rows and a key to the state after and metrics.
    """
    key, key_places, key_updates = jax.random.split(state.key, 3)
    places = jax.random.randint(key_places, (n_batches, size), 0, rows.reward.shape[0])

    def one(state: OfflineState, given: Any) -> tuple[OfflineState, dict[str, Any]]:
        places, key = given
        return update(state, drawn(rows, places), key)

    state, metrics = jax.lax.scan(
        one, state._replace(key=key), (places, jax.random.split(key_updates, n_batches))
    )
    return state, {name: jnp.mean(values) for name, values in metrics.items()}


def init_critic(key: Any, rows: Rows, head: Head, hidden: tuple[int, ...]) -> Params:
    """A critic before training: of every alternative at once, or of one row of amounts."""
    D = rows.observation.shape[-1]
    if isinstance(head, CategoricalHead):
        return init_network(key, (D, *hidden, head.n_actions))
    return init_network(key, (D + head.n_dimensions, *hidden, 1))  # type: ignore[union-attr]


def action_values(critic: Params, observation: Any, action: Any, head: Head) -> Any:
    """``(n,)`` what a critic says of the actions (indices, or amounts in [-1, 1])."""
    if isinstance(head, CategoricalHead):
        # A product with zeros and ones: compiled gathers of single numbers are many times slower on a processor.
        taken = action[..., None] == jnp.arange(head.n_actions)
        return jnp.sum(apply_wide(critic, observation) * taken, axis=-1)
    return apply_wide(critic, jnp.concatenate([observation, action], axis=-1))[..., 0]


def unit_head(head: Head) -> Head:
    """The head of scaled amounts, which lie in [-1, 1]; choices stay as they are."""
    if not isinstance(head, GaussianHead):
        return head
    K = head.n_dimensions
    return GaussianHead(
        low=(-1.0,) * K, high=(1.0,) * K, n_components=head.n_components, is_squashed=head.is_squashed
    )


def policy_of(layers: Params, rows: Rows, head: Head) -> NetworkPolicy:
    """The policy of a network that takes scaled observations."""
    return NetworkPolicy(
        layers=to_layers(layers),
        activation=ACTIVATION,
        head=head,
        shift=np.asarray(rows.shift, dtype=np.float32),
        scale=np.asarray(rows.scale, dtype=np.float32),
    )


def require_amounts(head: Head, name: str) -> GaussianHead:
    """The head, where actions are amounts.

    Raises:
        SettingsError: they are choices.
    """
    if not isinstance(head, GaussianHead):
        raise SettingsError(
            f"{name} is for actions that are amounts, got {type(head).__name__}.", hint="Use `Iql` or `Cql`."
        )
    return head
