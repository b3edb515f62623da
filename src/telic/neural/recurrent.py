"""Networks with a memory as compiled code holds them: a gated recurrent unit over sequences, then layers.

The unit is that of ``telic.policies.recurrent``. What enters it is one product for all looks of a sequence; only the
product with the memory waits for the look before. The memory begins anew (0) where an episode does, and gradients do
not flow across that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.policies import NetworkPolicy
from telic.policies.recurrent import RecurrentPolicy, gated

from .networks import Layer, Params, apply_columns, init_network, linear_columns, orthogonal, to_layers

__all__ = ["Recurrent", "apply_sequences", "init_recurrent", "memories", "one_look", "to_policy"]


class Recurrent(NamedTuple):
    """Weights: ``(D, 3 M)`` for what is seen, ``(M, 3 M)`` for what is remembered, and the layers after the memory."""

    entering: Layer
    recalling: Layer
    layers: Params

    @property
    def n_memory(self) -> int:
        """M."""
        return int(self.recalling.weight.shape[0])


def init_recurrent(
    key: Any, n_in: int, n_memory: int, hidden: tuple[int, ...], n_out: int, *, final_gain: float = 1.0
) -> Recurrent:
    """Weights before training, each block of the unit orthogonal.

    Args:
        key: random key; consumed.
        n_in: numbers of an observation.
        n_memory: M.
        hidden: units of the layers between memory and outputs.
        n_out: outputs.
        final_gain: of the last layer; .01 makes a policy that begins near uniform.
    """
    key_enter, key_recall, key_layers = jax.random.split(key, 3)

    def blocks(key: Any, rows: int) -> Layer:
        drawn = jax.random.normal(key, (3, rows * n_memory), jnp.float32)
        each = jax.vmap(lambda d: orthogonal(d, rows, n_memory))(drawn)
        return Layer(
            weight=jnp.concatenate([each[0], each[1], each[2]], axis=1),
            bias=jnp.zeros(3 * n_memory, jnp.float32),
        )

    return Recurrent(
        entering=blocks(key_enter, n_in),
        recalling=blocks(key_recall, n_memory),
        layers=init_network(key_layers, (n_memory, *hidden, n_out), final_gain=final_gain),
    )


def one_look(params: Recurrent, memory: Any, x: Any) -> Any:
    """``(M, N)`` memories after observations ``(D, N)``, from those before."""
    return _looked(params, memory, linear_columns(params.entering.weight, params.entering.bias, x))


def memories(params: Recurrent, x: Any, kept: Any, begins: Any) -> Any:
    """``(M, E, T)`` memories after each look of E sequences.

    Args:
        params: weights.
        x: ``(D, E, T)`` what is seen.
        kept: ``(E, M)`` memories before the first look.
        begins: ``(E, T)`` where a look is the first of an episode.
    """
    D, E, T = x.shape
    entering = linear_columns(params.entering.weight, params.entering.bias, x.reshape(D, E * T))

    def one(memory: Any, now: Any) -> tuple[Any, Any]:
        entering, is_first = now
        after = _looked(params, jnp.where(is_first, 0.0, memory), entering)
        return after, after

    _, found = jax.lax.scan(one, kept.T, (entering.reshape(-1, E, T).transpose(2, 0, 1), begins.T))
    return found.transpose(1, 2, 0)


def apply_sequences(params: Recurrent, x: Any, kept: Any, begins: Any) -> Any:
    """``(n_out, E T)`` outputs for sequences, those of one stream beside each other; arguments as of ``memories``."""
    found = memories(params, x, kept, begins)
    return apply_columns(params.layers, found.reshape(len(found), -1), "tanh")


def to_policy(
    params: Recurrent, inner: NetworkPolicy, shift: Any, scale: Any, clip: float
) -> RecurrentPolicy:
    """The policy of plain arrays.

    Args:
        params: weights of the unit.
        inner: of the memory.
        shift: of observations.
        scale: of observations.
        clip: of scaled observations.
    """
    entering, recalling = to_layers((params.entering, params.recalling))
    return RecurrentPolicy(
        entering=entering, recalling=recalling, inner=inner, shift=shift, scale=scale, clip=clip
    )


def _looked(params: Recurrent, memory: Any, entering: Any) -> Any:
    recalled = linear_columns(params.recalling.weight, params.recalling.bias, memory)
    return gated(entering, recalled, memory, jnp, axis=0)
