"""A policy as a decision tree: questions about single numbers, and at the end what is done how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.reports import Provenance
from telic.typing import FloatArray, IntArray, LongArray

__all__ = ["TreePolicy"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TreePolicy:
    """A distribution of alternatives given an observation.

    Nodes are numbered so that children come after their parent; node 0 is asked first. An observation goes to the first
    child where ``observation[feature] <= threshold``, else to the second.

    Attributes:
        n_observations: numbers of an observation.
        feature: ``(N,)`` which number a node asks about, -1 for a leaf.
        threshold: ``(N,)`` in the unit of that number; 0 for a leaf.
        children: ``(N, 2)`` nodes; 0 for a leaf.
        probabilities: ``(N, A)`` of each alternative, at every node; rows sum to 1.
        counts: ``(N,)`` states that came to each node when the tree was made.
        provenance: how this was made.
    """

    n_observations: int
    feature: Int[np.ndarray, "N"]
    threshold: Float[np.ndarray, "N"]
    children: Int[np.ndarray, "N 2"]
    probabilities: Float[np.ndarray, "N A"]
    counts: Int[np.ndarray, "N"]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        N = len(self.feature)
        shapes = (self.threshold.shape, self.children.shape, self.counts.shape, self.probabilities.shape[:1])
        if not N or shapes != ((N,), (N, 2), (N,), (N,)) or self.probabilities.ndim != 2:
            raise DataError(
                f"Every node needs all its parts, got {N} nodes and shapes {shapes}.",
                hint="See `TreePolicy`.",
            )
        inner = self.feature >= 0
        below = self.children[inner]
        is_tree = np.array_equal(np.sort(below.ravel()), np.arange(1, N))
        if (
            not is_tree
            or np.any(below <= np.flatnonzero(inner)[:, None])
            or np.any(self.feature >= self.n_observations)
        ):
            raise DataError(
                "Every node but the first must be the child of one node before it, and ask about a number that exists.",
                hint="Number parents before their children.",
            )
        sums = self.probabilities.sum(axis=1)
        if not (np.all(self.probabilities >= 0) and np.all(np.abs(sums - 1) <= 1e-6)):
            raise DataError("Probabilities of a node must sum to 1.", hint="Normalise the rows.")
        if not np.all(np.isfinite(self.threshold)):
            raise DataError("Thresholds must be finite.", hint="A question that never divides is none.")

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.probabilities.shape[1])

    @property
    def n_leaves(self) -> int:
        """Nodes that ask nothing."""
        return int(np.sum(self.feature < 0))

    @cached_property
    def depth(self) -> int:
        """Questions on the longest way."""
        deep = np.zeros(len(self.feature), dtype=np.int64)
        for node in np.flatnonzero(self.feature >= 0):
            deep[self.children[node]] = deep[node] + 1
        return int(deep.max())

    def leaf(self, observations: Num[np.ndarray, "*n D"]) -> LongArray:
        """``(...,)`` the leaf that each observation comes to.

        Raises:
            DataError: an observation has another length, or is not finite.
        """
        x = np.asarray(observations, dtype=np.float64)
        if x.shape[-1:] != (self.n_observations,) or not np.all(np.isfinite(x)):
            raise DataError(
                f"An observation must be {self.n_observations} finite numbers, got shape {x.shape}.",
                hint="A policy must not act on what was not measured.",
            )
        rows = x.reshape(-1, self.n_observations)
        at = np.zeros(len(rows), dtype=np.int64)
        for _ in range(self.depth):
            asked = np.flatnonzero(self.feature[at] >= 0)
            node = at[asked]
            goes_second = rows[asked, self.feature[node]] > self.threshold[node]
            at[asked] = self.children[node, goes_second.astype(np.int64)]
        return at.reshape(x.shape[:-1])

    def log_prob(
        self, observations: Num[np.ndarray, "*n D"], actions: Int[np.ndarray, "*n"]
    ) -> Float[np.ndarray, "..."]:
        """``(...,)`` log-probability of the actions; -inf where never done."""
        with np.errstate(divide="ignore"):
            out: FloatArray = np.log(self.probabilities[self.leaf(observations), actions])
        return out

    def mode(self, observations: Num[np.ndarray, "*n D"]) -> IntArray:
        """``(...,)`` the most probable alternative, the lowest index where tied."""
        best = self.probabilities.argmax(axis=1).astype(np.int32)
        return np.asarray(best[self.leaf(observations)])

    def sample(self, observations: Num[np.ndarray, "*n D"], key: int) -> IntArray:
        """``(...,)`` alternatives drawn with the given key."""
        p = self.probabilities[self.leaf(observations)].cumsum(axis=-1)
        u = np.random.default_rng(key).random((*p.shape[:-1], 1)) * p[..., -1:]
        return np.asarray(np.minimum((u >= p).sum(axis=-1), self.n_actions - 1), dtype=np.int32)

    def rules(
        self, observation_names: Sequence[str] | None = None, action_names: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """One sentence a leaf, the leaf of most states first; of several questions about one number the tightest.

        Args:
            observation_names: of the numbers; default ``x0``, ``x1``, ...
            action_names: of the alternatives; default their indices.
        """
        x = observation_names or [f"x{d}" for d in range(self.n_observations)]
        a = action_names or [str(k) for k in range(self.n_actions)]
        bounds: dict[int, dict[int, tuple[float, float]]] = {0: {}}
        for node in range(len(self.feature)):
            d = int(self.feature[node])
            if d < 0:
                continue
            low, high = bounds[node].get(d, (-np.inf, np.inf))
            cut = float(self.threshold[node])
            first, second = (int(child) for child in self.children[node])
            bounds[first] = {**bounds[node], d: (low, min(high, cut))}
            bounds[second] = {**bounds[node], d: (max(low, cut), high)}
        leaves = np.flatnonzero(self.feature < 0)
        told = []
        for node in sorted(leaves.tolist(), key=lambda n: -int(self.counts[n])):
            asked = " and ".join(_condition(x[d], *bounds[node][d]) for d in sorted(bounds[node])) or "always"
            best = int(self.probabilities[node].argmax())
            told.append(
                f"{asked}: {a[best]} ({self.probabilities[node, best]:.1%} of {int(self.counts[node]):,} states)"
            )
        return tuple(told)

    @cached_property
    def digest(self) -> str:
        """Digest of the tree."""
        parts = {"feature": self.feature, "threshold": self.threshold, "children": self.children}
        parts |= {"probabilities": self.probabilities, "counts": self.counts}
        columns = {name: digest_array(values) for name, values in parts.items()}
        return digest_columns({**columns, "width": digest_array(np.array([self.n_observations]))})


def _condition(name: str, low: float, high: float) -> str:
    if np.isinf(low):
        return f"{name} <= {high:.6g}"
    return f"{name} > {low:.6g}" if np.isinf(high) else f"{low:.6g} < {name} <= {high:.6g}"
