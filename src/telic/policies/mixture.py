"""A mixture of policies: which of them decides is drawn by shares that may depend on what is observed.

    pi(a|o) = sum_k g_k(o) pi_k(a|o)                        drawn anew at each decision
    p(a_1..a_T | o_1..o_T) = sum_k g_k(o_1) prod_t pi_k(a_t|o_t)   drawn once an episode

The two agree on one decision and on nothing else: who is drawn once keeps to one way of acting, who is drawn anew mixes
them. ``MixturePolicy`` is the first; ``for_episodes`` is the second, as options that never stop.

References:
    Jacobs, Jordan, Nowlan and Hinton (1991), Adaptive mixtures of local experts, Neural Computation 3.
    McLachlan and Peel (2000), Finite mixture models, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array
from telic.errors import DataError
from telic.reports import Provenance
from telic.typing import FloatArray, LongArray

from .heads import CategoricalHead
from .layers import Dense
from .network import NetworkPolicy
from .options import Option, OptionsPolicy
from .tabular import TabularPolicy

__all__ = ["MixturePolicy"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MixturePolicy:
    """Components of which one is drawn at each decision.

    Attributes:
        gate: a policy whose alternatives are the components.
        components: policies without memory, of one kind of observations and actions.
        provenance: how this was made.
    """

    gate: Any
    components: tuple[Any, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if len(self.components) < 2:
            raise DataError(
                f"A mixture needs at least 2 components, got {len(self.components)}.",
                hint="Take the one as it is.",
            )
        n = _n_alternatives(self.gate)
        if n is not None and n != len(self.components):
            raise DataError(
                f"The gate must have {len(self.components)} alternatives, one a component, got {n}.",
                hint="Give one share a component.",
            )

    @classmethod
    def of(cls, components: Sequence[Any], shares: Sequence[float]) -> MixturePolicy:
        """The mixture with the same shares everywhere.

        Args:
            components: tables, or policies that say their number of observations.
            shares: of each, above 0, summing to 1.

        Raises:
            DataError: shares are none, or there are not as many as components.
        """
        g = np.asarray(shares, dtype=np.float64)
        if g.shape != (len(components),) or not np.all(g > 0) or not abs(float(g.sum()) - 1.0) <= 1e-6:
            raise DataError(
                f"Shares must be {len(components)} numbers above 0 that sum to 1, got {g.tolist()}.",
                hint="Leave a component without a share out.",
            )
        if len(g) < 2:
            raise DataError("A mixture needs at least 2 components, got 1.", hint="Take the one as it is.")
        first = components[0]
        gate: TabularPolicy | NetworkPolicy
        if isinstance(first, TabularPolicy):
            gate = TabularPolicy(table=np.tile(g, (len(first.table), 1)))
        else:
            D = first.n_observations
            gate = NetworkPolicy(
                layers=(Dense(weight=np.zeros((D, len(g)), np.float32), bias=np.log(g).astype(np.float32)),),
                activation="tanh",
                head=CategoricalHead(n_actions=len(g)),
                shift=np.zeros(D, np.float32),
                scale=np.ones(D, np.float32),
            )
        return cls(gate=gate, components=tuple(components))

    def log_shares(self, observations: Num[np.ndarray, "..."]) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` logarithms of the shares there."""
        n, K = len(observations), len(self.components)
        each = [self.gate.log_prob(observations, np.full(n, k, dtype=np.int32)) for k in range(K)]
        return np.stack(each, axis=1).astype(np.float64)

    def component_log_probs(
        self, observations: Num[np.ndarray, "..."], actions: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` log-probability or density of the actions under each component."""
        each = [c.log_prob(observations, actions) for c in self.components]
        return np.stack(each, axis=1).astype(np.float64)

    def log_prob(
        self, observations: Num[np.ndarray, "..."], actions: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "n"]:
        """``(n,)`` log-probability or density of actions, whoever is drawn."""
        return _log_sum(self.log_shares(observations) + self.component_log_probs(observations, actions))

    def mode(self, observations: Num[np.ndarray, "..."]) -> Num[np.ndarray, "..."]:
        """The most probable alternative of a single choice; else the likeliest of what the components would do."""
        n, n_alternatives = len(observations), _n_alternatives(self.components[0])
        if n_alternatives is not None:
            every = [
                self.log_prob(observations, np.full(n, a, dtype=np.int32)) for a in range(n_alternatives)
            ]
            return np.asarray(np.argmax(np.stack(every, axis=1), axis=1), dtype=np.int32)
        proposed = np.stack([np.asarray(c.mode(observations)) for c in self.components])
        best = np.argmax(np.stack([self.log_prob(observations, a) for a in proposed]), axis=0)
        return np.asarray(proposed[best, np.arange(n)])

    def sample(self, observations: Num[np.ndarray, "..."], key: int) -> Num[np.ndarray, "..."]:
        """Actions drawn with a key, each by a component drawn for it."""
        K = len(self.components)
        keys = np.random.SeedSequence(key).generate_state(K + 1).tolist()
        which = np.asarray(self.gate.sample(observations, keys[K]))
        drawn = np.stack(
            [np.asarray(c.sample(observations, k)) for c, k in zip(self.components, keys[:K], strict=True)]
        )
        return np.asarray(drawn[which, np.arange(len(observations))])

    def episode_log_prob(
        self,
        observations: Num[np.ndarray, "..."],
        actions: Num[np.ndarray, "..."],
        offsets: LongArray,
    ) -> Float[np.ndarray, "N"]:
        """``(N,)`` logarithm of the likelihood of each trajectory where one component decides all of it.

        Args:
            observations: flat rows.
            actions: what was done in each.
            offsets: ``(N + 1,)`` where trajectories begin; none is empty.
        """
        return _log_sum(self._by_episode(observations, actions, offsets))

    def responsibilities(
        self,
        observations: Num[np.ndarray, "..."],
        actions: Num[np.ndarray, "..."],
        offsets: LongArray,
    ) -> Float[np.ndarray, "N K"]:
        """``(N, K)`` probability of each component to have made each trajectory; arguments of ``episode_log_prob``."""
        whole = self._by_episode(observations, actions, offsets)
        out: FloatArray = np.exp(whole - _log_sum(whole)[:, None])
        return out

    @property
    def for_episodes(self) -> OptionsPolicy:
        """The policy that draws a component where an episode begins and keeps to it; its memory is the caller's."""
        return OptionsPolicy(
            chooser=self.gate,
            options=tuple(
                Option(name=f"component {k}", policy=c, stops=0.0) for k, c in enumerate(self.components)
            ),
            provenance=self.provenance,
        )

    @cached_property
    def digest(self) -> str:
        """Digest of the gate and the components, in order."""
        words = ["mixture", self.gate.digest, *(c.digest for c in self.components)]
        return digest_array(np.array(words, dtype=object))

    def _by_episode(self, observations: np.ndarray, actions: np.ndarray, offsets: LongArray) -> FloatArray:
        off = np.asarray(offsets)
        n = len(observations)
        if len(off) < 2 or off[0] != 0 or off[-1] != n or np.any(np.diff(off) < 1):
            raise DataError(
                f"`offsets` must rise from 0 to {n} with no trajectory empty, got {off[:4].tolist()} ...",
                hint="Row `offsets[i]` begins trajectory i.",
            )
        total = np.add.reduceat(self.component_log_probs(observations, actions), off[:-1], axis=0)
        return np.asarray(self.log_shares(observations[off[:-1]]) + total)


def _log_sum(x: FloatArray) -> FloatArray:
    """Logarithm of the sum of exponentials over the last axis; -inf where all are."""
    top = x.max(axis=-1)
    safe = np.where(np.isneginf(top), 0.0, top)
    with np.errstate(divide="ignore"):
        out: FloatArray = safe + np.log(np.sum(np.exp(x - safe[..., None]), axis=-1))
    return out


def _n_alternatives(policy: Any) -> int | None:
    """Of a policy of single choices; None for others."""
    if isinstance(policy, TabularPolicy):
        return int(policy.table.shape[-1])
    head = getattr(policy, "head", None)
    if isinstance(head, CategoricalHead):
        return head.n_actions
    n = getattr(policy, "n_actions", None)
    return n if isinstance(n, int) else None
