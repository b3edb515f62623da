"""An ensemble with defined arithmetic: members on grids, and probabilities from single operations in a stated order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array
from telic.reports import Provenance
from telic.typing import FloatArray

from .ensemble import EnsemblePolicy
from .equality import PolicyEquality, compare_outputs, near_ties
from .heads import CategoricalHead, GaussianHead, Head
from .rational import fixed_exp
from .served import ServedPolicy

__all__ = ["ServedEnsemble"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedEnsemble:
    """An ensemble with defined arithmetic; made by ``serve``.

    Where outputs of a member are off by at most e, its log-probabilities are by at most 2 e, so that the probabilities
    of the ensemble are off by at most ``exp(2 e) - 1`` (and 1e-14 of rounding).

    Attributes:
        members: on their grids, in order.
        provenance: how the ensemble was made.
    """

    members: tuple[ServedPolicy, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        _ = self.original  # refuses members that are no ensemble

    @cached_property
    def original(self) -> EnsemblePolicy:
        """The float original."""
        return EnsemblePolicy(members=tuple(m.policy for m in self.members), provenance=self.provenance)

    @property
    def head(self) -> Head:
        """The family of actions of every member."""
        return self.original.head

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return self.original.n_observations

    @property
    def error(self) -> float:
        """Proved bound of the error of any output of any member."""
        return max(m.error for m in self.members)

    def outputs(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(..., n_outputs)`` mean probabilities of choices, or ``(..., D)`` mean amounts; one as in a batch.

        Raises:
            DataError: an observation has another length, is not finite, or is larger than a member takes.
        """
        if isinstance(self.head, GaussianHead):
            return _mean([np.asarray(m.mode(observations)) for m in self.members])
        each = [m.outputs(observations) for m in self.members]
        return _mean([np.concatenate([_shares(z) for z in _parts(self.head, o)], axis=-1) for o in each])

    def mode(self, observations: Num[np.ndarray, "*n D"]) -> Num[np.ndarray, "..."]:
        """The most probable alternatives, the lowest index where tied, or the mean amounts."""
        out = self.outputs(observations)
        if isinstance(self.head, GaussianHead):
            return out
        best = [p.argmax(axis=-1) for p in _parts(self.head, out)]
        return np.asarray(best[0] if isinstance(self.head, CategoricalHead) else np.stack(best, axis=-1))

    def against(self, observations: Num[np.ndarray, "n D"]) -> PolicyEquality:
        """How far this is from the float original on such observations, ties reported (those of a member too)."""
        head, original = self.head, self.original
        first_modes, second = original.mode(observations), self.outputs(observations)
        if not isinstance(head, GaussianHead):
            first = original.probabilities(observations)
            return compare_outputs(head, first, second, first_modes, self.mode(observations))
        tied = np.zeros(len(observations), dtype=bool)
        for m in self.members:
            tied |= near_ties(head, m.policy.outputs(observations), 2.0 * m.error)
        one = GaussianHead(low=head.low, high=head.high)  # the mean amounts choose among no components
        kept = ~tied
        return compare_outputs(
            one,
            np.where(kept[:, None], first_modes, 0.0),
            np.where(kept[:, None], second, 0.0),
            first_modes,
            second,
            tied=tied,
        )

    @cached_property
    def digest(self) -> str:
        """Digest of the members, in order."""
        return digest_array(np.array(["served", *(m.digest for m in self.members)], dtype=object))


def _mean(each: list[FloatArray]) -> FloatArray:
    """The mean, added from the first to the last: the order of a library's sum is its own."""
    total = each[0].astype(np.float64)
    for other in each[1:]:
        total = total + other
    return total / len(each)


def _shares(z: FloatArray) -> FloatArray:
    """Probabilities from log-odds; the sum runs from the first alternative to the last."""
    p = fixed_exp(z - z.max(axis=-1, keepdims=True))
    total = np.add.accumulate(p, axis=-1)[..., -1:]
    return np.asarray(p / total)


def _parts(head: Head, values: FloatArray) -> list[FloatArray]:
    """The columns of each choice."""
    if isinstance(head, CategoricalHead):
        return [values]
    return np.split(values, np.cumsum(head.counts)[:-1].tolist(), axis=-1)  # type: ignore[union-attr]
