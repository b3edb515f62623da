"""A smaller network that acts like a larger one.

    minimise over w   mean_i KL(policy(. | o_i) || student_w(. | o_i))

for alternatives, by Adam on batches drawn evenly, the learning rate falling to 0; for amounts the mean squared
difference of the parameters (means and logarithms of standard deviations). The student scales observations as the
policy does.

Reference: Rusu, Colmenarejo, Gulcehre, Desjardins, Kirkpatrick, Pascanu, Mnih, Kavukcuoglu and Hadsell (2016), Policy
distillation, equation 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Num

from telic.errors import SettingsError
from telic.neural.driver import train
from telic.neural.networks import Params, apply, init_network, to_layers
from telic.policies import CategoricalHead, GaussianHead, MultiCategoricalHead, NetworkPolicy
from telic.policies.heads import Head
from telic.reports import Provenance

from .policy_fidelity import PolicyFidelity, policy_fidelity

__all__ = ["DistilledNetwork", "NetworkDistillation", "distil_network"]

STEPS_AT_ONCE = 100
"""Gradient steps in one compiled piece of work."""


@dataclass(frozen=True, kw_only=True)
class DistilledNetwork:
    """The student, how like the policy it acts on held-out states, and how much smaller it is.

    Attributes:
        policy: the student.
        fidelity: on held-out states.
        size: of its weights, as a part of the policy's.
    """

    policy: NetworkPolicy
    fidelity: PolicyFidelity
    size: float


class DistillationState(NamedTuple):
    """Everything that a run goes on from."""

    params: Params
    optimiser: Any
    key: Any
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class NetworkDistillation:
    """The learner.

    Attributes:
        observations: ``(n, D)`` as the first layer takes them.
        outputs: ``(n, n_outputs)`` of the policy there.
        head: what they mean.
        hidden: units of the student's layers between.
        activation: between them.
        batch: states a gradient.
        n_steps: gradients over which the learning rate falls to 0.
        learning_rate: of Adam.
    """

    observations: Any
    outputs: Any
    head: Head = field(metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(16,), metadata={"static": True})
    activation: str = field(default="tanh", metadata={"static": True})
    batch: int = field(default=256, metadata={"static": True})
    n_steps: Any = 3_000.0
    learning_rate: Any = 1e-2

    def init(self, key: Any) -> DistillationState:
        """The state before the first gradient."""
        key_weights, key = jax.random.split(key)
        params = init_network(
            key_weights, (self.observations.shape[-1], *self.hidden, self.outputs.shape[-1])
        )
        return DistillationState(params, optax.scale_by_adam().init(params), key, jnp.zeros((), jnp.float32))

    def step(self, state: DistillationState) -> tuple[DistillationState, dict[str, Any]]:
        """``STEPS_AT_ONCE`` gradients."""
        key, key_batches = jax.random.split(state.key)
        n = self.observations.shape[0]

        def one(carry: Any, key: Any) -> tuple[Any, Any]:
            params, optimiser, done = carry
            rows = jax.random.randint(key, (self.batch,), 0, n)
            loss, gradient = jax.value_and_grad(self._loss)(
                params, self.observations[rows], self.outputs[rows]
            )
            change, optimiser = optax.scale_by_adam().update(gradient, optimiser)
            rate = self.learning_rate * jnp.maximum(0.0, 1.0 - done / self.n_steps)
            params = jax.tree.map(lambda p, c: p - rate * c, params, change)
            return (params, optimiser, done + 1.0), loss

        carry = (state.params, state.optimiser, state.n_done)
        (params, optimiser, done), losses = jax.lax.scan(
            one, carry, jax.random.split(key_batches, STEPS_AT_ONCE)
        )
        return DistillationState(params, optimiser, key, done), {"loss": jnp.mean(losses)}

    def _loss(self, params: Params, observations: Any, outputs: Any) -> Any:
        found = apply(params, observations, self.activation)
        if isinstance(self.head, GaussianHead):
            return jnp.mean((found - outputs) ** 2)
        heads = (
            [(self.head, outputs, found)]
            if isinstance(self.head, CategoricalHead)
            else _parts(self.head, outputs, found)
        )
        total = jnp.zeros(())
        for head, first, second in heads:
            logp, logq = head.log_probs(first, jnp), head.log_probs(second, jnp)
            total = total + jnp.mean(jnp.sum(jnp.exp(logp) * (logp - logq), axis=-1))
        return total


def distil_network(
    policy: NetworkPolicy,
    observations: Num[np.ndarray, "n D"],
    held_out: Num[np.ndarray, "m D"],
    *,
    hidden: tuple[int, ...] = (16,),
    n_steps: int = 3_000,
    batch: int = 256,
    learning_rate: float = 1e-2,
    key: int = 0,
) -> DistilledNetwork:
    """A smaller network that acts like the policy.

    Args:
        policy: the original.
        observations: states to learn from: ones that the student will meet.
        held_out: other states, to measure on.
        hidden: units of the student's layers between.
        n_steps: gradient steps, rounded up to hundreds.
        batch: states a gradient.
        learning_rate: of Adam, at the start.
        key: random key.

    Raises:
        SettingsError: there is nothing to do.
        NumericalError: training came to no answer.
    """
    if not len(observations) or n_steps < 1 or batch < 1:
        raise SettingsError(
            f"States, steps and a batch are needed, got {len(observations)}, {n_steps} and {batch}.",
            hint="Some thousand states and steps are a start.",
        )
    x = np.asarray(observations, dtype=np.float32)
    outputs = policy.outputs(x)
    scaled = np.clip((x - policy.shift) / policy.scale, -policy.clip, policy.clip).astype(np.float32)
    learner = NetworkDistillation(
        observations=jnp.asarray(scaled),
        outputs=jnp.asarray(outputs),
        head=policy.head,
        hidden=hidden,
        activation=policy.activation,
        batch=batch,
        n_steps=float(n_steps),
        learning_rate=learning_rate,
    )
    found = train(learner, key, -(-n_steps // STEPS_AT_ONCE))
    student = NetworkPolicy(
        layers=to_layers(found.answer().params),
        activation=policy.activation,
        head=policy.head,
        shift=policy.shift,
        scale=policy.scale,
        clip=policy.clip,
        provenance=Provenance(
            inputs={"policy": policy.digest},
            settings={
                "hidden": list(hidden),
                "n_steps": n_steps,
                "batch": batch,
                "learning_rate": learning_rate,
            },
            key=key,
        ),
    )
    return DistilledNetwork(
        policy=student,
        fidelity=policy_fidelity(policy, student, held_out),
        size=_n_weights(student) / _n_weights(policy),
    )


def _parts(head: MultiCategoricalHead, first: Any, second: Any) -> list[tuple[CategoricalHead, Any, Any]]:
    ends = np.cumsum(head.counts).tolist()
    return [
        (CategoricalHead(n_actions=n), first[..., end - n : end], second[..., end - n : end])
        for n, end in zip(head.counts, ends, strict=True)
    ]


def _n_weights(policy: NetworkPolicy) -> int:
    return sum(layer.weight.size + layer.bias.size for layer in policy.layers)
